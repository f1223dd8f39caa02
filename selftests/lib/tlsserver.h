/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS of an upstream in tests: OpenSSL in userspace, with its defaults (two tickets behind every
 * handshake of TLS 1.3). lib/upstream has the sockets and threads.
 *
 * A connection is a struct tlsclient, whose reads and writes do not care who began.
 */
#ifndef SELFTESTS_LIB_TLSSERVER_H
#define SELFTESTS_LIB_TLSSERVER_H

#include "selftests/lib/tlsclient.h"

struct tlsserver_options {
	const char *cert, *key; /* files */
	const char *client_ca;	/* file: a certificate is demanded; NULL: none is asked for */
	int version;		/* as in struct tlsclient_options */
	enum tls_suite suite;
	bool no_tickets;
	const char *alpn; /* the protocol that is taken when the client offers it; NULL: none */
};

struct tlsserver {
	SSL_CTX *ctx;
	const char *alpn;
	struct wiretap *tap; /* of connections from now on; NULL: none; borrowed */
};

/** What a client has shown. "": nothing. */
struct tlsserver_seen {
	char sni[256], alpn[64], cn[128];
};

/** tlsserver_open() - Returns: 0, -EINVAL (OpenSSL takes something not). */
int tlsserver_open(struct tlsserver *server, const struct tlsserver_options *options);
void tlsserver_close(struct tlsserver *server);

/**
 * tlsserver_accept() - shake hands on @fd, which becomes non-blocking and belongs to @ret_conn, also
 * after a failure. Returns: 0; -EPROTO (ret_conn->error, ->alert); -ETIMEDOUT.
 */
int tlsserver_accept(struct tlsserver *server, int fd, int timeout_ms, struct tlsclient *ret_conn,
		     struct tlsserver_seen *ret_seen);

#endif
