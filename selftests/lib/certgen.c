// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/certgen.h"

#include "selftests/harness/harness.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_S 3600
#define DAY_S  (24 * HOUR_S)

/* --- keys --- */

static EVP_PKEY *new_key(enum certgen_key type)
{
	switch (type) {
	case CERTGEN_P256:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	case CERTGEN_P384:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	case CERTGEN_P521:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
	case CERTGEN_P224:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-224");
	case CERTGEN_SECP256K1:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
	case CERTGEN_RSA_1024:
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	case CERTGEN_RSA_2048:
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	case CERTGEN_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case CERTGEN_ED448:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
	case CERTGEN_RSA_PSS:
	case CERTGEN_KEY_TYPES:
		break;
	}
	return NULL;
}

static EVP_PKEY *new_pss_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY *key = NULL;

	MUST(ctx && EVP_PKEY_keygen_init(ctx) == 1 &&
	     EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) == 1 && EVP_PKEY_generate(ctx, &key) == 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

EVP_PKEY *certgen_key(enum certgen_key type, unsigned int number)
{
	static EVP_PKEY *keys[CERTGEN_KEY_TYPES][CERTGEN_KEYS_MAX];
	EVP_PKEY **key;

	MUST(type < CERTGEN_KEY_TYPES && number < CERTGEN_KEYS_MAX);
	key = &keys[type][number];
	if (!*key)
		*key = type == CERTGEN_RSA_PSS ? new_pss_key() : new_key(type);
	MUST(*key);
	return *key;
}

/* --- names --- */

/* OpenSSL turns strings into what it likes: type and bytes are put in by hand. */
static void add_rdn(X509_NAME *name, const struct certgen_rdn *rdn)
{
	const unsigned char *any = (const unsigned char *)"x";
	ASN1_STRING *value;

	MUST_EQ(X509_NAME_add_entry_by_NID(name, rdn->nid, V_ASN1_UTF8STRING, any, 1, -1,
					   rdn->joined ? -1 : 0),
		1);
	value = X509_NAME_ENTRY_get_data(
		X509_NAME_get_entry(name, X509_NAME_entry_count(name) - 1));
	MUST_EQ(ASN1_STRING_set(value, rdn->bytes, rdn->len), 1);
	value->type = rdn->type ? rdn->type : V_ASN1_UTF8STRING;
}

static X509_NAME *subject_of(const struct certgen *from)
{
	const char *cn = from->cn ? from->cn : from->ca ? "some CA" : "client-a";
	const struct certgen_rdn plain = {NID_commonName, 0, cn, (int)strlen(cn), false};
	X509_NAME *name = X509_NAME_new();

	MUST(name);
	if (!from->nameless && from->rdns[0].nid == 0)
		add_rdn(name, &plain);
	for (size_t i = 0; i < CERTGEN_LIST_MAX && from->rdns[i].nid; i++)
		add_rdn(name, &from->rdns[i]);
	return name;
}

static GENERAL_NAME *general_name(const struct certgen_san *san)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value =
		san->type - 1 == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();

	MUST(name && value && ASN1_STRING_set(value, san->bytes, san->len) == 1);
	GENERAL_NAME_set0_value(name, san->type - 1, value);
	return name;
}

static void add_sans(X509 *x509, const struct certgen *from)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();

	for (size_t i = 0; i < CERTGEN_LIST_MAX && from->sans[i].type; i++)
		MUST(sk_GENERAL_NAME_push(names, general_name(&from->sans[i])) > 0);
	if (sk_GENERAL_NAME_num(names) > 0)
		MUST_EQ(X509_add1_ext_i2d(x509, NID_subject_alt_name, names, from->san_critical,
					  X509V3_ADD_APPEND),
			1);
	sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
}

/* --- extensions --- */

static bool is_named(const struct certgen *from, const char *name)
{
	for (size_t i = 0; i < CERTGEN_LIST_MAX && from->exts[i].name; i++) {
		if (strcmp(from->exts[i].name, name) == 0)
			return true;
	}
	return false;
}

static void add_extension(X509 *x509, const char *name, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, x509, x509, NULL, NULL, 0);
	extension = X509V3_EXT_nconf(NULL, &ctx, name, value);
	MUST(extension, "%s = %s", name, value);
	MUST_EQ(X509_add_ext(x509, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static void add_extensions(X509 *x509, const struct certgen *from)
{
	static const struct certgen_extension of_ca[] = {
		{"basicConstraints", "critical,CA:TRUE"},
		{"keyUsage", "critical,keyCertSign,cRLSign"},
	};
	static const struct certgen_extension of_client[] = {
		{"basicConstraints", "critical,CA:FALSE"},
		{"keyUsage", "critical,digitalSignature"},
		{"extendedKeyUsage", "clientAuth"},
	};
	const struct certgen_extension *defaults = from->ca ? of_ca : of_client;
	size_t n_defaults = from->ca ? 2 : 3;

	for (size_t i = 0; i < n_defaults && !from->bare; i++) {
		if (!is_named(from, defaults[i].name))
			add_extension(x509, defaults[i].name, defaults[i].value);
	}
	for (size_t i = 0; i < CERTGEN_LIST_MAX && from->exts[i].name; i++) {
		if (from->exts[i].value)
			add_extension(x509, from->exts[i].name, from->exts[i].value);
	}
	add_sans(x509, from);
}

/* --- the rest of what is signed --- */

static void set_time(ASN1_TIME *time, const char *written, long offset_s)
{
	if (!written) {
		MUST(X509_gmtime_adj(time, offset_s));
		return;
	}
	/* As it is, whether that is a time or not. */
	MUST_EQ(ASN1_STRING_set(time, written, (int)strlen(written)), 1);
	time->type = strlen(written) > 13 ? V_ASN1_GENERALIZEDTIME : V_ASN1_UTCTIME;
}

static void set_serial(X509 *x509, const char *hex)
{
	static int next = 1000;
	BIGNUM *number = NULL;

	if (!hex) {
		MUST_EQ(ASN1_INTEGER_set(X509_get_serialNumber(x509), next++), 1);
		return;
	}
	MUST(BN_hex2bn(&number, hex) > 0);
	MUST(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)));
	BN_free(number);
}

static X509 *unsigned_certificate(const struct certgen *from, const X509_NAME *issuer,
				  X509_NAME *subject, EVP_PKEY *key)
{
	X509 *x509 = X509_new();

	MUST(x509 &&
	     X509_set_version(x509, from->version ? from->version - 1 : X509_VERSION_3) == 1);
	set_serial(x509, from->serial);
	MUST(X509_set_issuer_name(x509, issuer) == 1 && X509_set_subject_name(x509, subject) == 1);
	MUST_EQ(X509_set_pubkey(x509, key), 1);
	set_time(X509_getm_notBefore(x509), from->from, from->from_s ? from->from_s : -HOUR_S);
	set_time(X509_getm_notAfter(x509), from->until, from->until_s ? from->until_s : DAY_S);
	add_extensions(x509, from);
	return x509;
}

/* --- DER --- */

struct der {
	uint8_t *bytes;
	size_t len;
};

static void der_put(struct der *der, const void *bytes, size_t len)
{
	der->bytes = realloc(der->bytes, der->len + len + 1);
	MUST(der->bytes);
	memcpy(der->bytes + der->len, bytes, len);
	der->len += len;
}

static void der_header(struct der *der, uint8_t tag, size_t len)
{
	const uint8_t header[] = {tag, 0x83, (uint8_t)(len >> 16), (uint8_t)(len >> 8),
				  (uint8_t)len};
	const uint8_t middle[] = {tag, 0x82, (uint8_t)(len >> 8), (uint8_t)len};
	const uint8_t small[] = {tag, 0x81, (uint8_t)len};

	if (len > 0xffff)
		der_put(der, header, sizeof(header));
	else if (len > 0xff)
		der_put(der, middle, sizeof(middle));
	else if (len > 0x7f)
		der_put(der, small, sizeof(small));
	else
		der_put(der, (const uint8_t[]){tag, (uint8_t)len}, 2);
}

static void apply_patch(struct der *der, const struct certgen_patch *patch)
{
	uint8_t *at = der->bytes, *end = der->bytes + der->len;
	size_t len = (size_t)patch->len, count = 0;

	while ((at = memmem(at, (size_t)(end - at), patch->from, len))) {
		memcpy(at, patch->to, len);
		at += len;
		count++;
	}
	MUST(count > 0, "nothing to patch");
}

static void flip_subject(struct der *tbs, X509 *x509)
{
	const unsigned char *name = NULL;
	size_t len = 0;
	uint8_t *at;

	MUST_EQ(X509_NAME_get0_der(X509_get_subject_name(x509), &name, &len), 1);
	at = memmem(tbs->bytes, tbs->len, name, len);
	MUST(at);
	at[len - 1] ^= 1;
}

static struct der sign(const struct der *tbs, EVP_PKEY *key, const EVP_MD *md)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct der signature = {};

	MUST(ctx && EVP_DigestSignInit(ctx, NULL, md, NULL, key) == 1 &&
	     EVP_DigestSign(ctx, NULL, &signature.len, tbs->bytes, tbs->len) == 1);
	signature.bytes = malloc(signature.len + 1);
	MUST(signature.bytes);
	MUST_EQ(EVP_DigestSign(ctx, signature.bytes, &signature.len, tbs->bytes, tbs->len), 1);
	EVP_MD_CTX_free(ctx);
	return signature;
}

static void put_certificate(struct der *out, const struct der *tbs, const X509_ALGOR *algorithm,
			    const struct der *signature)
{
	unsigned char *alg = NULL;
	int alg_len = i2d_X509_ALGOR(algorithm, &alg);
	struct der body = {};

	MUST(alg_len > 0);
	der_put(&body, tbs->bytes, tbs->len);
	der_put(&body, alg, (size_t)alg_len);
	der_header(&body, V_ASN1_BIT_STRING, signature->len + 1);
	der_put(&body, "", 1);
	der_put(&body, signature->bytes, signature->len);
	der_header(out, V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED, body.len);
	der_put(out, body.bytes, body.len);
	OPENSSL_free(alg);
	free(body.bytes);
}

static void damage(struct der *der, enum certgen_damage how)
{
	switch (how) {
	case CERTGEN_FLIP_SIGNATURE:
		der->bytes[der->len - 1] ^= 1;
		break;
	case CERTGEN_TRAILING:
		der_put(der, "", 1);
		break;
	case CERTGEN_CUT:
		der->len--;
		break;
	case CERTGEN_GARBAGE:
		memset(der->bytes, 0xa5, der->len);
		break;
	case CERTGEN_INTACT:
	case CERTGEN_FLIP_TBS:
	case CERTGEN_OTHER_ALGORITHM:
		break;
	}
}

static const EVP_MD *digest_for(const struct certgen *from, EVP_PKEY *key)
{
	int type = EVP_PKEY_get_base_id(key);

	if (type == EVP_PKEY_ED25519 || type == EVP_PKEY_ED448)
		return NULL;
	return EVP_get_digestbyname(from->digest ? from->digest : "SHA256");
}

static enum certgen_key type_of(const struct certgen_cert *cert)
{
	return cert->from->key;
}

/* @x509 gets its algorithms and an encoding by being signed; what counts is signed once more here. */
static struct der encode(const struct certgen *from, X509 *x509, EVP_PKEY *signer)
{
	const EVP_MD *md = digest_for(from, signer);
	X509_ALGOR *other = X509_ALGOR_new();
	const X509_ALGOR *algorithm;
	unsigned char *bytes = NULL;
	struct der tbs = {}, out = {}, signature;
	int len;

	MUST(other && X509_sign(x509, signer, md) > 0);
	len = i2d_re_X509_tbs(x509, &bytes);
	MUST(len > 0);
	der_put(&tbs, bytes, (size_t)len);
	OPENSSL_free(bytes);
	if (from->patch.from)
		apply_patch(&tbs, &from->patch);
	signature = sign(&tbs, signer, md);
	if (from->damage == CERTGEN_FLIP_TBS)
		flip_subject(&tbs, x509);
	X509_get0_signature(NULL, &algorithm, x509);
	if (from->damage == CERTGEN_OTHER_ALGORITHM) {
		MUST_EQ(X509_ALGOR_set0(other, OBJ_nid2obj(NID_ecdsa_with_SHA384), V_ASN1_UNDEF,
					NULL),
			1);
		algorithm = other;
	}
	put_certificate(&out, &tbs, algorithm, &signature);
	damage(&out, from->damage);
	X509_ALGOR_free(other);
	free(tbs.bytes);
	free(signature.bytes);
	return out;
}

struct certgen_cert *certgen_issue(const struct certgen *from, const struct certgen_cert *issuer,
				   unsigned int key_number)
{
	struct certgen_cert *cert = calloc(1, sizeof(*cert));
	EVP_PKEY *signer;
	struct der der;
	X509 *x509;

	MUST(cert);
	cert->from = from;
	cert->key = certgen_key(from->key, from->key_number ? from->key_number : key_number);
	cert->subject = subject_of(from);
	x509 = unsigned_certificate(from, issuer ? issuer->subject : cert->subject, cert->subject,
				    cert->key);
	signer = issuer ? issuer->key : cert->key;
	if (from->signed_by)
		signer = certgen_key(type_of(issuer ? issuer : cert), from->signed_by);
	der = encode(from, x509, signer);
	cert->der = der.bytes;
	cert->len = der.len;
	X509_free(x509);
	return cert;
}

void certgen_free(struct certgen_cert *cert)
{
	if (!cert)
		return;
	X509_NAME_free(cert->subject);
	free(cert->der);
	free(cert);
}

void certgen_write_pem(const struct certgen_cert *cert, const char *path)
{
	FILE *file = fopen(path, "ae");

	MUST(file && PEM_write(file, "CERTIFICATE", "", cert->der, (long)cert->len) > 0);
	MUST_EQ(fclose(file), 0);
}
