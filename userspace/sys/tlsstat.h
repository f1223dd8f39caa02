/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/net/tls_stat: kernel TLS counters of this network namespace. */
#ifndef SLUICE_SYS_TLSSTAT_H
#define SLUICE_SYS_TLSSTAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLSSTAT_MAX 40 /* 6.1 has 11 lines, 7.x 16 */

struct tlsstat_entry {
	char name[32]; /* "TlsCurrTxSw" */
	uint64_t value;
};

struct tlsstat {
	size_t n;
	struct tlsstat_entry entries[TLSSTAT_MAX];
};

/** tlsstat_read() - Returns: 0; -ENOENT (tls is not loaded); -EIO and what open(2) has. */
int tlsstat_read(struct tlsstat *ret_stat);

/** tlsstat_parse() - the file's @text; lines that do not fit are left out. */
void tlsstat_parse(const char *text, struct tlsstat *ret_stat);

/** tlsstat_find() - Returns: true and the value, or false when this kernel has no such counter. */
bool tlsstat_find(const struct tlsstat *stat, const char *name, uint64_t *ret_value);

/** tlsstat_get() - 0 when this kernel has no such counter. */
uint64_t tlsstat_get(const struct tlsstat *stat, const char *name);

#endif
