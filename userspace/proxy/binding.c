// SPDX-License-Identifier: Apache-2.0
/*
 * The rules as a digest, so that a ticket does not outlive them. The policy decides on resumed
 * sessions as well: what is missing here lets nobody in, it only spares a handshake.
 */
#include "proxy/binding.h"

#include <errno.h>
#include <string.h>

static void add_number(struct tls_digest *digest, uint64_t number)
{
	tls_digest_add(digest, &number, sizeof(number));
}

static void add_text(struct tls_digest *digest, const char *text)
{
	add_number(digest, text != NULL);
	if (text)
		tls_digest_add(digest, text, strlen(text));
}

static void add_texts(struct tls_digest *digest, char *const *texts, size_t n)
{
	add_number(digest, n);
	for (size_t i = 0; i < n; i++)
		add_text(digest, texts[i]);
}

static void add_rule(struct tls_digest *digest, const struct config *config,
		     const struct config_rule *rule)
{
	bool allows = rule->action == ACTION_ALLOW;

	add_text(digest, rule->name);
	add_texts(digest, rule->cn, rule->n_cn);
	add_texts(digest, rule->dns, rule->n_dns);
	add_texts(digest, rule->uri, rule->n_uri);
	add_texts(digest, rule->sni, rule->n_sni);
	add_number(digest, rule->anonymous);
	add_number(digest, rule->action);
	add_text(digest, allows ? config->upstreams[rule->upstream].name : NULL);
}

int binding_of(const struct config *config, const struct config_listener *listener,
	       uint8_t ret_binding[TLS_TICKET_BINDING_LEN])
{
	struct tls_digest *digest = tls_digest_new();

	if (!digest)
		return -ENOMEM;
	add_text(digest, listener->name);
	add_number(digest, listener->n_rules);
	for (size_t i = 0; i < listener->n_rules; i++)
		add_rule(digest, config, &listener->rules[i]);
	return tls_digest_end(digest, ret_binding);
}
