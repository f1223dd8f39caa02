// SPDX-License-Identifier: Apache-2.0
/*
 * Input: what a client sends first. Where OpenSSL reads the same bytes as a ClientHello, it must find
 * the same name in it: else a connection could be routed by one name and served by another.
 */
#include "selftests/fuzz/fuzz.h"

#include "model/clienthello.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

static SSL_CTX *ctx;

/** What the parser says. */
struct ours {
	enum clienthello_result result;
	struct clienthello hello;
};

/* Called with every message that OpenSSL takes for a ClientHello. */
static int compare(SSL *ssl, int *alert, void *arg)
{
	const struct ours *ours = SSL_get_app_data(ssl);
	size_t name_len = strlen(ours->hello.sni), len = 0;
	const unsigned char *extension = NULL;

	(void)alert, (void)arg;
	MUST_HOLD(ours->result != CLIENTHELLO_MORE);
	if (ours->result == CLIENTHELLO_BAD)
		return SSL_CLIENT_HELLO_ERROR; /* we are the stricter one */
	MUST_HOLD(SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &len) ==
		  (name_len > 0));
	if (name_len > 0) {
		/* Two lengths and a type come first, and a final dot is not told. */
		MUST_HOLD(len == 5 + name_len ||
			  (len == 6 + name_len && extension[len - 1] == '.'));
		MUST_HOLD(memcmp(extension + 5, ours->hello.sni, name_len) == 0);
	}
	return SSL_CLIENT_HELLO_ERROR; /* that was all that is wanted of it */
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	ctx = SSL_CTX_new(TLS_server_method());
	MUST_HOLD(ctx);
	SSL_CTX_set_client_hello_cb(ctx, compare, NULL);
	return 0;
}

static void show_to_openssl(struct ours *ours, const uint8_t *data, size_t size)
{
	BIO *in = BIO_new_mem_buf(data, (int)size), *out = BIO_new(BIO_s_null());
	SSL *ssl = SSL_new(ctx);

	MUST_HOLD(in && out && ssl);
	BIO_set_mem_eof_return(in, -1);
	SSL_set_bio(ssl, in, out);
	SSL_set_app_data(ssl, ours);
	(void)SSL_accept(ssl);
	ERR_clear_error();
	SSL_free(ssl);
}

static void check_hello(const struct ours *ours)
{
	for (const char *c = ours->hello.sni; ours->result == CLIENTHELLO_DONE && *c; c++)
		MUST_HOLD(*c > ' ' && *c <= '~');
	MUST_HOLD((ours->result == CLIENTHELLO_BAD) == (ours->hello.problem != NULL));
}

/* What was said of the first bytes stays true when more come. */
static void check_beginning(const struct ours *whole, const uint8_t *data, size_t size)
{
	struct ours part;

	part.result = clienthello_parse(data, size, &part.hello);
	check_hello(&part);
	if (part.result == CLIENTHELLO_MORE)
		return;
	MUST_HOLD(part.result == whole->result);
	MUST_HOLD(part.hello.problem == whole->hello.problem);
	MUST_HOLD(part.result == CLIENTHELLO_BAD || strcmp(part.hello.sni, whole->hello.sni) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ours ours;

	ours.result = clienthello_parse(data, size, &ours.hello);
	check_hello(&ours);
	MUST_HOLD(ours.result != CLIENTHELLO_MORE || size < CLIENTHELLO_WIRE_MAX);
	for (size_t len = 0; len < size; len += 1 + size / 64)
		check_beginning(&ours, data, len);
	show_to_openssl(&ours, data, size);
	return 0;
}
