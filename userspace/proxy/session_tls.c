// SPDX-License-Identifier: Apache-2.0
/*
 * The handshake on the wire. Both sides of it are driven by the same function and end in the same
 * knowledge: who the peer is, which version and cipher, and whether the kernel can take over. What
 * differs is whom a failure is told: a client gets an alert, and for an endpoint comes the next one.
 */
#include "base/log.h"
#include "proxy/handshake.h"
#include "proxy/proxy.h"
#include "proxy/session_internal.h"
#include "sys/tls.h"
#include "sys/tls_ticket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Returns: its place in session_protocols(), from 1; 0: none. */
static uint8_t protocol_of(const struct session *s)
{
	const struct session_protocols ours = session_protocols(s);
	size_t len;
	const char *agreed = tls_alpn(s->tls, &len);

	for (size_t i = 0; agreed && i < ours.n; i++) {
		if (strlen(ours.names[i]) == len && memcmp(ours.names[i], agreed, len) == 0)
			return (uint8_t)(i + 1);
	}
	return 0;
}

/* Without a final dot, as model/clienthello.c takes it: the name is the same. NULL: none, or no memory. */
static char *wanted_name(const struct tls_conn *conn)
{
	const char *sni = tls_sni(conn);
	size_t len = sni ? strlen(sni) : 0;

	return sni ? strndup(sni, len > 1 && sni[len - 1] == '.' ? len - 1 : len) : NULL;
}

static void remember_tls(struct session *s)
{
	free(s->sni);
	s->sni = wanted_name(s->tls);
	s->tls_version = tls_version(s->tls);
	s->tls_cipher = tls_cipher_name(s->tls);
	tls_chain_unref(s->chain);
	s->chain = tls_conn_chain(s->tls);
	s->alpn = protocol_of(s);
}

static void count_resumption(struct session *s)
{
	enum tls_resumption resumption = tls_resumption(s->tls);

	s->resumed = resumption == TLS_RESUMED;
	if (resumption != TLS_NOT_RESUMED)
		stats_add(s->proxy->stats, s->resumed ? STAT_RESUMED : STAT_RESUMPTION_REFUSED, 1);
}

static void count_verification(const struct session *s)
{
	enum tls_verified verified = tls_conn_verified(s->tls);

	if (verified == TLS_VERIFIED_BEFORE)
		stats_add(s->proxy->stats, STAT_VERIFY_CACHE_HITS, 1);
	else if (verified == TLS_VERIFIED_NOW)
		stats_add(s->proxy->stats, STAT_VERIFY_CACHE_MISSES, 1);
}

/* What a handshake that came to nothing counts as. */
static enum stats_id stat_of(const struct tls_failure *failure)
{
	static const enum stats_id refused[TLS_REFUSAL_COUNT] = {[TLS_REFUSAL_NONE] =
									 STAT_HANDSHAKE_FAILED,
#define X(id, name) [TLS_REFUSAL_##id] = STAT_REFUSED_##id,
								 TLS_REFUSALS(X)
#undef X
	};

	if (strcmp(failure->check, "no_certificate") == 0)
		return STAT_REFUSED_NO_CERTIFICATE;
	return refused[failure->refusal];
}

struct refusal session_refusal_of(const struct tls_failure *failure)
{
	return (struct refusal){
		.check = failure->check,
		.reason = failure->reason,
		.detail = failure->detail,
		.subject = failure->subject,
		.alert = failure->alert,
	};
}

/* Returns: false when it has to be in the kernel and cannot; s->offload_reason says why. */
static bool decide_offload(struct session *s)
{
	s->offload_reason = s->listener->offload == OFFLOAD_OFF
				    ? OFFLOAD_BY_CONFIG
				    : offload_check(&s->proxy->kernel, s->tls, session_wire(s)->fd);
	return s->listener->offload != OFFLOAD_REQUIRE || s->offload_reason == OFFLOAD_OK;
}

/* --- with a client --- */

int session_await_client(struct session *s)
{
	size_t index = (size_t)(s->listener - s->generation->config->listeners);

	session_handshake_begins(s);
	return tls_conn_new(s->generation->tls[index], s->accepted.fd, &s->tls);
}

static void client_failed(struct session *s)
{
	const struct tls_failure *failure = tls_conn_failure(s->tls);
	struct refusal refusal = session_refusal_of(failure);

	session_refuse(s, &refusal, stat_of(failure));
	session_step(s, failure->alert >= 0 ? FLOW_ON_REFUSED : FLOW_ON_FAILED);
}

/* The TLS handshake is done: refuse with an alert of our own, or what else rule and listener want. */
static void refuse_established(struct session *s, const char *check, const char *reason,
			       enum tls_alert alert, enum stats_id stat)
{
	char subject[256];
	struct refusal refusal = {
		.check = check,
		.reason = reason,
		.subject = subject,
		.alert = -1,
	};

	/* What is our own fault is not for rules to word. */
	if (alert == TLS_ALERT_ACCESS_DENIED)
		session_choose_answer(s);
	if (s->answer == ANSWER_ALERT && tls_send_alert(s->tls, alert) == 0)
		refusal.alert = (int)alert;
	if (s->answer != ANSWER_ALERT)
		refusal.respond = answer_name(s->answer);

	tls_peer_subject(s->tls, subject, sizeof(subject));
	session_refuse(s, &refusal, stat);
	session_refused(s);
}

/*
 * Only who is let in gets a ticket, and it goes out in front of everything else. Returns: false when
 * the client is gone, and so is the session.
 */
static bool give_ticket(struct session *s)
{
	int r = tls_send_ticket(s->tls);

	if (r >= 0) {
		stats_add(s->proxy->stats, STAT_TICKETS_ISSUED, (uint64_t)r);
		return true;
	}
	session_refuse(s,
		       &(struct refusal){.check = "eof",
					 .reason = "the peer closed behind the handshake",
					 .subject = "",
					 .alert = -1},
		       STAT_HANDSHAKE_FAILED);
	session_step(s, FLOW_ON_FAILED);
	return false;
}

static void client_proved(struct session *s)
{
	struct policy_verdict verdict;
	const char *problem;

	count_resumption(s);
	if (handshake_identify(s->tls, &s->identity) < 0) {
		refuse_established(s, "identity", "no memory to read the certificate's names",
				   TLS_ALERT_INTERNAL_ERROR, STAT_REFUSED_POLICY);
		return;
	}
	if (!s->sni && tls_sni(s->tls)) {
		refuse_established(s, "identity", "no memory for the name that it asks for",
				   TLS_ALERT_INTERNAL_ERROR, STAT_REFUSED_POLICY);
		return;
	}
	verdict = session_decide(s, s->sni);
	if (!verdict.allowed) {
		refuse_established(s, "policy", verdict.reason, TLS_ALERT_ACCESS_DENIED,
				   STAT_REFUSED_POLICY);
		return;
	}
	if (!decide_offload(s)) {
		refuse_established(s, "offload", offload_reason_name(s->offload_reason),
				   TLS_ALERT_INTERNAL_ERROR, STAT_REFUSED_OFFLOAD);
		return;
	}
	problem = session_prepare_header(s);
	if (problem) {
		refuse_established(s, "proxy_header", problem, TLS_ALERT_INTERNAL_ERROR,
				   STAT_REFUSED_PROXY_HEADER);
		return;
	}
	if (give_ticket(s))
		session_admit(s);
}

/* --- with an endpoint --- */

static void endpoint_failed(struct session *s, int error, const struct refusal *refusal)
{
	stats_add(s->proxy->stats, STAT_UPSTREAM_TLS_FAILED, 1);
	session_log_endpoint(s, refusal);
	upstream_failed(&s->upstream, error, refusal->check);
	session_handshake_over(s);
	tls_conn_free(s->tls);
	s->tls = NULL;
	session_step(s, FLOW_ON_ENDPOINT_FAILED);
}

struct tls_server session_wanted_server(const struct session *s,
					const struct config_upstream_tls *tls,
					char ip[ADDR_TEXT_MAX])
{
	static const enum tls_server_kind kinds[] = {
		[SERVER_DNS] = TLS_SERVER_DNS,
		[SERVER_IP] = TLS_SERVER_IP,
		[SERVER_URI] = TLS_SERVER_URI,
	};

	return (struct tls_server){
		.kind = kinds[tls->server_kind],
		.name = tls->server_name ? tls->server_name
					 : addr_format_host(upstream_endpoint(&s->upstream), ip),
		.sni = tls->sni,
	};
}

/*
 * limits.handshakes counts this one too, but holds back clients only: those that wait for an
 * endpoint already may take it beyond, up to limits.connections.
 */
void session_greet_endpoint(struct session *s)
{
	size_t index = (size_t)(s->upstream.upstream - s->generation->config->upstreams);
	char ip[ADDR_TEXT_MAX];
	struct tls_server server = session_wanted_server(s, s->upstream.upstream->tls, ip);
	int r = tls_conn_new_client(s->generation->upstream_tls[index], s->connected.fd, &server,
				    &s->tls);

	session_handshake_begins(s);
	if (r == 0)
		r = loop_arm(s->proxy->loop, &s->timer,
			     proxy_config(s->proxy)->timeouts.handshake_ms);
	if (r == 0)
		session_shake_hands(s);
	else
		endpoint_failed(s, r,
				&(struct refusal){.check = "no_resources",
						  .reason = strerror(-r),
						  .subject = "",
						  .alert = -1});
}

static void endpoint_proved(struct session *s)
{
	session_handshake_over(s);
	/* Its name is the right one; the others are for the log, which can do without. */
	(void)handshake_identify(s->tls, &s->identity);
	if (!session_recheck(s))
		return;
	if (decide_offload(s)) {
		session_step(s, FLOW_ON_PROVED);
		return;
	}
	session_refuse(s,
		       &(struct refusal){.check = "offload",
					 .reason = offload_reason_name(s->offload_reason),
					 .subject = "",
					 .alert = -1},
		       STAT_REFUSED_OFFLOAD);
	session_step(s, FLOW_ON_FAILED);
}

/* --- either --- */

void session_shake_hands(struct session *s)
{
	enum tls_step step = tls_conn_handshake(s->tls);
	bool client = !session_originates(s);
	struct refusal refusal;

	if (step == TLS_STEP_WANT_READ || step == TLS_STEP_WANT_WRITE)
		return;
	remember_tls(s);
	count_verification(s);
	if (step == TLS_STEP_DONE) {
		client ? client_proved(s) : endpoint_proved(s);
	} else if (client) {
		client_failed(s);
	} else {
		const struct tls_failure *failure = tls_conn_failure(s->tls);

		if (failure->refusal != TLS_REFUSAL_NONE)
			stats_add(s->proxy->stats, stat_of(failure), 1);
		refusal = session_refusal_of(failure);
		endpoint_failed(s, -EPROTO, &refusal);
	}
}

void session_handshake_late(struct session *s)
{
	const struct refusal refusal = {
		.check = "timeout",
		.reason = "the handshake took longer than timeouts.handshake",
		.subject = "",
		.alert = -1,
	};

	if (session_originates(s)) {
		endpoint_failed(s, -ETIMEDOUT, &refusal);
		return;
	}
	session_refuse(s, &refusal, STAT_HANDSHAKE_TIMEOUT);
	session_step(s, FLOW_ON_TIMEOUT);
}
