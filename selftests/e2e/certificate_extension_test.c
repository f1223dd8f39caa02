// SPDX-License-Identifier: Apache-2.0
/* Extensions that limit, that nobody knows, that stand twice or cannot be read. */
#include "selftests/e2e/certificate.h"

SUITE("certificate_extension", NEEDS(NEED_NETNS), .deadline_ms = 60000);

#define SUBS CERTIFICATE_SUBS
/* An issuer whose names are limited. */
#define NC(value)	 SUBS({.cn = "sub", .ca = true, .exts = {{"nameConstraints", "critical," value}}})
#define EXT(name, value) .exts = {{name, value}}
#define DNS(text)	 .sans = {CERTGEN_SAN(GEN_DNS, text)}
#define URI(text)	 .sans = {CERTGEN_SAN(GEN_URI, text)}
#define EMAIL(text)	 .sans = {CERTGEN_SAN(GEN_EMAIL, text)}
#define IP(bytes)	 .sans = {CERTGEN_SAN(GEN_IPADD, bytes)}
#define O(text)                                                                                    \
	.rdns = {{NID_organizationName, 0, CERTGEN_TEXT(text), false},                             \
		 {NID_commonName, 0, CERTGEN_TEXT("client-a"), false}}

/* DER of directoryName O=Good, and of an unknown extension's value. */
#define DIR_GOOD "DER:30:17:a0:15:30:13:a4:11:30:0f:31:0d:30:0b:06:03:55:04:0a:0c:04:47:6f:6f:64"

static const struct certgen limited_root = {
	.cn = "a root for good.example",
	.ca = true,
	EXT("nameConstraints", "critical,permitted;DNS:good.example")};
static const struct certgen strange_root = {
	.cn = "a strange root", .ca = true, EXT("1.2.3.4.5", "critical,DER:05:00")};

/* clang-format off */
static const struct certificate_case name_constraints[] = {
	{.name = "dns", .leaf = {DNS("a.good.example")}, NC("permitted;DNS:good.example")},
	{.name = "dns_itself", .leaf = {DNS("good.example")}, NC("permitted;DNS:good.example")},
	{.name = "dns_other_case", .leaf = {DNS("A.GOOD.example")}, NC("permitted;DNS:good.example")},
	{.name = "dns_outside", .leaf = {DNS("a.bad.example")}, NC("permitted;DNS:good.example"), .verdict = CERTIFICATE_NAME_CONSTRAINT},
	{.name = "dns_as_suffix", .leaf = {DNS("notgood.example")}, NC("permitted;DNS:good.example"), .verdict = CERTIFICATE_NAME_CONSTRAINT},
	{.name = "dns_wildcard", .leaf = {DNS("*.good.example")}, NC("permitted;DNS:good.example")},
	{.name = "dns_excluded", .leaf = {DNS("a.bad.example")}, NC("excluded;DNS:bad.example"), .verdict = CERTIFICATE_NAME_CONSTRAINT},
	{.name = "dns_not_excluded", .leaf = {DNS("a.good.example")}, NC("excluded;DNS:bad.example")},
	{.name = "dns_one_of_two_outside", .leaf = {.sans = {CERTGEN_SAN(GEN_DNS, "a.good.example"), CERTGEN_SAN(GEN_DNS, "a.bad.example")}}, NC("permitted;DNS:good.example"), .verdict = CERTIFICATE_NAME_CONSTRAINT},
	{.name = "dns_of_another_kind", .leaf = {EMAIL("a@bad.example")}, NC("permitted;DNS:good.example")},
	{.name = "cn_that_is_no_host", .leaf = {.cn = "client a"}, NC("permitted;DNS:good.example"), .rule = "any"},
	{.name = "cn_outside", .leaf = {.cn = "a.bad.example"}, NC("permitted;DNS:good.example"), .verdict = CERTIFICATE_NAME_CONSTRAINT},
	{.name = "cn_inside", .leaf = {.cn = "a.good.example"}, NC("permitted;DNS:good.example"), .rule = "any"},
	{.name = "ip", .leaf = {IP("\x0a\x01\x02\x03")}, NC("permitted;IP:10.1.0.0/255.255.0.0")},
	{.name = "ip_outside", .leaf = {IP("\x0a\x02\x02\x03")}, NC("permitted;IP:10.1.0.0/255.255.0.0"), .verdict = CERTIFICATE_NAME_CONSTRAINT},
	{.name = "ip_of_another_length", .leaf = {IP("\x0a\x01\x02")}, NC("permitted;IP:10.1.0.0/255.255.0.0"), .verdict = CERTIFICATE_NAME_CONSTRAINT},
	{.name = "uri", .leaf = {URI("spiffe://good.example/a")}, NC("permitted;URI:good.example")},
	{.name = "uri_outside", .leaf = {URI("spiffe://bad.example/a")}, NC("permitted;URI:good.example"), .verdict = CERTIFICATE_NAME_CONSTRAINT},
	{.name = "uri_without_host", .leaf = {URI("urn:a")}, NC("permitted;URI:good.example"), .verdict = CERTIFICATE_NAME_CONSTRAINT},
	{.name = "email", .leaf = {EMAIL("a@good.example")}, NC("permitted;email:good.example")},
	{.name = "email_outside", .leaf = {EMAIL("a@bad.example")}, NC("permitted;email:good.example"), .verdict = CERTIFICATE_NAME_CONSTRAINT},
	{.name = "email_in_subject", .leaf = {.rdns = {{NID_commonName, 0, CERTGEN_TEXT("client-a"), false}, {NID_pkcs9_emailAddress, V_ASN1_IA5STRING, CERTGEN_TEXT("a@bad.example"), false}}}, NC("permitted;email:good.example"), .verdict = CERTIFICATE_NAME_CONSTRAINT},
	{.name = "directory", .leaf = {O("Good")}, SUBS({.cn = "sub", .ca = true, EXT("nameConstraints", "critical," DIR_GOOD)})},
	{.name = "directory_outside", .leaf = {O("Bad")}, SUBS({.cn = "sub", .ca = true, EXT("nameConstraints", "critical," DIR_GOOD)}), .verdict = CERTIFICATE_NAME_CONSTRAINT},
	{.name = "of_upper_issuer", .leaf = {DNS("a.bad.example")}, SUBS({.cn = "sub", .ca = true}, {.cn = "upper", .ca = true, EXT("nameConstraints", "permitted;DNS:good.example")}), .verdict = CERTIFICATE_NAME_CONSTRAINT},
	{.name = "of_root", .root = &limited_root, .leaf = {DNS("a.bad.example")}, .verdict = CERTIFICATE_NAME_CONSTRAINT},
	{.name = "of_root_kept", .root = &limited_root, .leaf = {DNS("a.good.example")}},
	{.name = "not_der", SUBS({.cn = "sub", .ca = true, EXT("nameConstraints", "critical,DER:04:00")}), .verdict = CERTIFICATE_UNKNOWN_CA},
	{.name = "of_the_leaf", .leaf = {DNS("a.bad.example"), EXT("nameConstraints", "critical,permitted;DNS:good.example")}},
	{.name = "minimum", .leaf = {DNS("a.good.example")}, SUBS({.cn = "sub", .ca = true, EXT("nameConstraints", "critical,DER:30:15:a0:13:30:11:82:0c:67:6f:6f:64:2e:65:78:61:6d:70:6c:65:80:01:01")}), .verdict = CERTIFICATE_NAME_CONSTRAINT},
};

static const struct certificate_case extensions[] = {
	{.name = "unknown", .leaf = {EXT("1.2.3.4.5", "DER:05:00")}},
	{.name = "unknown_and_not_der", .leaf = {EXT("1.2.3.4.5", "DER:ff")}},
	{.name = "unknown_critical", .leaf = {EXT("1.2.3.4.5", "critical,DER:05:00")}, .verdict = CERTIFICATE_EXTENSION},
	{.name = "unknown_critical_of_issuer", SUBS({.cn = "sub", .ca = true, EXT("1.2.3.4.5", "critical,DER:05:00")}), .verdict = CERTIFICATE_EXTENSION},
	{.name = "unknown_critical_of_root", .root = &strange_root, .verdict = CERTIFICATE_EXTENSION},
	{.name = "unknown_twice", .leaf = {.exts = {{"1.2.3.4.5", "DER:05:00"}, {"1.2.3.4.5", "DER:05:00"}}}},
	{.name = "known_but_not_handled", .leaf = {EXT("issuingDistributionPoint", "critical,DER:30:00")}, .verdict = CERTIFICATE_EXTENSION},
	{.name = "policies", .leaf = {EXT("certificatePolicies", "DER:30:07:30:05:06:03:2a:03:04")}},
	{.name = "policies_critical", .leaf = {EXT("certificatePolicies", "critical,DER:30:07:30:05:06:03:2a:03:04")}},
	{.name = "policies_not_der", .leaf = {EXT("certificatePolicies", "DER:05:00")}},
	{.name = "policy_required", .leaf = {EXT("certificatePolicies", "DER:30:07:30:05:06:03:2a:03:04")}, SUBS({.cn = "sub", .ca = true, .exts = {{"policyConstraints", "critical,requireExplicitPolicy:0"}, {"certificatePolicies", "DER:30:07:30:05:06:03:2a:03:04"}}})},
	{.name = "many_extensions", .leaf = {.exts = {{"1.2.3.1", "DER:05:00"}, {"1.2.3.2", "DER:05:00"}, {"1.2.3.3", "DER:05:00"}, {"1.2.3.4", "DER:05:00"}, {"1.2.3.5", "DER:05:00"}}}},
	{.name = "sans_critical", .leaf = {DNS("a.example"), .san_critical = true}},
	{.name = "sans_not_der", .leaf = {EXT("subjectAltName", "DER:77:68:61:74")}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "sans_without_names", .leaf = {EXT("subjectAltName", "DER:30:00")}},
	{.name = "sans_cut", .leaf = {EXT("subjectAltName", "DER:30:03:82:05:61")}, .verdict = CERTIFICATE_MALFORMED},
	/* OpenSSL does not look behind the names that it has read. */
	{.name = "sans_trailing", .leaf = {EXT("subjectAltName", "DER:30:03:82:01:61:00")}},
	{.name = "sans_twice", .leaf = {.exts = {{"subjectAltName", "DNS:a.example"}, {"subjectAltName", "DNS:b.example"}}}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "issuer_id_not_der", .leaf = {EXT("authorityKeyIdentifier", "DER:05:00")}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "key_id_not_der", .leaf = {EXT("subjectKeyIdentifier", "DER:05:00")}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "must_staple", .leaf = {EXT("tlsfeature", "status_request")}},
	{.name = "proxy", .leaf = {.bare = true, EXT("proxyCertInfo", "critical,DER:30:0c:30:0a:06:08:2b:06:01:05:05:07:15:01")}, SUBS({.cn = "sub", .ca = true}), .verdict = CERTIFICATE_OTHER, .words = "proxy certificates not allowed"},
	{.name = "version_1", .leaf = {.bare = true, .version = 1}},
	{.name = "version_1_with_extensions", .leaf = {.version = 1}},
	{.name = "version_2", .leaf = {.version = 2}},
	{.name = "version_4", .leaf = {.version = 4}},
	{.name = "no_extensions", .leaf = {.bare = true}},
};
/* clang-format on */

#define RULES                                                                                      \
	"      - {name: a, match: {cn: [client-a]}, upstream: app}\n"                              \
	"      - {name: any, upstream: app}\n"

TEST_CASES(name_constraints_hold, certificate_versions)
{
	certificate_run(
		&(struct certificate_family){CERTIFICATES(name_constraints), .rules = RULES},
		variant);
}

TEST_CASES(every_extension, certificate_versions)
{
	certificate_run(&(struct certificate_family){CERTIFICATES(extensions)}, variant);
}
