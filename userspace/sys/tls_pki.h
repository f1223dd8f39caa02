/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates for tests and demonstrations: issue, load and print as PEM. Wraps OpenSSL.
 *
 * Nothing here is for a real CA: serial numbers are random, keys are never encrypted, and there is
 * no database of what was issued.
 */
#ifndef SLUICE_SYS_TLS_PKI_H
#define SLUICE_SYS_TLS_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum tls_pki_key {
	TLS_PKI_ECDSA_P256,
	TLS_PKI_ECDSA_P384,
	TLS_PKI_ED25519,
	TLS_PKI_RSA, /* 2048 bits */
	TLS_PKI_KEYS
};

/** tls_pki_key_name() - as on the command line: "ecdsa-p256", …; NULL out of range. */
const char *tls_pki_key_name(enum tls_pki_key key);

/** tls_pki_key_parse() - Returns: true when @name is one of the names. */
bool tls_pki_key_parse(const char *name, enum tls_pki_key *ret_key);

/** What a certificate may be used for. */
enum tls_pki_usage { TLS_PKI_ROOT_CA, TLS_PKI_SUB_CA, TLS_PKI_SERVER, TLS_PKI_CLIENT };

#define TLS_PKI_NAMES_MAX 16

/** Everything that goes into a certificate; the strings are borrowed during tls_pki_issue(). */
struct tls_pki_request {
	const char *cn; /* UTF-8, at most 64 characters (the limit of X.520) */
	const char *dns[TLS_PKI_NAMES_MAX];
	const char *uri[TLS_PKI_NAMES_MAX];
	const char *ip[TLS_PKI_NAMES_MAX]; /* numeric; each list ends at the first NULL */
	enum tls_pki_usage usage;
	enum tls_pki_key key;
	time_t not_before, not_after;
};

/** A certificate and its private key. */
struct tls_pki_entity;

/**
 * tls_pki_issue() - a new key and a certificate for it.
 * @issuer: who signs, borrowed; NULL: self-signed.
 * Returns: 0; -EINVAL (a name that cannot be put into a certificate); -ENOMEM; -EIO (OpenSSL).
 */
int tls_pki_issue(const struct tls_pki_request *request, const struct tls_pki_entity *issuer,
		  struct tls_pki_entity **ret_entity);

/**
 * tls_pki_load() - the first certificate in @cert_pem and the key in @key_pem.
 * Returns: 0; -EINVAL (not PEM, or the key belongs to another certificate); -ENOMEM.
 */
int tls_pki_load(const char *cert_pem, const char *key_pem, struct tls_pki_entity **ret_entity);

/** tls_pki_free() - free and wipe; NULL is fine. */
void tls_pki_free(struct tls_pki_entity *entity);

static inline void tls_pki_free_at(struct tls_pki_entity **entity)
{
	tls_pki_free(*entity);
	*entity = NULL;
}
#define _cleanup_pki_entity_ __attribute__((cleanup(tls_pki_free_at)))

/** tls_pki_cert_pem() - certificate as PEM text, freed by the caller; NULL: no memory. */
char *tls_pki_cert_pem(const struct tls_pki_entity *entity);

/** tls_pki_key_pem() - private key as PEM text; the caller wipes and frees it. NULL: no memory. */
char *tls_pki_key_pem(const struct tls_pki_entity *entity);

/**
 * tls_pki_crl_pem() - a CRL of @issuer, valid from @from until @until, with the serial numbers of the
 * @n certificates @revoked, as PEM text. Returns: NULL: no memory, or OpenSSL does not want.
 */
char *tls_pki_crl_pem(const struct tls_pki_entity *issuer, struct tls_pki_entity *const *revoked,
		      size_t n, time_t from, time_t until);

#endif
