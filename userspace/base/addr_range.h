/* SPDX-License-Identifier: Apache-2.0 */
/* Where peers may come from: "10.0.0.0/8", "2001:db8::/32", one address as "192.0.2.1", or "unix". */
#ifndef SLUICE_BASE_ADDR_RANGE_H
#define SLUICE_BASE_ADDR_RANGE_H

#include "base/addr.h"

#include <stdint.h>

struct addr_range {
	sa_family_t family; /* AF_INET, AF_INET6; AF_UNIX: every unix peer, they have no names */
	uint8_t bits;
	uint8_t bytes[16]; /* network order; what is behind the prefix is 0 */
};

/**
 * addr_range_parse() - Returns: 0; -EINVAL (not an address and a prefix); -ERANGE (the prefix is
 * longer than the address); -EDOM (the address has bits behind the prefix: which one is meant?).
 */
int addr_range_parse(const char *text, struct addr_range *ret_range);

/** addr_range_mask() - clear what of @bytes is behind the prefix. Returns: true when it was clear. */
bool addr_range_mask(uint8_t *bytes, size_t n, unsigned int bits);

/** addr_range_has() - is @a of this family and within the prefix? Ports do not count. */
bool addr_range_has(const struct addr_range *range, const struct addr *a);

#endif
