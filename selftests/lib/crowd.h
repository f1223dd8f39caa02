/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many sessions through one daemon, all driven by the test's own thread: each has a TLS client and
 * the upstream's end of it. Failures end the test.
 */
#ifndef SELFTESTS_LIB_CROWD_H
#define SELFTESTS_LIB_CROWD_H

#include "selftests/lib/peer.h"
#include "selftests/lib/tlsclient.h"

struct crowd_member {
	struct tlsclient tls;
	struct peer client, upstream;
};

struct crowd {
	struct crowd_member *members;
	size_t n, room;
	int listen_fd;	   /* the upstream */
	char endpoint[64]; /* of it, quoted for the configuration */
};

/** crowd_open() - the upstream of at most @room sessions; descriptors for them are seen to. */
void crowd_open(struct crowd *crowd, size_t room);

/** crowd_join() - one more session; bytes have gone through it both ways. */
void crowd_join(struct crowd *crowd, const struct addr *to,
		const struct tlsclient_options *options);

/** crowd_flood() - everybody sends to everybody's other end and nobody reads, until all is full. */
void crowd_flood(struct crowd *crowd);

/** crowd_drain() - everything that was sent is received and checked. */
void crowd_drain(struct crowd *crowd);

/** crowd_close() - close every socket without a word; the upstream too. */
void crowd_close(struct crowd *crowd);

#endif
