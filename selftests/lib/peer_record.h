/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer's script sends beside its data: messages behind the handshake, and, where the peer makes
 * its records itself (peer->raw), records as no library would make them. For peer.c.
 */
#ifndef SELFTESTS_LIB_PEER_RECORD_H
#define SELFTESTS_LIB_PEER_RECORD_H

#include "selftests/lib/peer.h"

/** peer_record_step() - PEER_TICKETS to PEER_DAMAGED. Returns: 0 or -errno. */
int peer_record_step(struct peer *peer, const struct peer_step *step);

/** peer_record_data() - one record with the first bytes of @buf, waiting. Returns: bytes or -errno. */
ssize_t peer_record_data(struct peer *peer, const void *buf, size_t len);

/** peer_record_close_notify() - Returns: 0 or -errno. */
int peer_record_close_notify(struct peer *peer);

#endif
