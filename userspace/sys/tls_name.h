/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distinguished names in a form that can be compared byte by byte: DER of what OpenSSL compares in
 * X509_NAME_cmp(). Strings become UTF8String, ASCII letters small, blanks at the ends are dropped and
 * those between words become one; other types stay as they are. The order of RDNs counts.
 */
#ifndef SLUICE_SYS_TLS_NAME_H
#define SLUICE_SYS_TLS_NAME_H

#include <stddef.h>

#define TLS_NAME_PARTS_MAX 64 /* attributes of one name */

/**
 * tls_name_parse() - a name as RFC 4514 writes it and `openssl x509 -subject -nameopt RFC2253` prints
 * it, the last RDN of the certificate first: "CN=alice,OU=ops+L=here,O=Example,C=DE". Types are
 * OpenSSL's short or long names, in any case, or an OID.
 * Returns: 0, and canonical DER for free(3); -ENOMEM; -EINVAL, and what is wrong in *@ret_problem, a
 * static text.
 */
int tls_name_parse(const char *text, unsigned char **ret_der, size_t *ret_len,
		   const char **ret_problem);

/**
 * tls_name_text() - a name in DER as tls_name_parse() takes it, cut to @size; "" when it is none.
 * Control bytes and all but ASCII are escaped.
 */
void tls_name_text(const void *der, size_t len, char *text, size_t size);

#endif
