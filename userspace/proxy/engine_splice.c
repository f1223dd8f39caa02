// SPDX-License-Identifier: Apache-2.0
/*
 * Splice engine: the kernel does TLS, bytes go socket -> pipe -> socket and never enter the
 * process. What splice(2) cannot carry (a record that is not data, the end of the stream) is
 * read by recvmsg(2), which names the record's type.
 *
 * Facts this stands on: docs/KERNEL.md, "Receive by splice" and "Send by splice".
 */
#include "base/clock.h"
#include "proxy/relay.h"
#include "sys/stream.h"
#include "sys/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIPE_BYTES 65536 /* the default of a pipe; one call never asks for more */
/* One page always fits in an empty pipe, however small the kernel made it for us. */
#define RECORD_BYTES 4096

#define ALERT_BYTES 2

enum { ALERT_LEVEL_WARNING = 1, ALERT_LEVEL_FATAL = 2 };
enum { ALERT_USER_CANCELED = 90, ALERT_NO_RENEGOTIATION = 100 };
enum { HANDSHAKE_NEW_SESSION_TICKET = 4, HANDSHAKE_KEY_UPDATE = 24 }; /* RFC 8446 4 */
enum { UPDATE_NOT_REQUESTED, UPDATE_REQUESTED };

#define KEY_UPDATE_BYTES 5

static void splice_release(struct relay *relay, enum relay_direction direction, bool dirty)
{
	struct relay_flow *flow = &relay->flow[direction];

	if (flow->pipe.read_fd < 0)
		return;
	if (dirty)
		pipe_drop(&flow->pipe);
	else
		pipe_release(&relay->pools->pipes, &flow->pipe);
}

/* Returns: 1 nothing to do, 0 clean end, -EIO. */
static ssize_t take_alert(struct relay *relay, const uint8_t *alert, size_t len)
{
	if (len != ALERT_BYTES)
		return relay_fail(relay, RELAY_TLS_ERROR);
	if (alert[1] == TLS_ALERT_CLOSE_NOTIFY)
		return 0;
	if (alert[1] == ALERT_USER_CANCELED ||
	    (alert[0] == ALERT_LEVEL_WARNING && alert[1] == ALERT_NO_RENEGOTIATION))
		return 1;
	return relay_fail(relay, RELAY_WIRE_ALERT);
}

static int splice_reject(struct relay *relay)
{
	/* When it does not fit, the reset that follows says the same. */
	(void)ktls_send_alert(relay->wire_fd, ALERT_LEVEL_FATAL, TLS_ALERT_UNEXPECTED_MESSAGE);
	return relay_fail(relay, RELAY_UNEXPECTED_RECORD);
}

/* --- key update, RFC 8446 4.6.3 --- */

/* Tell the client, then change. Returns: 0 (done, or there was nothing to do), -EAGAIN, -EIO. */
static int update_our_keys(struct relay *relay)
{
	static const uint8_t message[KEY_UPDATE_BYTES] = {HANDSHAKE_KEY_UPDATE, 0, 0, 1,
							  UPDATE_NOT_REQUESTED};
	struct ktls_keys _cleanup_ktls_keys_ keys = {};
	ssize_t sent;

	if (!relay->key_update_due)
		return 0;
	sent = ktls_send_record(relay->wire_fd, KTLS_RECORD_HANDSHAKE, message, sizeof(message));
	if (sent == -EAGAIN)
		return -EAGAIN;
	relay->key_update_due = false;
	relay->control_bytes += sizeof(message);
	/* From here on the client expects the new ones: without them nothing may be sent. */
	if (sent != sizeof(message) ||
	    tls_traffic_next(&relay->traffic, &relay->traffic.tx, &keys) < 0 ||
	    ktls_tx_rekey(relay->wire_fd, &keys, &relay->tx_mark) < 0)
		return relay_fail(relay, RELAY_KEY_UPDATE);
	return 0;
}

static bool too_many_updates(struct relay *relay)
{
	uint64_t now_ms = clock_now_ms();

	if (now_ms - relay->key_updates_since_ms >= 1000) {
		relay->key_updates_since_ms = now_ms;
		relay->key_updates = 0;
	}
	return ++relay->key_updates > RELAY_KEY_UPDATES_MAX;
}

/* Returns: -EINPROGRESS when reading goes on under the new keys, -EIO. */
static ssize_t take_key_update(struct relay *relay, const uint8_t *message, size_t len)
{
	struct ktls_keys _cleanup_ktls_keys_ keys = {};

	if (!relay->can_rekey || too_many_updates(relay))
		return relay_fail(relay, RELAY_KEY_UPDATE);
	if (len != KEY_UPDATE_BYTES || message[4] > UPDATE_REQUESTED)
		return splice_reject(relay);
	if (tls_traffic_next(&relay->traffic, &relay->traffic.rx, &keys) < 0 ||
	    ktls_install_rx(relay->wire_fd, &keys) < 0)
		return relay_fail(relay, RELAY_KEY_UPDATE);
	relay->key_update_due |= message[4] == UPDATE_REQUESTED;
	/* With a full socket the answer waits for splice_flush(). */
	return update_our_keys(relay) == -EIO ? -EIO : -EINPROGRESS;
}

/* --- tickets --- */

static bool is_within_message(const struct relay_tickets *tickets)
{
	return tickets->header_held > 0;
}

/* The next byte of a message's header. Returns: 0, -EIO. */
static int take_header(struct relay *relay, uint8_t byte)
{
	struct relay_tickets *tickets = &relay->tickets;

	if (tickets->header_held == 0 &&
	    (byte != HANDSHAKE_NEW_SESSION_TICKET || !tickets->expected))
		return splice_reject(relay);
	tickets->header[tickets->header_held++] = byte;
	if (tickets->header_held < sizeof(tickets->header))
		return 0;
	tickets->left = (uint32_t)tickets->header[1] << 16 | (uint32_t)tickets->header[2] << 8 |
			tickets->header[3];
	return tickets->left > 0 ? 0 : splice_reject(relay);
}

/*
 * Handshake messages behind the handshake: tickets are dropped, everything else has no place. One
 * may be spread over several records, and a record may have several. Returns: -EINPROGRESS, -EIO.
 */
static ssize_t take_handshake(struct relay *relay, const uint8_t *bytes, size_t len)
{
	struct relay_tickets *tickets = &relay->tickets;

	if (len == 0)
		return splice_reject(relay);
	while (len > 0) {
		size_t part = 1;

		/* The last record of its key, so nothing may follow in it. */
		if (!is_within_message(tickets) && *bytes == HANDSHAKE_KEY_UPDATE)
			return take_key_update(relay, bytes, len);
		if (tickets->header_held < sizeof(tickets->header)) {
			int r = take_header(relay, *bytes);

			if (r < 0)
				return r;
		} else {
			part = tickets->left < len ? tickets->left : len;
			tickets->left -= (uint32_t)part;
			if (tickets->left == 0) {
				tickets->header_held = 0;
				tickets->dropped++;
			}
		}
		bytes += part;
		len -= part;
	}
	return -EINPROGRESS;
}

/*
 * Read what splice could not carry. Returns: bytes now in the pipe (data came in meanwhile),
 * 0 at a clean end, -EAGAIN (nothing is there any more), -EINPROGRESS (it carried nothing), -EIO.
 */
static ssize_t read_record(struct relay *relay, struct relay_flow *flow)
{
	uint8_t record[RECORD_BYTES];
	uint8_t type = KTLS_RECORD_NONE;
	ssize_t got = ktls_read_record(relay->wire_fd, record, sizeof(record), &type);

	if (got == -EAGAIN)
		return got;
	if (got < 0)
		return relay_fail_wire(relay, (int)got);
	switch (type) {
	case KTLS_RECORD_NONE:
		return relay_end_without_notify(relay);
	case KTLS_RECORD_DATA:
		if (is_within_message(&relay->tickets))
			return splice_reject(relay);
		if (got > 0)
			got = write(flow->pipe.write_fd, record, (size_t)got);
		else
			got = -EINPROGRESS; /* an empty record is legal and means nothing */
		return got == -1 ? relay_fail(relay, RELAY_NO_RESOURCES) : got;
	case KTLS_RECORD_ALERT:
		got = take_alert(relay, record, (size_t)got);
		return got == 1 ? -EINPROGRESS : got;
	case KTLS_RECORD_HANDSHAKE:
		return take_handshake(relay, record, (size_t)got);
	default:
		return splice_reject(relay);
	}
}

static ssize_t fill_from_wire(struct relay *relay, struct relay_flow *flow)
{
	ssize_t got = splice(relay->wire_fd, NULL, flow->pipe.write_fd, NULL, PIPE_BYTES,
			     SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	int error = got < 0 ? errno : 0;

	/* Nothing may come in the middle of a handshake message (RFC 8446 5.1). */
	if (got > 0)
		return is_within_message(&relay->tickets) ? splice_reject(relay) : got;
	if (error == EAGAIN)
		return -EAGAIN;
	if (error == EBADMSG)
		(void)ktls_send_alert(relay->wire_fd, ALERT_LEVEL_FATAL, TLS_ALERT_BAD_RECORD_MAC);
	if (error != 0 && error != EINVAL)
		return relay_fail_wire(relay, -error);
	/*
	 * 0 is the end or an empty record. recvmsg(2) would tell, but pass over all empty records
	 * that are there: a flood of them is to be counted.
	 */
	if (error == 0 && !stream_peer_ended(relay->wire_fd))
		return -EINPROGRESS;
	/* EINVAL is a record that is not data. */
	got = read_record(relay, flow);
	/* Or EINVAL was a header that is none. The kernel says so once, then EAGAIN (K-16). */
	if (got == -EAGAIN && error == EINVAL)
		return relay_fail(relay, RELAY_TLS_ERROR);
	return got;
}

static ssize_t splice_fill(struct relay *relay, enum relay_direction direction)
{
	struct relay_flow *flow = &relay->flow[direction];
	ssize_t got;

	if (flow->pipe.read_fd < 0 && pipe_acquire(&relay->pools->pipes, &flow->pipe) < 0)
		return relay_fail(relay, RELAY_NO_RESOURCES);
	if (direction == RELAY_IN)
		return fill_from_wire(relay, flow);
	got = splice(relay->local_fd, NULL, flow->pipe.write_fd, NULL, PIPE_BYTES,
		     SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (got < 0)
		return errno == EAGAIN ? -EAGAIN : relay_fail_local(relay, -errno);
	return got;
}

static ssize_t splice_flush(struct relay *relay, enum relay_direction direction)
{
	struct relay_flow *flow = &relay->flow[direction];
	int sink_fd = direction == RELAY_IN ? relay->local_fd : relay->wire_fd;
	int r = direction == RELAY_IN ? 0 : update_our_keys(relay);
	ssize_t put;

	if (r < 0)
		return r;
	/* Exactly what the pipe holds and no SPLICE_F_MORE, or the last record would stay open. */
	put = splice(flow->pipe.read_fd, NULL, sink_fd, NULL, flow->held,
		     SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

	if (put > 0)
		return put;
	if (put < 0 && errno == EAGAIN)
		return -EAGAIN;
	return direction == RELAY_IN ? relay_fail_local(relay, -errno)
				     : relay_fail_wire(relay, -errno);
}

static int finish_wire(struct relay *relay, struct relay_flow *flow)
{
	int64_t queued;

	if (!flow->notified) {
		int r = update_our_keys(relay);

		if (r < 0)
			return r;
		r = ktls_send_alert(relay->wire_fd, ALERT_LEVEL_WARNING, TLS_ALERT_CLOSE_NOTIFY);

		if (r == -EAGAIN)
			return r;
		if (r < 0)
			return relay_fail_wire(relay, r);
		flow->notified = true;
		relay->control_bytes += ALERT_BYTES;
	}
	/* A record that is still inside kTLS would be lost behind the FIN. */
	queued =
		ktls_tx_queued(relay->wire_fd, &relay->tx_mark, flow->bytes + relay->control_bytes);
	if (queued > 0 || queued == -EAGAIN)
		return -EINPROGRESS;
	if (queued < 0)
		return relay_fail_wire(relay, (int)queued);
	(void)shutdown(relay->wire_fd, SHUT_WR);
	return 0;
}

static int splice_finish(struct relay *relay, enum relay_direction direction)
{
	if (direction == RELAY_OUT)
		return finish_wire(relay, &relay->flow[direction]);
	(void)shutdown(relay->local_fd, SHUT_WR);
	return 0;
}

const struct relay_engine relay_engine_splice = {
	.name = "splice",
	.fill = splice_fill,
	.flush = splice_flush,
	.finish = splice_finish,
	.reject = splice_reject,
	.release = splice_release,
};
