// SPDX-License-Identifier: Apache-2.0
/*
 * Between a holder and a socket that takes and gives bytes as they are: a plain one, and to send also one
 * whose records the kernel makes. Verbs that engines are made of.
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

/* Out of @side comes the direction whose source it is. */
static int fail_at(struct relay *relay, enum relay_direction side, int error)
{
	return side == RELAY_IN ? relay_fail_wire(relay, error) : relay_fail_local(relay, error);
}

/* @result of a read: an error other than EAGAIN is the source's. */
static ssize_t filled(struct relay *relay, enum relay_direction direction, ssize_t result)
{
	if (result >= 0 || result == -EAGAIN)
		return result;
	return fail_at(relay, direction, (int)result);
}

/* @result of a write, which takes at least a byte: an error is the sink's. */
static ssize_t flushed(struct relay *relay, enum relay_direction direction, ssize_t result)
{
	if (result > 0 || result == -EAGAIN)
		return result;
	return fail_at(relay, !direction, (int)result);
}

ssize_t relay_buffer_fill(struct relay *relay, enum relay_direction direction)
{
	struct relay_buffer *buffer = relay->flow[direction].buffer;

	return filled(
		relay, direction,
		stream_recv(source_of(relay, direction), buffer->bytes, sizeof(buffer->bytes)));
}

ssize_t relay_buffer_flush(struct relay *relay, enum relay_direction direction)
{
	struct relay_flow *flow = &relay->flow[direction];

	return flushed(relay, direction,
		       stream_send(sink_of(relay, direction), flow->buffer->bytes + flow->offset,
				   flow->held));
}

static ssize_t move(int from, int to, size_t len)
{
	ssize_t moved = splice(from, NULL, to, NULL, len, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

	return moved < 0 ? -errno : moved;
}

ssize_t relay_pipe_fill(struct relay *relay, enum relay_direction direction)
{
	return filled(relay, direction,
		      move(source_of(relay, direction), relay->flow[direction].pipe.write_fd,
			   RELAY_PIPE_BYTES));
}

ssize_t relay_pipe_flush(struct relay *relay, enum relay_direction direction)
{
	struct relay_flow *flow = &relay->flow[direction];
	/* Exactly what the pipe holds and no SPLICE_F_MORE, or the last record would stay open. */
	ssize_t put = flushed(relay, direction,
			      move(flow->pipe.read_fd, sink_of(relay, direction), flow->held));

	if (put > 0)
		flow->spliced += (uint64_t)put;
	return put;
}

int relay_send_fin(struct relay *relay, enum relay_direction direction)
{
	/* Whoever waits for this end would wait for ever. ENOTCONN: the peer has reset meanwhile. */
	if (shutdown(sink_of(relay, direction), SHUT_WR) == 0)
		return 0;
	return fail_at(relay, !direction, -errno);
}
