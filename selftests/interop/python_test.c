// SPDX-License-Identifier: Apache-2.0
/* Python's ssl module, which never changes its keys. */
#include "selftests/interop/interop.h"

SUITE("python", NEEDS(NEED_NETNS), PROGRAMS("python3"), .deadline_ms = INTEROP_DEADLINE_MS);

static const struct interop_peer python = {.file = "python.py"};

CASES(struct e2e_case, engines, E2E_ENGINES);

TEST_CASES(up, engines)
{
	interop_transfer(&python, INTEROP_UP, variant);
}

TEST_CASES(down, engines)
{
	interop_transfer(&python, INTEROP_DOWN, variant);
}

TEST_CASES(upstream_ends, engines)
{
	interop_upstream_ends(&python, variant);
}
