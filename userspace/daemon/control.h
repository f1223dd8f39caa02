/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What supervisor and worker say to each other: fixed messages on a SOCK_SEQPACKET pair, each with
 * at most one descriptor.
 */
#ifndef SLUICE_DAEMON_CONTROL_H
#define SLUICE_DAEMON_CONTROL_H

#include <stdint.h>

enum control_type {
	CONTROL_READY,	/* worker: its listeners are served */
	CONTROL_STATUS, /* supervisor asks, argument is the query; worker answers with a memfd */
	CONTROL_DRAIN,	/* supervisor: stop accepting, argument is the time limit in ms */

	/*
	 * A reload; the argument is the new generation's number. The supervisor sends a listening
	 * socket for each address that is new, in the configuration's order, then the bundle. When
	 * every worker has built the generation it says commit, otherwise abandon.
	 */
	CONTROL_LISTEN,	   /* supervisor: a listening socket */
	CONTROL_PREPARE,   /* supervisor: a bundle */
	CONTROL_HEARD,	   /* worker: it is going to build it, so its loop does not hang */
	CONTROL_PREPARED,  /* worker: it is built */
	CONTROL_REFUSED,   /* worker: it cannot be built; the log says why */
	CONTROL_COMMIT,	   /* supervisor: serve it */
	CONTROL_ABANDON,   /* supervisor: forget it, the sockets too */
	CONTROL_SWITCHED,  /* worker: it is served */
	CONTROL_RECHECKED, /* worker: whom the new generation would not admit is gone */
};

struct control_message {
	uint32_t type; /* enum control_type */
	uint64_t argument;
};

/** control_pair() - Returns: 0 and two close-on-exec non-blocking ends, or socketpair(2)'s errno. */
int control_pair(int ret_fds[2]);

/** control_send() - @payload_fd is borrowed, -1 for none. Returns: 0, -EAGAIN, -EPIPE, … */
int control_send(int fd, enum control_type type, uint64_t argument, int payload_fd);

/**
 * control_receive() - *@ret_payload_fd (-1: none) is the caller's.
 * Returns: 0; -EAGAIN; -EPIPE (other end is gone); -EPROTO (not one of ours).
 */
int control_receive(int fd, struct control_message *ret_message, int *ret_payload_fd);

#endif
