/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes and durations with units, as the configuration has them. */
#ifndef SLUICE_BASE_UNITS_H
#define SLUICE_BASE_UNITS_H

#include <stdint.h>

/** units_parse_bytes() - "64KiB", "1MiB", "2GiB", "512B" or "0". Returns: 0, -EINVAL, -ERANGE. */
int units_parse_bytes(const char *text, uint64_t *ret_bytes);

/** units_parse_ms() - "250ms", "30s", "5m", "2h" or "0". Returns: 0, -EINVAL, -ERANGE. */
int units_parse_ms(const char *text, uint64_t *ret_ms);

#endif
