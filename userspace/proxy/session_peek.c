// SPDX-License-Identifier: Apache-2.0
/*
 * mode: passthrough, before a connection has a way. Where rules choose by name (SNI), the first message
 * of the client's TLS is looked at where it lies: it stays in the kernel, and the relay begins with two
 * sockets that nobody has read from. Where none does nothing is waited for, so that protocols in which
 * the server speaks first pass too.
 */
#include "model/clienthello.h"
#include "proxy/proxy.h"
#include "proxy/session_internal.h"
#include "sys/stream.h"
#include "sys/tls.h"

#include <errno.h>
#include <string.h>

/* A record with a fatal alert, as a server sends it that has nothing for the name (RFC 6066 3). */
static const uint8_t unrecognized_name[] = {21, 3, 1, 0, 2, 2, TLS_ALERT_UNRECOGNIZED_NAME};

static void refuse(struct session *s, const char *check, const char *reason, int alert,
		   enum stats_id stat)
{
	const struct refusal refusal = {
		.check = check, .reason = reason, .subject = "", .alert = alert};

	session_refuse(s, &refusal, stat);
}

/* Whoever talks no TLS would take an alert for an answer. */
static void refuse_hello(struct session *s, const char *reason, enum flow_event event)
{
	refuse(s, "hello", reason, -1, STAT_HANDSHAKE_FAILED);
	session_step(s, event);
}

static void route(struct session *s, const char *sni, bool is_tls)
{
	const struct policy_verdict verdict = session_decide(s, sni);
	int alert = -1;

	if (verdict.allowed) {
		if (session_prepare_or_refuse(s))
			session_admit(s);
		return;
	}
	if (is_tls && stream_send(s->accepted.fd, unrecognized_name, sizeof(unrecognized_name)) > 0)
		alert = TLS_ALERT_UNRECOGNIZED_NAME;
	refuse(s, policy_asks_sni(s->listener) ? "sni" : "policy", verdict.reason, alert,
	       STAT_REFUSED_POLICY);
	session_step(s, FLOW_ON_REFUSED);
}

void session_peek_begin(struct session *s)
{
	s->state = FLOW_PEEK;
	s->offload_reason = OFFLOAD_PASSTHROUGH;
	if (policy_asks_sni(s->listener))
		session_handshake_begins(s);
	else
		route(s, "", false);
}

void session_peek(struct session *s, uint32_t events)
{
	uint8_t bytes[CLIENTHELLO_WIRE_MAX];
	struct clienthello hello;
	ssize_t got;

	if (events & EPOLLERR) {
		refuse_hello(s, "the client reset the connection", FLOW_ON_FAILED);
		return;
	}
	got = stream_peek(s->accepted.fd, bytes, sizeof(bytes));
	if (got < 0 && got != -EAGAIN) {
		refuse_hello(s, strerror((int)-got), FLOW_ON_FAILED);
		return;
	}
	switch (clienthello_parse(bytes, got > 0 ? (size_t)got : 0, &hello)) {
	case CLIENTHELLO_MORE:
		/* Every byte that comes is an event of its own. */
		if (events & EPOLLRDHUP)
			refuse_hello(s, "the client ended before its hello was complete",
				     FLOW_ON_REFUSED);
		break;
	case CLIENTHELLO_BAD:
		refuse_hello(s, hello.problem, FLOW_ON_REFUSED);
		break;
	case CLIENTHELLO_DONE:
		s->sni = hello.sni[0] ? strdup(hello.sni) : NULL; /* for the log */
		route(s, hello.sni, true);
		break;
	}
}

void session_peek_late(struct session *s)
{
	refuse(s, "timeout", "the hello was not complete within timeouts.handshake", -1,
	       STAT_HANDSHAKE_TIMEOUT);
	session_step(s, FLOW_ON_TIMEOUT);
}
