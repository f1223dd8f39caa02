/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key material. Wiped on every path. It lives wherever its owner puts it; what keeps it out of the
 * swap is that a worker locks all of its memory, if it may (process_lock_memory()).
 */
#ifndef SLUICE_BASE_SECRET_H
#define SLUICE_BASE_SECRET_H

#include <stddef.h>
#include <stdint.h>

#define SECRET_MAX_BYTES 64 /* SHA-512 sized traffic secrets and the TLS 1.2 master key fit */

struct secret {
	uint8_t bytes[SECRET_MAX_BYTES];
	size_t len;
};

/** secret_wipe() - overwrite @len bytes at @mem in a way the compiler keeps. */
static inline void secret_wipe_mem(void *mem, size_t len)
{
	__builtin_memset(mem, 0, len);
	__asm__ volatile("" : : "r"(mem) : "memory");
}

static inline void secret_wipe(struct secret *s)
{
	secret_wipe_mem(s, sizeof(*s));
}

/** struct secret _cleanup_secret_ s = {}: wiped when the scope ends. */
#define _cleanup_secret_ __attribute__((cleanup(secret_wipe)))

#endif
