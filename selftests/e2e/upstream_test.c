// SPDX-License-Identifier: Apache-2.0
/* Where admitted sessions go: endpoints that are down, several of them, unix sockets. */
#include "selftests/e2e/e2e.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

SUITE("upstream", NEEDS(NEED_NETNS));

#define ALERT_INTERNAL_ERROR 80

/* clang-format off */
CASES(struct e2e_case, engines, E2E_ENGINES);
/* clang-format on */

static void one_exchange(struct e2e *e, const struct e2e_case *c, size_t nth)
{
	struct tlsclient_options options = e2e_client_options(e, c);
	struct tlsclient client;
	struct peer peer;

	e2e_connect(e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(e, &peer, STEPS(SEND(1000), RECV(2000)));
	e2e_prove_live(e, &client);
	e2e_run(e, &peer, STEPS(FINISH, RECV_END));
	tlsclient_close(&client);
	(void)e2e_prove_session(e, nth, "done");
}

#define ANSWER STEPS(RECV(1000), SEND(2000), RECV_END, FINISH)

TEST_CASES(first_endpoint_down, engines)
{
	static char endpoints[256];
	static struct e2e e;
	struct log_entry line;

	e.engine = variant->engine;
	e.script = ANSWER;
	e.upstream_address = "127.0.0.1:18080";
	snprintf(endpoints, sizeof(endpoints), "\"127.0.0.1:%u\", \"127.0.0.1:18080\"",
		 daemon_free_port());
	e.endpoints = endpoints;
	e2e_start(&e);
	/* Whichever endpoint has its turn first, both sessions reach the one that lives. */
	one_exchange(&e, variant, 0);
	one_exchange(&e, variant, 1);
	E2E_MUST(&e, daemon_find_log(&e.daemon, "endpoint_failed", NULL, NULL, 0, &line));
	E2E_MUST(&e, daemon_counter(&e.daemon, "upstream_retried") == 1);
	E2E_MUST(&e,
		 daemon_find_log(&e.daemon, "session", "endpoint", "127.0.0.1:18080", 1, &line));
	e2e_stop(&e);
}

TEST_CASES(all_endpoints_down, engines)
{
	static char endpoints[256];
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	int alert;

	e.engine = variant->engine;
	e.script = ANSWER;
	snprintf(endpoints, sizeof(endpoints), "\"127.0.0.1:%u\", \"unix:/nowhere.sock\"",
		 daemon_free_port());
	e.endpoints = endpoints;
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	e2e_connect(&e, &client, &options);
	alert = tlsclient_alert(&client, (int)test_scaled_ms(5000));
	E2E_MUST(&e, alert == ALERT_INTERNAL_ERROR, "alert %d (%s)", alert, client.error);
	tlsclient_close(&client);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "upstream_failed", NULL, NULL, 0, 5000, &line));
	E2E_MUST(&e,
		 daemon_wait_log(&e.daemon, "session", "close", "upstream_failed", 0, 5000, &line));
	E2E_MUST(&e, log_entry_is(&line, "engine_in", "none"), "%s", line.text);
	E2E_MUST(&e, daemon_counter(&e.daemon, "upstream_failed") == 1);
	e2e_stop(&e);
}

TEST_CASES(unix_upstream, engines)
{
	static char address[128];
	static struct e2e e;

	snprintf(address, sizeof(address), "unix:%s/app.sock", test_tmpdir());
	e.engine = variant->engine;
	e.script = ANSWER;
	e.upstream_address = address;
	e2e_start(&e);
	one_exchange(&e, variant, 0);
	e2e_upstream(&e, 0);
	e2e_stop(&e);
}

TEST(ipv6_upstream, NEEDS(NEED_NETNS | NEED_IPV6))
{
	const struct e2e_case any = {};
	static struct e2e e = {.upstream_address = "[::1]:0"};

	e.script = ANSWER;
	e2e_start(&e);
	one_exchange(&e, &any, 0);
	e2e_stop(&e);
}

/* Endpoints take turns, so one that is slow to die does not get every session. */
TEST(round_robin)
{
	const struct e2e_case any = {};
	static struct upstream_server second;
	static char endpoints[256];
	static struct e2e e = {.upstream_address = "127.0.0.1:18081", .endpoints = endpoints};

	e.script = ANSWER;
	MUST_EQ(upstream_server_start(&second, "127.0.0.1:0", ANSWER), 0);
	snprintf(endpoints, sizeof(endpoints), "\"127.0.0.1:18081\", \"%s\"", second.text);
	e2e_start(&e);
	for (size_t i = 0; i < 6; i++)
		one_exchange(&e, &any, i);
	E2E_MUST(&e, atomic_load(&e.upstream.accepted) == 3);
	E2E_MUST(&e, atomic_load(&second.accepted) == 3);
	upstream_server_stop(&second);
	e2e_stop(&e);
}

/* A listener that takes no connection: its queue is full, SYNs get no answer. */
static int open_full_listener(struct addr *ret_addr, int fillers[4])
{
	int fd = MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	MUST_EQ(addr_parse("127.0.0.1:18082", ret_addr), 0);
	MUST_OK(bind(fd, &ret_addr->sa, ret_addr->len));
	MUST_OK(listen(fd, 0));
	for (size_t i = 0; i < 4; i++) {
		fillers[i] =
			MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
		(void)connect(fillers[i], &ret_addr->sa, ret_addr->len);
	}
	return fd;
}

TEST(connect_timeout)
{
	const struct e2e_case any = {};
	static struct e2e e = {.endpoints = "\"127.0.0.1:18082\", \"127.0.0.1:18083\"",
			       .upstream_address = "127.0.0.1:18083",
			       .top = "timeouts: {connect: 200ms}\n"};
	struct addr full;
	int fillers[4];
	int fd = open_full_listener(&full, fillers);

	e.script = ANSWER;
	e2e_start(&e);
	one_exchange(&e, &any, 0);
	one_exchange(&e, &any, 1);
	E2E_MUST(&e, daemon_counter(&e.daemon, "upstream_retried") >= 1);
	e2e_stop(&e);
	for (size_t i = 0; i < 4; i++)
		MUST_OK(close(fillers[i]));
	MUST_OK(close(fd));
}

/* The client goes away while the upstream is being tried: nothing is relayed, nothing leaks. */
TEST(client_gone_while_connecting)
{
	static struct e2e e = {.endpoints = "\"127.0.0.1:18082\"",
			       .top = "timeouts: {connect: 30s}\n"};
	struct tlsclient_options options;
	struct tlsclient client;
	struct addr full;
	struct peer peer;
	int fillers[4];
	int fd = open_full_listener(&full, fillers);

	e.script = ANSWER;
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	e2e_connect(&e, &client, &options);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "admitted") == 1, 5000));
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, STEPS(RESET));
	tlsclient_close(&client);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "connections") == 0, 5000));
	e2e_stop(&e);
	for (size_t i = 0; i < 4; i++)
		MUST_OK(close(fillers[i]));
	MUST_OK(close(fd));
}

/* Rules choose the upstream: first match wins. */
TEST(rule_chooses_upstream)
{
	const struct e2e_case any = {};
	static struct upstream_server second;
	static char more[256];
	static struct e2e e = {
		.rules = "      - {name: by-uri, match: {uri: [\"spiffe://sluice.example/*\"]}, "
			 "upstream: second}\n"
			 "      - {name: by-cn, match: {cn: [client-a]}, upstream: app}\n",
	};
	struct log_entry line;

	e.script = ANSWER;
	MUST_EQ(upstream_server_start(&second, "127.0.0.1:0", ANSWER), 0);
	snprintf(more, sizeof(more), "  - {name: second, endpoints: [\"%s\"]}\n", second.text);
	e.upstreams = more;
	e2e_start(&e);
	one_exchange(&e, &any, 0);
	E2E_MUST(&e, daemon_find_log(&e.daemon, "session", "rule", "by-uri", 0, &line));
	E2E_MUST(&e, log_entry_is(&line, "upstream", "second"), "%s", line.text);
	E2E_MUST(&e, atomic_load(&e.upstream.accepted) == 0);
	upstream_server_stop(&second);
	e2e_stop(&e);
}
