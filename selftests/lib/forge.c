// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/forge.h"

#include "selftests/harness/harness.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static EVP_PKEY *new_key(const char *kind)
{
	EVP_PKEY *key;

	if (kind && strncmp(kind, "RSA:", 4) == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)strtoul(kind + 4, NULL, 10));
	else
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind ? kind : "P-256");
	MUST(key);
	return key;
}

static void add_extensions(X509 *cert, X509 *issuer, const struct forge_spec *spec)
{
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&context);
	for (int i = 0; i < FORGE_EXTENSIONS && spec->extensions[i].nid; i++) {
		const struct forge_extension *from = &spec->extensions[i];
		X509_EXTENSION *extension =
			X509V3_EXT_conf_nid(NULL, &context, from->nid, from->value);

		MUST(extension && X509_add_ext(cert, extension, -1) == 1, "%s", from->value);
		X509_EXTENSION_free(extension);
	}
}

static void add_unknown_extension(X509 *cert)
{
	ASN1_OBJECT *object = OBJ_txt2obj("1.2.3.4.5.6", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;

	MUST(object && value && ASN1_OCTET_STRING_set(value, (const unsigned char *)"x", 1) == 1);
	extension = X509_EXTENSION_create_by_OBJ(NULL, object, 1, value);
	MUST(extension && X509_add_ext(cert, extension, -1) == 1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(object);
}

static void set_subject(X509 *cert, const char *cn)
{
	X509_NAME *name = X509_NAME_new();

	MUST(name && X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
						(const unsigned char *)cn, -1, -1, 0) == 1);
	MUST_EQ(X509_set_subject_name(cert, name), 1);
	X509_NAME_free(name);
}

static void set_serial(X509 *cert)
{
	unsigned char bytes[8];
	BIGNUM *number;

	MUST_EQ(RAND_bytes(bytes, sizeof(bytes)), 1);
	bytes[0] = (bytes[0] & 0x3f) | 0x40;
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	MUST(number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)));
	BN_free(number);
}

/* Written out, spoilt when it has to be, and read again: as it comes from a peer. */
static X509 *through_der(X509 *cert, bool broken)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	const unsigned char *at = der;
	X509 *again;

	MUST_GE(len, 1);
	if (broken)
		der[len - 1] ^= 1;
	again = d2i_X509(NULL, &at, len);
	MUST(again);
	OPENSSL_free(der);
	X509_free(cert);
	return again;
}

struct forged forge(const struct forge_spec *spec, const struct forged *issuer)
{
	struct forged made = {.cert = X509_new(), .key = new_key(spec->key)};
	const struct forged *by = issuer ? issuer : &made;

	MUST(made.cert && X509_set_version(made.cert, X509_VERSION_3) == 1);
	set_subject(made.cert, spec->cn);
	set_serial(made.cert);
	MUST(X509_set_issuer_name(made.cert, X509_get_subject_name(by->cert)) == 1 &&
	     X509_gmtime_adj(X509_getm_notBefore(made.cert), spec->from) &&
	     X509_gmtime_adj(X509_getm_notAfter(made.cert), spec->until) &&
	     X509_set_pubkey(made.cert, made.key) == 1);
	add_extensions(made.cert, by->cert, spec);
	if (spec->unknown)
		add_unknown_extension(made.cert);
	MUST(X509_sign(made.cert, by->key, spec->sha1 ? EVP_sha1() : EVP_sha256()) > 0);
	made.cert = through_der(made.cert, spec->broken);
	return made;
}

void forge_free(struct forged *forged)
{
	X509_free(forged->cert);
	EVP_PKEY_free(forged->key);
	*forged = (struct forged){};
}

static char *take_text(BIO *bio)
{
	char *data, *text;
	long len = BIO_get_mem_data(bio, &data);

	MUST(len > 0);
	text = strndup(data, (size_t)len);
	MUST(text);
	BIO_free(bio);
	return text;
}

char *forge_cert_pem(const struct forged *forged)
{
	BIO *bio = BIO_new(BIO_s_mem());

	MUST(bio && PEM_write_bio_X509(bio, forged->cert) == 1);
	return take_text(bio);
}

char *forge_key_pem(const struct forged *forged)
{
	BIO *bio = BIO_new(BIO_s_mem());

	MUST(bio && PEM_write_bio_PrivateKey(bio, forged->key, NULL, NULL, 0, NULL, NULL) == 1);
	return take_text(bio);
}

/* --- CRLs --- */

static void add_revoked(X509_CRL *crl, const X509 *cert, const ASN1_TIME *when)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_INTEGER *serial = ASN1_INTEGER_dup(X509_get0_serialNumber(cert));

	MUST(entry && serial && X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
	     X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)(uintptr_t)when) == 1 &&
	     X509_CRL_add0_revoked(crl, entry) == 1);
	ASN1_INTEGER_free(serial);
}

static void set_times(X509_CRL *crl, const struct forge_crl_spec *spec)
{
	ASN1_TIME *time = X509_gmtime_adj(NULL, spec->from);

	MUST(time && X509_CRL_set1_lastUpdate(crl, time) == 1);
	if (spec->revoked)
		add_revoked(crl, spec->revoked, time);
	if (spec->until)
		MUST(X509_gmtime_adj(time, spec->until) &&
		     X509_CRL_set1_nextUpdate(crl, time) == 1);
	ASN1_TIME_free(time);
}

static void add_number(X509_CRL *crl, int nid, int critical)
{
	ASN1_INTEGER *number = ASN1_INTEGER_new();

	MUST(number && ASN1_INTEGER_set(number, 1) == 1 &&
	     X509_CRL_add1_ext_i2d(crl, nid, number, critical, 0) == 1);
	ASN1_INTEGER_free(number);
}

static void add_crl_extension(X509_CRL *crl, X509 *issuer, const struct forge_extension *from)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, NULL, NULL, crl, 0);
	X509V3_set_ctx_nodb(&context);
	extension = X509V3_EXT_conf_nid(NULL, &context, from->nid, from->value);
	MUST(extension && X509_CRL_add_ext(crl, extension, -1) == 1, "%s", from->value);
	X509_EXTENSION_free(extension);
}

static X509_CRL *new_crl(const struct forged *issuer, const struct forge_crl_spec *spec)
{
	X509_CRL *crl = X509_CRL_new();
	ISSUING_DIST_POINT *point;

	MUST(crl && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
	     X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)) == 1);
	set_times(crl, spec);
	add_number(crl, NID_crl_number, 0);
	if (spec->delta)
		add_number(crl, NID_delta_crl, 1);
	if (spec->indirect) {
		point = ISSUING_DIST_POINT_new();
		MUST(point);
		point->indirectCRL = 0xff;
		MUST_EQ(X509_CRL_add1_ext_i2d(crl, NID_issuing_distribution_point, point, 1, 0), 1);
		ISSUING_DIST_POINT_free(point);
	}
	if (spec->extension.nid)
		add_crl_extension(crl, issuer->cert, &spec->extension);
	MUST(X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0);
	return crl;
}

unsigned char *forge_crl(const struct forged *issuer, const struct forge_crl_spec *spec,
			 size_t *ret_len)
{
	X509_CRL *crl = new_crl(issuer, spec);
	unsigned char *der, *at;
	int len = i2d_X509_CRL(crl, NULL);

	MUST_GE(len, 1);
	at = der = malloc((size_t)len);
	MUST(der);
	MUST_EQ(i2d_X509_CRL(crl, &at), len);
	X509_CRL_free(crl);
	*ret_len = (size_t)len;
	return der;
}

char *forge_crl_pem(const struct forged *issuer, const struct forge_crl_spec *spec)
{
	X509_CRL *crl = new_crl(issuer, spec);
	BIO *bio = BIO_new(BIO_s_mem());

	MUST(bio && PEM_write_bio_X509_CRL(bio, crl) == 1);
	X509_CRL_free(crl);
	return take_text(bio);
}
