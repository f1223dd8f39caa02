/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this PEM material usable, and if not, why? The checks behind `sluice check`. Wraps OpenSSL;
 * its error queue is empty whenever one of these returns.
 */
#ifndef SLUICE_SYS_TLS_CERT_H
#define SLUICE_SYS_TLS_CERT_H

#include "sys/tls_verify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tls_cert_result {
	TLS_CERT_OK,
	TLS_CERT_NO_CERTIFICATE, /* no CERTIFICATE block in the text */
	TLS_CERT_BAD_CERTIFICATE,
	TLS_CERT_NO_KEY,
	TLS_CERT_KEY_ENCRYPTED,
	TLS_CERT_BAD_KEY,
	TLS_CERT_KEY_TYPE, /* not RSA >= 2048, ECDSA P-256 or P-384, or Ed25519 */
	TLS_CERT_MISMATCH, /* the key belongs to another certificate */
	TLS_CERT_REFUSED,  /* OpenSSL's security level, in its words */
	TLS_CERT_NOT_A_CA,
	TLS_CERT_NO_PKCS12,
	TLS_CERT_WRONG_PASSWORD,
	TLS_CERT_LEGACY,	/* only OpenSSL's legacy provider can decrypt it */
	TLS_CERT_NO_CRL,	/* neither PEM nor DER */
	TLS_CERT_BAD_CRL,	/* damaged */
	TLS_CERT_PARTIAL_CRL,	/* a delta, or in another way not the whole list */
	TLS_CERT_CRL_SIGNATURE, /* by another key than that of the CA with this name */
	/* As warnings only: */
	TLS_CERT_CRL_ISSUER, /* of a CA that is not there */
	TLS_CERT_CRL_EXPIRED,
	TLS_CERT_NO_ROOT, /* a CA whose own issuer is not there */
	TLS_CERT_EXPIRED,
	TLS_CERT_NOT_YET_VALID,
	TLS_CERT_NO_MEMORY,
};

struct tls_cert_finding {
	enum tls_cert_result result;
	char text[400]; /* one clause without a full stop; "" for TLS_CERT_OK */
};

/** What is wrong (result TLS_CERT_OK: usable), and what is odd about material that is usable. */
struct tls_cert_verdict {
	struct tls_cert_finding mistake;
	struct tls_cert_finding warning;
};

/** In which part a certificate of ours is shown. */
enum tls_cert_role { TLS_CERT_AS_SERVER, TLS_CERT_AS_CLIENT };

/** tls_cert_check_chain() - a certificate of ours, then its intermediates. */
void tls_cert_check_chain(const char *chain, size_t chain_len, enum tls_cert_role role,
			  struct tls_cert_verdict *ret_verdict);

/** tls_cert_check_key() - a private key by itself. */
void tls_cert_check_key(const char *key, size_t key_len, struct tls_cert_verdict *ret_verdict);

/** tls_cert_check_pair() - do a chain and a key that are good by themselves work together? */
void tls_cert_check_pair(const char *chain, size_t chain_len, const char *key, size_t key_len,
			 struct tls_cert_verdict *ret_verdict);

/** tls_cert_check_ca() - the CAs whose clients are trusted. */
void tls_cert_check_ca(const char *ca, size_t ca_len, struct tls_cert_verdict *ret_verdict);

/** The certificate, or the CRL, of a text that ends first. */
struct tls_cert_end {
	int64_t not_before, not_after; /* seconds since 1970; of a CRL: last and next update */
	char subject[160];	       /* RFC 2253 form, for people; of a CRL: its issuer */
};

/** tls_cert_first_end() - Returns: false when the text has no certificate, or a damaged one. */
bool tls_cert_first_end(const char *pem, size_t len, struct tls_cert_end *ret_end);

/** tls_cert_first_crl_end() - the same of CRLs; one without a next update does not end. */
bool tls_cert_first_crl_end(struct tls_bytes text, struct tls_cert_end *ret_end);

/** tls_cert_is_der() - does @data begin as a certificate or CRL in DER does, and no text? */
bool tls_cert_is_der(const char *data, size_t len);

/**
 * tls_cert_check_crl() - a text of CRLs, for peers who are signed by the @cas (PEM) or by a sub-CA
 * that they bring themselves. @all_known: warn of the CRLs of such a sub-CA too.
 */
void tls_cert_check_crl(struct tls_bytes crl, const struct tls_bytes *cas, size_t n_cas,
			bool all_known, struct tls_cert_verdict *ret_verdict);

/** What a CRL says of itself. */
struct tls_cert_crl {
	char issuer[160]; /* RFC 2253 form, for people only */
	char from[40];	  /* "2026-01-31 12:00:00 UTC" */
	char until[40];	  /* "": it does not say */
	size_t revoked;	  /* certificates that it names */
};

/** tls_cert_each_crl() - hand the CRLs of @text to @each, up to the first one that is damaged. */
void tls_cert_each_crl(struct tls_bytes text,
		       void (*each)(void *arg, const struct tls_cert_crl *crl), void *arg);

/**
 * tls_cert_system_ca_path() - the file with the CAs that programs on this system believe by default:
 * $SSL_CERT_FILE, else where OpenSSL was built to look, else where distributions have it.
 */
const char *tls_cert_system_ca_path(void);

#endif
