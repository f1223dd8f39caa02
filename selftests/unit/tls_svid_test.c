// SPDX-License-Identifier: Apache-2.0
/* SPIFFE: a trust domain is signed for by its own CAs, and a leaf keeps to the X.509-SVID standard. */
#include "selftests/harness/harness.h"
#include "selftests/unit/verify_lab.h"

#include "base/spiffe.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

SUITE("tls_svid");

/** Who has signed it: the CA of the domain prod.example, of test.example, or that of all others. */
enum signer { BY_PROD, BY_TEST, BY_REST };

struct svid_case {
	VARIANT;
	const char *names; /* subject alternative names; NULL: none */
	enum signer by;
	struct forge_extension basic, usage; /* nid 0: as a leaf's */
	bool nothing_but_domains;
	enum tls_refusal refusal;
	const char *detail;
};

#define PROD "URI:spiffe://prod.example/a"

/* clang-format off */
CASES(struct svid_case, svids,
      {.name = "good", .names = PROD, .by = BY_PROD},
      {.name = "of_the_other_domain", .names = "URI:spiffe://test.example/a", .by = BY_TEST},
      {.name = "with_dns", .names = PROD ",DNS:a.example", .by = BY_PROD},
      {.name = "none", .names = "DNS:a.example", .by = BY_REST},
      {.name = "none_and_no_names", .by = BY_REST},
      {.name = "another_uri", .names = "URI:https://a.example/x", .by = BY_REST},
      {.name = "none_by_a_domain", .names = "DNS:a.example", .by = BY_PROD, REFUSED(UNKNOWN_CA)},
      {.name = "none_and_nobody_for_it", .names = "DNS:a.example", .by = BY_REST, .nothing_but_domains = true, REFUSED(UNKNOWN_CA), .detail = "only the CAs of trust domains"},
      {.name = "nothing_but_domains", .names = PROD, .by = BY_PROD, .nothing_but_domains = true},
      {.name = "claimed_by_another_domain", .names = PROD, .by = BY_TEST, REFUSED(TRUST_DOMAIN), .detail = "not signed by"},
      {.name = "claimed_by_the_rest", .names = PROD, .by = BY_REST, REFUSED(TRUST_DOMAIN), .detail = "not signed by"},
      {.name = "unknown_domain", .names = "URI:spiffe://else.example/a", .by = BY_PROD, REFUSED(TRUST_DOMAIN), .detail = "not one of"},
      {.name = "unknown_domain_by_the_rest", .names = "URI:spiffe://else.example/a", .by = BY_REST, REFUSED(TRUST_DOMAIN)},
      {.name = "longer_domain", .names = "URI:spiffe://prod.example.evil/a", .by = BY_PROD, REFUSED(TRUST_DOMAIN)},
      {.name = "two", .names = PROD ",URI:spiffe://prod.example/b", .by = BY_PROD, REFUSED(SVID), .detail = "exactly one"},
      {.name = "two_domains", .names = PROD ",URI:spiffe://test.example/b", .by = BY_TEST, REFUSED(SVID)},
      {.name = "with_another_uri", .names = "URI:https://a.example," PROD, .by = BY_PROD, REFUSED(SVID), .detail = "exactly one"},
      {.name = "no_path", .names = "URI:spiffe://prod.example", .by = BY_PROD, REFUSED(SVID), .detail = "path"},
      {.name = "slash", .names = "URI:spiffe://prod.example/", .by = BY_PROD, REFUSED(SVID), .detail = "not a SPIFFE ID"},
      {.name = "upper_case_scheme", .names = "URI:SPIFFE://prod.example/a", .by = BY_REST, REFUSED(SVID)},
      {.name = "upper_case_domain", .names = "URI:spiffe://Prod.example/a", .by = BY_PROD, REFUSED(SVID)},
      {.name = "user", .names = "URI:spiffe://prod.example@test.example/a", .by = BY_PROD, REFUSED(SVID)},
      {.name = "port", .names = "URI:spiffe://prod.example:1/a", .by = BY_PROD, REFUSED(SVID)},
      {.name = "query", .names = "URI:spiffe://prod.example/a?b", .by = BY_PROD, REFUSED(SVID)},
      {.name = "dots", .names = "URI:spiffe://prod.example/a/../b", .by = BY_PROD, REFUSED(SVID)},
      {.name = "percent", .names = "URI:spiffe://prod.example/%61", .by = BY_PROD, REFUSED(SVID)},
      {.name = "one_slash", .names = "URI:spiffe:/prod.example/a", .by = BY_REST, REFUSED(SVID)},
      {.name = "ca", .names = PROD, .by = BY_PROD, .basic = CA_BASIC, REFUSED(SVID), .detail = "must not be a CA"},
      {.name = "no_usage", .names = PROD, .by = BY_PROD, .usage = {NID_netscape_comment, "none"}, REFUSED(SVID), .detail = "digitalSignature"},
      {.name = "no_digital_signature", .names = PROD, .by = BY_PROD, .usage = {NID_key_usage, "critical,keyAgreement"}, REFUSED(SVID), .detail = "digitalSignature"},
      {.name = "signs_certificates", .names = PROD, .by = BY_PROD, .usage = {NID_key_usage, "critical,digitalSignature,keyCertSign"}, REFUSED(SVID), .detail = "keyCertSign"},
      {.name = "signs_crls", .names = PROD, .by = BY_PROD, .usage = {NID_key_usage, "critical,digitalSignature,cRLSign"}, REFUSED(SVID), .detail = "keyCertSign"});
/* clang-format on */

static struct forged forge_svid(const struct svid_case *c, const struct forged *by)
{
	struct forge_spec spec = {
		.cn = "leaf",
		IN_TIME,
		.extensions = {
			LEAF_BASIC, LEAF_USAGE, FOR_CLIENTS, {NID_subject_alt_name, c->names}}};

	if (c->basic.nid)
		spec.extensions[0] = c->basic;
	if (c->usage.nid)
		spec.extensions[1] = c->usage;
	if (!c->names)
		spec.extensions[3].nid = 0;
	return forge(&spec, by);
}

TEST_CASES(a_trust_domain_has_its_own_cas, svids)
{
	struct forged cas[3] = {forge(&lab_root, NULL), forge(&lab_root, NULL),
				forge(&lab_other_root, NULL)};
	char *pems[3] = {forge_cert_pem(&cas[0]), forge_cert_pem(&cas[1]), forge_cert_pem(&cas[2])};
	struct tls_trust_domain domains[] = {
		{.name = "prod.example", .ca = {pems[BY_PROD], strlen(pems[BY_PROD])}},
		{.name = "test.example", .ca = {pems[BY_TEST], strlen(pems[BY_TEST])}},
	};
	const struct tls_verify_params verify = {.depth = TLS_VERIFY_DEPTH,
						 .security_level = TLS_VERIFY_SECURITY_LEVEL,
						 .domains = domains,
						 .n_domains = 2};
	struct tls_ctx *ctx = lab_ctx(variant->nothing_but_domains ? NULL : pems[BY_REST], &verify);
	struct forged leaf = forge_svid(variant, &cas[variant->by]);
	struct tls_chain *chain = lab_chain(leaf.cert, NULL);
	struct tls_failure failure;
	int r = tls_chain_verify(ctx, chain, NULL, &failure);

	CHECK_EQ(ERR_peek_error(), 0);
	CHECK_EQ(failure.refusal, variant->refusal, "%s", failure.detail);
	CHECK_EQ(r, variant->refusal == TLS_REFUSAL_NONE ? 0 : -EACCES);
	if (variant->detail)
		CHECK(failure.detail && strstr(failure.detail, variant->detail), "%s",
		      failure.detail);
	tls_chain_unref(chain);
	forge_free(&leaf);
	tls_ctx_free(ctx);
	for (int i = 0; i < 3; i++) {
		forge_free(&cas[i]);
		free(pems[i]);
	}
}
