// SPDX-License-Identifier: Apache-2.0
#include "model/policy.h"

/* Is the rule for this sort of peer at all? */
static bool is_for(const struct config_rule *rule, const struct config_listener *listener,
		   const struct policy_facts *facts)
{
	if (listener->client_auth == CLIENT_AUTH_OFF)
		return true;
	return rule->anonymous == !facts->identity;
}

static enum match_answer ask(const struct config_rule *rule, const struct config_listener *listener,
			     const struct policy_facts *facts, struct match_why *why)
{
	*why = (struct match_why){};
	if (!is_for(rule, listener, facts)) {
		why->key = "anonymous";
		return MATCH_NO;
	}
	if (!rule->match)
		return MATCH_YES;
	return match_ask(rule->match, facts, rule->action == ACTION_DENY, why);
}

static bool allows(const struct config_rule *rule, enum match_answer answer)
{
	return answer == MATCH_YES && rule->action == ACTION_ALLOW;
}

static const char *reason_of(const struct config_rule *rule, enum match_answer answer,
			     const struct match_why *why)
{
	if (answer == MATCH_UNCLEAR)
		return why->reason;
	return rule->action == ACTION_ALLOW ? "allowed" : "denied by rule";
}

static void note_audit(struct policy_verdict *verdict, const struct config_rule *rule,
		       enum match_answer answer, const struct match_why *why)
{
	if (verdict->n_audited == POLICY_AUDITED_MAX)
		return;
	verdict->audited[verdict->n_audited++] = (struct policy_audited){
		.rule = rule,
		.would_allow = allows(rule, answer),
		.reason = reason_of(rule, answer, why),
	};
}

static const char *nobody(const struct config_listener *listener, const struct policy_facts *facts)
{
	if (listener->mode == MODE_PASSTHROUGH && policy_asks_sni(listener))
		return facts->sni && facts->sni[0] ? "no rule is for this name"
						   : "no name (SNI), and no rule without match";
	return facts->identity || listener->client_auth == CLIENT_AUTH_OFF
		       ? "no rule matches"
		       : "no certificate, and no rule for anonymous peers";
}

struct policy_verdict policy_decide(const struct config_listener *listener,
				    const struct policy_facts *facts, policy_trace *trace,
				    void *arg)
{
	struct policy_verdict verdict = {};

	for (size_t i = 0; i < listener->n_rules && !verdict.rule; i++) {
		const struct config_rule *rule = &listener->rules[i];
		struct match_why why;
		enum match_answer answer = ask(rule, listener, facts, &why);

		verdict.work += why.work;
		if (trace)
			trace(arg, rule, answer, &why);
		if (answer == MATCH_NO)
			continue;
		if (rule->audit) {
			note_audit(&verdict, rule, answer, &why);
			continue;
		}
		verdict.rule = rule;
		verdict.allowed = allows(rule, answer);
		verdict.reason = reason_of(rule, answer, &why);
	}
	if (!verdict.rule)
		verdict.reason = nobody(listener, facts);
	return verdict;
}

bool policy_asks_sni(const struct config_listener *listener)
{
	for (size_t i = 0; i < listener->n_rules; i++) {
		if (match_asks(listener->rules[i].match, MATCH_SNI))
			return true;
	}
	return false;
}
