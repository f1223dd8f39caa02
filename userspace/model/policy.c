// SPDX-License-Identifier: Apache-2.0
#include "model/policy.h"

#include <string.h>
#include <strings.h>

bool policy_dns_matches(const char *pattern, const char *name, size_t len)
{
	const char *dot;

	/* A wildcard that a client's certificate claims is not a host, so it matches nothing. */
	if (memchr(name, '*', len))
		return false;
	if (strncmp(pattern, "*.", 2) != 0)
		return strlen(pattern) == len && strncasecmp(pattern, name, len) == 0;
	dot = memchr(name, '.', len);
	if (!dot || dot == name)
		return false;
	len -= (size_t)(dot - name);
	return strlen(pattern + 1) == len && strncasecmp(pattern + 1, dot, len) == 0;
}

/* Length of the segment at @text: up to the next '/' or the end. */
static size_t segment(const char *text, size_t len)
{
	const char *slash = memchr(text, '/', len);

	return slash ? (size_t)(slash - text) : len;
}

bool policy_uri_matches(const char *pattern, const char *name, size_t len)
{
	size_t pattern_len = strlen(pattern);

	for (;;) {
		size_t want = segment(pattern, pattern_len), have = segment(name, len);
		bool wild = want == 1 && pattern[0] == '*';

		if (wild ? have == 0 : want != have || memcmp(pattern, name, want) != 0)
			return false;
		if (want == pattern_len || have == len)
			return want == pattern_len && have == len;
		pattern += want + 1;
		pattern_len -= want + 1;
		name += have + 1;
		len -= have + 1;
	}
}

static bool name_matches(enum identity_kind kind, const char *pattern,
			 const struct identity_name *name)
{
	switch (kind) {
	case IDENTITY_CN:
		return strlen(pattern) == name->len && memcmp(pattern, name->bytes, name->len) == 0;
	case IDENTITY_DNS:
		return policy_dns_matches(pattern, name->bytes, name->len);
	case IDENTITY_URI:
		return policy_uri_matches(pattern, name->bytes, name->len);
	}
	return false;
}

static bool list_matches(enum identity_kind kind, char *const *patterns, size_t n_patterns,
			 const struct identity *identity)
{
	if (n_patterns == 0)
		return true;
	for (size_t i = 0; i < identity->n_names; i++) {
		if (identity->names[i]->kind != kind)
			continue;
		for (size_t p = 0; p < n_patterns; p++) {
			if (name_matches(kind, patterns[p], identity->names[i]))
				return true;
		}
	}
	return false;
}

static bool has_wildcard_dns(const struct identity *identity)
{
	for (size_t i = 0; i < identity->n_names; i++) {
		const struct identity_name *name = identity->names[i];

		if (name->kind == IDENTITY_DNS && memchr(name->bytes, '*', name->len))
			return true;
	}
	return false;
}

static bool is_for(const struct config_rule *rule, const struct config_listener *listener,
		   const struct identity *identity)
{
	if (listener->client_auth == CLIENT_AUTH_OFF)
		return true;
	return rule->anonymous != identity->has_certificate;
}

/* *@ret_unclear: why the rule cannot be decided although nothing speaks against it; NULL: it can. */
static bool rule_matches(const struct config_rule *rule, const struct identity *identity,
			 const char **ret_unclear)
{
	bool several = rule->n_cn > 0 && identity_count(identity, IDENTITY_CN) > 1;
	bool wildcard =
		rule->n_dns > 0 && rule->action == ACTION_DENY && has_wildcard_dns(identity);

	*ret_unclear = several	  ? "several common names, and a rule on CN"
		       : wildcard ? "a wildcard DNS name, and a rule that denies DNS names"
				  : NULL;
	return (several || list_matches(IDENTITY_CN, rule->cn, rule->n_cn, identity)) &&
	       (wildcard || list_matches(IDENTITY_DNS, rule->dns, rule->n_dns, identity)) &&
	       list_matches(IDENTITY_URI, rule->uri, rule->n_uri, identity);
}

static struct policy_verdict verdict_of(const struct config_rule *rule)
{
	return (struct policy_verdict){
		.allowed = rule->action == ACTION_ALLOW,
		.rule = rule,
		.reason = rule->action == ACTION_ALLOW ? "allowed" : "denied by rule",
	};
}

struct policy_verdict policy_decide(const struct config_listener *listener,
				    const struct identity *identity)
{
	for (size_t i = 0; i < listener->n_rules; i++) {
		const struct config_rule *rule = &listener->rules[i];
		const char *unclear_reason;

		if (!is_for(rule, listener, identity) ||
		    !rule_matches(rule, identity, &unclear_reason))
			continue;
		if (unclear_reason)
			return (struct policy_verdict){.rule = rule, .reason = unclear_reason};
		return verdict_of(rule);
	}
	return (struct policy_verdict){
		.reason = identity->has_certificate || listener->client_auth == CLIENT_AUTH_OFF
				  ? "no rule matches"
				  : "no certificate, and no rule for anonymous peers",
	};
}

bool policy_asks_sni(const struct config_listener *listener)
{
	for (size_t i = 0; i < listener->n_rules; i++) {
		if (listener->rules[i].n_sni > 0)
			return true;
	}
	return false;
}

static bool takes_name(const struct config_rule *rule, const char *sni)
{
	for (size_t i = 0; i < rule->n_sni; i++) {
		if (policy_dns_matches(rule->sni[i], sni, strlen(sni)))
			return true;
	}
	return rule->n_sni == 0;
}

struct policy_verdict policy_route(const struct config_listener *listener, const char *sni)
{
	for (size_t i = 0; i < listener->n_rules; i++) {
		if (takes_name(&listener->rules[i], sni))
			return verdict_of(&listener->rules[i]);
	}
	return (struct policy_verdict){
		.reason = sni[0] ? "no rule is for this name"
				 : "no name (SNI), and no rule without match",
	};
}
