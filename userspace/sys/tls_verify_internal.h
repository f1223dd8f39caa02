/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of sys/tls_verify.h and by tls_ctx.c and tls_conn.c. */
#ifndef SLUICE_SYS_TLS_VERIFY_INTERNAL_H
#define SLUICE_SYS_TLS_VERIFY_INTERNAL_H

#include "sys/tls_cache.h"
#include "sys/tls_internal.h"
#include "sys/tls_verify.h"

#include <time.h>

/** CAs that are believed together: everybody's, or those of one trust domain. */
struct tls_trust {
	char *domain; /* NULL: of peers that have no SPIFFE ID, or when nobody asks for one */
	size_t domain_len;
	X509_STORE *store; /* NULL: none are believed */
};

/** A CRL, and what decides whether it is the one that counts. */
struct tls_crl {
	X509_CRL *crl;
	AUTHORITY_KEYID *signer;	/* NULL: it does not say which key or certificate */
	const ASN1_OCTET_STRING *scope; /* its issuing distribution point; NULL: everything */
	ASN1_INTEGER *number;		/* NULL: it has none */
	int64_t from, until; /* when it was made, and is out of date; 0: it does not say */
};

/** Everything that verification needs, one per struct tls_ctx that verifies anybody. */
struct tls_verifier {
	bool of_server; /* the peers are servers */
	bool allow_crl_missing, allow_crl_expired;
	struct tls_trust *trusts; /* [0]: without domain */
	size_t n_trusts;
	X509_VERIFY_PARAM *param; /* without CRLs */
	unsigned long crl_flags;  /* what is added to ask them; 0: nobody does */
	struct tls_crl *crls;	  /* by issuer and scope, the newest first */
	size_t n_crls;
	struct tls_cache cache;
	char subject[256]; /* for tls_chain_verify() */
};

/** How a verification ended. */
struct tls_verdict {
	enum tls_refusal refusal;
	const char *detail; /* static words beside the refusal's name */
	X509 *culprit;	    /* borrowed from what was verified; NULL: nobody in particular */
	bool no_memory;
};

/* --- tls_trust.c --- */

/** What tls_verifier_new() makes of; borrowed. */
struct tls_verifier_params {
	bool of_server;
	struct tls_bytes ca;		      /* data NULL: only those of the trust domains */
	const struct tls_verify_params *more; /* NULL: the defaults */
};

/** tls_verifier_new() - Returns: 0, -ENOMEM, -EINVAL (what confload's checks would tell). */
int tls_verifier_new(const struct tls_verifier_params *params, struct tls_verifier **ret_verifier);
void tls_verifier_free(struct tls_verifier *verifier);

/* --- tls_verify.c --- */

/** tls_verify_callback() - of SSL_CTX_set_cert_verify_callback(). */
int tls_verify_callback(X509_STORE_CTX *store_ctx, void *arg);

/* --- tls_refusal.c --- */

/** tls_refusal_of() - what OpenSSL's @error about @culprit (or NULL) comes down to. */
enum tls_refusal tls_refusal_of(int error, X509 *culprit, bool of_server);

/** tls_lacks_usage() - has @certificate extended key usages, but not the one for peers like this? */
bool tls_lacks_usage(X509 *certificate, bool of_server);

/** tls_refusal_alert_error() - the error that makes OpenSSL send the right alert. */
int tls_refusal_alert_error(enum tls_refusal refusal);

/* --- tls_svid.c --- */

/**
 * tls_svid_choose() - whose CAs are to be asked about @leaf?
 * Returns: NULL, and @verdict filled, when it is refused for its name or its form.
 */
const struct tls_trust *tls_svid_choose(const struct tls_verifier *verifier, X509 *leaf,
					struct tls_verdict *verdict);

/* --- tls_crls.c --- */

/** tls_crls_add() - of several CRLs in any order; @crl is shared. Returns: 0, -ENOMEM, -EINVAL. */
int tls_crls_add(struct tls_verifier *verifier, X509_CRL *crl);

/** tls_crls_seal() - behind the last tls_crls_add(). */
void tls_crls_seal(struct tls_verifier *verifier);
void tls_crls_done(struct tls_verifier *verifier);

/** tls_crls_has() - is there any CRL of @issuer, whatever it is worth? */
bool tls_crls_has(const struct tls_verifier *verifier, const X509_NAME *issuer);

/** tls_crls_lookup() - of X509_STORE_set_lookup_crls(); the application's data is the verifier. */
STACK_OF(X509_CRL) * tls_crls_lookup(const X509_STORE_CTX *store_ctx, const X509_NAME *issuer);

/* --- tls_crl.c --- */

/** CRLs of one text: DER, each behind the other, and then PEM. */
struct tls_crl_reader {
	struct tls_bytes left;
	BIO *pem;	     /* NULL: still at the DER */
	size_t n_pem;	     /* read so far */
	const char *problem; /* behind -EINVAL; NULL: OpenSSL's queue says it */
};

/** tls_crl_open() - to read @text, borrowed. */
struct tls_crl_reader tls_crl_open(struct tls_bytes text);

/**
 * tls_crl_next() - the next one, the caller's. Nothing that may be a CRL is passed over. Returns: 1; 0
 * at the end; -EINVAL (damaged, or no memory).
 */
int tls_crl_next(struct tls_crl_reader *reader, X509_CRL **ret_crl);
void tls_crl_close(struct tls_crl_reader *reader);

/** tls_crl_is_partial() - why a CRL cannot be used by itself ("is a delta CRL"), or NULL. */
const char *tls_crl_is_partial(X509_CRL *crl);

/** tls_time_of() - seconds since 1970; @otherwise when @time is NULL or cannot be read. */
int64_t tls_time_of(const ASN1_TIME *time, int64_t otherwise);

#endif
