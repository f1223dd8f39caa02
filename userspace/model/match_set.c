// SPDX-License-Identifier: Apache-2.0
/*
 * Open addressing, at most half full. The entries' bytes stand one behind the other; a slot has the
 * rest of the hash too, so that almost every comparison of bytes is one that finds its entry.
 */
#include "model/match_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 8 /* a list of one to four entries, as most are */

struct entry {
	uint32_t at; /* in bytes */
	uint32_t len;
};

struct slot {
	uint32_t hash;
	uint32_t entry; /* index + 1; 0: free */
};

struct match_set {
	uint8_t key[SIPHASH_KEY_BYTES];
	unsigned char *bytes;
	size_t used, size;
	struct entry *entries;
	size_t n_entries, room;
	struct slot *slots;
	size_t n_slots; /* a power of two */
	char **patterns;
	size_t n_patterns;
	uint64_t marks[MATCH_SET_MARKS / 64];
};

struct match_set *match_set_new(const uint8_t *key)
{
	struct match_set *set = calloc(1, sizeof(*set));

	if (set)
		memcpy(set->key, key, sizeof(set->key));
	return set;
}

void match_set_free(struct match_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->n_patterns; i++)
		free(set->patterns[i]);
	free(set->patterns);
	free(set->bytes);
	free(set->entries);
	free(set->slots);
	free(set);
}

static uint32_t hash_of(const struct match_set *set, const void *bytes, size_t len)
{
	return (uint32_t)siphash(set->key, bytes, len);
}

static bool is_at(const struct match_set *set, const struct slot *slot, uint32_t hash,
		  const void *bytes, size_t len, uint64_t *work)
{
	const struct entry *entry = &set->entries[slot->entry - 1];

	if (slot->hash != hash)
		return false;
	if (work)
		++*work;
	return entry->len == len && (len == 0 || memcmp(set->bytes + entry->at, bytes, len) == 0);
}

/* Returns: the slot that has it, or the free one where it belongs. */
static struct slot *find(const struct match_set *set, uint32_t hash, const void *bytes, size_t len,
			 uint64_t *work)
{
	size_t at = hash & (set->n_slots - 1);

	while (set->slots[at].entry != 0 && !is_at(set, &set->slots[at], hash, bytes, len, work))
		at = (at + 1) & (set->n_slots - 1);
	return &set->slots[at];
}

static int grow_slots(struct match_set *set)
{
	size_t n = set->n_slots ? 2 * set->n_slots : SLOTS_MIN;
	struct slot *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < set->n_slots; i++) {
		size_t at = set->slots[i].hash & (n - 1);

		if (set->slots[i].entry == 0)
			continue;
		while (slots[at].entry != 0)
			at = (at + 1) & (n - 1);
		slots[at] = set->slots[i];
	}
	free(set->slots);
	set->slots = slots;
	set->n_slots = n;
	return 0;
}

static int grow_entries(struct match_set *set)
{
	size_t room = set->room ? 2 * set->room : SLOTS_MIN / 2;
	struct entry *entries = reallocarray(set->entries, room, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	set->entries = entries;
	set->room = room;
	return 0;
}

static int grow_bytes(struct match_set *set, size_t len)
{
	size_t size = set->size ? 2 * set->size : 64;
	unsigned char *bytes;

	while (size < set->used + len)
		size *= 2;
	if (size > UINT32_MAX)
		return -E2BIG;
	bytes = realloc(set->bytes, size);
	if (!bytes)
		return -ENOMEM;
	set->bytes = bytes;
	set->size = size;
	return 0;
}

int match_set_add(struct match_set *set, const void *bytes, size_t len)
{
	uint32_t hash = hash_of(set, bytes, len);
	struct slot *slot;
	int r = 0;

	if (len > UINT32_MAX / 4 || set->n_entries >= UINT32_MAX / 4)
		return -E2BIG;
	if (2 * (set->n_entries + 1) > set->n_slots)
		r = grow_slots(set);
	if (r == 0 && set->n_entries == set->room)
		r = grow_entries(set);
	if (r == 0 && set->used + len > set->size)
		r = grow_bytes(set, len);
	if (r < 0)
		return r;
	slot = find(set, hash, bytes, len, NULL);
	if (slot->entry != 0)
		return 0;
	set->entries[set->n_entries] =
		(struct entry){.at = (uint32_t)set->used, .len = (uint32_t)len};
	if (len > 0)
		memcpy(set->bytes + set->used, bytes, len);
	set->used += len;
	*slot = (struct slot){.hash = hash, .entry = (uint32_t)++set->n_entries};
	return 0;
}

int match_set_add_pattern(struct match_set *set, const char *text)
{
	char **patterns = reallocarray(set->patterns, set->n_patterns + 1, sizeof(*patterns));
	char *copy = strdup(text);

	if (patterns)
		set->patterns = patterns;
	if (!patterns || !copy) {
		free(copy);
		return -ENOMEM;
	}
	patterns[set->n_patterns++] = copy;
	return 0;
}

bool match_set_has(const struct match_set *set, const void *bytes, size_t len, uint64_t *work)
{
	if (set->n_slots == 0)
		return false;
	return find(set, hash_of(set, bytes, len), bytes, len, work)->entry != 0;
}

void match_set_mark(struct match_set *set, unsigned int mark)
{
	set->marks[mark / 64] |= UINT64_C(1) << mark % 64;
}

bool match_set_is_marked(const struct match_set *set, unsigned int mark)
{
	return set->marks[mark / 64] >> mark % 64 & 1;
}

size_t match_set_count(const struct match_set *set)
{
	return set->n_entries;
}

size_t match_set_patterns(const struct match_set *set)
{
	return set->n_patterns;
}

const char *match_set_pattern(const struct match_set *set, size_t index)
{
	return set->patterns[index];
}
