// SPDX-License-Identifier: Apache-2.0
/*
 * Kernel TLS through a buffer: recvmsg(2) joins small records and names those that are not data, and
 * what is sent becomes records of its size. For small messages, and where no pipe is to be had.
 */
#include "proxy/ktls_wire.h"
#include "sys/stream.h"

#include <errno.h>

static ssize_t ktls_copy_fill(struct relay *relay, enum relay_direction direction)
{
	struct relay_buffer *buffer = relay->flow[direction].buffer;
	ssize_t got;

	if (direction == RELAY_IN)
		return ktls_wire_read(relay, buffer->bytes, sizeof(buffer->bytes));
	got = stream_recv(relay->local_fd, buffer->bytes, sizeof(buffer->bytes));
	return got < 0 && got != -EAGAIN ? relay_fail_local(relay, (int)got) : got;
}

static ssize_t ktls_copy_flush(struct relay *relay, enum relay_direction direction)
{
	struct relay_flow *flow = &relay->flow[direction];
	const char *bytes = flow->buffer->bytes + flow->offset;
	ssize_t put;
	int r;

	if (direction == RELAY_IN) {
		put = stream_send(relay->local_fd, bytes, flow->held);
		return put < 0 && put != -EAGAIN ? relay_fail_local(relay, (int)put) : put;
	}
	r = ktls_wire_before_send(relay);
	if (r < 0)
		return r;
	put = stream_send(relay->wire_fd, bytes, flow->held);
	if (put < 0)
		return put != -EAGAIN ? relay_fail_wire(relay, (int)put) : put;
	relay->wire_sent += (uint64_t)put;
	return ktls_wire_count(relay, 1) < 0 ? -EIO : put;
}

const struct relay_engine relay_engine_ktls_copy = {
	.name = "ktls-copy",
	.acquire = relay_buffer_acquire,
	.fill = ktls_copy_fill,
	.flush = ktls_copy_flush,
	.finish = ktls_wire_finish,
	.reject = ktls_wire_reject,
	.release = relay_buffer_release,
	.joins = true,
};
