/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a password locks, as the plain PEM texts that everything else here reads: a PKCS#12 file, or a
 * private key that is encrypted in its PEM text. Wraps OpenSSL, whose error queue is empty afterwards.
 */
#ifndef SLUICE_SYS_TLS_UNLOCK_H
#define SLUICE_SYS_TLS_UNLOCK_H

#include "sys/tls_cert.h"

#include <stddef.h>

/** A text in base/lockmem, @len bytes and a NUL; the caller's. NULL: there was a mistake. */
struct tls_unlocked {
	char *text;
	size_t len;
};

/**
 * tls_unlock_pkcs12() - the private key of a PKCS#12 file and its certificate, behind that the
 * certificates that lead to a root, in this order and without the root. Others are left out.
 * @password: UTF-8; NULL or "": the file has none.
 * @ret_mistake: result TLS_CERT_OK, and both texts are there; or what is wrong, and neither is.
 */
void tls_unlock_pkcs12(const void *data, size_t len, const char *password,
		       struct tls_unlocked *ret_chain, struct tls_unlocked *ret_key,
		       struct tls_cert_finding *ret_mistake);

/** tls_unlock_key() - the same of a private key in PEM form, encrypted or not. */
void tls_unlock_key(const char *pem, size_t len, const char *password, struct tls_unlocked *ret_key,
		    struct tls_cert_finding *ret_mistake);

#endif
