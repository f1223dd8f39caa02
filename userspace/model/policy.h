/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: may this peer go on, and where to. First match wins, no match refuses.
 *
 * A rule is for peers with a verified certificate, also when it has no match; peers without one are
 * taken by a rule that says `anonymous`, and where client_auth is off, which asks nobody.
 *
 * A rule that cannot be decided refuses, because it might be the one that should have denied: one on
 * CN for a peer with several CNs (which of them did the issuer vouch for?), and one that denies a DNS
 * name for a peer whose certificate claims a wildcard.
 *
 * In mode: passthrough nobody is verified here. The rules choose by the name that a client asks for
 * (SNI); one without match takes every client, also those that ask for none.
 */
#ifndef SLUICE_MODEL_POLICY_H
#define SLUICE_MODEL_POLICY_H

#include "model/config.h"
#include "model/identity.h"

struct policy_verdict {
	bool allowed;
	const struct config_rule *rule; /* that decided; NULL: none matched */
	const char *reason;		/* for the log; static text */
};

/** policy_decide() - borrowed arguments; the verdict's rule points into @listener. */
struct policy_verdict policy_decide(const struct config_listener *listener,
				    const struct identity *identity);

/** policy_asks_sni() - some rule of a listener with mode: passthrough chooses by name. */
bool policy_asks_sni(const struct config_listener *listener);

/** policy_route() - mode: passthrough. @sni: "" when the client asked for no name, or nobody looked. */
struct policy_verdict policy_route(const struct config_listener *listener, const char *sni);

/** policy_dns_matches() - @pattern is a name or "*." and a name; ASCII case does not count. */
bool policy_dns_matches(const char *pattern, const char *name, size_t len);

/** policy_uri_matches() - byte for byte; a "*" segment stands for one segment that is not empty. */
bool policy_uri_matches(const char *pattern, const char *name, size_t len);

#endif
