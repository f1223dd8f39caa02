// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/peer.h"

#include "base/clock.h"
#include "selftests/harness/harness.h"
#include "selftests/lib/peer_record.h"
#include "selftests/lib/tlsclient.h"

#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOW_CHUNK ((size_t)16 * 1024)
#define STEP_MS	   20000
/* Of the payload; a client with a number has two of its own. */
enum { STREAM_CLIENT = 1, STREAM_UPSTREAM = 2, STREAMS_PER_CLIENT = 2 };

static void set_streams(struct peer *peer, uint32_t out, uint32_t in)
{
	peer->stream_out = out;
	peer->stream_in = in;
	payload_init(&peer->out, test_seed(), out);
	payload_init(&peer->in, test_seed(), in);
}

static void init(struct peer *peer, int fd, struct tlsclient *tls, bool client)
{
	*peer = (struct peer){.fd = fd,
			      .end = PEER_NO_END,
			      .name = client ? "client" : "upstream",
			      .tls = tls,
			      .send_chunk = PEER_CHUNK_BYTES,
			      .recv_chunk = PEER_CHUNK_BYTES,
			      .timeout_ms = (int)test_scaled_ms(STEP_MS)};
	if (client)
		set_streams(peer, STREAM_CLIENT, STREAM_UPSTREAM);
	else
		set_streams(peer, STREAM_UPSTREAM, STREAM_CLIENT);
}

void peer_init_client(struct peer *peer, struct tlsclient *tls)
{
	init(peer, tls->fd, tls, true);
}

void peer_init_upstream(struct peer *peer, int fd)
{
	init(peer, fd, NULL, false);
}

void peer_init_plain_client(struct peer *peer, int fd)
{
	init(peer, fd, NULL, true);
}

void peer_init_tls_upstream(struct peer *peer, struct tlsclient *tls)
{
	init(peer, tls->fd, tls, false);
}

void peer_be_client(struct peer *peer, uint64_t number)
{
	uint32_t more = STREAMS_PER_CLIENT * ((uint32_t)number + 1);

	set_streams(peer, peer->stream_out + more, peer->stream_in + more);
}

void peer_expect_echo(struct peer *peer)
{
	set_streams(peer, peer->stream_out, peer->stream_out);
}

static void first_bytes(uint32_t stream, void *buf, size_t len)
{
	struct payload payload;

	payload_init(&payload, test_seed(), stream);
	payload_fill(&payload, buf, len);
}

void peer_client_payload(void *buf, size_t len)
{
	first_bytes(STREAM_CLIENT, buf, len);
}

void peer_upstream_payload(void *buf, size_t len)
{
	first_bytes(STREAM_UPSTREAM, buf, len);
}

__attribute__((format(printf, 2, 3))) static int problem(struct peer *peer, const char *format, ...)
{
	va_list args;
	int len = snprintf(peer->problem, sizeof(peer->problem),
			   "%s after %llu sent, %llu received: ", peer->name,
			   (unsigned long long)peer->sent, (unsigned long long)peer->received);

	va_start(args, format);
	vsnprintf(peer->problem + len, sizeof(peer->problem) - (size_t)len, format, args);
	va_end(args);
	return -1;
}

/* --- raw --- */

static ssize_t raw_recv(struct peer *peer, void *buf, size_t len)
{
	ssize_t n;

	if (peer->tls)
		return tlsclient_recv(peer->tls, buf, len);
	n = recv(peer->fd, buf, len, MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

static ssize_t raw_send(struct peer *peer, const void *buf, size_t len)
{
	ssize_t n;

	if (peer->raw)
		return peer_record_data(peer, buf, len);
	if (peer->tls) {
		n = tlsclient_send(peer->tls, buf, len);
		peer->pending = n == -EAGAIN;
		return n;
	}
	n = send(peer->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

static int wait_ready(struct peer *peer, short events, int timeout_ms)
{
	struct pollfd p = {.fd = peer->fd, .events = events};
	int r = poll(&p, 1, timeout_ms);

	return r > 0 ? 0 : -ETIMEDOUT;
}

/* Keeps @result, and gives the words for it. */
static const char *end_name(struct peer *peer, ssize_t result)
{
	peer->end = result;
	switch (result) {
	case 0:
		return "a clean end";
	case -ENODATA:
		return "a FIN without close_notify";
	case -ECONNRESET:
	case -EPIPE:
		return "a reset";
	case -EPROTO:
		return peer->tls->error;
	case -ETIMEDOUT:
		return "nothing in time";
	default:
		return strerror((int)-result);
	}
}

/* The next bytes or the end, waiting. Returns: as raw_recv(), -ETIMEDOUT instead of -EAGAIN. */
static ssize_t recv_some(struct peer *peer, void *buf, size_t len)
{
	for (;;) {
		ssize_t n = raw_recv(peer, buf, len);

		if (n != -EAGAIN)
			return n;
		if (wait_ready(peer, POLLIN, peer->timeout_ms) < 0)
			return -ETIMEDOUT;
	}
}

static int send_all(struct peer *peer, const void *buf, size_t len)
{
	const char *at = buf;

	while (len > 0) {
		ssize_t n = raw_send(peer, at, len);

		if (n == -EAGAIN && wait_ready(peer, POLLOUT, peer->timeout_ms) == 0)
			continue;
		if (n <= 0)
			return problem(peer, "cannot send: %s",
				       end_name(peer, n == -EAGAIN ? -ETIMEDOUT : n));
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* --- payload --- */

static size_t smaller(uint64_t wanted, size_t chunk)
{
	return wanted < chunk ? (size_t)wanted : chunk;
}

static int take(struct peer *peer, const void *buf, size_t len)
{
	if (!payload_check(&peer->in, buf, len))
		return problem(peer, "wrong bytes: %s", peer->in.fault);
	if (peer->digest && EVP_DigestUpdate(peer->digest, buf, len) != 1)
		return problem(peer, "no digest");
	peer->received += len;
	return 0;
}

int peer_push(struct peer *peer, char *buf, uint64_t until)
{
	size_t len = smaller(until - peer->sent, peer->send_chunk);
	ssize_t n;

	if (len == 0)
		return 0;
	peer->out.position = peer->sent; /* what was not taken is made again */
	payload_fill(&peer->out, buf, len);
	n = raw_send(peer, buf, len);
	if (n == -EAGAIN)
		return 0;
	if (n <= 0)
		return problem(peer, "cannot send: %s", end_name(peer, n));
	peer->sent += (uint64_t)n;
	return 1;
}

int peer_pull(struct peer *peer, char *buf, uint64_t until)
{
	size_t len = smaller(until - peer->received, peer->recv_chunk);
	ssize_t n;

	if (len == 0)
		return 0;
	n = raw_recv(peer, buf, len);
	if (n == -EAGAIN)
		return 0;
	if (n <= 0)
		return problem(peer, "%llu bytes are missing: %s",
			       (unsigned long long)(until - peer->received), end_name(peer, n));
	return take(peer, buf, (size_t)n) < 0 ? -1 : 1;
}

/* Sleep when another chunk is complete, however many calls it took. */
static void pause_behind(uint64_t before, uint64_t after, size_t chunk, uint32_t pause_us)
{
	if (pause_us && before / chunk != after / chunk)
		usleep(pause_us);
}

static int transfer(struct peer *peer, char *buf, uint64_t n_send, uint64_t n_recv)
{
	uint64_t send_until = peer->sent + n_send, recv_until = peer->received + n_recv;

	while (peer->sent < send_until || peer->received < recv_until) {
		uint64_t sent_before = peer->sent, received_before = peer->received;
		int sent = peer_push(peer, buf, send_until);
		int got = sent < 0 ? -1 : peer_pull(peer, buf, recv_until);
		short events = 0;

		if (sent < 0 || got < 0)
			return -1;
		pause_behind(sent_before, peer->sent, peer->send_chunk, peer->send_pause_us);
		pause_behind(received_before, peer->received, peer->recv_chunk,
			     peer->recv_pause_us);
		if (sent + got > 0)
			continue;
		events |= peer->sent < send_until ? POLLOUT : 0;
		events |= peer->received < recv_until ? POLLIN : 0;
		if (wait_ready(peer, events, peer->timeout_ms) < 0)
			return problem(peer, "%llu to send and %llu to receive are missing: %s",
				       (unsigned long long)(send_until - peer->sent),
				       (unsigned long long)(recv_until - peer->received),
				       end_name(peer, -ETIMEDOUT));
	}
	return 0;
}

static int slow_recv(struct peer *peer, char *buf, uint64_t n, uint64_t pause_us)
{
	while (n > 0) {
		size_t part = n < SLOW_CHUNK ? (size_t)n : SLOW_CHUNK;

		if (transfer(peer, buf, 0, part) < 0)
			return -1;
		n -= part;
		usleep((useconds_t)pause_us);
	}
	return 0;
}

static int flood(struct peer *peer, char *buf, uint64_t quiet_ms)
{
	for (;;) {
		int r = peer_push(peer, buf, UINT64_MAX);

		if (r < 0)
			return -1;
		if (r == 0 && wait_ready(peer, POLLOUT, (int)quiet_ms) < 0)
			return 0;
	}
}

static int echo(struct peer *peer, char *buf)
{
	for (;;) {
		ssize_t n = recv_some(peer, buf, PEER_CHUNK_BYTES);

		if (n == 0)
			return 0;
		if (n < 0)
			return problem(peer, "echo ended with %s", end_name(peer, n));
		peer->received += (uint64_t)n;
		if (send_all(peer, buf, (size_t)n) < 0)
			return -1;
		peer->sent += (uint64_t)n;
	}
}

/* --- hello --- */

static int hello_send(struct peer *peer, uint64_t client)
{
	uint64_t wire = htobe64(client);

	peer_be_client(peer, client);
	return send_all(peer, &wire, sizeof(wire));
}

static int hello_recv(struct peer *peer)
{
	uint64_t wire = 0;
	size_t got = 0;

	while (got < sizeof(wire)) {
		ssize_t n = recv_some(peer, (char *)&wire + got, sizeof(wire) - got);

		if (n <= 0)
			return problem(peer, "no hello: %s", end_name(peer, n));
		got += (size_t)n;
	}
	peer_be_client(peer, be64toh(wire));
	return 0;
}

/* --- ends --- */

static int finish(struct peer *peer, char *buf)
{
	int r = 0;

	/* The bytes of that record are as good as sent. */
	while (peer->pending && r >= 0) {
		r = peer_push(peer, buf, UINT64_MAX);
		if (r == 0 && wait_ready(peer, POLLOUT, peer->timeout_ms) < 0)
			return problem(peer, "before the end: %s", end_name(peer, -ETIMEDOUT));
	}
	if (r < 0)
		return r;

	if (peer->raw)
		return peer_record_close_notify(peer) < 0 ? problem(peer, "no close_notify") : 0;
	if (!peer->tls)
		return shutdown(peer->fd, SHUT_WR) < 0
			       ? problem(peer, "shutdown: %s", end_name(peer, -errno))
			       : 0;
	while ((r = tlsclient_finish(peer->tls)) == -EAGAIN) {
		if (wait_ready(peer, POLLOUT, peer->timeout_ms) < 0)
			break;
	}
	return r < 0 ? problem(peer, "close_notify: %s", end_name(peer, r)) : 0;
}

static int recv_end(struct peer *peer)
{
	char byte;
	ssize_t n = recv_some(peer, &byte, 1);

	if (n > 0)
		return problem(peer, "a byte too many");
	return n == 0 ? 0 : problem(peer, "instead of a clean end: %s", end_name(peer, n));
}

static int recv_all(struct peer *peer, char *buf)
{
	ssize_t n;

	while ((n = recv_some(peer, buf, PEER_CHUNK_BYTES)) > 0) {
		if (take(peer, buf, (size_t)n) < 0)
			return -1;
	}
	return n == 0 ? 0 : problem(peer, "instead of a clean end: %s", end_name(peer, n));
}

static int send_until_cut(struct peer *peer, char *buf, uint64_t bytes)
{
	uint64_t until = bytes == UINT64_MAX ? bytes : peer->sent + bytes;

	while (peer->sent < until) {
		size_t len = smaller(until - peer->sent, peer->send_chunk);
		ssize_t n;

		peer->out.position = peer->sent; /* what was not taken is made again */
		payload_fill(&peer->out, buf, len);
		n = raw_send(peer, buf, len);
		if (n == -EAGAIN && wait_ready(peer, POLLOUT, peer->timeout_ms) == 0)
			continue;
		peer->cut = n == -ECONNRESET || n == -EPIPE;
		if (peer->cut)
			return 0;
		if (n <= 0)
			return problem(peer, "instead of a reset: %s",
				       end_name(peer, n == -EAGAIN ? -ETIMEDOUT : n));
		peer->sent += (uint64_t)n;
	}
	return 0;
}

static int recv_race(struct peer *peer, char *buf, uint64_t bytes)
{
	uint64_t until = peer->received + bytes;
	ssize_t n;

	if (peer->cut)
		return 0;
	while ((n = recv_some(peer, buf, PEER_CHUNK_BYTES)) > 0) {
		if (take(peer, buf, (size_t)n) < 0)
			return -1;
	}
	if (peer->received > until)
		return problem(peer, "more than the %llu bytes that were sent",
			       (unsigned long long)bytes);
	if (n == 0 && peer->received < until)
		return problem(peer, "a clean end, and %llu bytes are missing",
			       (unsigned long long)(until - peer->received));
	return n == 0 || n == -ECONNRESET || n == -EPIPE
		       ? 0
		       : problem(peer, "neither a clean end nor a reset: %s", end_name(peer, n));
}

static int recv_bad_end(struct peer *peer, char *buf, bool only_reset)
{
	ssize_t n;

	if (peer->cut)
		return 0;
	while ((n = recv_some(peer, buf, PEER_CHUNK_BYTES)) > 0) {
		if (take(peer, buf, (size_t)n) < 0)
			return -1;
	}
	if (n == -ECONNRESET || n == -EPIPE)
		return 0;
	if (!only_reset && (n == -ENODATA || n == -EPROTO))
		return 0;
	return problem(peer, "instead of a reset: %s", end_name(peer, n));
}

static int reset(struct peer *peer)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	int *owner = peer->tls ? &peer->tls->fd : &peer->fd;

	(void)setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	(void)close(peer->fd);
	*owner = -1;
	peer->fd = -1;
	return 0;
}

static int set_buffers(struct peer *peer, int send_bytes, int receive_bytes)
{
	if (send_bytes && setsockopt(peer->fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof(int)) < 0)
		return problem(peer, "SO_SNDBUF: %s", strerror(errno));
	if (receive_bytes &&
	    setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(int)) < 0)
		return problem(peer, "SO_RCVBUF: %s", strerror(errno));
	return 0;
}

static int gate(struct peer *peer, uint64_t value)
{
	uint64_t deadline_ms = clock_now_ms() + (uint64_t)peer->timeout_ms;

	while (atomic_load(peer->gate) < value) {
		if (clock_now_ms() > deadline_ms)
			return problem(peer, "gate %llu stays shut", (unsigned long long)value);
		usleep(1000);
	}
	return 0;
}

static int record_step(struct peer *peer, const struct peer_step *step)
{
	int r = peer_record_step(peer, step);

	return r < 0 ? problem(peer, "cannot send what is no data: %s", strerror(-r)) : 0;
}

static int run_step(struct peer *peer, const struct peer_step *step, char *buf)
{
	switch (step->verb) {
	case PEER_SEND:
		return transfer(peer, buf, step->n, 0);
	case PEER_RECV:
		return transfer(peer, buf, 0, step->n);
	case PEER_BOTH:
		return transfer(peer, buf, step->n, step->m);
	case PEER_ECHO:
		return echo(peer, buf);
	case PEER_HELLO_SEND:
		return hello_send(peer, step->n);
	case PEER_HELLO_RECV:
		return hello_recv(peer);
	case PEER_STREAMS:
		peer_be_client(peer, step->n);
		return 0;
	case PEER_FINISH:
		return finish(peer, buf);
	case PEER_FIN:
		return shutdown(peer->fd, SHUT_WR) < 0 ? problem(peer, "no FIN") : 0;
	case PEER_RECV_END:
		return recv_end(peer);
	case PEER_RECV_ALL:
		return recv_all(peer, buf);
	case PEER_SEND_CUT:
		return send_until_cut(peer, buf, UINT64_MAX);
	case PEER_SEND_TRY:
		return send_until_cut(peer, buf, step->n);
	case PEER_RECV_RACE:
		return recv_race(peer, buf, step->n);
	case PEER_RECV_RESET:
		return recv_bad_end(peer, buf, true);
	case PEER_RECV_CUT:
		return recv_bad_end(peer, buf, false);
	case PEER_RESET:
		return reset(peer);
	case PEER_TICKETS:
	case PEER_KEY_UPDATE:
	case PEER_PADDING:
	case PEER_EMPTY:
	case PEER_DAMAGED:
		return record_step(peer, step);
	case PEER_CHUNKS:
		peer->send_chunk = step->n ? step->n : PEER_CHUNK_BYTES;
		peer->recv_chunk = step->m ? step->m : PEER_CHUNK_BYTES;
		return 0;
	case PEER_PAUSES:
		peer->send_pause_us = (uint32_t)step->n;
		peer->recv_pause_us = (uint32_t)step->m;
		return 0;
	case PEER_BUFFERS:
		return set_buffers(peer, (int)step->n, (int)step->m);
	case PEER_FLOOD:
		return flood(peer, buf, step->n);
	case PEER_SLOW_RECV:
		return slow_recv(peer, buf, step->n, step->m);
	case PEER_SLEEP:
		return usleep((useconds_t)step->n * 1000);
	case PEER_GATE:
		return gate(peer, step->n);
	case PEER_PASS:
		atomic_store(peer->gate, step->n);
		return 0;
	default:
		return problem(peer, "unknown step");
	}
}

int peer_run(struct peer *peer, const struct peer_step *script)
{
	char *buf = malloc(PEER_CHUNK_BYTES);
	int r = buf ? 0 : problem(peer, "out of memory");

	for (size_t i = 0; r == 0 && script[i].verb != PEER_DONE; i++)
		r = run_step(peer, &script[i], buf);
	free(buf);
	return r;
}
