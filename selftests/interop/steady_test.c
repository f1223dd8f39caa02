// SPDX-License-Identifier: Apache-2.0
/* Node's tls module and Python's ssl module, which never change their keys. */
#include "selftests/interop/interop.h"

SUITE("steady", NEEDS(NEED_NETNS), PROGRAMS("node python3"), .deadline_ms = INTEROP_DEADLINE_MS);

struct steady_case {
	VARIANT;
	struct interop_peer peer;
};

CASES(struct steady_case, peers, {.name = "node", .peer = {.file = "node.mjs"}},
      {.name = "python", .peer = {.file = "python.py"}});
CASES(struct e2e_case, engines, E2E_ENGINES);

TEST_MATRIX(up, peers, engines)
{
	interop_transfer(&row->peer, INTEROP_UP, column);
}

TEST_MATRIX(down, peers, engines)
{
	interop_transfer(&row->peer, INTEROP_DOWN, column);
}

TEST_MATRIX(upstream_ends, peers, engines)
{
	interop_upstream_ends(&row->peer, column);
}
