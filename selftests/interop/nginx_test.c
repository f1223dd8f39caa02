// SPDX-License-Identifier: Apache-2.0
/* nginx's stream proxy before us and behind us. It sends version 1 only, and reads both. */
#include "selftests/interop/program.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

SUITE("nginx", NEEDS(NEED_NETNS), PROGRAMS("nginx"), .deadline_ms = 60000);

#define LISTED "    proxy_protocol: {from: [\"127.0.0.0/8\"]}\n"
#define ANSWER STEPS(RECV(100000), SEND(200000), RECV_END, FINISH)

CASES(struct e2e_case, engines, E2E_ENGINES);

/* @listen: more of where it listens. It hands on, with a header of its own, to @to. */
static void start(struct e2e *e, struct program *nginx, const char *listen, unsigned int to)
{
	char path[128], text[2048];
	char *argv[] = {(char[]){"nginx"}, (char[]){"-e"}, (char[]){"stderr"},
			(char[]){"-c"},	   path,	   NULL};

	snprintf(path, sizeof(path), "%s", e2e_path(e, "nginx.conf"));
	snprintf(text, sizeof(text),
		 "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n"
		 "user root;\ndaemon off;\nmaster_process off;\nerror_log stderr;\n"
		 "pid %s/nginx.pid;\n"
		 "events {}\n"
		 "stream {\n"
		 "  server {\n"
		 "    listen 127.0.0.1:%u %s;\n"
		 "    set_real_ip_from 127.0.0.0/8;\n"
		 "    proxy_pass 127.0.0.1:%u;\n"
		 "    proxy_protocol on;\n"
		 "  }\n"
		 "}\n",
		 e->daemon.dir, nginx->port, listen, to);
	MUST_EQ(daemon_write(&e->daemon, "nginx.conf", text), 0);
	program_start(e, nginx, argv);
}

static void check_source(struct e2e *e, const char *text, unsigned int port)
{
	char wanted[ADDR_TEXT_MAX];

	snprintf(wanted, sizeof(wanted), "127.0.0.1:%u", port);
	E2E_MUST(e, strcmp(text, wanted) == 0, "%s, not %s", text, wanted);
}

TEST_CASES(in_front, engines)
{
	static struct e2e e = {.listener = LISTED};
	struct program nginx = {};
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	struct addr addr;
	struct peer peer;
	char text[DAEMON_VALUE_MAX];
	int r;

	e.engine = variant->engine;
	e.script = ANSWER;
	e2e_start(&e);
	program_prepare(&nginx);
	start(&e, &nginx, "", e.port);
	addr = program_address(&nginx);
	options = e2e_client_options(&e, variant);
	r = tlsclient_connect(&client, &addr, &options, (int)test_scaled_ms(10000));
	E2E_MUST(&e, r == 0, "%s", client.error);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, STEPS(SEND(100000), RECV(200000)));
	e2e_prove_program(&e, variant);
	e2e_run(&e, &peer, STEPS(FINISH, RECV_END));
	line = e2e_prove_session(&e, 0, "done");
	E2E_MUST(&e, log_entry_get(&line, "peer", text));
	check_source(&e, text, client.port);
	tlsclient_close(&client);
	program_stop(&e, &nginx);
	e2e_stop(&e);
}

struct app_case {
	VARIANT;
	const char *text;
};

/* nginx has room for 107 bytes before 1.23.2, for 4096 from then on: the SSL block is too much for Debian 12. */
/* clang-format off */
CASES(struct app_case, apps,
      {.name = "v1", .text = "proxy_protocol: v1"},
      {.name = "v2", .text = "proxy_protocol: v2, proxy_protocol_tlvs: [none]"},
      {.name = "v2_with_tlvs", .text = "proxy_protocol: v2, proxy_protocol_tlvs: [authority, unique_id, crc32c]"});
/* clang-format on */

TEST_MATRIX(behind, engines, apps)
{
	static char endpoint[ADDR_TEXT_MAX + 2];
	static struct e2e e;
	struct program nginx = {};
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;

	program_prepare(&nginx);
	snprintf(endpoint, sizeof(endpoint), "\"127.0.0.1:%u\"", nginx.port);
	e.engine = row->engine;
	e.script = ANSWER;
	e.app = column->text;
	e.endpoints = endpoint;
	e.upstream.introduced = true;
	e2e_start(&e);
	start(&e, &nginx, "proxy_protocol", addr_port(&e.upstream.addr));
	options = e2e_client_options(&e, row);
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, STEPS(SEND(100000), RECV(200000)));
	e2e_prove_live(&e, &client);
	e2e_run(&e, &peer, STEPS(FINISH, RECV_END));
	e2e_upstream(&e, 0);
	check_source(&e, e.upstream.conns[0].introduction->source, client.port);
	tlsclient_close(&client);
	(void)e2e_prove_session(&e, 0, "done");
	program_stop(&e, &nginx);
	e2e_stop(&e);
}
