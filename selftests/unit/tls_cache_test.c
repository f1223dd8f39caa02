// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "sys/tls_cache.h"
#include "sys/tls_chain.h"

#include <string.h>

SUITE("tls_cache");

#define NOW 1000000

static const uint8_t *key_of(unsigned int number)
{
	static uint8_t key[TLS_CACHE_KEY_BYTES];

	memset(key, 7, sizeof(key));
	memcpy(key, &number, sizeof(number));
	return key;
}

static void put(struct tls_cache *cache, unsigned int number, int64_t from, int64_t until)
{
	struct tls_chain *chain = tls_chain_new(&number, sizeof(number));

	MUST(chain);
	tls_cache_put(cache, key_of(number), from, until, chain);
	tls_chain_unref(chain);
}

static bool has(struct tls_cache *cache, unsigned int number, int64_t now)
{
	struct tls_chain *chain = tls_cache_find(cache, key_of(number), now);
	size_t len = 0;

	if (chain) {
		CHECK_EQ(memcmp(tls_chain_der(chain, &len), &number, sizeof(number)), 0);
		CHECK_EQ(len, sizeof(number));
	}
	return chain != NULL;
}

TEST(it_holds_in_its_time_only)
{
	struct tls_cache cache;

	tls_cache_init(&cache);
	CHECK(!has(&cache, 1, NOW));
	put(&cache, 1, NOW - 5, NOW + 5);
	CHECK(has(&cache, 1, NOW - 5));
	CHECK(has(&cache, 1, NOW + 4));
	CHECK(!has(&cache, 2, NOW));
	CHECK(!has(&cache, 1, NOW + 5));
	CHECK_EQ(cache.count, 0);
	/* The clock was set back. */
	put(&cache, 1, NOW - 5, NOW + 5);
	CHECK(!has(&cache, 1, NOW - 6));
	CHECK_EQ(cache.count, 0);
	put(&cache, 1, NOW, NOW);
	CHECK_EQ(cache.count, 0);
	tls_cache_done(&cache);
}

TEST(the_last_answer_counts)
{
	struct tls_cache cache;

	tls_cache_init(&cache);
	put(&cache, 1, NOW, NOW + 5);
	put(&cache, 1, NOW, NOW + 10);
	CHECK_EQ(cache.count, 1);
	CHECK(has(&cache, 1, NOW + 7));
	tls_cache_done(&cache);
}

TEST(it_is_bounded_and_forgets_what_nobody_asks_for)
{
	struct tls_cache cache;

	tls_cache_init(&cache);
	for (unsigned int i = 0; i < TLS_CACHE_ENTRIES; i++)
		put(&cache, i, NOW, NOW + 5);
	CHECK_EQ(cache.count, TLS_CACHE_ENTRIES);
	CHECK(has(&cache, 0, NOW));
	put(&cache, TLS_CACHE_ENTRIES, NOW, NOW + 5);
	CHECK_EQ(cache.count, TLS_CACHE_ENTRIES);
	CHECK(has(&cache, 0, NOW));
	CHECK(!has(&cache, 1, NOW));
	CHECK(has(&cache, 2, NOW));
	CHECK(has(&cache, TLS_CACHE_ENTRIES, NOW));
	tls_cache_done(&cache);
}

TEST(a_chain_outlives_the_cache)
{
	struct tls_cache cache;
	struct tls_chain *chain;
	size_t len = 0;

	tls_cache_init(&cache);
	put(&cache, 1, NOW, NOW + 5);
	chain = tls_chain_ref(tls_cache_find(&cache, key_of(1), NOW));
	tls_cache_done(&cache);
	MUST(chain);
	CHECK_EQ(*tls_chain_der(chain, &len), 1);
	CHECK_EQ(len, sizeof(unsigned int));
	tls_chain_unref(chain);
	tls_chain_unref(NULL);
	CHECK(!tls_chain_ref(NULL));
}

/* SHA-256 of "abc", FIPS 180-2. */
TEST(a_chain_has_a_hash)
{
	static const uint8_t expected[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
					   0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
					   0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
					   0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
	struct tls_chain *chain = tls_chain_new("abc", 3);

	MUST(chain);
	CHECK_EQ(memcmp(tls_chain_hash(chain), expected, sizeof(expected)), 0);
	tls_chain_unref(chain);
}
