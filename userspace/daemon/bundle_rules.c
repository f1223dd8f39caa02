// SPDX-License-Identifier: Apache-2.0
/* Files of rules and lists of entries, which the configuration and its rules include. */
#include "daemon/bundle_internal.h"

#include "base/fd.h"
#include "sys/confile.h"

#include <stdio.h>
#include <string.h>

static struct bundle_rules *find(const struct bundle *bundle, const char *source)
{
	for (size_t i = 0; i < bundle->n_rules; i++) {
		if (strcmp(bundle->rules[i].source, source) == 0)
			return &bundle->rules[i];
	}
	return NULL;
}

const struct confile *bundle_rules(const struct bundle *bundle, const char *source)
{
	const struct bundle_rules *rules = find(bundle, source);

	return rules ? rules->confile : NULL;
}

void bundle_rules_done(struct bundle *bundle)
{
	for (size_t i = 0; i < bundle->n_rules; i++) {
		free(bundle->rules[i].source);
		confile_free(bundle->rules[i].confile);
	}
	free(bundle->rules);
}

static int add(struct bundle *bundle, const char *source, struct bundle_rules **ret_rules)
{
	struct bundle_rules *list = reallocarray(bundle->rules, bundle->n_rules + 1, sizeof(*list));
	char *copy = strdup(source);

	if (list)
		bundle->rules = list;
	if (!list || !copy) {
		free(copy);
		return -ENOMEM;
	}
	*ret_rules = &list[bundle->n_rules++];
	**ret_rules = (struct bundle_rules){.source = copy};
	return 0;
}

static int parse_file(struct bundle *bundle, const char *source, confile_variable *variable,
		      struct report *report)
{
	const struct bundle_item *file = bundle_items_find(&bundle->secrets, source);
	struct bundle_rules *rules;
	const char *before;
	int r;

	if (!file || !file->data || find(bundle, source))
		return 0;
	r = add(bundle, source, &rules);
	if (r < 0)
		return r;
	before = report_enter(report, rules->source);
	r = confile_parse_rules(file->data, file->len, variable, bundle, report, &rules->confile);
	report_enter(report, before);
	return r == -ENOMEM ? r : 0;
}

int bundle_rules_parse(struct bundle *bundle, confile_variable *variable, struct report *report)
{
	const struct confile_root *root = confile_root(bundle->confile);
	int r = 0;

	for (unsigned int l = 0; l < root->n_listeners; l++) {
		const struct confile_listener *listener = &root->listeners[l];

		for (unsigned int i = 0; r == 0 && i < listener->n_rules; i++) {
			if (listener->rules[i].include)
				r = parse_file(bundle, listener->rules[i].include, variable,
					       report);
		}
	}
	return r;
}

/* --- reading from disk and environment --- */

struct collector {
	struct bundle *bundle;
	struct report *report;
	const struct confile *confile; /* where the rules are */
};

static int collect_sources(const struct collector *c, const char *field, const char *key,
			   char *const *sources, unsigned int n)
{
	char path[CONFILE_FIELD_MAX];
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < n; i++) {
		snprintf(path, sizeof(path), "%s.%s[%u]", field, key, i);
		r = bundle_collect(c->bundle, c->report, c->confile, path, sources[i], BUNDLE_LIST);
	}
	return r;
}

static int collect_lists(const struct collector *c, const char *field,
			 const struct confile_match *from)
{
	struct confile_list list;
	int r = 0;

	for (size_t i = 0; r == 0 && confile_match_list(from, i, &list); i++)
		r = collect_sources(c, field, list.key, list.texts, list.n);
	return r;
}

static int collect_match(const struct collector *c, const char *field,
			 const struct confile_match *match)
{
	char path[CONFILE_FIELD_MAX];
	int r = 0;

	if (match->include) {
		snprintf(path, sizeof(path), "%.180s.include", field);
		r = collect_lists(c, path, match->include);
	}
	if (r == 0 && match->except && match->except->include) {
		snprintf(path, sizeof(path), "%.180s.not.include", field);
		r = collect_lists(c, path, match->except->include);
	}
	return r;
}

static int collect_file(struct collector *c, const char *source)
{
	const struct bundle_rules *rules = find(c->bundle, source);
	const struct confile_rule *list;
	const char *before;
	size_t n = 0;
	int r = 0;

	if (!rules || !rules->confile)
		return 0;
	list = confile_rules(rules->confile, &n);
	c->confile = rules->confile;
	before = report_enter(c->report, rules->source);
	for (size_t i = 0; r == 0 && i < n; i++) {
		char field[CONFILE_FIELD_MAX];

		if (!list[i].match)
			continue;
		snprintf(field, sizeof(field), "[%zu].match", i);
		r = collect_match(c, field, list[i].match);
	}
	report_enter(c->report, before);
	c->confile = c->bundle->confile;
	return r;
}

static int collect_rule(struct collector *c, const char *field, const struct confile_rule *rule,
			confile_variable *variable)
{
	char path[CONFILE_FIELD_MAX];
	bool again = rule->include && find(c->bundle, rule->include);
	int r = 0;

	snprintf(path, sizeof(path), "%.200s.include", field);
	if (rule->include)
		r = bundle_collect(c->bundle, c->report, c->confile, path, rule->include,
				   BUNDLE_LIST);
	if (r == 0 && rule->include)
		r = parse_file(c->bundle, rule->include, variable, c->report);
	if (r == 0 && rule->include && !again)
		r = collect_file(c, rule->include);
	snprintf(path, sizeof(path), "%.200s.match", field);
	return r == 0 && rule->match ? collect_match(c, path, rule->match) : r;
}

int bundle_rules_collect(struct bundle *bundle, confile_variable *variable, struct report *report)
{
	struct collector c = {.bundle = bundle, .report = report, .confile = bundle->confile};
	const struct confile_root *root = confile_root(bundle->confile);
	int r = 0;

	for (unsigned int l = 0; l < root->n_listeners; l++) {
		const struct confile_listener *listener = &root->listeners[l];

		for (unsigned int i = 0; r == 0 && i < listener->n_rules; i++) {
			char field[CONFILE_FIELD_MAX];

			snprintf(field, sizeof(field), "listeners[%u].rules[%u]", l, i);
			r = collect_rule(&c, field, &listener->rules[i], variable);
		}
	}
	return r;
}
