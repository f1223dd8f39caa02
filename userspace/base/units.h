/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes, durations and dates, as the configuration has them. */
#ifndef SLUICE_BASE_UNITS_H
#define SLUICE_BASE_UNITS_H

#include <stdint.h>

/** units_parse_bytes() - "64KiB", "1MiB", "2GiB", "512B" or "0". Returns: 0, -EINVAL, -ERANGE. */
int units_parse_bytes(const char *text, uint64_t *ret_bytes);

/**
 * units_parse_utc() - "2026-01-31T08:00:00Z", or "2026-01-31" for its begin, in seconds since 1970.
 * Returns: 0, -EINVAL.
 */
int units_parse_utc(const char *text, int64_t *ret_seconds);

/** units_parse_ms() - "250ms", "30s", "5m", "2h" or "0". Returns: 0, -EINVAL, -ERANGE. */
int units_parse_ms(const char *text, uint64_t *ret_ms);

#endif
