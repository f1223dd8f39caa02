// SPDX-License-Identifier: Apache-2.0
#include "sys/tls_identity.h"

#include "sys/tls_verify_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

#define SHA256_BYTES 32

/* --- values of which there is one --- */

static int tell_serial(X509 *leaf, tls_name_callback *each, void *arg)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
	const unsigned char *at = ASN1_STRING_get0_data(serial);
	size_t len = (size_t)ASN1_STRING_length(serial);
	bool negative = ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER;

	while (len > 1 && at[0] == 0) {
		at++;
		len--;
	}
	return each(arg, TLS_NAME_SERIAL, negative || len == 0 ? NULL : at, negative ? 0 : len);
}

static int tell_digests(X509 *leaf, tls_name_callback *each, void *arg)
{
	unsigned char digest[SHA256_BYTES], *der = NULL;
	unsigned int len = 0;
	int der_len, r;

	if (X509_digest(leaf, EVP_sha256(), digest, &len) != 1 || len != sizeof(digest))
		return -ENOMEM;
	r = each(arg, TLS_NAME_CERT_SHA256, digest, sizeof(digest));
	if (r < 0)
		return r;
	der_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
	if (der_len < 0 || EVP_Digest(der, (size_t)der_len, digest, &len, EVP_sha256(), NULL) != 1)
		r = -ENOMEM;
	else
		r = each(arg, TLS_NAME_SPKI_SHA256, digest, sizeof(digest));
	OPENSSL_free(der);
	return r;
}

static int tell_dn(const X509_NAME *name, enum tls_name_kind kind, tls_name_callback *each,
		   void *arg)
{
	unsigned char *der = NULL;
	size_t len = 0;
	int r = tls_name_canonical(name, &der, &len);

	if (r == 0 || r == -EINVAL)
		r = each(arg, kind, r == 0 ? der : NULL, len);
	OPENSSL_free(der);
	return r;
}

/* --- names --- */

static int tell_rdns(X509 *leaf, int nid, enum tls_name_kind kind, tls_name_callback *each,
		     void *arg)
{
	const X509_NAME *subject = X509_get_subject_name(leaf);
	int at = -1;
	int r = 0;

	while (r == 0 && (at = X509_NAME_get_index_by_NID(subject, nid, at)) >= 0) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, at);
		unsigned char *utf8 = NULL;
		int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));

		r = each(arg, kind, len < 0 ? NULL : utf8, len < 0 ? 0 : (size_t)len);
		OPENSSL_free(utf8);
	}
	return r;
}

static int tell_alt_name(const GENERAL_NAME *name, tls_name_callback *each, void *arg)
{
	const ASN1_STRING *value;
	enum tls_name_kind kind;

	switch (name->type) {
	case GEN_DNS:
		kind = TLS_NAME_DNS;
		value = name->d.dNSName;
		break;
	case GEN_URI:
		kind = TLS_NAME_URI;
		value = name->d.uniformResourceIdentifier;
		break;
	case GEN_EMAIL:
		kind = TLS_NAME_EMAIL;
		value = name->d.rfc822Name;
		break;
	case GEN_IPADD:
		kind = TLS_NAME_IP;
		value = name->d.iPAddress;
		break;
	default: /* nobody asks for it */
		return 0;
	}
	return each(arg, kind, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
}

static int tell_alt_names(X509 *leaf, tls_name_callback *each, void *arg)
{
	static const enum tls_name_kind kinds[] = {TLS_NAME_DNS, TLS_NAME_URI, TLS_NAME_EMAIL,
						   TLS_NAME_IP};
	int critical;
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, NULL);
	int r = 0;

	/* -1 is "absent"; -2 (twice) and others mean that it cannot be read: it may say anything. */
	for (size_t i = 0; !names && critical != -1 && r == 0 && i < 4; i++)
		r = each(arg, kinds[i], NULL, 0);
	for (int i = 0; r == 0 && names && i < sk_GENERAL_NAME_num(names); i++)
		r = tell_alt_name(sk_GENERAL_NAME_value(names, i), each, arg);
	GENERAL_NAMES_free(names);
	return r;
}

int tls_certificate_names(X509 *leaf, tls_name_callback *each, void *arg)
{
	int r = tell_serial(leaf, each, arg);

	if (r == 0)
		r = tell_digests(leaf, each, arg);
	if (r == 0)
		r = tell_dn(X509_get_subject_name(leaf), TLS_NAME_SUBJECT, each, arg);
	if (r == 0)
		r = tell_dn(X509_get_issuer_name(leaf), TLS_NAME_ISSUER, each, arg);
	if (r == 0)
		r = tell_rdns(leaf, NID_commonName, TLS_NAME_CN, each, arg);
	if (r == 0)
		r = tell_alt_names(leaf, each, arg);
	if (r == 0)
		r = tell_rdns(leaf, NID_organizationName, TLS_NAME_O, each, arg);
	if (r == 0)
		r = tell_rdns(leaf, NID_organizationalUnitName, TLS_NAME_OU, each, arg);
	ERR_clear_error();
	return r;
}

/* --- the rest --- */

void tls_certificate_leaf(X509 *leaf, struct tls_leaf *ret_leaf)
{
	uint32_t flags = X509_get_extension_flags(leaf), usage = X509_get_key_usage(leaf);

	*ret_leaf = (struct tls_leaf){
		.not_before = tls_time_of(X509_get0_notBefore(leaf), INT64_MIN),
		.not_after = tls_time_of(X509_get0_notAfter(leaf), INT64_MIN),
		.svid_usage = !(flags & (EXFLAG_CA | EXFLAG_INVALID)) && (flags & EXFLAG_KUSAGE) &&
			      (usage & KU_DIGITAL_SIGNATURE) &&
			      !(usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)),
	};
	ERR_clear_error();
}

int tls_peer_names(const struct tls_conn *conn, tls_name_callback *each, void *arg,
		   struct tls_leaf *ret_leaf)
{
	X509 *leaf = SSL_get0_peer_certificate(conn->ssl);
	int r;

	*ret_leaf = (struct tls_leaf){};
	if (!leaf)
		return 0;
	tls_certificate_leaf(leaf, ret_leaf);
	r = tls_certificate_names(leaf, each, arg);
	return r < 0 ? r : 1;
}

int tls_pem_names(const char *pem, size_t len, tls_name_callback *each, void *arg,
		  struct tls_leaf *ret_leaf)
{
	BIO *bio = tls_pem_bio(pem, len);
	X509 *leaf = NULL;
	int r = bio ? tls_pem_next(bio, &leaf) : -ENOMEM;

	if (r == 1) {
		tls_certificate_leaf(leaf, ret_leaf);
		r = tls_certificate_names(leaf, each, arg);
		r = r < 0 ? r : 1;
		X509_free(leaf);
	} else if (r == 0) {
		r = -EINVAL;
	}
	BIO_free(bio);
	ERR_clear_error();
	return r;
}
