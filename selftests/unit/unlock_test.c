// SPDX-License-Identifier: Apache-2.0
/* What a password locks: PKCS#12 files and encrypted keys become PEM, or `sluice check` says why not. */
#include "selftests/harness/harness.h"

#include "selftests/unit/material.h"

#include "base/fd.h"
#include "base/lockmem.h"
#include "base/report.h"
#include "daemon/bundle.h"
#include "model/config.h"
#include "sys/tls_unlock.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdlib.h>
#include <string.h>

SUITE("unlock", .deadline_ms = 20000);

/* Made by `openssl pkcs12 -export -legacy`: RC2 with 40 bits, as Windows and old Java wrote it. */
static const char legacy_base64[] =
	"MIIDegIBAzCCA0AGCSqGSIb3DQEHAaCCAzEEggMtMIIDKTCCAh8GCSqGSIb3DQEHBqCCAhAwggIM"
	"AgEAMIICBQYJKoZIhvcNAQcBMBwGCiqGSIb3DQEMAQYwDgQIJ14lYS4icNQCAggAgIIB2GwJ4VeG"
	"qJP3lkfK2cZNumcr+C8qah6GN7HqrykVk1AlONnxHOZuy+8RHIhCKyqoKj1FsvPCH8vBjHuke74l"
	"ZsymRZhhyoMi1gS4Rm3/5jufkSeuWJb00lZF0aZuI1EWe3lTFwpBqi6OCyw4PJ81WHRy0SMB25jE"
	"Wgx28uuuXLgFSzC3jkYkZaM7GLa1KvikB2nJRJ0uutaGiB0DBRwv3+gqD2Evxgir0znNi9KMgZ8/"
	"dmtYh6NN317kqDnvdOa9QmmP1hs1MRy38MFd9k7OllXLfWvmf4ukf7krYHKPV5+ZTUl9A43gHn2S"
	"Q5wiupntbnZttXL6NzCQYTYqOCm7Hjlije9V9SRQh/zDGPsXfYpqsVP7fQuM/qdBBKdn6reEquL6"
	"qU1vDONLs9poZTbGHzLw55a7pPgPiviW9IPvtFNV16lx7TbwsrAs3oJFUfuH48xH6+JaJ06+xIjj"
	"gq8qM0wmODRBL2SUd1BdVNPVt4HFnAJ1El3RX8DyAyIizy5jMT0N1I0e/+koSKdgsq3gfcF89yX6"
	"LChK7WapOJYA6fwdnV14u4FNtzVCQAX0Cf7S+Nv8LxB1FOV0zR5vOMNzD8WqtL/X+zaydztL18a6"
	"zfimAldF0Kv8D1YwggECBgkqhkiG9w0BBwGggfQEgfEwge4wgesGCyqGSIb3DQEMCgECoIG0MIGx"
	"MBwGCiqGSIb3DQEMAQMwDgQIplIcblruRBACAggABIGQ06rcxBiEOXlbHvXH2lcd+omTWa9VENdT"
	"Uhzf408FD4L5tc1fukc5yl5hapBy7I1wnvt9l54lwCPbm/R5am/X0cO2I6Cj0O87up/PLBono1Wl"
	"YC4bSeY+ZWvdYyb6bg7qsO298jwPrQGxZ4Rznf1eKy4nlDHNcpPpuvyeAwIctzx3+W7t9rXiRFbl"
	"1bIkyFT+MSUwIwYJKoZIhvcNAQkVMRYEFMu0hAQ4LdZDGAW5mB/rypx06bAXMDEwITAJBgUrDgMC"
	"GgUABBRkBcEuZk4B/+oC9om8g9Vm2PvEogQIhHPXSuzLPyICAggA";

/* --- PKCS#12 files --- */

static X509 *certificate_of(const struct tls_pki_entity *entity)
{
	char _cleanup_free_ *pem = tls_pki_cert_pem(entity);
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	MUST(certificate);
	return certificate;
}

static EVP_PKEY *key_of(const struct tls_pki_entity *entity)
{
	char _cleanup_free_ *pem = tls_pki_key_pem(entity);
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	MUST(key);
	return key;
}

/** What goes into a file. */
struct content {
	const char *password;
	const struct tls_pki_entity *key, *leaf; /* NULL: without */
	const struct tls_pki_entity *others[4];	 /* up to the first NULL */
};

static size_t make_file(const struct content *content, unsigned char **ret_bytes)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	EVP_PKEY *key = content->key ? key_of(content->key) : NULL;
	X509 *leaf = content->leaf ? certificate_of(content->leaf) : NULL;
	PKCS12 *file;
	int len;

	for (size_t i = 0; content->others[i]; i++)
		MUST(sk_X509_push(others, certificate_of(content->others[i])) > 0);
	file = PKCS12_create(content->password, "test", key, leaf, others, 0, 0, 0, 0, 0);
	MUST(file);
	*ret_bytes = NULL;
	len = i2d_PKCS12(file, ret_bytes);
	MUST(len > 0);
	PKCS12_free(file);
	X509_free(leaf);
	EVP_PKEY_free(key);
	sk_X509_pop_free(others, X509_free);
	return (size_t)len;
}

static void unlock(const struct content *content, const char *password, struct tls_unlocked *chain,
		   struct tls_unlocked *key, struct tls_cert_finding *mistake)
{
	unsigned char *bytes;
	size_t len = make_file(content, &bytes);

	tls_unlock_pkcs12(bytes, len, password, chain, key, mistake);
	CHECK_EQ(ERR_peek_error(), 0);
	CHECK_EQ(chain->text != NULL, mistake->result == TLS_CERT_OK);
	CHECK_EQ(key->text != NULL, mistake->result == TLS_CERT_OK);
	OPENSSL_free(bytes);
}

static void drop(struct tls_unlocked *text)
{
	lockmem_free(text->text, text->len + 1);
}

/* In the file they have another order, and there are some that do not belong there. */
TEST(a_chain_is_put_in_order)
{
	struct tls_pki_entity _cleanup_pki_entity_ *root =
		material_issue(TLS_PKI_ROOT_CA, TLS_PKI_ECDSA_P256, "root", -1, 1, NULL);
	struct tls_pki_entity _cleanup_pki_entity_ *sub =
		material_issue(TLS_PKI_SUB_CA, TLS_PKI_ECDSA_P256, "sub", -1, 1, root);
	struct tls_pki_entity _cleanup_pki_entity_ *other =
		material_issue(TLS_PKI_SUB_CA, TLS_PKI_ECDSA_P256, "other", -1, 1, root);
	struct tls_pki_entity _cleanup_pki_entity_ *leaf =
		material_issue(TLS_PKI_SERVER, TLS_PKI_ECDSA_P256, "leaf", -1, 1, sub);
	char _cleanup_free_ *leaf_pem = tls_pki_cert_pem(leaf);
	char _cleanup_free_ *sub_pem = tls_pki_cert_pem(sub);
	const struct content content = {
		.password = "secret", .key = leaf, .leaf = leaf, .others = {root, other, sub}};
	struct tls_cert_verdict verdict;
	struct tls_cert_finding mistake;
	struct tls_unlocked chain, key;

	unlock(&content, "secret", &chain, &key, &mistake);
	MUST_EQ(mistake.result, TLS_CERT_OK, "%s", mistake.text);
	MUST_EQ(chain.len, strlen(leaf_pem) + strlen(sub_pem));
	CHECK_MEM(chain.text, leaf_pem, strlen(leaf_pem));
	CHECK_STR(chain.text + strlen(leaf_pem), sub_pem);
	tls_cert_check_pair(chain.text, chain.len, key.text, key.len, &verdict);
	CHECK_EQ(verdict.mistake.result, TLS_CERT_OK, "%s", verdict.mistake.text);
	drop(&chain);
	drop(&key);
}

struct file_case {
	VARIANT;
	const char *locked_with, *opened_with;
	bool no_key, no_leaf;
	enum tls_cert_result result;
};

/* clang-format off */
CASES(struct file_case, files,
      {.name = "password", .locked_with = "secret", .opened_with = "secret"},
      {.name = "password_in_utf8", .locked_with = "s\xc3\xa4\xe2\x82\xac", .opened_with = "s\xc3\xa4\xe2\x82\xac"},
      {.name = "empty_password", .locked_with = "", .opened_with = ""},
      {.name = "empty_password_not_given", .locked_with = "", .opened_with = NULL},
      {.name = "wrong_password", .locked_with = "secret", .opened_with = "Secret", .result = TLS_CERT_WRONG_PASSWORD},
      {.name = "no_password", .locked_with = "secret", .opened_with = NULL, .result = TLS_CERT_WRONG_PASSWORD},
      {.name = "no_key", .locked_with = "secret", .opened_with = "secret", .no_key = true, .result = TLS_CERT_NO_KEY},
      {.name = "no_certificate", .locked_with = "secret", .opened_with = "secret", .no_leaf = true, .result = TLS_CERT_NO_CERTIFICATE});
/* clang-format on */

TEST_CASES(a_file, files)
{
	struct tls_pki_entity _cleanup_pki_entity_ *leaf =
		material_issue(TLS_PKI_SERVER, TLS_PKI_ECDSA_P256, "leaf", -1, 1, NULL);
	struct tls_pki_entity _cleanup_pki_entity_ *another =
		material_issue(TLS_PKI_SERVER, TLS_PKI_ECDSA_P256, "another", -1, 1, NULL);
	const struct content content = {
		.password = variant->locked_with,
		.key = variant->no_key ? NULL : leaf,
		.leaf = variant->no_leaf || variant->no_key ? NULL : leaf,
		.others = {another},
	};
	struct tls_cert_finding mistake;
	struct tls_unlocked chain, key;

	unlock(&content, variant->opened_with, &chain, &key, &mistake);
	CHECK_EQ(mistake.result, variant->result, "%s", mistake.text);
	drop(&chain);
	drop(&key);
}

static size_t legacy_file(unsigned char bytes[2048])
{
	/* Three bytes for four; the padding is behind the file. */
	int len = EVP_DecodeBlock(bytes, (const unsigned char *)legacy_base64,
				  (int)sizeof(legacy_base64) - 1);

	MUST(len > 0 && len <= 2048);
	return (size_t)len;
}

/* --- in a configuration --- */

struct text_case {
	VARIANT;
	const char *certificate, *told; /* "": it is good */
};

#define AT "3 listeners[0].tls.certificates[0]."

/* clang-format off */
CASES(struct text_case, texts,
      {.name = "pkcs12", .certificate = "pkcs12: file:server.p12, password: file:password", .told = ""},
      {.name = "pkcs12_env", .certificate = "pkcs12: file:server.p12, password: env:TEST_PASSWORD", .told = ""},
      {.name = "pkcs12_line_of_windows", .certificate = "pkcs12: file:server.p12, password: file:password-crlf", .told = ""},
      {.name = "pkcs12_wrong_password", .certificate = "pkcs12: file:server.p12, password: file:wrong", .told = AT "pkcs12: file:server.p12: the password is wrong"},
      {.name = "pkcs12_no_password", .certificate = "pkcs12: file:server.p12", .told = AT "pkcs12: file:server.p12: needs a password"},
      {.name = "pkcs12_legacy", .certificate = "pkcs12: file:legacy.p12, password: file:password", .told = AT "pkcs12: file:legacy.p12: is encrypted with an algorithm that OpenSSL 3 has given up, such as RC2"},
      {.name = "pkcs12_weak", .certificate = "pkcs12: file:weak.p12, password: file:password", .told = AT "pkcs12: file:weak.p12: its key is RSA with 1024 bits, which is too short"},
      {.name = "pkcs12_is_pem", .certificate = "pkcs12: file:server.pem", .told = AT "pkcs12: file:server.pem: is no PKCS#12 file"},
      {.name = "pkcs12_and_key", .certificate = "pkcs12: file:server.p12, password: file:password, key: file:server.key", .told = AT "pkcs12: has certificate and key already"},
      {.name = "pkcs12_missing", .certificate = "pkcs12: file:no.p12", .told = AT "pkcs12: file:no.p12: No such file or directory"},
      {.name = "password_missing", .certificate = "pkcs12: file:server.p12, password: env:TEST_NO_PASSWORD", .told = AT "password: env:TEST_NO_PASSWORD: is not set in the environment, or empty"},
      {.name = "password_is_a_file_of_bytes", .certificate = "pkcs12: file:server.p12, password: file:server.p12", .told = AT "password: file:server.p12: is no password"},
      {.name = "password_of_two_lines", .certificate = "pkcs12: file:server.p12, password: file:server.pem", .told = AT "password: file:server.pem: is no password"},
      {.name = "password_itself", .certificate = "pkcs12: file:server.p12, password: secret", .told = AT "password: secret: is neither file:PATH nor env:NAME"},
      {.name = "key", .certificate = "chain: file:server.pem, key: file:locked.key, password: file:password", .told = ""},
      {.name = "key_wrong_password", .certificate = "chain: file:server.pem, key: file:locked.key, password: file:wrong", .told = AT "key: file:locked.key: the password is wrong"},
      {.name = "key_no_password", .certificate = "chain: file:server.pem, key: file:locked.key", .told = AT "key: file:locked.key: the private key is encrypted"},
      {.name = "key_not_locked", .certificate = "chain: file:server.pem, key: file:server.key, password: file:password", .told = ""},
      {.name = "key_is_none", .certificate = "chain: file:server.pem, key: file:password, password: file:password", .told = AT "key: file:password: has no private key in PEM form"},
      {.name = "key_missing", .certificate = "chain: file:server.pem, password: file:password", .told = AT "key: is missing"});
/* clang-format on */

static void write_file(const char *name, const struct tls_pki_entity *entity)
{
	unsigned char *bytes;
	size_t len = make_file(
		&(struct content){.password = "secret", .key = entity, .leaf = entity}, &bytes);

	material_write(name, bytes, len);
	OPENSSL_free(bytes);
}

static void write_locked_key(const struct tls_pki_entity *entity)
{
	EVP_PKEY *key = key_of(entity);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	MUST_EQ(PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL),
		1);
	len = BIO_get_mem_data(bio, &text);
	material_write("locked.key", text, (size_t)len);
	BIO_free(bio);
	EVP_PKEY_free(key);
}

/* What `sluice pki` does not make. */
static void write_weak(void)
{
	EVP_PKEY *key = EVP_RSA_gen(1024);
	X509 *cert = X509_new();
	unsigned char *bytes = NULL;
	PKCS12 *file;
	int len;

	MUST(key && cert && X509_set_pubkey(cert, key) == 1 &&
	     X509_gmtime_adj(X509_getm_notBefore(cert), -60) &&
	     X509_gmtime_adj(X509_getm_notAfter(cert), 3600) &&
	     X509_sign(cert, key, EVP_sha256()) > 0);
	file = PKCS12_create("secret", "test", key, cert, NULL, 0, 0, 0, 0, 0);
	len = i2d_PKCS12(file, &bytes);
	MUST(len > 0);
	material_write("weak.p12", bytes, (size_t)len);
	OPENSSL_free(bytes);
	PKCS12_free(file);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void write_all(void)
{
	struct tls_pki_entity _cleanup_pki_entity_ *server =
		material_issue(TLS_PKI_SERVER, TLS_PKI_ECDSA_P256, "server", -1, 1, NULL);
	unsigned char legacy[2048];

	material_write_all();
	material_write_entity("server", server);
	write_file("server.p12", server);
	write_locked_key(server);
	write_weak();
	material_write("legacy.p12", legacy, legacy_file(legacy));
	material_write_text("password", "secret\n");
	material_write_text("password-crlf", "secret\r\n");
	material_write_text("wrong", "guess\n");
	MUST_OK(setenv("TEST_PASSWORD", "secret", 1));
}

TEST_CASES(in_a_configuration, texts)
{
	char _cleanup_free_ *text = NULL;
	char _cleanup_free_ *told = NULL;
	struct report report;
	struct bundle *bundle;
	struct config *config;
	bool good = !variant->told[0];

	write_all();
	MUST(asprintf(&text,
		      "listeners:\n- {name: web, listen: [\"127.0.0.1:8443\"], rules: [{name: all, "
		      "upstream: app}],\n   tls: {client_ca: file:ca.pem, certificates: [{%s}]}}\n"
		      "upstreams: [{name: app, endpoints: [\"127.0.0.1:8080\"]}]\n",
		      variant->certificate) > 0);
	report_init(&report);
	CHECK_EQ(material_load(text, &report, &bundle, &config), good ? 0 : -EINVAL);
	told = material_told(&report);
	CHECK_STR(told, variant->told);
	if (config) {
		const struct config_certificate *pair = &config->listeners[0].certificates[0];

		CHECK(strstr(pair->chain.data, "BEGIN CERTIFICATE-----"));
		CHECK(strstr(pair->key.data, "BEGIN PRIVATE KEY-----"));
		CHECK_EQ(strlen(pair->key.data), pair->key.len);
	}
	config_free(config);
	bundle_free(bundle);
	report_done(&report);
}
