// SPDX-License-Identifier: Apache-2.0
/* No buffer and no pipe is lost where the engine of a direction changes. */
#include "selftests/harness/harness.h"
#include "selftests/unit/tls_pair.h"

#include "proxy/relay.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

SUITE("relay_holder");

/* pair.client - [wire relay local] - upstream */
struct setup {
	struct relay relay;
	struct relay_pools pools;
	struct tls_pair pair;
	int fds[2]; /* local, upstream */
};

static void set_up(struct setup *setup, enum config_engine engine)
{
	tls_pair_open(&setup->pair, &(struct tls_pair_options){.version = TLS1_3_VERSION});
	MUST_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, setup->fds));
	relay_pools_init(&setup->pools,
			 &(struct config_limits){.records_per_key = 1 << 24, .key_updates = 100});
	setup->relay.engine = engine;
	relay_start(&setup->relay, &setup->pools, setup->pair.conn, setup->pair.server_fd,
		    setup->fds[0]);
}

static void tear_down(struct setup *setup)
{
	relay_stop(&setup->relay);
	relay_pools_done(&setup->pools);
	tls_pair_close(&setup->pair);
	MUST_OK(close(setup->fds[0]));
	MUST_OK(close(setup->fds[1]));
}

/* What is ready at the wire goes on. */
static void pump(struct setup *setup, enum relay_status expected)
{
	relay_wire_event(&setup->relay, EPOLLIN);
	MUST_EQ(relay_pump(&setup->relay), expected);
}

/* So much that the direction is bulk, where the engine is chosen by that. */
static void send_bulk(struct setup *setup)
{
	static char bytes[RELAY_BUFFER_BYTES];

	for (int i = 0; i < 4; i++) {
		MUST_EQ(SSL_write(setup->pair.client, bytes, sizeof(bytes)), sizeof(bytes));
		pump(setup, RELAY_BLOCKED);
		MUST_EQ(recv(setup->fds[1], bytes, sizeof(bytes), MSG_WAITALL), sizeof(bytes));
	}
}

struct engine_case {
	VARIANT;
	enum config_engine engine;
	const char *next;
};

/* clang-format off */
CASES(struct engine_case, engines,
      {.name = "auto", .engine = ENGINE_AUTO, .next = "splice"},
      {.name = "splice", .engine = ENGINE_SPLICE, .next = "splice"},
      {.name = "ktls-copy", .engine = ENGINE_KTLS_COPY, .next = "ktls-copy"});
/* clang-format on */

/* The last turn before the hand-over has taken a KeyUpdate, and its buffer is still there. */
TEST_CASES(a_hand_over_behind_a_message, engines)
{
	struct setup setup = {};

	set_up(&setup, variant->engine);
	send_bulk(&setup);
	setup.relay.single_records = true;
	MUST_EQ(SSL_key_update(setup.pair.client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
	MUST_EQ(SSL_do_handshake(setup.pair.client), 1);
	pump(&setup, RELAY_AGAIN);
	MUST(setup.relay.flow[RELAY_IN].buffer && setup.relay.flow[RELAY_IN].held == 0);
	relay_enter_kernel(&setup.relay);
	CHECK_STR(setup.relay.flow[RELAY_IN].engine->name, variant->next);
	CHECK(!setup.relay.flow[RELAY_IN].buffer);
	CHECK_EQ(setup.pools.n_buffers, 1);
	tear_down(&setup);
}

/* A buffer did it where a pipe was wanted, its last record carried nothing, and now there is a pipe. */
TEST(a_pipe_behind_a_record_that_carries_nothing)
{
	struct setup setup = {};
	struct relay_flow *flow = &setup.relay.flow[RELAY_IN];

	set_up(&setup, ENGINE_SPLICE);
	relay_enter_kernel(&setup.relay);
	flow->engine = &relay_engine_ktls_copy;
	MUST_EQ(flow->engine->acquire(&setup.relay, RELAY_IN), 0);
	pump(&setup, RELAY_BLOCKED);
	CHECK_STR(flow->engine->name, "splice");
	CHECK(!flow->buffer);
	CHECK_EQ(setup.pools.n_buffers, 1);
	tear_down(&setup);
}
