// SPDX-License-Identifier: Apache-2.0
/*
 * Splice engine: the kernel does TLS, bytes go socket -> pipe -> socket and never enter the
 * process. What splice(2) cannot carry (a record that is not data, the end of the stream) is
 * read by recvmsg(2), which names the record's type.
 *
 * Facts this stands on: docs/KERNEL.md, "Receive by splice" and "Send by splice".
 */
#include "proxy/ktls_wire.h"
#include "sys/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* One page always fits in an empty pipe, however small the kernel made it for us. */
#define RECORD_BYTES  4096
#define FLUSH_RECORDS 16 /* a pipe has no more parts, and a record takes at least one */

/* Read what splice could not carry. Returns: as fill. */
static ssize_t read_record(struct relay *relay, struct relay_flow *flow)
{
	uint8_t record[RECORD_BYTES];
	ssize_t got = ktls_wire_read(relay, record, sizeof(record));

	/* Data came in meanwhile. */
	if (got > 0)
		got = write(flow->pipe.write_fd, record, (size_t)got);
	return got == -1 ? relay_fail(relay, RELAY_NO_RESOURCES) : got;
}

static ssize_t fill_from_wire(struct relay *relay, struct relay_flow *flow)
{
	ssize_t got = splice(relay->wire_fd, NULL, flow->pipe.write_fd, NULL, RELAY_PIPE_BYTES,
			     SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	int error = got < 0 ? errno : 0;

	if (got > 0)
		return ktls_wire_take_data(relay, got, 1); /* never more (K-10) */
	if (error == EAGAIN)
		return -EAGAIN;
	if (error != 0 && error != EINVAL)
		return ktls_wire_fail(relay, -error);
	/*
	 * 0 is the end or an empty record. recvmsg(2) would tell, but pass over all empty records
	 * that are there: a flood of them is to be counted.
	 */
	if (error == 0 && !stream_peer_ended(relay->wire_fd))
		return ktls_wire_take_data(relay, -EINPROGRESS, 1);
	/* EINVAL is a record that is not data. */
	got = read_record(relay, flow);
	/* Or EINVAL was a header that is none. The kernel says so once, then EAGAIN (K-16). */
	if (got == -EAGAIN && error == EINVAL)
		return relay_fail(relay, RELAY_TLS_ERROR);
	return got;
}

static ssize_t splice_fill(struct relay *relay, enum relay_direction direction)
{
	if (direction == RELAY_IN)
		return fill_from_wire(relay, &relay->flow[RELAY_IN]);
	return relay_pipe_fill(relay, RELAY_OUT);
}

static ssize_t splice_flush(struct relay *relay, enum relay_direction direction)
{
	if (direction == RELAY_IN)
		return relay_pipe_flush(relay, RELAY_IN);
	return ktls_wire_flush(relay, relay_pipe_flush, FLUSH_RECORDS);
}

const struct relay_engine relay_engine_splice = {
	.name = "splice",
	.acquire = relay_pipe_acquire,
	.fill = splice_fill,
	.flush = splice_flush,
	.finish = ktls_wire_finish,
	.reject = ktls_wire_reject,
	.release = relay_pipe_release,
	.spare = &relay_engine_ktls_copy,
};
