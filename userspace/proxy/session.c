// SPDX-License-Identifier: Apache-2.0
/*
 * Session: carries out what the table in model/flow says.
 *
 * Invariants
 *  - Before FLOW_CONNECT no upstream descriptor exists; FLOW_CONNECT is only entered by a verdict
 *    that allows, or back from an endpoint of the same upstream.
 *  - Every event ends in session_step(), and only session_step() changes the state.
 *  - A closed session has no descriptors and no armed timer; its memory is freed at the
 *    end of the turn.
 *  - In FLOW_HANDSHAKE, FLOW_UPSTREAM_TLS and FLOW_RELAY, s->tls is NULL exactly when the kernel
 *    owns the keys, or nobody here (mode: passthrough).
 */
#include "proxy/session_internal.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "proxy/proxy.h"
#include "sys/stream.h"
#include "sys/tls.h"

#include <string.h>

/* A refused client gets this long, and this much is read from it, for the alert to arrive. */
#define LINGER_MS    2000
#define LINGER_BYTES ((uint64_t)1 << 20)

static void release(struct loop_task *task)
{
	struct session *s = container_of(task, struct session, turn);
	struct proxy *proxy = s->proxy;

	identity_free(s->identity);
	generation_release(s->generation);
	tls_chain_unref(s->chain);
	session_proxied_free(s->proxied);
	free(s->sni);
	free(s);
	proxy_session_gone(proxy);
}

static void end(struct session *s, bool abort)
{
	struct loop *loop = s->proxy->loop;

	session_handshake_over(s);
	if (s->admitted)
		session_log_end(s);
	if (s->relay.truncated)
		stats_add(s->proxy->stats, STAT_TRUNCATED, 1);
	session_stop_relay(s);
	loop_remove(loop, &s->accepted);
	loop_remove(loop, &s->connected);
	loop_disarm(loop, &s->timer);
	loop_disarm(loop, &s->soon);
	list_del(&s->turn.node);
	list_del(&s->node);
	tls_conn_free(s->tls);
	s->tls = NULL;
	if (abort) {
		stats_add(s->proxy->stats, STAT_RESETS, 1);
		stream_abort(&s->accepted.fd);
		stream_abort(&s->connected.fd);
	} else {
		stream_close(&s->accepted.fd);
		stream_close(&s->connected.fd);
	}
	stats_sub(s->proxy->stats, STAT_CONNECTIONS, 1);
	s->turn.run = release;
	loop_defer(loop, &s->turn);
}

static void linger(struct session *s)
{
	session_handshake_over(s);
	fd_close(&s->connected.fd);
	(void)shutdown(s->accepted.fd, SHUT_WR);
	s->accepted.ready(&s->accepted, EPOLLIN);
	if (s->state == FLOW_LINGER && loop_arm(s->proxy->loop, &s->timer, LINGER_MS) < 0)
		session_step(s, FLOW_ON_TIMEOUT);
}

static void on_client_lingering(struct session *s)
{
	char waste[4096];

	for (;;) {
		ssize_t got = stream_recv(s->accepted.fd, waste, sizeof(waste));

		if (got == -EAGAIN)
			return;
		if (got <= 0) {
			session_step(s, FLOW_ON_PEER_CLOSED);
			return;
		}
		s->lingered_bytes += (uint32_t)got;
		if (s->lingered_bytes > LINGER_BYTES) {
			session_step(s, FLOW_ON_TIMEOUT);
			return;
		}
	}
}

void session_handshake_begins(struct session *s)
{
	if (s->handshaking)
		return;
	s->handshaking = true;
	s->proxy->n_handshakes++;
	stats_add(s->proxy->stats, STAT_HANDSHAKES, 1);
}

void session_handshake_over(struct session *s)
{
	if (!s->handshaking)
		return;
	s->handshaking = false;
	s->proxy->n_handshakes--;
	stats_sub(s->proxy->stats, STAT_HANDSHAKES, 1);
	proxy_resume_accepting(s->proxy);
}

void session_refuse(struct session *s, const struct refusal *refusal, enum stats_id stat)
{
	stats_add(s->proxy->stats, stat, 1);
	session_log_refusal(s, refusal);
	s->admitted = false;
}

/* --- events --- */

static void pump_again(struct loop_task *task)
{
	session_pump(container_of(task, struct session, turn));
}

static void try_again(struct loop_timer *timer)
{
	struct session *s = container_of(timer, struct session, soon);

	if (s->state == FLOW_CONNECT)
		session_try_endpoint(s);
	else if (s->state == FLOW_RELAY)
		session_pump(s);
}

static void relay_event(struct session *s, const struct loop_source *source, uint32_t events)
{
	if (source == session_wire(s))
		relay_wire_event(&s->relay, events);
	else
		relay_local_event(&s->relay, events);
	session_pump_on_event(s);
}

/* What the client sends meanwhile waits in the kernel; only its death matters here. */
static void on_client_waiting(struct session *s, uint32_t events)
{
	if (events & EPOLLERR) {
		s->close_reason = "client_reset";
		session_step(s, FLOW_ON_FAILED);
	}
}

static void on_accepted(struct loop_source *source, uint32_t events)
{
	struct session *s = container_of(source, struct session, accepted);

	switch (s->state) {
	case FLOW_PROXY_IN:
		session_read_header(s, events);
		break;
	case FLOW_HANDSHAKE:
		session_shake_hands(s);
		break;
	case FLOW_PEEK:
		session_peek(s, events);
		break;
	case FLOW_CONNECT:
	case FLOW_PROXY_OUT:
	case FLOW_UPSTREAM_TLS:
		on_client_waiting(s, events);
		break;
	case FLOW_RELAY:
		relay_event(s, source, events);
		break;
	case FLOW_ANSWER:
		session_answer(s);
		break;
	case FLOW_LINGER:
		on_client_lingering(s);
		break;
	default: /* closed in this turn */
		break;
	}
}

static void on_connected(struct loop_source *source, uint32_t events)
{
	struct session *s = container_of(source, struct session, connected);

	switch (s->state) {
	case FLOW_CONNECT:
		session_connect_event(s, events);
		break;
	case FLOW_PROXY_OUT:
		session_announce_on(s);
		break;
	case FLOW_UPSTREAM_TLS:
		session_shake_hands(s);
		break;
	case FLOW_RELAY:
		relay_event(s, source, events);
		break;
	default:
		break;
	}
}

static void on_timer(struct loop_timer *timer)
{
	struct session *s = container_of(timer, struct session, timer);

	switch (s->state) {
	case FLOW_PROXY_IN:
		session_header_late(s);
		break;
	case FLOW_HANDSHAKE:
	case FLOW_UPSTREAM_TLS:
		session_handshake_late(s);
		break;
	case FLOW_PEEK:
		session_peek_late(s);
		break;
	case FLOW_CONNECT:
	case FLOW_PROXY_OUT:
		session_connect_late(s);
		break;
	case FLOW_RELAY:
		session_deadline_check(s);
		break;
	case FLOW_ANSWER:
		session_answer_late(s);
		break;
	default:
		session_step(s, FLOW_ON_TIMEOUT);
	}
}

static void no_resources(struct session *s, int error)
{
	log_event(LOG_ERROR, "no_resources", "a new connection is refused: %s", strerror(-error));
	session_step(s, FLOW_ON_TIMEOUT);
}

static int watch_client(struct session *s)
{
	struct loop *loop = s->proxy->loop;
	int r = 0;

	if (session_terminates(s))
		r = session_await_client(s);
	else
		/* The end of this process must not look to the client as if it had an answer. */
		stream_reset_on_close(s->accepted.fd);
	if (r == 0)
		r = loop_arm(loop, &s->timer, proxy_config(s->proxy)->timeouts.handshake_ms);
	if (r == 0)
		r = loop_add(loop, &s->accepted, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	return r;
}

/* A client that talks plaintext has nothing to prove. */
static void admit_unproved(struct session *s)
{
	(void)session_decide(s, NULL);
	if (session_prepare_or_refuse(s))
		session_admit(s);
}

/* What the client itself says comes next: as soon as it is accepted, or behind a PROXY header. */
static void open_client(struct session *s)
{
	int r = watch_client(s);

	if (r < 0)
		no_resources(s, r);
	else if (session_originates(s))
		admit_unproved(s);
	else if (!session_terminates(s))
		session_peek_begin(s);
}

void session_step(struct session *s, enum flow_event event)
{
	struct flow_step next = flow_next(s->state, event);

	if (next.action == FLOW_DO_BUG) {
		log_event(LOG_ERROR, "bug", "event %d in state %s; the session is aborted", event,
			  flow_state_name(s->state));
		next = (struct flow_step){.next = FLOW_CLOSED, .action = FLOW_DO_ABORT};
		if (s->state == FLOW_CLOSED)
			return;
	}
	s->state = next.next;
	switch (next.action) {
	case FLOW_DO_OPEN:
		/* Added anew the socket tells again what is in it. */
		loop_remove(s->proxy->loop, &s->accepted);
		open_client(s);
		break;
	case FLOW_DO_CONNECT:
		session_connect(s);
		break;
	case FLOW_DO_ANNOUNCE:
		session_announce(s);
		break;
	case FLOW_DO_GREET:
		session_greet_endpoint(s);
		break;
	case FLOW_DO_RETRY:
		session_connect_next(s);
		break;
	case FLOW_DO_RELAY:
		session_relay(s);
		break;
	case FLOW_DO_ALERT:
		(void)tls_send_alert(s->tls, TLS_ALERT_INTERNAL_ERROR);
		linger(s);
		break;
	case FLOW_DO_ANSWER:
		session_answer_begin(s);
		break;
	case FLOW_DO_LINGER:
		linger(s);
		break;
	case FLOW_DO_CLOSE:
		end(s, false);
		break;
	default:
		end(s, true);
	}
}

/* --- life --- */

void session_admit(struct session *s)
{
	s->admitted = true;
	stats_add(s->proxy->stats, STAT_ADMITTED, 1);
	/* Its handshake began with a generation that may not be the present one any more. */
	if (session_recheck(s))
		session_step(s, FLOW_ON_ADMITTED);
}

void session_begin(struct proxy *proxy, size_t listener, int fd, const struct addr *peer)
{
	struct session *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		log_event(LOG_ERROR, "no_memory", "a new connection is refused");
		stream_abort(&fd);
		return;
	}
	stream_tune(fd);
	s->proxy = proxy;
	s->generation = generation_hold(proxy->generation);
	s->listener = &s->generation->config->listeners[listener];
	s->id = ++proxy->next_session_id;
	s->started_ns = clock_now_ns();
	s->peer = addr_shorten(peer);
	s->offload_reason = OFFLOAD_NOT_YET;
	s->close_reason = "-";
	s->accepted = (struct loop_source){.fd = fd, .ready = on_accepted};
	s->connected = (struct loop_source){.fd = -1, .ready = on_connected};
	s->timer.fire = on_timer;
	s->soon.fire = try_again;
	s->turn.run = pump_again;
	list_init(&s->turn.node);
	list_add_tail(&proxy->sessions, &s->node);
	proxy->n_sessions++;
	stats_add(proxy->stats, STAT_CONNECTIONS, 1);
	if (session_is_introduced(s->listener, &s->peer)) {
		s->state = FLOW_PROXY_IN;
		r = session_await_header(s);
		if (r < 0)
			no_resources(s, r);
	} else {
		s->state = FLOW_HANDSHAKE;
		open_client(s);
	}
}

size_t session_cut(struct session *s)
{
	bool live = s->state == FLOW_CONNECT || s->state == FLOW_PROXY_OUT ||
		    s->state == FLOW_UPSTREAM_TLS || s->state == FLOW_RELAY;

	s->close_reason = "drained";
	if (live)
		stats_add(s->proxy->stats, STAT_DRAIN_CUT, 1);
	session_step(s, FLOW_ON_CUT);
	return live;
}
