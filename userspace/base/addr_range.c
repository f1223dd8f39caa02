// SPDX-License-Identifier: Apache-2.0
#include "base/addr_range.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* The prefix length; as many digits as it needs. */
static int parse_bits(const char *text, unsigned int most, uint8_t *ret_bits)
{
	size_t len = strlen(text);
	unsigned int bits = 0;

	if (len == 0 || text[strspn(text, "0123456789")] != '\0' || (len > 1 && text[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < len && bits <= most; i++)
		bits = bits * 10 + (unsigned int)(text[i] - '0');
	if (bits > most)
		return -ERANGE;
	*ret_bits = (uint8_t)bits;
	return 0;
}

bool addr_range_mask(uint8_t *bytes, size_t n, unsigned int bits)
{
	bool clear = true;

	for (size_t i = 0; i < n; i++) {
		unsigned int kept = bits > i * 8 ? bits - (unsigned int)i * 8 : 0;
		uint8_t masked = kept >= 8 ? bytes[i] : bytes[i] & (uint8_t)(0xff00 >> kept);

		clear = clear && masked == bytes[i];
		bytes[i] = masked;
	}
	return clear;
}

int addr_range_parse(const char *text, struct addr_range *ret_range)
{
	struct addr_range range = {};
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text), n = 4;
	int r = 0;

	if (strcmp(text, "unix") == 0) {
		*ret_range = (struct addr_range){.family = AF_UNIX};
		return 0;
	}
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	range.family = strchr(host, ':') ? AF_INET6 : AF_INET;
	if (range.family == AF_INET6)
		n = 16;
	if (inet_pton(range.family, host, range.bytes) != 1)
		return -EINVAL;
	range.bits = (uint8_t)(n * 8);
	if (slash)
		r = parse_bits(slash + 1, (unsigned int)n * 8, &range.bits);
	if (r == 0 && !addr_range_mask(range.bytes, n, range.bits))
		r = -EDOM;
	if (r == 0)
		*ret_range = range;
	return r;
}

bool addr_range_has(const struct addr_range *range, const struct addr *a)
{
	uint8_t bytes[16];
	size_t n = range->family == AF_INET6 ? 16 : 4;

	if (a->len == 0 || a->sa.sa_family != range->family)
		return false;
	if (range->family == AF_UNIX)
		return true;
	memcpy(bytes, n == 4 ? (const void *)&a->in4.sin_addr : (const void *)&a->in6.sin6_addr, n);
	(void)addr_range_mask(bytes, n, range->bits);
	return memcmp(bytes, range->bytes, n) == 0;
}
