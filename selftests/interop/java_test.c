// SPDX-License-Identifier: Apache-2.0
/* Java's SSLSocket, which changes its keys on its own when they have carried enough. */
#include "selftests/interop/interop.h"

SUITE("java", NEEDS(NEED_NETNS), PROGRAMS("java"), .deadline_ms = INTEROP_DEADLINE_MS);

static const struct interop_peer java = {.file = "java.sh"};

CASES(struct e2e_case, engines, E2E_ENGINES);
CASES(struct e2e_case, rekeying, INTEROP_REKEYING);
/* It asks for an answer each time. */
CASES(struct interop_rekey, rekeys, {.name = "key_limits", .times = 32});

TEST_CASES(up, engines)
{
	interop_transfer(&java, INTEROP_UP, variant);
}

TEST_CASES(down, engines)
{
	interop_transfer(&java, INTEROP_DOWN, variant);
}

TEST_MATRIX(rekey_up, rekeying, rekeys)
{
	interop_rekey(&java, INTEROP_UP, row, column);
}

TEST_MATRIX(rekey_down, rekeying, rekeys)
{
	interop_rekey(&java, INTEROP_DOWN, row, column);
}

TEST_CASES(rekey_cuts_up, rekeys, NEEDS(NEED_NO_REKEY))
{
	interop_rekey_cuts(&java, INTEROP_UP, variant);
}

TEST_CASES(rekey_cuts_down, rekeys, NEEDS(NEED_NO_REKEY))
{
	interop_rekey_cuts(&java, INTEROP_DOWN, variant);
}

TEST_CASES(upstream_ends, engines)
{
	interop_upstream_ends(&java, variant);
}
