// SPDX-License-Identifier: Apache-2.0
/*
 * Input: a certificate as DER. What is none is taken as a list of names (kind, length, bytes), so
 * that the decision is reached without the way through ASN.1.
 */
#include "selftests/fuzz/fuzz.h"

#include "daemon/confload_internal.h"
#include "model/policy.h"
#include "sys/tls_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <strings.h>

#define N_RULES 6

static struct config_rule rules[N_RULES];
static struct config_listener listener = {.rules = rules, .n_rules = N_RULES};

static void ask(struct config_rule *rule, enum match_key key, const char *a, const char *b)
{
	static const uint8_t hash_key[SIPHASH_KEY_BYTES] = "fuzz";
	struct confload_problem problem;
	struct match_set *set = match_set_new(hash_key);

	if (!rule->match)
		rule->match = match_new();
	MUST_HOLD(set && rule->match);
	rule->match->sets[key] = set;
	MUST_HOLD(confload_entry_add(set, key, a, &problem) == 0);
	MUST_HOLD(!b || confload_entry_add(set, key, b, &problem) == 0);
}

#define ALICE "alice"
#define HOST  "app.example"
#define OTHER "spiffe://prod/laptop"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	rules[0].action = ACTION_DENY;
	ask(&rules[0], MATCH_URI, OTHER, NULL);
	ask(&rules[1], MATCH_CN, ALICE, NULL);
	ask(&rules[1], MATCH_DNS, HOST, "*.example");
	ask(&rules[2], MATCH_URI, "spiffe://prod/ns/*/sa/billing", NULL);
	ask(&rules[3], MATCH_DNS, "*.example", NULL);
	ask(&rules[4], MATCH_CN, ALICE, NULL);
	ask(&rules[5], MATCH_TRUST_DOMAIN, "prod", NULL);
	return 0;
}

static int add_name(void *arg, enum tls_name_kind kind, const void *bytes, size_t len)
{
	static const enum identity_kind kinds[TLS_NAME_KINDS] = {
		IDENTITY_CN,	 IDENTITY_O,	  IDENTITY_OU,		IDENTITY_DNS,
		IDENTITY_URI,	 IDENTITY_EMAIL,  IDENTITY_IP,		IDENTITY_SUBJECT,
		IDENTITY_ISSUER, IDENTITY_SERIAL, IDENTITY_CERT_SHA256, IDENTITY_SPKI_SHA256};

	return identity_add(arg, kinds[kind], bytes, len);
}

/* The canonical form is equal exactly where OpenSSL says that names are. */
static void check_canonical(X509 *cert)
{
	const X509_NAME *a = X509_get_subject_name(cert), *b = X509_get_issuer_name(cert);
	unsigned char *der[2] = {NULL, NULL};
	size_t len[2] = {0, 0};
	int r[2] = {tls_name_canonical(a, &der[0], &len[0]),
		    tls_name_canonical(b, &der[1], &len[1])};

	MUST_HOLD((r[0] == 0 || r[0] == -EINVAL) && (r[1] == 0 || r[1] == -EINVAL));
	if (r[0] == 0 && r[1] == 0)
		MUST_HOLD((X509_NAME_cmp(a, b) == 0) ==
			  (len[0] == len[1] && memcmp(der[0], der[1], len[0]) == 0));
	OPENSSL_free(der[0]);
	OPENSSL_free(der[1]);
	ERR_clear_error();
}

static int names_of_certificate(struct identity **identity, const uint8_t *data, size_t size)
{
	X509 *cert = d2i_X509(NULL, &data, (long)size);
	struct tls_leaf leaf;

	if (!cert) {
		ERR_clear_error();
		return -ENOENT;
	}
	tls_certificate_leaf(cert, &leaf);
	MUST_HOLD(tls_certificate_names(cert, add_name, identity) == 0);
	MUST_HOLD(identity_finish(identity, leaf.svid_usage) == 0);
	MUST_HOLD(ERR_peek_error() == 0);
	check_canonical(cert);
	X509_free(cert);
	return 0;
}

static void names_of_list(struct identity **identity, const uint8_t *data, size_t size)
{
	while (size >= 2) {
		enum tls_name_kind kind = data[0] % TLS_NAME_KINDS;
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		MUST_HOLD(add_name(identity, kind, data + 2, len) == 0);
		data += 2 + len, size -= 2 + len;
	}
	MUST_HOLD(identity_finish(identity, true) == 0);
}

/* Does @identity have a name of that kind that is, or ends with, @text? */
static bool has(const struct identity *identity, enum identity_kind kind, const char *text)
{
	size_t len = strlen(text);

	struct identity_name name;

	for (size_t at = 0; identity_next(identity, &at, &name);) {
		if (name.kind == kind && name.len >= len &&
		    strncasecmp(name.bytes + name.len - len, text, len) == 0)
			return true;
	}
	return false;
}

static void check_allowed(const struct identity *identity, size_t rule)
{
	if (rule == 1)
		MUST_HOLD(has(identity, IDENTITY_DNS, ".example"));
	if (rule == 1 || rule == 4)
		MUST_HOLD(has(identity, IDENTITY_CN, ALICE) &&
			  identity_count(identity, IDENTITY_CN) == 1);
	if (rule == 2)
		MUST_HOLD(has(identity, IDENTITY_URI, "/sa/billing"));
	if (rule == 3)
		MUST_HOLD(has(identity, IDENTITY_DNS, ".example"));
	if (rule == 5)
		MUST_HOLD(has(identity, IDENTITY_TRUST_DOMAIN, "prod") &&
			  identity_count(identity, IDENTITY_URI) == 1);
}

static void check_identity(const struct identity *identity)
{
	struct identity_name name;
	size_t n = 0;

	MUST_HOLD(identity->used <= IDENTITY_BYTES_MAX && identity->used == identity->room);
	for (size_t at = 0; identity_next(identity, &at, &name); n++) {
		MUST_HOLD(name.len > 0 && name.len <= IDENTITY_NAME_MAX && at <= identity->used);
		MUST_HOLD(name.kind > IDENTITY_TRUST_DOMAIN ||
			  (!memchr(name.bytes, '\0', name.len) &&
			   !memchr(name.bytes, '\n', name.len)));
	}
	MUST_HOLD(identity->n_names <= IDENTITY_NAMES_MAX && identity->n_names <= n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct identity *identity = identity_new();
	struct policy_verdict verdict;
	size_t rule;

	MUST_HOLD(identity);
	if (names_of_certificate(&identity, data, size) == -ENOENT)
		names_of_list(&identity, data, size);
	check_identity(identity);
	verdict =
		policy_decide(&listener, &(struct policy_facts){.identity = identity}, NULL, NULL);
	rule = verdict.rule ? (size_t)(verdict.rule - rules) : SIZE_MAX;
	MUST_HOLD(!verdict.allowed || (verdict.rule && rule > 0));
	/* A rule that decided has something to go by. */
	if (rule == 0)
		MUST_HOLD(has(identity, IDENTITY_URI, OTHER) ||
			  identity_is_unusable(identity, IDENTITY_URI));
	if (verdict.allowed)
		check_allowed(identity, rule);
	identity_free(identity);
	return 0;
}
