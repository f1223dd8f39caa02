// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "daemon/confload_internal.h"
#include "model/policy.h"

#include <stdlib.h>
#include <string.h>

SUITE("policy");

struct match_case {
	VARIANT;
	const char *pattern, *text;
	size_t len; /* 0: of the text */
	bool matches;
};

static size_t length(const struct match_case *match)
{
	return match->len ? match->len : strlen(match->text);
}

/* clang-format off */
CASES(struct match_case, dns_names,
      {.name = "same", .pattern = "app.example", .text = "app.example", .matches = true},
      {.name = "case", .pattern = "App.Example", .text = "aPP.eXAMPLE", .matches = true},
      {.name = "other", .pattern = "app.example", .text = "apq.example"},
      {.name = "shorter", .pattern = "app.example", .text = "app.exampl"},
      {.name = "longer", .pattern = "app.example", .text = "app.example.evil"},
      {.name = "nul_and_more", .pattern = "app.example", .text = "app.example\0.evil", .len = 17},
      {.name = "nul_behind", .pattern = "app.example", .text = "app.example", .len = 12},
      {.name = "root_dot", .pattern = "app.example", .text = "app.example."},
      {.name = "wildcard", .pattern = "*.example", .text = "app.example", .matches = true},
      {.name = "wildcard_case", .pattern = "*.example", .text = "APP.EXAMPLE", .matches = true},
      {.name = "wildcard_two_labels", .pattern = "*.example", .text = "a.b.example"},
      {.name = "wildcard_no_label", .pattern = "*.example", .text = "example"},
      {.name = "wildcard_empty_label", .pattern = "*.example", .text = ".example"},
      {.name = "wildcard_other_domain", .pattern = "*.example", .text = "app.example2"},
      {.name = "wildcard_nul", .pattern = "*.example", .text = "app.example\0x", .len = 13},
      {.name = "wildcard_in_certificate", .pattern = "*.example", .text = "*.example"},
      {.name = "wildcard_in_certificate_exact", .pattern = "app.example", .text = "*.example"},
      {.name = "star_inside_name", .pattern = "*.example", .text = "a*.example"});

CASES(struct match_case, uris,
      {.name = "same", .pattern = "spiffe://a/b", .text = "spiffe://a/b", .matches = true},
      {.name = "case_counts", .pattern = "spiffe://a/b", .text = "spiffe://a/B"},
      {.name = "scheme_case_counts", .pattern = "spiffe://a/b", .text = "SPIFFE://a/b"},
      {.name = "shorter", .pattern = "spiffe://a/b", .text = "spiffe://a/"},
      {.name = "longer", .pattern = "spiffe://a/b", .text = "spiffe://a/bc"},
      {.name = "slash_behind", .pattern = "spiffe://a/b", .text = "spiffe://a/b/"},
      {.name = "segment_behind", .pattern = "spiffe://a/b", .text = "spiffe://a/b/c"},
      {.name = "nul_and_more", .pattern = "spiffe://a/b", .text = "spiffe://a/b\0c", .len = 14},
      {.name = "segment", .pattern = "spiffe://a/ns/*/sa/x", .text = "spiffe://a/ns/n1/sa/x", .matches = true},
      {.name = "segment_last", .pattern = "spiffe://a/*", .text = "spiffe://a/b", .matches = true},
      {.name = "segment_empty", .pattern = "spiffe://a/ns/*/sa/x", .text = "spiffe://a/ns//sa/x"},
      {.name = "segment_last_empty", .pattern = "spiffe://a/*", .text = "spiffe://a/"},
      {.name = "segment_two", .pattern = "spiffe://a/ns/*/sa/x", .text = "spiffe://a/ns/n/1/sa/x"},
      {.name = "segment_last_two", .pattern = "spiffe://a/*", .text = "spiffe://a/b/c"},
      {.name = "many", .pattern = "spiffe://a/**", .text = "spiffe://a/b/c/d", .matches = true},
      {.name = "many_is_one", .pattern = "spiffe://a/**", .text = "spiffe://a/b", .matches = true},
      {.name = "many_is_not_none", .pattern = "spiffe://a/**", .text = "spiffe://a"},
      {.name = "many_is_not_empty", .pattern = "spiffe://a/**", .text = "spiffe://a/"},
      {.name = "many_and_an_empty_one", .pattern = "spiffe://a/**", .text = "spiffe://a/b//c"},
      {.name = "many_with_slash_behind", .pattern = "spiffe://a/**", .text = "spiffe://a/b/"},
      {.name = "many_in_the_middle", .pattern = "spiffe://a/**/sa/x", .text = "spiffe://a/b/c/sa/x", .matches = true},
      {.name = "many_in_the_middle_not_none", .pattern = "spiffe://a/**/sa/x", .text = "spiffe://a/sa/x"},
      {.name = "many_take_what_looks_like_the_rest", .pattern = "spiffe://a/**/sa/x", .text = "spiffe://a/b/sa/y/sa/x", .matches = true},
      {.name = "many_with_another_end", .pattern = "spiffe://a/**/sa/x", .text = "spiffe://a/b/sa/x/y"},
      {.name = "many_twice", .pattern = "spiffe://a/**/b/**/c", .text = "spiffe://a/1/b/2/3/c", .matches = true},
      {.name = "many_twice_missing", .pattern = "spiffe://a/**/b/**/c", .text = "spiffe://a/1/b/c"},
      {.name = "many_and_one", .pattern = "spiffe://a/**/*", .text = "spiffe://a/b/c", .matches = true},
      {.name = "many_and_one_missing", .pattern = "spiffe://a/**/*", .text = "spiffe://a/b"},
      {.name = "many_of_another_domain", .pattern = "spiffe://a/**", .text = "spiffe://b/c"},
      {.name = "segment_missing", .pattern = "spiffe://a/*", .text = "spiffe://a"},
      {.name = "part_of_a_segment_is_literal", .pattern = "spiffe://a/b*", .text = "spiffe://a/bc"},
      {.name = "literal_star", .pattern = "spiffe://a/b*", .text = "spiffe://a/b*", .matches = true},
      {.name = "other_domain", .pattern = "spiffe://a/*", .text = "spiffe://b/x"});
/* clang-format on */

static void add_entry(struct match_set *set, enum match_key key, const char *text)
{
	struct confload_problem problem = {.what = NULL};

	MUST_EQ(confload_entry_add(set, key, text, &problem), 0, "%s %s", text, problem.what);
}

static struct match_set *one_entry(enum match_key key, const char *text)
{
	static const uint8_t hash_key[SIPHASH_KEY_BYTES] = "0123456789abcde";
	struct match_set *set = match_set_new(hash_key);

	MUST(set);
	if (text)
		add_entry(set, key, text);
	return set;
}

TEST_CASES(dns_ignores_case_and_takes_one_label, dns_names)
{
	struct match_set *set = one_entry(MATCH_DNS, variant->pattern);

	CHECK_EQ(match_dns(set, variant->text, length(variant), NULL), variant->matches);
	match_set_free(set);
}

TEST_CASES(uri_is_exact_and_takes_one_segment, uris)
{
	CHECK_EQ(match_uri(variant->pattern, variant->text, length(variant)), variant->matches);
}

/* --- decisions --- */

#define MAX 4

struct spec {
	const char *name;
	enum config_action action;
	bool anonymous, audit;
	const char *cn[MAX], *dns[MAX], *uri[MAX], *sni[MAX];
	const char *not_cn[MAX], *not_dns[MAX];
};

struct claim {
	enum identity_kind kind;
	const char *bytes;
	size_t len; /* 0: of the text */
};

#define CN(text)                                                                                   \
	{                                                                                          \
		IDENTITY_CN, text, 0                                                               \
	}
#define DNS(text)                                                                                  \
	{                                                                                          \
		IDENTITY_DNS, text, 0                                                              \
	}
#define URI(text)                                                                                  \
	{                                                                                          \
		IDENTITY_URI, text, 0                                                              \
	}

struct decision_case {
	VARIANT;
	struct spec rules[MAX];
	struct claim claims[MAX];
	const char *rule; /* that decides; NULL: none */
	bool allowed;
	const char *reason; /* NULL: the usual one */
	bool no_certificate;
	enum config_client_auth client_auth;
	enum identity_kind unusable; /* 0, which is CN: none */
};

#define UNUSABLE_DNS                                                                               \
	"a DNS name that cannot be used (a NUL or control byte, empty, unreadable or too much), "  \
	"and a rule on it"
#define SEVERAL_CNS "several common names, and a rule on CN"
#define WILDCARD    "a wildcard DNS name, and a rule that denies DNS names"

#define ALICE                                                                                      \
	{                                                                                          \
		.name = "alice", .cn = { "alice" }                                                 \
	}
#define DENY_ALICE                                                                                 \
	{                                                                                          \
		.name = "no-alice", .action = ACTION_DENY, .cn = { "alice" }                       \
	}
#define ALL                                                                                        \
	{                                                                                          \
		.name = "all"                                                                      \
	}

/* clang-format off */
CASES(struct decision_case, decisions,
      {.name = "no_rules", .claims = {CN("alice")}},
      {.name = "no_match", .rules = {ALICE}, .claims = {CN("bob")}},
      {.name = "no_names", .rules = {ALICE}},
      {.name = "match", .rules = {ALICE}, .claims = {CN("alice")}, .rule = "alice", .allowed = true},
      {.name = "without_match_takes_all", .rules = {ALL}, .claims = {CN("bob")}, .rule = "all", .allowed = true},
      {.name = "without_match_takes_who_has_no_name", .rules = {ALL}, .rule = "all", .allowed = true},
      {.name = "anonymous_is_not_all", .rules = {ALL}, .no_certificate = true, .client_auth = CLIENT_AUTH_OPTIONAL, .reason = "no certificate, and no rule for anonymous peers"},
      {.name = "anonymous", .rules = {ALICE, {.name = "visitors", .anonymous = true}}, .no_certificate = true, .client_auth = CLIENT_AUTH_OPTIONAL, .rule = "visitors", .allowed = true},
      {.name = "anonymous_takes_nobody_else", .rules = {{.name = "visitors", .anonymous = true}}, .claims = {CN("bob")}, .client_auth = CLIENT_AUTH_OPTIONAL},
      {.name = "who_asks_nobody_takes_all", .rules = {ALL}, .no_certificate = true, .client_auth = CLIENT_AUTH_OFF, .rule = "all", .allowed = true},
      {.name = "first_wins", .rules = {ALICE, ALL}, .claims = {CN("alice")}, .rule = "alice", .allowed = true},
      {.name = "second", .rules = {ALICE, ALL}, .claims = {CN("bob")}, .rule = "all", .allowed = true},
      {.name = "deny_before_allow", .rules = {DENY_ALICE, ALL}, .claims = {CN("alice")}, .rule = "no-alice"},
      {.name = "deny_of_others", .rules = {DENY_ALICE, ALL}, .claims = {CN("bob")}, .rule = "all", .allowed = true},
      {.name = "deny_after_allow", .rules = {ALL, DENY_ALICE}, .claims = {CN("alice")}, .rule = "all", .allowed = true},
      {.name = "or_in_a_list", .rules = {{.name = "r", .cn = {"alice", "bob"}}}, .claims = {CN("bob")}, .rule = "r", .allowed = true},
      {.name = "or_over_claims", .rules = {{.name = "r", .dns = {"a.example"}}}, .claims = {DNS("x.example"), DNS("a.example")}, .rule = "r", .allowed = true},
      {.name = "and_over_lists", .rules = {{.name = "r", .cn = {"alice"}, .dns = {"a.example"}}}, .claims = {CN("alice"), DNS("a.example")}, .rule = "r", .allowed = true},
      {.name = "and_first_missing", .rules = {{.name = "r", .cn = {"alice"}, .dns = {"a.example"}}}, .claims = {DNS("a.example")}},
      {.name = "and_second_missing", .rules = {{.name = "r", .cn = {"alice"}, .dns = {"a.example"}}}, .claims = {CN("alice")}},
      {.name = "and_third_missing", .rules = {{.name = "r", .cn = {"alice"}, .dns = {"a.example"}, .uri = {"urn:x"}}}, .claims = {CN("alice"), DNS("a.example")}},
      {.name = "and_three", .rules = {{.name = "r", .cn = {"alice"}, .dns = {"a.example"}, .uri = {"urn:x"}}}, .claims = {CN("alice"), DNS("a.example"), URI("urn:x")}, .rule = "r", .allowed = true},
      {.name = "cn_case_counts", .rules = {ALICE}, .claims = {CN("Alice")}},
      {.name = "cn_has_no_wildcard", .rules = {{.name = "r", .cn = {"*"}}}, .claims = {CN("alice")}},
      {.name = "cn_nul", .rules = {ALICE}, .claims = {{IDENTITY_CN, "alice\0.evil", 11}}},
      {.name = "cn_nul_behind", .rules = {ALICE}, .claims = {{IDENTITY_CN, "alice", 6}}},
      {.name = "cn_prefix", .rules = {ALICE}, .claims = {{IDENTITY_CN, "alice", 4}}},
      {.name = "two_cns_are_refused", .rules = {ALICE}, .claims = {CN("alice"), CN("bob")}, .rule = "alice", .reason = SEVERAL_CNS},
      {.name = "two_same_cns_are_refused", .rules = {ALICE}, .claims = {CN("alice"), CN("alice")}, .rule = "alice", .reason = SEVERAL_CNS},
      {.name = "two_cns_do_not_pass_a_deny", .rules = {DENY_ALICE, ALL}, .claims = {CN("bob"), CN("alice")}, .rule = "no-alice", .reason = SEVERAL_CNS},
      {.name = "two_cns_and_another_list_says_no", .rules = {{.name = "r", .cn = {"alice"}, .uri = {"urn:x"}}, ALL}, .claims = {CN("alice"), CN("bob")}, .rule = "all", .allowed = true},
      {.name = "wildcard_does_not_pass_a_deny", .rules = {{.name = "r", .action = ACTION_DENY, .dns = {"a.example"}}, ALL}, .claims = {DNS("*.example")}, .rule = "r", .reason = WILDCARD},
      {.name = "wildcard_is_no_name", .rules = {{.name = "r", .dns = {"a.example"}}, ALL}, .claims = {DNS("*.example")}, .rule = "all", .allowed = true},
      {.name = "two_cns_do_not_stop_dns", .rules = {{.name = "r", .dns = {"a.example"}}}, .claims = {CN("alice"), CN("bob"), DNS("a.example")}, .rule = "r", .allowed = true},
      {.name = "dns_claim_is_no_cn", .rules = {ALICE}, .claims = {DNS("alice")}},
      {.name = "uri_claim_is_no_cn", .rules = {ALICE}, .claims = {URI("alice")}},
      {.name = "cn_claim_is_no_dns", .rules = {{.name = "r", .dns = {"a.example"}}}, .claims = {CN("a.example")}},
      {.name = "cn_claim_is_no_uri", .rules = {{.name = "r", .uri = {"urn:x"}}}, .claims = {CN("urn:x")}},
      {.name = "not", .rules = {{.name = "r", .not_cn = {"bob"}}}, .claims = {CN("alice")}, .rule = "r", .allowed = true},
      {.name = "not_him", .rules = {{.name = "r", .not_cn = {"alice", "bob"}}}, .claims = {CN("alice")}},
      {.name = "not_of_nobody", .rules = {{.name = "r", .not_cn = {"alice"}}}, .rule = "r", .allowed = true},
      {.name = "and_not", .rules = {{.name = "r", .dns = {"*.example"}, .not_cn = {"bob"}}}, .claims = {CN("alice"), DNS("a.example")}, .rule = "r", .allowed = true},
      {.name = "and_not_him", .rules = {{.name = "r", .dns = {"*.example"}, .not_cn = {"alice"}}}, .claims = {CN("alice"), DNS("a.example")}},
      {.name = "not_both_of_two_keys", .rules = {{.name = "r", .not_cn = {"alice"}, .not_dns = {"a.example"}}}, .claims = {CN("alice"), DNS("a.example")}},
      {.name = "not_both_but_one_of_two_keys", .rules = {{.name = "r", .not_cn = {"alice"}, .not_dns = {"a.example"}}}, .claims = {CN("alice"), DNS("b.example")}, .rule = "r", .allowed = true},
      {.name = "not_and_two_cns", .rules = {{.name = "r", .not_cn = {"eve"}}, ALL}, .claims = {CN("alice"), CN("bob")}, .rule = "r", .reason = SEVERAL_CNS},
      {.name = "not_and_two_cns_and_another_key_says_no", .rules = {{.name = "r", .not_cn = {"eve"}, .not_dns = {"b.example"}}}, .claims = {CN("alice"), CN("bob"), DNS("a.example")}, .rule = "r", .allowed = true},
      {.name = "not_and_a_wildcard_that_may_hide_it", .rules = {{.name = "r", .not_dns = {"a.example"}}, ALL}, .claims = {DNS("*.example")}, .rule = "r", .reason = WILDCARD},
      {.name = "deny_not_and_a_wildcard", .rules = {{.name = "r", .action = ACTION_DENY, .not_dns = {"a.example"}}}, .claims = {DNS("*.example")}, .rule = "r"},
      {.name = "unusable", .rules = {{.name = "r", .dns = {"a.example"}}, ALL}, .unusable = IDENTITY_DNS, .rule = "r", .reason = UNUSABLE_DNS},
      {.name = "unusable_beside_a_good_one", .rules = {{.name = "r", .dns = {"a.example"}}}, .claims = {DNS("a.example")}, .unusable = IDENTITY_DNS, .rule = "r", .reason = UNUSABLE_DNS},
      {.name = "unusable_and_denied", .rules = {{.name = "r", .action = ACTION_DENY, .dns = {"b.example"}}, ALL}, .claims = {DNS("a.example")}, .unusable = IDENTITY_DNS, .rule = "r", .reason = UNUSABLE_DNS},
      {.name = "unusable_and_another_list_says_no", .rules = {{.name = "r", .cn = {"bob"}, .dns = {"a.example"}}, ALL}, .claims = {CN("alice")}, .unusable = IDENTITY_DNS, .rule = "all", .allowed = true},
      {.name = "unusable_and_nobody_looks", .rules = {ALICE}, .claims = {CN("alice")}, .unusable = IDENTITY_DNS, .rule = "alice", .allowed = true},
      {.name = "unusable_behind_the_decision", .rules = {ALICE, {.name = "r", .dns = {"a.example"}}}, .claims = {CN("alice")}, .unusable = IDENTITY_DNS, .rule = "alice", .allowed = true},
      {.name = "audit_never_allows", .rules = {{.name = "r", .audit = true}}, .claims = {CN("alice")}},
      {.name = "audit_never_denies", .rules = {{.name = "r", .audit = true, .action = ACTION_DENY}, ALL}, .claims = {CN("alice")}, .rule = "all", .allowed = true},
      {.name = "audit_unclear_never_denies", .rules = {{.name = "r", .audit = true, .cn = {"eve"}}, ALL}, .claims = {CN("alice"), CN("bob")}, .rule = "all", .allowed = true},
      {.name = "dns_claim_is_no_uri", .rules = {{.name = "r", .uri = {"urn:x"}}}, .claims = {DNS("urn:x")}});
/* clang-format on */

static void fill(struct match *match, enum match_key key, const char *const *from)
{
	if (from[0])
		match->sets[key] = one_entry(key, NULL);
	for (size_t n = 0; n < MAX && from[n]; n++)
		add_entry(match->sets[key], key, from[n]);
}

static void fill_rule(struct config_rule *rule, const struct spec *spec)
{
	rule->name = strdup(spec->name);
	rule->action = spec->action;
	rule->anonymous = spec->anonymous;
	rule->audit = spec->audit;
	rule->match = match_new();
	MUST(rule->name && rule->match);
	fill(rule->match, MATCH_CN, spec->cn);
	fill(rule->match, MATCH_DNS, spec->dns);
	fill(rule->match, MATCH_URI, spec->uri);
	fill(rule->match, MATCH_SNI, spec->sni);
	if (!spec->not_cn[0] && !spec->not_dns[0])
		return;
	rule->match->except = match_new();
	MUST(rule->match->except);
	fill(rule->match->except, MATCH_CN, spec->not_cn);
	fill(rule->match->except, MATCH_DNS, spec->not_dns);
}

static struct config *make_config(const struct spec *specs)
{
	struct config *config = calloc(1, sizeof(*config));
	struct config_listener *listener = calloc(1, sizeof(*listener));

	MUST(config && listener);
	config->listeners = listener;
	config->n_listeners = 1;
	listener->rules = calloc(MAX, sizeof(*listener->rules));
	MUST(listener->rules);
	for (size_t i = 0; i < MAX && specs[i].name; i++)
		fill_rule(&listener->rules[listener->n_rules++], &specs[i]);
	return config;
}

/* Names with a NUL never get past identity_add(); policy must not rely on it. */
static void add_claim(struct identity **identity, const struct claim *claim)
{
	uint16_t len = (uint16_t)(claim->len ? claim->len : strlen(claim->bytes));
	struct identity *to = realloc(*identity, sizeof(*to) + IDENTITY_BYTES_MAX);

	MUST(to);
	*identity = to;
	to->records[to->used] = (unsigned char)claim->kind;
	memcpy(to->records + to->used + 1, &len, sizeof(len));
	memcpy(to->records + to->used + 3, claim->bytes, len);
	to->used = (uint16_t)(to->used + 3 + len);
}

TEST_CASES(the_first_rule_that_matches_decides, decisions)
{
	struct config *config = make_config(variant->rules);
	struct identity _cleanup_identity_ *identity =
		variant->no_certificate ? NULL : identity_new();
	struct policy_verdict verdict;

	config->listeners[0].client_auth = variant->client_auth;
	for (size_t i = 0; identity && i < MAX && variant->claims[i].bytes; i++)
		add_claim(&identity, &variant->claims[i]);
	if (identity && variant->unusable)
		identity->unusable = 1U << variant->unusable;
	verdict = policy_decide(&config->listeners[0], &(struct policy_facts){.identity = identity},
				NULL, NULL);
	CHECK_EQ(verdict.allowed, variant->allowed);
	CHECK_STR(verdict.rule ? verdict.rule->name : NULL, variant->rule);
	CHECK_STR(verdict.reason, variant->reason    ? variant->reason
				  : variant->allowed ? "allowed"
				  : variant->rule    ? "denied by rule"
						     : "no rule matches");
	config_free(config);
}

static void check_audited(const struct policy_verdict *verdict, size_t index, const char *rule,
			  bool would_allow, const char *reason)
{
	CHECK_STR(verdict->audited[index].rule->name, rule);
	CHECK_EQ(verdict->audited[index].would_allow, would_allow);
	CHECK_STR(verdict->audited[index].reason, reason);
}

TEST(what_audited_rules_would_have_done_is_told)
{
	const struct spec rules[MAX] = {{.name = "a", .audit = true, .cn = {"alice"}},
					{.name = "b", .audit = true, .action = ACTION_DENY},
					ALL,
					{.name = "behind", .audit = true}};
	struct config *config = make_config(rules);
	struct identity _cleanup_identity_ *identity = identity_new();
	struct policy_facts facts = {.identity = identity};
	struct policy_verdict verdict;

	verdict = policy_decide(&config->listeners[0], &facts, NULL, NULL);
	MUST_EQ(verdict.n_audited, 1);
	check_audited(&verdict, 0, "b", false, "denied by rule");
	MUST_EQ(identity_add(&identity, IDENTITY_CN, "alice", 5), 0);
	facts.identity = identity;
	verdict = policy_decide(&config->listeners[0], &facts, NULL, NULL);
	MUST_EQ(verdict.n_audited, 2);
	check_audited(&verdict, 0, "a", true, "allowed");
	MUST_EQ(identity_add(&identity, IDENTITY_CN, "bob", 3), 0);
	facts.identity = identity;
	verdict = policy_decide(&config->listeners[0], &facts, NULL, NULL);
	MUST_EQ(verdict.n_audited, 2);
	check_audited(&verdict, 0, "a", false, SEVERAL_CNS);
	CHECK_STR(verdict.rule->name, "all");
	config_free(config);
}

TEST(what_is_told_of_audited_rules_is_bounded)
{
	struct config_rule rules[POLICY_AUDITED_MAX + 3] = {};
	const struct config_listener listener = {.rules = rules, .n_rules = POLICY_AUDITED_MAX + 3};
	struct identity _cleanup_identity_ *identity = identity_new();
	struct policy_verdict verdict;

	for (size_t i = 0; i < POLICY_AUDITED_MAX + 2; i++)
		rules[i].audit = true;
	verdict =
		policy_decide(&listener, &(struct policy_facts){.identity = identity}, NULL, NULL);
	CHECK_EQ(verdict.n_audited, POLICY_AUDITED_MAX);
	CHECK(verdict.rule == &rules[POLICY_AUDITED_MAX + 2]);
}

/* --- mode: passthrough --- */

struct route_case {
	VARIANT;
	struct spec rules[MAX];
	const char *sni;
	const char *rule; /* that decides; NULL: none */
	bool allowed;
	const char *reason; /* NULL: the usual one */
};

#define APP                                                                                        \
	{                                                                                          \
		.name = "app", .sni = { "app.example", "*.apps.example" }                          \
	}
#define NO_NAME "no name (SNI), and no rule without match"
#define NOT_FOR "no rule is for this name"

/* clang-format off */
CASES(struct route_case, routes,
      {.name = "no_rules", .sni = "app.example", .reason = "no rule matches"},
      {.name = "name", .rules = {APP}, .sni = "app.example", .rule = "app", .allowed = true},
      {.name = "name_in_capitals", .rules = {APP}, .sni = "APP.Example", .rule = "app", .allowed = true},
      {.name = "wildcard", .rules = {APP}, .sni = "a.apps.example", .rule = "app", .allowed = true},
      {.name = "wildcard_two_labels", .rules = {APP}, .sni = "a.b.apps.example", .reason = NOT_FOR},
      {.name = "wildcard_no_label", .rules = {APP}, .sni = "apps.example", .reason = NOT_FOR},
      {.name = "wildcard_of_a_client", .rules = {APP}, .sni = "*.apps.example", .reason = NOT_FOR},
      {.name = "other_name", .rules = {APP}, .sni = "apq.example", .reason = NOT_FOR},
      {.name = "no_name", .rules = {APP}, .sni = "", .reason = NO_NAME},
      {.name = "second_rule", .rules = {APP, {.name = "b", .sni = {"b.example"}}}, .sni = "b.example", .rule = "b", .allowed = true},
      {.name = "without_match_takes_others", .rules = {APP, ALL}, .sni = "b.example", .rule = "all", .allowed = true},
      {.name = "without_match_takes_no_name", .rules = {APP, ALL}, .sni = "", .rule = "all", .allowed = true},
      {.name = "first_wins", .rules = {ALL, APP}, .sni = "app.example", .rule = "all", .allowed = true},
      {.name = "deny", .rules = {{.name = "no", .action = ACTION_DENY, .sni = {"app.example"}}, ALL}, .sni = "app.example", .rule = "no"},
      {.name = "deny_of_others", .rules = {{.name = "no", .action = ACTION_DENY, .sni = {"app.example"}}, ALL}, .sni = "", .rule = "all", .allowed = true});
/* clang-format on */

TEST_CASES(the_name_chooses_the_way, routes)
{
	struct config *config = make_config(variant->rules);
	struct policy_verdict verdict;

	config->listeners[0].mode = MODE_PASSTHROUGH;
	config->listeners[0].client_auth = CLIENT_AUTH_OFF;
	verdict = policy_decide(&config->listeners[0], &(struct policy_facts){.sni = variant->sni},
				NULL, NULL);
	CHECK_EQ(verdict.allowed, variant->allowed);
	CHECK_STR(verdict.rule ? verdict.rule->name : NULL, variant->rule);
	CHECK_STR(verdict.reason, variant->reason    ? variant->reason
				  : variant->allowed ? "allowed"
						     : "denied by rule");
	config_free(config);
}

TEST(the_name_is_asked_for_when_a_rule_has_one)
{
	const struct spec with[MAX] = {ALL, APP}, without[MAX] = {ALL};
	struct config *asking = make_config(with), *not_asking = make_config(without);

	CHECK(policy_asks_sni(&asking->listeners[0]));
	CHECK(!policy_asks_sni(&not_asking->listeners[0]));
	config_free(asking);
	config_free(not_asking);
}
