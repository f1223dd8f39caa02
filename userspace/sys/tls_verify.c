// SPDX-License-Identifier: Apache-2.0
/*
 * The decision. One way for the handshake and for later: whose CAs (tls_svid.c), was it decided before
 * (tls_cache.c), and else OpenSSL with a store and settings of ours. The store of the SSL_CTX stays
 * empty.
 */
#include "sys/tls_verify_internal.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/** What is asked. */
struct question {
	struct tls_verifier *verifier;
	X509 *leaf;
	STACK_OF(X509) * shown;		 /* by the peer, leaf first */
	const struct tls_server *server; /* NULL: the peer is a client */
	int64_t now;
};

/** In which time an answer stays a yes: from <= now < until. */
struct validity {
	int64_t from, until;
};

/* --- with OpenSSL --- */

/*
 * For OpenSSL a CRL that it cannot use is missing as well: one that is for another certificate of the
 * CA, say. It may name the peer.
 */
static bool has_crl(const struct tls_verifier *verifier, X509_STORE_CTX *store_ctx)
{
	X509 *about = X509_STORE_CTX_get_current_cert(store_ctx);

	return !about || tls_crls_has(verifier, X509_get_issuer_name(about));
}

/* What allow_crl_missing and allow_crl_expired let pass, and nothing else. */
static int judge_step(int ok, X509_STORE_CTX *store_ctx)
{
	const struct tls_verifier *verifier = X509_STORE_CTX_get_app_data(store_ctx);
	int error = X509_STORE_CTX_get_error(store_ctx);

	if (ok)
		return ok;
	if (error == X509_V_ERR_UNABLE_TO_GET_CRL && has_crl(verifier, store_ctx)) {
		X509_STORE_CTX_set_error(store_ctx, X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER);
		return 0;
	}
	if (!(error == X509_V_ERR_UNABLE_TO_GET_CRL && verifier->allow_crl_missing) &&
	    !(error == X509_V_ERR_CRL_HAS_EXPIRED && verifier->allow_crl_expired))
		return 0;
	X509_STORE_CTX_set_error(store_ctx, X509_V_OK);
	return 1;
}

static bool expect_server(X509_VERIFY_PARAM *param, const struct tls_server *server)
{
	switch (server->kind) {
	case TLS_SERVER_DNS:
		X509_VERIFY_PARAM_set_hostflags(param,
						X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
							X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		return X509_VERIFY_PARAM_set1_host(param, server->name, 0) == 1;
	case TLS_SERVER_IP:
		return X509_VERIFY_PARAM_set1_ip_asc(param, server->name) == 1;
	case TLS_SERVER_URI: /* OpenSSL does not compare them */
		return true;
	}
	return false;
}

static X509_STORE_CTX *prepare(const struct question *q, X509_STORE *store, unsigned long flags)
{
	X509_STORE_CTX *store_ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;

	if (!store_ctx || X509_STORE_CTX_init(store_ctx, store, q->leaf, q->shown) != 1) {
		X509_STORE_CTX_free(store_ctx);
		return NULL;
	}
	param = X509_STORE_CTX_get0_param(store_ctx);
	if (X509_VERIFY_PARAM_set1(param, q->verifier->param) != 1 ||
	    X509_VERIFY_PARAM_set_flags(param, flags) != 1 ||
	    (q->server && !expect_server(param, q->server))) {
		X509_STORE_CTX_free(store_ctx);
		return NULL;
	}
	X509_VERIFY_PARAM_set_time(param, (time_t)q->now);
	(void)X509_STORE_CTX_set_app_data(store_ctx, q->verifier);
	X509_STORE_CTX_set_verify_cb(store_ctx, judge_step);
	return store_ctx;
}

static void narrow(struct validity *validity, int64_t from, int64_t until)
{
	if (from > validity->from)
		validity->from = from;
	if (until < validity->until)
		validity->until = until;
}

/*
 * All certificates of the path, and all CRLs, whether they were asked or not: one that comes into
 * force, or that goes out of date, may change the answer.
 */
static struct validity validity_of(const struct question *q, STACK_OF(X509) * path)
{
	struct validity validity = {.from = INT64_MIN, .until = INT64_MAX};

	for (int i = 0; i < sk_X509_num(path); i++) {
		X509 *certificate = sk_X509_value(path, i);

		narrow(&validity, tls_time_of(X509_get0_notBefore(certificate), INT64_MAX),
		       tls_time_of(X509_get0_notAfter(certificate), INT64_MIN));
	}
	for (size_t i = 0; i < q->verifier->n_crls; i++) {
		const struct tls_crl *crl = &q->verifier->crls[i];

		if (crl->from > q->now)
			narrow(&validity, INT64_MIN, crl->from);
		if (crl->until > q->now)
			narrow(&validity, INT64_MIN, crl->until);
		/* It has begun, or ended, in the past: a clock that is set back changes that. */
		if (crl->from != 0 && crl->from <= q->now)
			narrow(&validity, crl->from, INT64_MAX);
		if (crl->until != 0 && crl->until <= q->now)
			narrow(&validity, crl->until, INT64_MAX);
	}
	return validity;
}

static void note_error(const struct question *q, const struct tls_trust *trust,
		       X509_STORE_CTX *store_ctx, int r, struct tls_verdict *verdict)
{
	int error = X509_STORE_CTX_get_error(store_ctx);

	verdict->culprit = X509_STORE_CTX_get_current_cert(store_ctx);
	verdict->refusal = tls_refusal_of(error, verdict->culprit, q->verifier->of_server);
	verdict->detail = X509_verify_cert_error_string(error);
	verdict->no_memory = r < 0 || error == X509_V_ERR_OUT_OF_MEM;
	if (verdict->refusal == TLS_REFUSAL_NAME)
		verdict->culprit = NULL;
	/* A CA of the same name, or none: it may be somebody's whose CAs we know, but not of this one. */
	if (trust->domain && (verdict->refusal == TLS_REFUSAL_UNKNOWN_CA ||
			      verdict->refusal == TLS_REFUSAL_SIGNATURE)) {
		verdict->refusal = TLS_REFUSAL_TRUST_DOMAIN;
		verdict->detail = "not signed by the CAs of its trust domain";
		verdict->culprit = NULL;
	}
}

/* Of servers OpenSSL takes "server gated crypto" for serverAuth. */
static void check_usages(const struct question *q, STACK_OF(X509) * path,
			 struct tls_verdict *verdict)
{
	for (int i = 0; i < sk_X509_num(path); i++) {
		X509 *certificate = sk_X509_value(path, i);

		if (!tls_lacks_usage(certificate, q->verifier->of_server))
			continue;
		verdict->refusal = TLS_REFUSAL_EKU;
		verdict->detail = X509_verify_cert_error_string(X509_V_ERR_INVALID_PURPOSE);
		verdict->culprit = certificate;
		return;
	}
}

static void verify_with(const struct question *q, const struct tls_trust *trust,
			unsigned long flags, struct tls_verdict *verdict, struct validity *validity)
{
	X509_STORE_CTX *store_ctx = prepare(q, trust->store, flags);
	int r;

	if (!store_ctx) {
		verdict->refusal = TLS_REFUSAL_OTHER;
		verdict->detail = "no memory";
		verdict->no_memory = true;
		return;
	}
	r = X509_verify_cert(store_ctx);
	if (r == 1) {
		*validity = validity_of(q, X509_STORE_CTX_get0_chain(store_ctx));
		check_usages(q, X509_STORE_CTX_get0_chain(store_ctx), verdict);
	} else {
		note_error(q, trust, store_ctx, r, verdict);
	}
	/* The culprit is one that was shown or one of the store: both outlive this. */
	X509_STORE_CTX_free(store_ctx);
}

static void verify_path(const struct question *q, const struct tls_trust *trust,
			struct tls_verdict *verdict, struct validity *validity)
{
	if (!trust->store) {
		verdict->refusal = TLS_REFUSAL_UNKNOWN_CA;
		verdict->detail = "only the CAs of trust domains are believed";
		return;
	}
	/*
	 * OpenSSL asks CRLs before it looks at signatures. A stranger who writes a CA's name into a
	 * certificate must neither learn what they say nor have us search them.
	 */
	verify_with(q, trust, 0, verdict, validity);
	if (verdict->refusal == TLS_REFUSAL_NONE && q->verifier->crl_flags != 0)
		verify_with(q, trust, q->verifier->crl_flags, verdict, validity);
}

struct wanted_uri {
	const char *text;
	bool found;
};

static int compare_uri(void *arg, enum tls_name_kind kind, const void *bytes, size_t len)
{
	struct wanted_uri *wanted = arg;

	if (kind == TLS_NAME_URI && strlen(wanted->text) == len &&
	    memcmp(wanted->text, bytes, len) == 0)
		wanted->found = true;
	return 0;
}

static bool is_for_uri(X509 *leaf, const char *uri)
{
	struct wanted_uri wanted = {.text = uri};

	return tls_certificate_names(leaf, compare_uri, &wanted) == 0 && wanted.found;
}

static void decide(const struct question *q, struct tls_verdict *verdict, struct validity *validity)
{
	const struct tls_trust *trust = tls_svid_choose(q->verifier, q->leaf, verdict);

	if (trust)
		verify_path(q, trust, verdict, validity);
	if (verdict->refusal == TLS_REFUSAL_NONE && q->server &&
	    q->server->kind == TLS_SERVER_URI && !is_for_uri(q->leaf, q->server->name)) {
		verdict->refusal = TLS_REFUSAL_NAME;
		verdict->detail = "URI mismatch";
	}
	ERR_clear_error();
}

/* --- with the cache --- */

/* The chain, and what it has to be for. */
static void key_of(const struct tls_chain *chain, const struct tls_server *server,
		   uint8_t key[TLS_CACHE_KEY_BYTES])
{
	uint8_t text[TLS_CHAIN_HASH_BYTES + 1 + SHA256_DIGEST_LENGTH] = {};

	memcpy(text, tls_chain_hash(chain), TLS_CHAIN_HASH_BYTES);
	if (server) {
		text[TLS_CHAIN_HASH_BYTES] = 1 + (uint8_t)server->kind;
		(void)SHA256((const unsigned char *)server->name, strlen(server->name),
			     text + TLS_CHAIN_HASH_BYTES + 1);
	}
	(void)SHA256(text, sizeof(text), key);
}

static void verify_and_remember(const struct question *q, const uint8_t key[TLS_CACHE_KEY_BYTES],
				struct tls_chain *chain, struct tls_verdict *verdict)
{
	struct validity validity = {};

	decide(q, verdict, &validity);
	if (verdict->refusal == TLS_REFUSAL_NONE)
		tls_cache_put(&q->verifier->cache, key, validity.from, validity.until, chain);
}

/* --- the handshake --- */

/* Returns: NULL: no memory, or more than anybody may show. */
static struct tls_chain *chain_of(STACK_OF(X509) * shown)
{
	struct tls_chain *chain = NULL;
	unsigned char *der, *at;
	size_t len = 0;

	for (int i = 0; i < sk_X509_num(shown); i++) {
		int more = i2d_X509(sk_X509_value(shown, i), NULL);

		if (more <= 0 || (len += (size_t)more) > TLS_CHAIN_MAX_BYTES)
			return NULL;
	}
	at = der = malloc(len + 1);
	for (int i = 0; der && i < sk_X509_num(shown); i++)
		(void)i2d_X509(sk_X509_value(shown, i), &at);
	if (der)
		chain = tls_chain_new(der, len);
	free(der);
	return chain;
}

static void fill_failure(const struct tls_verdict *verdict, struct tls_failure *failure)
{
	failure->check = verdict->refusal == TLS_REFUSAL_NAME ? "name" : "chain";
	failure->reason = tls_refusal_name(verdict->refusal);
	failure->detail = verdict->detail;
	failure->refusal = verdict->refusal;
}

static void note_refusal(struct tls_conn *conn, const struct question *q,
			 const struct tls_verdict *verdict)
{
	char subject[256];

	fill_failure(verdict, &conn->failure);
	tls_subject_text(verdict->culprit ? verdict->culprit : q->leaf, subject, sizeof(subject));
	free(conn->failed_subject);
	conn->failed_subject = strdup(subject);
	conn->failure.subject = conn->failed_subject ? conn->failed_subject : "";
}

/* Sets conn->chain and conn->verified. */
static void judge_peer(struct tls_conn *conn, const struct question *q, struct tls_verdict *verdict)
{
	uint8_t key[TLS_CACHE_KEY_BYTES];
	struct tls_chain *known;

	tls_chain_unref(conn->chain);
	conn->chain = chain_of(q->shown);
	if (!conn->chain) {
		*verdict =
			(struct tls_verdict){.refusal = TLS_REFUSAL_OTHER, .detail = "no memory"};
		return;
	}
	key_of(conn->chain, q->server, key);
	known = tls_cache_find(&q->verifier->cache, key, q->now);
	conn->verified = known ? TLS_VERIFIED_BEFORE : TLS_VERIFIED_NOW;
	if (!known) {
		verify_and_remember(q, key, conn->chain, verdict);
		return;
	}
	/* Sessions of one peer share what it has shown. */
	tls_chain_unref(conn->chain);
	conn->chain = tls_chain_ref(known);
}

int tls_verify_callback(X509_STORE_CTX *store_ctx, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store_ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_conn *conn = tls_conn_of(ssl);
	const struct question q = {
		.verifier = arg,
		.leaf = X509_STORE_CTX_get0_cert(store_ctx),
		.shown = X509_STORE_CTX_get0_untrusted(store_ctx),
		.server = conn->server.name ? &conn->server : NULL,
		.now = (int64_t)time(NULL),
	};
	struct tls_verdict verdict = {};

	judge_peer(conn, &q, &verdict);
	if (verdict.refusal == TLS_REFUSAL_NONE) {
		X509_STORE_CTX_set_error(store_ctx, X509_V_OK);
		return 1;
	}
	note_refusal(conn, &q, &verdict);
	X509_STORE_CTX_set_error(store_ctx, tls_refusal_alert_error(verdict.refusal));
	return 0;
}

/* --- later --- */

static STACK_OF(X509) * parse_chain(const struct tls_chain *chain)
{
	STACK_OF(X509) *shown = sk_X509_new_null();
	const unsigned char *at;
	size_t len = 0;
	const unsigned char *end;

	at = tls_chain_der(chain, &len);
	end = at + len;
	while (shown && at < end) {
		X509 *certificate = d2i_X509(NULL, &at, end - at);

		if (certificate && sk_X509_push(shown, certificate) > 0)
			continue;
		X509_free(certificate);
		sk_X509_pop_free(shown, X509_free);
		return NULL;
	}
	return shown;
}

static int verify_shown(const struct question *q, const uint8_t key[TLS_CACHE_KEY_BYTES],
			struct tls_chain *chain, struct tls_failure *ret_failure)
{
	struct tls_verifier *verifier = q->verifier;
	struct tls_verdict verdict = {};

	verify_and_remember(q, key, chain, &verdict);
	if (verdict.refusal == TLS_REFUSAL_NONE)
		return 0;
	if (verdict.no_memory)
		return -ENOMEM;
	fill_failure(&verdict, ret_failure);
	tls_subject_text(verdict.culprit ? verdict.culprit : q->leaf, verifier->subject,
			 sizeof(verifier->subject));
	ret_failure->subject = verifier->subject;
	return -EACCES;
}

/* After a reload thousands of sessions come here, most of them with few chains. */
static int verify_chain(struct tls_verifier *verifier, struct tls_chain *chain,
			const struct tls_server *server, struct tls_failure *ret_failure)
{
	struct question q = {.verifier = verifier, .server = server, .now = (int64_t)time(NULL)};
	uint8_t key[TLS_CACHE_KEY_BYTES];
	int r = -ENOMEM;

	key_of(chain, server, key);
	if (tls_cache_find(&verifier->cache, key, q.now))
		return 0;
	q.shown = parse_chain(chain);
	q.leaf = q.shown ? sk_X509_value(q.shown, 0) : NULL;
	/* It was a chain once, so that it cannot be damaged. */
	if (q.leaf)
		r = verify_shown(&q, key, chain, ret_failure);
	sk_X509_pop_free(q.shown, X509_free);
	return r;
}

int tls_chain_verify(struct tls_ctx *ctx, struct tls_chain *chain, const struct tls_server *server,
		     struct tls_failure *ret_failure)
{
	int r;

	*ret_failure = (struct tls_failure){.subject = "", .alert = -1};
	/* Nobody is asked for a certificate any more: then none of them is verified. */
	if (!ctx->verifier) {
		const struct tls_verdict verdict = {
			.refusal = TLS_REFUSAL_UNKNOWN_CA,
			.detail = "certificates are not verified here any more",
		};

		fill_failure(&verdict, ret_failure);
		return -EACCES;
	}
	r = verify_chain(ctx->verifier, chain, server, ret_failure);
	ERR_clear_error();
	return r;
}
