// SPDX-License-Identifier: Apache-2.0
/*
 * Input: a key, then a list of entries as a file has them. What is loaded is held against the same
 * entries found in another way, and added one by one.
 */
#include "selftests/fuzz/fuzz.h"

#include "daemon/bundle_internal.h"
#include "daemon/confload_internal.h"

#include <errno.h>
#include <string.h>

static const uint8_t hash_key[SIPHASH_KEY_BYTES] = "fuzz";
static struct confile *confile;

static const char *no_variable(void *arg, const char *name)
{
	(void)arg, (void)name;
	return NULL;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct report report;

	(void)argc, (void)argv;
	report_init(&report);
	MUST_HOLD(confile_parse("workers: 1\n", 11, no_variable, NULL, &report, &confile) == 0);
	report_done(&report);
	return 0;
}

/* Backwards, one byte after the other. Returns: how many are none. */
static size_t add_backwards(struct match_set *set, enum match_key key, const char *text, size_t len)
{
	size_t end = len, bad = 0;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3, end -= 3;
	for (size_t at = end + 1; at-- > 0;) {
		struct confload_problem problem;
		char entry[IDENTITY_NAME_MAX + 2] = "";
		size_t from = at, to = end;

		if (at > 0 && text[at - 1] != '\n')
			continue;
		end = at > 0 ? at - 1 : 0;
		while (from < to && strchr(" \t\r", text[from]) && text[from])
			from++;
		while (to > from && strchr(" \t\r", text[to - 1]) && text[to - 1])
			to--;
		if (from == to || text[from] == '#')
			continue;
		memcpy(entry, text + from,
		       to - from < sizeof(entry) ? to - from : sizeof(entry) - 1);
		entry[sizeof(entry) - 1] = '\0';
		bad += strlen(entry) < to - from ||
		       strpbrk(entry, "\1\2\3\4\5\6\7\b\t\n\v\f\r\16\17"
				      "\20\21\22\23\24\25\26\27\30\31"
				      "\32\33\34\35\36\37\177") ||
		       !confile_is_utf8(entry) ||
		       confload_entry_add(set, key, entry, &problem) != 0;
	}
	return bad;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char source[] = "file:list";
	struct bundle_item item = {.name = source};
	struct bundle bundle = {.secrets = {.list = &item, .count = 1}};
	struct match_set *loaded = match_set_new(hash_key), *again = match_set_new(hash_key);
	struct confload load = {.bundle = &bundle, .confile = confile};
	struct report report;
	enum match_key key;
	size_t bad;

	MUST_HOLD(loaded && again);
	key = size > 0 ? data[0] % MATCH_KEYS : 0;
	item.len = size > 0 ? size - 1 : 0;
	item.data = malloc(item.len + 1);
	MUST_HOLD(item.data);
	memcpy(item.data, size > 0 ? data + 1 : data, item.len);
	item.data[item.len] = '\0';
	report_init(&report);
	load.report = &report;
	MUST_HOLD(confload_list_add(&load, &(struct confload_field){"workers"}, key, source,
				    loaded) == 0);
	bad = add_backwards(again, key, item.data, item.len);
	MUST_HOLD((bad > 0) == (report.n_mistakes == 1));
	MUST_HOLD(match_set_count(loaded) == match_set_count(again));
	MUST_HOLD(match_set_patterns(loaded) == match_set_patterns(again));
	match_set_free(loaded);
	match_set_free(again);
	free(item.data);
	report_done(&report);
	return 0;
}
