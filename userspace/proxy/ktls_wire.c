// SPDX-License-Identifier: Apache-2.0
#include "proxy/ktls_wire.h"

#include "sys/stream.h"

#include <errno.h>
#include <sys/socket.h>

#define ALERT_BYTES 2

enum { ALERT_LEVEL_WARNING = 1, ALERT_LEVEL_FATAL = 2 };
enum { ALERT_USER_CANCELED = 90, ALERT_NO_RENEGOTIATION = 100 };
enum { HANDSHAKE_NEW_SESSION_TICKET = 4, HANDSHAKE_KEY_UPDATE = 24 }; /* RFC 8446 4 */
enum { UPDATE_NOT_REQUESTED, UPDATE_REQUESTED };

#define KEY_UPDATE_BYTES 5

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

int ktls_wire_reject(struct relay *relay)
{
	/* When it does not fit, the reset that follows says the same. */
	(void)ktls_send_alert(relay->wire_fd, ALERT_LEVEL_FATAL, TLS_ALERT_UNEXPECTED_MESSAGE);
	return relay_fail(relay, RELAY_UNEXPECTED_RECORD);
}

/* --- key update, RFC 8446 4.6.3 --- */

/* Change our keys when that is due: tell the peer, then change. Returns: 0, -EAGAIN, -EIO. */
static int change_keys(struct relay *relay)
{
	const uint8_t message[KEY_UPDATE_BYTES] = {HANDSHAKE_KEY_UPDATE, 0, 0, 1,
						   relay->peer_update_due ? UPDATE_REQUESTED
									  : UPDATE_NOT_REQUESTED};
	struct ktls_keys _cleanup_ktls_keys_ keys = {};
	ssize_t sent;

	if (!relay->key_update_due)
		return 0;
	sent = ktls_send_record(relay->wire_fd, KTLS_RECORD_HANDSHAKE, message, sizeof(message));
	if (sent == -EAGAIN)
		return -EAGAIN;
	relay->key_update_due = false;
	relay->peer_update_asked |= relay->peer_update_due;
	relay->peer_update_due = false;
	relay->wire_sent += sizeof(message);
	/* From here on the client expects the new ones: without them nothing may be sent. */
	if (sent != sizeof(message) ||
	    tls_traffic_next(relay->traffic, &relay->traffic->tx, &keys) < 0 ||
	    ktls_tx_rekey(relay->wire_fd, &keys, &relay->tx_mark) < 0)
		return relay_fail(relay, RELAY_KEY_UPDATE);
	return 0;
}

/* Returns: -EINPROGRESS when reading goes on under the new keys, -EIO. */
static ssize_t take_key_update(struct relay *relay, const uint8_t *message, size_t len)
{
	struct ktls_keys _cleanup_ktls_keys_ keys = {};

	if (relay_note_key_update(relay) < 0)
		return -EIO;
	if (!relay->traffic)
		return relay_fail(relay, RELAY_KEY_UPDATE);
	if (len != KEY_UPDATE_BYTES || message[4] > UPDATE_REQUESTED)
		return ktls_wire_reject(relay);
	if (tls_traffic_next(relay->traffic, &relay->traffic->rx, &keys) < 0 ||
	    ktls_install_rx(relay->wire_fd, &keys) < 0)
		return relay_fail(relay, RELAY_KEY_UPDATE);
	relay->peer_update_asked = false;
	/* Nothing may follow our close_notify (RFC 8446 6.1), this answer neither. */
	if (message[4] == UPDATE_REQUESTED && !relay->flow[RELAY_OUT].notified)
		relay->key_update_due = true;
	/* With a full socket the answer waits for the next flush. */
	return change_keys(relay) == -EIO ? -EIO : -EINPROGRESS;
}

/* --- records per key, RFC 8446 5.5 --- */

/* The kernel is asked this often before the limit, so it is kept to one part in so many. */
#define COUNTS_PER_KEY 64

/*
 * At most so many records were read or sent: before a key has made too many it is changed, or
 * relay->spent is set. Returns: 0, -EIO.
 */
static int count_records(struct relay *relay, size_t records)
{
	const uint32_t limit = relay->pools->records_per_key, step = limit / COUNTS_PER_KEY;
	uint64_t tx = 0, rx = 0;

	if (relay->tx_mark.cipher == KTLS_CHACHA20_POLY1305 || relay->spent)
		return 0;
	relay->uncounted += (uint32_t)records;
	if (relay->uncounted < step)
		return 0;
	relay->uncounted = 0;
	/* A socket that was reset meanwhile says so where data is asked for. */
	if (ktls_next_record(relay->wire_fd, relay->tx_mark.cipher, KTLS_TX, &tx) < 0 ||
	    ktls_next_record(relay->wire_fd, relay->tx_mark.cipher, KTLS_RX, &rx) < 0 ||
	    (tx + step < limit && rx + step < limit))
		return 0;
	/* Behind our close_notify nothing can be said any more. */
	relay->spent =
		!relay->traffic || relay->flow[RELAY_OUT].notified || rx >= TLS_LAST_RECORD(limit);
	if (relay->spent)
		return 0;
	relay->peer_update_due = rx + step >= limit && !relay->peer_update_asked;
	relay->key_update_due |= tx + step >= limit || relay->peer_update_due;
	return change_keys(relay) == -EIO ? -EIO : 0;
}

ssize_t ktls_wire_flush(struct relay *relay, relay_flush *flush, size_t records)
{
	ssize_t put = change_keys(relay);

	if (put == 0)
		put = flush(relay, RELAY_OUT);
	if (put < 0)
		return put;
	relay->wire_sent += (uint64_t)put;
	return count_records(relay, records) < 0 ? -EIO : put;
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
		return ktls_wire_reject(relay);
	tickets->header[tickets->header_held++] = byte;
	if (tickets->header_held < sizeof(tickets->header))
		return 0;
	tickets->left = (uint32_t)tickets->header[1] << 16 | (uint32_t)tickets->header[2] << 8 |
			tickets->header[3];
	return tickets->left > 0 ? 0 : ktls_wire_reject(relay);
}

/*
 * Handshake messages behind the handshake: tickets are dropped, everything else has no place. One
 * may be spread over several records, and a record may have several. Returns: -EINPROGRESS, -EIO.
 */
static ssize_t take_handshake(struct relay *relay, const uint8_t *bytes, size_t len)
{
	struct relay_tickets *tickets = &relay->tickets;

	if (len == 0)
		return ktls_wire_reject(relay);
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

int ktls_wire_fail(struct relay *relay, int error)
{
	if (error == -EBADMSG)
		(void)ktls_send_alert(relay->wire_fd, ALERT_LEVEL_FATAL, TLS_ALERT_BAD_RECORD_MAC);
	return relay_fail_wire(relay, error);
}

/* Nothing may come in the middle of a handshake message (RFC 8446 5.1). */
ssize_t ktls_wire_take_data(struct relay *relay, ssize_t result, size_t records)
{
	if (is_within_message(&relay->tickets))
		return ktls_wire_reject(relay);
	return count_records(relay, records) < 0 ? -EIO : result;
}

ssize_t ktls_wire_read(struct relay *relay, void *buf, size_t len)
{
	uint8_t type = KTLS_RECORD_NONE;
	ssize_t got = ktls_read_record(relay->wire_fd, buf, len, &type);

	if (got == -EAGAIN)
		return got;
	if (got < 0)
		return ktls_wire_fail(relay, (int)got);
	switch (type) {
	case KTLS_RECORD_NONE:
		return relay_end_without_notify(relay);
	case KTLS_RECORD_DATA:
		/* As many records as bytes may have been joined. An empty one means nothing. */
		return ktls_wire_take_data(relay, got > 0 ? got : -EINPROGRESS, (size_t)got);
	case KTLS_RECORD_ALERT:
		got = take_alert(relay, buf, (size_t)got);
		return got == 1 ? -EINPROGRESS : got;
	case KTLS_RECORD_HANDSHAKE:
		return take_handshake(relay, buf, (size_t)got);
	default:
		return ktls_wire_reject(relay);
	}
}

static int finish_wire(struct relay *relay)
{
	struct relay_flow *flow = &relay->flow[RELAY_OUT];
	int64_t queued;

	if (!flow->notified) {
		int r = change_keys(relay);

		if (r < 0)
			return r;
		r = ktls_send_alert(relay->wire_fd, ALERT_LEVEL_WARNING, TLS_ALERT_CLOSE_NOTIFY);

		if (r == -EAGAIN)
			return r;
		if (r < 0)
			return relay_fail_wire(relay, r);
		flow->notified = true;
		relay->wire_sent += ALERT_BYTES;
	}
	/* A record that is still inside kTLS would be lost behind the FIN. */
	queued = ktls_tx_queued(relay->wire_fd, &relay->tx_mark, relay->wire_sent);
	if (queued > 0 || queued == -EAGAIN)
		return -EINPROGRESS;
	if (queued < 0)
		return relay_fail_wire(relay, (int)queued);
	return relay_send_fin(relay, RELAY_OUT);
}

int ktls_wire_finish(struct relay *relay, enum relay_direction direction)
{
	if (direction == RELAY_OUT)
		return finish_wire(relay);
	return relay_send_fin(relay, RELAY_IN);
}
