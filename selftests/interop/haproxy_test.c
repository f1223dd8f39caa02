// SPDX-License-Identifier: Apache-2.0
/* HAProxy, whose protocol it is: before us, behind us, and with its own TLS. */
#include "selftests/interop/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

SUITE("haproxy", NEEDS(NEED_NETNS), PROGRAMS("haproxy"), .deadline_ms = 60000);

#define LISTED "    proxy_protocol: {from: [\"127.0.0.0/8\"]}\n"
#define ANSWER STEPS(RECV(100000), SEND(200000), RECV_END, FINISH)

CASES(struct e2e_case, engines, E2E_ENGINES);

/* @bind, @server: options of where it listens and of where it goes, to @to. */
struct config {
	const char *bind, *server;
	unsigned int to;
};

static void start(struct e2e *e, struct program *haproxy, const struct config *config)
{
	char path[128], text[2048];
	char *argv[] = {(char[]){"haproxy"}, (char[]){"-db"}, (char[]){"-f"}, path, NULL};

	snprintf(path, sizeof(path), "%s", e2e_path(e, "haproxy.cfg"));
	snprintf(text, sizeof(text),
		 "global\n\tmaxconn 100\n"
		 "defaults\n\tmode tcp\n\ttimeout connect 10s\n\ttimeout client 60s\n\ttimeout "
		 "server 60s\n"
		 "listen proxy\n"
		 "\tbind 127.0.0.1:%u %s\n"
		 "\tunique-id-format id-%%[fc_pp_unique_id]\n"
		 "\tserver next 127.0.0.1:%u %s\n",
		 haproxy->port, config->bind, config->to, config->server);
	MUST_EQ(daemon_write(&e->daemon, "haproxy.cfg", text), 0);
	program_start(e, haproxy, argv);
}

/* What `bind ssl crt` reads: the chain and its key in one file. */
static void join_pem(const struct e2e *e)
{
	char command[256];

	snprintf(command, sizeof(command), "cd %s/pki && cat server.pem server.key >both.pem",
		 e->daemon.dir);
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c) */
}

static void connect_to(struct e2e *e, const struct addr *addr, const struct e2e_case *c,
		       struct tlsclient *client)
{
	struct tlsclient_options options = e2e_client_options(e, c);
	int r = tlsclient_connect(client, addr, &options, (int)test_scaled_ms(10000));

	E2E_MUST(e, r == 0, "%s (alert %d)", client->error, client->alert);
}

static void check_source(struct e2e *e, const char *text, unsigned int port)
{
	char wanted[ADDR_TEXT_MAX];

	snprintf(wanted, sizeof(wanted), "127.0.0.1:%u", port);
	E2E_MUST(e, strcmp(text, wanted) == 0, "%s, not %s", text, wanted);
}

struct option_case {
	VARIANT;
	const char *text;
	bool has_id;
};

/* clang-format off */
CASES(struct option_case, senders,
      {.name = "v1", .text = "send-proxy"},
      {.name = "v2", .text = "send-proxy-v2"},
      {.name = "v2_with_tlvs", .text = "send-proxy-v2 proxy-v2-options unique-id,crc32c,authority", .has_id = true});
/* clang-format on */

TEST_MATRIX(in_front, engines, senders)
{
	static struct e2e e = {.listener = LISTED};
	struct program haproxy = {};
	struct tlsclient client;
	struct log_entry line;
	struct addr addr;
	struct peer peer;
	char text[DAEMON_VALUE_MAX];

	e.engine = row->engine;
	e.script = ANSWER;
	e2e_start(&e);
	program_prepare(&haproxy);
	start(&e, &haproxy, &(struct config){.bind = "", .to = e.port, .server = column->text});
	addr = program_address(&haproxy);
	connect_to(&e, &addr, row, &client);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, STEPS(SEND(100000), RECV(200000)));
	e2e_prove_program(&e, row);
	e2e_run(&e, &peer, STEPS(FINISH, RECV_END));
	line = e2e_prove_session(&e, 0, "done");
	E2E_MUST(&e, log_entry_get(&line, "peer", text));
	check_source(&e, text, client.port);
	E2E_MUST(&e, !column->has_id || log_entry_is(&line, "unique_id", "id-"), "%s", line.text);
	tlsclient_close(&client);
	program_stop(&e, &haproxy);
	e2e_stop(&e);
}

/* The client's TLS ends there; what it says of that goes on to the upstream. */
TEST(terminates_in_front)
{
	static struct e2e e = {.passthrough = true,
			       .plain_server = true,
			       .app = "proxy_protocol: v2",
			       .listener = LISTED};
	const struct introduction *in;
	struct program haproxy = {};
	struct tlsclient client;
	struct addr addr;
	struct peer peer;
	char bind[300];

	e.script = ANSWER;
	e.upstream.introduced = true;
	e2e_start(&e);
	join_pem(&e);
	snprintf(bind, sizeof(bind), "ssl crt %s ca-file %s verify required",
		 e2e_path(&e, "pki/both.pem"), e2e_path(&e, "pki/ca.pem"));
	program_prepare(&haproxy);
	start(&e, &haproxy,
	      &(struct config){.bind = bind,
			       .to = e.port,
			       .server = "send-proxy-v2-ssl-cn proxy-v2-options "
					 "ssl,cert-cn,cert-key,cert-sig,ssl-cipher,authority,"
					 "unique-id,crc32c"});
	addr = program_address(&haproxy);
	connect_to(&e, &addr, NULL, &client);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, STEPS(SEND(100000), RECV(200000), FINISH, RECV_END));
	e2e_upstream(&e, 0);
	in = e.upstream.conns[0].introduction;
	check_source(&e, in->source, client.port);
	CHECK_EQ(in->ssl_flags, 7);
	CHECK_EQ(in->ssl_verify, 0);
	CHECK(introduction_is(in, 0x02, "localhost"));
	CHECK(introduction_is(in, 0x05, "id-"));
	CHECK(introduction_is(in, 0x21, "TLSv1.3"));
	CHECK(introduction_is(in, 0x22, "client-a"));
	/* These are what we say of the same certificate. */
	CHECK(introduction_is(in, 0x24, "ecdsa-with-SHA256"));
	CHECK(introduction_is(in, 0x25, "EC256"));
	tlsclient_close(&client);
	(void)e2e_prove_passthrough(&e, 0, "done");
	program_stop(&e, &haproxy);
	e2e_stop(&e);
}

/* clang-format off */
CASES(struct option_case, apps,
      {.name = "v1", .text = "proxy_protocol: v1"},
      {.name = "v2", .text = "proxy_protocol: v2", .has_id = true},
      {.name = "v2_with_certificate", .text = "proxy_protocol: v2, proxy_protocol_tlvs: [authority, unique_id, crc32c, ssl, certificate]", .has_id = true});
/* clang-format on */

static const char *to_program(struct program *program)
{
	static char text[ADDR_TEXT_MAX + 2];

	program_prepare(program);
	snprintf(text, sizeof(text), "\"127.0.0.1:%u\"", program->port);
	return text;
}

#define TELL_ALL "send-proxy-v2 proxy-v2-options unique-id,crc32c,authority"

/* What it has understood it tells the upstream. */
static void check_understood(struct e2e *e, const struct log_entry *line, bool has_id,
			     unsigned int port)
{
	const struct introduction *in;
	char id[DAEMON_VALUE_MAX], wanted[DAEMON_VALUE_MAX + 3];

	e2e_upstream(e, 0);
	in = e->upstream.conns[0].introduction;
	check_source(e, in->source, port);
	check_source(e, in->destination, e->port);
	if (!has_id)
		return;
	E2E_MUST(e, log_entry_get(line, "unique_id", id), "%s", line->text);
	snprintf(wanted, sizeof(wanted), "id-%s", id);
	E2E_MUST(e, introduction_is(in, 0x05, wanted), "another unique id");
}

TEST_MATRIX(behind, engines, apps)
{
	static struct e2e e;
	struct program haproxy = {};
	struct tlsclient client;
	struct log_entry line;
	struct addr addr;
	struct peer peer;

	e.engine = row->engine;
	e.script = ANSWER;
	e.app = column->text;
	e.endpoints = to_program(&haproxy);
	e.upstream.introduced = true;
	e2e_start(&e);
	start(&e, &haproxy,
	      &(struct config){.bind = "accept-proxy",
			       .to = addr_port(&e.upstream.addr),
			       .server = TELL_ALL});
	addr = e2e_address(&e);
	connect_to(&e, &addr, row, &client);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, STEPS(SEND(100000), RECV(200000)));
	e2e_prove_live(&e, &client);
	e2e_run(&e, &peer, STEPS(FINISH, RECV_END));
	line = e2e_prove_session(&e, 0, "done");
	check_understood(&e, &line, column->has_id, client.port);
	E2E_MUST(&e, !column->has_id ||
			     introduction_is(e.upstream.conns[0].introduction, 0x02, "localhost"));
	tlsclient_close(&client);
	program_stop(&e, &haproxy);
	e2e_stop(&e);
}

/* The header comes before the TLS that we begin. */
TEST_CASES(originate_to, engines)
{
	static struct e2e e = {.plain_server = true, .app = "proxy_protocol: v2"};
	struct addr local = {.len = sizeof(local.in4)};
	struct program haproxy = {};
	struct log_entry line;
	struct peer client;
	char bind[400];

	e2e_set_case(&e, variant);
	e.script = ANSWER;
	e.endpoints = to_program(&haproxy);
	e.upstream.introduced = true;
	e2e_start(&e);
	join_pem(&e);
	snprintf(bind, sizeof(bind),
		 "accept-proxy ssl crt %s ca-file %s verify required ssl-min-ver TLSv1.%c "
		 "ssl-max-ver TLSv1.%c",
		 e2e_path(&e, "pki/both.pem"), e2e_path(&e, "pki/ca.pem"),
		 variant->version == TLS1_3_VERSION ? '3' : '2',
		 variant->version == TLS1_3_VERSION ? '3' : '2');
	start(&e, &haproxy,
	      &(struct config){
		      .bind = bind, .to = addr_port(&e.upstream.addr), .server = TELL_ALL});
	peer_init_plain_client(&client, e2e_connect_plain(&e, NULL));
	MUST_OK(getsockname(client.fd, &local.sa, &local.len));
	e2e_run(&e, &client, STEPS(SEND(100000), RECV(200000), FINISH, RECV_END));
	line = e2e_prove_session(&e, 0, "done");
	check_understood(&e, &line, true, addr_port(&local));
	program_stop(&e, &haproxy);
	e2e_end_plain(&e, &client);
}
