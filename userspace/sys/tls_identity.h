/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a certificate says about its owner, as values with a type and a length. Wraps OpenSSL; its error
 * queue is empty whenever one of these returns.
 */
#ifndef SLUICE_SYS_TLS_IDENTITY_H
#define SLUICE_SYS_TLS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_conn;

enum tls_name_kind {
	TLS_NAME_CN, /* of the subject, as UTF-8; there may be several, as of O and OU */
	TLS_NAME_O,
	TLS_NAME_OU,
	TLS_NAME_DNS, /* subject alternative names, as they are */
	TLS_NAME_URI,
	TLS_NAME_EMAIL,
	TLS_NAME_IP,	  /* 4 or 16 bytes, or what else the certificate has */
	TLS_NAME_SUBJECT, /* canonical DER, see sys/tls_name */
	TLS_NAME_ISSUER,
	TLS_NAME_SERIAL, /* magnitude without leading zeros */
	TLS_NAME_CERT_SHA256,
	TLS_NAME_SPKI_SHA256, /* of the whole SubjectPublicKeyInfo */
	TLS_NAME_KINDS
};

/**
 * Called for every value. @bytes NULL: there is one of that kind that cannot be read; of a distinguished
 * name also that it has a NUL or control byte somewhere. Negative results end it.
 */
typedef int tls_name_callback(void *arg, enum tls_name_kind kind, const void *bytes, size_t len);

struct tls_leaf {
	int64_t not_before, not_after; /* seconds since 1970; INT64_MIN: cannot be read */
	/* As a workload's X.509-SVID must be: no CA; digitalSignature, and signs no certificates. */
	bool svid_usage;
};

/**
 * tls_peer_names() - hand the values of the verified leaf to @each. Values of which there is one come
 * first. Nothing is called when there is no certificate.
 * Returns: 1 there was a certificate, 0 none, @each's first negative result, or -ENOMEM.
 */
int tls_peer_names(const struct tls_conn *conn, tls_name_callback *each, void *arg,
		   struct tls_leaf *ret_leaf);

/** tls_pem_names() - the same of the first certificate of a PEM text. -EINVAL: there is none. */
int tls_pem_names(const char *pem, size_t len, tls_name_callback *each, void *arg,
		  struct tls_leaf *ret_leaf);

#endif
