// SPDX-License-Identifier: Apache-2.0
#include "daemon/confload_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Is the address that @index, @addr name taken by one that comes before it? */
static void check_taken(struct confload *load, size_t index, size_t addr)
{
	const struct config *config = load->config;
	const struct addr *mine = &config->listeners[index].addrs[addr];
	struct confload_field field = confload_field("listeners[%zu].listen[%zu]", index, addr);
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i <= index; i++) {
		const struct config_listener *other = &config->listeners[i];
		size_t n = i == index ? addr : other->n_addrs;

		for (size_t a = 0; a < n; a++) {
			if (addr_equal(&other->addrs[a], mine))
				confload_mistake(load, &field, "every address once",
						 "%s is listened on twice; see line %u",
						 addr_format(mine, text),
						 confile_line(load->confile,
							      confload_field("listeners[%zu].listen"
									     "[%zu]",
									     i, a)
								      .path));
		}
	}
	if (addr_equal(&config->admin, mine))
		confload_mistake(load, &field, "every address once", "%s is the admin socket",
				 addr_format(mine, text));
}

static bool is_any(const struct addr *a)
{
	if (a->sa.sa_family == AF_INET)
		return a->in4.sin_addr.s_addr == htonl(INADDR_ANY);
	return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

/* The addresses that are this host's for certain; of others a configuration cannot tell. */
static bool is_loopback(const struct addr *a)
{
	if (a->sa.sa_family == AF_INET)
		return ntohl(a->in4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
}

/* Does a connection to @to come out at @listener? Linux takes a connection to ANY to loopback. */
static bool reaches(const struct addr *to, const struct addr *listener)
{
	if (addr_equal(to, listener))
		return true;
	if (to->len == 0 || to->len != listener->len || addr_port(to) != addr_port(listener))
		return false;
	return (is_any(listener) && is_loopback(to)) || (is_any(to) && is_loopback(listener));
}

/* A proxy that connects to itself would do so until descriptors are out. */
static void check_loop(struct confload *load, const struct config_listener *listener,
		       const struct addr *addr)
{
	const struct config *config = load->config;
	char text[ADDR_TEXT_MAX];

	for (size_t u = 0; u < config->n_upstreams; u++) {
		for (size_t e = 0; e < config->upstreams[u].n_endpoints; e++) {
			struct confload_field field =
				confload_field("upstreams[%zu].endpoints[%zu]", u, e);

			if (reaches(&config->upstreams[u].endpoints[e], addr))
				confload_mistake(
					load, &field, "point it to the service itself",
					"%s is where listener '%s' listens",
					addr_format(&config->upstreams[u].endpoints[e], text),
					listener->name ? listener->name : "");
		}
	}
}

/* Whoever connects in plaintext is as good as whoever owns the certificate. */
static void check_reach(struct confload *load, const struct confload_field *field,
			const struct config_listener *to, const struct addr *addr)
{
	if (to->mode == MODE_ORIGINATE && addr->len > 0 && !addr_is_unix(addr) &&
	    !is_loopback(addr))
		confload_remark(load, field,
				"127.0.0.1, [::1] or a unix socket is for this host alone",
				"whoever reaches this address speaks for this host, in plaintext");
}

static int load_addrs(struct confload *load, size_t index, struct config_listener *to)
{
	const struct confile_listener *from = &load->root->listeners[index];
	struct confload_field field = confload_field("listeners[%zu].listen", index);

	if (from->n_listen == 0)
		confload_mistake(load, &field, "as in listen: [\"0.0.0.0:8443\", \"[::]:8443\"]",
				 "is missing");
	to->addrs = calloc((size_t)from->n_listen + 1, sizeof(*to->addrs));
	if (!to->addrs)
		return -ENOMEM;
	to->n_addrs = from->n_listen;
	for (size_t i = 0; i < to->n_addrs; i++) {
		field = confload_field("listeners[%zu].listen[%zu]", index, i);
		confload_addr(load, &field, from->listen[i], &to->addrs[i]);
		check_taken(load, index, i);
		check_loop(load, to, &to->addrs[i]);
		check_reach(load, &field, to, &to->addrs[i]);
		if (addr_is_unix(&to->addrs[i]) && to->offload == OFFLOAD_REQUIRE &&
		    to->mode == MODE_TERMINATE)
			confload_mistake(load, &field, "use offload: auto, or a TCP address",
					 "the kernel has TLS for TCP only, and offload is require");
	}
	return 0;
}

/* Returns: false, and a mistake, when nobody can tell what else must be there. */
static bool load_mode(struct confload *load, size_t index, struct config_listener *to)
{
	static const char *const modes[] = {"terminate", "originate", "passthrough", NULL};
	static const enum config_mode mode_of[] = {MODE_TERMINATE, MODE_ORIGINATE,
						   MODE_PASSTHROUGH};
	const char *text = load->root->listeners[index].mode;
	struct confload_field field = confload_field("listeners[%zu].mode", index);

	to->mode = mode_of[confload_choice(load, &field, text, modes)];
	return !report_covers(load->report, field.path);
}

/* When the kernel gets a session, and how it moves it then. */
static void load_offload(struct confload *load, size_t index, struct config_listener *to)
{
	static const char *const offloads[] = {"auto", "require", "off", NULL};
	static const char *const engines[] = {"auto", "splice", "ktls-copy", NULL};
	static const enum config_offload offload_of[] = {OFFLOAD_AUTO, OFFLOAD_REQUIRE,
							 OFFLOAD_OFF};
	static const enum config_engine engine_of[] = {ENGINE_AUTO, ENGINE_SPLICE,
						       ENGINE_KTLS_COPY};
	static const struct confload_range bytes = {UINT64_C(64) << 10, 0, UINT64_C(1) << 40,
						    "up to 1024GiB; 0 is at once"};
	static const struct confload_range age = {5 * SECOND_MS, 1, 24 * HOUR_MS, "1ms to 24h"};
	static const struct confile_offload_after none;
	const struct confile_listener *from = &load->root->listeners[index];
	const struct confile_offload_after *after =
		from->offload_after ? from->offload_after : &none;
	struct confload_field field = confload_field("listeners[%zu].offload", index);

	to->offload = offload_of[confload_choice(load, &field, from->offload, offloads)];
	field = confload_field("listeners[%zu].engine", index);
	to->engine = engine_of[confload_choice(load, &field, from->engine, engines)];
	field = confload_field("listeners[%zu].offload_after.bytes", index);
	to->offload_after.bytes = confload_bytes(load, &field, after->bytes, &bytes);
	field = confload_field("listeners[%zu].offload_after.age", index);
	to->offload_after.age_ms = confload_duration(load, &field, after->age, &age);
	field = confload_field("listeners[%zu].offload_after", index);
	if (from->offload_after && to->offload != OFFLOAD_AUTO)
		confload_mistake(load, &field, "leave it out, or set offload: auto",
				 "has no meaning: with offload: require a session is in the kernel "
				 "at once, with off never");
}

static int load_listener(struct confload *load, size_t index)
{
	static const char *const truncations[] = {"reset", "accept", NULL};
	static const enum config_truncation truncation_of[] = {TRUNCATION_RESET, TRUNCATION_ACCEPT};
	const struct confile_listener *from = &load->root->listeners[index];
	struct config_listener *to = &load->config->listeners[index];
	struct confload_field field = confload_field("listeners[%zu].name", index);
	int r = confload_name(load, &field, from->name, &to->name);
	bool known;

	for (size_t i = 0; to->name && i < index; i++) {
		const char *other = load->config->listeners[i].name;

		if (other && strcmp(other, to->name) == 0)
			confload_mistake(load, &field, "names must differ: the log has only them",
					 "there is another listener '%s'", to->name);
	}
	known = load_mode(load, index, to);
	load_offload(load, index, to);
	field = confload_field("listeners[%zu].on_truncation", index);
	to->on_truncation =
		truncation_of[confload_choice(load, &field, from->on_truncation, truncations)];
	if (r == 0)
		r = load_addrs(load, index, to);
	if (r == 0)
		r = confload_proxy_in(load, index, to);
	if (r < 0 || !known)
		return r;
	if (to->mode != MODE_TERMINATE)
		confload_answers(load, index, to);
	if (to->mode == MODE_ORIGINATE)
		return confload_originate(load, index, to);
	if (to->mode == MODE_PASSTHROUGH)
		return confload_passthrough(load, index, to);
	r = confload_tls(load, index, to);
	confload_answers(load, index, to);
	return r == 0 ? confload_rules(load, index, to) : r;
}

int confload_listeners(struct confload *load)
{
	const struct confload_field field = confload_field("listeners");
	int r = 0;

	if (load->root->n_listeners == 0)
		confload_mistake(load, &field, "say where clients connect; see docs/examples",
				 "is missing");
	load->config->listeners =
		calloc((size_t)load->root->n_listeners + 1, sizeof(struct config_listener));
	if (!load->config->listeners)
		return -ENOMEM;
	load->config->n_listeners = load->root->n_listeners;
	for (size_t i = 0; r == 0 && i < load->config->n_listeners; i++)
		r = load_listener(load, i);
	return r;
}
