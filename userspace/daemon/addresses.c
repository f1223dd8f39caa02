// SPDX-License-Identifier: Apache-2.0
#include "daemon/addresses.h"

#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "sys/confile.h"
#include "sys/sock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct place {
	const struct bundle *bundle;
	enum addresses_purpose purpose;
	const struct config *served;
	struct report *report;
	char field[CONFILE_FIELD_MAX];
};

static const char *hint_for(const struct addr *addr, int error)
{
	switch (-error) {
	case EADDRINUSE:
		return addr_is_unix(addr)
			       ? "stop the program that listens there, or choose another"
			       : "'ss -ltnp' shows who has it; stop that, or choose another";
	case EACCES:
		return addr_is_unix(addr)
			       ? "the directory must be writable for the user that "
				 "starts sluice"
			       : "ports below 1024 need root; start as root, or choose a "
				 "higher port";
	case EADDRNOTAVAIL:
		return "'ip address' shows the addresses of this host";
	case ENOTSOCK:
		return "something that is no socket has this name; move it away";
	case ENOENT:
		return "make the directory first";
	default:
		return "";
	}
}

/* Is it only not free because, or for whom, it is tested? */
static bool is_excused(const struct addr *addr, int error)
{
	if (error == -EACCES)
		return geteuid() != 0;
	/* Who listens at a path cannot be told; at a port only a server like us shares it. */
	return error == -EADDRINUSE && (addr_is_unix(addr) || sock_probe_shared(addr) == 0);
}

static bool is_ours(const struct config *served, const struct addr *addr)
{
	for (size_t i = 0; served && i < served->n_listeners; i++) {
		for (size_t a = 0; a < served->listeners[i].n_addrs; a++) {
			if (addr_equal(&served->listeners[i].addrs[a], addr))
				return true;
		}
	}
	return served && addr_equal(&served->admin, addr);
}

/* One of ours is in the way: 127.0.0.1:443 of 0.0.0.0:443, or the other way round. */
static bool is_shared_with_ours(const struct config *served, const struct addr *addr)
{
	for (size_t i = 0; served && i < served->n_listeners; i++) {
		for (size_t a = 0; a < served->listeners[i].n_addrs; a++) {
			const struct addr *ours = &served->listeners[i].addrs[a];

			if (!addr_is_unix(ours) && ours->sa.sa_family == addr->sa.sa_family &&
			    addr_port(ours) == addr_port(addr))
				return sock_probe_shared(addr) == 0;
		}
	}
	return false;
}

static void check_one(const struct place *place, const struct addr *addr)
{
	unsigned int line = confload_line(place->bundle, place->field);
	int r = is_ours(place->served, addr) ? 0 : sock_probe_free(addr);
	char text[ADDR_TEXT_MAX];

	if (r == 0 || (r == -EADDRINUSE && is_shared_with_ours(place->served, addr)))
		return;
	(void)addr_format(addr, text);
	if (place->purpose == ADDRESSES_TO_TEST && is_excused(addr, r))
		report_add(place->report, REPORT_REMARK, line, place->field,
			   r == -EACCES ? "tested as an ordinary user"
					: "right if that is the sluice this file is for",
			   "%s: %s", text, strerror(-r));
	else
		report_add_mistake(place->report, line, place->field, hint_for(addr, r), "%s: %s",
				   text, strerror(-r));
}

void addresses_check(const struct config *config, const struct bundle *bundle,
		     enum addresses_purpose purpose, const struct config *served,
		     struct report *report)
{
	struct place place = {
		.bundle = bundle, .purpose = purpose, .served = served, .report = report};

	for (size_t i = 0; i < config->n_listeners; i++) {
		for (size_t a = 0; a < config->listeners[i].n_addrs; a++) {
			(void)snprintf(place.field, sizeof(place.field),
				       "listeners[%zu].listen[%zu]", i, a);
			check_one(&place, &config->listeners[i].addrs[a]);
		}
	}
	if (config->admin.len > 0) {
		(void)snprintf(place.field, sizeof(place.field), "admin.listen");
		check_one(&place, &config->admin);
	}
}
