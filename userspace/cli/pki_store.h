/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of a throw-away PKI: NAME.pem (certificate, then its sub-CA) and NAME.key; for a CA
 * also NAME.crl.
 */
#ifndef SLUICE_CLI_PKI_STORE_H
#define SLUICE_CLI_PKI_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct tls_pki_entity;

struct pki_store {
	const char *dir;
	bool overwrite;
	char problem[512]; /* one sentence for the user after a failure */
};

/** pki_store_prepare() - make the directory when it is missing. Returns: 0 or -errno. */
int pki_store_prepare(struct pki_store *store);

/** pki_store_name_ok() - letters, digits, "-", "_", "." inside: nothing that leaves the directory. */
bool pki_store_name_ok(const char *name);

/** pki_store_check_free() - Returns: 0; -EEXIST when NAME.pem or NAME.key must not be replaced. */
int pki_store_check_free(struct pki_store *store, const char *name);

/**
 * pki_store_put() - write NAME.pem (0644) and NAME.key (0600).
 * @issuer: written behind the certificate; NULL for none.
 */
int pki_store_put(struct pki_store *store, const char *name, const struct tls_pki_entity *entity,
		  const struct tls_pki_entity *issuer);

/** pki_store_get() - read NAME.pem and NAME.key. Returns: 0 or -errno. */
int pki_store_get(struct pki_store *store, const char *name, struct tls_pki_entity **ret_entity);

/**
 * pki_store_put_crl() - write CA.crl, whether it exists or not: a CRL is there to be replaced, and
 * that happens at once (rename). @revoked: names of the @n certificates. Returns: 0 or -errno.
 */
int pki_store_put_crl(struct pki_store *store, const char *ca, const char *const *revoked, size_t n,
		      time_t from, time_t until);

#endif
