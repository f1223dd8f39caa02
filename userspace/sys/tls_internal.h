/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by tls_*.c only: the one place where OpenSSL's types are visible. */
#ifndef SLUICE_SYS_TLS_INTERNAL_H
#define SLUICE_SYS_TLS_INTERNAL_H

#include "base/secret.h"
#include "sys/tls.h"
#include "sys/tls_identity.h"
#include "sys/tls_ticket.h"

#include <openssl/ssl.h>

struct tls_tickets;

struct tls_ctx {
	SSL_CTX *ssl_ctx;
	struct tls_tickets *tickets;	 /* NULL: no resumption */
	struct tls_identity *identities; /* parsed certificates, in the configuration's order */
	size_t n_identities;
	struct tls_verifier *verifier; /* of the peers; NULL: nobody is asked for a certificate */
	unsigned char *alpn; /* server side: ours as on the wire, in our order; NULL: none */
	size_t alpn_len;
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
	bool offered;		 /* the client has shown one */
	struct tls_chain *chain; /* of the one that may be taken, until the handshake is done */
};

struct tls_conn {
	SSL *ssl;
	struct tls_ticket_state ticket;
	struct tls_server server; /* client side: what the peer must be; else its name is NULL */
	char *server_name;
	struct tls_chain *chain; /* that the peer has shown; NULL: none */
	enum tls_verified verified;
	bool established;
	bool close_notified; /* the peer has ended its direction cleanly */
	bool alerted;	     /* the peer has sent a fatal alert */
	bool update_asked;   /* the peer was asked for new keys and has not sent them yet */
	bool notified;	     /* our close_notify is out */
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

/** tls_ticket_remember() - the handshake is done: what a ticket of it needs is kept. */
void tls_ticket_remember(struct tls_conn *conn);

void tls_ticket_forget(struct tls_conn *conn);

/** tls_subject_text() - @certificate's subject in RFC 2253 form; "" for NULL. */
void tls_subject_text(X509 *certificate, char *text, size_t size);

/**
 * tls_alpn_offer() - as a client; tls_alpn_serve() - choose as a server. No names: nothing is done.
 * Returns: 0, -ENOMEM, -EINVAL (a name that cannot be one).
 */
int tls_alpn_offer(SSL_CTX *ssl_ctx, char *const *names, size_t n);
int tls_alpn_serve(struct tls_ctx *ctx, char *const *names, size_t n);

/** tls_certificate_names() - tls_peer_names() of any certificate. Returns: 0 or as there. */
int tls_certificate_names(X509 *leaf, tls_name_callback *each, void *arg);

/** tls_certificate_leaf() - the rest of it. */
void tls_certificate_leaf(X509 *leaf, struct tls_leaf *ret_leaf);

/**
 * tls_name_canonical() - see sys/tls_name.h; *@ret_der is for OPENSSL_free().
 * Returns: 0; -EINVAL (a part that cannot be read, a NUL or control byte, too many parts); -ENOMEM.
 */
int tls_name_canonical(const X509_NAME *name, unsigned char **ret_der, size_t *ret_len);

#endif
