// SPDX-License-Identifier: Apache-2.0
/*
 * What a client is told that may not pass, or that no endpoint is there for. An answer in HTTP waits for
 * the end of the request's head, so that a client reads it as the answer to something, and so that it
 * is not destroyed by the reset that unread bytes would cause; what comes behind it is for FLOW_LINGER.
 */
#include "base/fd.h"
#include "proxy/proxy.h"
#include "proxy/session_internal.h"
#include "sys/tls.h"

#include <errno.h>

/* A longer head gets its answer early: nginx would take 32 KiB of it, most others 8 to 16. */
#define HEAD_BYTES_MAX 16384

/* What a message without bytes counts: nobody sends as many as that allows. */
#define MESSAGE_BYTES 256

static enum flow_event event_of(enum answer answer)
{
	static const enum flow_event events[ANSWERS] = {
		[ANSWER_ALERT] = FLOW_ON_REFUSED,
		[ANSWER_RESET] = FLOW_ON_SHUT_OUT,
		[ANSWER_HTTP_403] = FLOW_ON_TO_ANSWER,
		[ANSWER_HTTP_503] = FLOW_ON_TO_ANSWER,
	};

	return events[answer];
}

void session_choose_answer(struct session *s)
{
	size_t len;
	const char *alpn = tls_alpn(s->tls, &len);

	s->answer = answer_to_refusal(s->listener, s->rule, alpn, len);
}

void session_refused(struct session *s)
{
	session_step(s, event_of(s->answer));
}

void session_without_upstream(struct session *s)
{
	size_t len;
	const char *alpn = tls_alpn(s->tls, &len);

	s->answer = answer_without_upstream(s->listener, alpn, len);
	session_step(s, s->answer == ANSWER_ALERT ? FLOW_ON_NO_UPSTREAM : event_of(s->answer));
}

/* A client that has asked for nothing gets no answer either, only the end. */
static void tell(struct session *s)
{
	char text[ANSWER_TEXT_MAX];
	size_t len = answer_write(s->answer, answer_head_wants_body(&s->head), text);

	/* One short record on a connection that has sent nothing since its handshake: it fits. */
	if (s->lingered_bytes > 0)
		(void)tls_write(s->tls, text, len);
	(void)tls_send_close_notify(s->tls);
	session_step(s, FLOW_ON_ANSWERED);
}

void session_answer(struct session *s)
{
	char bytes[4096];

	for (;;) {
		ssize_t got = tls_read(s->tls, bytes, sizeof(bytes));

		if (got == -EAGAIN)
			return;
		if (got < 0 && got != -EINPROGRESS && got != -ENODATA) {
			session_step(s, FLOW_ON_FAILED);
			return;
		}
		/* Who has ended its direction may still read. */
		if (got == 0 || got == -ENODATA)
			break;
		s->lingered_bytes += got > 0 ? (uint32_t)got : MESSAGE_BYTES;
		if (s->lingered_bytes >= HEAD_BYTES_MAX ||
		    (got > 0 && answer_head_ends(&s->head, bytes, (size_t)got)))
			break;
	}
	tell(s);
}

void session_answer_begin(struct session *s)
{
	session_handshake_over(s);
	fd_close(&s->connected.fd);
	/* As long as it had for the handshake. */
	if (loop_arm(s->proxy->loop, &s->timer, proxy_config(s->proxy)->timeouts.handshake_ms) < 0)
		session_step(s, FLOW_ON_TIMEOUT);
	else
		session_answer(s);
}

void session_answer_late(struct session *s)
{
	tell(s);
}
