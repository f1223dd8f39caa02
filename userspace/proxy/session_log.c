// SPDX-License-Identifier: Apache-2.0
/* What is told of a session: one log line at its end, one object for `sluice status`. */
#include "base/clock.h"
#include "base/log.h"
#include "proxy/session_internal.h"
#include "sys/json.h"
#include "sys/stream.h"
#include "sys/tls.h"

#include <stdio.h>

static const char *engine_name(const struct relay_flow *flow)
{
	return flow->engine ? flow->engine->name : "none";
}

static const char *version_name(const struct session *s)
{
	return s->tls_version ? tls_version_name(s->tls_version) : NULL;
}

static void log_refusal(struct log_line *line, const struct refusal *refusal)
{
	log_str(line, "check", refusal->check);
	log_str(line, "reason", refusal->reason);
	if (refusal->detail)
		log_str(line, "detail", refusal->detail);
	log_str(line, "subject", refusal->subject);
	log_i64(line, "alert", refusal->alert);
}

static void log_proxied(struct log_line *line, const struct session_proxied *proxied)
{
	struct addr via;
	char text[ADDR_TEXT_MAX];

	if (!proxied)
		return;
	via = addr_lengthen(&proxied->via);
	log_str(line, "via", addr_format(&via, text));
	if (proxied->unique_id_len > 0)
		log_bytes(line, "unique_id", proxied->unique_id, proxied->unique_id_len);
}

static void log_who(struct log_line *line, const struct session *s)
{
	const struct addr client = addr_lengthen(&s->peer);
	char peer[ADDR_TEXT_MAX];

	log_u64(line, "session", s->id);
	log_str(line, "listener", s->listener->name);
	log_str(line, "peer", addr_format(&client, peer));
	log_proxied(line, s->proxied);
	log_str(line, "sni", s->sni);
	log_str(line, "tls", version_name(s));
	log_str(line, "cipher", s->tls_cipher);
	log_str(line, "resumed", s->resumed ? "yes" : "no");
	log_str(line, "alpn", session_protocol(s));
}

/*
 * Which certificate it was, whatever its names are. Not for a list of those that are denied: its owner
 * can write an ECDSA signature in another way, and then it has another digest (docs/POLICY.md).
 */
static void log_digest(struct log_line *line, const struct identity *identity)
{
	struct identity_name digest;
	char text[2 * 32 + 1] = "-";

	if (identity && identity_find(identity, IDENTITY_CERT_SHA256, &digest)) {
		for (size_t i = 0; i < digest.len && i < 32; i++)
			snprintf(text + 2 * i, 3, "%02x", (unsigned char)digest.bytes[i]);
	}
	log_str(line, "cert_sha256", text);
}

static void log_identity(struct log_line *line, const struct identity *identity)
{
	struct identity_name name;

	if (identity_primary(identity, &name))
		log_bytes(line, "identity", name.bytes, name.len);
	else
		log_str(line, "identity", NULL);
	log_digest(line, identity);
}

void session_log_end(const struct session *s)
{
	const struct relay_flow *in = &s->relay.flow[session_from_client(s)];
	const struct relay_flow *out = &s->relay.flow[session_to_client(s)];
	char upstream[ADDR_TEXT_MAX] = "-";
	struct log_line line;

	if (s->upstream.upstream)
		addr_format(upstream_endpoint(&s->upstream), upstream);
	log_begin(&line, LOG_INFO, "session");
	log_who(&line, s);
	log_identity(&line, s->identity);
	log_str(&line, "rule", s->rule ? s->rule->name : NULL);
	log_str(&line, "upstream", s->upstream.upstream ? s->upstream.upstream->name : NULL);
	log_str(&line, "endpoint", upstream);
	log_u64(&line, "bytes_in", in->bytes);
	log_u64(&line, "bytes_out", out->bytes);
	log_ms(&line, "duration_ms", clock_now_ns() - s->started_ns);
	log_str(&line, "engine_in", engine_name(in));
	log_str(&line, "engine_out", engine_name(out));
	log_u64(&line, "spliced_in", in->spliced);
	log_u64(&line, "spliced_out", out->spliced);
	log_str(&line, "offload_reason", offload_reason_name(s->offload_reason));
	log_str(&line, "close", s->close_reason);
	log_end(&line);
}

static void log_decision(const char *event, const struct session *s, const struct refusal *refusal)
{
	struct log_line line;

	log_begin(&line, LOG_INFO, event);
	log_who(&line, s);
	log_identity(&line, s->identity);
	log_str(&line, "rule", s->rule ? s->rule->name : NULL);
	log_refusal(&line, refusal);
	log_str(&line, "respond",
		refusal->respond ? refusal->respond : (refusal->alert >= 0 ? "alert" : NULL));
	log_end(&line);
}

void session_log_refusal(const struct session *s, const struct refusal *refusal)
{
	log_decision("refused", s, refusal);
}

void session_log_revoked(const struct session *s, const struct refusal *refusal)
{
	log_decision("revoked", s, refusal);
}

void session_log_audit(const struct session *s, const struct policy_audited *audited)
{
	struct log_line line;

	log_begin(&line, LOG_INFO, "audit");
	log_who(&line, s);
	log_identity(&line, s->identity);
	log_str(&line, "rule", audited->rule->name);
	log_str(&line, "would", audited->would_allow ? "allow" : "deny");
	log_str(&line, "reason", audited->reason);
	log_end(&line);
}

void session_log_endpoint(const struct session *s, const struct refusal *refusal)
{
	char endpoint[ADDR_TEXT_MAX];
	struct log_line line;

	log_begin(&line, LOG_WARN, "endpoint_failed");
	log_u64(&line, "session", s->id);
	log_str(&line, "upstream", s->upstream.upstream->name);
	log_str(&line, "endpoint", addr_format(upstream_endpoint(&s->upstream), endpoint));
	log_refusal(&line, refusal);
	log_str(&line, "msg",
		upstream_is_last(&s->upstream) ? "no other endpoint is left"
					       : "trying the next endpoint");
	log_end(&line);
}

void session_report(const struct session *s, struct json *array)
{
	const struct relay_flow *in = &s->relay.flow[session_from_client(s)];
	const struct relay_flow *out = &s->relay.flow[session_to_client(s)];
	struct json *object = json_append_object(array);
	const struct addr client = addr_lengthen(&s->peer);
	struct identity_name name;
	char peer[ADDR_TEXT_MAX];

	json_add_u64(object, "id", s->id);
	json_add_str(object, "listener", s->listener->name);
	json_add_str(object, "peer", addr_format(&client, peer));
	if (s->proxied) {
		const struct addr via = addr_lengthen(&s->proxied->via);

		json_add_str(object, "via", addr_format(&via, peer));
	}
	json_add_str(object, "sni", s->sni);
	json_add_str(object, "tls_version", version_name(s));
	json_add_str(object, "cipher", s->tls_cipher);
	json_add_str(object, "alpn", session_protocol(s));
	if (identity_primary(s->identity, &name))
		json_add_bytes(object, "identity", name.bytes, name.len);
	else
		json_add_null(object, "identity");
	json_add_str(object, "rule", s->rule ? s->rule->name : NULL);
	json_add_str(object, "upstream", s->upstream.upstream ? s->upstream.upstream->name : NULL);
	json_add_str(object, "state", flow_state_name(s->state));
	json_add_u64(object, "age_ms", (clock_now_ns() - s->started_ns) / NS_PER_MS);
	json_add_u64(object, "bytes_in", in->bytes);
	json_add_u64(object, "bytes_out", out->bytes);
	json_add_str(object, "engine_in", engine_name(in));
	json_add_str(object, "engine_out", engine_name(out));
	json_add_u64(object, "spliced_in", in->spliced);
	json_add_u64(object, "spliced_out", out->spliced);
	json_add_str(object, "offload_reason", offload_reason_name(s->offload_reason));
	json_add_u64(object, "cookie",
		     stream_cookie(session_originates(s) ? s->connected.fd : s->accepted.fd));
}
