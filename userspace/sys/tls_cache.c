// SPDX-License-Identifier: Apache-2.0
#include "sys/tls_cache.h"

#include "sys/tls_chain.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	struct list in_bucket, in_recent;
	uint8_t key[TLS_CACHE_KEY_BYTES];
	int64_t from, until;
	struct tls_chain *chain;
};

void tls_cache_init(struct tls_cache *cache)
{
	*cache = (struct tls_cache){};
	list_init(&cache->recent);
}

static void drop(struct tls_cache *cache, struct entry *entry)
{
	list_del(&entry->in_bucket);
	list_del(&entry->in_recent);
	tls_chain_unref(entry->chain);
	free(entry);
	cache->count--;
}

void tls_cache_done(struct tls_cache *cache)
{
	while (cache->count > 0)
		drop(cache, container_of(cache->recent.next, struct entry, in_recent));
	free(cache->buckets);
	cache->buckets = NULL;
}

/* A key is a hash already, and nobody can choose what it begins with for long enough. */
static struct list *bucket_of(const struct tls_cache *cache, const uint8_t *key)
{
	return &cache->buckets[(key[0] | (size_t)key[1] << 8) % TLS_CACHE_BUCKETS];
}

static struct entry *find(const struct tls_cache *cache, const uint8_t *key)
{
	struct list *bucket, *node;

	if (!cache->buckets)
		return NULL;
	bucket = bucket_of(cache, key);
	list_for_each (node, bucket) {
		struct entry *entry = container_of(node, struct entry, in_bucket);

		if (memcmp(entry->key, key, TLS_CACHE_KEY_BYTES) == 0)
			return entry;
	}
	return NULL;
}

struct tls_chain *tls_cache_find(struct tls_cache *cache, const uint8_t key[TLS_CACHE_KEY_BYTES],
				 int64_t now)
{
	struct entry *entry = find(cache, key);

	if (!entry)
		return NULL;
	/* Also when the clock was set back: what was not yet valid is verified again. */
	if (now < entry->from || now >= entry->until) {
		drop(cache, entry);
		return NULL;
	}
	list_del(&entry->in_recent);
	list_add_tail(&cache->recent, &entry->in_recent);
	return entry->chain;
}

static int make_buckets(struct tls_cache *cache)
{
	if (cache->buckets)
		return 0;
	cache->buckets = malloc(TLS_CACHE_BUCKETS * sizeof(struct list));
	for (size_t i = 0; cache->buckets && i < TLS_CACHE_BUCKETS; i++)
		list_init(&cache->buckets[i]);
	return cache->buckets ? 0 : -1;
}

void tls_cache_put(struct tls_cache *cache, const uint8_t key[TLS_CACHE_KEY_BYTES], int64_t from,
		   int64_t until, struct tls_chain *chain)
{
	struct entry *entry = find(cache, key);

	if (entry)
		drop(cache, entry);
	if (from >= until || make_buckets(cache) < 0)
		return;
	entry = malloc(sizeof(*entry));
	if (!entry)
		return;
	if (cache->count == TLS_CACHE_ENTRIES)
		drop(cache, container_of(cache->recent.next, struct entry, in_recent));
	memcpy(entry->key, key, TLS_CACHE_KEY_BYTES);
	entry->from = from;
	entry->until = until;
	entry->chain = tls_chain_ref(chain);
	list_add_tail(bucket_of(cache, key), &entry->in_bucket);
	list_add_tail(&cache->recent, &entry->in_recent);
	cache->count++;
}
