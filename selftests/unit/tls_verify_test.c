// SPDX-License-Identifier: Apache-2.0
/* Who is believed: one path of three certificates, and what can be wrong with it. */
#include "selftests/harness/harness.h"

#include "selftests/unit/verify_lab.h"

#include "base/fd.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SUITE("tls_verify");

/** Which CRLs there are. */
enum crls { NO_CRLS, OF_SUB, OF_ROOT, OF_BOTH };

struct path_case {
	VARIANT;
	struct forge_spec root, sub, leaf; /* cn NULL: the good one */
	bool alone;			   /* the peer shows its leaf and nothing more */
	bool other_root;		   /* is the one that is believed */
	bool same_name;			   /* and it is called as ours */
	unsigned int depth, level;	   /* 0: the default; 100: none */
	enum tls_crl_mode mode;
	enum crls crls;
	struct forge_crl_spec crl_of_sub, crl_of_root; /* from 0: a good one; revoked is set by */
	bool revoke_leaf, revoke_sub;
	bool wrong_crl;	  /* of the right name by another key */
	bool renewed_sub; /* and its CRL names the certificate that it had before */
	bool allow_missing, allow_expired;
	enum tls_refusal refusal;
	const char *detail; /* part of it; NULL: whatever */
	const char *subject;
};

#define LEAF(...)     .leaf = {.cn = "leaf", __VA_ARGS__}
#define SUB(...)      .sub = {.cn = "sub", __VA_ARGS__}
#define ROOT(...)     .root = {.cn = "root", __VA_ARGS__}
#define WITH(...)     .extensions = {LEAF_EXTENSIONS, __VA_ARGS__}
#define CA_WITH(...)  .extensions = {CA_EXTENSIONS, __VA_ARGS__}
#define PERMIT(what)  CA_WITH({NID_name_constraints, "critical,permitted;" what})
#define EXCLUDE(what) CA_WITH({NID_name_constraints, "critical,excluded;" what})
#define NAMED(what)   WITH({NID_subject_alt_name, what})
#define EXPIRED_CRL                                                                                \
	{                                                                                          \
		.from = -2 * DAY, .until = -DAY                                                    \
	}
#define EARLY_CRL                                                                                  \
	{                                                                                          \
		.from = DAY, .until = 2 * DAY                                                      \
	}

/* clang-format off */
CASES(struct path_case, paths,
      {.name = "good"},
      {.name = "expired", LEAF(.from = -2 * DAY, .until = -DAY, WITH()), REFUSED(EXPIRED), .subject = "CN=leaf"},
      {.name = "expired_ca", SUB(.from = -2 * DAY, .until = -DAY, CA_WITH()), REFUSED(EXPIRED), .subject = "CN=sub"},
      {.name = "expired_root", ROOT(.from = -2 * DAY, .until = -DAY, CA_WITH()), REFUSED(EXPIRED), .subject = "CN=root"},
      {.name = "not_yet_valid", LEAF(.from = DAY, .until = 2 * DAY, WITH()), REFUSED(NOT_YET_VALID)},
      {.name = "other_ca", .other_root = true, REFUSED(UNKNOWN_CA)},
      {.name = "other_ca_of_the_same_name", .other_root = true, .same_name = true, REFUSED(SIGNATURE)},
      {.name = "without_its_issuer", .alone = true, REFUSED(UNKNOWN_CA)},
      {.name = "eku_absent", LEAF(IN_TIME, .extensions = {LEAF_BASIC, LEAF_USAGE})},
      {.name = "eku_both", LEAF(IN_TIME, .extensions = {LEAF_BASIC, LEAF_USAGE, {NID_ext_key_usage, "serverAuth,clientAuth"}})},
      {.name = "eku_server", LEAF(IN_TIME, .extensions = {LEAF_BASIC, LEAF_USAGE, {NID_ext_key_usage, "serverAuth"}}), REFUSED(EKU), .subject = "CN=leaf"},
      {.name = "eku_any", LEAF(IN_TIME, .extensions = {LEAF_BASIC, LEAF_USAGE, {NID_ext_key_usage, "anyExtendedKeyUsage"}}), REFUSED(EKU)},
      {.name = "eku_of_the_ca", SUB(IN_TIME, CA_WITH({NID_ext_key_usage, "serverAuth"})), REFUSED(EKU), .subject = "CN=sub"},
      {.name = "usage_of_the_leaf", LEAF(IN_TIME, .extensions = {LEAF_BASIC, {NID_key_usage, "critical,keyEncipherment"}, FOR_CLIENTS}), REFUSED(PURPOSE), .subject = "CN=leaf"},
      {.name = "usage_of_the_ca", SUB(IN_TIME, .extensions = {CA_BASIC, {NID_key_usage, "critical,cRLSign"}}), REFUSED(PURPOSE), .subject = "CN=sub"},
      {.name = "ca_is_none", SUB(IN_TIME, .extensions = {LEAF_BASIC, CA_USAGE}), REFUSED(PURPOSE), .subject = "CN=sub"},
      {.name = "depth", .depth = 1},
      {.name = "depth_too_small", .depth = 100, REFUSED(DEPTH)},
      {.name = "path_length", ROOT(IN_TIME, .extensions = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"}, CA_USAGE}), REFUSED(DEPTH), .detail = "path length"},
      {.name = "rsa_1024", LEAF(IN_TIME, .key = "RSA:1024", WITH()), REFUSED(WEAK)},
      {.name = "rsa_1024_allowed", LEAF(IN_TIME, .key = "RSA:1024", WITH()), .level = 1},
      {.name = "rsa_2048_at_3", LEAF(IN_TIME, .key = "RSA:2048", WITH()), .level = 3, REFUSED(WEAK)},
      {.name = "p256_at_3", .level = 3},
      {.name = "sha1", LEAF(IN_TIME, .sha1 = true, WITH()), REFUSED(WEAK), .detail = "digest"},
      {.name = "ca_rsa_1024", SUB(IN_TIME, .key = "RSA:1024", CA_WITH()), REFUSED(WEAK), .subject = "CN=sub"},
      {.name = "signature", LEAF(IN_TIME, .broken = true, WITH()), REFUSED(SIGNATURE)},
      {.name = "signature_of_the_revoked", LEAF(IN_TIME, .broken = true, WITH()), .mode = TLS_CRL_LEAF, .crls = OF_SUB, .revoke_leaf = true, REFUSED(SIGNATURE)},
      {.name = "critical_extension", LEAF(IN_TIME, .unknown = true, WITH()), REFUSED(EXTENSION), .subject = "CN=leaf"},
      {.name = "critical_extension_of_the_ca", SUB(IN_TIME, .unknown = true, CA_WITH()), REFUSED(EXTENSION), .subject = "CN=sub"},
      /* name constraints of the CA, for each kind of name */
      {.name = "dns_permitted", SUB(IN_TIME, PERMIT("DNS:good.example")), LEAF(IN_TIME, NAMED("DNS:a.good.example"))},
      {.name = "dns_not_permitted", SUB(IN_TIME, PERMIT("DNS:good.example")), LEAF(IN_TIME, NAMED("DNS:a.bad.example")), REFUSED(NAME_CONSTRAINT), .detail = "permitted"},
      {.name = "dns_one_of_two", SUB(IN_TIME, PERMIT("DNS:good.example")), LEAF(IN_TIME, NAMED("DNS:a.good.example,DNS:a.bad.example")), REFUSED(NAME_CONSTRAINT)},
      {.name = "dns_excluded", SUB(IN_TIME, EXCLUDE("DNS:bad.example")), LEAF(IN_TIME, NAMED("DNS:a.bad.example")), REFUSED(NAME_CONSTRAINT), .detail = "excluded"},
      {.name = "email_permitted", SUB(IN_TIME, PERMIT("email:good.example")), LEAF(IN_TIME, NAMED("email:a@good.example"))},
      {.name = "email_not_permitted", SUB(IN_TIME, PERMIT("email:good.example")), LEAF(IN_TIME, NAMED("email:a@bad.example")), REFUSED(NAME_CONSTRAINT)},
      {.name = "email_excluded", SUB(IN_TIME, EXCLUDE("email:bad.example")), LEAF(IN_TIME, NAMED("email:a@bad.example")), REFUSED(NAME_CONSTRAINT)},
      {.name = "uri_permitted", SUB(IN_TIME, PERMIT("URI:.good.example")), LEAF(IN_TIME, NAMED("URI:spiffe://a.good.example/x"))},
      {.name = "uri_not_permitted", SUB(IN_TIME, PERMIT("URI:.good.example")), LEAF(IN_TIME, NAMED("URI:spiffe://a.bad.example/x")), REFUSED(NAME_CONSTRAINT)},
      {.name = "uri_excluded", SUB(IN_TIME, EXCLUDE("URI:.bad.example")), LEAF(IN_TIME, NAMED("URI:spiffe://a.bad.example/x")), REFUSED(NAME_CONSTRAINT)},
      {.name = "ip_permitted", SUB(IN_TIME, PERMIT("IP:192.0.2.0/255.255.255.0")), LEAF(IN_TIME, NAMED("IP:192.0.2.7"))},
      {.name = "ip_not_permitted", SUB(IN_TIME, PERMIT("IP:192.0.2.0/255.255.255.0")), LEAF(IN_TIME, NAMED("IP:198.51.100.7")), REFUSED(NAME_CONSTRAINT)},
      {.name = "ip_excluded", SUB(IN_TIME, EXCLUDE("IP:198.51.100.0/255.255.255.0")), LEAF(IN_TIME, NAMED("IP:198.51.100.7")), REFUSED(NAME_CONSTRAINT)},
      /* CRLs */
      {.name = "leaf_mode_good", .mode = TLS_CRL_LEAF, .crls = OF_SUB},
      {.name = "leaf_mode_revoked", .mode = TLS_CRL_LEAF, .crls = OF_SUB, .revoke_leaf = true, REFUSED(REVOKED), .subject = "CN=leaf"},
      {.name = "leaf_mode_ca_revoked", .mode = TLS_CRL_LEAF, .crls = OF_BOTH, .revoke_sub = true},
      {.name = "leaf_mode_missing", .mode = TLS_CRL_LEAF, .crls = OF_ROOT, REFUSED(CRL_MISSING), .subject = "CN=leaf"},
      {.name = "chain_mode_good", .mode = TLS_CRL_CHAIN, .crls = OF_BOTH},
      {.name = "chain_mode_revoked", .mode = TLS_CRL_CHAIN, .crls = OF_BOTH, .revoke_leaf = true, REFUSED(REVOKED), .subject = "CN=leaf"},
      {.name = "chain_mode_ca_revoked", .mode = TLS_CRL_CHAIN, .crls = OF_BOTH, .revoke_sub = true, REFUSED(REVOKED), .subject = "CN=sub"},
      {.name = "chain_mode_missing", .mode = TLS_CRL_CHAIN, .crls = OF_SUB, REFUSED(CRL_MISSING), .subject = "CN=sub"},
      {.name = "chain_mode_none", .mode = TLS_CRL_CHAIN, .crls = NO_CRLS, REFUSED(CRL_MISSING), .subject = "CN=leaf"},
      {.name = "off_mode_revoked", .mode = TLS_CRL_OFF, .crls = OF_BOTH, .revoke_leaf = true},
      {.name = "missing_allowed", .mode = TLS_CRL_CHAIN, .crls = OF_SUB, .allow_missing = true},
      {.name = "missing_allowed_revoked", .mode = TLS_CRL_CHAIN, .crls = OF_SUB, .revoke_leaf = true, .allow_missing = true, REFUSED(REVOKED)},
      {.name = "missing_allowed_expired", .mode = TLS_CRL_CHAIN, .crls = OF_SUB, .crl_of_sub = EXPIRED_CRL, .allow_missing = true, REFUSED(CRL_EXPIRED)},
      {.name = "expired_crl", .mode = TLS_CRL_CHAIN, .crls = OF_BOTH, .crl_of_sub = EXPIRED_CRL, REFUSED(CRL_EXPIRED), .subject = "CN=leaf"},
      {.name = "expired_crl_of_root", .mode = TLS_CRL_CHAIN, .crls = OF_BOTH, .crl_of_root = EXPIRED_CRL, REFUSED(CRL_EXPIRED), .subject = "CN=sub"},
      {.name = "expired_crl_allowed", .mode = TLS_CRL_CHAIN, .crls = OF_BOTH, .crl_of_sub = EXPIRED_CRL, .allow_expired = true},
      {.name = "expired_crl_allowed_revoked", .mode = TLS_CRL_CHAIN, .crls = OF_BOTH, .crl_of_sub = EXPIRED_CRL, .revoke_leaf = true, .allow_expired = true, REFUSED(REVOKED)},
      {.name = "expired_crl_allowed_missing", .mode = TLS_CRL_CHAIN, .crls = OF_SUB, .crl_of_sub = EXPIRED_CRL, .allow_expired = true, REFUSED(CRL_MISSING)},
      {.name = "early_crl", .mode = TLS_CRL_CHAIN, .crls = OF_BOTH, .crl_of_sub = EARLY_CRL, .allow_expired = true, .allow_missing = true, REFUSED(CRL_INVALID)},
      {.name = "crl_without_end", .mode = TLS_CRL_CHAIN, .crls = OF_BOTH, .crl_of_sub = {.from = -DAY}},
      {.name = "crl_by_another_key", .mode = TLS_CRL_LEAF, .crls = OF_SUB, .wrong_crl = true, .allow_expired = true, .allow_missing = true, REFUSED(CRL_INVALID)},
      {.name = "crl_of_another_certificate", .mode = TLS_CRL_LEAF, .crls = OF_SUB, .renewed_sub = true, .revoke_leaf = true, REFUSED(CRL_INVALID), .subject = "CN=leaf"},
      {.name = "crl_of_another_certificate_is_not_missing", .mode = TLS_CRL_LEAF, .crls = OF_SUB, .renewed_sub = true, .revoke_leaf = true, .allow_missing = true, REFUSED(CRL_INVALID), .detail = "unable to get CRL issuer"},
      {.name = "ca_may_not_sign_crls", SUB(IN_TIME, .extensions = {CA_BASIC, {NID_key_usage, "critical,keyCertSign"}}), .mode = TLS_CRL_LEAF, .crls = OF_SUB, REFUSED(CRL_INVALID)});
/* clang-format on */

/** Certificates of one case, and what is made of them. */
struct lab {
	struct forged root, sub, leaf, other;
	char *ca_pem;
	struct tls_bytes crls[2];
	char *crl_texts[2];
	size_t n_crls;
	struct tls_chain *chain;
};

static const struct forge_spec *or_good(const struct forge_spec *spec,
					const struct forge_spec *good)
{
	return spec->cn ? spec : good;
}

static void add_crl(struct lab *lab, const struct forged *by, const struct forge_crl_spec *from,
		    const X509 *revoked)
{
	struct forge_crl_spec spec = *from;

	if (spec.from == 0) {
		spec.from = -DAY;
		spec.until = DAY;
	}
	spec.revoked = revoked;
	lab->crl_texts[lab->n_crls] = forge_crl_pem(by, &spec);
	lab->crls[lab->n_crls].data = lab->crl_texts[lab->n_crls];
	lab->crls[lab->n_crls].len = strlen(lab->crl_texts[lab->n_crls]);
	lab->n_crls++;
}

static void add_crl_of_sub(struct lab *lab, const struct path_case *c)
{
	const X509 *revoked = c->revoke_leaf ? lab->leaf.cert : NULL;
	struct forged before = forge(&lab_sub, &lab->root);
	struct forge_crl_spec spec = c->crl_of_sub;
	struct forged signer = lab->sub;

	if (c->wrong_crl)
		signer.key = lab->other.key;
	if (c->renewed_sub) {
		signer.cert = before.cert;
		spec.extension =
			(struct forge_extension){NID_authority_key_identifier, "issuer:always"};
	}
	add_crl(lab, &signer, &spec, revoked);
	forge_free(&before);
}

static void open_lab(struct lab *lab, const struct path_case *c)
{
	*lab = (struct lab){};
	lab->root = forge(or_good(&c->root, &lab_root), NULL);
	lab->other = forge(c->same_name ? &lab_root : &lab_other_root, NULL);
	lab->sub = forge(or_good(&c->sub, &lab_sub), &lab->root);
	lab->leaf = forge(or_good(&c->leaf, &lab_leaf), &lab->sub);
	lab->ca_pem = forge_cert_pem(c->other_root ? &lab->other : &lab->root);
	lab->chain = lab_chain(lab->leaf.cert, c->alone ? NULL : lab->sub.cert);
	if (c->crls == OF_SUB || c->crls == OF_BOTH)
		add_crl_of_sub(lab, c);
	if (c->crls == OF_ROOT || c->crls == OF_BOTH)
		add_crl(lab, &lab->root, &c->crl_of_root, c->revoke_sub ? lab->sub.cert : NULL);
}

static void close_lab(struct lab *lab)
{
	forge_free(&lab->root);
	forge_free(&lab->sub);
	forge_free(&lab->leaf);
	forge_free(&lab->other);
	free(lab->ca_pem);
	free(lab->crl_texts[0]);
	free(lab->crl_texts[1]);
	tls_chain_unref(lab->chain);
}

static struct tls_ctx *ctx_for(struct lab *lab, const struct path_case *c)
{
	const struct tls_verify_params verify = {
		.depth = c->depth == 0 ? TLS_VERIFY_DEPTH : c->depth % 100,
		.security_level = c->level ? c->level : TLS_VERIFY_SECURITY_LEVEL,
		.crls = lab->crls,
		.n_crls = lab->n_crls,
		.crl_mode = c->mode,
		.allow_crl_missing = c->allow_missing,
		.allow_crl_expired = c->allow_expired,
	};

	return lab_ctx(lab->ca_pem, &verify);
}

TEST_CASES(each_mistake_has_its_reason, paths)
{
	struct tls_failure failure;
	struct tls_ctx *ctx;
	struct lab lab;
	int r;

	open_lab(&lab, variant);
	ctx = ctx_for(&lab, variant);
	r = tls_chain_verify(ctx, lab.chain, NULL, &failure);
	CHECK_EQ(ERR_peek_error(), 0);
	if (variant->refusal == TLS_REFUSAL_NONE) {
		CHECK_EQ(r, 0, "%s: %s", failure.reason, failure.detail);
	} else {
		MUST_EQ(r, -EACCES);
		CHECK_STR(failure.check, "chain");
		CHECK_STR(failure.reason, tls_refusal_name(variant->refusal));
		CHECK_EQ(failure.refusal, variant->refusal);
		if (variant->detail)
			CHECK(strstr(failure.detail, variant->detail), "%s", failure.detail);
		if (variant->subject)
			CHECK_STR(failure.subject, variant->subject);
	}
	tls_ctx_free(ctx);
	close_lab(&lab);
}

/* --- what is remembered --- */

static int verify(struct tls_ctx *ctx, struct lab *lab)
{
	struct tls_failure failure;

	return tls_chain_verify(ctx, lab->chain, NULL, &failure);
}

/* With other CRLs, CAs or settings comes another context, and that has to find out for itself. */
TEST(what_is_remembered_does_not_outlive_its_context)
{
	const struct path_case before = {.mode = TLS_CRL_LEAF, .crls = OF_SUB};
	struct tls_bytes *crls;
	struct tls_ctx *ctx;
	struct lab lab;

	open_lab(&lab, &before);
	ctx = ctx_for(&lab, &before);
	CHECK_EQ(ctx->verifier->cache.count, 0);
	CHECK_EQ(verify(ctx, &lab), 0);
	CHECK_EQ(ctx->verifier->cache.count, 1);
	CHECK_EQ(verify(ctx, &lab), 0);
	CHECK_EQ(ctx->verifier->cache.count, 1);
	tls_ctx_free(ctx);
	/* The same chain is revoked now. */
	free(lab.crl_texts[0]);
	crls = lab.crls;
	lab.crl_texts[0] = forge_crl_pem(
		&lab.sub,
		&(struct forge_crl_spec){.from = -1, .until = DAY, .revoked = lab.leaf.cert});
	crls[0] = (struct tls_bytes){lab.crl_texts[0], strlen(lab.crl_texts[0])};
	ctx = ctx_for(&lab, &before);
	CHECK_EQ(ctx->verifier->cache.count, 0);
	CHECK_EQ(verify(ctx, &lab), -EACCES);
	CHECK_EQ(ctx->verifier->cache.count, 0);
	tls_ctx_free(ctx);
	close_lab(&lab);
}

struct expiry_case {
	VARIANT;
	struct path_case path;
	enum tls_refusal refusal;
};

#define FOR_2_S .from = -DAY, .until = 2

/* clang-format off */
CASES(struct expiry_case, expiries,
      {.name = "leaf", .path = {LEAF(FOR_2_S, WITH())}, REFUSED(EXPIRED)},
      {.name = "sub", .path = {SUB(FOR_2_S, CA_WITH())}, REFUSED(EXPIRED)},
      {.name = "root", .path = {ROOT(FOR_2_S, CA_WITH())}, REFUSED(EXPIRED)},
      {.name = "crl", .path = {.mode = TLS_CRL_LEAF, .crls = OF_SUB, .crl_of_sub = {FOR_2_S}}, REFUSED(CRL_EXPIRED)});
/* clang-format on */

/* Nobody loads anything: it has only become later. */
TEST_CASES(what_is_remembered_ends_on_time, expiries)
{
	struct tls_failure failure = {};
	struct tls_ctx *ctx;
	struct lab lab;

	open_lab(&lab, &variant->path);
	ctx = ctx_for(&lab, &variant->path);
	MUST_EQ(verify(ctx, &lab), 0);
	CHECK_EQ(ctx->verifier->cache.count, 1);
	CHECK(UNTIL(tls_chain_verify(ctx, lab.chain, NULL, &failure) == -EACCES, 10000));
	CHECK_EQ(failure.refusal, variant->refusal);
	CHECK_EQ(ctx->verifier->cache.count, 0);
	tls_ctx_free(ctx);
	close_lab(&lab);
}

/* A chain that was good for one server is not good for every one. */
TEST(what_is_remembered_is_for_one_name)
{
	static const struct forge_spec spec = {
		.cn = "leaf",
		IN_TIME,
		.extensions = {LEAF_BASIC,
			       LEAF_USAGE,
			       {NID_ext_key_usage, "serverAuth"},
			       {NID_subject_alt_name, "DNS:a.example,IP:192.0.2.1,URI:urn:a"}}};
	static const struct {
		struct tls_server server;
		int result;
	} asked[] = {
		{{.kind = TLS_SERVER_DNS, .name = "a.example"}, 0},
		{{.kind = TLS_SERVER_DNS, .name = "b.example"}, -EACCES},
		{{.kind = TLS_SERVER_URI, .name = "a.example"}, -EACCES},
		{{.kind = TLS_SERVER_IP, .name = "192.0.2.1"}, 0},
		{{.kind = TLS_SERVER_IP, .name = "192.0.2.2"}, -EACCES},
		{{.kind = TLS_SERVER_URI, .name = "urn:a"}, 0},
		{{.kind = TLS_SERVER_URI, .name = "urn:b"}, -EACCES},
		{{.kind = TLS_SERVER_DNS, .name = "a.example"}, 0},
	};
	struct forged root = forge(&lab_root, NULL), leaf = forge(&spec, &root);
	char _cleanup_free_ *pem = forge_cert_pem(&root);
	struct tls_chain *chain = lab_chain(leaf.cert, NULL);
	struct tls_failure failure;
	struct tls_ctx *ctx = NULL;

	MUST_EQ(tls_ctx_new_client(
			&(struct tls_client_params){.server_ca = pem, .server_ca_len = strlen(pem)},
			&ctx),
		0);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		int r = tls_chain_verify(ctx, chain, &asked[i].server, &failure);

		CHECK_EQ(r, asked[i].result, "%zu", i);
		if (r < 0)
			CHECK_STR(failure.check, "name");
	}
	CHECK_EQ(ctx->verifier->cache.count, 3);
	tls_chain_unref(chain);
	tls_ctx_free(ctx);
	forge_free(&leaf);
	forge_free(&root);
}

/* "Server gated crypto" of the last century is serverAuth for OpenSSL. */
TEST(a_server_needs_its_own_key_usage)
{
	static const struct forge_spec spec = {
		.cn = "leaf",
		IN_TIME,
		.extensions = {LEAF_BASIC,
			       LEAF_USAGE,
			       {NID_ext_key_usage, "nsSGC,msSGC"},
			       {NID_subject_alt_name, "DNS:a.example"}}};
	static const struct tls_server server = {.kind = TLS_SERVER_DNS, .name = "a.example"};
	struct forged root = forge(&lab_root, NULL), leaf = forge(&spec, &root);
	char _cleanup_free_ *pem = forge_cert_pem(&root);
	struct tls_chain *chain = lab_chain(leaf.cert, NULL);
	struct tls_failure failure;
	struct tls_ctx *ctx = NULL;

	MUST_EQ(tls_ctx_new_client(
			&(struct tls_client_params){.server_ca = pem, .server_ca_len = strlen(pem)},
			&ctx),
		0);
	CHECK_EQ(tls_chain_verify(ctx, chain, &server, &failure), -EACCES);
	CHECK_EQ(failure.refusal, TLS_REFUSAL_EKU);
	CHECK_STR(failure.subject, "CN=leaf");
	CHECK_EQ(ctx->verifier->cache.count, 0);
	tls_chain_unref(chain);
	tls_ctx_free(ctx);
	forge_free(&leaf);
	forge_free(&root);
}

/* Nobody is verified any more where nobody is asked for a certificate: then it is no proof either. */
TEST(without_verification_nobody_is_verified)
{
	const struct path_case good = {};
	struct tls_failure failure;
	struct tls_ctx *ctx = NULL;
	struct lab lab;
	char _cleanup_free_ *chain = NULL;
	char _cleanup_free_ *key = NULL;
	struct tls_pem_pair pem;

	open_lab(&lab, &good);
	chain = forge_cert_pem(&lab.leaf);
	key = forge_key_pem(&lab.leaf);
	pem = (struct tls_pem_pair){chain, strlen(chain), key, strlen(key)};
	MUST_EQ(tls_ctx_new(&(struct tls_ctx_params){.pairs = &pem,
						     .n_pairs = 1,
						     .client_auth = TLS_CLIENT_AUTH_OFF},
			    &ctx),
		0);
	CHECK_EQ(tls_chain_verify(ctx, lab.chain, NULL, &failure), -EACCES);
	CHECK_STR(failure.reason, "unknown_ca");
	tls_ctx_free(ctx);
	close_lab(&lab);
}
