// SPDX-License-Identifier: Apache-2.0
/*
 * A session that an older generation has admitted, before the eyes of the present one. Everything
 * that admits a new session is asked again, of what is kept of this one: the chain, the names, what
 * the client asked for.
 */
#include "base/log.h"
#include "proxy/proxy.h"
#include "proxy/session_internal.h"
#include "sys/ktls.h"

#include <errno.h>
#include <string.h>

/** What the present generation has for a session. */
struct place {
	const struct config_listener *listener;
	const struct config_rule *rule;
};

static struct refusal no(const char *check, const char *reason)
{
	return (struct refusal){.check = check, .reason = reason, .subject = "", .alert = -1};
}

static bool find_listener(const struct session *s, struct place *place, struct refusal *why)
{
	const struct generation *now = s->proxy->generation;
	size_t index = generation_listener(now, s->listener->name);

	if (index == now->config->n_listeners) {
		*why = no("listener", "there is no such listener any more");
		return false;
	}
	place->listener = &now->config->listeners[index];
	if (place->listener->mode == s->listener->mode)
		return true;
	*why = no("listener", "the listener has another mode now");
	return false;
}

/* Who is named in a header is who its sender says, as long as he may say so. */
static bool is_introduced_as_before(const struct session *s, const struct place *place,
				    struct refusal *why)
{
	bool was = s->proxied && s->proxied->via.family != AF_UNSPEC;
	bool is = session_is_introduced(place->listener, was ? &s->proxied->via : &s->peer);

	if (was != is)
		*why = no("proxy_header",
			  was ? "who sent its PROXY header may not send one any more"
			      : "who comes from there has to send a PROXY header now");
	return was == is;
}

static bool ask_policy(const struct session *s, struct place *place, struct refusal *why)
{
	struct policy_verdict verdict = session_ask_policy(s, place->listener, s->sni);

	place->rule = verdict.rule;
	if (!verdict.allowed)
		*why = no("policy", verdict.reason);
	return verdict.allowed;
}

static bool has_version(const struct session *s, enum config_tls_version wanted,
			struct refusal *why)
{
	if (wanted != TLS_1_3_ONLY || s->tls_version == 0 || s->tls_version >= KTLS_VERSION_1_3)
		return true;
	*why = no("protocol", "TLS 1.2 is not allowed any more");
	return false;
}

/* @server: NULL: whoever is at the wire is a client. */
static bool is_believed(const struct session *s, struct tls_ctx *ctx,
			const struct tls_server *server, struct refusal *why)
{
	struct tls_failure failure;
	int r = tls_chain_verify(ctx, s->chain, server, &failure);

	if (r == -EACCES)
		*why = session_refusal_of(&failure);
	else if (r < 0)
		*why = no("no_resources", strerror(-r));
	return r == 0;
}

static bool server_has_proof(const struct session *s, struct refusal *why)
{
	const struct generation *now = s->proxy->generation;
	const struct config_upstream_tls *tls;
	char ip[ADDR_TEXT_MAX];
	struct tls_server server;
	size_t index;

	/* Its handshake is still to come, or going on: it is asked again behind it. */
	if (!s->chain)
		return true;
	index = generation_upstream(now, s->upstream.upstream->name);
	tls = index < now->config->n_upstreams ? now->config->upstreams[index].tls : NULL;
	if (!tls) {
		*why = no("upstream", "there is no such upstream with TLS any more");
		return false;
	}
	server = session_wanted_server(s, tls, ip);
	return has_version(s, tls->tls_version, why) &&
	       is_believed(s, now->upstream_tls[index], &server, why);
}

static bool client_has_proof(const struct session *s, const struct place *place,
			     struct refusal *why)
{
	const struct generation *now = s->proxy->generation;
	size_t index = (size_t)(place->listener - now->config->listeners);

	if (!has_version(s, place->listener->tls_version, why))
		return false;
	if (s->chain && place->listener->client_auth != CLIENT_AUTH_OFF)
		return is_believed(s, now->tls[index], NULL, why);
	if (place->listener->client_auth != CLIENT_AUTH_REQUIRE)
		return true;
	*why = no("no_certificate", "the client sent no certificate");
	return false;
}

static bool has_proof(const struct session *s, const struct place *place, struct refusal *why)
{
	switch (place->listener->mode) {
	case MODE_TERMINATE:
		return client_has_proof(s, place, why);
	case MODE_ORIGINATE:
		return server_has_proof(s, why);
	default:
		return true;
	}
}

/* Where it goes stays as it is; only its description may move. */
static const struct config_upstream *same_upstream(const struct session *s)
{
	const struct config_upstream *was = s->upstream.upstream, *is;
	const struct generation *now = s->proxy->generation;
	size_t index = generation_upstream(now, was->name);

	if (index == now->config->n_upstreams)
		return NULL;
	is = &now->config->upstreams[index];
	if (is->n_endpoints != was->n_endpoints)
		return NULL;
	for (size_t i = 0; i < is->n_endpoints; i++) {
		if (!addr_equal(&is->endpoints[i], &was->endpoints[i]))
			return NULL;
	}
	return is;
}

/* Put the protocol that was agreed on into @s, which may have another list of them now. */
static bool find_protocol(struct session *s, const char *name)
{
	const struct session_protocols now = session_protocols(s);

	s->alpn = 0;
	for (size_t i = 0; name && i < now.n && s->alpn == 0; i++) {
		if (strcmp(now.names[i], name) == 0)
			s->alpn = (uint8_t)(i + 1) & 0xf;
	}
	return !name || s->alpn > 0;
}

/*
 * Nothing of the old generation may be referred to afterwards. In states with a handshake its TLS
 * context is, and an upstream or a protocol that is not the same any more is what the log has to name.
 */
static void move(struct session *s, const struct place *place)
{
	const struct config_upstream *upstream = s->state == FLOW_RELAY ? same_upstream(s) : NULL;
	const struct config_upstream *old_upstream = s->upstream.upstream;
	const struct config_listener *old_listener = s->listener;
	const char *protocol = session_protocol(s);
	uint8_t old_alpn = s->alpn;

	if (!upstream)
		return;
	s->listener = place->listener;
	s->upstream.upstream = upstream;
	if (!find_protocol(s, protocol)) {
		s->listener = old_listener;
		s->upstream.upstream = old_upstream;
		s->alpn = old_alpn & 0xf;
		return;
	}
	s->rule = place->rule;
	generation_release(s->generation);
	s->generation = generation_hold(s->proxy->generation);
}

bool session_recheck(struct session *s)
{
	struct place place = {};
	struct refusal why;

	if (s->generation == s->proxy->generation || !s->admitted || s->state == FLOW_LINGER ||
	    s->state == FLOW_CLOSED)
		return true;
	if (find_listener(s, &place, &why) && is_introduced_as_before(s, &place, &why) &&
	    has_proof(s, &place, &why) && ask_policy(s, &place, &why)) {
		move(s, &place);
		/* It may have other limits now. Without memory the old ones are good enough. */
		if (s->state == FLOW_RELAY)
			(void)session_deadline_arm(s);
		return true;
	}
	stats_add(s->proxy->stats, STAT_REVOKED, 1);
	session_log_revoked(s, &why);
	s->close_reason = "revoked";
	session_step(s, FLOW_ON_CUT);
	return false;
}
