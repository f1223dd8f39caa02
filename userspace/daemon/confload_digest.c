// SPDX-License-Identifier: Apache-2.0
/*
 * The rules of a listener as a digest, so that tickets do not outlive them. The policy decides on
 * resumed sessions as well: what is missing here lets nobody in, it only spares a handshake.
 */
#include "daemon/confload_internal.h"

#include "sys/tls_ticket.h"

#include <errno.h>
#include <string.h>

struct writer {
	const struct confload *load;
	struct tls_digest *digest;
};

static void add_text(const struct writer *w, const char *text)
{
	tls_digest_add(w->digest, text ? "+" : "-", 1);
	if (text)
		tls_digest_add(w->digest, text, strlen(text));
}

static void add_texts(const struct writer *w, const char *key, char *const *texts, unsigned int n)
{
	add_text(w, key);
	for (unsigned int i = 0; i < n; i++)
		add_text(w, texts[i]);
	add_text(w, NULL);
}

/* The content of a file, and its name for one that could not be read. */
static void add_source(const struct writer *w, const char *source)
{
	size_t len = 0;
	const char *data = bundle_secret(w->load->bundle, source, &len);

	add_text(w, source);
	if (data)
		tls_digest_add(w->digest, data, len);
}

static void add_lists(const struct writer *w, const struct confile_match *match, bool sources)
{
	struct confile_list list;

	for (size_t i = 0; confile_match_list(match, i, &list); i++) {
		if (list.n > 0)
			add_texts(w, list.key, list.texts, list.n);
		for (unsigned int n = 0; sources && n < list.n; n++)
			add_source(w, list.texts[n]);
	}
}

static void add_time(const struct writer *w, const struct confile_time *time)
{
	add_text(w, time->from);
	add_text(w, time->until);
	add_text(w, time->hours);
	add_texts(w, "days", time->days, time->n_days);
}

static void add_flat_match(const struct writer *w, const char *key,
			   const struct confile_match *match)
{
	add_text(w, key);
	add_lists(w, match, false);
	add_text(w, match->anonymous);
	if (match->time)
		add_time(w, match->time);
	if (match->include)
		add_lists(w, match->include, true);
}

static void add_rule(const struct writer *w, const struct confile_rule *rule)
{
	add_text(w, rule->name);
	add_text(w, rule->action);
	add_text(w, rule->respond);
	add_text(w, rule->upstream);
	add_text(w, rule->audit);
	if (rule->match)
		add_flat_match(w, "match", rule->match);
	if (rule->match && rule->match->except)
		add_flat_match(w, "not", rule->match->except);
}

static void add_file(const struct writer *w, const char *source)
{
	const struct confile *confile = bundle_rules(w->load->bundle, source);
	size_t n = 0;
	const struct confile_rule *rules = confile ? confile_rules(confile, &n) : NULL;

	for (size_t i = 0; i < n; i++)
		add_rule(w, &rules[i]);
}

int confload_digest(const struct confload *load, const struct confile_listener *listener,
		    uint8_t ret_digest[CONFIG_DIGEST_BYTES])
{
	const struct writer w = {.load = load, .digest = tls_digest_new()};

	if (!w.digest)
		return -ENOMEM;
	for (unsigned int i = 0; i < listener->n_rules; i++) {
		if (listener->rules[i].include)
			add_file(&w, listener->rules[i].include);
		else
			add_rule(&w, &listener->rules[i]);
	}
	return tls_digest_end(w.digest, ret_digest);
}
