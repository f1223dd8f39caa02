// SPDX-License-Identifier: Apache-2.0
#include "selftests/e2e/e2e.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#define CONNECT_MS 10000
#define LOG_MS	   10000
#define STOP_MS	   10000

const char *e2e_path(const struct e2e *e, const char *name)
{
	static char paths[32][128];
	static unsigned int next;
	char *path = paths[next++ % 32];

	snprintf(path, sizeof(paths[0]), "%s/%s", e->daemon.dir, name);
	return path;
}

void e2e_pki(struct e2e *e, ...)
{
	const char *argv[16] = {"sluice", "pki", "-o", e2e_path(e, "pki")};
	size_t n = 4;
	va_list args;

	va_start(args, e);
	while (n < 15 && (argv[n] = va_arg(args, const char *)))
		n++;
	va_end(args);
	MUST_EQ(daemon_command(&e->daemon, argv), 0);
}

static const char *or_else(const char *text, const char *otherwise)
{
	return text ? text : otherwise;
}

static void generate_pki(struct e2e *e)
{
	e2e_pki(e, NULL);
	if (e->key)
		e2e_pki(e, "--server", "server", "--force", "--key", e->key, "--dns", "localhost",
			"--ip", "127.0.0.1", "--ip", "::1", NULL);
}

static int copy_tree(const char *from, const char *to)
{
	char command[512];

	snprintf(command, sizeof(command), "cp -a %s %s", from, to);
	/* The paths are ours. */
	return system(command); /* NOLINT(cert-env33-c) */
}

/* Every test has a PKI of its own to change, but the keys of only one had to be found. */
static void make_pki(struct e2e *e)
{
	const char *cache = getenv("TEST_CACHE");
	char kept[256], mine[300];

	if (!cache) {
		generate_pki(e);
		return;
	}
	snprintf(kept, sizeof(kept), "%s/pki-%s", cache, or_else(e->key, "default"));
	if (access(kept, F_OK) == 0) {
		MUST_EQ(copy_tree(kept, e2e_path(e, "pki")), 0);
		return;
	}
	generate_pki(e);
	snprintf(mine, sizeof(mine), "%s.%d", kept, getpid());
	MUST_EQ(copy_tree(e2e_path(e, "pki"), mine), 0);
	/* Another test may have been faster: then ours stays beside it. */
	(void)rename(mine, kept);
}

/* The lines of a listener that make its sessions use one engine from the first byte on. */
static const char *engine_lines(const struct e2e *e)
{
	static const char *const lines[] = {
		[E2E_COPY] = "    offload: off\n",
		[E2E_SPLICE] = "    offload: require\n    engine: splice\n",
		[E2E_KTLS_COPY] = "    offload: require\n    engine: ktls-copy\n",
	};

	return e->quiet_offload ? "" : lines[e->engine];
}

/* What is the same in every mode, behind @len bytes. */
static void finish_yaml(struct e2e *e, int len)
{
	MUST(len >= 0 && len < (int)sizeof(e->yaml));
	len += snprintf(e->yaml + len, sizeof(e->yaml) - (size_t)len,
			"admin: {listen: \"unix:%s/admin.sock\"}\n"
			"workers: %u\n"
			"%s",
			e->daemon.dir, e->workers ? e->workers : 1, or_else(e->top, ""));
	MUST(len < (int)sizeof(e->yaml));
}

static void write_terminate(struct e2e *e)
{
	const char *dir = e->daemon.dir;
	const char *auth = or_else(e->client_auth, "require");
	char listen[ADDR_TEXT_MAX], endpoints[ADDR_TEXT_MAX + 2], ca[256] = "";
	int len;

	snprintf(listen, sizeof(listen), "\"127.0.0.1:%u\"", e->port);
	snprintf(endpoints, sizeof(endpoints), "\"%s\"", e->upstream.text);
	if (strcmp(auth, "off") != 0 && !e->client_ca)
		snprintf(ca, sizeof(ca), "      client_ca: file:%s/pki/ca.pem\n", dir);
	else if (e->client_ca && e->client_ca[0])
		snprintf(ca, sizeof(ca), "      client_ca: %s\n", e->client_ca);
	len = snprintf(e->yaml, sizeof(e->yaml),
		       "listeners:\n"
		       "  - name: main\n"
		       "    listen: [%s]\n"
		       "    mode: terminate\n"
		       "    tls:\n"
		       "      certificates:\n"
		       "        - {chain: file:%s/pki/server.pem, key: file:%s/pki/server.key}\n"
		       "%s"
		       "      client_auth: %s\n"
		       "%s"
		       "    rules:\n"
		       "%s"
		       "%s"
		       "%s"
		       "upstreams:\n"
		       "  - {name: app, endpoints: [%s]%s%s}\n"
		       "%s",
		       or_else(e->listen, listen), dir, dir, or_else(e->tls, ""), auth, ca,
		       or_else(e->rules, "      - {name: known, match: {cn: [client-a]}, "
					 "upstream: app}\n"),
		       engine_lines(e), or_else(e->listener, ""), or_else(e->endpoints, endpoints),
		       e->app ? ", " : "", or_else(e->app, ""), or_else(e->upstreams, ""));
	finish_yaml(e, len);
}

static void write_originate(struct e2e *e)
{
	const char *dir = e->daemon.dir;
	char listen[ADDR_TEXT_MAX], endpoints[ADDR_TEXT_MAX + 2], certificate[300] = "";
	int len;

	snprintf(listen, sizeof(listen), "\"127.0.0.1:%u\"", e->port);
	snprintf(endpoints, sizeof(endpoints), "\"%s\"", e->upstream.text);
	if (!e->no_certificate)
		snprintf(certificate, sizeof(certificate),
			 "      certificate: {chain: file:%s/pki/client-a.pem, "
			 "key: file:%s/pki/client-a.key}\n",
			 dir, dir);
	len = snprintf(e->yaml, sizeof(e->yaml),
		       "listeners:\n"
		       "  - name: main\n"
		       "    listen: [%s]\n"
		       "    mode: originate\n"
		       "    upstream: app\n"
		       "%s"
		       "%s"
		       "upstreams:\n"
		       "  - name: app\n"
		       "    endpoints: [%s]\n"
		       "    %s\n"
		       "    tls:\n"
		       "      server_ca: file:%s/pki/%s\n"
		       "%s"
		       "%s",
		       or_else(e->listen, listen), engine_lines(e), or_else(e->listener, ""),
		       or_else(e->endpoints, endpoints), or_else(e->app, ""), dir,
		       or_else(e->server_ca, "ca.pem"), certificate,
		       or_else(e->tls, "      server_name: localhost\n"));
	finish_yaml(e, len);
}

static void write_passthrough(struct e2e *e)
{
	char listen[ADDR_TEXT_MAX], endpoints[ADDR_TEXT_MAX + 2];
	int len;

	snprintf(listen, sizeof(listen), "\"127.0.0.1:%u\"", e->port);
	snprintf(endpoints, sizeof(endpoints), "\"%s\"", e->upstream.text);
	len = snprintf(e->yaml, sizeof(e->yaml),
		       "listeners:\n"
		       "  - name: main\n"
		       "    listen: [%s]\n"
		       "    mode: passthrough\n"
		       "%s"
		       "%s"
		       "%s"
		       "upstreams:\n"
		       "  - {name: app, endpoints: [%s]%s%s}\n"
		       "%s",
		       or_else(e->listen, listen), e->rules ? "    rules:\n" : "",
		       or_else(e->rules, "    upstream: app\n"), or_else(e->listener, ""),
		       or_else(e->endpoints, endpoints), e->app ? ", " : "", or_else(e->app, ""),
		       or_else(e->upstreams, ""));
	finish_yaml(e, len);
}

static void open_tls_server(struct e2e *e)
{
	char file[60];

	snprintf(file, sizeof(file), "pki/%s.pem", or_else(e->server_cert, "server"));
	e->server.cert = e2e_path(e, file);
	snprintf(file, sizeof(file), "pki/%s.key", or_else(e->server_cert, "server"));
	e->server.key = e2e_path(e, file);
	if (e->demand_certificate)
		e->server.client_ca = e2e_path(e, "pki/ca.pem");
	MUST_EQ(tlsserver_open(&e->tls_server, &e->server), 0);
	e->upstream.tls = &e->tls_server;
}

/* With the PKI of the test's first daemon. */
static void use_subdir(struct e2e *e)
{
	daemon_init_in(&e->daemon, e->subdir);
	MUST_OK(symlink("../pki", e2e_path(e, "pki")));
}

void e2e_write_yaml(struct e2e *e)
{
	if (e->originate)
		write_originate(e);
	else if (e->passthrough)
		write_passthrough(e);
	else
		write_terminate(e);
}

void e2e_prepare(struct e2e *e)
{
	if (e->subdir)
		use_subdir(e);
	else
		daemon_init(&e->daemon);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)test_seed(); /* not first in a thread */
	if (!e->subdir)
		make_pki(e);
	if (e->more_pki)
		e->more_pki(e);
	if ((e->originate || e->passthrough) && !e->plain_server)
		open_tls_server(e);
	MUST_EQ(upstream_server_start(&e->upstream, or_else(e->upstream_address, "127.0.0.1:0"),
				      e->script),
		0);
	/* Not before the upstream has its port, which may be any that is free. */
	e->port = daemon_free_port();
	MUST(e->port > 0);
	e2e_write_yaml(e);
}

void e2e_start(struct e2e *e)
{
	int r;

	if (!e->daemon.dir[0])
		e2e_prepare(e);
	r = daemon_start(&e->daemon, e->yaml);
	E2E_MUST(e, r == 0, "start: %s, exit code %d", strerror(-r), e->daemon.exit_code);
	if (tlsstat_read(&e->tls_stat) < 0)
		e->tls_stat = (struct tlsstat){};
}

void e2e_stop(struct e2e *e)
{
	int code = daemon_stop(&e->daemon, STOP_MS);

	E2E_MUST(e, code == 0, "the daemon ended with %d", code);
	upstream_server_stop(&e->upstream);
	tlsserver_close(&e->tls_server);
}

/* --- clients --- */

struct tlsclient_options e2e_client_options(const struct e2e *e, const struct e2e_case *c)
{
	return (struct tlsclient_options){
		.cert = e2e_path(e, "pki/client-a.pem"),
		.key = e2e_path(e, "pki/client-a.key"),
		.ca = e2e_path(e, "pki/ca.pem"),
		.sni = "localhost",
		.version = c ? c->version : 0,
		.suite = c ? c->suite : SUITE_ANY,
	};
}

struct addr e2e_address(const struct e2e *e)
{
	char text[ADDR_TEXT_MAX];
	struct addr addr;

	snprintf(text, sizeof(text), "127.0.0.1:%u", e->port);
	MUST_EQ(addr_parse(text, &addr), 0);
	return addr;
}

int e2e_try(struct e2e *e, struct tlsclient *client, const struct tlsclient_options *options)
{
	struct addr addr = e2e_address(e);

	return tlsclient_connect(client, &addr, options, (int)test_scaled_ms(CONNECT_MS));
}

void e2e_connect(struct e2e *e, struct tlsclient *client, const struct tlsclient_options *options)
{
	int r = e2e_try(e, client, options);

	E2E_MUST(e, r == 0, "%s (alert %d)", client->error, client->alert);
}

int e2e_connect_plain(struct e2e *e, const char *listen)
{
	struct addr addr = e2e_address(e);
	int fd;

	if (listen)
		MUST_EQ(addr_parse(listen, &addr), 0);
	fd = MUST_OK(socket(addr.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST_OK(connect(fd, &addr.sa, addr.len));
	return fd;
}

void e2e_run(struct e2e *e, struct peer *peer, const struct peer_step *script)
{
	E2E_MUST(e, peer_run(peer, script) == 0, "%s", peer->problem);
}

void e2e_connect_echo(struct e2e *e, struct tlsclient *client, struct peer *peer)
{
	struct tlsclient_options options = e2e_client_options(e, NULL);

	e2e_connect(e, client, &options);
	peer_init_client(peer, client);
	peer_expect_echo(peer);
	e2e_run(e, peer, STEPS(SEND(1000), RECV(1000)));
}

void e2e_await_reset(struct e2e *e, struct tlsclient *client, uint64_t ms)
{
	ssize_t r = -EAGAIN;
	char byte;

	E2E_MUST(e, UNTIL((r = tlsclient_recv(client, &byte, 1)) != -EAGAIN, ms));
	MUST_EQ(r, -ECONNRESET);
}

int e2e_listen(int backlog, struct addr *ret_addr)
{
	int fd;

	MUST_EQ(addr_parse("127.0.0.1:1", ret_addr), 0);
	ret_addr->in4.sin_port = 0;
	fd = MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST_OK(bind(fd, &ret_addr->sa, ret_addr->len));
	MUST_OK(listen(fd, backlog));
	MUST_OK(getsockname(fd, &ret_addr->sa, &ret_addr->len));
	return fd;
}

void e2e_end_echo(struct e2e *e, struct tlsclient *client, struct peer *peer)
{
	e2e_run(e, peer, STEPS(SEND(1000), RECV(1000), FINISH, RECV_END));
	tlsclient_close(client);
}

void e2e_upstream(struct e2e *e, unsigned int index)
{
	const char *words = "";
	int r = upstream_server_result(&e->upstream, index, &words);

	E2E_MUST(e, r == 0, "upstream connection %u: %s", index, words);
}

/* --- mode: originate --- */

void e2e_set_case(struct e2e *e, const struct e2e_case *c)
{
	e->originate = true;
	e->engine = c->engine;
	e->server.version = c->version;
	e->server.suite = c->suite;
}

void e2e_begin_plain(struct e2e *e, const struct e2e_case *c, struct peer *client)
{
	e2e_set_case(e, c);
	e2e_start(e);
	peer_init_plain_client(client, e2e_connect_plain(e, NULL));
	client->gate = &e->upstream.gate;
}

void e2e_end_plain(struct e2e *e, struct peer *client)
{
	if (client->fd >= 0)
		MUST_OK(close(client->fd));
	E2E_MUST(e, UNTIL(daemon_counter(&e->daemon, "connections") == 0, 5000));
	E2E_MUST(e, daemon_counter(&e->daemon, "handshakes") == 0);
	e2e_stop(e);
}
