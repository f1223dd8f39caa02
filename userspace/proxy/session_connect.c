// SPDX-License-Identifier: Apache-2.0
/* The way to the upstream: endpoints in turn, until one takes the connection. */
#include "base/fd.h"
#include "base/log.h"
#include "proxy/proxy.h"
#include "proxy/session_internal.h"
#include "sys/stream.h"

#include <errno.h>

/* A unix upstream whose queue is full is tried again after this, until timeouts.connect. */
#define QUEUE_FULL_MS 10

static void no_upstream(struct session *s)
{
	if (s->upstream.tried > 1)
		stats_add(s->proxy->stats, STAT_UPSTREAM_RETRIED, s->upstream.tried - 1);
	stats_add(s->proxy->stats, STAT_UPSTREAM_FAILED, 1);
	log_event(LOG_WARN, "upstream_failed",
		  "upstream %s: every endpoint failed, the last with: %s",
		  s->upstream.upstream->name, upstream_problem(&s->upstream));
	s->close_reason = "upstream_failed";
	if (session_terminates(s))
		session_without_upstream(s);
	else
		session_step(s, FLOW_ON_FAILED);
}

static void out_of_memory(struct session *s)
{
	upstream_failed(&s->upstream, -ENOMEM, NULL);
	no_upstream(s);
}

void session_connected(struct session *s)
{
	session_step(s, s->upstream.upstream->tls ? FLOW_ON_REACHED : FLOW_ON_CONNECTED);
}

static void reached(struct session *s)
{
	if (session_has_header(s))
		session_step(s, FLOW_ON_ACCEPTED);
	else
		session_connected(s);
}

void session_try_endpoint(struct session *s)
{
	struct loop *loop = s->proxy->loop;
	int r = upstream_next(&s->upstream, &s->connected.fd);

	if (r == -EHOSTUNREACH) {
		no_upstream(s);
		return;
	}
	if (r == -EAGAIN)
		r = loop_arm(loop, &s->soon, QUEUE_FULL_MS);
	else if (loop_add(loop, &s->connected, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0)
		r = -ENOMEM;
	if (r == -ENOMEM)
		out_of_memory(s);
	else if (s->connected.fd >= 0 && r == 0)
		reached(s);
}

void session_connect_next(struct session *s)
{
	loop_disarm(s->proxy->loop, &s->soon);
	loop_remove(s->proxy->loop, &s->connected);
	/* An upstream must not take it for an empty stream, and a reset would take an alert away. */
	if (session_originates(s))
		stream_close(&s->connected.fd);
	else
		stream_abort(&s->connected.fd);
	if (loop_arm(s->proxy->loop, &s->timer, proxy_config(s->proxy)->timeouts.connect_ms) == 0)
		session_try_endpoint(s);
	else
		out_of_memory(s);
}

void session_connect(struct session *s)
{
	size_t index = s->rule->upstream;

	session_handshake_over(s);
	upstream_begin(&s->upstream, &s->generation->config->upstreams[index],
		       &s->generation->rotations[index]);
	session_connect_next(s);
}

void session_endpoint_failed(struct session *s, int error)
{
	char text[ADDR_TEXT_MAX];

	if (s->connected.fd < 0)
		upstream_skip(&s->upstream, error);
	upstream_failed(&s->upstream, error, NULL);
	log_event(LOG_INFO, "endpoint_failed", "upstream %s endpoint %s: %s; %s",
		  s->upstream.upstream->name, addr_format(upstream_endpoint(&s->upstream), text),
		  upstream_problem(&s->upstream),
		  upstream_is_last(&s->upstream) ? "no other is left" : "trying the next one");
	if (s->state == FLOW_CONNECT)
		session_connect_next(s);
	else
		session_step(s, FLOW_ON_ENDPOINT_FAILED);
}

void session_connect_event(struct session *s, uint32_t events)
{
	int r = stream_connect_result(s->connected.fd);

	if (r < 0)
		session_endpoint_failed(s, r);
	else if (events & EPOLLOUT)
		reached(s);
}

void session_connect_late(struct session *s)
{
	session_endpoint_failed(s, -ETIMEDOUT);
}
