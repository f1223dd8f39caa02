// SPDX-License-Identifier: Apache-2.0
/* tls.resumption: may clients come back without a handshake in full? */
#include "daemon/confload_internal.h"

#include "model/ticket_keys.h"

#include <errno.h>

static void tell_mistake(struct confload *load, const struct confload_field *field,
			 const char *source, unsigned int line, int error)
{
	static const char a_key[] = "a key a line: openssl rand -hex 64";

	switch (error) {
	case -ENODATA:
		confload_mistake(load, field, a_key, "%s: has no key", source);
		break;
	case -E2BIG:
		confload_mistake(load, field, "drop the oldest", "%s: has more than %d keys",
				 source, TICKET_KEYS_MAX);
		break;
	case -EEXIST:
		confload_mistake(load, field, "every key once", "%s:%u: this key stands twice",
				 source, line);
		break;
	case -ERANGE:
		confload_mistake(load, field, a_key, "%s:%u: a key has 64 or 80 bytes", source,
				 line);
		break;
	default:
		confload_mistake(load, field, a_key, "%s:%u: is neither base64 nor hex", source,
				 line);
	}
}

static void check_keys(struct confload *load, const struct confload_field *field,
		       const struct config_blob *blob)
{
	struct ticket_keys _cleanup_ticket_keys_ keys;
	unsigned int line;
	int r = ticket_keys_parse(blob->data, blob->len, &keys, &line);

	if (r < 0)
		tell_mistake(load, field, blob->source, line, r);
}

/* What has no effect is a mistake: somebody believes that it has one. */
static void check_unused(struct confload *load, size_t index, const char *key, const char *value)
{
	struct confload_field field = confload_field("listeners[%zu].tls.%s", index, key);

	if (value)
		confload_mistake(load, &field, "remove it, or set resumption: tickets",
				 "has no effect: resumption is off");
}

int confload_tickets(struct confload *load, size_t index, struct config_listener *to)
{
	static const char *const kinds[] = {"off", "tickets", NULL};
	static const enum config_resumption kind_of[] = {RESUMPTION_OFF, RESUMPTION_TICKETS};
	static const struct confload_range lifetime = {10 * MINUTE_MS, SECOND_MS, 24 * HOUR_MS,
						       "1s to 24h"};
	const struct confile_tls *from = load->root->listeners[index].tls;
	struct confload_field field = confload_field("listeners[%zu].tls.resumption", index);
	int r;

	to->tickets.resumption = kind_of[confload_choice(load, &field, from->resumption, kinds)];
	if (to->tickets.resumption == RESUMPTION_OFF) {
		if (report_covers(load->report, field.path))
			return 0;
		check_unused(load, index, "ticket_keys", from->ticket_keys);
		check_unused(load, index, "ticket_lifetime", from->ticket_lifetime);
		return 0;
	}
	field = confload_field("listeners[%zu].tls.ticket_lifetime", index);
	to->tickets.lifetime_ms = confload_duration(load, &field, from->ticket_lifetime, &lifetime);
	field = confload_field("listeners[%zu].tls.ticket_keys", index);
	r = confload_blob(load, &field, from->ticket_keys ? from->ticket_keys : BUNDLE_RANDOM_KEYS,
			  &to->tickets.keys);
	if (r < 0)
		return r;
	if (to->tickets.keys.data)
		check_keys(load, &field, &to->tickets.keys);
	return confload_digest(load, &load->root->listeners[index], to->tickets.policy);
}
