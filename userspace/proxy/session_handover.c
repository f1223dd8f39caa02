// SPDX-License-Identifier: Apache-2.0
/*
 * From OpenSSL to the kernel: at once, or when a connection has shown that it is worth it. One that
 * is short never pays for kernel TLS; bulk pays back, and an idle one gives up its SSL object.
 */
#include "proxy/proxy.h"
#include "proxy/session_internal.h"
#include "sys/tls.h"

#include <errno.h>
#include <stdlib.h>

static bool is_at_once(const struct config_listener *listener)
{
	/* What has to be in the kernel is not served by anything else meanwhile. */
	return listener->offload == OFFLOAD_REQUIRE || listener->offload_after.bytes == 0;
}

void session_handover_due(struct session *s)
{
	s->handover = HANDOVER_DUE;
	s->relay.single_records = true;
}

void session_plan_handover(struct session *s)
{
	if (s->offload_reason != OFFLOAD_OK && s->offload_reason != OFFLOAD_PENDING_BYTES)
		return;
	s->handover = HANDOVER_LATER;
	if (is_at_once(s->listener))
		session_handover_due(s);
	else
		s->offload_reason = OFFLOAD_NOT_YET;
}

void session_check_handover(struct session *s)
{
	uint64_t bytes = s->relay.flow[RELAY_IN].bytes + s->relay.flow[RELAY_OUT].bytes;

	if (s->handover == HANDOVER_LATER && bytes >= s->listener->offload_after.bytes)
		session_handover_due(s);
}

/*
 * The kernel did not take the socket, and nothing else may. When that was because the peer has ended
 * already, its last word may be the better reason: a server that does not like our certificate says
 * so behind our handshake (TLS 1.3), and closes.
 */
static const char *why_not_handed_over(struct session *s)
{
	char byte;

	if (s->offload_reason == OFFLOAD_FIN_RECEIVED &&
	    tls_read(s->tls, &byte, sizeof(byte)) == -ECONNABORTED)
		return relay_fault_name(RELAY_WIRE_ALERT, session_who_is_at_wire(s));
	return "offload_failed";
}

/* Only where they can be used. Without memory for them a KeyUpdate ends the session. */
static void keep_secrets(struct session *s)
{
	if (s->proxy->kernel.rekey.state != FEATURE_WORKS ||
	    s->relay.tx_mark.version != KTLS_VERSION_1_3)
		return;
	s->relay.traffic = calloc(1, sizeof(*s->relay.traffic));
	if (s->relay.traffic)
		tls_export_traffic(s->tls, s->relay.traffic);
}

static enum handover_result made(struct session *s)
{
	s->handover = HANDOVER_DONE;
	keep_secrets(s);
	offload_settle(&s->tls);
	relay_enter_kernel(&s->relay);
	stats_add(s->proxy->stats, STAT_SESSIONS_KERNEL, 1);
	return HANDOVER_MADE;
}

static enum handover_result stay(struct session *s, enum offload_reason reason)
{
	s->offload_reason = reason;
	s->handover = HANDOVER_NEVER;
	s->relay.single_records = false;
	return HANDOVER_WAITS;
}

static enum handover_result failed(struct session *s, int error)
{
	if (error == -EOPNOTSUPP && s->listener->offload != OFFLOAD_REQUIRE)
		return stay(s, s->offload_reason);
	stats_add(s->proxy->stats, STAT_REFUSED_OFFLOAD, 1);
	s->close_reason = why_not_handed_over(s);
	/* Only a client that talks TLS can be told, and only while nothing else was said. */
	session_step(s, error == -EOPNOTSUPP && session_terminates(s) ? FLOW_ON_REFUSED
								      : FLOW_ON_BROKEN);
	return HANDOVER_ENDED;
}

enum handover_result session_hand_over(struct session *s)
{
	int r;

	if (relay_is_ending(&s->relay))
		return stay(s, OFFLOAD_ENDING);
	if (!tls_at_record_boundary(s->tls)) {
		s->offload_reason = OFFLOAD_PENDING_BYTES;
		return HANDOVER_WAITS;
	}
	r = offload_commit(s->tls, session_wire(s)->fd, &s->relay.tx_mark, &s->offload_reason);
	return r == 0 ? made(s) : failed(s, r);
}
