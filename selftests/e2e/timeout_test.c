// SPDX-License-Identifier: Apache-2.0
/* Every state of a connection has a limit in time, with a name in the log and a counter. */
#include "selftests/e2e/e2e.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

SUITE("timeout", NEEDS(NEED_NETNS), .deadline_ms = 30000);

/* clang-format off */
CASES(struct e2e_case, engines, E2E_ENGINES);
/* clang-format on */

/* --- handshake --- */

/* The first bytes of a ClientHello in a record that never becomes whole. */
static const unsigned char hello[] = {22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3};

struct pace {
	VARIANT;
	int pause_ms; /* between two bytes; 0: none is ever sent */
};

CASES(struct pace, paces, {.name = "silent"}, {.name = "byte_by_byte", .pause_ms = 50});

/* Returns: true when the daemon has ended the connection within @ms. */
static bool ends_within(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char byte;

	return poll(&p, 1, ms) == 1 && read(fd, &byte, 1) <= 0;
}

/* The limit is the whole handshake's: a byte now and then moves it not. */
TEST_CASES(handshake, paces)
{
	static struct e2e e = {.top = "timeouts: {handshake: 500ms}\n"};
	uint64_t start_ms;
	size_t sent = 0;
	int fd;

	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	fd = e2e_connect_plain(&e, NULL);
	start_ms = test_now_ms();
	while (!ends_within(fd, variant->pause_ms ? variant->pause_ms : 20)) {
		MUST_LE(test_now_ms() - start_ms, test_scaled_ms(3000));
		if (variant->pause_ms)
			MUST_EQ(write(fd, sent < sizeof(hello) ? &hello[sent] : hello, 1), 1);
		sent++;
	}
	CHECK_GE(test_now_ms() - start_ms, 450);
	MUST_OK(close(fd));
	(void)e2e_refused(&e, "timeout", "");
	E2E_MUST(&e, daemon_counter(&e.daemon, "handshake_timeout") == 1);
	e2e_stop(&e);
}

/* --- what a session has time for --- */

struct limited {
	const char *top; /* the configuration's lines */
	const struct peer_step *client, *upstream;
	const char *close_reason;
	const char *counter; /* that must be 1; NULL: every one of a timeout must be 0 */
	uint64_t least_ms;
};

static void check_counters(struct e2e *e, const char *counter)
{
	static const char *const counters[] = {"idle_timeouts", "half_closed_timeouts",
					       "max_age_ended", "peers_lost"};

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		bool expected = counter && strcmp(counters[i], counter) == 0;

		E2E_MUST(e, daemon_counter(&e->daemon, counters[i]) == expected, "%s", counters[i]);
	}
}

static void run_limited(const struct e2e_case *c, const struct limited *limited)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;
	uint64_t start_ms;

	e.engine = c->engine;
	e.top = limited->top;
	e.script = limited->upstream;
	e2e_start(&e);
	options = e2e_client_options(&e, c);
	start_ms = test_now_ms();
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	peer.gate = &e.upstream.gate;
	e2e_run(&e, &peer, limited->client);
	E2E_MUST(&e, test_now_ms() - start_ms >= limited->least_ms);
	e2e_upstream(&e, 0);
	tlsclient_close(&client);
	(void)e2e_prove_session(&e, 0, limited->close_reason);
	check_counters(&e, limited->counter);
	e2e_stop(&e);
}

TEST_CASES(idle, engines)
{
	run_limited(variant, &(struct limited){.top = "timeouts: {idle: 400ms}\n",
					       .client = STEPS(SEND(1), RECV(2), RECV_CUT),
					       .upstream = STEPS(RECV(1), SEND(1), SLEEP(250),
								 SEND(1), RECV_RESET),
					       .close_reason = "idle_timeout",
					       .counter = "idle_timeouts",
					       .least_ms = 600});
}

/* A session that has bytes to move is not idle, however long it lives. */
TEST_CASES(busy_is_not_idle, engines)
{
	run_limited(variant,
		    &(struct limited){.top = "timeouts: {idle: 400ms}\n",
				      .client = STEPS(RECV(5), RECV_END, FINISH),
				      .upstream = STEPS(SEND(1), SLEEP(200), SEND(1), SLEEP(200),
							SEND(1), SLEEP(200), SEND(1), SLEEP(200),
							SEND(1), FINISH, RECV_END),
				      .close_reason = "done"});
}

#define HALF_CLOSED "timeouts: {half_closed: 400ms, idle: 1h}\n"

TEST_CASES(client_half_closed, engines)
{
	run_limited(variant,
		    &(struct limited){.top = HALF_CLOSED,
				      .client = STEPS(SEND(1000), FINISH, RECV_CUT, PASS(1)),
				      .upstream = STEPS(RECV(1000), RECV_END, GATE(1), SEND_CUT),
				      .close_reason = "half_closed_timeout",
				      .counter = "half_closed_timeouts",
				      .least_ms = 400});
}

TEST_CASES(upstream_half_closed, engines)
{
	run_limited(variant,
		    &(struct limited){.top = HALF_CLOSED,
				      .client = STEPS(RECV(1000), RECV_END, GATE(1)),
				      .upstream = STEPS(SEND(1000), FINISH, RECV_RESET, PASS(1)),
				      .close_reason = "half_closed_timeout",
				      .counter = "half_closed_timeouts",
				      .least_ms = 400});
}

/* Neither a session with both directions open nor one whose other direction is alive. */
TEST_CASES(half_closed_is_not_over, engines)
{
	run_limited(variant,
		    &(struct limited){.top = HALF_CLOSED,
				      .client = STEPS(RECV(1), SLEEP(600), SEND(1000), FINISH,
						      RECV(4), RECV_END),
				      .upstream = STEPS(SEND(1), RECV(1000), RECV_END, SLEEP(200),
							SEND(1), SLEEP(200), SEND(1), SLEEP(200),
							SEND(1), SLEEP(200), SEND(1), FINISH),
				      .close_reason = "done"});
}

/* Half-closed sessions are idle sessions too when they have no limit of their own. */
TEST_CASES(half_closed_is_idle, engines)
{
	run_limited(variant,
		    &(struct limited){.top = "timeouts: {idle: 400ms}\n",
				      .client = STEPS(SEND(1000), FINISH, RECV_CUT, PASS(1)),
				      .upstream = STEPS(RECV(1000), RECV_END, GATE(1), SEND_CUT),
				      .close_reason = "idle_timeout",
				      .counter = "idle_timeouts",
				      .least_ms = 400});
}

/* However busy it is. */
TEST_CASES(max_age, engines)
{
	run_limited(variant, &(struct limited){.top = "session: {max_age: 600ms}\n",
					       .client = STEPS(RECV_CUT),
					       .upstream = STEPS(SEND_CUT),
					       .close_reason = "max_age",
					       .counter = "max_age_ended",
					       .least_ms = 600});
}

/* --- a peer that acknowledges nothing, or takes nothing --- */

/* It is alive and says so, but bytes have waited for it all the time: TCP_USER_TIMEOUT is like that. */
TEST_CASES(shut_window_is_lost, engines)
{
	run_limited(variant, &(struct limited){.top = "timeouts: {unacked: 1s}\n",
					       .client = STEPS(RECV(1), SLEEP(3000), RECV_CUT),
					       .upstream = STEPS(SEND_CUT),
					       .close_reason = "client_lost",
					       .counter = "peers_lost",
					       .least_ms = 1000});
}

#define OUR_ADDRESS  "10.9.9.1"
#define OUR_PORT     "18443"
#define LOST_ADDRESS "10.9.9.2"

/* Two addresses of ours, and where packets for the second one go to vanish when it is none any more. */
static void open_hole(void)
{
	static const char commands[] =
		"ip addr add " OUR_ADDRESS "/32 dev lo &&"
		"ip addr add " LOST_ADDRESS "/32 dev lo &&"
		"ip route replace local " LOST_ADDRESS " dev lo table local src " OUR_ADDRESS " &&"
		"ip link add hole type veth peer name bottom && ip link set hole arp off up &&"
		"ip link set bottom up &&"
		"ip route add " LOST_ADDRESS "/32 dev hole src " OUR_ADDRESS;

	MUST_EQ(system(commands), 0); /* NOLINT(cert-env33-c) */
}

static void lose(void)
{
	static const char commands[] = "ip addr del " LOST_ADDRESS "/32 dev lo &&"
				       "ip route del local " LOST_ADDRESS " table local";

	MUST_EQ(system(commands), 0); /* NOLINT(cert-env33-c) */
}

struct loss {
	VARIANT;
	bool of_upstream;
	bool sending; /* bytes are on their way to it; else the session is idle */
};

CASES(struct loss, losses, {.name = "client-idle"}, {.name = "client-sending", .sending = true},
      {.name = "upstream-idle", .of_upstream = true},
      {.name = "upstream-sending", .of_upstream = true, .sending = true});

static void connect_from(struct e2e *e, const struct e2e_case *c, const char *from,
			 struct tlsclient *client)
{
	struct tlsclient_options options = e2e_client_options(e, c);
	struct addr to, own;

	MUST_EQ(addr_parse(OUR_ADDRESS ":" OUR_PORT, &to), 0);
	MUST_EQ(addr_parse(from, &own), 0);
	own.in4.sin_port = 0;
	options.from = &own;
	E2E_MUST(e, tlsclient_connect(client, &to, &options, 10000) == 0, "%s", client->error);
}

/* Nothing comes back from it, not even a reset: with bytes on their way to it, and without. */
TEST_MATRIX(peer_is_lost, losses, engines, PROGRAMS("ip"))
{
	static struct e2e e = {.top = "timeouts: {unacked: 2s}\n",
			       .listen = "\"" OUR_ADDRESS ":" OUR_PORT "\""};
	struct tlsclient client;
	struct peer peer;
	uint64_t start_ms;

	open_hole();
	e.engine = column->engine;
	e.script = row->of_upstream ? STEPS(RECV(1), SEND(1), GATE(2))
		   : row->sending   ? STEPS(RECV(1), SEND(1), GATE(1), SEND_CUT)
				    : STEPS(RECV(1), SEND(1), RECV_RESET);
	e.upstream_address = row->of_upstream ? LOST_ADDRESS ":0" : OUR_ADDRESS ":0";
	e2e_prepare(&e);
	e.port = (unsigned int)atoi(OUR_PORT);
	e2e_start(&e);
	connect_from(&e, column, row->of_upstream ? OUR_ADDRESS ":1" : LOST_ADDRESS ":1", &client);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, STEPS(SEND(1), RECV(1)));
	e2e_prove_live(&e, &client);
	lose();
	start_ms = test_now_ms();
	atomic_store(&e.upstream.gate, 1);
	if (row->of_upstream && row->sending)
		e2e_run(&e, &peer, STEPS(SEND_CUT));
	else if (row->of_upstream)
		e2e_run(&e, &peer, STEPS(RECV_CUT));
	else
		e2e_upstream(&e, 0);
	CHECK_GE(test_now_ms() - start_ms, 1000);
	(void)e2e_prove_session(&e, 0, row->of_upstream ? "upstream_lost" : "client_lost");
	check_counters(&e, "peers_lost");
	tlsclient_close(&client);
	e2e_stop(&e);
}
