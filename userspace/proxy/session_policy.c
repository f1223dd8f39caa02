// SPDX-License-Identifier: Apache-2.0
/* The question to the policy, and what is told of its answer beside the verdict. */
#include "proxy/session_internal.h"

#include <string.h>
#include <time.h>

struct policy_verdict session_ask_policy(const struct session *s,
					 const struct config_listener *listener, const char *sni)
{
	const struct addr client = addr_lengthen(&s->peer);
	const char *alpn = session_protocol(s);
	const struct policy_facts facts = {
		.identity = s->identity,
		.sni = sni,
		/* No alpn: a listener does not agree on a protocol yet. */
		.source = &client,
		.alpn = alpn,
		.alpn_len = alpn ? strlen(alpn) : 0,
		.tls_version = s->tls_version ? tls_version_name(s->tls_version) : NULL,
		.now = time(NULL),
	};
	struct policy_verdict verdict = policy_decide(listener, &facts, NULL, NULL);

	for (size_t i = 0; i < verdict.n_audited; i++)
		session_log_audit(s, &verdict.audited[i]);
	return verdict;
}

struct policy_verdict session_decide(struct session *s, const char *sni)
{
	struct policy_verdict verdict = session_ask_policy(s, s->listener, sni);

	s->rule = verdict.rule;
	return verdict;
}
