// SPDX-License-Identifier: Apache-2.0
/* SPIFFE: each trust domain has CAs of its own, and its leafs keep to the X.509-SVID standard. */
#include "selftests/e2e/certificate.h"

SUITE("certificate_spiffe", NEEDS(NEED_NETNS), .deadline_ms = 60000);

#define URI(text)	      .sans = {CERTGEN_SAN(GEN_URI, text)}
#define URIS(one, two)	      .sans = {CERTGEN_SAN(GEN_URI, one), CERTGEN_SAN(GEN_URI, two)}
#define EXT(extension, value) .exts = {{extension, value}}
#define ID(text)	      .leaf = {URI("spiffe://" text)}, .root = &prod, .untrusted = true
#define OF(domain)	      .root = &(domain), .untrusted = true
#define X16(x)		      x x x x x x x x x x x x x x x x

static const struct certgen prod = {.cn = "the root of prod.example", .ca = true, .key_number = 10};
static const struct certgen test = {.cn = "the root of test.example", .ca = true, .key_number = 11};

/* clang-format off */
static const struct certificate_case cases[] = {
	{.name = "id", ID("prod.example/ns/a"), .rule = "prod"},
	{.name = "id_of_another_domain", .leaf = {URI("spiffe://test.example/ns/a")}, OF(test), .rule = "test"},
	{.name = "id_by_an_issuer", ID("prod.example/ns/a"), CERTIFICATE_SUBS({.cn = "sub", .ca = true}), .rule = "prod"},
	{.name = "claimed_by_another_domain", .leaf = {URI("spiffe://prod.example/ns/a")}, OF(test), .verdict = CERTIFICATE_TRUST_DOMAIN},
	{.name = "claimed_by_a_client_ca", .leaf = {URI("spiffe://prod.example/ns/a")}, .verdict = CERTIFICATE_TRUST_DOMAIN},
	{.name = "unknown_domain", .leaf = {URI("spiffe://other.example/ns/a")}, .verdict = CERTIFICATE_TRUST_DOMAIN},
	{.name = "unknown_domain_of_prod", ID("other.example/ns/a"), .verdict = CERTIFICATE_TRUST_DOMAIN},
	{.name = "longer_domain", ID("prod.example.evil/ns/a"), .verdict = CERTIFICATE_TRUST_DOMAIN},
	{.name = "no_id", .rule = "a"},
	{.name = "no_id_of_prod", OF(prod), .verdict = CERTIFICATE_UNKNOWN_CA},
	{.name = "another_uri", .leaf = {URI("https://prod.example/ns/a")}, .rule = "a"},
	{.name = "with_a_dns_name", .leaf = {.sans = {CERTGEN_SAN(GEN_DNS, "a.example"), CERTGEN_SAN(GEN_URI, "spiffe://prod.example/ns/a")}}, OF(prod), .rule = "prod"},
	{.name = "two_ids", .leaf = {URIS("spiffe://prod.example/ns/a", "spiffe://prod.example/ns/b")}, OF(prod), .verdict = CERTIFICATE_SVID},
	{.name = "ids_of_two_domains", .leaf = {URIS("spiffe://prod.example/ns/a", "spiffe://test.example/ns/a")}, OF(prod), .verdict = CERTIFICATE_SVID},
	{.name = "and_another_uri", .leaf = {URIS("spiffe://prod.example/ns/a", "https://a.example/")}, OF(prod), .verdict = CERTIFICATE_SVID},
	{.name = "behind_another_uri", .leaf = {URIS("https://a.example/", "spiffe://prod.example/ns/a")}, OF(prod), .verdict = CERTIFICATE_SVID},
	{.name = "a_ca", .leaf = {URI("spiffe://prod.example/ns/a"), EXT("basicConstraints", "critical,CA:TRUE")}, OF(prod), .verdict = CERTIFICATE_SVID},
	{.name = "signs_certificates", .leaf = {URI("spiffe://prod.example/ns/a"), EXT("keyUsage", "critical,digitalSignature,keyCertSign")}, OF(prod), .verdict = CERTIFICATE_SVID},
	{.name = "signs_crls", .leaf = {URI("spiffe://prod.example/ns/a"), EXT("keyUsage", "critical,digitalSignature,cRLSign")}, OF(prod), .verdict = CERTIFICATE_SVID},
	{.name = "signs_nothing", .leaf = {URI("spiffe://prod.example/ns/a"), EXT("keyUsage", "critical,keyAgreement")}, OF(prod), .verdict = CERTIFICATE_SVID},
	{.name = "no_key_usage", .leaf = {URI("spiffe://prod.example/ns/a"), EXT("keyUsage", NULL)}, OF(prod), .verdict = CERTIFICATE_SVID},
	{.name = "no_path", ID("prod.example"), .verdict = CERTIFICATE_SVID},
	{.name = "slash_alone", ID("prod.example/"), .verdict = CERTIFICATE_SVID},
	{.name = "slash_behind", ID("prod.example/ns/a/"), .verdict = CERTIFICATE_SVID},
	{.name = "empty_segment", ID("prod.example/ns//a"), .verdict = CERTIFICATE_SVID},
	{.name = "dots", ID("prod.example/ns/../a"), .verdict = CERTIFICATE_SVID},
	{.name = "no_domain", ID("/ns/a"), .verdict = CERTIFICATE_SVID},
	{.name = "upper_case_domain", ID("Prod.example/ns/a"), .verdict = CERTIFICATE_SVID},
	{.name = "upper_case_scheme", .leaf = {URI("SPIFFE://prod.example/ns/a")}, OF(prod), .verdict = CERTIFICATE_SVID},
	{.name = "port", ID("prod.example:443/ns/a"), .verdict = CERTIFICATE_SVID},
	{.name = "user", ID("prod.example@test.example/ns/a"), .verdict = CERTIFICATE_SVID},
	{.name = "query", ID("prod.example/ns/a?b"), .verdict = CERTIFICATE_SVID},
	{.name = "fragment", ID("prod.example/ns/a#b"), .verdict = CERTIFICATE_SVID},
	{.name = "encoded", ID("prod.example/ns/%61"), .verdict = CERTIFICATE_SVID},
	{.name = "nul", ID("prod.example/ns/a\0b"), .verdict = CERTIFICATE_SVID},
	{.name = "too_long", ID("prod.example/" X16(X16("a-long-id"))), .verdict = CERTIFICATE_SVID},
	{.name = "expired_id", .leaf = {URI("spiffe://prod.example/ns/a"), .until_s = -60}, OF(prod), .verdict = CERTIFICATE_EXPIRED},
};
/* clang-format on */

#define RULES                                                                                      \
	"      - {name: prod, match: {uri: [\"spiffe://prod.example/ns/*\"]}, upstream: app}\n"    \
	"      - {name: test, match: {uri: [\"spiffe://test.example/ns/*\"]}, upstream: app}\n"    \
	"      - {name: a, match: {cn: [client-a]}, upstream: app}\n"

static const struct certificate_domain domains[] = {{"prod.example", &prod},
						    {"test.example", &test}};

TEST_CASES(every_case, certificate_versions)
{
	certificate_run(&(struct certificate_family){CERTIFICATES(cases), .rules = RULES,
						     .domains = domains, .n_domains = 2},
			variant);
}
