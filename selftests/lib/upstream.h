/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An upstream in threads of the test: every connection that comes follows one script.
 */
#ifndef SELFTESTS_LIB_UPSTREAM_H
#define SELFTESTS_LIB_UPSTREAM_H

#include "base/addr.h"
#include "selftests/lib/introduction.h"
#include "selftests/lib/peer.h"
#include "selftests/lib/tlsserver.h"

#include <pthread.h>

#define UPSTREAM_CONNECTIONS_MAX 256

struct upstream_server;

struct upstream_conn {
	struct upstream_server *server;
	const struct peer_step *script;
	struct peer peer;
	struct tlsclient tls; /* with server->tls only, as seen */
	struct tlsserver_seen seen;
	struct introduction *introduction; /* with server->introduced only; as it was read */
	pthread_t thread;
	int result;	   /* of peer_run() */
	atomic_bool ended; /* the script is through, result and peer are final */
};

struct upstream_server {
	struct addr addr;
	char text[ADDR_TEXT_MAX];	/* for the configuration: "127.0.0.1:4711" */
	const struct peer_step *script; /* of the next connection; may be changed */
	size_t receive_buffer; /* SO_RCVBUF of connections; set before upstream_server_start() */
	struct tlsserver *tls; /* NULL: plaintext; borrowed; set before the start too */
	bool introduced;       /* a PROXY header comes before anything else; set before the start */
	uint64_t introduced_gate; /* which is not read before the gate is at least this */
	EVP_MD_CTX *digest; /* as of struct peer, for a single connection; set before the start */
	_Atomic uint64_t gate;
	atomic_uint accepted;
	int listen_fd;
	pthread_t thread;
	struct upstream_conn conns[UPSTREAM_CONNECTIONS_MAX];
};

/**
 * upstream_server_start() - listen on @address: "127.0.0.1:0", "unix:PATH"…; port 0 is any.
 * @script: borrowed until upstream_server_stop().
 * Returns: 0 or -errno.
 */
int upstream_server_start(struct upstream_server *server, const char *address,
			  const struct peer_step *script);

/** upstream_server_stop() - close everything and join the threads; twice is fine. */
void upstream_server_stop(struct upstream_server *server);

/**
 * upstream_server_result() - how connection @index went, waiting for it.
 * Returns: 0; -1 with words in *@ret_problem (valid until the stop).
 */
int upstream_server_result(struct upstream_server *server, unsigned int index,
			   const char **ret_problem);

#endif
