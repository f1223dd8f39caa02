// SPDX-License-Identifier: Apache-2.0
/* Memory and connections have limits with names. */
#include "selftests/e2e/e2e.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

SUITE("limits", NEEDS(NEED_NETNS), .deadline_ms = 30000);

#define MIB (UINT64_C(1024) * 1024)

/*
 * What the kernel may hold between a fast sender and a peer that does not read: a send and a
 * receive buffer on each of two connections, of which tcp_wmem and tcp_rmem allow some MiB.
 */
#define IN_FLIGHT_MAX (24 * MIB)

/* One session of the copy engine owns two records; the rest is slack of the allocator. */
#define GROWTH_MAX (2 * MIB)

/* clang-format off */
CASES(struct e2e_case, engines, E2E_ENGINES);
/* clang-format on */

TEST_CASES(slow_client, engines)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;
	uint64_t before, after, in_flight;

	e.engine = variant->engine;
	e.script = STEPS(SEND(1), FLOOD(700), PASS(1), GATE(2), SEND(MIB), FINISH, RECV_END);
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	options.receive_buffer = 16384;
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	peer.gate = &e.upstream.gate;
	e2e_run(&e, &peer, STEPS(RECV(1)));
	before = daemon_rss_bytes(&e.daemon);
	e2e_prove_live(&e, &client);
	e2e_run(&e, &peer, STEPS(GATE(1)));
	after = daemon_rss_bytes(&e.daemon);
	in_flight = e.upstream.conns[0].peer.sent;
	NOTE("%llu bytes were taken from the upstream, memory %llu -> %llu",
	     (unsigned long long)in_flight, (unsigned long long)before, (unsigned long long)after);
	E2E_MUST(&e, in_flight < IN_FLIGHT_MAX, "%llu bytes", (unsigned long long)in_flight);
	E2E_MUST(&e, after < before + GROWTH_MAX, "%llu -> %llu", (unsigned long long)before,
		 (unsigned long long)after);
	e2e_run(&e, &peer, STEPS(PASS(2), RECV_ALL, FINISH));
	E2E_MUST(&e, peer.received == in_flight + MIB);
	tlsclient_close(&client);
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, "done");
	e2e_stop(&e);
}

TEST_CASES(slow_upstream, engines)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;
	uint64_t before, after;

	e.engine = variant->engine;
	e.script = STEPS(RECV(1), GATE(1), RECV_ALL, FINISH);
	e.upstream.receive_buffer = 16384;
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	peer.gate = &e.upstream.gate;
	e2e_run(&e, &peer, STEPS(SEND(1)));
	e2e_prove_live(&e, &client);
	before = daemon_rss_bytes(&e.daemon);
	e2e_run(&e, &peer, STEPS(FLOOD(700)));
	after = daemon_rss_bytes(&e.daemon);
	NOTE("%llu bytes were taken from the client, memory %llu -> %llu",
	     (unsigned long long)peer.sent, (unsigned long long)before, (unsigned long long)after);
	E2E_MUST(&e, peer.sent < IN_FLIGHT_MAX, "%llu bytes", (unsigned long long)peer.sent);
	E2E_MUST(&e, after < before + GROWTH_MAX, "%llu -> %llu", (unsigned long long)before,
		 (unsigned long long)after);
	e2e_run(&e, &peer, STEPS(PASS(1), FINISH, RECV_END));
	e2e_upstream(&e, 0);
	E2E_MUST(&e, e.upstream.conns[0].peer.received == peer.sent);
	tlsclient_close(&client);
	(void)e2e_prove_session(&e, 0, "done");
	e2e_stop(&e);
}

/* A peer that reads nothing holds up itself, not its neighbour in the same worker. */
TEST_CASES(neighbour_goes_on, engines)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient slow, fast;
	struct peer slow_peer, fast_peer;

	e.engine = variant->engine;
	e.script = STEPS(SEND(1), FLOOD(500), PASS(1), RECV_RESET);
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	e2e_connect(&e, &slow, &options);
	peer_init_client(&slow_peer, &slow);
	slow_peer.gate = &e.upstream.gate;
	e2e_run(&e, &slow_peer, STEPS(RECV(1), GATE(1)));
	e.upstream.script = STEPS(BOTH(4 * MIB, 4 * MIB), FINISH, RECV_END);
	e2e_connect(&e, &fast, &options);
	peer_init_client(&fast_peer, &fast);
	e2e_run(&e, &fast_peer, STEPS(BOTH(4 * MIB, 4 * MIB), RECV_END, FINISH));
	e2e_upstream(&e, 1);
	(void)e2e_prove_session(&e, 0, "done");
	tlsclient_close(&fast);
	e2e_run(&e, &slow_peer, STEPS(RESET));
	tlsclient_close(&slow);
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 1, "client_reset");
	e2e_stop(&e);
}

/* Above the limit connections wait in the kernel's queue until there is room. */
TEST(connections_limit)
{
	static struct e2e e = {.top = "limits: {connections: 3}\n"};
	struct tlsclient_options options;
	struct tlsclient clients[3], fourth;
	struct peer peer;

	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	for (size_t i = 0; i < 3; i++) {
		e2e_connect(&e, &clients[i], &options);
		E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "admitted") == i + 1, 5000));
	}
	{
		struct addr addr = e2e_address(&e);

		E2E_MUST(&e, tlsclient_connect(&fourth, &addr, &options, 300) == -ETIMEDOUT);
		tlsclient_close(&fourth);
	}
	tlsclient_close(&clients[0]);
	e2e_connect(&e, &fourth, &options);
	peer_init_client(&peer, &fourth);
	peer_expect_echo(&peer);
	e2e_run(&e, &peer, STEPS(SEND(100), RECV(100), FINISH, RECV_END));
	tlsclient_close(&fourth);
	tlsclient_close(&clients[1]);
	tlsclient_close(&clients[2]);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "connections") == 0, 5000));
	e2e_stop(&e);
}

/* Fewer descriptors than connections: who is too many waits, and nobody fails. */
TEST(descriptors_limit_connections)
{
	enum { FILES = 60, FIT = (FILES - 33) / 2 }; /* daemon/descriptors; no pipes here */
	static struct tlsclient clients[FIT], next;
	static struct e2e e;
	struct tlsclient_options options;
	struct log_entry line;
	struct peer peer;
	struct addr addr;

	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_prepare(&e);
	e.daemon.files = FILES;
	e2e_start(&e);
	E2E_MUST(&e, daemon_find_log(&e.daemon, "limit_lowered", NULL, NULL, 0, &line));
	options = e2e_client_options(&e, NULL);
	addr = e2e_address(&e);
	for (size_t i = 0; i < FIT; i++) {
		e2e_connect(&e, &clients[i], &options);
		E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "admitted") == i + 1, 5000));
	}
	E2E_MUST(&e, tlsclient_connect(&next, &addr, &options, 300) == -ETIMEDOUT);
	tlsclient_close(&next);
	tlsclient_close(&clients[0]);
	e2e_connect(&e, &next, &options);
	peer_init_client(&peer, &next);
	peer_expect_echo(&peer);
	e2e_run(&e, &peer, STEPS(SEND(100), RECV(100), FINISH, RECV_END));
	tlsclient_close(&next);
	for (size_t i = 1; i < FIT; i++)
		tlsclient_close(&clients[i]);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "connections") == 0, 5000));
	CHECK_EQ(daemon_counter(&e.daemon, "accept_failed"), 0);
	CHECK_EQ(daemon_counter(&e.daemon, "upstream_failed"), 0);
	e2e_stop(&e);
}
