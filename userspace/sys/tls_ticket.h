/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resumption by tickets: what TLS keeps of a session is with the client, sealed with keys that all
 * workers and all hosts of a fleet may share.
 *
 * A resumed handshake has no certificate and so no verification; that is how others were bypassed.
 * Here a ticket is good for what it was given for, and nothing else:
 *  - It has a binding to the listener, its CAs and its policy, and to the server name that the client
 *    asked for. With another binding it is ignored.
 *  - It has the peer's chain, which is verified anew by the context that it comes to. A chain that
 *    does not verify any more is ignored.
 *  - It is good for a lifetime from the handshake in which the peer has proved to own its key;
 *    resuming does not make that longer.
 *  - The policy does not know that there are tickets: it decides on the leaf of every session.
 * To ignore a ticket means a handshake in full, in which the peer is refused, or not, as always.
 * Nothing is ever taken before a handshake is done (no early data).
 */
#ifndef SLUICE_SYS_TLS_TICKET_H
#define SLUICE_SYS_TLS_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_conn;

#define TLS_TICKET_KEYS_MAX    16
#define TLS_TICKET_KEY_BYTES   32 /* at least, of a secret that is as random as it is long */
#define TLS_TICKET_CHAIN_MAX   ((size_t)16 << 10) /* DER; a peer with more gets no ticket */
#define TLS_TICKET_BINDING_LEN 32

struct tls_ticket_secret {
	const void *bytes;
	size_t len;
};

/** Borrowed during tls_ctx_new() only. */
struct tls_ticket_params {
	const struct tls_ticket_secret *secrets; /* the first one seals, all of them open */
	size_t n_secrets;
	uint64_t lifetime_s;
	/* What else a ticket is bound to, besides the context's own material: see tls_digest. */
	uint8_t binding[TLS_TICKET_BINDING_LEN];
};

enum tls_resumption {
	TLS_NOT_RESUMED,
	TLS_RESUMED,
	TLS_RESUMPTION_REFUSED, /* the client had a ticket, and had to do without */
};

/** tls_resumption() - what became of the client's ticket; the handshake must be done. */
enum tls_resumption tls_resumption(const struct tls_conn *conn);

/**
 * tls_send_ticket() - give the client a ticket, behind the handshake and in a record of its own. Part
 * of it may have to wait: then the connection is not at a record boundary.
 *
 * In TLS 1.2 it has gone with the handshake, before anybody was asked for the policy.
 *
 * Returns: 1 when the client has one from this handshake; 0 none (not configured, not wanted, or the
 * chain is too long); -ECONNRESET, -EPROTO: the connection is broken.
 */
int tls_send_ticket(struct tls_conn *conn);

/* SHA-256 of several texts, each with its length, so that no two lists of them look the same. */
struct tls_digest;

/** tls_digest_new() - Returns: NULL when there is no memory. */
struct tls_digest *tls_digest_new(void);
void tls_digest_add(struct tls_digest *digest, const void *bytes, size_t len);

/** tls_digest_end() - and free it; NULL is fine. Returns: 0, -ENOMEM (something failed on the way). */
int tls_digest_end(struct tls_digest *digest, uint8_t ret_sum[TLS_TICKET_BINDING_LEN]);

#endif
