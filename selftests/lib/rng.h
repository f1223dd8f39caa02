/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers that a seed repeats (splitmix64): for tests that draw what they do.
 */
#ifndef SELFTESTS_LIB_RNG_H
#define SELFTESTS_LIB_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

/** rng_init() - neighbouring seeds give streams that have nothing in common. */
void rng_init(struct rng *rng, uint64_t seed);

uint64_t rng_next(struct rng *rng);

/** rng_below() - 0 to @n - 1; @n is small against 2^64, so that the bias is none. */
uint64_t rng_below(struct rng *rng, uint64_t n);

/** rng_one_in() - true once in @n. */
bool rng_one_in(struct rng *rng, uint64_t n);

/** rng_log() - 1 to @max, every order of magnitude as often as any other. */
uint64_t rng_log(struct rng *rng, uint64_t max);

#endif
