// SPDX-License-Identifier: Apache-2.0
/*
 * Plain engines: no TLS on either side, bytes go on as they come. Through a pipe (splice), and where
 * none is to be had through a buffer (copy).
 */
#include "proxy/relay.h"
#include "sys/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

static int source_of(const struct relay *relay, enum relay_direction direction)
{
	return direction == RELAY_IN ? relay->wire_fd : relay->local_fd;
}

static int sink_of(const struct relay *relay, enum relay_direction direction)
{
	return source_of(relay, !direction);
}

/* @result of a read: an error other than EAGAIN is the source's. */
static ssize_t filled(struct relay *relay, enum relay_direction direction, ssize_t result)
{
	if (result >= 0 || result == -EAGAIN)
		return result;
	return direction == RELAY_IN ? relay_fail_wire(relay, (int)result)
				     : relay_fail_local(relay, (int)result);
}

/* @result of a write, which takes at least a byte: an error is the sink's. */
static ssize_t flushed(struct relay *relay, enum relay_direction direction, ssize_t result)
{
	if (result > 0 || result == -EAGAIN)
		return result;
	return direction == RELAY_IN ? relay_fail_local(relay, (int)result)
				     : relay_fail_wire(relay, (int)result);
}

static ssize_t move(int from, int to, size_t len)
{
	ssize_t moved = splice(from, NULL, to, NULL, len, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

	return moved < 0 ? -errno : moved;
}

static ssize_t plain_fill(struct relay *relay, enum relay_direction direction)
{
	return filled(relay, direction,
		      move(source_of(relay, direction), relay->flow[direction].pipe.write_fd,
			   RELAY_PIPE_BYTES));
}

static ssize_t plain_flush(struct relay *relay, enum relay_direction direction)
{
	struct relay_flow *flow = &relay->flow[direction];
	ssize_t put = flushed(relay, direction,
			      move(flow->pipe.read_fd, sink_of(relay, direction), flow->held));

	if (put > 0)
		flow->spliced += (uint64_t)put;
	return put;
}

static ssize_t plain_copy_fill(struct relay *relay, enum relay_direction direction)
{
	struct relay_buffer *buffer = relay->flow[direction].buffer;

	return filled(
		relay, direction,
		stream_recv(source_of(relay, direction), buffer->bytes, sizeof(buffer->bytes)));
}

static ssize_t plain_copy_flush(struct relay *relay, enum relay_direction direction)
{
	struct relay_flow *flow = &relay->flow[direction];

	return flushed(relay, direction,
		       stream_send(sink_of(relay, direction), flow->buffer->bytes + flow->offset,
				   flow->held));
}

const struct relay_engine relay_engine_plain = {
	.name = "splice",
	.acquire = relay_pipe_acquire,
	.fill = plain_fill,
	.flush = plain_flush,
	.finish = relay_send_fin,
	.release = relay_pipe_release,
	.spare = &relay_engine_plain_copy,
};

const struct relay_engine relay_engine_plain_copy = {
	.name = "copy",
	.acquire = relay_buffer_acquire,
	.fill = plain_copy_fill,
	.flush = plain_copy_flush,
	.finish = relay_send_fin,
	.release = relay_buffer_release,
};
