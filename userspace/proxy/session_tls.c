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

static void remember_tls(struct session *s)
{
	const char *sni = tls_sni(s->tls);

	free(s->sni);
	s->sni = sni ? strdup(sni) : NULL;
	s->tls_version = tls_version_name(s->tls);
	s->tls_cipher = tls_cipher_name(s->tls);
}

static void count_resumption(struct session *s)
{
	enum tls_resumption resumption = tls_resumption(s->tls);

	s->resumed = resumption == TLS_RESUMED;
	if (resumption != TLS_NOT_RESUMED)
		stats_add(s->proxy->stats, s->resumed ? STAT_RESUMED : STAT_RESUMPTION_REFUSED, 1);
}

static struct refusal refusal_of(const struct tls_failure *failure)
{
	return (struct refusal){
		.check = failure->check,
		.reason = failure->reason,
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
	size_t index = (size_t)(s->listener - s->proxy->config->listeners);

	session_handshake_begins(s);
	return tls_conn_new(s->proxy->tls[index], s->accepted.fd, &s->tls);
}

static void client_failed(struct session *s)
{
	const struct tls_failure *failure = tls_conn_failure(s->tls);
	struct refusal refusal = refusal_of(failure);
	enum stats_id stat = STAT_HANDSHAKE_FAILED;

	if (strcmp(failure->check, "no_certificate") == 0)
		stat = STAT_REFUSED_NO_CERTIFICATE;
	else if (strcmp(failure->check, "chain") == 0)
		stat = STAT_REFUSED_CHAIN;
	session_refuse(s, &refusal, stat);
	session_step(s, failure->alert >= 0 ? FLOW_ON_REFUSED : FLOW_ON_FAILED);
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
	session_refuse(s, &refusal, stat);
	session_step(s, FLOW_ON_REFUSED);
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

	count_resumption(s);
	if (handshake_identify(s->tls, &s->identity) < 0) {
		refuse_established(s, "identity", "the certificate has a name that cannot be used",
				   TLS_ALERT_ACCESS_DENIED, STAT_REFUSED_POLICY);
		return;
	}
	verdict = policy_decide(s->listener, &s->identity);
	s->rule = verdict.rule;
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

/* What the certificate of this endpoint must be for. */
static struct tls_server wanted(const struct session *s, char ip[ADDR_TEXT_MAX])
{
	static const enum tls_server_kind kinds[] = {
		[SERVER_DNS] = TLS_SERVER_DNS,
		[SERVER_IP] = TLS_SERVER_IP,
		[SERVER_URI] = TLS_SERVER_URI,
	};
	const struct config_upstream_tls *tls = s->upstream.upstream->tls;

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
	size_t index = (size_t)(s->upstream.upstream - s->proxy->config->upstreams);
	char ip[ADDR_TEXT_MAX];
	struct tls_server server = wanted(s, ip);
	int r = tls_conn_new_client(s->proxy->upstream_tls[index], s->connected.fd, &server,
				    &s->tls);

	session_handshake_begins(s);
	if (r == 0)
		r = loop_arm(s->proxy->loop, &s->timer, s->proxy->config->timeouts.handshake_ms);
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
	if (handshake_identify(s->tls, &s->identity) < 0)
		identity_done(&s->identity);
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
	if (step == TLS_STEP_DONE) {
		client ? client_proved(s) : endpoint_proved(s);
	} else if (client) {
		client_failed(s);
	} else {
		refusal = refusal_of(tls_conn_failure(s->tls));
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
