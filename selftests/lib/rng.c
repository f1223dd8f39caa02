// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/rng.h"

void rng_init(struct rng *rng, uint64_t seed)
{
	rng->state = seed;
	/* The first output of a small seed is as good as any, but let nobody wonder. */
	rng->state = rng_next(rng);
}

uint64_t rng_next(struct rng *rng)
{
	uint64_t x = rng->state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

uint64_t rng_below(struct rng *rng, uint64_t n)
{
	return rng_next(rng) % n;
}

bool rng_one_in(struct rng *rng, uint64_t n)
{
	return rng_below(rng, n) == 0;
}

uint64_t rng_log(struct rng *rng, uint64_t max)
{
	unsigned int bits = 64 - (unsigned int)__builtin_clzll(max);
	uint64_t below = (uint64_t)1 << (1 + rng_below(rng, bits));
	uint64_t n = below / 2 + rng_below(rng, below / 2);

	return n < max ? n : max;
}
