/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Socket addresses as operators write them: "127.0.0.1:80", "[::1]:80", "unix:/run/x.sock".
 */
#ifndef SLUICE_BASE_ADDR_H
#define SLUICE_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>

struct addr {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
};

/* "unix:" and a path, or "[v6]:port": the longest printed form with its NUL. */
#define ADDR_TEXT_MAX (sizeof("unix:") + sizeof(((struct sockaddr_un *)0)->sun_path))

/**
 * addr_parse() - read @text; only numeric addresses are taken, names are not resolved.
 * Returns: 0, -EINVAL (not an address), -ERANGE (port not 1..65535), -ENAMETOOLONG (unix path).
 */
int addr_parse(const char *text, struct addr *ret_addr);

/** addr_format() - print @a into @text of ADDR_TEXT_MAX bytes. Returns @text. */
const char *addr_format(const struct addr *a, char *text);

/** addr_format_host() - the IP address alone, without brackets; "" for a unix address. */
const char *addr_format_host(const struct addr *a, char *text);

/** A peer's address in 20 bytes, for whoever keeps many: of a unix one only that it is one. */
struct addr_short {
	sa_family_t family;
	in_port_t port; /* network order */
	union {
		struct in_addr in4;
		struct in6_addr in6; /* without its scope */
	};
};

struct addr_short addr_shorten(const struct addr *a);
struct addr addr_lengthen(const struct addr_short *a);

bool addr_is_unix(const struct addr *a);

/** addr_equal() - both are there and the same. */
bool addr_equal(const struct addr *a, const struct addr *b);

/** addr_port() - port in host order; 0 for a unix address. */
unsigned int addr_port(const struct addr *a);

#endif
