// SPDX-License-Identifier: Apache-2.0
/* Node's tls module, which never changes its keys. */
#include "selftests/interop/interop.h"

SUITE("node", NEEDS(NEED_NETNS), PROGRAMS("node"), .deadline_ms = INTEROP_DEADLINE_MS);

static const struct interop_peer node = {.file = "node.mjs"};

CASES(struct e2e_case, engines, E2E_ENGINES);

TEST_CASES(up, engines)
{
	interop_transfer(&node, INTEROP_UP, variant);
}

TEST_CASES(down, engines)
{
	interop_transfer(&node, INTEROP_DOWN, variant);
}

TEST_CASES(upstream_ends, engines)
{
	interop_upstream_ends(&node, variant);
}
