// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

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
      {.name = "segment_missing", .pattern = "spiffe://a/*", .text = "spiffe://a"},
      {.name = "part_of_a_segment_is_literal", .pattern = "spiffe://a/b*", .text = "spiffe://a/bc"},
      {.name = "literal_star", .pattern = "spiffe://a/b*", .text = "spiffe://a/b*", .matches = true},
      {.name = "other_domain", .pattern = "spiffe://a/*", .text = "spiffe://b/x"});
/* clang-format on */

TEST_CASES(dns_ignores_case_and_takes_one_label, dns_names)
{
	CHECK_EQ(policy_dns_matches(variant->pattern, variant->text, length(variant)),
		 variant->matches);
}

TEST_CASES(uri_is_exact_and_takes_one_segment, uris)
{
	CHECK_EQ(policy_uri_matches(variant->pattern, variant->text, length(variant)),
		 variant->matches);
}

/* --- decisions --- */

#define MAX 4

struct spec {
	const char *name;
	enum config_action action;
	bool anonymous;
	const char *cn[MAX], *dns[MAX], *uri[MAX], *sni[MAX];
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
};

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
      {.name = "dns_claim_is_no_uri", .rules = {{.name = "r", .uri = {"urn:x"}}}, .claims = {DNS("urn:x")}});
/* clang-format on */

static size_t fill(char **to, const char *const *from)
{
	size_t n = 0;

	for (; n < MAX && from[n]; n++) {
		to[n] = strdup(from[n]);
		MUST(to[n]);
	}
	return n;
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
	for (size_t i = 0; i < MAX && specs[i].name; i++) {
		struct config_rule *rule = &listener->rules[listener->n_rules++];

		rule->name = strdup(specs[i].name);
		rule->action = specs[i].action;
		rule->anonymous = specs[i].anonymous;
		rule->cn = calloc(MAX, sizeof(char *));
		rule->dns = calloc(MAX, sizeof(char *));
		rule->uri = calloc(MAX, sizeof(char *));
		rule->sni = calloc(MAX, sizeof(char *));
		MUST(rule->name && rule->cn && rule->dns && rule->uri && rule->sni);
		rule->n_cn = fill(rule->cn, specs[i].cn);
		rule->n_dns = fill(rule->dns, specs[i].dns);
		rule->n_uri = fill(rule->uri, specs[i].uri);
		rule->n_sni = fill(rule->sni, specs[i].sni);
	}
	return config;
}

/* Names with a NUL never get past identity_add(); policy must not rely on it. */
static void add_claim(struct identity *identity, const struct claim *claim)
{
	size_t len = claim->len ? claim->len : strlen(claim->bytes);
	struct identity_name *name = malloc(sizeof(*name) + len);

	identity->names = reallocarray(identity->names, identity->n_names + 1,
				       sizeof(struct identity_name *));
	MUST(name && identity->names);
	name->kind = claim->kind;
	name->len = len;
	memcpy(name->bytes, claim->bytes, len);
	identity->names[identity->n_names++] = name;
}

TEST_CASES(the_first_rule_that_matches_decides, decisions)
{
	struct config *config = make_config(variant->rules);
	struct identity identity = {.has_certificate = !variant->no_certificate};
	struct policy_verdict verdict;

	config->listeners[0].client_auth = variant->client_auth;
	for (size_t i = 0; i < MAX && variant->claims[i].bytes; i++)
		add_claim(&identity, &variant->claims[i]);
	verdict = policy_decide(&config->listeners[0], &identity);
	CHECK_EQ(verdict.allowed, variant->allowed);
	CHECK_STR(verdict.rule ? verdict.rule->name : NULL, variant->rule);
	CHECK_STR(verdict.reason, variant->reason    ? variant->reason
				  : variant->allowed ? "allowed"
				  : variant->rule    ? "denied by rule"
						     : "no rule matches");
	identity_done(&identity);
	config_free(config);
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
      {.name = "no_rules", .sni = "app.example", .reason = NOT_FOR},
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
	struct policy_verdict verdict = policy_route(&config->listeners[0], variant->sni);

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
