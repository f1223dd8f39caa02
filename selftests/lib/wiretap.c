// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/wiretap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define HEADER_BYTES 5
/* Not the whole stream: with every word of it chance would find one. */
#define PLAIN_BYTES ((uint64_t)1 << 20)
#define BODY_MAX    (16384 + 2048) /* TLS 1.2; less in TLS 1.3 */

enum { TYPE_FIRST = 20, TYPE_LAST = 23, MAJOR_VERSION = 3 };

void wiretap_init(struct wiretap *tap, const struct payload plain[WIRETAP_STREAMS])
{
	*tap = (struct wiretap){};
	memcpy(tap->plain, plain, sizeof(tap->plain));
}

static bool is_header(const uint8_t *header, size_t body_len)
{
	return header[0] >= TYPE_FIRST && header[0] <= TYPE_LAST && header[1] == MAJOR_VERSION &&
	       body_len <= BODY_MAX;
}

static void take_framing(struct wiretap *tap, uint8_t byte)
{
	if (tap->left > 0) {
		tap->left--;
		return;
	}
	tap->header[tap->header_len++] = byte;
	if (tap->header_len < HEADER_BYTES)
		return;
	tap->header_len = 0;
	tap->left = (size_t)tap->header[3] << 8 | tap->header[4];
	if (!is_header(tap->header, tap->left))
		(void)snprintf(tap->fault, sizeof(tap->fault),
			       "no record before byte %" PRIu64 ": %02x %02x %02x %02x %02x",
			       tap->bytes, tap->header[0], tap->header[1], tap->header[2],
			       tap->header[3], tap->header[4]);
}

static void take_word(struct wiretap *tap)
{
	for (size_t i = 0; i < WIRETAP_STREAMS; i++) {
		if (payload_has_word(&tap->plain[i], tap->last, PLAIN_BYTES))
			(void)snprintf(tap->fault, sizeof(tap->fault),
				       "plaintext before byte %" PRIu64, tap->bytes);
	}
}

void wiretap_take(struct wiretap *tap, const void *bytes, size_t len)
{
	const uint8_t *in = bytes;

	for (size_t i = 0; i < len && tap->fault[0] == '\0'; i++) {
		tap->bytes++;
		tap->last = tap->last >> 8 | (uint64_t)in[i] << 56;
		take_framing(tap, in[i]);
		if (tap->fault[0] == '\0' && tap->bytes >= sizeof(tap->last))
			take_word(tap);
	}
}

static long on_bio(BIO *bio, int operation, const char *buf, size_t len, int argi, long argl, int r,
		   size_t *processed)
{
	(void)len, (void)argi, (void)argl;
	if (operation == (BIO_CB_READ | BIO_CB_RETURN) && r > 0)
		wiretap_take((struct wiretap *)(void *)BIO_get_callback_arg(bio), buf, *processed);
	return r;
}

void wiretap_attach(struct wiretap *tap, BIO *bio)
{
	BIO_set_callback_ex(bio, on_bio);
	BIO_set_callback_arg(bio, (char *)tap);
}

void wiretap_drain(struct wiretap *tap, int fd)
{
	char buf[4096];
	ssize_t got;

	while ((got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		wiretap_take(tap, buf, (size_t)got);
}
