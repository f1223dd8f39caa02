/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by tls_*.c only: the one place where OpenSSL's types are visible. */
#ifndef SLUICE_SYS_TLS_INTERNAL_H
#define SLUICE_SYS_TLS_INTERNAL_H

#include "base/secret.h"
#include "sys/tls.h"
#include "sys/tls_ticket.h"

#include <openssl/ssl.h>

struct tls_tickets;

struct tls_ctx {
	SSL_CTX *ssl_ctx;
	struct tls_tickets *tickets;	 /* NULL: no resumption */
	struct tls_identity *identities; /* parsed certificates, in the configuration's order */
	size_t n_identities;
};

/** A certificate of ours ready for SSL_use_cert_and_key(). */
struct tls_identity {
	X509 *leaf;
	EVP_PKEY *key;
	STACK_OF(X509) * chain;
};

/** What a connection has to do with tickets. */
struct tls_ticket_state {
	struct tls_tickets *tickets;		 /* of its context; NULL: nothing */
	uint8_t binding[TLS_TICKET_BINDING_LEN]; /* with this ClientHello */
	bool wanted;				 /* the client can resume, in TLS 1.3 */
	bool extended;				 /* it has the extended master secret, in TLS 1.2 */
	bool withheld;				 /* it gets none */
	bool sent;
	bool offered; /* the client has shown one */
};

struct tls_conn {
	SSL *ssl;
	struct tls_ticket_state ticket;
	const char *server_uri; /* client side: what the peer must be; NULL: OpenSSL compares */
	bool established;
	bool close_notified; /* the peer has ended its direction cleanly */
	bool alerted;	     /* the peer has sent a fatal alert */
	bool update_asked;   /* the peer was asked for new keys and has not sent them yet */
	bool broken;	     /* after a fatal error nothing more is asked of OpenSSL */
	/* A write that OpenSSL has begun: it has to be repeated, or it ended inside a read. */
	const void *begun;
	size_t begun_len;  /* 0: none */
	size_t sent_ahead; /* bytes of it that the next tls_write() reports */
	/* Records under the present application keys, from msg_callback. */
	uint64_t rx_records;
	uint64_t tx_records;
	/* What BIO_number_read() and BIO_number_written() are at the end of the last record. */
	uint64_t rx_boundary;
	uint64_t tx_boundary;
	/* Handshake messages that came behind the handshake, and what of them were. */
	uint64_t messages;
	uint64_t tickets;
	uint64_t key_updates;
	/* TLS 1.3 only, of the present keys; for 1.2 everything derives from the master key. */
	struct secret client_secret;
	struct secret server_secret;
	struct tls_failure failure;
	char *failed_subject; /* what failure.subject points to, unless that is "" */
};

/** tls_conn_of() - the connection that owns @ssl. */
struct tls_conn *tls_conn_of(const SSL *ssl);

/** tls_keys_collect() - keylog callback: keep the traffic secrets of TLS 1.3. */
void tls_keys_collect(const SSL *ssl, const char *line);

/** tls_keys_count() - message callback: count records and messages. */
void tls_keys_count(int write_p, int version, int content_type, const void *buf, size_t len,
		    SSL *ssl, void *arg);

/** tls_pem_bio() - to read PEM from @text, borrowed. Returns: NULL when it is too long or no memory. */
BIO *tls_pem_bio(const char *text, size_t len);

/**
 * tls_pem_next() - the next certificate of @bio, the caller's. Who reads to the end must look at
 * the last result: a chain or a list of CAs that was cut short is another one.
 * Returns: 1; 0 at the end of the text; -EINVAL (damaged, or no memory: OpenSSL's queue says which).
 */
int tls_pem_next(BIO *bio, X509 **ret_certificate);

/**
 * tls_no_password() - password callback: a key that is encrypted is an error, nobody is there to type.
 * @arg: an int that becomes 1 when it was asked for, or NULL.
 */
int tls_no_password(char *buf, int size, int rwflag, void *arg);

/** tls_conn_flush() - what OpenSSL has to send. Returns: 0, also when part of it waits; -errno. */
int tls_conn_flush(struct tls_conn *conn);

/** tls_tickets_new() - resumption for @ctx; params->tickets is there. Returns: 0, -ENOMEM, -EINVAL. */
int tls_tickets_new(struct tls_ctx *ctx, const struct tls_ctx_params *params);
void tls_tickets_free(struct tls_tickets *tickets);

/** tls_ticket_remember() - the handshake is done and the peer's chain is still there. */
void tls_ticket_remember(struct tls_conn *conn);

/** tls_verify_chain() - certificate verification callback: verdict and what to log. */
int tls_verify_chain(X509_STORE_CTX *store_ctx, void *arg);

/** tls_certificate_names() - tls_peer_names() of any certificate. Returns: 0 or as there. */
int tls_certificate_names(X509 *leaf,
			  int (*each)(void *arg, enum tls_name_kind kind, const void *bytes,
				      size_t len),
			  void *arg);

#endif
