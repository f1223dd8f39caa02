// SPDX-License-Identifier: Apache-2.0
/* How many sessions fit into a number of descriptors. */
#include "selftests/harness/harness.h"

#include "daemon/descriptors.h"

SUITE("descriptors");

struct limit_case {
	VARIANT;
	enum config_offload offload;
	size_t files, sessions;
};

/* 34 are the process's own here: 32 and two addresses. */
CASES(struct limit_case, limits,
      {.name = "copy", .offload = OFFLOAD_OFF, .files = 1034, .sessions = 500},
      {.name = "splice", .offload = OFFLOAD_AUTO, .files = 1034, .sessions = 166},
      {.name = "require", .offload = OFFLOAD_REQUIRE, .files = 634, .sessions = 100},
      {.name = "hardly-any", .offload = OFFLOAD_AUTO, .files = 40, .sessions = 1},
      {.name = "too-few", .offload = OFFLOAD_OFF, .files = 3, .sessions = 1});

TEST_CASES(sessions_fit, limits)
{
	struct addr addrs[2] = {};
	struct config_listener listener = {
		.addrs = addrs, .n_addrs = 2, .offload = variant->offload};
	const struct config config = {.listeners = &listener, .n_listeners = 1};

	CHECK_EQ(descriptors_allow(&config, variant->files), variant->sessions);
}
