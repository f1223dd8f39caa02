// SPDX-License-Identifier: Apache-2.0
/* openssl s_client: 3.0 in Debian 12, 3.5 in Debian 13. */
#include "selftests/interop/interop.h"

SUITE("openssl", NEEDS(NEED_NETNS), PROGRAMS("openssl"), .deadline_ms = INTEROP_DEADLINE_MS);

static const struct interop_peer s_client = {.file = "openssl.sh", .typed = true};

CASES(struct e2e_case, engines, E2E_ENGINES);
CASES(struct e2e_case, rekeying, INTEROP_REKEYING);
/* clang-format off */
CASES(struct interop_rekey, rekeys,
      {.name = "k", .command = "k\n", .times = 32},
      {.name = "K", .command = "K\n", .times = 32});
/* clang-format on */

TEST_CASES(up, engines)
{
	interop_transfer(&s_client, INTEROP_UP, variant);
}

TEST_CASES(down, engines)
{
	interop_transfer(&s_client, INTEROP_DOWN, variant);
}

TEST_MATRIX(rekey_up, rekeying, rekeys)
{
	interop_rekey(&s_client, INTEROP_UP, row, column);
}

TEST_MATRIX(rekey_down, rekeying, rekeys)
{
	interop_rekey(&s_client, INTEROP_DOWN, row, column);
}

TEST_CASES(rekey_cuts_up, rekeys, NEEDS(NEED_NO_REKEY))
{
	interop_rekey_cuts(&s_client, INTEROP_UP, variant);
}

TEST_CASES(rekey_cuts_down, rekeys, NEEDS(NEED_NO_REKEY))
{
	interop_rekey_cuts(&s_client, INTEROP_DOWN, variant);
}

TEST_CASES(upstream_ends, engines)
{
	interop_upstream_ends(&s_client, variant);
}
