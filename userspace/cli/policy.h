/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice policy test`: the answer, for people and for programs. */
#ifndef SLUICE_CLI_POLICY_H
#define SLUICE_CLI_POLICY_H

#include "model/policy.h"

/** What one rule answered; one per rule, in order, of as many as were asked. */
struct policy_answer {
	const struct config_rule *rule;
	enum match_answer answer;
	struct match_why why;
};

struct policy_answers {
	const struct config *config;
	const struct config_listener *listener;
	const char *certificate;	 /* its file; NULL: none */
	const struct identity *identity; /* NULL: none, or nobody asks for it */
	struct policy_facts facts;
	struct policy_answer *list;
	size_t n;
	struct policy_verdict verdict;
};

void policy_print_text(const struct policy_answers *answers);
void policy_print_json(const struct policy_answers *answers);

#endif
