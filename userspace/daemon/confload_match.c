// SPDX-License-Identifier: Apache-2.0
/* How the names of a match are written. What they match is model/policy's. */
#include "daemon/confload_internal.h"

#include "model/identity.h"

#include <string.h>

#define DNS_NAME_MAX  253 /* RFC 1035 */
#define DNS_LABEL_MAX 63

static const char alnum[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

static bool is_label(const char *text, size_t len)
{
	if (len == 0 || len > DNS_LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!strchr(alnum, text[i]) && text[i] != '-' && text[i] != '_')
			return false;
	}
	return true;
}

bool confload_is_dns(const char *text)
{
	if (strlen(text) > DNS_NAME_MAX)
		return false;
	for (;;) {
		size_t len = strcspn(text, ".");

		if (!is_label(text, len))
			return false;
		if (text[len] == '\0')
			return true;
		text += len + 1;
	}
}

static void check_dns(struct confload *load, const struct confload_field *field, const char *text)
{
	const char *name = strncmp(text, "*.", 2) == 0 ? text + 2 : text;

	if (strlen(text) > DNS_NAME_MAX || !confload_is_dns(name))
		confload_mistake(load, field,
				 "a name as app.example, or *.example for any one label before it",
				 "'%s' is not a DNS name", text);
}

/* In scheme://host/path a wildcard may stand in the path only: it must not choose the authority. */
static bool wildcards_are_segments(const char *text)
{
	bool has_authority = strstr(text, "://") != NULL;
	size_t index = 0, first = has_authority ? 3 : 1;

	for (;; index++) {
		size_t len = strcspn(text, "/");

		if (memchr(text, '*', len) && (len != 1 || index < first))
			return false;
		if (text[len] == '\0')
			return true;
		text += len + 1;
	}
}

bool confload_is_uri(const char *text)
{
	size_t scheme = strcspn(text, ":/?#");
	bool ok = scheme > 0 && text[scheme] == ':' && text[scheme + 1] != '\0';

	for (size_t i = 0; i < scheme; i++)
		ok = ok && (strchr(alnum, text[i]) || (i > 0 && strchr("+-.", text[i])));
	for (const char *c = text; *c; c++)
		ok = ok && *c > ' ' && *c < 0x7f;
	return ok;
}

static void check_uri(struct confload *load, const struct confload_field *field, const char *text)
{
	if (!confload_is_uri(text))
		confload_mistake(load, field,
				 "as in spiffe://prod.example/ns/*/sa/billing; other characters "
				 "than ASCII as %XX",
				 "'%s' is not a URI", text);
	else if (!wildcards_are_segments(text))
		confload_mistake(load, field,
				 "* stands for one whole segment between two / behind the host",
				 "'%s' has a * where none may be", text);
}

static void check_each(struct confload *load, const struct confload_field *in, char *const *texts,
		       size_t n,
		       void (*check)(struct confload *load, const struct confload_field *field,
				     const char *text))
{
	for (size_t i = 0; i < n; i++) {
		struct confload_field field = confload_field("%.200s[%zu]", in->path, i);

		if (!confload_need(load, &field, texts[i], "remove it"))
			continue;
		if (strlen(texts[i]) > IDENTITY_NAME_MAX)
			confload_mistake(load, &field, "no name is taken that long",
					 "is longer than %d bytes", IDENTITY_NAME_MAX);
		else if (check)
			check(load, &field, texts[i]);
	}
}

/* Returns: true when the match is about peers without certificate. */
static bool check_anonymous(struct confload *load, const struct confload_field *in, size_t listener,
			    const struct confile_match *match)
{
	static const char *const choices[] = {"false", "true", NULL};
	struct confload_field field = confload_field("%.200s.anonymous", in->path);
	bool anonymous = confload_choice(load, &field, match->anonymous, choices) == 1;

	if (anonymous && match->n_cn + match->n_dns + match->n_uri > 0)
		confload_mistake(load, &field, "make it a rule of its own",
				 "a peer without certificate has no cn, dns or uri");
	if (anonymous && load->config->listeners[listener].client_auth == CLIENT_AUTH_REQUIRE)
		confload_mistake(load, &field, "use client_auth: optional",
				 "can never match: client_auth is require");
	return anonymous;
}

/* An unknown key in it was reported as match.KEY; "empty" would be a lie then. */
static void check_empty(struct confload *load, const struct confload_field *field, const char *hint)
{
	for (size_t i = 0; i < load->report->count; i++) {
		const char *at = load->report->items[i].field;

		if (at && strncmp(at, field->path, strlen(field->path)) == 0)
			return;
	}
	confload_mistake(load, field, hint, "is empty");
}

bool confload_match_check(struct confload *load, size_t listener, size_t rule,
			  const struct confile_match *match)
{
	bool anonymous;
	struct confload_field field =
		confload_field("listeners[%zu].rules[%zu].match", listener, rule);
	struct confload_field list;

	list = confload_field("%.200s.sni", field.path);
	if (match->n_sni > 0)
		confload_mistake(load, &list, "remove it: clients are told apart by certificates",
				 "is for mode: passthrough");
	list = confload_field("%.200s.cn", field.path);
	check_each(load, &list, match->cn, match->n_cn, NULL);
	list = confload_field("%.200s.dns", field.path);
	check_each(load, &list, match->dns, match->n_dns, check_dns);
	list = confload_field("%.200s.uri", field.path);
	check_each(load, &list, match->uri, match->n_uri, check_uri);
	anonymous = check_anonymous(load, &field, listener, match);
	if (anonymous || match->n_cn + match->n_dns + match->n_uri > 0)
		return anonymous;
	check_empty(load, &field,
		    "give cn, dns, uri or anonymous; or remove match: to take every verified peer");
	return false;
}

/* Names that only a certificate has. */
static void check_no_certificate(struct confload *load, const struct confload_field *in,
				 const struct confile_match *match)
{
	const struct {
		const char *key;
		bool there;
	} keys[] = {
		{"cn", match->n_cn > 0},
		{"dns", match->n_dns > 0},
		{"uri", match->n_uri > 0},
		{"anonymous", match->anonymous != NULL},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct confload_field field = confload_field("%.200s.%s", in->path, keys[i].key);

		if (keys[i].there)
			confload_mistake(load, &field, "use sni, or mode: terminate",
					 "can never match: mode: passthrough sees no certificate");
	}
}

void confload_sni_check(struct confload *load, size_t listener, size_t rule,
			const struct confile_match *match)
{
	struct confload_field field =
		confload_field("listeners[%zu].rules[%zu].match", listener, rule);
	struct confload_field list = confload_field("%.200s.sni", field.path);

	check_no_certificate(load, &field, match);
	check_each(load, &list, match->sni, match->n_sni, check_dns);
	if (match->n_sni == 0)
		check_empty(load, &field, "give sni; or remove match: to take every client");
}
