/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS client for tests: OpenSSL in userspace on a non-blocking socket, and the ways to misbehave
 * that a library hides: ends without close_notify, resets, data in the handshake's last flight.
 */
#ifndef SELFTESTS_LIB_TLSCLIENT_H
#define SELFTESTS_LIB_TLSCLIENT_H

#include "base/addr.h"
#include "base/secret.h"

#include <openssl/ssl.h>
#include <stdbool.h>

struct certgen_chain;
struct wiretap;

enum tls_suite { SUITE_ANY, SUITE_AES_128, SUITE_AES_256, SUITE_CHACHA20 };

struct tlsclient_options {
	const char *cert, *key; /* files; NULL: no certificate */
	/* Shown instead, whatever OpenSSL thinks of it; NULL: none; borrowed. */
	const struct certgen_chain *chain;
	const char *ca;	      /* file; NULL: the server is not verified */
	const char *sni;      /* NULL: none */
	const char *alpn;     /* offered, each behind a byte with its length; NULL: none */
	SSL_SESSION *session; /* to resume; NULL: none; borrowed */
	int version;	      /* TLS1_2_VERSION, TLS1_3_VERSION; 0: the library's choice */
	enum tls_suite suite;
	const char *sigalgs;	 /* what the server may sign with, OpenSSL's list; NULL: all */
	const struct addr *from; /* its own address, any port; NULL: the kernel's choice */
	int socket;	      /* that is connected already, and the client's from now on; 0: none */
	const void *preamble; /* sent before TLS begins; NULL: nothing */
	size_t preamble_len;
	bool preamble_dribbles; /* byte by byte */
	size_t receive_buffer;	/* SO_RCVBUF in bytes before the connect; 0: the kernel's choice */
	/* Sent in one segment together with the client's last handshake message. */
	const void *first_data;
	size_t first_data_len;
	bool first_data_ends; /* and so are close_notify and FIN */
	uint8_t max_fragment; /* TLSEXT_max_fragment_length_… to negotiate; 0: none */
	size_t last_alone;    /* so many bytes of it come in a segment of their own */
	bool weak;	      /* its own certificate may be of any strength */
	size_t hello_record;  /* bytes of the ClientHello in each of its records; 0: as it comes */
	bool hello_dribbles;  /* and it is sent byte by byte */
	struct wiretap *tap;  /* sees what is received; NULL: none; borrowed */
};

struct tlsclient {
	int fd;
	SSL *ssl;
	int alert;	   /* number of the fatal alert the server sent; -1 none */
	unsigned int port; /* local port in host order; 0 on a unix socket */
	char error[256];   /* OpenSSL's words after a failure */
	/* TLS 1.3: for lib/rawtls. */
	struct secret client_secret, server_secret;
};

/** tls_suite_use() - nothing but @version (0: 1.2 and up) and @suite. False: OpenSSL did not want. */
bool tls_suite_use(SSL_CTX *ctx, int version, enum tls_suite suite);

/** tlsclient_note_secret() - keylog callback that fills the secrets of the SSL's tlsclient. */
void tlsclient_note_secret(const SSL *ssl, const char *line);

/** tlsclient_watch() - note the alerts that come on @client->ssl, whichever side that is. */
void tlsclient_watch(struct tlsclient *client);

/**
 * tlsclient_connect() - connect and shake hands, at most @timeout_ms.
 *
 * In TLS 1.3 a client is done before the server has looked at its certificate: a refusal shows at
 * the next read.
 *
 * Returns: 0; -EPROTO (client->error, client->alert); -ETIMEDOUT; or connect(2)'s errno.
 */
int tlsclient_connect(struct tlsclient *client, const struct addr *to,
		      const struct tlsclient_options *options, int timeout_ms);

/** tlsclient_close() - free all; the socket is closed without close_notify. */
void tlsclient_close(struct tlsclient *client);

/**
 * tlsclient_recv() - Returns: bytes; 0 at close_notify; -EAGAIN; -ENODATA (FIN without
 * close_notify); -ECONNRESET; -EPROTO.
 */
ssize_t tlsclient_recv(struct tlsclient *client, void *buf, size_t len);

/** tlsclient_send() - Returns: bytes; -EAGAIN (then with the same bytes); -ECONNRESET; -EPROTO. */
ssize_t tlsclient_send(struct tlsclient *client, const void *buf, size_t len);

/**
 * tlsclient_tickets() - a server's @n tickets; in TLS 1.2 there are none.
 * tlsclient_key_update() - new keys of our own, and, when @requested, of the other side; TLS 1.3 only.
 * No record of data may be half sent.
 * Returns: 0; -EAGAIN (then tlsclient_flush() goes on); -ECONNRESET; -EPROTO.
 */
int tlsclient_tickets(struct tlsclient *client, int n);
int tlsclient_key_update(struct tlsclient *client, bool requested);
int tlsclient_flush(struct tlsclient *client);

/** tlsclient_finish() - close_notify; the other direction stays. Returns: 0, -EAGAIN, -errno. */
int tlsclient_finish(struct tlsclient *client);

/** tlsclient_alert() - the fatal alert that comes within @timeout_ms, data before it is dropped. */
int tlsclient_alert(struct tlsclient *client, int timeout_ms);

/**
 * tlsclient_session() - to resume, with the last ticket that has come; in TLS 1.3 behind the handshake,
 * when something has been read. The caller's.
 */
SSL_SESSION *tlsclient_session(const struct tlsclient *client);

/** tlsclient_server_cn() - common name of the certificate that the server showed; "" none. */
void tlsclient_server_cn(const struct tlsclient *client, char *text, size_t size);

#endif
