// SPDX-License-Identifier: Apache-2.0
/*
 * The PROXY protocol with clients. Whoever connects from a listed address has to say first for whom; what
 * anybody else sends is not even looked at, so nobody can say that he is somebody else.
 *
 * The header is looked at where it lies until it is complete, then taken off the socket to the byte:
 * what follows is read by somebody else (OpenSSL, the kernel, the upstream).
 */
#include "proxy/proxy.h"
#include "proxy/session_internal.h"
#include "sys/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES_MAX ((size_t)16384) /* the most that proxy_protocol.max_size may be */

bool session_is_introduced(const struct config_listener *listener, const struct addr_short *sender)
{
	const struct config_proxy_in *in = listener->proxy_in;
	const struct addr from = addr_lengthen(sender);

	for (size_t i = 0; in && i < in->n_from; i++) {
		if (addr_range_has(&in->from[i], &from))
			return true;
	}
	return false;
}

int session_await_header(struct session *s)
{
	struct loop *loop = s->proxy->loop;
	int r;

	session_handshake_begins(s);
	stream_reset_on_close(s->accepted.fd);
	r = loop_arm(loop, &s->timer, s->listener->proxy_in->timeout_ms);
	if (r == 0)
		r = loop_add(loop, &s->accepted, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	return r;
}

static void refuse(struct session *s, const char *reason, enum flow_event event)
{
	const struct refusal refusal = {
		.check = "proxy_header", .reason = reason, .subject = "", .alert = -1};

	session_refuse(s, &refusal, STAT_REFUSED_PROXY_HEADER);
	session_step(s, event);
}

/* The header's bytes, which have been seen, leave the socket. Returns: 0 or -errno. */
static int take(int fd, uint8_t *to, size_t len)
{
	while (len > 0) {
		ssize_t got = stream_recv(fd, to, len);

		if (got <= 0)
			return got < 0 ? (int)got : -ENODATA;
		to += got;
		len -= (size_t)got;
	}
	return 0;
}

/* @bytes: what @header was read in. Returns: 0, -ENOMEM, or why the bytes have gone. */
static int keep(struct session *s, const struct proxy_header *header, const uint8_t *bytes)
{
	struct session_proxied *proxied = calloc(1, sizeof(*proxied));
	struct proxy_span id;
	int r;

	if (!proxied)
		return -ENOMEM;
	s->proxied = proxied;
	proxied->received = malloc(header->len);
	if (!proxied->received)
		return -ENOMEM;
	r = take(s->accepted.fd, proxied->received, header->len);
	if (r < 0)
		return r;
	proxied->tlvs.len = header->tlvs.len;
	if (header->tlvs.len > 0)
		proxied->tlvs.bytes = proxied->received + (header->tlvs.bytes - bytes);
	id = proxy_tlv_find(proxied->tlvs, PROXY_TLV_UNIQUE_ID);
	if (id.len > 0)
		memcpy(proxied->unique_id, id.bytes, id.len);
	proxied->unique_id_len = (uint8_t)id.len;
	proxied->via = s->peer;
	if (header->source.len > 0) {
		s->peer = addr_shorten(&header->source);
		proxied->destination = addr_shorten(&header->destination);
	}
	return 0;
}

void session_read_header(struct session *s, uint32_t events)
{
	const struct config_proxy_in *in = s->listener->proxy_in;
	const struct proxy_header_limits limits = {
		.v1 = in->v1, .v2 = in->v2, .max_bytes = in->max_bytes};
	uint8_t bytes[HEADER_BYTES_MAX];
	struct proxy_header header;
	ssize_t got;
	int r;

	if (events & EPOLLERR) {
		refuse(s, "the connection was reset before its PROXY header", FLOW_ON_FAILED);
		return;
	}
	got = stream_peek(s->accepted.fd, bytes, sizeof(bytes));
	if (got < 0 && got != -EAGAIN) {
		refuse(s, strerror((int)-got), FLOW_ON_FAILED);
		return;
	}
	switch (proxy_header_parse(bytes, got > 0 ? (size_t)got : 0, &limits, &header)) {
	case PROXY_HEADER_MORE:
		/* Every byte that comes is an event of its own. */
		if (events & EPOLLRDHUP)
			refuse(s, "the connection ended before its PROXY header was complete",
			       FLOW_ON_FAILED);
		break;
	case PROXY_HEADER_BAD:
		refuse(s, header.problem, FLOW_ON_REFUSED);
		break;
	case PROXY_HEADER_DONE:
		r = keep(s, &header, bytes);
		if (r == 0)
			session_step(s, FLOW_ON_INTRODUCED);
		else
			refuse(s, strerror(-r), FLOW_ON_REFUSED);
		break;
	}
}

void session_header_late(struct session *s)
{
	refuse(s, "the PROXY header was not complete within proxy_protocol.timeout",
	       FLOW_ON_TIMEOUT);
}
