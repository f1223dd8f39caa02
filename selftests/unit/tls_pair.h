/* SPDX-License-Identifier: Apache-2.0 */
/* A server connection of sys/tls and an OpenSSL client, both in this process, on a socket pair. */
#ifndef SELFTESTS_UNIT_TLS_PAIR_H
#define SELFTESTS_UNIT_TLS_PAIR_H

#include "sys/tls_internal.h"

struct tls_pki_entity;

struct tls_pair {
	struct tls_ctx *ctx;
	struct tls_conn *conn;
	SSL *client;
	int server_fd, client_fd;
	int alert; /* that the client received; -1 none */
	bool borrowed_ctx;
};

struct tls_pair_options {
	int version;	   /* TLS1_2_VERSION or TLS1_3_VERSION */
	const char *suite; /* OpenSSL's name; NULL: any */
	X509 *cert;	   /* the client's, with its key; NULL: none, and none is asked for */
	EVP_PKEY *key;
	const char *client_ca; /* PEM; with cert */
	char *const *alpn;     /* the server's */
	size_t n_alpn;
	const char *offer; /* the client's, each behind a byte with its length; NULL: none */
	const struct tls_ticket_params *tickets;
	struct tls_ctx *ctx;  /* an earlier pair's, which must be open; NULL: a new one */
	SSL_SESSION *session; /* to resume; NULL: none */
	const char *sni;
	uint64_t client_options; /* SSL_OP_… */
};

/** tls_pair_try() - Returns: how the handshake ended for the server. */
enum tls_step tls_pair_try(struct tls_pair *pair, const struct tls_pair_options *options);

/** tls_pair_open() - with the handshake done on both sides. */
void tls_pair_open(struct tls_pair *pair, const struct tls_pair_options *options);

/** tls_pair_wire() - the bytes that wait at @fd, taken before OpenSSL sees them. */
size_t tls_pair_wire(int fd, uint8_t *bytes, size_t max);

void tls_pair_close(struct tls_pair *pair);

#endif
