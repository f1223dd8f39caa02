// SPDX-License-Identifier: Apache-2.0
/*
 * Kernel TLS through a buffer: recvmsg(2) joins small records and names those that are not data, and
 * what is sent becomes records of its size. For small messages, and where no pipe is to be had.
 */
#include "proxy/ktls_wire.h"

static ssize_t ktls_copy_fill(struct relay *relay, enum relay_direction direction)
{
	struct relay_buffer *buffer = relay->flow[direction].buffer;

	if (direction == RELAY_IN)
		return ktls_wire_read(relay, buffer->bytes, sizeof(buffer->bytes));
	return relay_buffer_fill(relay, RELAY_OUT);
}

static ssize_t ktls_copy_flush(struct relay *relay, enum relay_direction direction)
{
	if (direction == RELAY_IN)
		return relay_buffer_flush(relay, RELAY_IN);
	return ktls_wire_flush(relay, relay_buffer_flush, 1);
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
