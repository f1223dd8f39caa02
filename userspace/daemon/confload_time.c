// SPDX-License-Identifier: Apache-2.0
/* The window of time of a match, in UTC. */
#include "daemon/confload_internal.h"

#include "base/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ALL_DAYS    0x7f
#define DAY_MINUTES 1440

/* Two digits and @behind. Returns: false when they are not there or more than @most. */
static bool two_digits(const char **text, int most, char behind, int *ret_value)
{
	const char *at = *text;

	if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9' || at[2] != behind)
		return false;
	*ret_value = (at[0] - '0') * 10 + at[1] - '0';
	*text += 2 + (behind != '\0');
	return *ret_value <= most;
}

static void load_moment(struct confload *load, const struct confload_field *in, const char *key,
			const char *text, int64_t *to)
{
	struct confload_field field = confload_field("%.200s.%s", in->path, key);

	if (text && units_parse_utc(text, to) < 0)
		confload_mistake(load, &field, "2026-01-31T08:00:00Z, or 2026-01-31 for its begin",
				 "'%s' is not a date in UTC", text);
}

/* Returns: 0 to 6; -1. */
static int parse_day(const char *text, size_t len)
{
	static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

	for (int i = 0; i < 7; i++) {
		if (len == 3 && strncasecmp(text, days[i], 3) == 0)
			return i;
	}
	return -1;
}

/* "mon", or "fri-mon", over the end of the week too. Returns: the bits; 0. */
static unsigned int parse_days(const char *text)
{
	size_t len = strcspn(text, "-");
	int first = parse_day(text, len);
	int last = text[len] ? parse_day(text + len + 1, strlen(text + len + 1)) : first;
	unsigned int bits = 0;

	if (first < 0 || last < 0)
		return 0;
	for (int day = first;; day = (day + 1) % 7) {
		bits |= 1U << day;
		if (day == last)
			return bits;
	}
}

static void load_days(struct confload *load, const struct confload_field *in,
		      const struct confile_time *from, struct match_time *to)
{
	to->days = from->n_days ? 0 : ALL_DAYS;
	for (unsigned int i = 0; i < from->n_days; i++) {
		struct confload_field field = confload_field("%.200s.days[%u]", in->path, i);
		unsigned int bits = parse_days(from->days[i]);

		if (bits == 0)
			confload_mistake(load, &field, "as in [mon-fri, sun]", "'%s' is not a day",
					 from->days[i]);
		to->days |= (uint8_t)bits;
	}
}

static bool parse_minute(const char **text, char behind, uint16_t *ret_minute)
{
	int hour, minute;

	if (!two_digits(text, 24, ':', &hour) || !two_digits(text, 59, behind, &minute))
		return false;
	*ret_minute = (uint16_t)(hour * 60 + minute);
	return *ret_minute <= DAY_MINUTES;
}

static void load_hours(struct confload *load, const struct confload_field *in, const char *text,
		       struct match_time *to)
{
	struct confload_field field = confload_field("%.200s.hours", in->path);
	const char *at = text;

	if (!text)
		return;
	if (!parse_minute(&at, '-', &to->minute_from) ||
	    !parse_minute(&at, '\0', &to->minute_until) || *at != '\0' ||
	    to->minute_from == to->minute_until)
		confload_mistake(load, &field, "as in \"08:00-18:00\", or \"22:00-06:00\"",
				 "'%s' are not hours of a day", text);
}

int confload_time(struct confload *load, const struct confload_field *field,
		  const struct confile_time *from, struct match_time **ret_time)
{
	struct match_time *to = calloc(1, sizeof(*to));

	if (!to)
		return -ENOMEM;
	*ret_time = to;
	*to = (struct match_time){.from = INT64_MIN, .until = INT64_MAX};
	load_moment(load, field, "from", from->from, &to->from);
	load_moment(load, field, "until", from->until, &to->until);
	load_days(load, field, from, to);
	load_hours(load, field, from->hours, to);
	if (!from->from && !from->until && from->n_days == 0 && !from->hours)
		confload_empty(load, field, "give from, until, days or hours");
	else if (to->from >= to->until)
		confload_mistake(load, field, "from comes first", "ends before it begins");
	return 0;
}
