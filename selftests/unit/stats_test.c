// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "model/stats.h"

#include <string.h>

SUITE("stats");

TEST(every_counter_has_a_name_of_its_own)
{
	for (int i = 0; i < STAT_COUNT; i++) {
		const char *name = stats_name(i);

		MUST(name && name[0], "counter %d", i);
		CHECK_EQ(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name), "%s", name);
		for (int other = 0; other < i; other++)
			CHECK(strcmp(name, stats_name(other)) != 0, "%s twice", name);
	}
	CHECK_STR(stats_name(STAT_ACCEPTED), "accepted");
	CHECK_STR(stats_name(STAT_DRAIN_CUT), "drain_cut");
}

TEST(counters_are_apart)
{
	struct stats stats = {};

	for (int i = 0; i < STAT_COUNT; i++)
		stats_add(&stats, i, (uint64_t)i + 1);
	stats_add(&stats, STAT_BYTES_IN_COPY, UINT64_C(1) << 40);
	stats_sub(&stats, STAT_CONNECTIONS, 1);
	for (int i = 0; i < STAT_COUNT; i++) {
		uint64_t want = (uint64_t)i + 1;

		if (i == STAT_BYTES_IN_COPY)
			want += UINT64_C(1) << 40;
		if (i == STAT_CONNECTIONS)
			want--;
		CHECK_EQ(stats_get(&stats, i), want, "%s", stats_name(i));
	}
}

TEST(only_the_present_is_a_gauge)
{
	size_t gauges = 0;

	for (int i = 0; i < STAT_COUNT; i++)
		gauges += stats_is_gauge(i);
	CHECK_EQ(gauges, 4);
	CHECK(stats_is_gauge(STAT_CONNECTIONS));
	CHECK(stats_is_gauge(STAT_HANDSHAKES));
	CHECK(stats_is_gauge(STAT_HELD_IN));
	CHECK(stats_is_gauge(STAT_HELD_OUT));
}
