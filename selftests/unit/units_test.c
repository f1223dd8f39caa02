// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "base/units.h"

SUITE("units");

struct unit_case {
	VARIANT;
	int (*parse)(const char *text, uint64_t *ret_value);
	const char *text;
	int result;
	uint64_t value;
};

#define BYTES units_parse_bytes
#define MS    units_parse_ms

/* clang-format off */
CASES(struct unit_case, texts,
      {.name = "bytes", .parse = BYTES, .text = "512B", .value = 512},
      {.name = "kib", .parse = BYTES, .text = "64KiB", .value = 65536},
      {.name = "mib", .parse = BYTES, .text = "1MiB", .value = 1048576},
      {.name = "gib", .parse = BYTES, .text = "2GiB", .value = UINT64_C(2147483648)},
      {.name = "bytes_zero", .parse = BYTES, .text = "0", .value = 0},
      {.name = "bytes_most", .parse = BYTES, .text = "18446744073709551615B", .value = UINT64_MAX},
      {.name = "gib_most", .parse = BYTES, .text = "17179869183GiB", .value = UINT64_MAX - 1073741823},
      {.name = "gib_too_many", .parse = BYTES, .text = "17179869184GiB", .result = -ERANGE},
      {.name = "bytes_too_many", .parse = BYTES, .text = "18446744073709551616B", .result = -ERANGE},
      {.name = "bytes_without_unit", .parse = BYTES, .text = "64", .result = -EINVAL},
      {.name = "kb_is_no_unit", .parse = BYTES, .text = "64KB", .result = -EINVAL},
      {.name = "unit_in_lower_case", .parse = BYTES, .text = "64kib", .result = -EINVAL},
      {.name = "seconds_are_no_bytes", .parse = BYTES, .text = "64s", .result = -EINVAL},
      {.name = "ms", .parse = MS, .text = "250ms", .value = 250},
      {.name = "seconds", .parse = MS, .text = "30s", .value = 30000},
      {.name = "minutes", .parse = MS, .text = "5m", .value = 300000},
      {.name = "hours", .parse = MS, .text = "2h", .value = 7200000},
      {.name = "ms_zero", .parse = MS, .text = "0", .value = 0},
      {.name = "zero_with_unit", .parse = MS, .text = "0h", .value = 0},
      {.name = "leading_zeros", .parse = MS, .text = "007s", .value = 7000},
      {.name = "hours_too_many", .parse = MS, .text = "9999999999999999h", .result = -ERANGE},
      {.name = "ms_without_unit", .parse = MS, .text = "30", .result = -EINVAL},
      {.name = "empty", .parse = MS, .text = "", .result = -EINVAL},
      {.name = "unit_alone", .parse = MS, .text = "s", .result = -EINVAL},
      {.name = "negative", .parse = MS, .text = "-1s", .result = -EINVAL},
      {.name = "signed", .parse = MS, .text = "+1s", .result = -EINVAL},
      {.name = "blank_before", .parse = MS, .text = " 1s", .result = -EINVAL},
      {.name = "blank_between", .parse = MS, .text = "1 s", .result = -EINVAL},
      {.name = "blank_behind", .parse = MS, .text = "1s ", .result = -EINVAL},
      {.name = "fraction", .parse = MS, .text = "1.5s", .result = -EINVAL},
      {.name = "two_units", .parse = MS, .text = "1m30s", .result = -EINVAL},
      {.name = "hex", .parse = MS, .text = "0x10s", .result = -EINVAL},
      {.name = "word", .parse = MS, .text = "forever", .result = -EINVAL});
/* clang-format on */

TEST_CASES(a_number_says_what_it_counts, texts)
{
	uint64_t value = 4711;

	MUST_EQ(variant->parse(variant->text, &value), variant->result);
	CHECK_EQ(value, variant->result < 0 ? 4711 : variant->value);
}

struct date_case {
	VARIANT;
	const char *text;
	int64_t seconds;
	int result;
};

CASES(struct date_case, dates, {.name = "begin", .text = "1970-01-01"},
      {.name = "day", .text = "2026-01-31", .seconds = 1769817600},
      {.name = "moment", .text = "2026-01-31T08:09:10Z", .seconds = 1769846950},
      {.name = "before", .text = "1969-12-31T23:59:59Z", .seconds = -1},
      {.name = "leap_day", .text = "2028-02-29", .seconds = 1835395200},
      {.name = "no_leap_day", .text = "2026-02-29", .result = -EINVAL},
      {.name = "month", .text = "2026-13-01", .result = -EINVAL},
      {.name = "no_month", .text = "2026-00-01", .result = -EINVAL},
      {.name = "no_day", .text = "2026-01-00", .result = -EINVAL},
      {.name = "hour", .text = "2026-01-01T24:00:00Z", .result = -EINVAL},
      {.name = "minute", .text = "2026-01-01T00:60:00Z", .result = -EINVAL},
      {.name = "second", .text = "2026-01-01T00:00:60Z", .result = -EINVAL},
      {.name = "zone", .text = "2026-01-01T00:00:00+01:00", .result = -EINVAL},
      {.name = "no_zone", .text = "2026-01-01T00:00:00", .result = -EINVAL},
      {.name = "blank", .text = "2026-01-01 00:00:00Z", .result = -EINVAL},
      {.name = "short_form", .text = "2026-1-1", .result = -EINVAL},
      {.name = "empty", .text = "", .result = -EINVAL});

TEST_CASES(a_date_is_seconds_in_utc, dates)
{
	int64_t seconds = 0;

	MUST_EQ(units_parse_utc(variant->text, &seconds), variant->result);
	if (variant->result == 0)
		CHECK_EQ(seconds, variant->seconds);
}
