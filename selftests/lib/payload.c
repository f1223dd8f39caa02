// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/payload.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WORD	 sizeof(uint64_t)
#define STEP	 0x9e3779b97f4a7c15ULL
#define UNSTEP	 0xf1de83e19937733dULL /* STEP * UNSTEP == 1 modulo 2^64 */
#define FARTHEST ((uint64_t)1 << 40)   /* a position beyond is no position: chance or damage */

_Static_assert(STEP *UNSTEP == 1, "UNSTEP is the inverse of STEP");

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

void payload_init(struct payload *payload, uint64_t seed, uint32_t stream)
{
	*payload = (struct payload){.start = mix(seed + stream * STEP)};
}

static uint64_t word_at(const struct payload *payload, uint64_t position)
{
	return payload->start + position / WORD * STEP;
}

/* Bytes up to the next word, at most @len. */
static size_t head_len(uint64_t position, size_t len)
{
	size_t head = (size_t)(-position % WORD);

	return head < len ? head : len;
}

static void fill_part(const struct payload *payload, uint64_t position, uint8_t *out, size_t len)
{
	uint64_t word = word_at(payload, position);

	memcpy(out, (const uint8_t *)&word + position % WORD, len);
}

void payload_fill(struct payload *payload, void *buf, size_t len)
{
	uint8_t *out = buf;
	size_t head = head_len(payload->position, len);
	size_t words = (len - head) / WORD, tail = (len - head) % WORD;
	uint64_t word;

	fill_part(payload, payload->position, out, head);
	payload->position += head;
	out += head;
	word = word_at(payload, payload->position);
	for (size_t i = 0; i < words; i++, word += STEP, out += WORD)
		memcpy(out, &word, WORD);
	payload->position += words * WORD;
	fill_part(payload, payload->position, out, tail);
	payload->position += tail;
}

/* Where in the stream do these bytes come from? Two words in a row have to agree. */
static bool find_position(const struct payload *payload, const uint8_t *in, size_t len,
			  uint64_t *ret_position)
{
	for (size_t skip = 0; skip < WORD && skip + 2 * WORD <= len; skip++) {
		uint64_t first, second, index;

		memcpy(&first, in + skip, WORD);
		memcpy(&second, in + skip + WORD, WORD);
		index = (first - payload->start) * UNSTEP;
		if (second - first != STEP || index > FARTHEST / WORD || index * WORD < skip)
			continue;
		*ret_position = index * WORD - skip;
		return true;
	}
	return false;
}

bool payload_has_word(const struct payload *payload, uint64_t word, uint64_t bytes)
{
	return (word - payload->start) * UNSTEP < bytes / WORD;
}

static bool comes_later(const struct payload *payload, uint64_t position, const uint8_t *in,
			size_t len)
{
	uint8_t wanted[2 * WORD];

	for (size_t i = 0; i < 2; i++)
		memcpy(wanted + i * WORD, &(uint64_t){word_at(payload, position + (i + 1) * WORD)},
		       WORD);
	return memmem(in, len, wanted, sizeof(wanted)) != NULL;
}

static void describe(struct payload *payload, uint64_t expected, const uint8_t *in, size_t len)
{
	uint64_t found;
	int n = snprintf(payload->fault, sizeof(payload->fault), "at byte %" PRIu64 ": ", expected);
	char *text = payload->fault + n;
	size_t room = sizeof(payload->fault) - (size_t)n;

	if (!find_position(payload, in, len, &found))
		(void)snprintf(text, room, "bytes that are not of this stream (%02x %02x ...)",
			       in[0], len > 1 ? in[1] : 0);
	else if (found == expected)
		(void)snprintf(text, room, "a byte was changed, what follows is right");
	else if (found < expected)
		(void)snprintf(text, room, "repeated from byte %" PRIu64, found);
	else if (comes_later(payload, expected, in, len))
		(void)snprintf(text, room, "reordered: byte %" PRIu64 " comes first", found);
	else
		(void)snprintf(text, room, "%" PRIu64 " bytes lost", found - expected);
}

/* Number of bytes at @in that are right. */
static size_t right_part(const struct payload *payload, uint64_t position, const uint8_t *in,
			 size_t len)
{
	size_t done = 0;

	while (done < len) {
		uint64_t word = word_at(payload, position + done);
		const uint8_t *bytes = (const uint8_t *)&word;

		if (in[done] != bytes[(position + done) % WORD])
			break;
		done++;
	}
	return done;
}

static size_t right_words(const struct payload *payload, uint64_t position, const uint8_t *in,
			  size_t words)
{
	uint64_t wanted = word_at(payload, position), got;
	size_t i;

	for (i = 0; i < words; i++, wanted += STEP) {
		memcpy(&got, in + i * WORD, WORD);
		if (got != wanted)
			break;
	}
	return i;
}

bool payload_check(struct payload *payload, const void *buf, size_t len)
{
	const uint8_t *in = buf;
	size_t head = head_len(payload->position, len), done;

	if (payload->fault[0])
		return false;
	done = right_part(payload, payload->position, in, head);
	if (done == head)
		done += WORD * right_words(payload, payload->position + done, in + done,
					   (len - done) / WORD);
	done += right_part(payload, payload->position + done, in + done, len - done);
	if (done < len)
		describe(payload, payload->position + done, in + done, len - done);
	payload->position += done;
	return done == len;
}
