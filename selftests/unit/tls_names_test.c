// SPDX-License-Identifier: Apache-2.0
/* Identity from certificates that no honest CA signs: typed names, byte for byte, or nothing. */
#include "selftests/harness/harness.h"

#include "selftests/unit/material.h"
#include "selftests/unit/tls_pair.h"

#include "base/fd.h"
#include "model/identity.h"
#include "proxy/handshake.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

SUITE("tls_names");

struct cn {
	int type; /* V_ASN1_…; 0: end */
	const char *bytes;
	int len;
	const char *attribute; /* NULL: CN */
};

struct san {
	int type; /* GEN_… + 1; 0: end */
	const char *bytes;
	int len;
};

#define T(text)	 text, sizeof(text) - 1
#define SAN(gen) ((gen) + 1)
#define MAX	 4

struct names_case {
	VARIANT;
	struct cn cn[MAX];
	struct san san[MAX];
	const char *want; /* "CN:a DNS:b URI:c ", "!CN " when that kind is unusable */
};

/* clang-format off */
CASES(struct names_case, certificates,
      {.name = "nothing", .want = ""},
      {.name = "cn", .cn = {{V_ASN1_UTF8STRING, T("alice")}}, .want = "CN:alice "},
      {.name = "cn_printable", .cn = {{V_ASN1_PRINTABLESTRING, T("alice")}}, .want = "CN:alice "},
      {.name = "cn_ia5", .cn = {{V_ASN1_IA5STRING, T("alice")}}, .want = "CN:alice "},
      {.name = "cn_utf8", .cn = {{V_ASN1_UTF8STRING, T("J\xc3\xbcrgen")}}, .want = "CN:J\xc3\xbcrgen "},
      {.name = "cn_t61_is_latin1", .cn = {{V_ASN1_T61STRING, T("J\xfcrgen")}}, .want = "CN:J\xc3\xbcrgen "},
      {.name = "cn_bmp", .cn = {{V_ASN1_BMPSTRING, T("\0J\0\xfc")}}, .want = "CN:J\xc3\xbc "},
      {.name = "cn_universal", .cn = {{V_ASN1_UNIVERSALSTRING, T("\0\0\0J\0\x01\xf6\x00")}}, .want = "CN:J\xf0\x9f\x98\x80 "},
      {.name = "cn_nul", .cn = {{V_ASN1_UTF8STRING, T("alice\0.evil")}}, .want = "!CN "},
      {.name = "cn_bmp_nul", .cn = {{V_ASN1_BMPSTRING, T("\0a\0\0\0b")}}, .want = "!CN "},
      {.name = "cn_newline", .cn = {{V_ASN1_UTF8STRING, T("alice\nrule=admin")}}, .want = "!CN "},
      {.name = "cn_empty", .cn = {{V_ASN1_UTF8STRING, "", 0}}, .want = "!CN "},
      {.name = "cn_like_a_dn", .cn = {{V_ASN1_UTF8STRING, T("a,CN=admin")}}, .want = "CN:a,CN=admin "},
      {.name = "cns", .cn = {{V_ASN1_UTF8STRING, T("alice")}, {V_ASN1_UTF8STRING, T("bob")}}, .want = "CN:alice CN:bob "},
      {.name = "good_then_bad_cn", .cn = {{V_ASN1_UTF8STRING, T("alice")}, {V_ASN1_UTF8STRING, T("b\0b")}}, .want = "CN:alice !CN "},
      {.name = "sans", .cn = {{V_ASN1_UTF8STRING, T("c")}}, .san = {{SAN(GEN_DNS), T("a.example")}, {SAN(GEN_URI), T("urn:x")}, {SAN(GEN_DNS), T("b.example")}}, .want = "CN:c DNS:a.example URI:urn:x DNS:b.example "},
      {.name = "email_and_ip", .san = {{SAN(GEN_EMAIL), T("a@example")}, {SAN(GEN_IPADD), T("\x7f\0\0\1")}, {SAN(GEN_IPADD), T("0123456789abcdef")}}, .want = "EMAIL:a@example IP:7f000001 IP:30313233343536373839616263646566 "},
      {.name = "other_kinds_are_no_names", .san = {{SAN(GEN_RID), T("")}, {SAN(GEN_DNS), T("a.example")}}, .want = "DNS:a.example "},
      {.name = "email_nul", .san = {{SAN(GEN_EMAIL), T("a\0b")}}, .want = "!EMAIL "},
      {.name = "ip_too_long", .san = {{SAN(GEN_IPADD), T("12345")}}, .want = "!IP "},
      {.name = "ip_empty", .san = {{SAN(GEN_IPADD), "", 0}}, .want = "!IP "},
      {.name = "o_and_ou", .cn = {{V_ASN1_UTF8STRING, T("a"), "O"}, {V_ASN1_PRINTABLESTRING, T("b"), "OU"}, {V_ASN1_UTF8STRING, T("c"), "OU"}}, .want = "O:a OU:b OU:c "},
      {.name = "ou_control", .cn = {{V_ASN1_UTF8STRING, T("a\x01"), "OU"}}, .want = "!OU "},
      {.name = "email_in_the_subject_is_none", .cn = {{V_ASN1_IA5STRING, T("a@example"), "emailAddress"}}, .want = ""},
      {.name = "dns_nul", .san = {{SAN(GEN_DNS), T("app.example\0.evil")}}, .want = "!DNS "},
      {.name = "dns_empty", .san = {{SAN(GEN_DNS), "", 0}}, .want = "!DNS "},
      {.name = "dns_high_bytes", .san = {{SAN(GEN_DNS), T("b\xfc.example")}}, .want = "DNS:b\xfc.example "},
      {.name = "uri_nul", .san = {{SAN(GEN_URI), T("spiffe://a/b\0c")}}, .want = "!URI "},
      {.name = "uri_blank", .san = {{SAN(GEN_URI), T("spiffe://a/b c")}}, .want = "URI:spiffe://a/b c "},
      {.name = "dns_that_looks_like_a_uri", .san = {{SAN(GEN_DNS), T("spiffe://a/b")}}, .want = "DNS:spiffe://a/b "});
/* clang-format on */

/* OpenSSL turns strings into what it likes: type and bytes are put in by hand. */
static void add_cn(X509_NAME *name, int at, const struct cn *cn)
{
	ASN1_STRING *value;

	MUST_EQ(X509_NAME_add_entry_by_txt(name, cn->attribute ? cn->attribute : "CN",
					   V_ASN1_UTF8STRING, (const unsigned char *)"x", 1, -1, 0),
		1);
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	MUST_EQ(ASN1_STRING_set(value, cn->bytes, cn->len), 1);
	value->type = cn->type;
}

static GENERAL_NAME *general_name(const struct san *san)
{
	GENERAL_NAME *name = GENERAL_NAME_new();

	MUST(name);
	if (san->type == SAN(GEN_RID)) {
		GENERAL_NAME_set0_value(name, GEN_RID, OBJ_nid2obj(NID_commonName));
	} else {
		ASN1_STRING *value = san->type == SAN(GEN_IPADD) ? ASN1_OCTET_STRING_new()
								 : ASN1_IA5STRING_new();

		MUST(value && ASN1_STRING_set(value, san->bytes, san->len) == 1);
		GENERAL_NAME_set0_value(name, san->type - 1, value);
	}
	return name;
}

static void add_sans(X509 *cert, const struct san *sans)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();

	for (size_t i = 0; i < MAX && sans[i].type; i++)
		MUST(sk_GENERAL_NAME_push(names, general_name(&sans[i])) > 0);
	if (sk_GENERAL_NAME_num(names) > 0)
		MUST_EQ(X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND),
			1);
	sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
}

static void sign(X509 *cert, EVP_PKEY *key)
{
	MUST(X509_set_version(cert, X509_VERSION_3) == 1 && X509_set_pubkey(cert, key) == 1 &&
	     ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
	     X509_gmtime_adj(X509_getm_notBefore(cert), -60) &&
	     X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
	MUST(X509_sign(cert, key, EVP_sha256()) > 0);
}

/* Written out and read again, as it would come from a peer. */
static X509 *through_der(X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	const unsigned char *at = der;
	X509 *again;

	MUST_GE(len, 1);
	again = d2i_X509(NULL, &at, len);
	MUST(again);
	OPENSSL_free(der);
	X509_free(cert);
	return again;
}

static X509 *make_certificate(const struct cn *cns, const struct san *sans, EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_NAME_new();

	MUST(cert && name);
	for (int i = 0; i < MAX && cns && cns[i].type; i++)
		add_cn(name, i, &cns[i]);
	MUST_EQ(X509_set_subject_name(cert, name), 1);
	MUST_EQ(X509_set_issuer_name(cert, name), 1);
	X509_NAME_free(name);
	if (sans)
		add_sans(cert, sans);
	sign(cert, key);
	return through_der(cert);
}

static EVP_PKEY *new_key(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

	MUST(key);
	return key;
}

static char *pem_of(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *pem;
	long len;

	MUST(bio && PEM_write_bio_X509(bio, cert) == 1);
	len = BIO_get_mem_data(bio, &data);
	pem = strndup(data, (size_t)len);
	BIO_free(bio);
	return pem;
}

static struct identity *identify(X509 *cert)
{
	char _cleanup_free_ *pem = pem_of(cert);
	struct identity *identity;

	MUST_EQ(handshake_identify_pem(pem, strlen(pem), &identity), 0);
	CHECK_EQ(ERR_peek_error(), 0);
	return identity;
}

static void print_name(const char *kind, const struct identity_name *name, FILE *out)
{
	(void)fprintf(out, "%s:", kind);
	for (size_t i = 0; i < name->len; i++) {
		if (name->kind == IDENTITY_IP)
			(void)fprintf(out, "%02x", (unsigned char)name->bytes[i]);
		else
			(void)fputc(name->bytes[i], out);
	}
	(void)fputc(' ', out);
}

/* The names; what every certificate has is another test's. */
static void check_names(const struct identity *identity, const char *want)
{
	static const char *const kinds[IDENTITY_KINDS] = {
		[IDENTITY_CN] = "CN",	[IDENTITY_O] = "O",	[IDENTITY_OU] = "OU",
		[IDENTITY_DNS] = "DNS", [IDENTITY_URI] = "URI", [IDENTITY_EMAIL] = "EMAIL",
		[IDENTITY_IP] = "IP",
	};
	char _cleanup_free_ *text = NULL;
	struct identity_name name;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	MUST(out);
	for (size_t at = 0; identity_next(identity, &at, &name);) {
		if (kinds[name.kind])
			print_name(kinds[name.kind], &name, out);
	}
	for (int kind = 0; kind < IDENTITY_KINDS; kind++) {
		if (kinds[kind] && identity_is_unusable(identity, kind))
			(void)fprintf(out, "!%s ", kinds[kind]);
	}
	MUST_EQ(fclose(out), 0);
	CHECK_STR(text, want);
}

TEST_CASES(names_are_the_bytes_of_the_certificate, certificates)
{
	EVP_PKEY *key = new_key();
	X509 *cert = make_certificate(variant->cn, variant->san, key);
	struct identity _cleanup_identity_ *identity = identify(cert);

	check_names(identity, variant->want);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void check_value(const struct identity *identity, enum identity_kind kind, const void *bytes,
			size_t len)
{
	struct identity_name name;

	MUST(identity_find(identity, kind, &name));
	MUST_EQ(name.len, len);
	CHECK_MEM(name.bytes, bytes, len);
}

/* What every certificate has, held against the library's own words. */
TEST(what_every_certificate_has)
{
	static const struct cn cns[MAX] = {{V_ASN1_UTF8STRING, T("Alice  B"), NULL}};
	static const unsigned char subject[] = "\x30\x12\x31\x10\x30\x0e\x06\x03\x55\x04\x03"
					       "\x0c\x07"
					       "alice b";
	EVP_PKEY *key = new_key();
	X509 *cert = make_certificate(cns, NULL, key);
	struct identity _cleanup_identity_ *identity = NULL;
	unsigned char digest[32], *spki = NULL;
	unsigned int len;
	time_t now = time(NULL);
	int spki_len;

	MUST_EQ(ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), 0x80ff), 1);
	MUST(X509_sign(cert, key, EVP_sha256()) > 0);
	cert = through_der(cert);
	identity = identify(cert);
	check_value(identity, IDENTITY_SERIAL, "\x80\xff", 2);
	MUST_EQ(X509_digest(cert, EVP_sha256(), digest, &len), 1);
	check_value(identity, IDENTITY_CERT_SHA256, digest, 32);
	spki_len = i2d_PUBKEY(key, &spki);
	MUST(spki_len > 0);
	MUST_EQ(EVP_Digest(spki, (size_t)spki_len, digest, &len, EVP_sha256(), NULL), 1);
	check_value(identity, IDENTITY_SPKI_SHA256, digest, 32);
	check_value(identity, IDENTITY_SUBJECT, subject, sizeof(subject) - 1);
	check_value(identity, IDENTITY_ISSUER, subject, sizeof(subject) - 1);
	CHECK(identity->not_before >= now - 120 && identity->not_before <= now - 50);
	CHECK(identity->not_after >= now + 3500 && identity->not_after <= now + 3700);
	OPENSSL_free(spki);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void add_raw_san(X509 *cert, const void *der, int len)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;

	MUST(value && ASN1_OCTET_STRING_set(value, der, len) == 1);
	extension = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, value);
	MUST(extension && X509_add_ext(cert, extension, -1) == 1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
}

/* What cannot be brought into UTF-8 does not get past the library's parser. */
TEST(a_broken_string_is_no_certificate)
{
	EVP_PKEY *key = new_key();
	X509 *cert = make_certificate((struct cn[MAX]){{V_ASN1_UTF8STRING, T("Jxrgen"), NULL}},
				      NULL, key);
	unsigned char *der = NULL, *name;
	int len = i2d_X509(cert, &der);
	const unsigned char *at = der;

	while ((name = memmem(der, (size_t)len, "Jxrgen", 6)))
		name[1] = 0xfc;
	CHECK(!d2i_X509(NULL, &at, len));
	OPENSSL_free(der);
	X509_free(cert);
	EVP_PKEY_free(key);
}

struct raw_case {
	VARIANT;
	const char *first, *second; /* DER of the extension; NULL: none */
	int first_len, second_len;
	const char *want;
};

#define UNREADABLE "!DNS !URI !EMAIL !IP "

CASES(struct raw_case, raw_extensions,
      {.name = "good", .first = "\x30\x03\x82\x01\x61", .first_len = 5, .want = "DNS:a "},
      {.name = "no_names", .first = "\x30\x00", .first_len = 2, .want = ""},
      {.name = "not_der", .first = "what", .first_len = 4, .want = UNREADABLE},
      {.name = "empty", .first = "", .want = UNREADABLE},
      {.name = "cut", .first = "\x30\x03\x82\x05\x61", .first_len = 5, .want = UNREADABLE},
      {.name = "twice",
       .first = "\x30\x03\x82\x01\x61",
       .first_len = 5,
       .second = "\x30\x03\x82\x01\x62",
       .second_len = 5,
       .want = UNREADABLE});

TEST_CASES(an_extension_that_cannot_be_read_may_say_anything, raw_extensions)
{
	EVP_PKEY *key = new_key();
	X509 *cert = make_certificate(NULL, NULL, key);
	struct identity _cleanup_identity_ *identity = NULL;

	add_raw_san(cert, variant->first, variant->first_len);
	if (variant->second)
		add_raw_san(cert, variant->second, variant->second_len);
	sign(cert, key);
	cert = through_der(cert);
	identity = identify(cert);
	check_names(identity, variant->want);
	X509_free(cert);
	EVP_PKEY_free(key);
}

TEST(too_many_names_are_unusable)
{
	static const uint8_t name[] = {0x82, 1, 'a'};
	char der[4 + 3 * (IDENTITY_NAMES_MAX + 1)] = {0x30, (char)0x81, 3 * 65};
	EVP_PKEY *key = new_key();
	X509 *cert = make_certificate(NULL, NULL, key);
	struct identity _cleanup_identity_ *identity = NULL;

	for (size_t i = 0; i < IDENTITY_NAMES_MAX + 1; i++)
		memcpy(der + 3 + 3 * i, name, sizeof(name));
	add_raw_san(cert, der, 3 + 3 * (IDENTITY_NAMES_MAX + 1));
	sign(cert, key);
	cert = through_der(cert);
	identity = identify(cert);
	CHECK(identity_is_unusable(identity, IDENTITY_DNS));
	CHECK_EQ(identity_count(identity, IDENTITY_DNS), IDENTITY_NAMES_MAX);
	X509_free(cert);
	EVP_PKEY_free(key);
}

struct usage_case {
	VARIANT;
	const char *constraints, *usage; /* OpenSSL's words; NULL: no extension */
	bool svid;
};

/* clang-format off */
CASES(struct usage_case, usages,
      {.name = "workload", .constraints = "critical,CA:FALSE", .usage = "critical,digitalSignature", .svid = true},
      {.name = "no_constraints", .usage = "digitalSignature,keyEncipherment", .svid = true},
      {.name = "no_usage", .constraints = "CA:FALSE"},
      {.name = "no_signature", .usage = "keyEncipherment"},
      {.name = "ca", .constraints = "critical,CA:TRUE", .usage = "digitalSignature"},
      {.name = "signs_certificates", .usage = "digitalSignature,keyCertSign"},
      {.name = "signs_crls", .usage = "digitalSignature,cRLSign"});
/* clang-format on */

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension = value ? X509V3_EXT_conf_nid(NULL, NULL, nid, value) : NULL;

	MUST(!value || (extension && X509_add_ext(cert, extension, -1) == 1));
	X509_EXTENSION_free(extension);
}

TEST_CASES(a_trust_domain_needs_the_usage_of_a_leaf, usages)
{
	static const struct san sans[MAX] = {{SAN(GEN_URI), T("spiffe://prod.example/a")}};
	EVP_PKEY *key = new_key();
	X509 *cert = make_certificate(NULL, sans, key);
	struct identity _cleanup_identity_ *identity = NULL;

	add_extension(cert, NID_basic_constraints, variant->constraints);
	add_extension(cert, NID_key_usage, variant->usage);
	sign(cert, key);
	cert = through_der(cert);
	identity = identify(cert);
	CHECK_EQ(identity_count(identity, IDENTITY_TRUST_DOMAIN), variant->svid);
	CHECK_EQ(identity_is_unusable(identity, IDENTITY_TRUST_DOMAIN), !variant->svid);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* The whole way: a client that shows it in a handshake. */
TEST(a_peer_is_who_its_certificate_says)
{
	static const struct cn cns[MAX] = {{V_ASN1_UTF8STRING, T("alice"), NULL}};
	static const struct san sans[MAX] = {{SAN(GEN_URI), T("spiffe://a/alice")},
					     {SAN(GEN_DNS), T("alice.example")}};
	EVP_PKEY *key = new_key();
	X509 *cert = make_certificate(cns, sans, key);
	char _cleanup_free_ *pem = pem_of(cert);
	struct identity _cleanup_identity_ *identity = NULL;
	struct tls_pair pair;
	char subject[64];

	tls_pair_open(&pair, &(struct tls_pair_options){.version = TLS1_3_VERSION,
							.cert = cert,
							.key = key,
							.client_ca = pem});
	MUST_EQ(handshake_identify(pair.conn, &identity), 0);
	MUST(identity);
	check_names(identity, "CN:alice URI:spiffe://a/alice DNS:alice.example ");
	tls_peer_subject(pair.conn, subject, sizeof(subject));
	CHECK_STR(subject, "CN=alice");
	tls_pair_close(&pair);
	X509_free(cert);
	EVP_PKEY_free(key);
}

TEST(a_peer_without_certificate_is_nobody)
{
	struct identity *identity;
	struct tls_pair pair;
	char subject[64];

	tls_pair_open(&pair, &(struct tls_pair_options){.version = TLS1_3_VERSION});
	MUST_EQ(handshake_identify(pair.conn, &identity), 0);
	CHECK(!identity);
	tls_peer_subject(pair.conn, subject, sizeof(subject));
	CHECK_STR(subject, "");
	CHECK_EQ(handshake_identify_pem("no certificate", 14, &identity), -EINVAL);
	tls_pair_close(&pair);
}
