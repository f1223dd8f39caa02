/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS in userspace: contexts, handshakes, records, and the keys for the kernel.
 *
 * Wraps OpenSSL 3 (public API only; nothing is assumed about how it was built). Split over
 * tls_ctx.c (what a listener or an upstream offers and demands), tls_alpn.c, tls_conn.c (one
 * connection), tls_verify.h (who is believed), tls_keys.c (key derivation and sealing), tls_ticket.h
 * (resumption). OpenSSL's error queue is empty whenever one of these
 * returns.
 *
 * A connection is the server's or the client's side. They differ until the handshake is done, and
 * in whose keys they send with; everything else is the same.
 *
 * Invariants
 *  - A connection never renegotiates, takes no early data and forgets the tickets that it is sent. It
 *    never resumes and sends no tickets, unless its context has tls_ticket_params.
 *  - read_ahead stays 0: OpenSSL takes a record header and its body, never a byte of the next
 *    record, so what the peer sent behind the handshake is still in the kernel's queue.
 *  - Records under the application keys are counted, so keys can be exported at any record
 *    boundary with the right sequence numbers.
 */
#ifndef SLUICE_SYS_TLS_H
#define SLUICE_SYS_TLS_H

#include "base/secret.h"
#include "sys/ktls.h"
#include "sys/tls_verify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tls_ctx;
struct tls_conn;
struct tls_ticket_params;

enum tls_client_auth { TLS_CLIENT_AUTH_REQUIRE, TLS_CLIENT_AUTH_OPTIONAL, TLS_CLIENT_AUTH_OFF };

/* The alerts that sluice sends itself; numbers from RFC 8446 section 6. */
enum tls_alert {
	TLS_ALERT_CLOSE_NOTIFY = 0,
	TLS_ALERT_UNEXPECTED_MESSAGE = 10,
	TLS_ALERT_BAD_RECORD_MAC = 20,
	TLS_ALERT_ACCESS_DENIED = 49,
	TLS_ALERT_INTERNAL_ERROR = 80,
	TLS_ALERT_UNRECOGNIZED_NAME = 112,
	TLS_ALERT_NO_APPLICATION_PROTOCOL = 120,
};

/** One certificate of ours: PEM texts, borrowed during tls_ctx_new*() only. */
struct tls_pem_pair {
	const char *chain; /* leaf first */
	size_t chain_len;
	const char *key;
	size_t key_len;
};

struct tls_ctx_params {
	const struct tls_pem_pair *pairs; /* at least one; the first is for unknown names */
	size_t n_pairs;
	/* PEM; NULL when client_auth is OFF, or with nothing but trust domains. */
	const char *client_ca;
	size_t client_ca_len;
	const struct tls_verify_params *verify; /* NULL: no CRLs, no trust domains, the defaults */
	enum tls_client_auth client_auth;
	/*
	 * Protocols by our preference; names of 1 to 255 bytes. A client that offers none of them is
	 * refused (no_application_protocol), one that offers nothing is served. None: ALPN is ignored.
	 */
	char *const *alpn;
	size_t n_alpn;
	bool tls13_only;
	const struct tls_ticket_params *tickets; /* NULL: no resumption */
};

struct tls_client_params {
	const struct tls_pem_pair *pair; /* ours; NULL: none to show */
	const char *server_ca;		 /* PEM; nobody else's word counts, the system's neither */
	size_t server_ca_len;
	const struct tls_verify_params *verify; /* as above */
	char *const *alpn;			/* offered in this order; names of 1 to 255 bytes */
	size_t n_alpn;
	bool tls13_only;
};

/**
 * tls_ctx_new() - everything a listener's handshakes share.
 * tls_ctx_new_client() - everything the handshakes with an upstream share.
 * Returns: 0, -ENOMEM, -EINVAL (material unusable; confload's checks tell which and why).
 */
int tls_ctx_new(const struct tls_ctx_params *params, struct tls_ctx **ret_ctx);
int tls_ctx_new_client(const struct tls_client_params *params, struct tls_ctx **ret_ctx);
void tls_ctx_free(struct tls_ctx *ctx);

/**
 * tls_conn_new() - server side of a connection on @fd (non-blocking; stays the caller's).
 * @ctx must outlive the connection.
 */
int tls_conn_new(struct tls_ctx *ctx, int fd, struct tls_conn **ret_conn);

enum tls_server_kind { TLS_SERVER_DNS, TLS_SERVER_IP, TLS_SERVER_URI };

/**
 * What the server's certificate must be for: a name among its subject alternative names, never its
 * CN. A DNS name may be covered by a wildcard for its whole first label; a URI must be the same bytes.
 */
struct tls_server {
	enum tls_server_kind kind;
	const char *name; /* IP: numeric */
	const char *sni;  /* sent; NULL: none */
};

/**
 * tls_conn_new_client() - client side of a connection on @fd to @server, whose texts are copied; @ctx
 * must outlive it. Returns: 0, -ENOMEM, -EINVAL (a name that OpenSSL does not take).
 */
int tls_conn_new_client(struct tls_ctx *ctx, int fd, const struct tls_server *server,
			struct tls_conn **ret_conn);

/** tls_conn_free() - free and wipe; sends nothing. NULL is fine. */
void tls_conn_free(struct tls_conn *conn);

/** Result of one step of a handshake. */
enum tls_step {
	TLS_STEP_DONE,
	TLS_STEP_WANT_READ,
	TLS_STEP_WANT_WRITE,
	TLS_STEP_REFUSED, /* the peer's certificate, or the lack of one: tls_conn_failure() */
	TLS_STEP_FAILED,  /* anything else: tls_conn_failure() */
};

enum tls_step tls_conn_handshake(struct tls_conn *conn);

/** Why a handshake ended. Strings live as long as the connection. */
struct tls_failure {
	const char *
		check; /* "no_certificate", "chain", "name", "protocol", "alert_received", "eof", … */
	/* "chain", "name": tls_refusal_name() of @refusal; else one sentence or OpenSSL's words. */
	const char *reason;
	const char *detail;  /* words beside such a name; NULL: none */
	const char *subject; /* of the certificate that failed, RFC 2253 form, for people only */
	enum tls_refusal refusal; /* TLS_REFUSAL_NONE: it was not about the chain */
	int alert;		  /* number of the alert that was sent; -1 none */
};

const struct tls_failure *tls_conn_failure(const struct tls_conn *conn);

/**
 * tls_conn_chain() - the certificates that the peer has shown, with a reference for the caller.
 * Returns: NULL when it has shown none.
 */
struct tls_chain *tls_conn_chain(const struct tls_conn *conn);

/** Was the peer's chain verified in this handshake, or found among those verified before? */
enum tls_verified { TLS_VERIFIED_NOT, TLS_VERIFIED_NOW, TLS_VERIFIED_BEFORE };

/** tls_conn_verified() - TLS_VERIFIED_NOW says nothing of the answer. */
enum tls_verified tls_conn_verified(const struct tls_conn *conn);

/**
 * tls_read() - next application bytes.
 * Returns: bytes; 0 after close_notify; -EAGAIN; -EINPROGRESS (a message without bytes
 *          was taken, such as a ticket; ask again); -ENODATA (FIN without close_notify);
 *          -ECONNRESET; -ETIMEDOUT (the kernel gave the peer up); -ECONNABORTED (the peer's
 *          fatal alert); -EPROTO (a record that does not verify, or another breach of the
 *          protocol; OpenSSL has sent its alert).
 */
ssize_t tls_read(struct tls_conn *conn, void *buf, size_t len);

/**
 * tls_write() - Returns: bytes taken, all of them on their way; -EAGAIN (the same bytes have to be
 * given again, and stay where they are until then); errors as tls_read().
 */
ssize_t tls_write(struct tls_conn *conn, const void *buf, size_t len);

/**
 * A peer that was asked for a new key after @limit records and goes on with its old one is stopped here:
 * for 2^24 still below the 2^24.5 of RFC 8446 5.5.
 */
#define TLS_LAST_RECORD(limit) ((limit) + (limit) / 4)

/**
 * tls_refresh_keys() - when an AES-GCM key has made @limit records, change ours and ask the peer to
 * change its. To be called behind every read and write that moved bytes.
 * Returns: 0; -EKEYEXPIRED: it cannot be done (TLS 1.2), or the peer does not; else as tls_write().
 */
int tls_refresh_keys(struct tls_conn *conn, uint64_t limit);

/**
 * tls_answer_key_update() - send the answer that OpenSSL keeps for the next write, or begin to; no
 * more where a record is half sent, or behind our end. Returns: 0, also when there is nothing to
 * answer; else as tls_write(), but never -EAGAIN.
 */
int tls_answer_key_update(struct tls_conn *conn);

/**
 * tls_send_close_notify() - what OpenSSL has begun to send goes first. Returns: 0 when it is in the
 * socket's queue, also when it was there before; -EAGAIN; -ECONNRESET; else as tls_read().
 */
int tls_send_close_notify(struct tls_conn *conn);

/**
 * tls_send_alert() - a fatal alert under the application keys; the handshake must be done.
 * OpenSSL has no call for it, so the record is sealed here; the connection is not usable after.
 */
int tls_send_alert(struct tls_conn *conn, enum tls_alert alert);

/**
 * tls_at_record_boundary() - whole records were read and written and all bytes given out, so that the
 * keys may go to the kernel. With part of a record read, or with bytes or messages left to send, it
 * is false.
 */
bool tls_at_record_boundary(const struct tls_conn *conn);

/** tls_record_limit_negotiated() - max_fragment_length was agreed on: the kernel would not keep it. */
bool tls_record_limit_negotiated(const struct tls_conn *conn);

/** tls_key_updates() - how many the peer has sent. */
uint64_t tls_key_updates(const struct tls_conn *conn);

/** tls_tickets_dropped() - how many the peer has sent and tls_read() has thrown away. */
uint64_t tls_tickets_dropped(const struct tls_conn *conn);

/** tls_expects_tickets() - the peer may send NewSessionTicket at any time: a server, in TLS 1.3. */
bool tls_expects_tickets(const struct tls_conn *conn);

/** tls_version() - on the wire: 0x0304 is TLS 1.3; 0: none yet. */
uint16_t tls_version(const struct tls_conn *conn);

/** tls_version_name() - "TLSv1.3"; "unknown" for what is none. */
const char *tls_version_name(uint16_t version);
const char *tls_cipher_name(const struct tls_conn *conn); /* OpenSSL's; NULL: none yet */
const char *tls_sni(const struct tls_conn *conn);	  /* the client's; NULL: none */

/**
 * tls_alpn() - the protocol that was agreed on, *@ret_len bytes without a NUL behind them, as long as
 * the connection lives; NULL and 0: none.
 */
const char *tls_alpn(const struct tls_conn *conn, size_t *ret_len);

/** tls_peer_subject() - leaf's subject in RFC 2253 form, for people only; "" when none. */
void tls_peer_subject(const struct tls_conn *conn, char *text, size_t size);

/**
 * tls_export_keys() - the present keys and next sequence numbers of both directions for the kernel.
 * Returns: 0; -EOPNOTSUPP (version or cipher the kernel has no name for); -EIO (derivation).
 * The caller wipes what it gets.
 */
int tls_export_keys(const struct tls_conn *conn, struct ktls_keys *ret_tx,
		    struct ktls_keys *ret_rx);

/**
 * What a rekey needs of a TLS 1.3 connection when its SSL object is gone: the secrets that the next
 * generation of keys comes from (RFC 8446 7.2). All zero: there is no next generation (TLS 1.2).
 */
struct tls_traffic {
	enum ktls_cipher cipher;
	struct secret tx, rx;
};

/** tls_export_traffic() - the secrets of the keys that tls_export_keys() gives now. */
void tls_export_traffic(const struct tls_conn *conn, struct tls_traffic *ret_traffic);

/**
 * tls_traffic_next() - step @secret, one of @traffic, to the next generation and give its keys, with
 * record number 0. The caller wipes them. Returns: 0; -EOPNOTSUPP (TLS 1.2); -EIO.
 */
int tls_traffic_next(const struct tls_traffic *traffic, struct secret *secret,
		     struct ktls_keys *ret_keys);

/** tls_traffic_free() - wipe and free what malloc(3) gave; NULL is fine. */
void tls_traffic_free(struct tls_traffic *traffic);

#endif
