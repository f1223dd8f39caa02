/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other people's TLS in front of the daemon: real programs as clients of mode: terminate.
 *
 * A peer is a program of selftests/interop/peers that copies its stdin to the server and what the
 * server sends to its stdout. The test holds the other ends and has an upstream behind the daemon, so
 * that payload is checked by position and by sha256 at both ends whatever the program is written in.
 *
 *	payload -> stdin [program] ==TLS==> sluice -> upstream	(up; down is the way back)
 *
 * Environment: SIZE, how much goes each way, default 64MiB.
 */
#ifndef SELFTESTS_INTEROP_INTEROP_H
#define SELFTESTS_INTEROP_INTEROP_H

#include "selftests/e2e/e2e.h"

#define INTEROP_DEADLINE_MS 240000

enum interop_direction { INTEROP_UP, INTEROP_DOWN };

/** FILE PORT PKI VERSION [REKEY_BYTES] */
struct interop_peer {
	const char *file;
	bool typed; /* its input has commands, at the beginning of a line that it reads at once */
	bool impolite; /* once the server has ended it goes without a close_notify */
};

/** How the peer comes to change its keys in the middle of a transfer. */
struct interop_rekey {
	VARIANT;
	const char *command; /* typed; NULL: the program does it on its own after REKEY_BYTES */
	unsigned int times;
};

/* clang-format off */
/** Engines that can follow a KeyUpdate. */
#define INTEROP_REKEYING                                                                           \
	{.name = "copy", .engine = E2E_COPY, .version = TLS1_3_VERSION},                           \
	{.name = "splice", .needs = NEED_KTLS | NEED_KTLS_REKEY, .engine = E2E_SPLICE,             \
	 .version = TLS1_3_VERSION}
/* clang-format on */

/** interop_transfer() - SIZE in one direction, then the peer ends and the upstream follows. */
void interop_transfer(const struct interop_peer *peer, enum interop_direction direction,
		      const struct e2e_case *c);

/** interop_rekey() - the same with new keys again and again. */
void interop_rekey(const struct interop_peer *peer, enum interop_direction direction,
		   const struct e2e_case *c, const struct interop_rekey *rekey);

/**
 * interop_rekey_cuts() - a kernel that cannot follow: what came before is delivered, then both sides
 * are reset and the log says why.
 */
void interop_rekey_cuts(const struct interop_peer *peer, enum interop_direction direction,
			const struct interop_rekey *rekey);

/** interop_upstream_ends() - some bytes, then the upstream is the first to end. */
void interop_upstream_ends(const struct interop_peer *peer, const struct e2e_case *c);

#endif
