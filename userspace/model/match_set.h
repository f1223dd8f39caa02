/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of one list of a match: byte strings that are found by hash, however many there are, and
 * a few patterns that are tried one by one. Filled when the configuration is loaded, then only asked.
 *
 * Entries and questions have the same form: who fills it and who asks (model/match) agree on it. The
 * hash is keyed, because lists are generated from names that strangers have chosen.
 */
#ifndef SLUICE_MODEL_MATCH_SET_H
#define SLUICE_MODEL_MATCH_SET_H

#include "base/siphash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MATCH_SET_MARKS 192

struct match_set;

/** match_set_new() - an empty one. @key: SIPHASH_KEY_BYTES, copied. Returns: NULL without memory. */
struct match_set *match_set_new(const uint8_t *key);
void match_set_free(struct match_set *set);

/** match_set_add() - an entry, copied; one that is there already is nothing. Returns: 0, -ENOMEM, -E2BIG. */
int match_set_add(struct match_set *set, const void *bytes, size_t len);

/** match_set_add_pattern() - a text for match_set_pattern(), copied. Returns: 0 or -ENOMEM. */
int match_set_add_pattern(struct match_set *set, const char *text);

/**
 * match_set_has() - is it an entry?
 * @work: counts the entries that it was compared with, or NULL.
 */
bool match_set_has(const struct match_set *set, const void *bytes, size_t len, uint64_t *work);

/**
 * match_set_mark() - a note beside the entries, one of MATCH_SET_MARKS: which lengths of prefixes there
 * are, so that only these are asked for.
 */
void match_set_mark(struct match_set *set, unsigned int mark);
bool match_set_is_marked(const struct match_set *set, unsigned int mark);

size_t match_set_count(const struct match_set *set);
size_t match_set_patterns(const struct match_set *set);
const char *match_set_pattern(const struct match_set *set, size_t index);

#endif
