// SPDX-License-Identifier: Apache-2.0
/* The match of a rule: which keys may be asked where, and their lists. */
#include "daemon/confload_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is known of the peers that a rule is for. */
struct scope {
	const struct config_listener *listener;
	bool anonymous; /* the rule is for peers without certificate */
	bool shuts_out; /* who is in a list is the one who is refused */
};

static enum match_key key_of(const char *name)
{
	int key = 0;

	while (key < MATCH_KEYS - 1 && strcmp(match_key_name(key), name) != 0)
		key++;
	return key;
}

/* An unknown key in it was reported as match.KEY; "empty" would be a lie then. */
void confload_empty(struct confload *load, const struct confload_field *field, const char *hint)
{
	if (!report_covers_part(load->report, field->path))
		confload_mistake(load, field, hint, "is empty");
}

/* --- may it be asked? --- */

static bool is_of_tls(enum match_key key)
{
	return match_key_is_of_certificate(key) || key == MATCH_ALPN || key == MATCH_TLS_VERSION;
}

/* Returns: false, and a mistake, when the key can never match here. */
static bool check_key(struct confload *load, const struct confload_field *in,
		      const struct confload_field *field, enum match_key key,
		      const struct scope *scope)
{
	const char *name = match_key_name(key);

	if (scope->listener->mode == MODE_PASSTHROUGH && is_of_tls(key))
		confload_mistake(load, field, "use sni, source or time; or mode: terminate",
				 "can never match: mode: passthrough sees no %s",
				 match_key_is_of_certificate(key) ? "certificate" : name);
	else if (scope->anonymous && match_key_is_of_certificate(key))
		confload_mistake(load, field, "make it a rule of its own",
				 "a peer without certificate has no %s", name);
	else if (scope->listener->client_auth == CLIENT_AUTH_OFF &&
		 match_key_is_of_certificate(key))
		confload_mistake(load, in, "remove it, or ask clients for certificates",
				 "can never match: client_auth is off, so nobody has a name");
	else
		return true;
	return false;
}

/* --- lists --- */

static void check_star(struct confload *load, const struct confload_field *field,
		       enum match_key key, const char *text)
{
	if ((key == MATCH_CN || key == MATCH_O || key == MATCH_OU) && strcmp(text, "*") == 0)
		confload_remark(load, field, "leave the key out to take any",
				"is no wildcard: it matches the name '*' alone");
}

/* An ECDSA signature (r, s) is as good as (r, n - s), and the digest covers it. */
static void check_digest(struct confload *load, const struct confload_field *field,
			 enum match_key key, const struct scope *scope)
{
	if (key == MATCH_CERT_SHA256 && scope->shuts_out)
		confload_remark(load, field, "use spki_sha256, or issuer and serial",
				"does not keep anybody out: who has the certificate can write its "
				"signature in another way");
}

static int add_text(struct confload *load, const struct confload_field *field, enum match_key key,
		    const char *text, struct match_set *set)
{
	struct confload_problem problem = {.what = NULL};
	int r;

	if (!confload_need(load, field, text, "remove it"))
		return 0;
	check_star(load, field, key, text);
	r = confload_entry_add(set, key, text, &problem);
	if (r != -EINVAL)
		return r;
	if (strlen(text) > IDENTITY_NAME_MAX)
		confload_mistake(load, field, problem.hint, "is longer than %d bytes",
				 IDENTITY_NAME_MAX);
	else
		confload_mistake(load, field, problem.hint, "'%s' %s", text, problem.what);
	return 0;
}

static int load_list(struct confload *load, const struct confload_field *in, enum match_key key,
		     const struct confile_list *from, bool files, struct match *to)
{
	int r = 0;

	if (!to->sets[key])
		to->sets[key] = match_set_new(load->hash_key);
	if (!to->sets[key])
		return -ENOMEM;
	for (unsigned int i = 0; r == 0 && i < from->n; i++) {
		struct confload_field field =
			confload_field("%.200s.%s[%u]", in->path, from->key, i);

		r = files ? confload_list_add(load, &field, key, from->texts[i], to->sets[key])
			  : add_text(load, &field, key, from->texts[i], to->sets[key]);
	}
	return r;
}

/* @in: what is checked, @at: where the lists are, which is an `include` when they are @files. */
static int load_lists(struct confload *load, const struct confload_field *in,
		      const struct confload_field *at, const struct confile_match *from, bool files,
		      const struct scope *scope, struct match *to)
{
	struct confile_list list;
	int r = 0;

	for (size_t i = 0; r == 0 && confile_match_list(from, i, &list); i++) {
		struct confload_field field = confload_field("%.200s.%s", at->path, list.key);
		enum match_key key = key_of(list.key);

		if (list.n == 0 || !check_key(load, in, &field, key, scope))
			continue;
		check_digest(load, &field, key, scope);
		r = load_list(load, at, key, &list, files, to);
	}
	return r;
}

static bool has_lists(const struct confile_match *from)
{
	struct confile_list list;

	for (size_t i = 0; confile_match_list(from, i, &list); i++) {
		if (list.n > 0)
			return true;
	}
	return false;
}

static int load_include(struct confload *load, const struct confload_field *in,
			const struct confile_match *from, const struct scope *scope,
			struct match *to)
{
	struct confload_field field = confload_field("%.200s.include", in->path);

	if (!has_lists(from))
		confload_empty(load, &field, "as in include: {cn: [\"file:allowed.txt\"]}");
	return load_lists(load, in, &field, from, true, scope, to);
}

/* --- all of it --- */

static int load_keys(struct confload *load, const struct confload_field *in,
		     const struct confile_match *from, const struct scope *scope, struct match *to)
{
	int r = load_lists(load, in, in, from, false, scope, to);

	if (r == 0 && from->include)
		r = load_include(load, in, from->include, scope, to);
	if (r == 0 && from->time) {
		struct confload_field field = confload_field("%.200s.time", in->path);

		r = confload_time(load, &field, from->time, &to->time);
	}
	return r;
}

static int load_except(struct confload *load, const struct confload_field *in,
		       const struct confile_match *from, const struct scope *scope,
		       struct match *to)
{
	struct confload_field field = confload_field("%.200s.not", in->path);
	struct scope except = *scope;

	except.shuts_out = !scope->shuts_out;
	to->except = match_new();
	if (!to->except)
		return -ENOMEM;
	if (!has_lists(from) && !from->include && !from->time)
		confload_empty(load, &field, "give what must not match, as in not: {ou: [guests]}");
	return load_keys(load, &field, from, &except, to->except);
}

static bool load_anonymous(struct confload *load, const struct confload_field *in, const char *text,
			   const struct config_listener *listener)
{
	struct confload_field field = confload_field("%.200s.anonymous", in->path);
	bool anonymous = confload_bool(load, &field, text);

	if (text && listener->mode == MODE_PASSTHROUGH)
		confload_mistake(load, &field, "use sni, source or time; or mode: terminate",
				 "can never match: mode: passthrough sees no certificate");
	else if (anonymous && listener->client_auth == CLIENT_AUTH_REQUIRE)
		confload_mistake(load, &field, "use client_auth: optional",
				 "can never match: client_auth is require");
	return anonymous;
}

int confload_match(struct confload *load, const struct confload_field *field,
		   const struct config_listener *listener, const struct confile_match *from,
		   struct config_rule *to)
{
	struct scope scope = {.listener = listener, .shuts_out = to->action == ACTION_DENY};
	bool asks = has_lists(from) || from->include || from->time || from->except;
	int r;

	to->anonymous = load_anonymous(load, field, from->anonymous, listener);
	scope.anonymous = to->anonymous && listener->client_auth != CLIENT_AUTH_REQUIRE;
	if (!asks) {
		if (!to->anonymous)
			confload_empty(load, field,
				       listener->mode == MODE_PASSTHROUGH
					       ? "give sni, source or time; or remove match: to "
						 "take every client"
					       : "give cn, dns, uri or another key; or remove "
						 "match: to take every verified peer");
		return 0;
	}
	to->match = match_new();
	if (!to->match)
		return -ENOMEM;
	r = load_keys(load, field, from, &scope, to->match);
	if (r == 0 && from->except)
		r = load_except(load, field, from->except, &scope, to->match);
	return r;
}
