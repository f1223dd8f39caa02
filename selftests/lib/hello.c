// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/hello.h"

#include "selftests/harness/harness.h"

#include <string.h>

#define RECORD_HEADER	  5
#define EXTENSION_PADDING 21
#define FIXED_BYTES	  52 /* up to the first extension */

static void put_u16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void hello_take(struct hello *hello, SSL *ssl)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	int len;

	MUST(in && out);
	SSL_set_bio(ssl, in, out);
	SSL_set_connect_state(ssl);
	MUST_EQ(SSL_get_error(ssl, SSL_do_handshake(ssl)), SSL_ERROR_WANT_READ);
	len = BIO_read(out, hello->bytes, sizeof(hello->bytes));
	MUST(len > RECORD_HEADER);
	hello->len = (size_t)len;
}

void hello_make(struct hello *hello, int version, const char *sni)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = ctx ? SSL_new(ctx) : NULL;

	MUST(ssl && SSL_set_min_proto_version(ssl, version) == 1 &&
	     SSL_set_max_proto_version(ssl, version) == 1);
	if (sni)
		MUST_EQ(SSL_set_tlsext_host_name(ssl, sni), 1);
	hello_take(hello, ssl);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

void hello_forge(struct hello *hello, const void *extensions, size_t len)
{
	uint8_t *at = hello->bytes;

	MUST_LE(FIXED_BYTES + len, sizeof(hello->bytes));
	memset(at, 0, FIXED_BYTES);
	at[0] = 22; /* a handshake record, TLS 1.0 */
	at[1] = 3, at[2] = 1;
	put_u16(at + 3, FIXED_BYTES - RECORD_HEADER + len);
	at[5] = 1;
	put_u16(at + 7, FIXED_BYTES - 9 + len);
	at[9] = 3, at[10] = 3;
	put_u16(at + 44, 2);
	put_u16(at + 46, 0x1301);
	at[48] = 1;
	put_u16(at + 50, len);
	memcpy(at + FIXED_BYTES, extensions, len);
	hello->len = FIXED_BYTES + len;
}

void hello_forge_long(struct hello *hello, size_t bytes)
{
	static uint8_t padding[HELLO_WIRE_MAX] = {0, EXTENSION_PADDING};
	size_t len = bytes - (FIXED_BYTES - RECORD_HEADER);

	MUST_LE(len, sizeof(padding));
	put_u16(padding + 2, len - 4);
	hello_forge(hello, padding, len);
}

void hello_fragment(struct hello *hello, size_t first, size_t each)
{
	static uint8_t message[HELLO_WIRE_MAX];
	size_t left = hello->len - RECORD_HEADER;
	const uint8_t *from = message;

	memcpy(message, hello->bytes + RECORD_HEADER, left);
	hello->len = 0;
	for (size_t want = first; left > 0; want = each) {
		size_t part = want < left ? want : left;
		uint8_t *to = hello->bytes + hello->len;

		MUST_LE(hello->len + RECORD_HEADER + part, sizeof(hello->bytes));
		to[0] = 22;
		to[1] = 3, to[2] = 1;
		put_u16(to + 3, part);
		memcpy(to + RECORD_HEADER, from, part);
		hello->len += RECORD_HEADER + part;
		from += part;
		left -= part;
	}
}
