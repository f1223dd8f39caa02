// SPDX-License-Identifier: Apache-2.0
/* CRLs as they come: which of several counts, and that a text of them is taken as a whole. */
#include "selftests/harness/harness.h"

#include "selftests/unit/verify_lab.h"

#include "base/fd.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

SUITE("tls_crl");

struct lab {
	struct forged root, sub, old, leaf; /* old: of the name of sub, with another key */
	char *ca_pem;
	struct tls_chain *chain;
	char *texts[2];
	struct tls_bytes crls[2];
};

static void open_lab(struct lab *lab)
{
	*lab = (struct lab){};
	lab->root = forge(&lab_root, NULL);
	lab->sub = forge(&lab_sub, &lab->root);
	lab->old = forge(&lab_sub, &lab->root);
	lab->leaf = forge(&lab_leaf, &lab->sub);
	lab->ca_pem = forge_cert_pem(&lab->root);
	lab->chain = lab_chain(lab->leaf.cert, lab->sub.cert);
}

static void close_lab(struct lab *lab)
{
	forge_free(&lab->root);
	forge_free(&lab->sub);
	forge_free(&lab->old);
	forge_free(&lab->leaf);
	free(lab->ca_pem);
	free(lab->texts[0]);
	free(lab->texts[1]);
	tls_chain_unref(lab->chain);
}

struct one_crl {
	struct forge_crl_spec spec;
	bool revokes, by_old_key;
};

struct two_crls_case {
	VARIANT;
	struct one_crl crls[2];
	bool allow_expired;
	enum tls_refusal refusal;
};

#define GOOD	   .until = DAY
#define KEY	   .extension = {NID_authority_key_identifier, "keyid:always"}
#define ONLY(what) .extension = {NID_issuing_distribution_point, "critical,only" what ":TRUE"}

/* clang-format off */
CASES(struct two_crls_case, two_crls,
      {.name = "newer_revokes", .crls = {{{.from = -100, GOOD}}, {{.from = -10, GOOD}, true}}, REFUSED(REVOKED)},
      {.name = "newer_comes_first", .crls = {{{.from = -10, GOOD}, true}, {{.from = -100, GOOD}}}, REFUSED(REVOKED)},
      {.name = "older_revoked", .crls = {{{.from = -100, GOOD}, true}, {{.from = -10, GOOD}}}},
      {.name = "newer_is_out_of_date", .crls = {{{.from = -200, GOOD}}, {{.from = -100, .until = -5}, true}}, REFUSED(CRL_EXPIRED)},
      {.name = "newer_is_out_of_date_and_revokes", .crls = {{{.from = -200, GOOD}}, {{.from = -100, .until = -5}, true}}, .allow_expired = true, REFUSED(REVOKED)},
      {.name = "older_is_out_of_date", .crls = {{{.from = -200, .until = -150}, true}, {{.from = -100, GOOD}}}},
      {.name = "next_one_is_there_already", .crls = {{{.from = -100, GOOD}}, {{.from = DAY, .until = 2 * DAY}, true}}},
      {.name = "next_one_beside_one_out_of_date", .crls = {{{.from = -100, .until = -5}}, {{.from = DAY, .until = 2 * DAY}, true}}, .allow_expired = true},
      {.name = "of_two_keys", .crls = {{{.from = -100, GOOD, KEY}, true}, {{.from = -10, GOOD, KEY}, .by_old_key = true}}, REFUSED(REVOKED)},
      {.name = "of_two_scopes", .crls = {{{.from = -100, GOOD, ONLY("user")}, true}, {{.from = -10, GOOD, ONLY("CA")}}}, REFUSED(REVOKED)});
/* clang-format on */

static struct tls_ctx *ctx_with(struct lab *lab, const struct two_crls_case *c)
{
	const struct tls_verify_params verify = {
		.depth = TLS_VERIFY_DEPTH,
		.security_level = TLS_VERIFY_SECURITY_LEVEL,
		.crls = lab->crls,
		.n_crls = 2,
		.crl_mode = TLS_CRL_LEAF,
		.allow_crl_expired = c->allow_expired,
	};

	for (size_t i = 0; i < 2; i++) {
		struct forge_crl_spec spec = c->crls[i].spec;

		spec.revoked = c->crls[i].revokes ? lab->leaf.cert : NULL;
		lab->texts[i] = forge_crl_pem(c->crls[i].by_old_key ? &lab->old : &lab->sub, &spec);
		lab->crls[i] = (struct tls_bytes){lab->texts[i], strlen(lab->texts[i])};
	}
	return lab_ctx(lab->ca_pem, &verify);
}

TEST_CASES(the_newest_that_has_begun_counts, two_crls)
{
	struct tls_failure failure;
	struct tls_ctx *ctx;
	struct lab lab;

	open_lab(&lab);
	ctx = ctx_with(&lab, variant);
	(void)tls_chain_verify(ctx, lab.chain, NULL, &failure);
	CHECK_EQ(failure.refusal, variant->refusal, "%s", failure.detail ? failure.detail : "");
	tls_ctx_free(ctx);
	close_lab(&lab);
}

/* Nobody loads anything: the next one begins, and is out of date before the one that it replaces. */
TEST(the_next_one_counts_when_it_begins)
{
	static const struct two_crls_case c = {
		.crls = {{{.from = -100, GOOD}}, {{.from = 3, .until = 4}, true}},
		.allow_expired = true};
	struct tls_failure failure = {};
	struct tls_ctx *ctx;
	struct lab lab;

	open_lab(&lab);
	ctx = ctx_with(&lab, &c);
	CHECK_EQ(tls_chain_verify(ctx, lab.chain, NULL, &failure), 0);
	CHECK(UNTIL(tls_chain_verify(ctx, lab.chain, NULL, &failure) == -EACCES, 10000));
	CHECK_EQ(failure.refusal, TLS_REFUSAL_REVOKED);
	sleep(2);
	CHECK_EQ(tls_chain_verify(ctx, lab.chain, NULL, &failure), -EACCES);
	CHECK_EQ(failure.refusal, TLS_REFUSAL_REVOKED);
	tls_ctx_free(ctx);
	close_lab(&lab);
}

/* --- texts --- */

struct text_case {
	VARIANT;
	struct forge_crl_spec spec;
	bool der;
	const char *before, *behind; /* "pem", "der": another CRL */
	int result;
};

#define BLOCK(begin, end) "-----BEGIN " begin "-----\nAAAA\n-----END " end "-----\n"

/* clang-format off */
CASES(struct text_case, texts,
      {.name = "pem"},
      {.name = "der", .der = true},
      {.name = "pem_with_words", .before = "Certificate Revocation List: f\xc3\xbcr alle\n", .behind = "the end\n"},
      {.name = "der_and_pem", .der = true, .behind = "pem"},
      {.name = "pem_and_der", .behind = "der", .result = -EINVAL},
      {.name = "pem_and_a_certificate", .behind = BLOCK("CERTIFICATE", "CERTIFICATE")},
      {.name = "delta", .spec = {.delta = true}, .result = -EINVAL},
      {.name = "indirect", .spec = {.indirect = true}, .result = -EINVAL},
      {.name = "for_nobody", .spec = {.extension = {NID_issuing_distribution_point, "critical,onlyuser:TRUE,onlyCA:TRUE"}}, .result = -EINVAL},
      {.name = "damaged_signer", .spec = {.extension = {NID_authority_key_identifier, "DER:30:03:80:01"}}, .result = -EINVAL},
      {.name = "damaged", .behind = BLOCK("X509 CRL", "X509 CRL"), .result = -EINVAL},
      {.name = "damaged_label", .behind = BLOCK("X509 CLR", "X509 CLR"), .result = -EINVAL},
      {.name = "damaged_begin", .behind = "----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", .result = -EINVAL},
      {.name = "without_begin", .behind = "AAAA\n-----END X509 CRL-----\n", .result = -EINVAL},
      {.name = "der_cut", .der = true, .behind = "\x30\x82\x01", .result = -EINVAL},
      {.name = "nothing", .before = "nothing", .result = -EINVAL});
/* clang-format on */

/* The text of a case; the caller's. */
static char *write_text(const struct lab *lab, const struct text_case *c, size_t *ret_len)
{
	struct forge_crl_spec spec = c->spec;
	unsigned char _cleanup_free_ *der = NULL;
	char _cleanup_free_ *pem = NULL;
	const char *behind = c->behind ? c->behind : "";
	size_t der_len = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);

	MUST(out);
	spec.from = -1;
	spec.until = DAY;
	der = forge_crl(&lab->root, &spec, &der_len);
	pem = forge_crl_pem(&lab->root, &spec);
	(void)fputs(c->before ? c->before : "", out);
	if (c->der)
		(void)fwrite(der, 1, der_len, out);
	else if (strcmp(c->name, "nothing") != 0)
		(void)fputs(pem, out);
	if (strcmp(behind, "pem") == 0)
		(void)fprintf(out, "\n%s", pem);
	else if (strcmp(behind, "der") == 0)
		(void)fwrite(der, 1, der_len, out);
	else
		(void)fputs(behind, out);
	MUST_EQ(fclose(out), 0);
	return text;
}

TEST_CASES(a_text_is_taken_as_a_whole, texts)
{
	struct tls_verify_params verify = {
		.depth = 8, .security_level = 2, .crl_mode = TLS_CRL_LEAF, .n_crls = 1};
	struct tls_verifier_params params = {.more = &verify};
	struct tls_verifier *verifier = NULL;
	char _cleanup_free_ *text = NULL;
	struct tls_bytes crl = {};
	struct lab lab;
	int r;

	open_lab(&lab);
	text = write_text(&lab, variant, &crl.len);
	crl.data = text;
	verify.crls = &crl;
	params.ca = (struct tls_bytes){lab.ca_pem, strlen(lab.ca_pem)};
	r = tls_verifier_new(&params, &verifier);
	CHECK_EQ(r, variant->result);
	CHECK_EQ(ERR_peek_error(), 0);
	if (r == 0)
		CHECK_EQ(verifier->n_crls, variant->behind && variant->der ? 2 : 1);
	tls_verifier_free(verifier);
	close_lab(&lab);
}
