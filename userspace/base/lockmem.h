/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for private keys that are longer than struct secret: whole pages that are locked where
 * RLIMIT_MEMLOCK allows, are not in a core dump, and are wiped before they are given back.
 */
#ifndef SLUICE_BASE_LOCKMEM_H
#define SLUICE_BASE_LOCKMEM_H

#include <stddef.h>

/** lockmem_new() - @len bytes, all zero. Returns: NULL when there is no memory. */
void *lockmem_new(size_t len);

/** lockmem_free() - wipe and free; @len as given to lockmem_new(); NULL is fine. */
void lockmem_free(void *mem, size_t len);

/** lockmem_text() - copy @len bytes and put a NUL behind them; free with @len + 1. */
char *lockmem_text(const void *bytes, size_t len);

#endif
