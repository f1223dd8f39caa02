// SPDX-License-Identifier: Apache-2.0
/* Chains: what is shown of them and in which order, who signed, with what, and how well. */
#include "selftests/e2e/certificate.h"

SUITE("certificate_chain", NEEDS(NEED_NETNS), .deadline_ms = 60000);

#define SUBS CERTIFICATE_SUBS
#define SUB(...)                                                                                   \
	{                                                                                          \
		.cn = "sub", .ca = true, ##__VA_ARGS__                                             \
	}
#define UPPER(...)                                                                                 \
	{                                                                                          \
		.cn = "upper", .ca = true, ##__VA_ARGS__                                           \
	}
#define TWO SUBS(SUB(), UPPER())
#define EIGHT                                                                                      \
	{.cn = "1", .ca = true}, {.cn = "2", .ca = true}, {.cn = "3", .ca = true},                 \
		{.cn = "4", .ca = true}, {.cn = "5", .ca = true}, {.cn = "6", .ca = true},         \
		{.cn = "7", .ca = true},                                                           \
	{                                                                                          \
		.cn = "8", .ca = true                                                              \
	}

static const struct certgen stranger = {.cn = "a stranger", .ca = true};
static const struct certgen impostor = {.cn = "a root", .ca = true, .key_number = 12};
static const struct certgen sha1_root = {.cn = "a root by SHA-1", .ca = true, .digest = "SHA1"};
static const struct certgen weak_root = {.cn = "a weak root", .ca = true, .key = CERTGEN_RSA_1024};
static const struct certgen rsa_root = {.cn = "an RSA root", .ca = true, .key = CERTGEN_RSA_2048};
static const struct certgen koblitz_root = {
	.cn = "a secp256k1 root", .ca = true, .key = CERTGEN_SECP256K1};
static const struct certgen ed25519_root = {
	.cn = "an Ed25519 root", .ca = true, .key = CERTGEN_ED25519};

/* clang-format off */
static const struct certificate_case shown[] = {
	{.name = "two_issuers", TWO},
	{.name = "nothing", .show = SHOW_NOTHING, .verdict = CERTIFICATE_NO_CERTIFICATE},
	{.name = "no_issuer", TWO, .show = SHOW_LEAF, .verdict = CERTIFICATE_UNKNOWN_CA},
	{.name = "with_root", TWO, .show = SHOW_WITH_ROOT},
	{.name = "reversed", TWO, .show = SHOW_REVERSED},
	{.name = "leaf_last", SUBS(SUB()), .show = SHOW_UPSIDE_DOWN, .verdict = CERTIFICATE_PURPOSE},
	{.name = "twice", TWO, .show = SHOW_TWICE},
	{.name = "with_a_stranger", SUBS(SUB()), .show = SHOW_STRANGER},
	{.name = "with_strangers", SUBS(SUB()), .show = SHOW_STRANGERS},
	{.name = "stolen", SUBS(SUB()), .show = SHOW_STOLEN, .verdict = CERTIFICATE_PROTOCOL, .alert = 51},
	{.name = "issuer_as_client", SUBS(SUB()), .show = SHOW_ISSUER, .verdict = CERTIFICATE_PURPOSE},
	{.name = "unknown_root", .root = &stranger, .untrusted = true, .verdict = CERTIFICATE_UNKNOWN_CA},
	{.name = "unknown_root_shown", .root = &stranger, .untrusted = true, .show = SHOW_WITH_ROOT, .verdict = CERTIFICATE_UNKNOWN_CA},
	{.name = "unknown_root_and_issuer", .root = &stranger, .untrusted = true, SUBS(SUB()), .show = SHOW_WITH_ROOT, .verdict = CERTIFICATE_UNKNOWN_CA},
	{.name = "impostor_of_root", .root = &impostor, .untrusted = true, .verdict = CERTIFICATE_SIGNATURE},
	{.name = "impostor_of_root_shown", .root = &impostor, .untrusted = true, .show = SHOW_WITH_ROOT, .verdict = CERTIFICATE_SIGNATURE},
	{.name = "self_signed", .self_signed = true, .untrusted = true, .verdict = CERTIFICATE_UNKNOWN_CA},
	{.name = "self_signed_ca", .leaf = {.cn = "client-a", .ca = true}, .self_signed = true, .untrusted = true, .verdict = CERTIFICATE_UNKNOWN_CA},
	{.name = "self_signed_with_name_of_root", .leaf = {.cn = "a root", .ca = true}, .self_signed = true, .untrusted = true, .verdict = CERTIFICATE_UNKNOWN_CA},
	{.name = "eight_issuers", SUBS(EIGHT)},
	{.name = "ten_issuers", SUBS(EIGHT, {.cn = "9", .ca = true}, {.cn = "10", .ca = true}), .verdict = CERTIFICATE_DEPTH},
	{.name = "issuer_of_itself", SUBS({.cn = "client-a", .ca = true}), .verdict = CERTIFICATE_UNKNOWN_CA},
	{.name = "another_issuer_id", .leaf = {.exts = {{"authorityKeyIdentifier", "DER:30:06:80:04:01:02:03:04"}}}, SUBS(SUB(.exts = {{"subjectKeyIdentifier", "05:06:07:08"}})), .verdict = CERTIFICATE_UNKNOWN_CA},
	{.name = "the_issuer_id", .leaf = {.exts = {{"authorityKeyIdentifier", "DER:30:06:80:04:01:02:03:04"}}}, SUBS(SUB(.exts = {{"subjectKeyIdentifier", "01:02:03:04"}}))},
};

static const struct certificate_case signatures[] = {
	{.name = "flipped", .leaf = {.damage = CERTGEN_FLIP_SIGNATURE}, .verdict = CERTIFICATE_SIGNATURE},
	{.name = "flipped_of_issuer", SUBS(SUB(.damage = CERTGEN_FLIP_SIGNATURE)), .verdict = CERTIFICATE_SIGNATURE},
	{.name = "changed", .leaf = {.damage = CERTGEN_FLIP_TBS}, .verdict = CERTIFICATE_SIGNATURE},
	{.name = "changed_issuer", .leaf = {.cn = "client-a"}, SUBS(SUB(.damage = CERTGEN_FLIP_TBS)), .verdict = CERTIFICATE_UNKNOWN_CA},
	{.name = "other_key", .leaf = {.signed_by = 9}, .verdict = CERTIFICATE_SIGNATURE},
	{.name = "other_key_of_issuer", SUBS(SUB(.signed_by = 9)), .verdict = CERTIFICATE_SIGNATURE},
	{.name = "own_key", .leaf = {.key_number = 11, .signed_by = 11}, .verdict = CERTIFICATE_SIGNATURE},
	{.name = "two_algorithms", .leaf = {.damage = CERTGEN_OTHER_ALGORITHM}, .verdict = CERTIFICATE_SIGNATURE},
	{.name = "trailing_byte", .leaf = {.damage = CERTGEN_TRAILING}, .verdict = CERTIFICATE_PROTOCOL},
	{.name = "cut", .leaf = {.damage = CERTGEN_CUT}, .verdict = CERTIFICATE_PROTOCOL},
	{.name = "garbage", .leaf = {.damage = CERTGEN_GARBAGE}, .verdict = CERTIFICATE_PROTOCOL},
	{.name = "garbage_behind", SUBS(SUB(), UPPER(.damage = CERTGEN_GARBAGE)), .verdict = CERTIFICATE_PROTOCOL},
	{.name = "sha384", .leaf = {.digest = "SHA384"}},
	{.name = "sha512", .leaf = {.digest = "SHA512"}},
	{.name = "sha1", .leaf = {.digest = "SHA1"}, .verdict = CERTIFICATE_WEAK},
	{.name = "sha1_of_issuer", SUBS(SUB(.digest = "SHA1")), .verdict = CERTIFICATE_WEAK},
	{.name = "sha1_of_root", .root = &sha1_root},
	{.name = "sha1_of_rsa", .root = &rsa_root, .leaf = {.digest = "SHA1"}, .verdict = CERTIFICATE_WEAK},
	{.name = "md5", .root = &rsa_root, .leaf = {.digest = "MD5"}, .verdict = CERTIFICATE_WEAK},
	{.name = "md5_of_issuer", .root = &rsa_root, SUBS(SUB(.digest = "MD5")), .verdict = CERTIFICATE_WEAK},
	{.name = "sha224", .root = &rsa_root, .leaf = {.digest = "SHA224"}},
};

static const struct certificate_case keys[] = {
	{.name = "rsa_2048", .leaf = {.key = CERTGEN_RSA_2048}},
	{.name = "rsa_1024", .leaf = {.key = CERTGEN_RSA_1024}, .verdict = CERTIFICATE_WEAK},
	{.name = "rsa_1024_issuer", SUBS(SUB(.key = CERTGEN_RSA_1024)), .verdict = CERTIFICATE_WEAK},
	{.name = "rsa_1024_root", .root = &weak_root, .verdict = CERTIFICATE_WEAK},
	{.name = "rsa_2048_root", .root = &rsa_root},
	{.name = "rsa_pss", .leaf = {.key = CERTGEN_RSA_PSS}},
	{.name = "rsa_pss_issuer", SUBS(SUB(.key = CERTGEN_RSA_PSS))},
	{.name = "p384", .leaf = {.key = CERTGEN_P384}},
	{.name = "p521", .leaf = {.key = CERTGEN_P521}},
	{.name = "p224_issuer", SUBS(SUB(.key = CERTGEN_P224))},
	{.name = "secp256k1_issuer", SUBS(SUB(.key = CERTGEN_SECP256K1))},
	{.name = "secp256k1_root", .root = &koblitz_root},
	{.name = "ed25519", .leaf = {.key = CERTGEN_ED25519}},
	{.name = "ed25519_issuer", SUBS(SUB(.key = CERTGEN_ED25519))},
	{.name = "ed25519_root", .root = &ed25519_root},
	{.name = "ed448", .leaf = {.key = CERTGEN_ED448}},
};
/* clang-format on */

TEST_CASES(shown_in_any_way, certificate_versions)
{
	certificate_run(&(struct certificate_family){CERTIFICATES(shown)}, variant);
}

TEST_CASES(signed_in_any_way, certificate_versions)
{
	certificate_run(&(struct certificate_family){CERTIFICATES(signatures)}, variant);
}

TEST_CASES(keys_of_any_kind, certificate_versions)
{
	certificate_run(&(struct certificate_family){CERTIFICATES(keys)}, variant);
}
