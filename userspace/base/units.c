// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* Digits as @form has a '0', and its other characters as they are. Returns: false when one differs. */
static bool has_form(const char *text, const char *form)
{
	for (; *form; text++, form++) {
		if (*form == '0' ? *text < '0' || *text > '9' : *text != *form)
			return false;
	}
	return *text == '\0';
}

static int two_digits(const char *text)
{
	return (text[0] - '0') * 10 + text[1] - '0';
}

int units_parse_utc(const char *text, int64_t *ret_seconds)
{
	bool day = has_form(text, "0000-00-00");
	struct tm tm = {}, again;

	if (!day && !has_form(text, "0000-00-00T00:00:00Z"))
		return -EINVAL;
	tm.tm_year = two_digits(text) * 100 + two_digits(text + 2) - 1900;
	tm.tm_mon = two_digits(text + 5) - 1;
	tm.tm_mday = two_digits(text + 8);
	tm.tm_hour = day ? 0 : two_digits(text + 11);
	tm.tm_min = day ? 0 : two_digits(text + 14);
	tm.tm_sec = day ? 0 : two_digits(text + 17);
	/* What is out of range, or the 31st of June, becomes another moment. */
	again = tm;
	*ret_seconds = timegm(&again);
	return again.tm_mon == tm.tm_mon && again.tm_mday == tm.tm_mday &&
			       again.tm_hour == tm.tm_hour && again.tm_min == tm.tm_min &&
			       again.tm_sec == tm.tm_sec
		       ? 0
		       : -EINVAL;
}
