// SPDX-License-Identifier: Apache-2.0
#include "daemon/confload_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- upstream of a rule --- */

/* A name that could not be read may be the one that is missed. */
static bool upstreams_are_known(const struct confload *load)
{
	bool known = !report_covers(load->report, "upstreams") && load->config->n_upstreams > 0;

	for (size_t i = 0; i < load->config->n_upstreams; i++) {
		struct confload_field field = confload_field("upstreams[%zu].name", i);

		known = known && !report_covers(load->report, field.path);
	}
	return known;
}

static void unknown_upstream(struct confload *load, const struct confload_field *field,
			     const char *name)
{
	char hint[320] = "upstreams are: ";
	size_t len = strlen(hint);

	if (!upstreams_are_known(load))
		return;
	for (size_t i = 0; i < load->config->n_upstreams && len < sizeof(hint); i++)
		len += (size_t)snprintf(hint + len, sizeof(hint) - len, "%s%s", i ? ", " : "",
					load->config->upstreams[i].name);
	confload_mistake(load, field, hint, "there is no upstream '%s'", name);
}

size_t confload_find_upstream(struct confload *load, const struct confload_field *field,
			      const char *wanted)
{
	for (size_t i = 0; i < load->config->n_upstreams; i++) {
		const char *name = load->config->upstreams[i].name;

		if (name && strcmp(name, wanted) == 0)
			return i;
	}
	unknown_upstream(load, field, wanted);
	return load->config->n_upstreams;
}

static void choose_upstream(struct confload *load, size_t listener, size_t index,
			    const struct confile_rule *from, struct config_rule *to)
{
	struct confload_field field =
		confload_field("listeners[%zu].rules[%zu].upstream", listener, index);
	struct confload_field action =
		confload_field("listeners[%zu].rules[%zu].action", listener, index);

	/* An action that was not understood says nothing about the upstream. */
	if (report_covers(load->report, action.path) && !from->upstream)
		return;
	if (to->action == ACTION_DENY) {
		if (from->upstream)
			confload_mistake(load, &field, "remove it, or remove action: deny",
					 "has no effect: the rule denies");
		return;
	}
	if (!confload_need(load, &field, from->upstream, "say where to go, or write action: deny"))
		return;
	to->upstream = confload_find_upstream(load, &field, from->upstream);
	if (load->config->listeners[listener].mode == MODE_PASSTHROUGH)
		confload_check_passthrough(load, &field, to->upstream);
	else if (to->upstream < load->config->n_upstreams &&
		 load->config->upstreams[to->upstream].tls)
		confload_mistake(load, &field, "use one without tls, or mode: originate",
				 "upstream '%s' has tls: not in this version for mode: terminate",
				 from->upstream);
}

/* --- match --- */

static int load_match(struct confload *load, size_t listener, size_t index,
		      const struct confile_match *from, struct config_rule *to)
{
	struct confload_field field =
		confload_field("listeners[%zu].rules[%zu].match", listener, index);
	int r;

	if (!from)
		return 0;
	if (load->config->listeners[listener].mode == MODE_PASSTHROUGH) {
		confload_sni_check(load, listener, index, from);
		return confload_texts(from->sni, from->n_sni, &to->sni, &to->n_sni);
	}
	to->anonymous = confload_match_check(load, listener, index, from);
	if (!to->anonymous && load->config->listeners[listener].client_auth == CLIENT_AUTH_OFF)
		confload_mistake(load, &field, "remove it, or ask clients for certificates",
				 "can never match: client_auth is off, so nobody has a name");
	r = confload_texts(from->cn, from->n_cn, &to->cn, &to->n_cn);
	if (r == 0)
		r = confload_texts(from->dns, from->n_dns, &to->dns, &to->n_dns);
	return r == 0 ? confload_texts(from->uri, from->n_uri, &to->uri, &to->n_uri) : r;
}

/* --- rules --- */

static void check_name(struct confload *load, size_t listener, size_t index,
		       const struct config_rule *rules)
{
	struct confload_field field =
		confload_field("listeners[%zu].rules[%zu].name", listener, index);

	for (size_t i = 0; rules[index].name && i < index; i++) {
		if (rules[i].name && strcmp(rules[i].name, rules[index].name) == 0)
			confload_mistake(load, &field, "names must differ: the log has only them",
					 "this listener has another rule '%s'", rules[i].name);
	}
}

static void check_reached(struct confload *load, size_t listener, size_t index)
{
	const struct confile_rule *rules = load->root->listeners[listener].rules;
	const struct config_listener *to = &load->config->listeners[listener];
	struct confload_field field = confload_field("listeners[%zu].rules[%zu]", listener, index);

	for (size_t i = 0; load->report->n_mistakes == 0 && i < index; i++) {
		if (rules[i].match || to->rules[index].anonymous)
			continue;
		confload_remark(load, &field, "put rules without match last",
				"is never asked: rule '%s' before it takes every %s", rules[i].name,
				to->mode == MODE_PASSTHROUGH ? "client" : "verified peer");
		return;
	}
}

static int load_rule(struct confload *load, size_t listener, size_t index,
		     const struct confile_rule *from, struct config_rule *rules)
{
	static const char *const actions[] = {"allow", "deny", NULL};
	static const enum config_action action_of[] = {ACTION_ALLOW, ACTION_DENY};
	struct config_rule *to = &rules[index];
	struct confload_field field =
		confload_field("listeners[%zu].rules[%zu].name", listener, index);
	int r = confload_name(load, &field, from->name, &to->name);

	check_name(load, listener, index, rules);
	field = confload_field("listeners[%zu].rules[%zu].action", listener, index);
	to->action = action_of[confload_choice(load, &field, from->action, actions)];
	choose_upstream(load, listener, index, from, to);
	field = confload_field("listeners[%zu].rules[%zu]", listener, index);
	confload_respond(load, &field, from, load->config->listeners[listener].mode, to);
	return r == 0 ? load_match(load, listener, index, from->match, to) : r;
}

/* Whoever writes "optional" wants to let somebody in without a certificate. */
static void check_optional(struct confload *load, size_t listener, const struct config_listener *to)
{
	struct confload_field field = confload_field("listeners[%zu].tls.client_auth", listener);

	for (size_t i = 0; i < to->n_rules; i++) {
		if (to->rules[i].anonymous)
			return;
	}
	/* Or an answer that it understands, which a handshake that fails does not give. */
	if (to->client_auth == CLIENT_AUTH_OPTIONAL && load->report->n_mistakes == 0 &&
	    to->refuse_with != RESPOND_HTTP_403)
		confload_remark(load, &field,
				"add a rule with match: {anonymous: true}, or require one",
				"peers without certificate are refused: no rule is for them");
}

int confload_rules(struct confload *load, size_t index, struct config_listener *to)
{
	const struct confile_listener *from = &load->root->listeners[index];
	struct confload_field field = confload_field("listeners[%zu].rules", index);
	int r = 0;

	if (from->upstream) {
		struct confload_field upstream = confload_field("listeners[%zu].upstream", index);

		confload_mistake(
			load, &upstream, "put it into a rule", "%s",
			to->mode == MODE_PASSTHROUGH
				? "is for listeners without rules"
				: "is for mode: originate; here rules choose the upstream");
	}
	if (from->n_rules == 0)
		confload_mistake(load, &field,
				 "as in [{name: clients, match: {cn: [alice]}, upstream: app}]",
				 "is missing: without a rule everybody is refused");
	to->rules = calloc((size_t)from->n_rules + 1, sizeof(*to->rules));
	if (!to->rules)
		return -ENOMEM;
	to->n_rules = from->n_rules;
	for (size_t i = 0; r == 0 && i < to->n_rules; i++) {
		r = load_rule(load, index, i, &from->rules[i], to->rules);
		if (r == 0)
			check_reached(load, index, i);
	}
	check_optional(load, index, to);
	return r;
}
