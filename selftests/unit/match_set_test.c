// SPDX-License-Identifier: Apache-2.0
/* Sets of entries: what is in is found, what is not is not, and how much is looked at for it. */
#include "selftests/harness/harness.h"

#include "base/siphash.h"
#include "model/match_net.h"
#include "model/match_set.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

SUITE("match_set", .deadline_ms = 20000);

static const uint8_t key[SIPHASH_KEY_BYTES] = {0, 1, 2,	 3,  4,	 5,  6,	 7,
					       8, 9, 10, 11, 12, 13, 14, 15};

/* The first and the last vectors of the reference implementation, and one across a word. */
TEST(siphash_is_siphash_2_4)
{
	uint8_t bytes[63];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	CHECK_EQ(siphash(key, bytes, 0), 0x726fdb47dd0e0e31);
	CHECK_EQ(siphash(key, bytes, 1), 0x74f839c593dc67fd);
	CHECK_EQ(siphash(key, bytes, 8), (int64_t)0x93f5f5799a932462);
	CHECK_EQ(siphash(key, bytes, 15), (int64_t)0xa129ca6149be45e5);
	CHECK_EQ(siphash(key, bytes, 63), (int64_t)0x958a324ceb064572);
}

TEST(another_key_is_another_hash)
{
	static const uint8_t other[SIPHASH_KEY_BYTES] = {1};

	CHECK_NE(siphash(key, "alice", 5), siphash(other, "alice", 5));
}

static size_t entry(char text[32], unsigned int i)
{
	return (size_t)snprintf(text, 32, "customer-%u.example", i);
}

#define MANY 100000

/* Found or not, a question looks at one or two entries of 100,000. */
TEST(a_question_does_not_depend_on_the_number_of_entries)
{
	struct match_set *set = match_set_new(key);
	uint64_t found_work = 0, missed_work = 0, work;
	unsigned int found = 0, missed = 0;
	char text[32];

	MUST(set);
	for (unsigned int i = 0; i < MANY; i++)
		MUST_EQ(match_set_add(set, text, entry(text, i)), 0);
	CHECK_EQ(match_set_count(set), MANY);
	for (unsigned int i = 0; i < 2 * MANY; i++) {
		bool has;

		work = 0;
		has = match_set_has(set, text, entry(text, i), &work);
		*(has ? &found_work : &missed_work) += work;
		found += has;
		missed += !has;
		CHECK(work <= 3, "%s: %d entries compared", text, (int)work);
	}
	CHECK_EQ(found, MANY);
	CHECK_EQ(missed, MANY);
	/* 32 bits of the hash are compared first, so bytes are compared for what is there. */
	CHECK(found_work <= MANY + MANY / 1000, "%d", (int)found_work);
	CHECK(missed_work <= MANY / 1000, "%d", (int)missed_work);
	match_set_free(set);
}

TEST(an_entry_is_all_of_its_bytes)
{
	struct match_set *set = match_set_new(key);

	MUST(set);
	CHECK(!match_set_has(set, "", 0, NULL));
	MUST_EQ(match_set_add(set, "alice", 5), 0);
	MUST_EQ(match_set_add(set, "alice", 5), 0);
	MUST_EQ(match_set_add(set, "a\0b", 3), 0);
	CHECK_EQ(match_set_count(set), 2);
	CHECK(match_set_has(set, "alice", 5, NULL));
	CHECK(!match_set_has(set, "alice", 6, NULL));
	CHECK(!match_set_has(set, "alic", 4, NULL));
	CHECK(!match_set_has(set, "Alice", 5, NULL));
	CHECK(match_set_has(set, "a\0b", 3, NULL));
	CHECK(!match_set_has(set, "a\0c", 3, NULL));
	CHECK(!match_set_has(set, "a", 1, NULL));
	CHECK(!match_set_has(set, "", 0, NULL));
	MUST_EQ(match_set_add(set, "", 0), 0);
	CHECK(match_set_has(set, "", 0, NULL));
	match_set_free(set);
}

TEST(patterns_keep_their_order)
{
	struct match_set *set = match_set_new(key);

	MUST(set);
	CHECK_EQ(match_set_patterns(set), 0);
	MUST_EQ(match_set_add_pattern(set, "a/*"), 0);
	MUST_EQ(match_set_add_pattern(set, "b/**"), 0);
	MUST_EQ(match_set_patterns(set), 2);
	CHECK_STR(match_set_pattern(set, 1), "b/**");
	CHECK_EQ(match_set_count(set), 0);
	match_set_free(set);
}

/* --- networks --- */

struct net_case {
	VARIANT;
	const char *text;
	int result;
	const char *in[4], *out[4];
};

/* clang-format off */
CASES(struct net_case, nets,
      {.name = "host", .text = "192.0.2.7", .in = {"192.0.2.7", "::ffff:192.0.2.7"}, .out = {"192.0.2.6", "192.0.2.8", "::7", "::c000:207"}},
      {.name = "net", .text = "192.0.2.0/24", .in = {"192.0.2.0", "192.0.2.255"}, .out = {"192.0.3.0", "192.0.1.255"}},
      {.name = "odd_length", .text = "192.0.2.64/27", .in = {"192.0.2.64", "192.0.2.95"}, .out = {"192.0.2.63", "192.0.2.96"}},
      {.name = "all_v4", .text = "0.0.0.0/0", .in = {"255.255.255.255", "::ffff:1.2.3.4"}, .out = {"::1"}},
      {.name = "host_v6", .text = "2001:db8::1", .in = {"2001:DB8:0::1"}, .out = {"2001:db8::2", "1.2.3.4"}},
      {.name = "net_v6", .text = "2001:db8::/33", .in = {"2001:db8:7fff:ffff::"}, .out = {"2001:db8:8000::", "2001:db7::"}},
      {.name = "all_v6", .text = "::/0", .in = {"::1", "ffff::"}, .out = {"1.2.3.4", "::ffff:1.2.3.4"}},
      {.name = "mapped", .text = "::ffff:192.0.2.0/120", .in = {"192.0.2.1", "::ffff:192.0.2.1"}, .out = {"192.0.3.1"}},
      {.name = "bits_behind", .text = "192.0.2.1/24", .result = -ERANGE},
      {.name = "bits_behind_v6", .text = "2001:db8::1/64", .result = -ERANGE},
      {.name = "too_long", .text = "192.0.2.0/33", .result = -EINVAL},
      {.name = "too_long_v6", .text = "::/129", .result = -EINVAL},
      {.name = "no_length", .text = "192.0.2.0/", .result = -EINVAL},
      {.name = "length_with_zero", .text = "192.0.2.0/024", .result = -EINVAL},
      {.name = "negative", .text = "192.0.2.0/-1", .result = -EINVAL},
      {.name = "more_behind", .text = "192.0.2.0/24x", .result = -EINVAL},
      {.name = "mask", .text = "192.0.2.0/255.255.255.0", .result = -EINVAL},
      {.name = "short", .text = "192.0.2/24", .result = -EINVAL},
      {.name = "name", .text = "localhost", .result = -EINVAL},
      {.name = "empty", .text = "", .result = -EINVAL},
      {.name = "scope", .text = "fe80::1%eth0", .result = -EINVAL});
/* clang-format on */

static bool is_in(const struct match_set *set, const char *text)
{
	uint8_t address[16];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	MUST_EQ(inet_pton(family, text, address), 1);
	return match_net_has(set, address, family == AF_INET ? 4 : 16, NULL);
}

TEST_CASES(an_address_is_in_a_network, nets)
{
	struct match_set *set = match_set_new(key);
	struct match_net net;

	MUST(set);
	MUST_EQ(match_net_parse(variant->text, &net), variant->result);
	if (variant->result == 0)
		MUST_EQ(match_net_add(set, &net), 0);
	for (size_t i = 0; i < 4 && variant->in[i]; i++)
		CHECK(is_in(set, variant->in[i]), "%s", variant->in[i]);
	for (size_t i = 0; i < 4 && variant->out[i]; i++)
		CHECK(!is_in(set, variant->out[i]), "%s", variant->out[i]);
	match_set_free(set);
}

/* As many questions as there are lengths, however many networks. */
TEST(networks_are_not_scanned)
{
	struct match_set *set = match_set_new(key);
	struct match_net net;
	uint64_t work = 0;
	char text[32];

	MUST(set);
	for (unsigned int i = 0; i < 60000; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 256, i % 256);
		MUST_EQ(match_net_parse(text, &net), 0);
		MUST_EQ(match_net_add(set, &net), 0);
	}
	MUST_EQ(match_net_parse("172.16.0.0/12", &net), 0);
	MUST_EQ(match_net_add(set, &net), 0);
	CHECK(match_net_has(set, (uint8_t[]){172, 17, 1, 1}, 4, &work));
	CHECK(match_net_has(set, (uint8_t[]){10, 3, 1, 1}, 4, &work));
	CHECK(!match_net_has(set, (uint8_t[]){11, 3, 1, 1}, 4, &work));
	CHECK(work <= 6, "%d entries compared", (int)work);
	CHECK(!match_net_has(set, "12345", 5, NULL));
	match_set_free(set);
}
