// SPDX-License-Identifier: Apache-2.0
/* What clients are told that may not pass, or that no endpoint is there for. */
#include "daemon/confload_internal.h"

#include <string.h>

static const char *const responds[] = {"alert", "http-403", "reset", NULL};
static const enum config_respond respond_of[] = {RESPOND_ALERT, RESPOND_HTTP_403, RESPOND_RESET};

void confload_respond(struct confload *load, const struct confload_field *rule,
		      const struct confile_rule *from, enum config_mode mode,
		      struct config_rule *to)
{
	struct confload_field field = confload_field("%.200s.respond", rule->path);
	struct confload_field action = confload_field("%.200s.action", rule->path);

	if (!from->respond)
		return;
	if (mode != MODE_TERMINATE)
		confload_mistake(load, &field, "remove it",
				 "is for mode: terminate; here TLS does not end");
	/* An action that was not understood says nothing about it. */
	else if (to->action != ACTION_DENY && !report_covers(load->report, action.path))
		confload_mistake(load, &field, "remove it, or write action: deny",
				 "has no effect: the rule allows");
	to->respond = respond_of[confload_choice(load, &field, from->respond, responds)];
}

/* An answer in HTTP/1.1 is for nobody who has agreed on another protocol. */
static void check_alpn(struct confload *load, const struct confload_field *field,
		       const struct config_listener *to)
{
	for (size_t i = 0; i < to->n_alpn; i++) {
		if (strncmp(to->alpn[i], "http/1.", 7) == 0)
			return;
	}
	if (to->n_alpn > 0)
		confload_remark(
			load, field, "add http/1.1 to tls.alpn",
			"clients that agree on a protocol of tls.alpn get an alert: none of "
			"them is HTTP/1");
}

static void only_in_terminate(struct confload *load, const struct confload_field *field,
			      const char *text)
{
	if (text)
		confload_mistake(load, field, "remove it",
				 "is for mode: terminate; here clients have no TLS with us");
}

void confload_answers(struct confload *load, size_t index, struct config_listener *to)
{
	static const char *const no_upstreams[] = {"alert", "http-503", NULL};
	static const enum config_no_upstream no_upstream_of[] = {NO_UPSTREAM_ALERT,
								 NO_UPSTREAM_HTTP_503};
	const struct confile_listener *from = &load->root->listeners[index];
	struct confload_field refuse = confload_field("listeners[%zu].refuse_with", index);
	struct confload_field none = confload_field("listeners[%zu].no_upstream", index);

	to->refuse_with = RESPOND_ALERT;
	if (to->mode != MODE_TERMINATE) {
		only_in_terminate(load, &refuse, from->refuse_with);
		only_in_terminate(load, &none, from->no_upstream);
		return;
	}
	to->refuse_with = respond_of[confload_choice(load, &refuse, from->refuse_with, responds)];
	to->no_upstream =
		no_upstream_of[confload_choice(load, &none, from->no_upstream, no_upstreams)];
	if (to->refuse_with == RESPOND_HTTP_403)
		check_alpn(load, &refuse, to);
	if (to->no_upstream == NO_UPSTREAM_HTTP_503)
		check_alpn(load, &none, to);
}
