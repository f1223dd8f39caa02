// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit byte_units[] = {
	{"B", 1},
	{"KiB", UINT64_C(1) << 10},
	{"MiB", UINT64_C(1) << 20},
	{"GiB", UINT64_C(1) << 30},
	{},
};

static const struct unit ms_units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {},
};

static int parse(const char *text, const struct unit *units, uint64_t *ret_value)
{
	unsigned long long number;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0)
		return -ERANGE;
	/* Zero is the same in every unit; any other number must say what it counts. */
	if (*end == '\0' && number == 0) {
		*ret_value = 0;
		return 0;
	}
	for (; units->name; units++) {
		if (strcmp(end, units->name) == 0) {
			if (number > UINT64_MAX / units->factor)
				return -ERANGE;
			*ret_value = number * units->factor;
			return 0;
		}
	}
	return -EINVAL;
}

int units_parse_bytes(const char *text, uint64_t *ret_bytes)
{
	return parse(text, byte_units, ret_bytes);
}

int units_parse_ms(const char *text, uint64_t *ret_ms)
{
	return parse(text, ms_units, ret_ms);
}
