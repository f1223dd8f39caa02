// SPDX-License-Identifier: Apache-2.0
/* What an upstream is told about a connection: against certificates that OpenSSL makes here. */
#include "selftests/harness/harness.h"
#include "selftests/unit/tls_pair.h"

#include "base/fd.h"
#include "sys/tls_peer.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

SUITE("tls_peer");

struct cn {
	const char *bytes;
	int len;
	int type; /* V_ASN1_UTF8STRING, …; 0: none */
};

/* A client's certificate with these CNs, signed by its own key. */
static X509 *certificate_with(EVP_PKEY *key, const struct cn *cns, size_t n)
{
	X509 *certificate = X509_new();
	X509_NAME *name = certificate ? X509_get_subject_name(certificate) : NULL;

	MUST(name);
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -1000);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 1000);
	MUST_EQ(X509_NAME_add_entry_by_NID(name, NID_organizationName, MBSTRING_ASC,
					   (const unsigned char *)"test", -1, -1, 0),
		1);
	for (size_t i = 0; i < n; i++)
		MUST_EQ(X509_NAME_add_entry_by_NID(name, NID_commonName, cns[i].type,
						   (const unsigned char *)cns[i].bytes, cns[i].len,
						   -1, 0),
			1);
	X509_set_issuer_name(certificate, name);
	X509_set_pubkey(certificate, key);
	MUST(X509_sign(certificate, key, EVP_sha256()) > 0);
	return certificate;
}

static char *pem_of(X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text, *copy;
	long len;

	MUST_EQ(PEM_write_bio_X509(bio, certificate), 1);
	len = BIO_get_mem_data(bio, &text);
	copy = strndup(text, (size_t)len);
	BIO_free(bio);
	return copy;
}

/** A connection whose client has shown a certificate. */
struct shown {
	struct tls_pair pair;
	EVP_PKEY *key;
	X509 *certificate;
};

static void show(struct shown *shown, int version, const struct cn *cns, size_t n)
{
	char _cleanup_free_ *ca = NULL;

	shown->key = EVP_EC_gen("P-256");
	shown->certificate = certificate_with(shown->key, cns, n);
	ca = pem_of(shown->certificate);
	tls_pair_open(&shown->pair, &(struct tls_pair_options){.version = version,
							       .cert = shown->certificate,
							       .key = shown->key,
							       .client_ca = ca});
}

static void shown_done(struct shown *shown)
{
	tls_pair_close(&shown->pair);
	X509_free(shown->certificate);
	EVP_PKEY_free(shown->key);
}

struct cn_case {
	VARIANT;
	struct cn cns[2];
	size_t n;
	int result;
	const char *text;
};

#define CN(text, asn1)                                                                             \
	{                                                                                          \
		(text), sizeof(text) - 1, (asn1)                                                   \
	}

/* clang-format off */
CASES(struct cn_case, cns,
      {.name = "one", .cns = {CN("client-a", V_ASN1_UTF8STRING)}, .n = 1, .result = 1, .text = "client-a"},
      {.name = "none", .result = 0},
      {.name = "two", .cns = {CN("a", V_ASN1_UTF8STRING), CN("b", V_ASN1_UTF8STRING)}, .n = 2, .result = -E2BIG},
      {.name = "the_same_twice", .cns = {CN("a", V_ASN1_UTF8STRING), CN("a", V_ASN1_UTF8STRING)}, .n = 2, .result = -E2BIG},
      {.name = "utf8", .cns = {CN("J\xc3\xbcrgen", V_ASN1_UTF8STRING)}, .n = 1, .result = 1, .text = "J\xc3\xbcrgen"},
      {.name = "bmp", .cns = {CN("\0J\0\xfc", V_ASN1_BMPSTRING)}, .n = 1, .result = 1, .text = "J\xc3\xbc"},
      {.name = "nul", .cns = {CN("client-a\0.evil", V_ASN1_UTF8STRING)}, .n = 1, .result = -EINVAL},
      {.name = "bmp_nul", .cns = {CN("\0a\0\0", V_ASN1_BMPSTRING)}, .n = 1, .result = -EINVAL},
      {.name = "newline", .cns = {CN("a\nb", V_ASN1_UTF8STRING)}, .n = 1, .result = -EINVAL});
/* clang-format on */

TEST_CASES(the_only_cn_is_told, cns)
{
	char _cleanup_free_ *cn = NULL;
	struct shown shown;
	size_t len = 0;

	show(&shown, TLS1_3_VERSION, variant->cns, variant->n);
	CHECK_EQ(tls_peer_cn(shown.pair.conn, &cn, &len), variant->result);
	if (variant->text) {
		MUST_EQ(len, strlen(variant->text));
		CHECK_MEM(cn, variant->text, len);
	} else {
		CHECK(!cn);
	}
	shown_done(&shown);
}

struct version_case {
	VARIANT;
	int version;
};

CASES(struct version_case, versions, {.name = "1.2", .version = TLS1_2_VERSION},
      {.name = "1.3", .version = TLS1_3_VERSION});

TEST_CASES(the_certificate_is_told_as_it_is, versions)
{
	static const struct cn cn = CN("client-a", V_ASN1_UTF8STRING);
	uint8_t _cleanup_free_ *der = NULL;
	unsigned char *mine = NULL;
	struct shown shown;
	size_t len = 0;

	show(&shown, variant->version, &cn, 1);
	MUST_EQ(tls_peer_certificate(shown.pair.conn, &der, &len), 0);
	MUST_EQ(len, i2d_X509(shown.certificate, &mine));
	CHECK_MEM(der, mine, len);
	OPENSSL_free(mine);
	CHECK(!tls_peer_resumed(shown.pair.conn));
	shown_done(&shown);
}

TEST_CASES(who_has_shown_nothing_is_nobody, versions)
{
	uint8_t *der = NULL;
	char *cn = NULL, key[TLS_KEY_NAME_MAX];
	struct tls_pair pair;
	size_t len = 1;

	tls_pair_open(&pair, &(struct tls_pair_options){.version = variant->version});
	CHECK_EQ(tls_peer_certificate(pair.conn, &der, &len), -ENOENT);
	CHECK_EQ(tls_peer_cn(pair.conn, &cn, &len), 0);
	CHECK(!der && !cn);
	CHECK(!tls_alpn(pair.conn, &len));
	CHECK_EQ(len, 0);
	/* Of the certificate that the pair's server has. */
	CHECK_STR(tls_own_signature_name(pair.conn), "ecdsa-with-SHA256");
	CHECK_STR(tls_own_key_name(pair.conn, key), "EC256");
	tls_pair_close(&pair);
}
