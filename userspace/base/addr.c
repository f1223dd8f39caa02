// SPDX-License-Identifier: Apache-2.0
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int port_parse(const char *text, in_port_t *ret_port)
{
	char *end;
	unsigned long port;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	port = strtoul(text, &end, 10);
	if (*end != '\0')
		return -EINVAL;
	if (errno != 0 || port < 1 || port > 65535)
		return -ERANGE;
	*ret_port = htons((in_port_t)port);
	return 0;
}

static int unix_parse(const char *path, struct addr *a)
{
	size_t len = strlen(path);

	if (path[0] != '/')
		return -EINVAL;
	if (len >= sizeof(a->un.sun_path))
		return -ENAMETOOLONG;
	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path, path, len + 1);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	return 0;
}

static int inet_parse(const char *text, struct addr *a)
{
	char host[INET6_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');
	bool bracketed = text[0] == '[';
	const char *start = text + (bracketed ? 1 : 0);
	const char *end = colon;
	in_port_t port;
	int r;

	if (!colon)
		return -EINVAL;
	if (bracketed) {
		if (colon == text || colon[-1] != ']')
			return -EINVAL;
		end = colon - 1;
	}
	if (end <= start || (size_t)(end - start) >= sizeof(host))
		return -EINVAL;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	r = port_parse(colon + 1, &port);
	if (r < 0)
		return r;
	if (bracketed && inet_pton(AF_INET6, host, &a->in6.sin6_addr) == 1) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = port;
		a->len = sizeof(a->in6);
		return 0;
	}
	if (!bracketed && inet_pton(AF_INET, host, &a->in4.sin_addr) == 1) {
		a->in4.sin_family = AF_INET;
		a->in4.sin_port = port;
		a->len = sizeof(a->in4);
		return 0;
	}
	return -EINVAL;
}

int addr_parse(const char *text, struct addr *ret_addr)
{
	struct addr a;
	int r;

	memset(&a, 0, sizeof(a));
	if (strncmp(text, "unix:", 5) == 0)
		r = unix_parse(text + 5, &a);
	else
		r = inet_parse(text, &a);
	if (r < 0)
		return r;
	*ret_addr = a;
	return 0;
}

const char *addr_format(const struct addr *a, char *text)
{
	char host[INET6_ADDRSTRLEN];

	switch (a->len ? a->sa.sa_family : AF_UNSPEC) {
	case AF_INET:
		inet_ntop(AF_INET, &a->in4.sin_addr, host, sizeof(host));
		snprintf(text, ADDR_TEXT_MAX, "%s:%u", host, addr_port(a));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof(host));
		snprintf(text, ADDR_TEXT_MAX, "[%s]:%u", host, addr_port(a));
		break;
	case AF_UNIX:
		/* A client of a unix listener has no name: the kernel returns the family alone. */
		if (a->len <= offsetof(struct sockaddr_un, sun_path))
			snprintf(text, ADDR_TEXT_MAX, "unix:");
		else
			snprintf(text, ADDR_TEXT_MAX, "unix:%.*s",
				 (int)(a->len - offsetof(struct sockaddr_un, sun_path)),
				 a->un.sun_path);
		break;
	default:
		snprintf(text, ADDR_TEXT_MAX, "-");
	}
	return text;
}

const char *addr_format_host(const struct addr *a, char *text)
{
	const void *ip = a->sa.sa_family == AF_INET ? (const void *)&a->in4.sin_addr
						    : (const void *)&a->in6.sin6_addr;

	text[0] = '\0';
	if (!addr_is_unix(a))
		(void)inet_ntop(a->sa.sa_family, ip, text, ADDR_TEXT_MAX);
	return text;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->len > 0 && a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

bool addr_is_unix(const struct addr *a)
{
	return a->len != 0 && a->sa.sa_family == AF_UNIX;
}

unsigned int addr_port(const struct addr *a)
{
	switch (a->len ? a->sa.sa_family : AF_UNSPEC) {
	case AF_INET:
		return ntohs(a->in4.sin_port);
	case AF_INET6:
		return ntohs(a->in6.sin6_port);
	default:
		return 0;
	}
}

struct addr_short addr_shorten(const struct addr *a)
{
	struct addr_short s = {.family = a->sa.sa_family};

	if (a->sa.sa_family == AF_INET) {
		s.in4 = a->in4.sin_addr;
		s.port = a->in4.sin_port;
	} else if (a->sa.sa_family == AF_INET6) {
		s.in6 = a->in6.sin6_addr;
		s.port = a->in6.sin6_port;
	}
	return s;
}

struct addr addr_lengthen(const struct addr_short *s)
{
	struct addr a = {.len = sizeof(s->family), .sa.sa_family = s->family};

	if (s->family == AF_INET) {
		a.len = sizeof(a.in4);
		a.in4.sin_addr = s->in4;
		a.in4.sin_port = s->port;
	} else if (s->family == AF_INET6) {
		a.len = sizeof(a.in6);
		a.in6.sin6_addr = s->in6;
		a.in6.sin6_port = s->port;
	}
	return a;
}
