// SPDX-License-Identifier: Apache-2.0
/*
 * Session: carries out what the table in model/flow says.
 *
 * Invariants
 *  - Before FLOW_CONNECT no upstream descriptor exists; FLOW_CONNECT is only entered by a verdict
 *    that allows.
 *  - Every event ends in step(), and only step() changes the state.
 *  - A closed session has no descriptors and no armed timer; its memory is freed by its death
 *    task at the end of the turn.
 *  - s->tls is NULL exactly when the kernel owns the keys.
 */
#include "proxy/session.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "proxy/handshake.h"
#include "proxy/proxy.h"
#include "sys/stream.h"
#include "sys/tls.h"

#include <string.h>

/* A refused peer gets this long, and this much is read from it, for the alert to arrive. */
#define LINGER_MS    2000
#define LINGER_BYTES ((uint64_t)1 << 20)

/* How often the kernel is asked whether the last records have left: at first, and at the longest. */
#define SOON_FIRST_MS 2
#define SOON_LAST_MS  200

/* A unix upstream whose queue is full is tried again after this, until timeouts.connect. */
#define QUEUE_FULL_MS 10

static void step(struct session *s, enum flow_event event);

static void release(struct loop_task *task)
{
	struct session *s = container_of(task, struct session, death);
	struct proxy *proxy = s->proxy;

	identity_done(&s->identity);
	free(s->sni);
	free(s);
	proxy_session_gone(proxy);
}

static void handshake_over(struct session *s)
{
	if (!s->handshaking)
		return;
	s->handshaking = false;
	s->proxy->n_handshakes--;
	stats_sub(s->proxy->stats, STAT_HANDSHAKES, 1);
	proxy_resume_accepting(s->proxy);
}

static void end(struct session *s, bool abort)
{
	struct loop *loop = s->proxy->loop;

	handshake_over(s);
	if (s->verdict.allowed)
		session_log_end(s);
	if (s->relay.truncated)
		stats_add(s->proxy->stats, STAT_TRUNCATED, 1);
	relay_stop(&s->relay);
	loop_remove(loop, &s->wire);
	loop_remove(loop, &s->local);
	loop_disarm(loop, &s->timer);
	loop_disarm(loop, &s->soon);
	list_del(&s->pump.node);
	list_del(&s->node);
	tls_conn_free(s->tls);
	s->tls = NULL;
	if (abort) {
		stats_add(s->proxy->stats, STAT_RESETS, 1);
		stream_abort(&s->wire.fd);
		stream_abort(&s->local.fd);
	} else {
		stream_close(&s->wire.fd);
		stream_close(&s->local.fd);
	}
	stats_sub(s->proxy->stats, STAT_CONNECTIONS, 1);
	loop_defer(loop, &s->death);
}

static void linger(struct session *s)
{
	handshake_over(s);
	fd_close(&s->local.fd);
	(void)shutdown(s->wire.fd, SHUT_WR);
	s->wire.ready(&s->wire, EPOLLIN);
	if (s->state == FLOW_LINGER && loop_arm(s->proxy->loop, &s->timer, LINGER_MS) < 0)
		step(s, FLOW_ON_TIMEOUT);
}

static void on_wire_lingering(struct session *s)
{
	char waste[4096];

	for (;;) {
		ssize_t got = stream_recv(s->wire.fd, waste, sizeof(waste));

		if (got == -EAGAIN)
			return;
		if (got <= 0) {
			step(s, FLOW_ON_PEER_CLOSED);
			return;
		}
		s->lingered_bytes += (uint64_t)got;
		if (s->lingered_bytes > LINGER_BYTES) {
			step(s, FLOW_ON_TIMEOUT);
			return;
		}
	}
}

static void refuse(struct session *s, const struct refusal *refusal, enum stats_id stat)
{
	stats_add(s->proxy->stats, stat, 1);
	session_log_refusal(s, refusal);
	s->verdict.allowed = false;
}

/* --- handshake --- */

static void remember_tls(struct session *s)
{
	const char *sni = tls_sni(s->tls);

	s->sni = sni ? strdup(sni) : NULL;
	s->tls_version = tls_version_name(s->tls);
	s->tls_cipher = tls_cipher_name(s->tls);
}

static void handshake_failed(struct session *s)
{
	const struct tls_failure *failure = tls_conn_failure(s->tls);
	struct refusal refusal = {
		.check = failure->check,
		.reason = failure->reason,
		.subject = failure->subject,
		.alert = failure->alert,
	};
	enum stats_id stat = STAT_HANDSHAKE_FAILED;

	remember_tls(s);
	if (strcmp(failure->check, "no_certificate") == 0)
		stat = STAT_REFUSED_NO_CERTIFICATE;
	else if (strcmp(failure->check, "chain") == 0)
		stat = STAT_REFUSED_CHAIN;
	refuse(s, &refusal, stat);
	step(s, failure->alert >= 0 ? FLOW_ON_REFUSED : FLOW_ON_FAILED);
}

/* The TLS handshake is done: refuse with an alert of our own. */
static void refuse_established(struct session *s, const char *check, const char *reason,
			       enum tls_alert alert, enum stats_id stat)
{
	char subject[256];
	struct refusal refusal = {
		.check = check,
		.reason = reason,
		.subject = subject,
		.alert = tls_send_alert(s->tls, alert) == 0 ? (int)alert : -1,
	};

	tls_peer_subject(s->tls, subject, sizeof(subject));
	refuse(s, &refusal, stat);
	step(s, FLOW_ON_REFUSED);
}

static void handshake_done(struct session *s)
{
	int r;

	remember_tls(s);
	r = handshake_identify(s->tls, &s->identity);
	if (r < 0) {
		refuse_established(s, "identity", "the certificate has a name that cannot be used",
				   TLS_ALERT_ACCESS_DENIED, STAT_REFUSED_POLICY);
		return;
	}
	s->verdict = policy_decide(s->listener, &s->identity);
	if (!s->verdict.allowed) {
		refuse_established(s, "policy", s->verdict.reason, TLS_ALERT_ACCESS_DENIED,
				   STAT_REFUSED_POLICY);
		return;
	}
	s->offload_reason = s->listener->offload == OFFLOAD_OFF
				    ? OFFLOAD_BY_CONFIG
				    : offload_check(&s->proxy->kernel, s->tls, s->wire.fd);
	if (s->listener->offload == OFFLOAD_REQUIRE && s->offload_reason != OFFLOAD_OK) {
		refuse_established(s, "offload", offload_reason_name(s->offload_reason),
				   TLS_ALERT_INTERNAL_ERROR, STAT_REFUSED_OFFLOAD);
		return;
	}
	stats_add(s->proxy->stats, STAT_ADMITTED, 1);
	step(s, FLOW_ON_ADMITTED);
}

static void on_wire_handshake(struct session *s)
{
	switch (tls_conn_handshake(s->tls)) {
	case TLS_STEP_DONE:
		handshake_done(s);
		break;
	case TLS_STEP_WANT_READ:
	case TLS_STEP_WANT_WRITE:
		break;
	case TLS_STEP_REFUSED:
	case TLS_STEP_FAILED:
		handshake_failed(s);
		break;
	}
}

/* --- upstream --- */

static void count_retries(const struct session *s)
{
	if (s->upstream.tried > 1)
		stats_add(s->proxy->stats, STAT_UPSTREAM_RETRIED, s->upstream.tried - 1);
}

static void no_upstream(struct session *s)
{
	count_retries(s);
	stats_add(s->proxy->stats, STAT_UPSTREAM_FAILED, 1);
	log_event(LOG_WARN, "upstream_failed",
		  "upstream %s: every endpoint failed, the last with: %s",
		  s->upstream.upstream->name, strerror(-s->upstream.error));
	s->close_reason = "upstream_failed";
	step(s, FLOW_ON_NO_UPSTREAM);
}

static void try_endpoint(struct session *s)
{
	int r = upstream_next(&s->upstream, &s->local.fd);

	if (r == -EHOSTUNREACH) {
		no_upstream(s);
		return;
	}
	if (r == -EAGAIN)
		r = loop_arm(s->proxy->loop, &s->soon, QUEUE_FULL_MS);
	else if (loop_add(s->proxy->loop, &s->local, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0)
		r = -ENOMEM;
	if (r == -ENOMEM) {
		s->upstream.error = r;
		no_upstream(s);
		return;
	}
	if (s->local.fd >= 0 && r == 0)
		step(s, FLOW_ON_CONNECTED);
}

static void begin_endpoint(struct session *s)
{
	if (loop_arm(s->proxy->loop, &s->timer, s->proxy->config->timeouts.connect_ms) == 0) {
		try_endpoint(s);
		return;
	}
	s->upstream.error = -ENOMEM;
	no_upstream(s);
}

static void endpoint_failed(struct session *s, int error)
{
	char text[ADDR_TEXT_MAX];

	loop_disarm(s->proxy->loop, &s->soon);
	if (s->local.fd < 0)
		upstream_skip(&s->upstream, error);
	s->upstream.error = error;
	log_event(LOG_INFO, "endpoint_failed", "upstream %s endpoint %s: %s; %s",
		  s->upstream.upstream->name, addr_format(upstream_endpoint(&s->upstream), text),
		  strerror(-error),
		  upstream_is_last(&s->upstream) ? "no other is left" : "trying the next one");
	loop_remove(s->proxy->loop, &s->local);
	fd_close(&s->local.fd);
	begin_endpoint(s);
}

static void connect_upstream(struct session *s)
{
	handshake_over(s);
	upstream_begin(&s->upstream, &s->proxy->config->upstreams[s->verdict.rule->upstream],
		       &s->proxy->rotations[s->verdict.rule->upstream]);
	begin_endpoint(s);
}

static void on_local_connecting(struct session *s, uint32_t events)
{
	int r = stream_connect_result(s->local.fd);

	if (r < 0)
		endpoint_failed(s, r);
	else if (events & EPOLLOUT)
		step(s, FLOW_ON_CONNECTED);
}

static void on_wire_connecting(struct session *s, uint32_t events)
{
	/* What the client sends meanwhile waits in the kernel; only its death matters here. */
	if (events & EPOLLERR) {
		s->close_reason = "client_reset";
		step(s, FLOW_ON_FAILED);
	}
}

/* --- relay --- */

static void count_bytes(struct session *s, const uint64_t before[RELAY_DIRECTIONS])
{
	bool spliced = s->relay.engine == &relay_engine_splice;
	uint64_t in = s->relay.flow[RELAY_IN].bytes - before[RELAY_IN];
	uint64_t out = s->relay.flow[RELAY_OUT].bytes - before[RELAY_OUT];

	if (in + out == 0)
		return;
	s->active_ms = loop_now_ms(s->proxy->loop);
	stats_add(s->proxy->stats, spliced ? STAT_BYTES_IN_SPLICE : STAT_BYTES_IN_COPY, in);
	stats_add(s->proxy->stats, spliced ? STAT_BYTES_OUT_SPLICE : STAT_BYTES_OUT_COPY, out);
}

static void relay_broken(struct session *s)
{
	s->close_reason = relay_fault_name(s->relay.fault);
	step(s, FLOW_ON_BROKEN);
}

static void pump(struct session *s)
{
	const uint64_t before[] = {s->relay.flow[RELAY_IN].bytes, s->relay.flow[RELAY_OUT].bytes};
	enum relay_status status = relay_pump(&s->relay);

	count_bytes(s, before);
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
		s->close_reason = relay_fault_name(RELAY_FAULT_NONE);
		step(s, FLOW_ON_ENDED);
		break;
	case RELAY_BROKEN:
		relay_broken(s);
		break;
	}
}

static void pump_again(struct loop_task *task)
{
	pump(container_of(task, struct session, pump));
}

/* One turn's budget is for all events of the turn. */
static void pump_on_event(struct session *s)
{
	s->soon_ms = SOON_FIRST_MS;
	if (!list_is_linked(&s->pump.node))
		pump(s);
}

static void try_again(struct loop_timer *timer)
{
	struct session *s = container_of(timer, struct session, soon);

	if (s->state == FLOW_CONNECT)
		try_endpoint(s);
	else if (s->state == FLOW_RELAY)
		pump(s);
}

/* Returns: the engine to relay with; NULL when the session has ended instead. */
static const struct relay_engine *hand_over(struct session *s)
{
	int r;

	/* Bytes may have come in since the handshake, but not into OpenSSL: nothing read since. */
	if (s->offload_reason != OFFLOAD_OK)
		return &relay_engine_copy;
	r = offload_commit(s->tls, s->wire.fd, &s->relay.tx_mark, &s->relay.traffic,
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
	s->close_reason = "offload_failed";
	step(s, r == -EOPNOTSUPP ? FLOW_ON_REFUSED : FLOW_ON_BROKEN);
	return NULL;
}

static void relay(struct session *s)
{
	uint64_t idle_ms = s->proxy->config->timeouts.idle_ms;
	const struct relay_engine *engine = hand_over(s);

	if (!engine)
		return;
	stats_add(s->proxy->stats,
		  engine == &relay_engine_splice ? STAT_SESSIONS_SPLICE : STAT_SESSIONS_COPY, 1);
	count_retries(s);
	stream_reset_on_close(s->wire.fd);
	s->soon_ms = SOON_FIRST_MS;
	s->relay.tls = s->tls;
	s->relay.accept_truncation = s->listener->on_truncation == TRUNCATION_ACCEPT;
	relay_start(&s->relay, engine, &s->proxy->pools, s->wire.fd, s->local.fd);
	s->active_ms = loop_now_ms(s->proxy->loop);
	loop_disarm(s->proxy->loop, &s->timer);
	if (idle_ms && loop_arm(s->proxy->loop, &s->timer, idle_ms) < 0) {
		step(s, FLOW_ON_BROKEN);
		return;
	}
	pump(s);
}

/* --- events --- */

static void on_wire(struct loop_source *source, uint32_t events)
{
	struct session *s = container_of(source, struct session, wire);

	switch (s->state) {
	case FLOW_HANDSHAKE:
		on_wire_handshake(s);
		break;
	case FLOW_CONNECT:
		on_wire_connecting(s, events);
		break;
	case FLOW_RELAY:
		relay_wire_event(&s->relay, events);
		pump_on_event(s);
		break;
	case FLOW_LINGER:
		on_wire_lingering(s);
		break;
	default: /* closed in this turn */
		break;
	}
}

static void on_local(struct loop_source *source, uint32_t events)
{
	struct session *s = container_of(source, struct session, local);

	if (s->state == FLOW_CONNECT) {
		on_local_connecting(s, events);
	} else if (s->state == FLOW_RELAY) {
		relay_local_event(&s->relay, events);
		pump_on_event(s);
	}
}

/* A busy session does not move its timer with every byte: the timer looks when it fires. */
static void idle_check(struct session *s)
{
	uint64_t idle_ms = s->proxy->config->timeouts.idle_ms;
	uint64_t quiet_ms = loop_now_ms(s->proxy->loop) - s->active_ms;

	if (quiet_ms < idle_ms && loop_arm(s->proxy->loop, &s->timer, idle_ms - quiet_ms) == 0)
		return;
	stats_add(s->proxy->stats, STAT_IDLE_TIMEOUTS, 1);
	s->close_reason = "idle_timeout";
	step(s, FLOW_ON_TIMEOUT);
}

static void on_timer(struct loop_timer *timer)
{
	struct session *s = container_of(timer, struct session, timer);

	switch (s->state) {
	case FLOW_HANDSHAKE:
		refuse(s,
		       &(struct refusal){
			       .check = "timeout",
			       .reason = "the handshake took longer than timeouts.handshake",
			       .subject = "",
			       .alert = -1},
		       STAT_HANDSHAKE_TIMEOUT);
		step(s, FLOW_ON_TIMEOUT);
		break;
	case FLOW_CONNECT:
		endpoint_failed(s, -ETIMEDOUT);
		break;
	case FLOW_RELAY:
		idle_check(s);
		break;
	default:
		step(s, FLOW_ON_TIMEOUT);
	}
}

static void step(struct session *s, enum flow_event event)
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
	case FLOW_DO_CONNECT:
		connect_upstream(s);
		break;
	case FLOW_DO_RELAY:
		relay(s);
		break;
	case FLOW_DO_ALERT:
		(void)tls_send_alert(s->tls, TLS_ALERT_INTERNAL_ERROR);
		linger(s);
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

static int open_session(struct session *s)
{
	const struct config *config = s->proxy->config;
	size_t index = (size_t)(s->listener - config->listeners);
	int r = tls_conn_new(s->proxy->tls[index], s->wire.fd, &s->tls);

	if (r == 0)
		r = loop_arm(s->proxy->loop, &s->timer, config->timeouts.handshake_ms);
	if (r == 0)
		r = loop_add(s->proxy->loop, &s->wire, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	return r;
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
	s->listener = &proxy->config->listeners[listener];
	s->id = ++proxy->next_session_id;
	s->started_ns = clock_now_ns();
	s->peer = *peer;
	s->offload_reason = OFFLOAD_NOT_YET;
	s->close_reason = "-";
	s->wire = (struct loop_source){.fd = fd, .ready = on_wire};
	s->local = (struct loop_source){.fd = -1, .ready = on_local};
	s->timer.fire = on_timer;
	s->soon.fire = try_again;
	s->pump.run = pump_again;
	s->death.run = release;
	list_init(&s->pump.node);
	list_init(&s->death.node);
	list_add_tail(&proxy->sessions, &s->node);
	proxy->n_sessions++;
	proxy->n_handshakes++;
	s->handshaking = true;
	stats_add(proxy->stats, STAT_CONNECTIONS, 1);
	stats_add(proxy->stats, STAT_HANDSHAKES, 1);
	r = open_session(s);
	if (r < 0) {
		log_event(LOG_ERROR, "no_resources", "a new connection is refused: %s",
			  strerror(-r));
		step(s, FLOW_ON_TIMEOUT);
	}
}

size_t session_cut(struct session *s)
{
	bool live = s->state == FLOW_CONNECT || s->state == FLOW_RELAY;

	s->close_reason = "drained";
	if (live)
		stats_add(s->proxy->stats, STAT_DRAIN_CUT, 1);
	step(s, FLOW_ON_CUT);
	return live;
}
