/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by session*.c only: session.c carries out the table of model/flow, the others are what it
 * does in a state. Every event ends in session_step(), and the session may be closed behind it.
 */
#ifndef SLUICE_PROXY_SESSION_INTERNAL_H
#define SLUICE_PROXY_SESSION_INTERNAL_H

#include "model/stats.h"
#include "proxy/session.h"

/** session_step() - @event happened: the next state and its action. */
void session_step(struct session *s, enum flow_event event);

/** session_admit() - s->rule has said yes. */
void session_admit(struct session *s);

/** session_refuse() - count and log it; what the client is told is the caller's. */
void session_refuse(struct session *s, const struct refusal *refusal, enum stats_id stat);

/**
 * session_decide() - ask the policy about the client, for whom it will be s->rule that decided. @sni: the
 * name that it asks for, NULL or "": none. What rules with `audit` have to say is logged.
 */
struct policy_verdict session_decide(struct session *s, const char *sni);

/** session_handshake_begins() - count it for limits.handshakes. */
void session_handshake_begins(struct session *s);

/** session_handshake_over() - stop counting it; twice is fine. */
void session_handshake_over(struct session *s);

/* session_peek.c: mode: passthrough, which way is it to go? */

/** session_peek_begin() - go at once where no rule asks for a name. */
void session_peek_begin(struct session *s);

/** session_peek() - the client's socket has something to say. */
void session_peek(struct session *s, uint32_t events);

/** session_peek_late() - the time is up. */
void session_peek_late(struct session *s);

/* session_tls.c: the handshake on the wire, whoever opened its socket. */

/** session_await_client() - take the server's side. Returns: 0 or -ENOMEM. */
int session_await_client(struct session *s);

/** session_greet_endpoint() - take the client's side. */
void session_greet_endpoint(struct session *s);

/** session_shake_hands() - the wire has bytes or room. */
void session_shake_hands(struct session *s);

/** session_handshake_late() - the time is up. */
void session_handshake_late(struct session *s);

/* session_connect.c: endpoints in turn. */

void session_connect(struct session *s);
void session_connect_next(struct session *s);
void session_try_endpoint(struct session *s);
void session_connect_event(struct session *s, uint32_t events);
void session_connect_late(struct session *s);

/* session_handover.c: from OpenSSL to the kernel. */

/** session_plan_handover() - the relay has started: when will the keys be handed over? */
void session_plan_handover(struct session *s);

/** session_handover_due() - from now on, at the first end of a record. */
void session_handover_due(struct session *s);

/** session_check_handover() - has it become due by the bytes that were moved? */
void session_check_handover(struct session *s);

enum handover_result {
	HANDOVER_WAITS, /* not now: go on as before */
	HANDOVER_MADE,	/* the kernel has the keys: pump again */
	HANDOVER_ENDED, /* the session is closed */
};

/** session_hand_over() - try it, in state HANDOVER_DUE. */
enum handover_result session_hand_over(struct session *s);

/* session_relay.c: the relay's turns until it ends. */

void session_relay(struct session *s);
void session_pump(struct session *s);

/** session_stop_relay() - what it holds is dropped; also of a session that had none. */
void session_stop_relay(struct session *s);

/** session_pump_on_event() - unless the turn's budget is used up. */
void session_pump_on_event(struct session *s);

/* session_deadline.c: the time limits of a session that relays. */

/** session_deadline_arm() - the timer goes for what is due next. Returns: 0 or -ENOMEM. */
int session_deadline_arm(struct session *s);

/** session_deadline_check() - the timer has fired. */
void session_deadline_check(struct session *s);

#endif
