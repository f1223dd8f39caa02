// SPDX-License-Identifier: Apache-2.0
/* Names as bytes: every type of string, NUL and control bytes, several CNs, and odd serial numbers. */
#include "selftests/e2e/certificate.h"

SUITE("certificate_name", NEEDS(NEED_NETNS), .deadline_ms = 60000);

#define CN_AS(type, text)                                                                          \
	{                                                                                          \
		NID_commonName, type, CERTGEN_TEXT(text), false                                    \
	}
#define CN(text) CN_AS(V_ASN1_UTF8STRING, text)
#define OU(text)                                                                                   \
	{                                                                                          \
		NID_organizationalUnitName, 0, CERTGEN_TEXT(text), false                           \
	}
#define JOINED(nid, text)                                                                          \
	{                                                                                          \
		nid, 0, CERTGEN_TEXT(text), true                                                   \
	}
#define DNS(text) CERTGEN_SAN(GEN_DNS, text)
#define URI(text) CERTGEN_SAN(GEN_URI, text)

#define X16(x)	x x x x x x x x x x x x x x x x
#define X256(x) X16(X16(x))

/* clang-format off */
static const struct certificate_case cns[] = {
	{.name = "utf8", .leaf = {.rdns = {CN("client-a")}}, .rule = "a"},
	{.name = "printable", .leaf = {.rdns = {CN_AS(V_ASN1_PRINTABLESTRING, "client-a")}}, .rule = "a"},
	{.name = "ia5", .leaf = {.rdns = {CN_AS(V_ASN1_IA5STRING, "client-a")}}, .rule = "a"},
	{.name = "t61", .leaf = {.rdns = {CN_AS(V_ASN1_T61STRING, "J\xfcrgen")}}, .rule = "juergen"},
	{.name = "bmp", .leaf = {.rdns = {CN_AS(V_ASN1_BMPSTRING, "\0c\0l\0i\0e\0n\0t\0-\0a")}}, .rule = "a"},
	{.name = "bmp_above_ascii", .leaf = {.rdns = {CN_AS(V_ASN1_BMPSTRING, "\0J\0\xfc\0r\0g\0e\0n")}}, .rule = "juergen"},
	{.name = "universal", .leaf = {.rdns = {CN_AS(V_ASN1_UNIVERSALSTRING, "\0\0\0J\0\0\0\xfc\0\0\0r\0\0\0g\0\0\0e\0\0\0n")}}, .rule = "juergen"},
	{.name = "utf8_above_ascii", .leaf = {.rdns = {CN("J\xc3\xbcrgen")}}, .rule = "juergen"},
	{.name = "decomposed", .leaf = {.rdns = {CN("Ju\xcc\x88rgen")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "latin1_in_utf8", .leaf = {.rdns = {CN("Jxrgen")}, .patch = {CERTGEN_PATCH("Jxrgen", "J\xfcrgen")}}, .verdict = CERTIFICATE_PROTOCOL},
	{.name = "overlong_utf8", .leaf = {.rdns = {CN("client-xx")}, .patch = {CERTGEN_PATCH("client-xx", "client-\xc1\xa1")}}, .verdict = CERTIFICATE_PROTOCOL},
	{.name = "surrogate_in_utf8", .leaf = {.rdns = {CN("client-xxx")}, .patch = {CERTGEN_PATCH("client-xxx", "client-\xed\xa0\x80")}}, .verdict = CERTIFICATE_PROTOCOL},
	{.name = "bmp_of_odd_length", .leaf = {.rdns = {CN_AS(V_ASN1_UTF8STRING, "abc")}, .patch = {CERTGEN_PATCH("\x0c\x03""abc", "\x1e\x03""abc")}}, .verdict = CERTIFICATE_PROTOCOL},
	{.name = "upper_case", .leaf = {.rdns = {CN("CLIENT-A")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "blank_behind", .leaf = {.rdns = {CN("client-a ")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "dot_behind", .leaf = {.rdns = {CN("client-a.")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "nul_behind", .leaf = {.rdns = {CN("client-a\0")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "nul_and_more", .leaf = {.rdns = {CN("client-a\0.evil")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "nul_in_printable", .leaf = {.rdns = {CN_AS(V_ASN1_PRINTABLESTRING, "client-a\0b")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "nul_in_bmp", .leaf = {.rdns = {CN_AS(V_ASN1_BMPSTRING, "\0c\0\0\0a")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "newline", .leaf = {.rdns = {CN("client-a\nevent=admitted")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "escape", .leaf = {.rdns = {CN("\x1b[2Jclient-a")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "delete", .leaf = {.rdns = {CN("client-a\x7f")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "empty", .leaf = {.rdns = {CN("")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "like_a_dn", .leaf = {.rdns = {CN("x,CN=client-a")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "like_a_multi_value", .leaf = {.rdns = {CN("x+CN=client-a")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "like_a_slash_dn", .leaf = {.rdns = {CN("x/CN=client-a")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "in_another_attribute", .leaf = {.rdns = {OU("client-a")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "attribute_like_a_cn", .leaf = {.rdns = {OU("x,CN=client-a"), CN("nobody")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "behind_others", .leaf = {.rdns = {OU("x"), OU("y"), CN("client-a")}}, .rule = "a"},
	{.name = "before_others", .leaf = {.rdns = {CN("client-a"), OU("x")}}, .rule = "a"},
	{.name = "in_a_set", .leaf = {.rdns = {OU("x"), JOINED(NID_commonName, "client-a")}}, .rule = "a"},
	{.name = "two", .leaf = {.rdns = {CN("client-a"), CN("client-b")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "two_the_other_way", .leaf = {.rdns = {CN("client-b"), CN("client-a")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "twice_the_same", .leaf = {.rdns = {CN("client-a"), CN("client-a")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "two_in_a_set", .leaf = {.rdns = {CN("client-a"), JOINED(NID_commonName, "client-b")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "two_and_a_dns_name", .leaf = {.rdns = {CN("client-a"), CN("client-b")}, .sans = {DNS("app.example")}}, .rule = "dns"},
	{.name = "longer_than_64", .leaf = {.rdns = {CN(X16("client-a-"))}}, .verdict = CERTIFICATE_POLICY},
	{.name = "longer_than_2048", .leaf = {.rdns = {CN(X256("client-a-"))}}, .verdict = CERTIFICATE_POLICY},
	{.name = "no_subject", .leaf = {.nameless = true}, .verdict = CERTIFICATE_POLICY},
	{.name = "no_subject_and_a_dns_name", .leaf = {.nameless = true, .sans = {DNS("app.example")}}, .rule = "dns"},
};

static const struct certificate_case sans[] = {
	{.name = "dns", .leaf = {.sans = {DNS("app.example")}}, .rule = "dns"},
	{.name = "dns_upper_case", .leaf = {.sans = {DNS("APP.Example")}}, .rule = "dns"},
	{.name = "dns_second", .leaf = {.sans = {DNS("x.example"), DNS("app.example")}}, .rule = "dns"},
	{.name = "dns_in_cn", .leaf = {.cn = "app.example"}, .verdict = CERTIFICATE_POLICY},
	{.name = "dns_in_uri", .leaf = {.sans = {URI("app.example")}, .cn = "x"}, .verdict = CERTIFICATE_POLICY},
	{.name = "dns_in_email", .leaf = {.sans = {CERTGEN_SAN(GEN_EMAIL, "app.example")}, .cn = "x"}, .verdict = CERTIFICATE_POLICY},
	{.name = "dns_wildcard", .leaf = {.cn = "x", .sans = {DNS("*.example")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "dns_star", .leaf = {.cn = "x", .sans = {DNS("*")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "dns_nul", .leaf = {.sans = {DNS("app.example\0.evil.example")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "dns_nul_behind", .leaf = {.sans = {DNS("app.example\0")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "dns_control", .leaf = {.sans = {DNS("app.example\r\n")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "dns_empty", .leaf = {.sans = {DNS("")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "dns_above_ascii", .leaf = {.cn = "x", .sans = {DNS("app\xfc.example")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "dns_nul_in_second", .leaf = {.sans = {DNS("app.example"), DNS("b\0c")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "uri", .leaf = {.sans = {URI("spiffe://prod.example/ns/a/sa/x")}}, .rule = "uri"},
	{.name = "uri_deeper", .leaf = {.cn = "x", .sans = {URI("spiffe://prod.example/ns/a/b/sa/x")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "uri_other_domain", .leaf = {.cn = "x", .sans = {URI("spiffe://prod.example.evil/ns/a/sa/x")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "uri_nul", .leaf = {.sans = {URI("spiffe://prod.example/ns/a/sa/x\0y")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "uri_empty_segment", .leaf = {.cn = "x", .sans = {URI("spiffe://prod.example/ns//sa/x")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "uri_upper_case", .leaf = {.cn = "x", .sans = {URI("SPIFFE://prod.example/ns/a/sa/x")}}, .verdict = CERTIFICATE_POLICY},
	{.name = "uri_encoded_slash", .leaf = {.sans = {URI("spiffe://prod.example/ns/a%2fb/sa/x")}}, .rule = "uri"},
	{.name = "uri_in_dns", .leaf = {.cn = "x", .sans = {DNS("spiffe://prod.example/ns/a/sa/x")}}, .verdict = CERTIFICATE_POLICY},
};

static const struct certificate_case serials[] = {
	{.name = "one", .leaf = {.serial = "01"}},
	{.name = "zero", .leaf = {.serial = "0"}},
	{.name = "negative", .leaf = {.serial = "-2A"}},
	{.name = "twenty_bytes", .leaf = {.serial = "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"}},
	{.name = "twenty_one_bytes", .leaf = {.serial = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"}},
	{.name = "256_bytes", .leaf = {.serial = X256("A1")}},
	{.name = "padded", .leaf = {.serial = "010203", .patch = {CERTGEN_PATCH("\x02\x03\x01\x02\x03", "\x02\x03\x00\x02\x03")}}, .verdict = CERTIFICATE_PROTOCOL},
};
/* clang-format on */

#define RULES                                                                                       \
	"      - {name: dns, match: {dns: [app.example]}, upstream: app}\n"                         \
	"      - {name: uri, match: {uri: [\"spiffe://prod.example/ns/*/sa/x\"]}, upstream: app}\n" \
	"      - {name: juergen, match: {cn: [\"J\xc3\xbcrgen\"]}, upstream: app}\n"                \
	"      - {name: a, match: {cn: [client-a]}, upstream: app}\n"

TEST_CASES(common_names, certificate_versions)
{
	certificate_run(&(struct certificate_family){CERTIFICATES(cns), .rules = RULES}, variant);
}

TEST_CASES(alternative_names, certificate_versions)
{
	certificate_run(&(struct certificate_family){CERTIFICATES(sans), .rules = RULES}, variant);
}

TEST_CASES(serial_numbers, certificate_versions)
{
	certificate_run(&(struct certificate_family){CERTIFICATES(serials)}, variant);
}
