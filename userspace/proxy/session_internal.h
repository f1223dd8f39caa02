/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by session*.c only: session.c carries out the table of model/flow, the others are what it
 * does in a state. Every event ends in session_step(), and the session may be closed behind it.
 */
#ifndef SLUICE_PROXY_SESSION_INTERNAL_H
#define SLUICE_PROXY_SESSION_INTERNAL_H

#include "model/proxy_header.h"
#include "model/stats.h"
#include "proxy/session.h"
#include "sys/tls.h"

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

/** session_ask_policy() - the same question to the rules of @listener; s->rule stays. */
struct policy_verdict session_ask_policy(const struct session *s,
					 const struct config_listener *listener, const char *sni);

/** session_handshake_begins() - count it for limits.handshakes. */
void session_handshake_begins(struct session *s);

/** session_handshake_over() - stop counting it; twice is fine. */
void session_handshake_over(struct session *s);

/* session_proxy_in.c, session_proxy_out.c: the PROXY protocol with clients, and with upstreams. */

/** What only those sessions have. Addresses: family AF_UNSPEC, there is none. */
struct session_proxied {
	struct addr_short via;	       /* who sent the header in which the client is named */
	struct addr_short destination; /* what the client connected to, as that says */
	uint8_t *received;	       /* that header, as long as it is needed; owned */
	struct proxy_span tlvs;	       /* in it */
	uint8_t *header;	       /* for the upstream, as long as it is needed; owned */
	size_t header_bytes, sent_bytes;
	uint8_t unique_id_len;
	uint8_t unique_id[PROXY_UNIQUE_ID_MAX];
};

/** session_is_introduced() - at @listener a header has to come before the own bytes of @sender. */
bool session_is_introduced(const struct config_listener *listener, const struct addr_short *sender);

/** session_await_header() - wait for it. Returns: 0 or -ENOMEM. */
int session_await_header(struct session *s);

/** session_read_header() - the socket has something to say. */
void session_read_header(struct session *s, uint32_t events);

/** session_header_late() - the time is up. */
void session_header_late(struct session *s);

/**
 * session_prepare_header() - s->rule has said yes: make the header that the upstream wants, if it does.
 * Returns: NULL; in words, why it cannot be told who the client is, so that nothing may go there.
 */
const char *session_prepare_header(struct session *s);

/** session_prepare_or_refuse() - the same with clients that cannot be told. Returns: false: closed. */
bool session_prepare_or_refuse(struct session *s);

/** session_has_header() - there is one to send. */
bool session_has_header(const struct session *s);

/** session_announce() - begin to send it; session_announce_on() - there may be room for the rest. */
void session_announce(struct session *s);
void session_announce_on(struct session *s);

/** session_announced() - no endpoint will be told again: give up what is not for the log. */
void session_announced(struct session *s);

void session_proxied_free(struct session_proxied *proxied);

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

/**
 * session_wanted_server() - what the certificate of the present endpoint must be for when its upstream
 * is as @tls says. @ip: room for the result.
 */
struct tls_server session_wanted_server(const struct session *s,
					const struct config_upstream_tls *tls,
					char ip[ADDR_TEXT_MAX]);

/** session_refusal_of() - what TLS has found, for the log. */
struct refusal session_refusal_of(const struct tls_failure *failure);

/** session_handshake_late() - the time is up. */
void session_handshake_late(struct session *s);

/* session_connect.c: endpoints in turn. */

void session_connect(struct session *s);
void session_connect_next(struct session *s);
void session_try_endpoint(struct session *s);
void session_connect_event(struct session *s, uint32_t events);
void session_connect_late(struct session *s);

/** session_connected() - the endpoint has all that comes before TLS or the client's bytes. */
void session_connected(struct session *s);

/** session_endpoint_failed() - before its handshake: on to the next one. */
void session_endpoint_failed(struct session *s, int error);

/* session_answer.c: what a client is told that cannot go on. TLS with it is established. */

/** session_choose_answer() - s->answer to a refusal, by s->rule and listener. */
void session_choose_answer(struct session *s);

/** session_refused() - behind session_refuse(): the client is told s->answer; an alert was sent. */
void session_refused(struct session *s);

/** session_without_upstream() - no endpoint took the connection. */
void session_without_upstream(struct session *s);

/** session_answer_begin() - read the request's head, then answer. */
void session_answer_begin(struct session *s);

/** session_answer() - the client's socket has something to say. */
void session_answer(struct session *s);

/** session_answer_late() - the time is up: it gets its answer now, if it has asked at all. */
void session_answer_late(struct session *s);

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
