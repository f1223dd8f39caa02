// SPDX-License-Identifier: Apache-2.0
/* Distinguished names: as text of a configuration, and compared as OpenSSL compares them. */
#include "selftests/harness/harness.h"

#include "base/fd.h"
#include "sys/tls_internal.h"
#include "sys/tls_name.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

SUITE("tls_name");

struct part {
	const char *type; /* NULL: end */
	int string;	  /* V_ASN1_… */
	const char *bytes;
	int len;
	bool joined; /* in the RDN of the one before */
};

#define T(text) text, sizeof(text) - 1
#define MAX	4

struct name_case {
	VARIANT;
	const char *text; /* of a configuration */
	struct part parts[MAX];
	bool differs;
};

/* clang-format off */
CASES(struct name_case, names,
      {.name = "cn", .text = "CN=alice", .parts = {{"CN", V_ASN1_UTF8STRING, T("alice")}}},
      {.name = "case", .text = "CN=ALICE", .parts = {{"CN", V_ASN1_PRINTABLESTRING, T("aLICE")}}},
      {.name = "type_of_string", .text = "CN=alice", .parts = {{"CN", V_ASN1_T61STRING, T("alice")}}},
      {.name = "bmp", .text = "CN=J\xc3\xbcrgen", .parts = {{"CN", V_ASN1_BMPSTRING, T("\0J\0\xfc\0r\0g\0e\0n")}}},
      {.name = "case_of_others_than_ascii_counts", .text = "CN=\xc3\x9c", .parts = {{"CN", V_ASN1_UTF8STRING, T("\xc3\xbc")}}, .differs = true},
      {.name = "blanks", .text = "CN=  alice   b ", .parts = {{"CN", V_ASN1_UTF8STRING, T(" alice b  ")}}},
      {.name = "blank_inside_counts", .text = "CN=aliceb", .parts = {{"CN", V_ASN1_UTF8STRING, T("alice b")}}, .differs = true},
      {.name = "last_rdn_first", .text = "CN=alice,O=Example,C=DE", .parts = {{"C", V_ASN1_PRINTABLESTRING, T("DE")}, {"O", V_ASN1_UTF8STRING, T("Example")}, {"CN", V_ASN1_UTF8STRING, T("alice")}}},
      {.name = "order_counts", .text = "C=DE,O=Example,CN=alice", .parts = {{"C", V_ASN1_PRINTABLESTRING, T("DE")}, {"O", V_ASN1_UTF8STRING, T("Example")}, {"CN", V_ASN1_UTF8STRING, T("alice")}}, .differs = true},
      {.name = "blanks_between", .text = " CN = alice , O = Example ", .parts = {{"O", V_ASN1_UTF8STRING, T("Example")}, {"CN", V_ASN1_UTF8STRING, T("alice")}}},
      {.name = "one_more", .text = "CN=alice", .parts = {{"O", V_ASN1_UTF8STRING, T("Example")}, {"CN", V_ASN1_UTF8STRING, T("alice")}}, .differs = true},
      {.name = "other_type", .text = "O=alice", .parts = {{"CN", V_ASN1_UTF8STRING, T("alice")}}, .differs = true},
      {.name = "separator_in_a_value", .text = "CN=a\\,O=b", .parts = {{"CN", V_ASN1_UTF8STRING, T("a,O=b")}}},
      {.name = "forged_separator", .text = "CN=a,O=b", .parts = {{"CN", V_ASN1_UTF8STRING, T("a,O=b")}}, .differs = true},
      {.name = "escapes", .text = "CN=\\#a\\+b\\\\\\\"\\3b\\C3\\BC", .parts = {{"CN", V_ASN1_UTF8STRING, T("#a+b\\\";\xc3\xbc")}}},
      {.name = "several_in_one_rdn", .text = "CN=a+OU=b", .parts = {{"CN", V_ASN1_UTF8STRING, T("a")}, {"OU", V_ASN1_UTF8STRING, T("b"), true}}},
      {.name = "several_in_any_order", .text = "OU=b+CN=a,O=x", .parts = {{"O", V_ASN1_UTF8STRING, T("x")}, {"CN", V_ASN1_UTF8STRING, T("a")}, {"OU", V_ASN1_UTF8STRING, T("b"), true}}},
      {.name = "one_rdn_is_not_two", .text = "CN=a,OU=b", .parts = {{"OU", V_ASN1_UTF8STRING, T("b")}, {"CN", V_ASN1_UTF8STRING, T("a"), true}}, .differs = true},
      {.name = "long_name_of_a_type", .text = "commonName=a", .parts = {{"CN", V_ASN1_UTF8STRING, T("a")}}},
      {.name = "type_in_small_letters", .text = "cn=a,dc=b,dc=c", .parts = {{"DC", V_ASN1_IA5STRING, T("c")}, {"DC", V_ASN1_IA5STRING, T("b")}, {"CN", V_ASN1_UTF8STRING, T("a")}}},
      {.name = "oid", .text = "2.5.4.3=a", .parts = {{"CN", V_ASN1_UTF8STRING, T("a")}}},
      {.name = "der", .text = "CN=#0c0161", .parts = {{"CN", V_ASN1_UTF8STRING, T("a")}}},
      {.name = "numeric", .text = "CN=#12023132", .parts = {{"CN", V_ASN1_NUMERICSTRING, T("12")}}},
      {.name = "numeric_is_not_folded", .text = "CN=12", .parts = {{"CN", V_ASN1_NUMERICSTRING, T("12")}}, .differs = true},
      {.name = "empty_value", .text = "CN=", .parts = {{"CN", V_ASN1_UTF8STRING, "", 0}}},
      {.name = "longer_than_x520_allows", .text = "CN=0123456789012345678901234567890123456789012345678901234567890123456789", .parts = {{"CN", V_ASN1_UTF8STRING, T("0123456789012345678901234567890123456789012345678901234567890123456789")}}});
/* clang-format on */

static X509_NAME *make_name(const struct part *parts)
{
	X509_NAME *name = X509_NAME_new();

	MUST(name);
	for (size_t i = 0; i < MAX && parts[i].type; i++) {
		X509_NAME_ENTRY *entry = X509_NAME_ENTRY_create_by_txt(
			NULL, parts[i].type, V_ASN1_UTF8STRING, (const unsigned char *)"x", 1);
		ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);

		MUST(entry && ASN1_STRING_set(value, parts[i].bytes, parts[i].len) == 1);
		value->type = parts[i].string;
		MUST_EQ(X509_NAME_add_entry(name, entry, -1, parts[i].joined ? -1 : 0), 1);
		X509_NAME_ENTRY_free(entry);
	}
	return name;
}

static X509_NAME *name_of(const unsigned char *der, size_t len)
{
	const unsigned char *at = der;
	X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)len);

	MUST(name);
	return name;
}

TEST_CASES(a_text_is_the_name_that_openssl_says, names)
{
	X509_NAME *name = make_name(variant->parts), *again;
	unsigned char *der = NULL, _cleanup_free_ *parsed = NULL;
	size_t der_len = 0, parsed_len = 0;
	const char *problem = NULL;
	bool same;

	MUST_EQ(tls_name_canonical(name, &der, &der_len), 0);
	MUST_EQ(tls_name_parse(variant->text, &parsed, &parsed_len, &problem), 0, "%s", problem);
	same = der_len == parsed_len && memcmp(der, parsed, der_len) == 0;
	CHECK_EQ(same, !variant->differs);
	again = name_of(parsed, parsed_len);
	CHECK_EQ(X509_NAME_cmp(name, again) == 0, !variant->differs);
	CHECK_EQ(ERR_peek_error(), 0);
	X509_NAME_free(again);
	X509_NAME_free(name);
	OPENSSL_free(der);
}

/* What OpenSSL prints of a name can be put into the configuration. */
TEST_CASES(a_printed_name_is_read_again, names)
{
	X509_NAME *name = make_name(variant->parts);
	unsigned char *der = NULL, _cleanup_free_ *parsed = NULL;
	size_t der_len = 0, parsed_len = 0;
	const char *problem = NULL;
	char text[512];

	MUST_EQ(tls_name_canonical(name, &der, &der_len), 0);
	tls_name_text(der, der_len, text, sizeof(text));
	MUST_EQ(tls_name_parse(text, &parsed, &parsed_len, &problem), 0, "%s: %s", text, problem);
	/* It prints a NumericString as text too, which it does not take for the same. */
	MUST_EQ(parsed_len, der_len, "%s", text);
	CHECK_EQ(memcmp(parsed, der, der_len) == 0,
		 variant->parts[0].string != V_ASN1_NUMERICSTRING, "%s", text);
	X509_NAME_free(name);
	OPENSSL_free(der);
}

struct bad_case {
	VARIANT;
	const char *text, *problem;
};

#define NO_TYPE	 "has a part without a type, such as CN="
#define UNKNOWN	 "has a type that OpenSSL does not know"
#define NO_DER	 "has a # that no DER of a string follows"
#define QUOTE	 "has a ';' or '\"' without '\\' before it"
#define ESCAPE	 "has a '\\' before something that needs none"
#define NO_TEXT	 "has a value that is not UTF-8, or a control byte"
#define NO_EQUAL "has a part without '='"

/* clang-format off */
CASES(struct bad_case, bad,
      {.name = "empty", .text = "", .problem = NO_TYPE},
      {.name = "no_type", .text = "=a", .problem = NO_TYPE},
      {.name = "word", .text = "alice", .problem = UNKNOWN},
      {.name = "type_alone", .text = "CN", .problem = NO_EQUAL},
      {.name = "openssl_slashes", .text = "/C=DE/CN=a", .problem = UNKNOWN},
      {.name = "unknown_type", .text = "XYZ=a", .problem = UNKNOWN},
      {.name = "comma_behind", .text = "CN=a,", .problem = NO_TYPE},
      {.name = "plus_behind", .text = "CN=a+", .problem = NO_TYPE},
      {.name = "two_commas", .text = "CN=a,,O=b", .problem = NO_TYPE},
      {.name = "quotes", .text = "CN=\"a\"", .problem = QUOTE},
      {.name = "semicolon", .text = "CN=a;O=b", .problem = QUOTE},
      {.name = "escape_at_the_end", .text = "CN=a\\", .problem = ESCAPE},
      {.name = "escape_of_a_letter", .text = "CN=a\\x", .problem = ESCAPE},
      {.name = "nul", .text = "CN=a\\00b", .problem = NO_TEXT},
      {.name = "control", .text = "CN=a\\0ab", .problem = NO_TEXT},
      {.name = "not_utf8", .text = "CN=\\ff", .problem = NO_TEXT},
      {.name = "der_empty", .text = "CN=#", .problem = NO_DER},
      {.name = "der_cut", .text = "CN=#0c0261", .problem = NO_DER},
      {.name = "der_more_behind", .text = "CN=#0c016162", .problem = NO_DER},
      {.name = "der_of_no_string", .text = "CN=#020101", .problem = NO_DER},
      {.name = "der_of_octets", .text = "CN=#040161", .problem = NO_DER}, /* no name can have one */
      {.name = "der_of_a_visible_string", .text = "CN=#1a0161", .problem = NO_DER},
      {.name = "der_and_text", .text = "CN=#0c0161x", .problem = "has something behind the DER of a value"});
/* clang-format on */

TEST_CASES(a_text_that_is_none_is_told, bad)
{
	unsigned char *der = NULL;
	const char *problem = NULL;
	size_t len;

	MUST_EQ(tls_name_parse(variant->text, &der, &len, &problem), -EINVAL);
	CHECK_STR(problem, variant->problem);
	CHECK_EQ(ERR_peek_error(), 0);
}

TEST(a_name_has_a_number_of_parts)
{
	static const char more[] = {',', 'C', 'N', '=', 'a'};
	char text[5 * (TLS_NAME_PARTS_MAX + 2)] = "CN=a";
	size_t end = 4;
	const char *problem = NULL;
	unsigned char *der = NULL;
	X509_NAME *name;
	size_t len = 0;

	for (int i = 1; i < TLS_NAME_PARTS_MAX; i++, end += sizeof(more))
		memcpy(text + end, more, sizeof(more));
	MUST_EQ(tls_name_parse(text, &der, &len, &problem), 0);
	name = name_of(der, len);
	free(der);
	MUST_EQ(tls_name_canonical(name, &der, &len), 0);
	OPENSSL_free(der);
	MUST_EQ(X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_UTF8STRING,
					   (const unsigned char *)"b", 1, -1, 0),
		1);
	CHECK_EQ(tls_name_canonical(name, &der, &len), -EINVAL);
	memcpy(text + end, more, sizeof(more));
	CHECK_EQ(tls_name_parse(text, &der, &len, &problem), -EINVAL);
	CHECK_STR(problem, "has too many parts");
	X509_NAME_free(name);
}
