// SPDX-License-Identifier: Apache-2.0
/* The relay's turns until it ends. */
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
	uint64_t bytes[RELAY_DIRECTIONS], spliced[RELAY_DIRECTIONS];
	uint32_t held[RELAY_DIRECTIONS];
	uint64_t tickets, key_updates, pipes_missed;
	bool half_closed;
};

static struct marks marks_of(const struct relay *relay)
{
	struct marks marks = {.tickets = relay->tickets.dropped,
			      .key_updates = relay->key_updates,
			      .pipes_missed = relay->pools->pipes_missed,
			      .half_closed = relay_is_half_closed(relay)};

	for (int i = 0; i < RELAY_DIRECTIONS; i++) {
		marks.bytes[i] = relay->flow[i].bytes;
		marks.spliced[i] = relay->flow[i].spliced;
		marks.held[i] = relay->flow[i].held;
	}
	return marks;
}

static enum stats_id held_gauge(const struct session *s, enum relay_direction direction)
{
	return direction == session_from_client(s) ? STAT_HELD_IN : STAT_HELD_OUT;
}

/* Returns: bytes that moved in @direction since @before; counted by who moved them. */
static uint64_t count_flow(struct session *s, const struct marks *before,
			   enum relay_direction direction)
{
	const struct relay_flow *flow = &s->relay.flow[direction];
	bool in = direction == session_from_client(s), kernel = s->relay.crypto == RELAY_KERNEL;
	uint64_t moved = flow->bytes - before->bytes[direction];
	uint64_t spliced = flow->spliced - before->spliced[direction];
	enum stats_id copied = in ? STAT_BYTES_IN_COPY : STAT_BYTES_OUT_COPY;

	if (kernel)
		copied = in ? STAT_BYTES_IN_KTLS_COPY : STAT_BYTES_OUT_KTLS_COPY;
	/* Modulo 2^64: it may be less than before. */
	if (flow->held != before->held[direction])
		stats_add(s->proxy->stats, held_gauge(s, direction),
			  (uint64_t)flow->held - before->held[direction]);
	if (spliced > 0)
		stats_add(s->proxy->stats, in ? STAT_BYTES_IN_SPLICE : STAT_BYTES_OUT_SPLICE,
			  spliced);
	if (moved > spliced)
		stats_add(s->proxy->stats, copied, moved - spliced);
	return moved;
}

static void count_turn(struct session *s, const struct marks *before)
{
	struct stats *stats = s->proxy->stats;

	stats_add(stats, STAT_TICKETS_DROPPED, s->relay.tickets.dropped - before->tickets);
	stats_add(stats, STAT_KEY_UPDATES, s->relay.key_updates - before->key_updates);
	stats_add(stats, STAT_PIPES_MISSED, s->relay.pools->pipes_missed - before->pipes_missed);
	if (count_flow(s, before, RELAY_IN) + count_flow(s, before, RELAY_OUT) > 0 ||
	    relay_is_half_closed(&s->relay) != before->half_closed)
		s->active_ms = loop_now_ms(s->proxy->loop);
}

static void relay_over(struct session *s, enum flow_event event)
{
	if (s->relay.fault == RELAY_WIRE_LOST || s->relay.fault == RELAY_LOCAL_LOST)
		stats_add(s->proxy->stats, STAT_PEERS_LOST, 1);
	s->close_reason = relay_fault_name(s->relay.fault, session_who_is_at_wire(s));
	session_step(s, event);
}

/* Returns: @status, or what it has become because the kernel has the keys now. */
static enum relay_status hand_over_when_due(struct session *s, enum relay_status status)
{
	int r;

	if (status == RELAY_ENDED || status == RELAY_BROKEN)
		return status;
	session_check_handover(s);
	if (s->handover != HANDOVER_DUE)
		return status;
	/* OpenSSL owes it until something is written, and behind an upload nothing may be. */
	r = tls_answer_key_update(s->tls);
	if (r < 0) {
		(void)relay_fail_wire(&s->relay, r);
		return RELAY_BROKEN;
	}
	switch (session_hand_over(s)) {
	case HANDOVER_WAITS:
		return status;
	case HANDOVER_MADE:
		return RELAY_AGAIN;
	default:
		return RELAY_BLOCKED; /* nothing is left to do */
	}
}

void session_pump(struct session *s)
{
	const struct marks before = marks_of(&s->relay);
	enum relay_status status = relay_pump(&s->relay);

	count_turn(s, &before);
	/* The first of the two ends was passed on: what comes now may have less time. */
	if (!before.half_closed && relay_is_half_closed(&s->relay) && session_deadline_arm(s) < 0) {
		(void)relay_fail(&s->relay, RELAY_NO_RESOURCES);
		status = RELAY_BROKEN;
	}
	switch (hand_over_when_due(s, status)) {
	case RELAY_BLOCKED:
		break;
	case RELAY_AGAIN:
		loop_defer(s->proxy->loop, &s->turn);
		break;
	case RELAY_SOON:
		if (loop_arm(s->proxy->loop, &s->soon, s->soon_ms) < 0)
			loop_defer(s->proxy->loop, &s->turn);
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
	if (!list_is_linked(&s->turn.node))
		session_pump(s);
}

void session_relay(struct session *s)
{
	session_announced(s);
	s->relay.tickets.expected = s->tls && tls_expects_tickets(s->tls);
	s->relay.accept_truncation = s->listener->on_truncation == TRUNCATION_ACCEPT;
	s->relay.engine = s->listener->engine;
	relay_start(&s->relay, &s->proxy->pools, s->tls, session_wire(s)->fd, session_local(s)->fd);
	session_plan_handover(s);
	if (s->handover == HANDOVER_DUE && session_hand_over(s) == HANDOVER_ENDED)
		return;
	if (s->relay.crypto == RELAY_NOBODY)
		stats_add(s->proxy->stats, STAT_SESSIONS_PASSTHROUGH, 1);
	else if (s->handover != HANDOVER_DONE)
		stats_add(s->proxy->stats, STAT_SESSIONS_COPY, 1);
	if (s->upstream.tried > 1)
		stats_add(s->proxy->stats, STAT_UPSTREAM_RETRIED, s->upstream.tried - 1);
	stream_reset_on_close(s->accepted.fd);
	stream_limit_unacked(s->accepted.fd, proxy_config(s->proxy)->timeouts.unacked_ms);
	stream_limit_unacked(s->connected.fd, proxy_config(s->proxy)->timeouts.unacked_ms);
	s->soon_ms = SOON_FIRST_MS;
	s->active_ms = loop_now_ms(s->proxy->loop);
	if (session_deadline_arm(s) < 0) {
		s->close_reason = relay_fault_name(RELAY_NO_RESOURCES, session_who_is_at_wire(s));
		session_step(s, FLOW_ON_BROKEN);
		return;
	}
	session_pump(s);
}

void session_stop_relay(struct session *s)
{
	for (int i = 0; i < RELAY_DIRECTIONS; i++)
		stats_sub(s->proxy->stats, held_gauge(s, i), s->relay.flow[i].held);
	relay_stop(&s->relay);
}
