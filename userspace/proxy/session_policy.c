// SPDX-License-Identifier: Apache-2.0
/* The question to the policy, and what is told of its answer beside the verdict. */
#include "proxy/session_internal.h"

#include <time.h>

struct policy_verdict session_decide(struct session *s, const char *sni)
{
	const struct addr client = addr_lengthen(&s->peer);
	const struct policy_facts facts = {
		.identity = s->identity,
		.sni = sni,
		/* No alpn: a listener does not agree on a protocol yet. */
		.source = &client,
		.tls_version = s->tls_version,
		.now = time(NULL),
	};
	struct policy_verdict verdict = policy_decide(s->listener, &facts, NULL, NULL);

	s->rule = verdict.rule;
	for (size_t i = 0; i < verdict.n_audited; i++)
		session_log_audit(s, &verdict.audited[i]);
	return verdict;
}
