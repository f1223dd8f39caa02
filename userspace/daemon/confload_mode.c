// SPDX-License-Identifier: Apache-2.0
/* What a listener has in the place of the tls and rules of mode: terminate. */
#include "daemon/confload_internal.h"

#include <errno.h>
#include <stdlib.h>

/* `upstream: NAME` is one rule for everybody. Its index is n_upstreams when there was a mistake. */
static int load_only_upstream(struct confload *load, size_t index, struct config_listener *to)
{
	const struct confile_listener *from = &load->root->listeners[index];
	struct confload_field field = confload_field("listeners[%zu].upstream", index);

	to->client_auth = CLIENT_AUTH_OFF;
	to->rules = calloc(1, sizeof(*to->rules));
	if (!to->rules)
		return -ENOMEM;
	to->n_rules = 1;
	to->rules[0].upstream = load->config->n_upstreams;
	if (confload_need(load, &field, from->upstream, "say where to go"))
		to->rules[0].upstream = confload_find_upstream(load, &field, from->upstream);
	return 0;
}

/* --- mode: originate --- */

static void check_originate(struct confload *load, size_t index, const struct config_listener *to,
			    const struct config_upstream *upstream)
{
	struct confload_field field = confload_field("listeners[%zu].upstream", index);

	if (!upstream->tls) {
		struct confload_field tls = confload_field(
			"upstreams[%zu].tls", (size_t)(upstream - load->config->upstreams));

		/* One that could not be read is not missing. */
		if (!report_covers(load->report, tls.path))
			confload_mistake(load, &field, "give it tls: {server_ca: file:PATH}",
					 "upstream '%s' has no tls, which mode: originate is for",
					 upstream->name);
		return;
	}
	for (size_t i = 0; to->offload == OFFLOAD_REQUIRE && i < upstream->n_endpoints; i++) {
		if (addr_is_unix(&upstream->endpoints[i]))
			confload_mistake(load, &field, "use offload: auto, or TCP endpoints",
					 "upstream '%s' has a unix socket, the kernel has TLS for "
					 "TCP only, and offload is require",
					 upstream->name);
	}
}

int confload_originate(struct confload *load, size_t index, struct config_listener *to)
{
	const struct confile_listener *from = &load->root->listeners[index];
	struct confload_field field = confload_field("listeners[%zu].tls", index);
	int r;

	if (from->tls)
		confload_mistake(load, &field, "put what is for the upstream into its tls:",
				 "is for mode: terminate; here clients talk plaintext");
	field = confload_field("listeners[%zu].rules", index);
	if (from->n_rules > 0)
		confload_mistake(load, &field, "write upstream: NAME instead",
				 "is for mode: terminate; plaintext has no names to choose by");
	r = load_only_upstream(load, index, to);
	if (r == 0 && to->rules[0].upstream < load->config->n_upstreams)
		check_originate(load, index, to, &load->config->upstreams[to->rules[0].upstream]);
	return r;
}

/* --- mode: passthrough --- */

void confload_check_passthrough(struct confload *load, const struct confload_field *field,
				size_t upstream)
{
	if (upstream < load->config->n_upstreams && load->config->upstreams[upstream].tls)
		confload_mistake(load, field, "use one without tls, or mode: originate",
				 "upstream '%s' has tls, but here clients bring their own",
				 load->config->upstreams[upstream].name);
}

/* What is about TLS that ends here. */
static void check_untouched(struct confload *load, size_t index)
{
	const struct confile_listener *from = &load->root->listeners[index];
	const struct {
		const char *key;
		bool there;
	} keys[] = {
		{"tls", from->tls != NULL},
		{"offload", from->offload != NULL},
		{"offload_after", from->offload_after != NULL},
		{"engine", from->engine != NULL},
		{"on_truncation", from->on_truncation != NULL},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct confload_field field =
			confload_field("listeners[%zu].%s", index, keys[i].key);

		if (keys[i].there)
			confload_mistake(load, &field, "remove it, or use another mode",
					 "has no effect: mode: passthrough leaves TLS as it is");
	}
}

int confload_passthrough(struct confload *load, size_t index, struct config_listener *to)
{
	const struct confile_listener *from = &load->root->listeners[index];
	struct confload_field field = confload_field("listeners[%zu].upstream", index);
	int r;

	check_untouched(load, index);
	to->client_auth = CLIENT_AUTH_OFF;
	if (from->n_rules > 0)
		return confload_rules(load, index, to);
	r = load_only_upstream(load, index, to);
	if (r == 0)
		confload_check_passthrough(load, &field, to->rules[0].upstream);
	return r;
}
