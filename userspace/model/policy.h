/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: may this peer go on, and where to. First match wins, no match refuses.
 *
 * A rule is for peers with a verified certificate, also when it has no match; peers without one are
 * taken by a rule that says `anonymous`, and where client_auth is off, which asks nobody.
 *
 * A rule that cannot be decided refuses, because it might be the one that should have denied
 * (docs/decisions/0005); model/match says when that is so.
 *
 * A rule with `audit` never decides: that it would have is part of the verdict, for the log.
 *
 * In mode: passthrough nobody is verified here. The rules choose by the name that a client asks for
 * (SNI), its address and the time; one without match takes every client, also those that ask for no name.
 */
#ifndef SLUICE_MODEL_POLICY_H
#define SLUICE_MODEL_POLICY_H

#include "model/config.h"
#include "model/match.h"

#define POLICY_AUDITED_MAX 8 /* of one decision; the log is not for more */

struct policy_audited {
	const struct config_rule *rule;
	bool would_allow;
	const char *reason; /* as in a verdict */
};

struct policy_verdict {
	bool allowed;
	const struct config_rule *rule;			   /* that decided; NULL: none matched */
	const char *reason;				   /* for the log; static text */
	struct policy_audited audited[POLICY_AUDITED_MAX]; /* before it, in order */
	size_t n_audited;
	uint64_t work; /* entries and patterns that were compared */
};

/** What one rule answered, for people who ask why. */
typedef void policy_trace(void *arg, const struct config_rule *rule, enum match_answer answer,
			  const struct match_why *why);

/**
 * policy_decide() - borrowed arguments; the verdict's rules point into @listener.
 * @trace: called with @arg for every rule that was asked, in order; NULL: nobody wants to know.
 */
struct policy_verdict policy_decide(const struct config_listener *listener,
				    const struct policy_facts *facts, policy_trace *trace,
				    void *arg);

/** policy_asks_sni() - some rule of a listener with mode: passthrough chooses by name. */
bool policy_asks_sni(const struct config_listener *listener);

#endif
