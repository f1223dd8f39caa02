// SPDX-License-Identifier: Apache-2.0
/* CAs, CRLs and settings, read once for all verifications of a struct tls_ctx. */
#include "sys/tls_verify_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static const struct tls_verify_params defaults = {
	.depth = TLS_VERIFY_DEPTH,
	.security_level = TLS_VERIFY_SECURITY_LEVEL,
};

static int add_cas(X509_STORE *store, const struct tls_bytes *pem)
{
	BIO *bio = tls_pem_bio(pem->data, pem->len);
	size_t count = 0;
	X509 *ca;
	int more = 0, r = bio ? 0 : -ENOMEM;

	while (r == 0 && (more = tls_pem_next(bio, &ca)) > 0) {
		if (X509_STORE_add_cert(store, ca) != 1)
			r = -EINVAL;
		X509_free(ca);
		count++;
	}
	BIO_free(bio);
	if (more < 0)
		r = more;
	return r == 0 && count == 0 ? -EINVAL : r;
}

static int trust_load(struct tls_trust *trust, const char *domain, const struct tls_bytes *ca)
{
	if (domain) {
		trust->domain = strdup(domain);
		trust->domain_len = strlen(domain);
		if (!trust->domain)
			return -ENOMEM;
	}
	if (!ca->data)
		return 0;
	trust->store = X509_STORE_new();
	if (!trust->store)
		return -ENOMEM;
	X509_STORE_set_lookup_crls(trust->store, tls_crls_lookup);
	return add_cas(trust->store, ca);
}

static int load_trusts(struct tls_verifier *verifier, const struct tls_bytes *ca,
		       const struct tls_verify_params *more)
{
	int r;

	verifier->trusts = calloc(1 + more->n_domains, sizeof(*verifier->trusts));
	if (!verifier->trusts)
		return -ENOMEM;
	verifier->n_trusts = 1 + more->n_domains;
	r = trust_load(&verifier->trusts[0], NULL, ca);
	for (size_t i = 0; r == 0 && i < more->n_domains; i++)
		r = trust_load(&verifier->trusts[1 + i], more->domains[i].name,
			       &more->domains[i].ca);
	return r;
}

static int load_crls(struct tls_verifier *verifier, const struct tls_bytes *text)
{
	struct tls_crl_reader reader = tls_crl_open(*text);
	size_t count = 0;
	X509_CRL *crl;
	int more = 0, r = 0;

	while (r == 0 && (more = tls_crl_next(&reader, &crl)) > 0) {
		r = tls_crls_add(verifier, crl);
		X509_CRL_free(crl);
		count++;
	}
	tls_crl_close(&reader);
	if (more < 0)
		r = more;
	return r == 0 && count == 0 ? -EINVAL : r;
}

static int set_param(struct tls_verifier *verifier, const struct tls_verify_params *more)
{
	static const unsigned long crl_flags[] = {
		[TLS_CRL_OFF] = 0,
		[TLS_CRL_LEAF] = X509_V_FLAG_CRL_CHECK,
		[TLS_CRL_CHAIN] = X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL,
	};
	bool server = verifier->of_server;

	verifier->param = X509_VERIFY_PARAM_new();
	if (!verifier->param)
		return -ENOMEM;
	X509_VERIFY_PARAM_set_depth(verifier->param, (int)more->depth);
	X509_VERIFY_PARAM_set_auth_level(verifier->param, (int)more->security_level);
	if (X509_VERIFY_PARAM_set_purpose(verifier->param, server ? X509_PURPOSE_SSL_SERVER
								  : X509_PURPOSE_SSL_CLIENT) != 1 ||
	    X509_VERIFY_PARAM_set_trust(verifier->param, server ? X509_TRUST_SSL_SERVER
								: X509_TRUST_SSL_CLIENT) != 1)
		return -EINVAL;
	verifier->crl_flags = crl_flags[more->crl_mode];
	return 0;
}

int tls_verifier_new(const struct tls_verifier_params *params, struct tls_verifier **ret_verifier)
{
	const struct tls_verify_params *more = params->more ? params->more : &defaults;
	struct tls_verifier *verifier = calloc(1, sizeof(*verifier));
	int r;

	if (!verifier)
		return -ENOMEM;
	tls_cache_init(&verifier->cache);
	verifier->of_server = params->of_server;
	verifier->allow_crl_missing = more->allow_crl_missing;
	verifier->allow_crl_expired = more->allow_crl_expired;
	r = load_trusts(verifier, &params->ca, more);
	/* With crl_mode: off nobody asks for them, and they would only cost memory. */
	for (size_t i = 0; r == 0 && more->crl_mode != TLS_CRL_OFF && i < more->n_crls; i++)
		r = load_crls(verifier, &more->crls[i]);
	tls_crls_seal(verifier);
	if (r == 0)
		r = set_param(verifier, more);
	ERR_clear_error();
	if (r < 0) {
		tls_verifier_free(verifier);
		return r;
	}
	*ret_verifier = verifier;
	return 0;
}

void tls_verifier_free(struct tls_verifier *verifier)
{
	if (!verifier)
		return;
	for (size_t i = 0; verifier->trusts && i < verifier->n_trusts; i++) {
		free(verifier->trusts[i].domain);
		X509_STORE_free(verifier->trusts[i].store);
	}
	free(verifier->trusts);
	X509_VERIFY_PARAM_free(verifier->param);
	tls_crls_done(verifier);
	tls_cache_done(&verifier->cache);
	free(verifier);
}
