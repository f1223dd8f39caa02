/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains that were verified and until when that holds, so that a peer who comes again costs no
 * public-key operation for its chain.
 *
 * Only a yes is kept. A cache belongs to one struct tls_ctx and dies with it: what other CAs, CRLs
 * or settings have said cannot be found in it.
 */
#ifndef SLUICE_SYS_TLS_CACHE_H
#define SLUICE_SYS_TLS_CACHE_H

#include "base/list.h"

#include <stddef.h>
#include <stdint.h>

struct tls_chain;

#define TLS_CACHE_KEY_BYTES 32
#define TLS_CACHE_ENTRIES   4096 /* beyond them the one that was used least recently goes */
#define TLS_CACHE_BUCKETS   1024

struct tls_cache {
	struct list *buckets; /* TLS_CACHE_BUCKETS of them; NULL before the first entry */
	struct list recent;   /* the least recently used first */
	size_t count;
};

void tls_cache_init(struct tls_cache *cache);
void tls_cache_done(struct tls_cache *cache);

/**
 * tls_cache_find() - the chain that was verified under @key, if it still holds at @now (seconds of
 * the system's clock); borrowed. An entry that does not hold is dropped.
 * Returns: NULL when there is none.
 */
struct tls_chain *tls_cache_find(struct tls_cache *cache, const uint8_t key[TLS_CACHE_KEY_BYTES],
				 int64_t now);

/**
 * tls_cache_put() - @chain was verified and that holds in @from <= now < @until. The cache takes a
 * reference of its own. Without memory nothing is kept.
 */
void tls_cache_put(struct tls_cache *cache, const uint8_t key[TLS_CACHE_KEY_BYTES], int64_t from,
		   int64_t until, struct tls_chain *chain);

#endif
