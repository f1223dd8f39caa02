/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endless streams of bytes that tell their own position, so that a receiver knows not only that
 * something is wrong but whether bytes were lost, repeated, reordered or never sent.
 *
 * The 8-byte word number i of a stream is start + i * step modulo 2^64 with an odd step: one
 * addition a word to make and to check, and one multiplication leads from a word back to i.
 */
#ifndef SELFTESTS_LIB_PAYLOAD_H
#define SELFTESTS_LIB_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct payload {
	uint64_t start;
	uint64_t position; /* bytes made or checked so far */
	char fault[160];   /* first thing that was wrong, "" if nothing was */
};

/** payload_init() - both ends give the same seed (test_seed()) and stream number. */
void payload_init(struct payload *payload, uint64_t seed, uint32_t stream);

/** payload_fill() - the next @len bytes of the stream. */
void payload_fill(struct payload *payload, void *buf, size_t len);

/** payload_check() - are these the next @len bytes? False from the first fault on. */
bool payload_check(struct payload *payload, const void *buf, size_t len);

/** payload_has_word() - is @word, eight bytes as they lie in memory, among the first @bytes? */
bool payload_has_word(const struct payload *payload, uint64_t word, uint64_t bytes);

#endif
