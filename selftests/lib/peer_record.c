// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/peer_record.h"

#include "selftests/lib/rawtls.h"

#include <errno.h>
#include <poll.h>
#include <sys/param.h>

/* --- by OpenSSL --- */

/* What OpenSSL did not get rid of at once. */
static int flush(struct peer *peer, int r)
{
	while (r == -EAGAIN) {
		struct pollfd writable = {.fd = peer->fd, .events = POLLOUT};

		if (poll(&writable, 1, peer->timeout_ms) <= 0)
			return -ETIMEDOUT;
		r = tlsclient_flush(peer->tls);
	}
	return r;
}

/* --- by ourselves --- */

static int send_raw_key_update(struct peer *peer, bool requested)
{
	const uint8_t message[] = {24, 0, 0, 1, requested}; /* RFC 8446 4.6.3 */
	const struct rawtls_record record = {.type = KTLS_RECORD_HANDSHAKE,
					     .data = message,
					     .len = sizeof(message),
					     .last_of_key = true};

	return rawtls_send(peer->raw, &record, 1);
}

ssize_t peer_record_data(struct peer *peer, const void *buf, size_t len)
{
	const struct rawtls_record record = {.type = KTLS_RECORD_DATA,
					     .data = buf,
					     .len = MIN(len, KTLS_RECORD_MAX - peer->padding),
					     .padding = peer->padding};
	int r = rawtls_send(peer->raw, &record, 1);

	return r < 0 ? r : (ssize_t)record.len;
}

int peer_record_close_notify(struct peer *peer)
{
	const uint8_t close_notify[] = {1, 0}; /* a warning */
	const struct rawtls_record record = {
		.type = KTLS_RECORD_ALERT, .data = close_notify, .len = sizeof(close_notify)};

	return rawtls_send(peer->raw, &record, 1);
}

static int send_empty(struct peer *peer, uint64_t n)
{
	const struct rawtls_record record = {.type = KTLS_RECORD_DATA};
	int r = 0;

	while (r == 0 && n-- > 0)
		r = rawtls_send(peer->raw, &record, 1);
	return r;
}

static int send_damaged(struct peer *peer)
{
	const struct rawtls_record record = {
		.type = KTLS_RECORD_DATA, .data = "x", .len = 1, .damaged = true};

	return rawtls_send(peer->raw, &record, 1);
}

int peer_record_step(struct peer *peer, const struct peer_step *step)
{
	switch (step->verb) {
	case PEER_TICKETS:
		return flush(peer, tlsclient_tickets(peer->tls, (int)step->n));
	case PEER_KEY_UPDATE:
		return peer->raw ? send_raw_key_update(peer, step->n > 0)
				 : flush(peer, tlsclient_key_update(peer->tls, step->n > 0));
	case PEER_PADDING:
		peer->padding = step->n;
		return 0;
	case PEER_EMPTY:
		return send_empty(peer, step->n);
	case PEER_DAMAGED:
		return send_damaged(peer);
	default:
		return -EINVAL;
	}
}
