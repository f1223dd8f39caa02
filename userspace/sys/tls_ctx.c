// SPDX-License-Identifier: Apache-2.0
#include "sys/tls_internal.h"
#include "sys/tls_verify_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/*
 * TLS 1.2: forward secrecy and an AEAD that the kernel knows, nothing else. TLS 1.3 suites are the
 * library's three, all of which the kernel knows.
 */
#define TLS12_CIPHERS                                                                              \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                               \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                               \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define TLS13_CIPHERS "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

static int identity_load(const struct tls_pem_pair *pair, struct tls_identity *identity)
{
	BIO *chain_bio = tls_pem_bio(pair->chain, pair->chain_len);
	BIO *key_bio = tls_pem_bio(pair->key, pair->key_len);
	X509 *extra;
	int more = 0, r = -EINVAL;

	identity->chain = sk_X509_new_null();
	if (chain_bio && key_bio && identity->chain) {
		identity->leaf = PEM_read_bio_X509(chain_bio, NULL, tls_no_password, NULL);
		identity->key = PEM_read_bio_PrivateKey(key_bio, NULL, tls_no_password, NULL);
		r = identity->leaf && identity->key ? 0 : -EINVAL;
	}
	while (r == 0 && (more = tls_pem_next(chain_bio, &extra)) > 0) {
		if (!sk_X509_push(identity->chain, extra)) {
			X509_free(extra);
			r = -ENOMEM;
		}
	}
	if (more < 0)
		r = more;
	BIO_free(chain_bio);
	BIO_free(key_bio);
	return r;
}

static void identity_done(struct tls_identity *identity)
{
	X509_free(identity->leaf);
	EVP_PKEY_free(identity->key);
	sk_X509_pop_free(identity->chain, X509_free);
}

static int identity_use(SSL *ssl, const struct tls_identity *identity)
{
	return SSL_use_cert_and_key(ssl, identity->leaf, identity->key, identity->chain, 1);
}

/*
 * Offer the certificates that name the wanted server, or all when none does. OpenSSL keeps one
 * per key type and picks by what the client can verify; going backwards makes the first of each
 * type in the configuration win.
 */
static int choose_certificate(SSL *ssl, void *arg)
{
	const struct tls_ctx *ctx = arg;
	const char *sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	bool named = false;

	SSL_certs_clear(ssl);
	for (size_t i = ctx->n_identities; i-- > 0;) {
		const struct tls_identity *identity = &ctx->identities[i];

		if (!sni || X509_check_host(identity->leaf, sni, 0, 0, NULL) != 1)
			continue;
		named = true;
		if (identity_use(ssl, identity) != 1)
			return 0;
	}
	for (size_t i = ctx->n_identities; !named && i-- > 0;) {
		if (identity_use(ssl, &ctx->identities[i]) != 1)
			return 0;
	}
	return 1;
}

static int load_certificates(struct tls_ctx *ctx, const struct tls_pem_pair *pairs, size_t n_pairs)
{
	ctx->identities = calloc(n_pairs, sizeof(*ctx->identities));
	if (!ctx->identities)
		return -ENOMEM;
	for (size_t i = 0; i < n_pairs; i++) {
		int r;

		ctx->n_identities = i + 1;
		r = identity_load(&pairs[i], &ctx->identities[i]);
		if (r < 0)
			return r;
	}
	if (n_pairs == 1) {
		const struct tls_identity *only = &ctx->identities[0];

		if (SSL_CTX_use_cert_and_key(ctx->ssl_ctx, only->leaf, only->key, only->chain, 1) !=
		    1)
			return -EINVAL;
	} else {
		SSL_CTX_set_cert_cb(ctx->ssl_ctx, choose_certificate, ctx);
	}
	return 0;
}

static bool is_announced(const SSL_CTX *ssl_ctx, const X509 *ca)
{
	const STACK_OF(X509_NAME) *names = SSL_CTX_get_client_CA_list(ssl_ctx);

	for (int i = 0; i < sk_X509_NAME_num(names); i++) {
		if (X509_NAME_cmp(sk_X509_NAME_value(names, i), X509_get_subject_name(ca)) == 0)
			return true;
	}
	return false;
}

/* The client is shown the CAs' names to choose its certificate by. */
static int announce_cas(SSL_CTX *ssl_ctx, const struct tls_bytes *pem)
{
	BIO *bio = tls_pem_bio(pem->data, pem->len);
	X509 *ca;
	int more = 0, r = bio ? 0 : -ENOMEM;

	while (r == 0 && (more = tls_pem_next(bio, &ca)) > 0) {
		if (!is_announced(ssl_ctx, ca) && SSL_CTX_add_client_CA(ssl_ctx, ca) != 1)
			r = -ENOMEM;
		X509_free(ca);
	}
	BIO_free(bio);
	return more < 0 ? more : r;
}

static int announce(SSL_CTX *ssl_ctx, const struct tls_bytes *ca,
		    const struct tls_verify_params *verify)
{
	int r = 0;

	if (verify && verify->ca_names)
		return verify->ca_names->len > 0 ? announce_cas(ssl_ctx, verify->ca_names) : 0;
	if (ca->data)
		r = announce_cas(ssl_ctx, ca);
	for (size_t i = 0; r == 0 && verify && i < verify->n_domains; i++)
		r = announce_cas(ssl_ctx, &verify->domains[i].ca);
	return r;
}

/* The SSL_CTX's own store stays empty: nothing but the verifier's CAs is ever believed. */
static int demand_certificate(struct tls_ctx *ctx, int mode,
			      const struct tls_verifier_params *params)
{
	int r = tls_verifier_new(params, &ctx->verifier);

	if (r < 0)
		return r;
	SSL_CTX_set_verify(ctx->ssl_ctx, mode, NULL);
	SSL_CTX_set_cert_verify_callback(ctx->ssl_ctx, tls_verify_callback, ctx->verifier);
	SSL_CTX_set_max_cert_list(ctx->ssl_ctx, TLS_CHAIN_MAX_BYTES);
	return 0;
}

static int demand_client_certificate(struct tls_ctx *ctx, const struct tls_ctx_params *params)
{
	const struct tls_verifier_params of_clients = {
		.ca = {params->client_ca, params->client_ca_len},
		.more = params->verify,
	};
	int mode = SSL_VERIFY_PEER;
	int r;

	if (params->client_auth == TLS_CLIENT_AUTH_OFF) {
		SSL_CTX_set_verify(ctx->ssl_ctx, SSL_VERIFY_NONE, NULL);
		return 0;
	}
	if (params->client_auth == TLS_CLIENT_AUTH_REQUIRE)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	r = demand_certificate(ctx, mode, &of_clients);
	return r == 0 ? announce(ctx->ssl_ctx, &of_clients.ca, params->verify) : r;
}

static int demand_server_certificate(struct tls_ctx *ctx, const struct tls_client_params *params)
{
	const struct tls_verifier_params of_servers = {
		.of_server = true,
		.ca = {params->server_ca, params->server_ca_len},
		.more = params->verify,
	};

	return demand_certificate(ctx, SSL_VERIFY_PEER, &of_servers);
}

static int restrict_protocol(SSL_CTX *ssl_ctx, bool tls13_only)
{
	int least = tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION;

	/* Distributions differ in their default; the peer's certificates have a level of their own. */
	if (SSL_CTX_get_security_level(ssl_ctx) < TLS_VERIFY_SECURITY_LEVEL)
		SSL_CTX_set_security_level(ssl_ctx, TLS_VERIFY_SECURITY_LEVEL);
	SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
					     SSL_OP_NO_COMPRESSION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE |
					     SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(ssl_ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ssl_ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_NO_AUTO_CHAIN);
	/* One message at a time: floods are counted between them, and see end_begun_write(). */
	SSL_CTX_clear_mode(ssl_ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_read_ahead(ssl_ctx, 0);
	if (SSL_CTX_set_min_proto_version(ssl_ctx, least) != 1 ||
	    SSL_CTX_set_num_tickets(ssl_ctx, 0) != 1 ||
	    SSL_CTX_set_max_early_data(ssl_ctx, 0) != 1 ||
	    SSL_CTX_set_cipher_list(ssl_ctx, TLS12_CIPHERS) != 1 ||
	    SSL_CTX_set_ciphersuites(ssl_ctx, TLS13_CIPHERS) != 1)
		return -EINVAL;
	return 0;
}

static int ctx_open(const SSL_METHOD *method, bool tls13_only, struct tls_ctx **ret_ctx)
{
	struct tls_ctx *ctx = calloc(1, sizeof(*ctx));
	int r;

	if (!ctx)
		return -ENOMEM;
	ctx->ssl_ctx = SSL_CTX_new(method);
	r = ctx->ssl_ctx ? restrict_protocol(ctx->ssl_ctx, tls13_only) : -ENOMEM;
	if (r < 0) {
		tls_ctx_free(ctx);
		return r;
	}
	SSL_CTX_set_keylog_callback(ctx->ssl_ctx, tls_keys_collect);
	SSL_CTX_set_msg_callback(ctx->ssl_ctx, tls_keys_count);
	*ret_ctx = ctx;
	return 0;
}

/* @r: how the loading went. */
static int ctx_settle(struct tls_ctx *ctx, int r, struct tls_ctx **ret_ctx)
{
	/* Reading PEM to its end leaves "no start line" behind even when all went well. */
	ERR_clear_error();
	if (r < 0)
		tls_ctx_free(ctx);
	else
		*ret_ctx = ctx;
	return r;
}

int tls_ctx_new(const struct tls_ctx_params *params, struct tls_ctx **ret_ctx)
{
	struct tls_ctx *ctx = NULL;
	int r = ctx_open(TLS_server_method(), params->tls13_only, &ctx);

	if (r == 0)
		r = load_certificates(ctx, params->pairs, params->n_pairs);
	if (r == 0)
		r = demand_client_certificate(ctx, params);
	if (r == 0)
		r = tls_alpn_serve(ctx, params->alpn, params->n_alpn);
	if (r == 0 && params->tickets)
		r = tls_tickets_new(ctx, params);
	return ctx_settle(ctx, r, ret_ctx);
}

int tls_ctx_new_client(const struct tls_client_params *params, struct tls_ctx **ret_ctx)
{
	struct tls_ctx *ctx = NULL;
	int r = ctx_open(TLS_client_method(), params->tls13_only, &ctx);

	if (r == 0 && params->pair)
		r = load_certificates(ctx, params->pair, 1);
	if (r == 0)
		r = demand_server_certificate(ctx, params);
	if (r == 0)
		r = tls_alpn_offer(ctx->ssl_ctx, params->alpn, params->n_alpn);
	return ctx_settle(ctx, r, ret_ctx);
}

void tls_ctx_free(struct tls_ctx *ctx)
{
	if (!ctx)
		return;
	for (size_t i = 0; i < ctx->n_identities; i++)
		identity_done(&ctx->identities[i]);
	free(ctx->identities);
	tls_tickets_free(ctx->tickets);
	free(ctx->alpn);
	SSL_CTX_free(ctx->ssl_ctx);
	tls_verifier_free(ctx->verifier);
	free(ctx);
}
