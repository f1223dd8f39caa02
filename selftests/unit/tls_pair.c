// SPDX-License-Identifier: Apache-2.0
#include "selftests/unit/tls_pair.h"

#include "selftests/harness/harness.h"
#include "selftests/unit/material.h"

#include "base/fd.h"

#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

static struct tls_ctx *server_ctx(const struct tls_pair_options *options)
{
	struct tls_pki_entity _cleanup_pki_entity_ *server =
		material_issue(TLS_PKI_SERVER, TLS_PKI_ECDSA_P256, "server", -1, 1, NULL);
	char _cleanup_free_ *chain = tls_pki_cert_pem(server);
	char _cleanup_free_ *key = tls_pki_key_pem(server);
	struct tls_pem_pair pem = {chain, strlen(chain), key, strlen(key)};
	struct tls_ctx_params params = {
		.pairs = &pem,
		.n_pairs = 1,
		.client_auth = options->cert ? TLS_CLIENT_AUTH_REQUIRE : TLS_CLIENT_AUTH_OFF,
		.client_ca = options->client_ca,
		.client_ca_len = options->client_ca ? strlen(options->client_ca) : 0,
		.tickets = options->tickets,
		.alpn = options->alpn,
		.n_alpn = options->n_alpn,
	};
	struct tls_ctx *ctx = NULL;

	MUST_EQ(tls_ctx_new(&params, &ctx), 0);
	return ctx;
}

static void note_alert(const SSL *ssl, int where, int value)
{
	struct tls_pair *pair = SSL_get_app_data(ssl);

	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
		pair->alert = value & 0xff;
}

static SSL *client_ssl(struct tls_pair *pair, const struct tls_pair_options *options)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	MUST(ctx && SSL_CTX_set_min_proto_version(ctx, options->version) == 1 &&
	     SSL_CTX_set_max_proto_version(ctx, options->version) == 1);
	if (options->suite)
		MUST_EQ(options->version == TLS1_3_VERSION
				? SSL_CTX_set_ciphersuites(ctx, options->suite)
				: SSL_CTX_set_cipher_list(ctx, options->suite),
			1);
	if (options->cert)
		MUST(SSL_CTX_use_certificate(ctx, options->cert) == 1 &&
		     SSL_CTX_use_PrivateKey(ctx, options->key) == 1);
	if (options->offer)
		MUST_EQ(SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)options->offer,
						(unsigned int)strlen(options->offer)),
			0);
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	MUST(ssl && SSL_set_fd(ssl, pair->client_fd) == 1);
	SSL_set_app_data(ssl, pair);
	SSL_set_info_callback(ssl, note_alert);
	SSL_set_options(ssl, options->client_options);
	if (options->sni)
		MUST_EQ(SSL_set_tlsext_host_name(ssl, options->sni), 1);
	if (options->session)
		MUST_EQ(SSL_set_session(ssl, options->session), 1);
	SSL_set_connect_state(ssl);
	return ssl;
}

enum tls_step tls_pair_try(struct tls_pair *pair, const struct tls_pair_options *options)
{
	enum tls_step step = TLS_STEP_WANT_READ;
	int fds[2], done = 0;

	MUST_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
	*pair = (struct tls_pair){.server_fd = fds[0], .client_fd = fds[1], .alert = -1};
	pair->borrowed_ctx = options->ctx != NULL;
	pair->ctx = options->ctx ? options->ctx : server_ctx(options);
	pair->client = client_ssl(pair, options);
	MUST_EQ(tls_conn_new(pair->ctx, pair->server_fd, &pair->conn), 0);
	for (int turn = 0; turn < 20 && !(done == 1 && step == TLS_STEP_DONE); turn++) {
		ERR_clear_error();
		if (done != 1)
			done = SSL_do_handshake(pair->client);
		ERR_clear_error();
		if (step == TLS_STEP_WANT_READ || step == TLS_STEP_WANT_WRITE)
			step = tls_conn_handshake(pair->conn);
	}
	return done != 1 && step == TLS_STEP_DONE ? TLS_STEP_FAILED : step;
}

void tls_pair_open(struct tls_pair *pair, const struct tls_pair_options *options)
{
	enum tls_step step = tls_pair_try(pair, options);

	MUST(step == TLS_STEP_DONE, "server %d: %s", step,
	     tls_conn_failure(pair->conn)->reason ? tls_conn_failure(pair->conn)->reason : "-");
}

size_t tls_pair_wire(int fd, uint8_t *bytes, size_t max)
{
	ssize_t n = recv(fd, bytes, max, MSG_DONTWAIT);

	return n > 0 ? (size_t)n : 0;
}

void tls_pair_close(struct tls_pair *pair)
{
	tls_conn_free(pair->conn);
	if (!pair->borrowed_ctx)
		tls_ctx_free(pair->ctx);
	SSL_free(pair->client);
	MUST_OK(close(pair->server_fd));
	MUST_OK(close(pair->client_fd));
}
