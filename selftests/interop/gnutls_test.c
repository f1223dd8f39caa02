// SPDX-License-Identifier: Apache-2.0
/* gnutls-cli. */
#include "selftests/interop/interop.h"

SUITE("gnutls", NEEDS(NEED_NETNS), PROGRAMS("gnutls-cli"), .deadline_ms = INTEROP_DEADLINE_MS);

static const struct interop_peer gnutls_cli = {
	.file = "gnutls.sh", .typed = true, .impolite = true};

CASES(struct e2e_case, engines, E2E_ENGINES);
CASES(struct e2e_case, rekeying, INTEROP_REKEYING);
/* GnuTLS itself takes eight KeyUpdates a second, and every answer is one. */
/* clang-format off */
CASES(struct interop_rekey, rekeys,
      {.name = "rekey1", .command = "^rekey1^\n", .times = 32},
      {.name = "rekey", .command = "^rekey^\n", .times = 6});
/* clang-format on */

TEST_CASES(up, engines)
{
	interop_transfer(&gnutls_cli, INTEROP_UP, variant);
}

TEST_CASES(down, engines)
{
	interop_transfer(&gnutls_cli, INTEROP_DOWN, variant);
}

TEST_MATRIX(rekey_up, rekeying, rekeys)
{
	interop_rekey(&gnutls_cli, INTEROP_UP, row, column);
}

TEST_MATRIX(rekey_down, rekeying, rekeys)
{
	interop_rekey(&gnutls_cli, INTEROP_DOWN, row, column);
}

TEST_CASES(rekey_cuts_up, rekeys, NEEDS(NEED_NO_REKEY))
{
	interop_rekey_cuts(&gnutls_cli, INTEROP_UP, variant);
}

TEST_CASES(rekey_cuts_down, rekeys, NEEDS(NEED_NO_REKEY))
{
	interop_rekey_cuts(&gnutls_cli, INTEROP_DOWN, variant);
}

TEST_CASES(upstream_ends, engines)
{
	interop_upstream_ends(&gnutls_cli, variant);
}
