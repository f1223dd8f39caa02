// SPDX-License-Identifier: Apache-2.0
#include "model/match_net.h"

#include "base/addr_range.h"

#include <errno.h>
#include <string.h>

#define MAPPED	  96 /* bits of ::ffff:0:0/96 */
#define V6_MARKS  40 /* behind those of IPv4, 0 to 32 */
#define ENTRY_MAX (2 + 16)

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

int match_net_parse(const char *text, struct match_net *ret_net)
{
	struct addr_range range;
	struct match_net net = {};
	int r = addr_range_parse(text, &range);

	if (r < 0 || range.family == AF_UNIX)
		return r == -EDOM ? -ERANGE : -EINVAL;
	net.bytes = range.family == AF_INET6 ? 16 : 4;
	net.length = range.bits;
	memcpy(net.address, range.bytes, net.bytes);
	if (net.bytes == 16 && net.length >= MAPPED &&
	    memcmp(net.address, mapped, sizeof(mapped)) == 0) {
		memmove(net.address, net.address + sizeof(mapped), 4);
		memset(net.address + 4, 0, sizeof(mapped));
		net.bytes = 4;
		net.length -= MAPPED;
	}
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
		(void)addr_range_mask(net.address, len, length);
		if (match_set_has(set, entry, entry_of(&net, entry), work))
			return true;
	}
	return false;
}
