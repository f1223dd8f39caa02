// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "selftests/unit/material.h"

#include "base/fd.h"
#include "sys/tls_cert.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

SUITE("tls_cert", .deadline_ms = 20000);

static void check_finding(const struct tls_cert_finding *finding, enum tls_cert_result result,
			  const char *text)
{
	CHECK_EQ(finding->result, result, "%s", finding->text);
	CHECK(strstr(finding->text, text), "'%s' has no '%s'", finding->text, text);
	CHECK_EQ(finding->result == TLS_CERT_OK, finding->text[0] == '\0');
	CHECK_EQ(ERR_peek_error(), 0);
}

/* --- what sluice pki makes is good --- */

struct key_case {
	VARIANT;
	enum tls_pki_key key;
};

CASES(struct key_case, key_types, {.name = "p256", .key = TLS_PKI_ECDSA_P256},
      {.name = "p384", .key = TLS_PKI_ECDSA_P384}, {.name = "ed25519", .key = TLS_PKI_ED25519},
      {.name = "rsa", .key = TLS_PKI_RSA});

TEST_CASES(a_good_pair_has_no_findings, key_types)
{
	struct tls_pki_entity _cleanup_pki_entity_ *ca =
		material_issue(TLS_PKI_ROOT_CA, variant->key, "ca", -1, 1, NULL);
	struct tls_pki_entity _cleanup_pki_entity_ *server =
		material_issue(TLS_PKI_SERVER, variant->key, "server", -1, 1, ca);
	char _cleanup_free_ *ca_pem = tls_pki_cert_pem(ca);
	char _cleanup_free_ *leaf = tls_pki_cert_pem(server);
	char _cleanup_free_ *key = tls_pki_key_pem(server);
	char _cleanup_free_ *chain = material_joined(leaf, ca_pem);
	struct tls_cert_verdict verdict;

	tls_cert_check_chain(chain, strlen(chain), TLS_CERT_AS_SERVER, &verdict);
	check_finding(&verdict.mistake, TLS_CERT_OK, "");
	check_finding(&verdict.warning, TLS_CERT_OK, "");
	tls_cert_check_key(key, strlen(key), &verdict);
	check_finding(&verdict.mistake, TLS_CERT_OK, "");
	tls_cert_check_pair(chain, strlen(chain), key, strlen(key), &verdict);
	check_finding(&verdict.mistake, TLS_CERT_OK, "");
	tls_cert_check_ca(ca_pem, strlen(ca_pem), &verdict);
	check_finding(&verdict.mistake, TLS_CERT_OK, "");
	check_finding(&verdict.warning, TLS_CERT_OK, "");
}

/* --- texts --- */

struct text_case {
	VARIANT;
	const char *text;
	enum tls_cert_result result;
	const char *says;
};

/* clang-format off */
CASES(struct text_case, bad_chains,
      {.name = "empty", .text = "", .result = TLS_CERT_NO_CERTIFICATE, .says = "no certificate"},
      {.name = "words", .text = "hello", .result = TLS_CERT_NO_CERTIFICATE, .says = "no certificate"},
      {.name = "a_key", .text = MATERIAL_BLOCK("PRIVATE KEY", "AAAA"), .result = TLS_CERT_NO_CERTIFICATE, .says = "no certificate"},
      {.name = "not_base64", .text = MATERIAL_BLOCK("CERTIFICATE", "!!!!"), .result = TLS_CERT_BAD_CERTIFICATE, .says = "number 1 is damaged"},
      {.name = "not_der", .text = MATERIAL_BLOCK("CERTIFICATE", "AAAA"), .result = TLS_CERT_BAD_CERTIFICATE, .says = "number 1 is damaged"},
      {.name = "no_end", .text = "-----BEGIN CERTIFICATE-----\nAAAA\n", .result = TLS_CERT_BAD_CERTIFICATE, .says = "number 1 is damaged"},
      {.name = "request", .text = MATERIAL_BLOCK("CERTIFICATE REQUEST", "AAAA"), .result = TLS_CERT_NO_CERTIFICATE, .says = "no certificate"});

CASES(struct text_case, bad_keys,
      {.name = "empty", .text = "", .result = TLS_CERT_NO_KEY, .says = "no private key"},
      {.name = "words", .text = "hello", .result = TLS_CERT_NO_KEY, .says = "no private key"},
      {.name = "a_certificate", .text = MATERIAL_BLOCK("CERTIFICATE", "AAAA"), .result = TLS_CERT_NO_KEY, .says = "no private key"},
      {.name = "public", .text = MATERIAL_BLOCK("PUBLIC KEY", "AAAA"), .result = TLS_CERT_NO_KEY, .says = "no private key"},
      {.name = "damaged", .text = MATERIAL_BLOCK("PRIVATE KEY", "AAAA"), .result = TLS_CERT_BAD_KEY, .says = "damaged"},
      {.name = "no_end", .text = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n", .result = TLS_CERT_BAD_KEY, .says = "damaged"});
/* clang-format on */

TEST_CASES(a_text_that_is_no_chain, bad_chains)
{
	struct tls_cert_verdict verdict;

	tls_cert_check_chain(variant->text, strlen(variant->text), TLS_CERT_AS_SERVER, &verdict);
	check_finding(&verdict.mistake, variant->result, variant->says);
	tls_cert_check_ca(variant->text, strlen(variant->text), &verdict);
	check_finding(&verdict.mistake, variant->result, variant->says);
}

TEST_CASES(a_text_that_is_no_key, bad_keys)
{
	struct tls_cert_verdict verdict;

	tls_cert_check_key(variant->text, strlen(variant->text), &verdict);
	check_finding(&verdict.mistake, variant->result, variant->says);
}

TEST(damage_behind_the_first_certificate_is_found_and_words_between_are_not)
{
	struct tls_pki_entity _cleanup_pki_entity_ *server =
		material_issue(TLS_PKI_SERVER, TLS_PKI_ECDSA_P256, "server", -1, 1, NULL);
	char _cleanup_free_ *leaf = tls_pki_cert_pem(server);
	char _cleanup_free_ *damaged = material_joined(leaf, MATERIAL_BLOCK("CERTIFICATE", "AAAA"));
	char _cleanup_free_ *words = material_joined("subject=CN = x\n\n", leaf);
	struct tls_cert_verdict verdict;

	tls_cert_check_chain(damaged, strlen(damaged), TLS_CERT_AS_SERVER, &verdict);
	check_finding(&verdict.mistake, TLS_CERT_BAD_CERTIFICATE, "number 2 is damaged");
	tls_cert_check_chain(words, strlen(words), TLS_CERT_AS_SERVER, &verdict);
	check_finding(&verdict.mistake, TLS_CERT_OK, "");
}

TEST(the_number_of_certificates_is_limited)
{
	enum { LIMIT = 1000 };
	struct tls_pki_entity _cleanup_pki_entity_ *ca =
		material_issue(TLS_PKI_ROOT_CA, TLS_PKI_ED25519, "ca", -1, 1, NULL);
	char _cleanup_free_ *pem = tls_pki_cert_pem(ca);
	size_t len = strlen(pem);
	char _cleanup_free_ *many = malloc(len * (LIMIT + 1));
	struct tls_cert_verdict verdict;

	MUST(many);
	for (size_t i = 0; i <= LIMIT; i++)
		(void)mempcpy(many + i * len, pem, len);
	tls_cert_check_ca(many, len * LIMIT, &verdict);
	check_finding(&verdict.mistake, TLS_CERT_OK, "");
	tls_cert_check_ca(many, len * (LIMIT + 1), &verdict);
	check_finding(&verdict.mistake, TLS_CERT_BAD_CERTIFICATE, "more than 1000");
}

/* --- keys that are not for TLS here --- */

static char *take_pem(BIO *bio, int written)
{
	char *data, *pem;
	long len = BIO_get_mem_data(bio, &data);

	MUST(written == 1 && len > 0);
	pem = strndup(data, (size_t)len);
	BIO_free(bio);
	return pem;
}

static char *key_pem(EVP_PKEY *key, const char *password)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return take_pem(bio, PEM_write_bio_PKCS8PrivateKey(
				     bio, key, password ? EVP_aes_128_cbc() : NULL, password,
				     password ? (int)strlen(password) : 0, NULL, NULL));
}

/* Self-signed, for any key and any digest. */
static char *cert_pem(EVP_PKEY *key, const EVP_MD *md)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_NAME_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;

	MUST(cert && name && bio);
	MUST_EQ(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"x", 1,
					   -1, 0),
		1);
	MUST(X509_set_subject_name(cert, name) == 1 && X509_set_issuer_name(cert, name) == 1 &&
	     X509_set_version(cert, X509_VERSION_3) == 1 && X509_set_pubkey(cert, key) == 1 &&
	     X509_gmtime_adj(X509_getm_notBefore(cert), -60) &&
	     X509_gmtime_adj(X509_getm_notAfter(cert), 3600) && X509_sign(cert, key, md) > 0);
	pem = take_pem(bio, PEM_write_bio_X509(bio, cert));
	X509_NAME_free(name);
	X509_free(cert);
	return pem;
}

struct type_case {
	VARIANT;
	const char *type, *group;
	size_t bits;
	const char *says;
};

CASES(struct type_case, bad_types,
      {.name = "rsa_1024", .type = "RSA", .bits = 1024, .says = "RSA with 1024 bits"},
      {.name = "p521", .type = "EC", .group = "P-521", .says = "curve secp521r1"},
      {.name = "secp256k1", .type = "EC", .group = "secp256k1", .says = "curve secp256k1"},
      {.name = "ed448", .type = "ED448", .says = "type ED448"});

TEST_CASES(a_key_that_is_not_taken, bad_types)
{
	EVP_PKEY *key = variant->group	? EVP_PKEY_Q_keygen(NULL, NULL, "EC", variant->group)
			: variant->bits ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", variant->bits)
					: EVP_PKEY_Q_keygen(NULL, NULL, variant->type);
	char _cleanup_free_ *cert = cert_pem(key, variant->type[1] == 'D' ? NULL : EVP_sha256());
	char _cleanup_free_ *pem = key_pem(key, NULL);
	struct tls_cert_verdict verdict;

	tls_cert_check_key(pem, strlen(pem), &verdict);
	check_finding(&verdict.mistake, TLS_CERT_KEY_TYPE, variant->says);
	tls_cert_check_chain(cert, strlen(cert), TLS_CERT_AS_SERVER, &verdict);
	check_finding(&verdict.mistake, TLS_CERT_KEY_TYPE, variant->says);
	EVP_PKEY_free(key);
}

TEST(an_encrypted_key_is_not_asked_for)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	char _cleanup_free_ *pem = key_pem(key, "secret");
	struct tls_cert_verdict verdict;

	tls_cert_check_key(pem, strlen(pem), &verdict);
	check_finding(&verdict.mistake, TLS_CERT_KEY_ENCRYPTED, "encrypted");
	EVP_PKEY_free(key);
}

TEST(a_key_of_somebody_else)
{
	struct tls_pki_entity _cleanup_pki_entity_ *one =
		material_issue(TLS_PKI_SERVER, TLS_PKI_ECDSA_P256, "one", -1, 1, NULL);
	struct tls_pki_entity _cleanup_pki_entity_ *two =
		material_issue(TLS_PKI_SERVER, TLS_PKI_ECDSA_P256, "two", -1, 1, NULL);
	struct tls_pki_entity _cleanup_pki_entity_ *rsa =
		material_issue(TLS_PKI_SERVER, TLS_PKI_RSA, "rsa", -1, 1, NULL);
	char _cleanup_free_ *cert = tls_pki_cert_pem(one);
	char _cleanup_free_ *key = tls_pki_key_pem(two);
	char _cleanup_free_ *rsa_key = tls_pki_key_pem(rsa);
	struct tls_cert_verdict verdict;

	tls_cert_check_pair(cert, strlen(cert), key, strlen(key), &verdict);
	check_finding(&verdict.mistake, TLS_CERT_MISMATCH, "CN=one");
	tls_cert_check_pair(cert, strlen(cert), rsa_key, strlen(rsa_key), &verdict);
	check_finding(&verdict.mistake, TLS_CERT_MISMATCH, "CN=one");
}

/* --- what is odd about certificates that can be used --- */

struct odd_case {
	VARIANT;
	enum tls_pki_usage usage;
	int from, until;
	enum tls_cert_result warning;
	const char *says;
};

CASES(struct odd_case, odds,
      {.name = "expired",
       .usage = TLS_PKI_SERVER,
       .from = -3,
       .until = -1,
       .warning = TLS_CERT_EXPIRED,
       .says = "CN=x expired at 20"},
      {.name = "not_yet",
       .usage = TLS_PKI_SERVER,
       .from = 1,
       .until = 3,
       .warning = TLS_CERT_NOT_YET_VALID,
       .says = "CN=x is not valid before 20"},
      {.name = "for_clients",
       .usage = TLS_PKI_CLIENT,
       .from = -1,
       .until = 1,
       .warning = TLS_CERT_REFUSED,
       .says = "not for TLS servers"});

TEST_CASES(a_warning_is_no_mistake, odds)
{
	struct tls_pki_entity _cleanup_pki_entity_ *entity = material_issue(
		variant->usage, TLS_PKI_ECDSA_P256, "x", variant->from, variant->until, NULL);
	char _cleanup_free_ *pem = tls_pki_cert_pem(entity);
	struct tls_cert_verdict verdict;

	tls_cert_check_chain(pem, strlen(pem), TLS_CERT_AS_SERVER, &verdict);
	check_finding(&verdict.mistake, TLS_CERT_OK, "");
	check_finding(&verdict.warning, variant->warning, variant->says);
}

TEST(an_expired_ca_is_a_warning)
{
	struct tls_pki_entity _cleanup_pki_entity_ *ca =
		material_issue(TLS_PKI_ROOT_CA, TLS_PKI_ECDSA_P256, "ca", -3, -1, NULL);
	char _cleanup_free_ *pem = tls_pki_cert_pem(ca);
	struct tls_cert_verdict verdict;

	tls_cert_check_ca(pem, strlen(pem), &verdict);
	check_finding(&verdict.mistake, TLS_CERT_OK, "");
	check_finding(&verdict.warning, TLS_CERT_EXPIRED, "CN=ca expired");
}

TEST(a_chain_in_the_wrong_order_is_a_warning)
{
	struct tls_pki_entity _cleanup_pki_entity_ *root =
		material_issue(TLS_PKI_ROOT_CA, TLS_PKI_ECDSA_P256, "root", -1, 1, NULL);
	struct tls_pki_entity _cleanup_pki_entity_ *sub =
		material_issue(TLS_PKI_SUB_CA, TLS_PKI_ECDSA_P256, "sub", -1, 1, root);
	struct tls_pki_entity _cleanup_pki_entity_ *leaf =
		material_issue(TLS_PKI_SERVER, TLS_PKI_ECDSA_P256, "leaf", -1, 1, sub);
	char _cleanup_free_ *root_pem = tls_pki_cert_pem(root);
	char _cleanup_free_ *sub_pem = tls_pki_cert_pem(sub);
	char _cleanup_free_ *leaf_pem = tls_pki_cert_pem(leaf);
	char _cleanup_free_ *good = material_joined(leaf_pem, sub_pem);
	char _cleanup_free_ *bad = material_joined(leaf_pem, root_pem);
	struct tls_cert_verdict verdict;

	tls_cert_check_chain(good, strlen(good), TLS_CERT_AS_SERVER, &verdict);
	check_finding(&verdict.warning, TLS_CERT_OK, "");
	tls_cert_check_chain(bad, strlen(bad), TLS_CERT_AS_SERVER, &verdict);
	check_finding(&verdict.mistake, TLS_CERT_OK, "");
	check_finding(&verdict.warning, TLS_CERT_REFUSED, "CN=leaf is not signed by the next");
}

TEST(a_servers_certificate_is_no_ca)
{
	struct tls_pki_entity _cleanup_pki_entity_ *ca =
		material_issue(TLS_PKI_ROOT_CA, TLS_PKI_ECDSA_P256, "ca", -1, 1, NULL);
	struct tls_pki_entity _cleanup_pki_entity_ *leaf =
		material_issue(TLS_PKI_SERVER, TLS_PKI_ECDSA_P256, "leaf", -1, 1, ca);
	char _cleanup_free_ *ca_pem = tls_pki_cert_pem(ca);
	char _cleanup_free_ *leaf_pem = tls_pki_cert_pem(leaf);
	char _cleanup_free_ *both = material_joined(ca_pem, leaf_pem);
	struct tls_cert_verdict verdict;

	tls_cert_check_ca(both, strlen(both), &verdict);
	check_finding(&verdict.mistake, TLS_CERT_NOT_A_CA, "CN=leaf is not a CA");
}
