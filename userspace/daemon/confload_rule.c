// SPDX-License-Identifier: Apache-2.0
/* The rules of a listener, those of the files that it includes in their places among them. */
#include "daemon/confload_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- upstream of a rule --- */

/* A name that could not be read may be the one that is missed. */
static bool upstreams_are_known(const struct confload *load)
{
	const char *part = report_enter(load->report, NULL);
	bool known = !report_covers(load->report, "upstreams") && load->config->n_upstreams > 0;

	for (size_t i = 0; i < load->config->n_upstreams; i++) {
		struct confload_field field = confload_field("upstreams[%zu].name", i);

		known = known && !report_covers(load->report, field.path);
	}
	report_enter(load->report, part);
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

static void choose_upstream(struct confload *load, const struct confload_field *in,
			    const struct config_listener *listener, const struct confile_rule *from,
			    struct config_rule *to)
{
	struct confload_field field = confload_field("%.200s.upstream", in->path);
	struct confload_field action = confload_field("%.200s.action", in->path);

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
	if (listener->mode == MODE_PASSTHROUGH)
		confload_check_passthrough(load, &field, to->upstream);
	else if (to->upstream < load->config->n_upstreams &&
		 load->config->upstreams[to->upstream].tls)
		confload_mistake(load, &field, "use one without tls, or mode: originate",
				 "upstream '%s' has tls: not in this version for mode: terminate",
				 from->upstream);
}

/* --- one rule --- */

struct rules {
	struct confload *load;
	struct config_listener *listener;
	struct match_set *names;
	const char *takes_all; /* the first one that leaves nothing to those behind it */
	bool told;
};

static int check_name(const struct rules *rules, const struct confload_field *field,
		      const char *name)
{
	if (match_set_has(rules->names, name, strlen(name), NULL))
		confload_mistake(rules->load, field, "names must differ: the log has only them",
				 "this listener has another rule '%s'", name);
	return match_set_add(rules->names, name, strlen(name));
}

static void check_reached(struct rules *rules, const struct confload_field *field,
			  const struct config_rule *rule)
{
	struct confload *load = rules->load;

	if (rules->takes_all && !rule->anonymous && !rules->told && load->report->n_mistakes == 0) {
		confload_remark(
			load, field, "put rules without match last",
			"is never asked: rule '%s' before it takes every %s", rules->takes_all,
			rules->listener->mode == MODE_PASSTHROUGH ? "client" : "verified peer");
		rules->told = true;
	}
	if (!rules->takes_all && !rule->match && !rule->anonymous && !rule->audit)
		rules->takes_all = rule->name;
}

static int load_rule(struct rules *rules, const struct confload_field *in,
		     const struct confile_rule *from)
{
	static const char *const actions[] = {"allow", "deny", NULL};
	static const enum config_action action_of[] = {ACTION_ALLOW, ACTION_DENY};
	struct confload *load = rules->load;
	struct config_rule *to = &rules->listener->rules[rules->listener->n_rules++];
	struct confload_field field = confload_field("%.200s.name", in->path);
	int r = confload_name(load, &field, from->name, &to->name);

	if (r == 0 && to->name)
		r = check_name(rules, &field, to->name);
	field = confload_field("%.200s.action", in->path);
	to->action = action_of[confload_choice(load, &field, from->action, actions)];
	field = confload_field("%.200s.audit", in->path);
	to->audit = confload_bool(load, &field, from->audit);
	choose_upstream(load, in, rules->listener, from, to);
	confload_respond(load, in, from, rules->listener->mode, to);
	field = confload_field("%.200s.match", in->path);
	if (r == 0 && from->match)
		r = confload_match(load, &field, rules->listener, from->match, to);
	if (r == 0 && !(from->match && !to->match && !to->anonymous))
		check_reached(rules, in, to);
	return r;
}

/* --- those of a file --- */

static const struct confile_rule *rules_of(const struct confload *load, const char *source,
					   const struct confile **ret_confile, size_t *ret_n)
{
	*ret_n = 0;
	*ret_confile = bundle_rules(load->bundle, source);
	return *ret_confile ? confile_rules(*ret_confile, ret_n) : NULL;
}

static int load_file(struct rules *rules, const char *source)
{
	struct confload *load = rules->load;
	const struct confile *confile = load->confile;
	const char *part = report_enter(load->report, source);
	const struct confile_rule *list;
	size_t n;
	int r = 0;

	list = rules_of(load, source, &load->confile, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct confload_field field = confload_field("[%zu]", i);
		struct confload_field include = confload_field("[%zu].include", i);

		if (list[i].include)
			confload_mistake(load, &include, "include it in the configuration",
					 "is in a file that is included itself");
		else
			r = load_rule(rules, &field, &list[i]);
	}
	report_enter(load->report, part);
	load->confile = confile;
	return r;
}

static int load_entry(struct rules *rules, const struct confload_field *field,
		      const struct confile_rule *from)
{
	struct confload_field include = confload_field("%.200s.include", field->path);

	if (!from->include)
		return load_rule(rules, field, from);
	if (from->name || from->match || from->action || from->upstream || from->audit ||
	    from->respond)
		confload_mistake(rules->load, &include, "make it an entry of its own",
				 "stands for the rules of a file, beside keys of a rule");
	if (!confload_need(rules->load, &include, from->include, "as in file:customers.yaml"))
		return 0;
	return load_file(rules, from->include);
}

/* --- all of them --- */

static size_t count(const struct confload *load, const struct confile_listener *from)
{
	const struct confile *confile;
	size_t total = 0, n;

	for (size_t i = 0; i < from->n_rules; i++) {
		n = 1;
		if (from->rules[i].include)
			(void)rules_of(load, from->rules[i].include, &confile, &n);
		total += n;
	}
	return total;
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

static void check_place(struct confload *load, size_t index, const struct config_listener *to)
{
	const struct confile_listener *from = &load->root->listeners[index];
	struct confload_field upstream = confload_field("listeners[%zu].upstream", index);
	struct confload_field field = confload_field("listeners[%zu].rules", index);

	if (from->upstream)
		confload_mistake(
			load, &upstream, "put it into a rule", "%s",
			to->mode == MODE_PASSTHROUGH
				? "is for listeners without rules"
				: "is for mode: originate; here rules choose the upstream");
	if (from->n_rules == 0)
		confload_mistake(load, &field,
				 "as in [{name: clients, match: {cn: [alice]}, upstream: app}]",
				 "is missing: without a rule everybody is refused");
}

int confload_rules(struct confload *load, size_t index, struct config_listener *to)
{
	const struct confile_listener *from = &load->root->listeners[index];
	struct rules rules = {.load = load, .listener = to};
	int r = 0;

	check_place(load, index, to);
	to->rules = calloc(count(load, from) + 1, sizeof(*to->rules));
	rules.names = match_set_new(load->hash_key);
	if (!to->rules || !rules.names)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < from->n_rules; i++) {
		struct confload_field field = confload_field("listeners[%zu].rules[%zu]", index, i);

		r = load_entry(&rules, &field, &from->rules[i]);
	}
	match_set_free(rules.names);
	if (r == 0)
		check_optional(load, index, to);
	return r;
}
