// SPDX-License-Identifier: Apache-2.0
/*
 * Copy engine: TLS in userspace, bytes through one buffer per direction. Needs nothing of the
 * kernel, so it is the fallback and the reference that every other engine is tested against.
 */
#include "proxy/relay.h"
#include "sys/stream.h"
#include "sys/tls.h"

#include <errno.h>
#include <sys/socket.h>

/* Returns: 0, -EIO. */
static int keep_keys_fresh(struct relay *relay)
{
	int r = tls_refresh_keys(relay->tls, relay->pools->records_per_key);

	if (r == -EKEYEXPIRED)
		relay->spent = true;
	else if (r < 0)
		return relay_fail_wire(relay, r);
	return 0;
}

static ssize_t fill_from_wire(struct relay *relay, struct relay_buffer *buffer)
{
	ssize_t got = tls_read(relay->tls, buffer->bytes, sizeof(buffer->bytes));

	relay->tickets.dropped = tls_tickets_dropped(relay->tls);
	while (relay->key_updates < tls_key_updates(relay->tls)) {
		if (relay_note_key_update(relay) < 0)
			return -EIO;
	}
	if (got == -ENODATA)
		return relay_end_without_notify(relay);
	if (got < 0 && got != -EAGAIN && got != -EINPROGRESS)
		return relay_fail_wire(relay, (int)got);
	return got > 0 && keep_keys_fresh(relay) < 0 ? -EIO : got;
}

static ssize_t copy_fill(struct relay *relay, enum relay_direction direction)
{
	if (direction == RELAY_IN)
		return fill_from_wire(relay, relay->flow[RELAY_IN].buffer);
	return relay_buffer_fill(relay, RELAY_OUT);
}

static ssize_t copy_flush(struct relay *relay, enum relay_direction direction)
{
	struct relay_flow *flow = &relay->flow[direction];
	ssize_t put;

	if (direction == RELAY_IN)
		return relay_buffer_flush(relay, RELAY_IN);
	put = tls_write(relay->tls, flow->buffer->bytes + flow->offset, flow->held);
	if (put < 0)
		return put != -EAGAIN ? relay_fail_wire(relay, (int)put) : put;
	return keep_keys_fresh(relay) < 0 ? -EIO : put;
}

static int copy_finish(struct relay *relay, enum relay_direction direction)
{
	int r = 0;

	if (direction == RELAY_OUT)
		r = tls_send_close_notify(relay->tls);
	if (r == -EAGAIN)
		return r;
	if (r < 0)
		return relay_fail_wire(relay, r);
	return relay_send_fin(relay, direction);
}

/* Tickets without end: OpenSSL counts other records that carry nothing itself. */
static int copy_reject(struct relay *relay)
{
	return relay_fail(relay, RELAY_UNEXPECTED_RECORD);
}

const struct relay_engine relay_engine_copy = {
	.name = "copy",
	.acquire = relay_buffer_acquire,
	.fill = copy_fill,
	.flush = copy_flush,
	.finish = copy_finish,
	.reject = copy_reject,
	.release = relay_buffer_release,
};
