// SPDX-License-Identifier: Apache-2.0
/* What a certificate is for: extended key usage, key usage, basic constraints, path length. */
#include "selftests/e2e/certificate.h"

SUITE("certificate_usage", NEEDS(NEED_NETNS), .deadline_ms = 60000);

#define EKU(value) .exts = {{"extendedKeyUsage", value}}
#define KU(value)  .exts = {{"keyUsage", value}}
#define BC(value)  .exts = {{"basicConstraints", value}}
#define SUB(...)                                                                                   \
	{                                                                                          \
		.cn = "sub", .ca = true, ##__VA_ARGS__                                             \
	}
/* A CA may issue itself another certificate: that one is not counted (RFC 5280 4.2.1.9). */
#define ID_1 "DER:30:03:80:01:01"
#define ID_2 "DER:30:03:80:01:02"
#define SUBS CERTIFICATE_SUBS

static const struct certgen root_for_servers = {
	.cn = "a root for servers", .ca = true, EKU("serverAuth")};
static const struct certgen root_pathlen_0 = {
	.cn = "a root of length 0", .ca = true, BC("critical,CA:TRUE,pathlen:0")};
static const struct certgen root_v1 = {.cn = "a root of version 1", .bare = true, .version = 1};

/* clang-format off */
static const struct certificate_case purposes[] = {
	{.name = "client", .leaf = {EKU("clientAuth")}},
	{.name = "client_critical", .leaf = {EKU("critical,clientAuth")}},
	{.name = "client_and_server", .leaf = {EKU("serverAuth,clientAuth")}},
	{.name = "none", .leaf = {EKU(NULL)}},
	{.name = "server", .leaf = {EKU("serverAuth")}, .verdict = CERTIFICATE_EKU},
	{.name = "server_critical", .leaf = {EKU("critical,serverAuth")}, .verdict = CERTIFICATE_EKU},
	{.name = "code_signing", .leaf = {EKU("codeSigning")}, .verdict = CERTIFICATE_EKU},
	{.name = "email", .leaf = {EKU("emailProtection")}, .verdict = CERTIFICATE_EKU},
	{.name = "ocsp", .leaf = {EKU("OCSPSigning")}, .verdict = CERTIFICATE_EKU},
	{.name = "unknown", .leaf = {EKU("1.2.3.4.5")}, .verdict = CERTIFICATE_EKU},
	{.name = "any", .leaf = {EKU("anyExtendedKeyUsage")}, .verdict = CERTIFICATE_EKU},
	{.name = "unknown_and_client", .leaf = {EKU("1.2.3.4.5,clientAuth")}},
	{.name = "no_purpose", .leaf = {EKU("DER:30:00")}, .verdict = CERTIFICATE_EKU},
	{.name = "not_der", .leaf = {EKU("DER:77:68:61:74")}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "twice", .leaf = {.exts = {{"extendedKeyUsage", "clientAuth"}, {"extendedKeyUsage", "serverAuth"}}}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "issuer_for_clients", SUBS(SUB(EKU("clientAuth")))},
	{.name = "issuer_for_servers", SUBS(SUB(EKU("serverAuth"))), .verdict = CERTIFICATE_EKU},
	{.name = "issuer_for_code", SUBS(SUB(EKU("codeSigning"))), .verdict = CERTIFICATE_EKU},
	{.name = "upper_issuer_for_servers", SUBS(SUB(), {.cn = "upper", .ca = true, EKU("serverAuth")}), .verdict = CERTIFICATE_EKU},
	{.name = "root_for_servers", .root = &root_for_servers, .verdict = CERTIFICATE_EKU},
	{.name = "netscape_server", .leaf = {.exts = {{"nsCertType", "server"}}}, .verdict = CERTIFICATE_PURPOSE},
	{.name = "netscape_client", .leaf = {.exts = {{"nsCertType", "client"}}}},
};

static const struct certificate_case key_usages[] = {
	{.name = "signature", .leaf = {KU("digitalSignature")}},
	{.name = "signature_and_more", .leaf = {KU("critical,digitalSignature,keyEncipherment")}},
	{.name = "none", .leaf = {KU(NULL)}},
	{.name = "agreement", .leaf = {KU("critical,keyAgreement")}},
	{.name = "encipherment", .leaf = {KU("critical,keyEncipherment")}, .verdict = CERTIFICATE_PURPOSE},
	{.name = "encipherment_not_critical", .leaf = {KU("keyEncipherment")}, .verdict = CERTIFICATE_PURPOSE},
	{.name = "data", .leaf = {KU("critical,dataEncipherment")}, .verdict = CERTIFICATE_PURPOSE},
	{.name = "non_repudiation", .leaf = {KU("critical,nonRepudiation")}, .verdict = CERTIFICATE_PURPOSE},
	{.name = "certificates", .leaf = {KU("critical,keyCertSign")}, .verdict = CERTIFICATE_PURPOSE},
	{.name = "no_bits", .leaf = {KU("critical,DER:03:01:00")}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "not_der", .leaf = {KU("DER:05:00")}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "issuer_without", SUBS(SUB(KU(NULL)))},
	{.name = "issuer_signs_data", SUBS(SUB(KU("critical,digitalSignature"))), .verdict = CERTIFICATE_PURPOSE},
	{.name = "issuer_signs_crls", SUBS(SUB(KU("critical,cRLSign"))), .verdict = CERTIFICATE_PURPOSE},
	{.name = "issuer_signs_data_not_critical", SUBS(SUB(KU("digitalSignature"))), .verdict = CERTIFICATE_PURPOSE},
};

static const struct certificate_case constraints[] = {
	{.name = "leaf_without", .leaf = {BC(NULL)}},
	{.name = "leaf_is_a_ca", .leaf = {BC("critical,CA:TRUE")}},
	{.name = "leaf_not_der", .leaf = {BC("critical,DER:04:00")}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "leaf_with_pathlen", .leaf = {BC("critical,CA:FALSE,pathlen:1")}},
	{.name = "leaf_twice", .leaf = {.exts = {{"basicConstraints", "CA:FALSE"}, {"basicConstraints", "CA:FALSE"}}}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "two_issuers", SUBS(SUB(), {.cn = "upper", .ca = true})},
	{.name = "issuer_is_no_ca", SUBS(SUB(BC("critical,CA:FALSE"))), .verdict = CERTIFICATE_PURPOSE},
	{.name = "issuer_without", SUBS(SUB(BC(NULL))), .verdict = CERTIFICATE_PURPOSE},
	{.name = "issuer_without_anything", SUBS({.cn = "sub", .bare = true}), .verdict = CERTIFICATE_PURPOSE},
	{.name = "issuer_not_critical", SUBS(SUB(BC("CA:TRUE")))},
	{.name = "issuer_not_der", SUBS(SUB(BC("critical,DER:04:00"))), .verdict = CERTIFICATE_UNKNOWN_CA},
	{.name = "issuer_twice", SUBS(SUB(.exts = {{"basicConstraints", "CA:TRUE"}, {"basicConstraints", "CA:FALSE"}})), .verdict = CERTIFICATE_UNKNOWN_CA},
	{.name = "issuer_of_version_1", SUBS({.cn = "sub", .bare = true, .version = 1}), .verdict = CERTIFICATE_PURPOSE},
	{.name = "issuer_is_a_client", SUBS({.cn = "client-b"}), .verdict = CERTIFICATE_PURPOSE},
	{.name = "upper_is_no_ca", SUBS(SUB(), {.cn = "upper", .ca = true, BC("CA:FALSE")}), .verdict = CERTIFICATE_PURPOSE},
	{.name = "root_of_version_1", .root = &root_v1},
	{.name = "length_0", SUBS(SUB(BC("critical,CA:TRUE,pathlen:0")))},
	{.name = "length_0_and_an_issuer", SUBS(SUB(), {.cn = "upper", .ca = true, BC("critical,CA:TRUE,pathlen:0")}), .verdict = CERTIFICATE_DEPTH},
	{.name = "length_1_and_an_issuer", SUBS(SUB(), {.cn = "upper", .ca = true, BC("critical,CA:TRUE,pathlen:1")})},
	{.name = "length_1_and_two_issuers", SUBS(SUB(), {.cn = "middle", .ca = true}, {.cn = "upper", .ca = true, BC("critical,CA:TRUE,pathlen:1")}), .verdict = CERTIFICATE_DEPTH},
	{.name = "length_0_self_issued", .leaf = {.exts = {{"authorityKeyIdentifier", ID_1}}}, SUBS({.cn = "upper", .ca = true, .exts = {{"subjectKeyIdentifier", "01"}, {"authorityKeyIdentifier", ID_2}}}, {.cn = "upper", .ca = true, .exts = {{"basicConstraints", "critical,CA:TRUE,pathlen:0"}, {"subjectKeyIdentifier", "02"}}})},
	{.name = "root_length_0", .root = &root_pathlen_0},
	{.name = "root_length_0_and_an_issuer", .root = &root_pathlen_0, SUBS(SUB()), .verdict = CERTIFICATE_DEPTH},
	{.name = "negative_length", SUBS(SUB(BC("critical,DER:30:06:01:01:ff:02:01:ff"))), .verdict = CERTIFICATE_UNKNOWN_CA},
	{.name = "length_without_ca", SUBS(SUB(BC("critical,DER:30:03:02:01:00"))), .verdict = CERTIFICATE_PURPOSE},
};
/* clang-format on */

TEST_CASES(extended_key_usage, certificate_versions)
{
	certificate_run(&(struct certificate_family){CERTIFICATES(purposes)}, variant);
}

TEST_CASES(key_usage, certificate_versions)
{
	certificate_run(&(struct certificate_family){CERTIFICATES(key_usages)}, variant);
}

TEST_CASES(basic_constraints, certificate_versions)
{
	certificate_run(&(struct certificate_family){CERTIFICATES(constraints)}, variant);
}
