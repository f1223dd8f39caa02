// SPDX-License-Identifier: Apache-2.0
/* How long a worker has for a reload. */
#include "selftests/harness/harness.h"

#include "daemon/workers_internal.h"

SUITE("workers_reload");

struct recheck {
	VARIANT;
	uint64_t sessions, ms;
};

CASES(struct recheck, rechecks, {.name = "none", .sessions = 0, .ms = 10000},
      {.name = "many", .sessions = 20000, .ms = 410000},
      {.name = "a-lie", .sessions = UINT64_MAX, .ms = 20010000});

TEST_CASES(more_sessions_have_more_time, rechecks)
{
	CHECK_EQ(workers_recheck_limit_ms(variant->sessions), variant->ms);
}
