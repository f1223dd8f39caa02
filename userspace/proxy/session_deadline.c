// SPDX-License-Identifier: Apache-2.0
/*
 * What a session that relays has to be done by. All deadlines share s->timer: it is armed for the
 * one that is due first, and looks again when it fires, so that a byte only notes its time and moves
 * no timer.
 *
 * A deadline is a row: when it is due, and what happens then. Whoever makes one due earlier than it
 * was (an end that was passed on) calls session_deadline_arm().
 *
 * A peer that acknowledges nothing is the kernel's business (stream_limit_unacked()): it looks like a
 * reset to the relay, with a reason of its own.
 */
#include "base/clock.h"
#include "proxy/proxy.h"
#include "proxy/session_internal.h"

#define NEVER UINT64_MAX

struct deadline {
	/* On the loop's clock, or NEVER. */
	uint64_t (*due_ms)(const struct session *s);
	/* The session may be closed behind it; when it is not, due_ms must have changed. */
	void (*expire)(struct session *s);
};

static uint64_t after(uint64_t since_ms, uint64_t limit_ms)
{
	return limit_ms ? since_ms + limit_ms : NEVER;
}

static void time_out(struct session *s, enum stats_id counter, const char *reason)
{
	stats_add(s->proxy->stats, counter, 1);
	s->close_reason = reason;
	session_step(s, FLOW_ON_TIMEOUT);
}

static uint64_t idle_due_ms(const struct session *s)
{
	return after(s->active_ms, proxy_config(s->proxy)->timeouts.idle_ms);
}

static void idle_expire(struct session *s)
{
	time_out(s, STAT_IDLE_TIMEOUTS, "idle_timeout");
}

/* The end that was passed on counts as activity, and only the other direction has any after it. */
static uint64_t half_closed_due_ms(const struct session *s)
{
	if (!relay_is_half_closed(&s->relay))
		return NEVER;
	return after(s->active_ms, proxy_config(s->proxy)->timeouts.half_closed_ms);
}

static void half_closed_expire(struct session *s)
{
	time_out(s, STAT_HALF_CLOSED_TIMEOUTS, "half_closed_timeout");
}

static uint64_t max_age_due_ms(const struct session *s)
{
	return after(s->started_ns / NS_PER_MS, proxy_config(s->proxy)->session.max_age_ms);
}

static void max_age_expire(struct session *s)
{
	time_out(s, STAT_MAX_AGE_ENDED, "max_age");
}

/* Not an end: an idle session gives up its SSL object. */
static uint64_t handover_due_ms(const struct session *s)
{
	if (s->handover != HANDOVER_LATER)
		return NEVER;
	return after(s->started_ns / NS_PER_MS, s->listener->offload_after.age_ms);
}

static void handover_expire(struct session *s)
{
	session_handover_due(s);
	session_pump(s);
}

/* Of two that are due at once the first one gives the reason. */
static const struct deadline deadlines[] = {
	{max_age_due_ms, max_age_expire},
	{half_closed_due_ms, half_closed_expire},
	{idle_due_ms, idle_expire},
	{handover_due_ms, handover_expire},
};

#define N_DEADLINES (sizeof(deadlines) / sizeof(deadlines[0]))

/* Returns: the deadline that is due next; NULL when none ever is. */
static const struct deadline *next_deadline(const struct session *s, uint64_t *ret_due_ms)
{
	const struct deadline *next = NULL;

	*ret_due_ms = NEVER;
	for (size_t i = 0; i < N_DEADLINES; i++) {
		uint64_t due_ms = deadlines[i].due_ms(s);

		if (due_ms < *ret_due_ms) {
			*ret_due_ms = due_ms;
			next = &deadlines[i];
		}
	}
	return next;
}

int session_deadline_arm(struct session *s)
{
	uint64_t now_ms = loop_now_ms(s->proxy->loop);
	uint64_t due_ms;

	loop_disarm(s->proxy->loop, &s->timer);
	if (!next_deadline(s, &due_ms))
		return 0;
	return loop_arm(s->proxy->loop, &s->timer, due_ms > now_ms ? due_ms - now_ms : 0);
}

void session_deadline_check(struct session *s)
{
	uint64_t due_ms;
	const struct deadline *next = next_deadline(s, &due_ms);

	if (next && due_ms <= loop_now_ms(s->proxy->loop))
		next->expire(s);
	if (s->state == FLOW_RELAY && session_deadline_arm(s) < 0) {
		s->close_reason = "no_resources";
		session_step(s, FLOW_ON_BROKEN);
	}
}
