/* SPDX-License-Identifier: Apache-2.0 */
/* One connection from accept to close; model/flow has its life as a table. */
#ifndef SLUICE_PROXY_SESSION_H
#define SLUICE_PROXY_SESSION_H

#include "model/answer.h"
#include "model/flow.h"
#include "model/identity.h"
#include "model/policy.h"
#include "proxy/generation.h"
#include "proxy/offload.h"
#include "proxy/relay.h"
#include "proxy/upstream.h"
#include "sys/loop.h"

#include <assert.h>

struct json;
struct proxy;
struct session_proxied;

/** Where a session's keys are on their way to the kernel. */
enum session_handover {
	HANDOVER_NEVER, /* s->offload_reason says why */
	HANDOVER_LATER, /* offload_after has not been reached */
	HANDOVER_DUE,	/* at the next end of a record */
	HANDOVER_DONE,
} __attribute__((packed));

/*
 * A session has two sockets: the one that a client opened and the one that we opened to an upstream.
 * One of them is the wire, where TLS is, the other one the local side, which is plaintext: see
 * session_wire() and session_local(). In mode: passthrough they are the client's and the upstream's,
 * and neither has TLS that we know of.
 */
struct session {
	struct proxy *proxy;
	struct list node;	       /* in proxy->sessions */
	struct generation *generation; /* held: what admitted it, or has looked at it last */
	const struct config_listener *listener;
	enum flow_state state;
	enum offload_reason offload_reason;
	uint8_t handover : 2; /* enum session_handover */
	uint8_t answer : 2;   /* enum answer: what it is told in FLOW_ANSWER */
	uint8_t alpn : 4;     /* which of session_protocols(), from 1; 0: none */
	bool handshaking : 1; /* counted in proxy->n_handshakes */
	bool admitted : 1;
	bool unchecked : 1;   /* the present generation has still to look at it */
	bool resumed : 1;     /* without a handshake in full */
	uint16_t soon_ms;     /* next delay of s->soon in the relay */
	uint16_t tls_version; /* on the wire; 0: none */
	uint64_t id;
	uint64_t started_ns;
	uint64_t active_ms; /* when bytes moved last */
	struct loop_source accepted, connected;
	struct loop_timer timer; /* the state's time limit */
	struct loop_timer soon;	 /* something has to be tried again and no event will say when */
	struct loop_task turn;	 /* pump again, or, once it is closed, free it */
	struct tls_conn *tls;	 /* of the wire; NULL from the hand-over on and without TLS */
	struct relay relay;
	struct upstream_attempt upstream;
	const struct config_rule *rule; /* that decided; NULL: none did */
	struct identity *identity; /* of who is at the wire; NULL: unknown, or no certificate */
	struct session_proxied *proxied; /* NULL: without the PROXY protocol */
	struct addr_short peer;		 /* the client */
	uint32_t lingered_bytes : 24;	 /* read and thrown away, in FLOW_ANSWER too */
	struct answer_head head;	 /* of the request in FLOW_ANSWER */
	char *sni;			 /* NULL: none sent */
	struct tls_chain *chain;	 /* that whoever is at the wire has shown; NULL: none */
	const char *tls_cipher;
	const char *close_reason;
};

/* One plain struct when the kernel has the keys: no SSL object, no buffer and no pipe while idle. */
static_assert(sizeof(struct session) <= 512, "a session is to stay small");

/** session_terminates() - the client talks TLS with us, so it can be told something. */
static inline bool session_terminates(const struct session *s)
{
	return s->listener->mode == MODE_TERMINATE;
}

/** session_originates() - the upstream talks TLS with us, the client plaintext. */
static inline bool session_originates(const struct session *s)
{
	return s->listener->mode == MODE_ORIGINATE;
}

static inline struct loop_source *session_wire(struct session *s)
{
	return session_originates(s) ? &s->connected : &s->accepted;
}

static inline struct loop_source *session_local(struct session *s)
{
	return session_originates(s) ? &s->accepted : &s->connected;
}

static inline enum relay_wire session_who_is_at_wire(const struct session *s)
{
	return session_originates(s) ? RELAY_WIRE_UPSTREAM : RELAY_WIRE_CLIENT;
}

/** session_protocols() - what TLS at the wire may agree on (ALPN), of the configuration. */
struct session_protocols {
	char *const *names;
	size_t n; /* at most 8 */
};

static inline struct session_protocols session_protocols(const struct session *s)
{
	const struct config_upstream_tls *tls =
		s->upstream.upstream ? s->upstream.upstream->tls : NULL;

	if (!session_originates(s))
		return (struct session_protocols){s->listener->alpn, s->listener->n_alpn};
	return tls ? (struct session_protocols){tls->alpn, tls->n_alpn}
		   : (struct session_protocols){};
}

/** session_protocol() - the one that was agreed on; NULL: none. */
static inline const char *session_protocol(const struct session *s)
{
	const struct session_protocols ours = session_protocols(s);

	return s->alpn > 0 && s->alpn <= ours.n ? ours.names[s->alpn - 1] : NULL;
}

/** session_from_client(), session_to_client() - the way that the client's bytes take, and back. */
static inline enum relay_direction session_from_client(const struct session *s)
{
	return session_originates(s) ? RELAY_OUT : RELAY_IN;
}

static inline enum relay_direction session_to_client(const struct session *s)
{
	return session_originates(s) ? RELAY_IN : RELAY_OUT;
}

static inline struct session *session_of(struct list *node)
{
	return container_of(node, struct session, node);
}

/** session_begin() - serve the accepted connection @fd, which belongs to the session at once. */
void session_begin(struct proxy *proxy, size_t listener, int fd, const struct addr *peer);

/** session_cut() - abort now (drain deadline). Returns: 1 when the session was live, else 0. */
size_t session_cut(struct session *session);

/** session_report() - append what `sluice status` shows of it. Shape: daemon/admin.h. */
void session_report(const struct session *session, struct json *array);

/** Why somebody is refused, for the log. */
struct refusal {
	const char *check;   /* which check said no: no_certificate, chain, policy, sni, … */
	const char *reason;  /* in words; of chain and name: see docs/VERIFICATION.md */
	const char *detail;  /* words beside such a reason; NULL: none */
	const char *subject; /* of the certificate; "" none */
	int alert;	     /* number sent; -1 none */
	const char *respond; /* what else it is told, static text; NULL: nothing */
};

/**
 * session_recheck() - ask the present generation about a session that another one has admitted.
 * Returns: false when it is closed now.
 */
bool session_recheck(struct session *session);

/* Log lines (session_log.c): one at the end of an admitted session, one per refusal. */
void session_log_end(const struct session *session);
void session_log_refusal(const struct session *session, const struct refusal *refusal);

/** session_log_revoked() - the present generation would not admit an admitted session. */
void session_log_revoked(const struct session *session, const struct refusal *refusal);

/** session_log_audit() - a rule with `audit` would have decided. */
void session_log_audit(const struct session *session, const struct policy_audited *audited);

/** session_log_endpoint() - the handshake with the endpoint tried last came to nothing. */
void session_log_endpoint(const struct session *session, const struct refusal *refusal);

#endif
