// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/upstream.h"

#include "base/clock.h"
#include "base/fd.h"
#include "selftests/harness/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MS 30000

/* Returns: 0, or -1 when there was no PROXY header, or not a right one. */
static int meet(struct upstream_conn *conn)
{
	struct peer *peer = &conn->peer;

	if (!conn->server->introduced)
		return 0;
	conn->introduction = calloc(1, sizeof(*conn->introduction));
	if (!conn->introduction)
		abort();
	while (atomic_load(&conn->server->gate) < conn->server->introduced_gate)
		usleep(1000);
	if (introduction_receive(peer->fd, peer->timeout_ms, conn->introduction) == 0)
		return 0;
	if (conn->introduction->end < 0)
		peer->end = conn->introduction->end;
	snprintf(peer->problem, sizeof(peer->problem), "PROXY header: %s",
		 conn->introduction->problem);
	return -1;
}

/* Returns: 0, or -1 when there was no handshake. */
static int greet(struct upstream_conn *conn)
{
	struct peer *peer = &conn->peer;
	int r;

	if (!conn->server->tls)
		return 0;
	r = tlsserver_accept(conn->server->tls, peer->fd, peer->timeout_ms, &conn->tls,
			     &conn->seen);
	if (r < 0) {
		peer->end = r;
		snprintf(peer->problem, sizeof(peer->problem), "%s", conn->tls.error);
		return -1;
	}
	peer_init_tls_upstream(peer, &conn->tls);
	peer->gate = &conn->server->gate;
	peer->digest = conn->server->digest;
	return 0;
}

static void *serve(void *arg)
{
	struct upstream_conn *conn = arg;

	conn->result = meet(conn);
	if (conn->result == 0)
		conn->result = greet(conn);
	if (conn->result == 0)
		conn->result = peer_run(&conn->peer, conn->script);
	/* An upstream that is through closes; what it did before says how the stream ended. */
	if (conn->server->tls && conn->tls.ssl)
		tlsclient_close(&conn->tls);
	else
		fd_close(&conn->peer.fd);
	atomic_store(&conn->ended, true);
	return NULL;
}

static void begin(struct upstream_server *server, unsigned int index, int fd)
{
	struct upstream_conn *conn = &server->conns[index];

	peer_init_upstream(&conn->peer, fd);
	conn->server = server;
	conn->script = server->script;
	conn->peer.gate = &server->gate;
	conn->peer.digest = server->digest;
	if (pthread_create(&conn->thread, NULL, serve, conn) != 0)
		abort();
}

static void *accept_all(void *arg)
{
	struct upstream_server *server = arg;

	for (;;) {
		int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		unsigned int index = atomic_load(&server->accepted);

		if (fd < 0)
			return NULL;
		if (index == UPSTREAM_CONNECTIONS_MAX)
			abort();
		begin(server, index, fd);
		atomic_store(&server->accepted, index + 1);
	}
}

static int listen_on(struct upstream_server *server)
{
	int bytes = (int)server->receive_buffer;
	int one = 1;

	server->listen_fd = socket(server->addr.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server->listen_fd < 0)
		return -errno;
	(void)setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bytes > 0)
		(void)setsockopt(server->listen_fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (bind(server->listen_fd, &server->addr.sa, server->addr.len) < 0 ||
	    listen(server->listen_fd, 256) < 0 ||
	    getsockname(server->listen_fd, &server->addr.sa, &server->addr.len) < 0)
		return -errno;
	/* The workers run as another user. */
	if (addr_is_unix(&server->addr))
		(void)chmod(server->addr.un.sun_path, 0666);
	return 0;
}

static int parse(struct upstream_server *server, const char *address)
{
	char text[ADDR_TEXT_MAX];
	char *port;
	int r;

	snprintf(text, sizeof(text), "%s", address);
	port = strrchr(text, ':');
	if (strncmp(text, "unix:", 5) != 0 && port && strcmp(port, ":0") == 0)
		snprintf(port, sizeof(text) - (size_t)(port - text), ":1");
	else
		port = NULL;
	r = addr_parse(text, &server->addr);
	if (r == 0 && port)
		server->addr.in4.sin_port = 0; /* the same place in sockaddr_in6 */
	return r;
}

int upstream_server_start(struct upstream_server *server, const char *address,
			  const struct peer_step *script)
{
	int r;

	server->script = script;
	server->listen_fd = -1;
	r = parse(server, address);
	if (r == 0)
		r = listen_on(server);
	if (r == 0)
		r = -pthread_create(&server->thread, NULL, accept_all, server);
	if (r < 0) {
		fd_close(&server->listen_fd);
		return r;
	}
	addr_format(&server->addr, server->text);
	return 0;
}

void upstream_server_stop(struct upstream_server *server)
{
	if (server->listen_fd < 0)
		return;
	(void)shutdown(server->listen_fd, SHUT_RDWR);
	(void)pthread_join(server->thread, NULL);
	fd_close(&server->listen_fd);
	for (unsigned int i = 0; i < atomic_load(&server->accepted); i++) {
		struct upstream_conn *conn = &server->conns[i];

		if (!atomic_load(&conn->ended))
			(void)shutdown(conn->peer.fd, SHUT_RDWR);
		atomic_store(&server->gate, UINT64_MAX);
		(void)pthread_join(conn->thread, NULL);
		free(conn->introduction);
		conn->introduction = NULL;
	}
}

int upstream_server_result(struct upstream_server *server, unsigned int index,
			   const char **ret_problem)
{
	uint64_t deadline_ms = clock_now_ms() + test_scaled_ms(WAIT_MS);
	struct upstream_conn *conn = &server->conns[index];

	*ret_problem = "the upstream saw no such connection";
	while (clock_now_ms() < deadline_ms) {
		if (index < atomic_load(&server->accepted))
			*ret_problem = "the upstream's script does not come to its end";
		if (atomic_load(&conn->ended)) {
			*ret_problem = conn->peer.problem;
			return conn->result;
		}
		usleep(1000);
	}
	return -1;
}
