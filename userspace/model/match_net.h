/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and networks as entries of a match_set: one question for each length of a prefix that
 * there is, so the number of networks does not matter.
 */
#ifndef SLUICE_MODEL_MATCH_NET_H
#define SLUICE_MODEL_MATCH_NET_H

#include "model/match_set.h"

struct match_net {
	uint8_t length; /* of the prefix in bits */
	uint8_t bytes;	/* of the address: 4 or 16 */
	uint8_t address[16];
};

/**
 * match_net_parse() - "192.0.2.0/24", "2001:db8::/32" or an address alone. What is mapped from IPv4
 * becomes IPv4. Returns: 0; -EINVAL; -ERANGE (bits behind the prefix: which of the two is meant?).
 */
int match_net_parse(const char *text, struct match_net *ret_net);

/** match_net_add() - Returns: 0, -ENOMEM. */
int match_net_add(struct match_set *set, const struct match_net *net);

/** match_net_has() - is @address, of 4 or 16 bytes, in one of them? Mapped IPv4 counts as IPv4. */
bool match_net_has(const struct match_set *set, const void *address, size_t len, uint64_t *work);

#endif
