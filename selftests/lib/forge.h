/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and CRLs that no honest CA makes, with OpenSSL. Every function stops the test on a failure. */
#ifndef SELFTESTS_LIB_FORGE_H
#define SELFTESTS_LIB_FORGE_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#define FORGE_EXTENSIONS 6

struct forge_extension {
	int nid;	   /* 0: end; NID_undef cannot be asked for */
	const char *value; /* as in openssl.cnf, "critical,CA:TRUE" */
};

struct forge_spec {
	const char *cn;
	int from, until; /* seconds from now */
	const char *key; /* "P-256" (NULL), "RSA:BITS" */
	bool sha1;	 /* signed over SHA-1 */
	bool broken;	 /* one bit of the signature is wrong */
	bool unknown;	 /* with a critical extension that nobody knows */
	struct forge_extension extensions[FORGE_EXTENSIONS];
};

/** A certificate and its key. */
struct forged {
	X509 *cert;
	EVP_PKEY *key;
};

/** forge() - @issuer NULL: self-signed. */
struct forged forge(const struct forge_spec *spec, const struct forged *issuer);
void forge_free(struct forged *forged);

/** forge_cert_pem(), forge_key_pem() - the caller's. */
char *forge_cert_pem(const struct forged *forged);
char *forge_key_pem(const struct forged *forged);

struct forge_crl_spec {
	const X509 *revoked; /* NULL: nobody */
	int from, until;     /* seconds from now; until 0: no nextUpdate */
	bool delta, indirect;
	struct forge_extension extension; /* nid 0: no more */
};

/** forge_crl() - signed by @issuer, DER; the caller's. */
unsigned char *forge_crl(const struct forged *issuer, const struct forge_crl_spec *spec,
			 size_t *ret_len);

/** forge_crl_pem() - the same as PEM text. */
char *forge_crl_pem(const struct forged *issuer, const struct forge_crl_spec *spec);

#endif
