/* SPDX-License-Identifier: Apache-2.0 */
/* The checksum of RFC 4960 appendix B (Castagnoli). It finds damage, no forgery. */
#ifndef SLUICE_BASE_CRC32C_H
#define SLUICE_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/** crc32c() - go on with @crc, what the bytes before gave; 0 for the first ones. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
