// SPDX-License-Identifier: Apache-2.0
/* The PROXY protocol: who may introduce clients to us, and what upstreams are told of them. */
#include "daemon/confload_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A header is looked at while it lies in the socket, where 64 KiB have room by default, and HAProxy
 * does not take more either. One that has a certificate in it needs 1 to 3 KiB.
 */
#define MAX_BYTES_MOST	  ((uint64_t)16 << 10)
#define MAX_BYTES_LEAST	  ((uint64_t)232) /* two addresses of unix sockets */
#define MAX_BYTES_DEFAULT ((uint64_t)4 << 10)

static void load_range(struct confload *load, const struct confload_field *field, const char *text,
		       struct addr_range *to)
{
	static const char hint[] = "as in from: [\"10.0.0.0/8\", \"2001:db8::7\", \"unix\"]";

	switch (addr_range_parse(text, to)) {
	case 0:
		return;
	case -ERANGE:
		confload_mistake(load, field, "0 to 32 for IPv4, 0 to 128 for IPv6",
				 "'%s' has a prefix that is longer than the address", text);
		return;
	case -EDOM:
		confload_mistake(load, field, "set them to 0, or write a longer prefix",
				 "'%s' has bits behind its prefix", text);
		return;
	default:
		confload_mistake(load, field, hint, "'%s' is no network", text);
	}
}

static bool has_family(const struct config_listener *listener, sa_family_t family)
{
	for (size_t i = 0; i < listener->n_addrs; i++) {
		/* An address that could not be read may have been one. */
		if (listener->addrs[i].len == 0 || listener->addrs[i].sa.sa_family == family)
			return true;
	}
	return false;
}

static int load_from(struct confload *load, size_t index, const struct confile_proxy_protocol *from,
		     const struct config_listener *listener)
{
	struct confload_field field = confload_field("listeners[%zu].proxy_protocol.from", index);
	struct config_proxy_in *to = listener->proxy_in;

	if (from->n_from == 0)
		confload_mistake(load, &field, "as in from: [\"10.0.0.0/8\"]",
				 "is missing: nobody may say who a client is, unless he is named");
	to->from = calloc((size_t)from->n_from + 1, sizeof(*to->from));
	if (!to->from)
		return -ENOMEM;
	to->n_from = from->n_from;
	for (size_t i = 0; i < to->n_from; i++) {
		field = confload_field("listeners[%zu].proxy_protocol.from[%zu]", index, i);
		load_range(load, &field, from->from[i], &to->from[i]);
		if (to->from[i].family != 0 && !has_family(listener, to->from[i].family))
			confload_remark(
				load, &field, "remove it, or listen there",
				"has no effect: no address of this listener is of its family");
	}
	return 0;
}

int confload_proxy_in(struct confload *load, size_t index, struct config_listener *listener)
{
	static const char *const versions[] = {"any", "v1", "v2", NULL};
	static const struct confload_range timeout = {5 * SECOND_MS, 1, 10 * MINUTE_MS,
						      "1ms to 10m"};
	static const struct confload_range max_size = {MAX_BYTES_DEFAULT, MAX_BYTES_LEAST,
						       MAX_BYTES_MOST, "232B to 16KiB"};
	const struct confile_proxy_protocol *from = load->root->listeners[index].proxy_protocol;
	struct confload_field field;
	unsigned int version;

	if (!from)
		return 0;
	listener->proxy_in = calloc(1, sizeof(*listener->proxy_in));
	if (!listener->proxy_in)
		return -ENOMEM;
	field = confload_field("listeners[%zu].proxy_protocol.version", index);
	version = confload_choice(load, &field, from->version, versions);
	listener->proxy_in->v1 = version != 2;
	listener->proxy_in->v2 = version != 1;
	field = confload_field("listeners[%zu].proxy_protocol.timeout", index);
	listener->proxy_in->timeout_ms = confload_duration(load, &field, from->timeout, &timeout);
	field = confload_field("listeners[%zu].proxy_protocol.max_size", index);
	listener->proxy_in->max_bytes = confload_bytes(load, &field, from->max_size, &max_size);
	return load_from(load, index, from, listener);
}

/* --- */

#define TLVS_DEFAULT                                                                               \
	(PROXY_TELL_ALPN | PROXY_TELL_AUTHORITY | PROXY_TELL_UNIQUE_ID | PROXY_TELL_CRC32C |       \
	 PROXY_TELL_SSL | PROXY_TELL_OTHERS)

static unsigned int load_tlvs(struct confload *load, size_t index,
			      const struct confile_upstream *from)
{
	static const char *const names[] = {"none",	   "alpn",   "authority",
					    "unique_id",   "crc32c", "ssl",
					    "certificate", "others", NULL};
	struct confload_field field = confload_field("upstreams[%zu].proxy_protocol_tlvs", index);
	unsigned int tlvs = 0;

	for (unsigned int i = 0; i < from->n_proxy_protocol_tlvs; i++) {
		struct confload_field entry =
			confload_field("upstreams[%zu].proxy_protocol_tlvs[%u]", index, i);
		unsigned int choice =
			confload_choice(load, &entry, from->proxy_protocol_tlvs[i], names);

		if (choice > 0)
			tlvs |= 1U << (choice - 1);
		else if (from->n_proxy_protocol_tlvs > 1)
			confload_mistake(load, &entry, "write it alone",
					 "none, and others with it");
	}
	if (tlvs & PROXY_TELL_CERTIFICATE && !(tlvs & PROXY_TELL_SSL))
		confload_mistake(load, &field, "add ssl",
				 "has certificate, which is a part of ssl, and not ssl");
	return tlvs;
}

void confload_proxy_out(struct confload *load, size_t index, struct config_upstream *upstream)
{
	static const char *const versions[] = {"off", "v1", "v2", NULL};
	static const enum config_proxy_version version_of[] = {PROXY_OFF, PROXY_V1, PROXY_V2};
	const struct confile_upstream *from = &load->root->upstreams[index];
	struct confload_field field = confload_field("upstreams[%zu].proxy_protocol", index);

	upstream->proxy_out =
		version_of[confload_choice(load, &field, from->proxy_protocol, versions)];
	upstream->proxy_tlvs = TLVS_DEFAULT;
	field = confload_field("upstreams[%zu].proxy_protocol_tlvs", index);
	if (from->n_proxy_protocol_tlvs == 0)
		return;
	upstream->proxy_tlvs = load_tlvs(load, index, from);
	if (upstream->proxy_out != PROXY_V2)
		confload_mistake(load, &field, "remove it, or set proxy_protocol: v2",
				 "has no effect: only version 2 has them");
}
