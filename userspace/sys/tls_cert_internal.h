/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of sys/tls_cert.h. */
#ifndef SLUICE_SYS_TLS_CERT_INTERNAL_H
#define SLUICE_SYS_TLS_CERT_INTERNAL_H

#include "sys/tls_cert.h"
#include "sys/tls_internal.h"

/** tls_cert_find() - note what is wrong. The first one stands: the next often only follows from it. */
void tls_cert_find(struct tls_cert_finding *finding, enum tls_cert_result result,
		   const char *format, ...) __attribute__((format(printf, 3, 4)));

/** tls_cert_openssl_reason() - of its last error, in its words. */
const char *tls_cert_openssl_reason(void);

/** tls_cert_name() - @name in RFC 2253 form. Returns: @text, or words that there is none. */
const char *tls_cert_name(const X509_NAME *name, char *text, int size);

/** tls_cert_date() - for people. */
void tls_cert_date(const ASN1_TIME *time, char *text, size_t size);

/**
 * tls_cert_ends_first() - @from and @until go into @end when @until is before what is there, or nothing is
 * (@found). Returns: whether they did; not when one of them is missing or cannot be read.
 */
bool tls_cert_ends_first(const ASN1_TIME *from, const ASN1_TIME *until, bool found,
			 struct tls_cert_end *end);

/** tls_cert_read_all() - the certificates of @pem, for sk_X509_pop_free(); NULL after a finding. */
STACK_OF(X509) * tls_cert_read_all(const char *pem, size_t len, struct tls_cert_finding *mistake);

#endif
