// SPDX-License-Identifier: Apache-2.0
#include "model/match_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS	  32
#define V6_BITS	  128
#define MAPPED	  96 /* bits of ::ffff:0:0/96 */
#define V6_MARKS  40 /* behind those of IPv4, 0 to 32 */
#define ENTRY_MAX (2 + 16)

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* Clear what is behind the prefix. Returns: true when there was something. */
static bool cut(uint8_t *address, size_t bytes, unsigned int length)
{
	bool any = false;

	for (size_t i = 0; i < bytes; i++) {
		unsigned int left = length > 8 * i ? length - 8 * (unsigned int)i : 0;
		uint8_t keep = left >= 8 ? 0xff : (uint8_t)(0xff00U >> left);

		any |= (address[i] & ~keep) != 0;
		address[i] &= keep;
	}
	return any;
}

static int parse_length(const char *text, unsigned int most, unsigned int *ret_length)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 3 || text[digits] != '\0' || (text[0] == '0' && digits > 1))
		return -EINVAL;
	*ret_length = (unsigned int)strtoul(text, NULL, 10);
	return *ret_length > most ? -EINVAL : 0;
}

int match_net_parse(const char *text, struct match_net *ret_net)
{
	char host[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "/");
	struct match_net net = {.bytes = 4};
	unsigned int length = V4_BITS;

	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(AF_INET, host, net.address) != 1) {
		net.bytes = 16;
		length = V6_BITS;
		if (inet_pton(AF_INET6, host, net.address) != 1)
			return -EINVAL;
	}
	if (text[len] == '/' && parse_length(text + len + 1, length, &length) < 0)
		return -EINVAL;
	if (net.bytes == 16 && length >= MAPPED &&
	    memcmp(net.address, mapped, sizeof(mapped)) == 0) {
		memmove(net.address, net.address + sizeof(mapped), 4);
		memset(net.address + 4, 0, sizeof(mapped));
		net.bytes = 4;
		length -= MAPPED;
	}
	net.length = (uint8_t)length;
	if (cut(net.address, net.bytes, length))
		return -ERANGE;
	*ret_net = net;
	return 0;
}

static unsigned int mark_of(size_t bytes, unsigned int length)
{
	return bytes == 4 ? length : V6_MARKS + length;
}

static size_t entry_of(const struct match_net *net, uint8_t entry[ENTRY_MAX])
{
	entry[0] = net->bytes;
	entry[1] = net->length;
	memcpy(entry + 2, net->address, net->bytes);
	return 2 + (size_t)net->bytes;
}

int match_net_add(struct match_set *set, const struct match_net *net)
{
	uint8_t entry[ENTRY_MAX];

	match_set_mark(set, mark_of(net->bytes, net->length));
	return match_set_add(set, entry, entry_of(net, entry));
}

bool match_net_has(const struct match_set *set, const void *address, size_t len, uint64_t *work)
{
	struct match_net net = {};
	const uint8_t *at = address;

	if (len == 16 && memcmp(at, mapped, sizeof(mapped)) == 0) {
		at += sizeof(mapped);
		len = 4;
	}
	if (len != 4 && len != 16)
		return false;
	net.bytes = (uint8_t)len;
	memcpy(net.address, at, len);
	/* From the longest: each one is cut from the one before it. */
	for (unsigned int length = (unsigned int)len * 8 + 1; length-- > 0;) {
		uint8_t entry[ENTRY_MAX];

		if (!match_set_is_marked(set, mark_of(len, length)))
			continue;
		net.length = (uint8_t)length;
		(void)cut(net.address, len, length);
		if (match_set_has(set, entry, entry_of(&net, entry), work))
			return true;
	}
	return false;
}
