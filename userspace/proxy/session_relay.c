// SPDX-License-Identifier: Apache-2.0
/* The hand-over, and the relay's turns until it ends. */
#include "base/fd.h"
#include "base/log.h"
#include "proxy/proxy.h"
#include "proxy/session_internal.h"
#include "sys/stream.h"
#include "sys/tls.h"

#include <errno.h>

/* How often the kernel is asked whether the last records have left: at first, and at the longest. */
#define SOON_FIRST_MS 2
#define SOON_LAST_MS  200

/** What a turn began with. */
struct marks {
	uint64_t from_client, to_client, tickets;
};

static struct marks marks_of(const struct session *s)
{
	return (struct marks){
		.from_client = s->relay.flow[session_from_client(s)].bytes,
		.to_client = s->relay.flow[session_to_client(s)].bytes,
		.tickets = s->relay.tickets.dropped,
	};
}

static void count_turn(struct session *s, const struct marks *before)
{
	bool spliced = s->relay.engine == &relay_engine_splice;
	struct marks now = marks_of(s);
	uint64_t in = now.from_client - before->from_client;
	uint64_t out = now.to_client - before->to_client;

	stats_add(s->proxy->stats, STAT_TICKETS_DROPPED, now.tickets - before->tickets);
	if (in + out == 0)
		return;
	s->active_ms = loop_now_ms(s->proxy->loop);
	stats_add(s->proxy->stats, spliced ? STAT_BYTES_IN_SPLICE : STAT_BYTES_IN_COPY, in);
	stats_add(s->proxy->stats, spliced ? STAT_BYTES_OUT_SPLICE : STAT_BYTES_OUT_COPY, out);
}

static enum relay_wire wire_of(const struct session *s)
{
	return session_originates(s) ? RELAY_WIRE_UPSTREAM : RELAY_WIRE_CLIENT;
}

static void relay_over(struct session *s, enum flow_event event)
{
	s->close_reason = relay_fault_name(s->relay.fault, wire_of(s));
	session_step(s, event);
}

void session_pump(struct session *s)
{
	const struct marks before = marks_of(s);
	enum relay_status status = relay_pump(&s->relay);

	count_turn(s, &before);
	switch (status) {
	case RELAY_BLOCKED:
		break;
	case RELAY_AGAIN:
		loop_defer(s->proxy->loop, &s->pump);
		break;
	case RELAY_SOON:
		if (loop_arm(s->proxy->loop, &s->soon, s->soon_ms) < 0)
			loop_defer(s->proxy->loop, &s->pump);
		s->soon_ms = s->soon_ms * 2 < SOON_LAST_MS ? s->soon_ms * 2 : SOON_LAST_MS;
		break;
	case RELAY_ENDED:
		relay_over(s, FLOW_ON_ENDED);
		break;
	case RELAY_BROKEN:
		relay_over(s, FLOW_ON_BROKEN);
		break;
	}
}

void session_pump_on_event(struct session *s)
{
	s->soon_ms = SOON_FIRST_MS;
	if (!list_is_linked(&s->pump.node))
		session_pump(s);
}

/*
 * The kernel did not take the socket, and nothing else may. When that was because the peer has ended
 * already, its last word may be the better reason: a server that does not like our certificate says
 * so behind our handshake (TLS 1.3), and closes.
 */
static const char *why_not_handed_over(struct session *s)
{
	char byte;

	if (s->offload_reason == OFFLOAD_FIN_RECEIVED &&
	    tls_read(s->tls, &byte, sizeof(byte)) == -ECONNABORTED)
		return relay_fault_name(RELAY_WIRE_ALERT, wire_of(s));
	return "offload_failed";
}

/* Returns: the engine to relay with; NULL when the session has ended instead. */
static const struct relay_engine *hand_over(struct session *s)
{
	int r;

	/* Bytes may have come in since the handshake, but not into OpenSSL: nothing read since. */
	if (s->offload_reason != OFFLOAD_OK)
		return &relay_engine_copy;
	r = offload_commit(s->tls, session_wire(s)->fd, &s->relay.tx_mark, &s->relay.traffic,
			   &s->offload_reason);
	if (r == 0) {
		s->relay.can_rekey = s->proxy->kernel.rekey.state == FEATURE_WORKS;
		if (!s->relay.can_rekey)
			tls_traffic_wipe(&s->relay.traffic);
		offload_settle(&s->tls);
		return &relay_engine_splice;
	}
	if (r == -EOPNOTSUPP && s->listener->offload != OFFLOAD_REQUIRE)
		return &relay_engine_copy;
	stats_add(s->proxy->stats, STAT_REFUSED_OFFLOAD, 1);
	s->close_reason = why_not_handed_over(s);
	/* Only a client that talks TLS can be told. */
	session_step(s,
		     r == -EOPNOTSUPP && !session_originates(s) ? FLOW_ON_REFUSED : FLOW_ON_BROKEN);
	return NULL;
}

void session_relay(struct session *s)
{
	uint64_t idle_ms = s->proxy->config->timeouts.idle_ms;
	const struct relay_engine *engine;

	s->relay.tickets.expected = tls_expects_tickets(s->tls);
	engine = hand_over(s);
	if (!engine)
		return;
	stats_add(s->proxy->stats,
		  engine == &relay_engine_splice ? STAT_SESSIONS_SPLICE : STAT_SESSIONS_COPY, 1);
	if (s->upstream.tried > 1)
		stats_add(s->proxy->stats, STAT_UPSTREAM_RETRIED, s->upstream.tried - 1);
	stream_reset_on_close(s->accepted.fd);
	s->soon_ms = SOON_FIRST_MS;
	s->relay.tls = s->tls;
	s->relay.accept_truncation = s->listener->on_truncation == TRUNCATION_ACCEPT;
	relay_start(&s->relay, engine, &s->proxy->pools, session_wire(s)->fd, session_local(s)->fd);
	s->active_ms = loop_now_ms(s->proxy->loop);
	loop_disarm(s->proxy->loop, &s->timer);
	if (idle_ms && loop_arm(s->proxy->loop, &s->timer, idle_ms) < 0) {
		session_step(s, FLOW_ON_BROKEN);
		return;
	}
	session_pump(s);
}

/* A busy session does not move its timer with every byte: the timer looks when it fires. */
void session_idle_check(struct session *s)
{
	uint64_t idle_ms = s->proxy->config->timeouts.idle_ms;
	uint64_t quiet_ms = loop_now_ms(s->proxy->loop) - s->active_ms;

	if (quiet_ms < idle_ms && loop_arm(s->proxy->loop, &s->timer, idle_ms - quiet_ms) == 0)
		return;
	stats_add(s->proxy->stats, STAT_IDLE_TIMEOUTS, 1);
	s->close_reason = "idle_timeout";
	session_step(s, FLOW_ON_TIMEOUT);
}
