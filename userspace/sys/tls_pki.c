// SPDX-License-Identifier: Apache-2.0
#include "sys/tls_pki.h"

#include "base/secret.h"
#include "sys/tls_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define SERIAL_BYTES 16 /* RFC 5280 allows 20 */
#define RSA_BITS     2048

struct tls_pki_entity {
	X509 *cert;
	EVP_PKEY *key;
};

static const char *const key_names[TLS_PKI_KEYS] = {
	[TLS_PKI_ECDSA_P256] = "ecdsa-p256",
	[TLS_PKI_ECDSA_P384] = "ecdsa-p384",
	[TLS_PKI_ED25519] = "ed25519",
	[TLS_PKI_RSA] = "rsa",
};

const char *tls_pki_key_name(enum tls_pki_key key)
{
	return (unsigned int)key < TLS_PKI_KEYS ? key_names[key] : NULL;
}

bool tls_pki_key_parse(const char *name, enum tls_pki_key *ret_key)
{
	for (int i = 0; i < TLS_PKI_KEYS; i++) {
		if (strcmp(name, key_names[i]) == 0) {
			*ret_key = (enum tls_pki_key)i;
			return true;
		}
	}
	return false;
}

static EVP_PKEY *new_key(enum tls_pki_key kind)
{
	switch (kind) {
	case TLS_PKI_ECDSA_P256:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	case TLS_PKI_ECDSA_P384:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	case TLS_PKI_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case TLS_PKI_RSA:
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS);
	default:
		return NULL;
	}
}

/* --- names --- */

static int set_subject(X509 *cert, const char *cn)
{
	X509_NAME *name = X509_get_subject_name(cert);

	/* 1 is success; the length limit of a CN is the usual reason for a failure. */
	return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
					  (const unsigned char *)cn, -1, -1, 0) == 1
		       ? 0
		       : -EINVAL;
}

static ASN1_STRING *name_value(int type, const char *text)
{
	ASN1_IA5STRING *value;

	if (type == GEN_IPADD)
		return a2i_IPADDRESS(text);
	value = ASN1_IA5STRING_new();
	if (value && (text[0] == '\0' || ASN1_STRING_set(value, text, -1) != 1)) {
		ASN1_IA5STRING_free(value);
		return NULL;
	}
	return value;
}

static int add_names(GENERAL_NAMES *names, int type, const char *const *texts)
{
	for (size_t i = 0; i < TLS_PKI_NAMES_MAX && texts[i]; i++) {
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_STRING *value = name_value(type, texts[i]);

		if (!name || !value) {
			GENERAL_NAME_free(name);
			ASN1_STRING_free(value);
			return -EINVAL;
		}
		GENERAL_NAME_set0_value(name, type, value);
		if (!sk_GENERAL_NAME_push(names, name)) {
			GENERAL_NAME_free(name);
			return -ENOMEM;
		}
	}
	return 0;
}

static int add_alt_names(X509 *cert, const struct tls_pki_request *request)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	int r = names ? 0 : -ENOMEM;

	if (r == 0)
		r = add_names(names, GEN_DNS, request->dns);
	if (r == 0)
		r = add_names(names, GEN_URI, request->uri);
	if (r == 0)
		r = add_names(names, GEN_IPADD, request->ip);
	if (r == 0 && sk_GENERAL_NAME_num(names) > 0)
		r = X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) == 1 ? 0 : -EIO;
	sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
	return r;
}

/* --- extensions --- */

static int add_extension(X509 *cert, X509V3_CTX *context, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);
	int r = extension && X509_add_ext(cert, extension, -1) == 1 ? 0 : -EIO;

	X509_EXTENSION_free(extension);
	return r;
}

static int add_usage(X509 *cert, X509V3_CTX *context, const struct tls_pki_request *request)
{
	static const struct {
		const char *constraints, *key_usage, *extended;
	} usages[] = {
		[TLS_PKI_ROOT_CA] = {"critical,CA:TRUE", "critical,keyCertSign,cRLSign", NULL},
		[TLS_PKI_SUB_CA] = {"critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign",
				    NULL},
		[TLS_PKI_SERVER] = {"critical,CA:FALSE", "critical,digitalSignature", "serverAuth"},
		[TLS_PKI_CLIENT] = {"critical,CA:FALSE", "critical,digitalSignature", "clientAuth"},
	};
	int r;

	r = add_extension(cert, context, NID_basic_constraints, usages[request->usage].constraints);
	if (r == 0)
		r = add_extension(cert, context, NID_key_usage, usages[request->usage].key_usage);
	if (r == 0 && usages[request->usage].extended)
		r = add_extension(cert, context, NID_ext_key_usage,
				  usages[request->usage].extended);
	return r;
}

static int add_extensions(X509 *cert, X509 *issuer, const struct tls_pki_request *request)
{
	X509V3_CTX context;
	int r;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&context);
	r = add_usage(cert, &context, request);
	if (r == 0)
		r = add_extension(cert, &context, NID_subject_key_identifier, "hash");
	if (r == 0 && issuer != cert)
		r = add_extension(cert, &context, NID_authority_key_identifier, "keyid:always");
	if (r == 0)
		r = add_alt_names(cert, request);
	return r;
}

/* --- issue --- */

static int set_serial(X509 *cert)
{
	unsigned char bytes[SERIAL_BYTES];
	BIGNUM *number;
	int r = -EIO;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -EIO;
	bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive and never short */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	if (number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)))
		r = 0;
	BN_free(number);
	return r;
}

static const EVP_MD *digest_for(const EVP_PKEY *signer)
{
	return EVP_PKEY_is_a(signer, "ED25519") ? NULL : EVP_sha256();
}

static int sign(X509 *cert, EVP_PKEY *signer)
{
	return X509_sign(cert, signer, digest_for(signer)) > 0 ? 0 : -EIO;
}

static int fill(struct tls_pki_entity *entity, const struct tls_pki_request *request,
		const struct tls_pki_entity *issuer)
{
	const struct tls_pki_entity *by = issuer ? issuer : entity;
	X509 *cert = entity->cert;
	int r;

	r = set_subject(cert, request->cn);
	if (r == 0)
		r = set_serial(cert);
	if (r < 0)
		return r;
	if (X509_set_version(cert, X509_VERSION_3) != 1 ||
	    X509_set_issuer_name(cert, X509_get_subject_name(by->cert)) != 1 ||
	    !ASN1_TIME_adj(X509_getm_notBefore(cert), request->not_before, 0, 0) ||
	    !ASN1_TIME_adj(X509_getm_notAfter(cert), request->not_after, 0, 0) ||
	    X509_set_pubkey(cert, entity->key) != 1)
		return -EIO;
	r = add_extensions(cert, by->cert, request);
	return r < 0 ? r : sign(cert, by->key);
}

int tls_pki_issue(const struct tls_pki_request *request, const struct tls_pki_entity *issuer,
		  struct tls_pki_entity **ret_entity)
{
	struct tls_pki_entity _cleanup_pki_entity_ *entity = calloc(1, sizeof(*entity));
	int r;

	if (!entity)
		return -ENOMEM;
	entity->cert = X509_new();
	entity->key = new_key(request->key);
	r = entity->cert && entity->key ? fill(entity, request, issuer) : -EIO;
	ERR_clear_error();
	if (r < 0)
		return r;
	*ret_entity = entity;
	entity = NULL;
	return 0;
}

/* --- PEM --- */

int tls_pki_load(const char *cert_pem, const char *key_pem, struct tls_pki_entity **ret_entity)
{
	struct tls_pki_entity _cleanup_pki_entity_ *entity = calloc(1, sizeof(*entity));
	BIO *cert_bio = BIO_new_mem_buf(cert_pem, -1);
	BIO *key_bio = BIO_new_mem_buf(key_pem, -1);
	int r = -ENOMEM;

	if (entity && cert_bio && key_bio) {
		entity->cert = PEM_read_bio_X509(cert_bio, NULL, tls_no_password, NULL);
		entity->key = PEM_read_bio_PrivateKey(key_bio, NULL, tls_no_password, NULL);
		r = entity->cert && entity->key &&
				    X509_check_private_key(entity->cert, entity->key) == 1
			    ? 0
			    : -EINVAL;
	}
	BIO_free(cert_bio);
	BIO_free(key_bio);
	ERR_clear_error();
	if (r < 0)
		return r;
	*ret_entity = entity;
	entity = NULL;
	return 0;
}

void tls_pki_free(struct tls_pki_entity *entity)
{
	if (!entity)
		return;
	X509_free(entity->cert);
	EVP_PKEY_free(entity->key);
	free(entity);
}

/* Moves what is in @bio into a string and frees @bio, wiped. */
static char *take_text(BIO *bio, bool written)
{
	char *data, *text = NULL;
	long len = BIO_get_mem_data(bio, &data);

	if (written && len > 0)
		text = strndup(data, (size_t)len);
	if (len > 0)
		secret_wipe_mem(data, (size_t)len);
	BIO_free(bio);
	ERR_clear_error();
	return text;
}

char *tls_pki_cert_pem(const struct tls_pki_entity *entity)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return bio ? take_text(bio, PEM_write_bio_X509(bio, entity->cert) == 1) : NULL;
}

char *tls_pki_key_pem(const struct tls_pki_entity *entity)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (!bio)
		return NULL;
	return take_text(
		bio, PEM_write_bio_PrivateKey(bio, entity->key, NULL, NULL, 0, NULL, NULL) == 1);
}

/* --- CRLs --- */

static bool add_revoked(X509_CRL *crl, X509 *cert, time_t when)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *date = ASN1_TIME_set(NULL, when);
	bool ok = entry && date &&
		  X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(cert)) == 1 &&
		  X509_REVOKED_set_revocationDate(entry, date) == 1 &&
		  X509_CRL_add0_revoked(crl, entry) == 1;

	ASN1_TIME_free(date);
	if (!ok)
		X509_REVOKED_free(entry);
	return ok;
}

/* RFC 5280 wants both; a later CRL has a higher number. */
static bool add_crl_extensions(X509_CRL *crl, X509 *issuer, time_t from)
{
	X509V3_CTX context;
	X509_EXTENSION *key;
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	bool ok = number && ASN1_INTEGER_set_int64(number, from) == 1 &&
		  X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1;

	X509V3_set_ctx(&context, issuer, NULL, NULL, crl, 0);
	X509V3_set_ctx_nodb(&context);
	key = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
	ok = ok && key && X509_CRL_add_ext(crl, key, -1) == 1;
	X509_EXTENSION_free(key);
	ASN1_INTEGER_free(number);
	return ok;
}

static bool fill_crl(X509_CRL *crl, const struct tls_pki_entity *issuer, time_t from, time_t until)
{
	ASN1_TIME *begins = ASN1_TIME_set(NULL, from);
	ASN1_TIME *ends = ASN1_TIME_set(NULL, until);
	bool ok = begins && ends && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
		  X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)) == 1 &&
		  X509_CRL_set1_lastUpdate(crl, begins) == 1 &&
		  X509_CRL_set1_nextUpdate(crl, ends) == 1 &&
		  add_crl_extensions(crl, issuer->cert, from);

	ASN1_TIME_free(begins);
	ASN1_TIME_free(ends);
	return ok;
}

char *tls_pki_crl_pem(const struct tls_pki_entity *issuer, struct tls_pki_entity *const *revoked,
		      size_t n, time_t from, time_t until)
{
	X509_CRL *crl = X509_CRL_new();
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = crl && bio && fill_crl(crl, issuer, from, until);
	char *text = NULL;

	for (size_t i = 0; ok && i < n; i++)
		ok = add_revoked(crl, revoked[i]->cert, from);
	ok = ok && X509_CRL_sort(crl) == 1 &&
	     X509_CRL_sign(crl, issuer->key, digest_for(issuer->key)) > 0;
	if (bio)
		text = take_text(bio, ok && PEM_write_bio_X509_CRL(bio, crl) == 1);
	X509_CRL_free(crl);
	ERR_clear_error();
	return text;
}
