// SPDX-License-Identifier: Apache-2.0
/* The relay between two plain sockets, with and without pipes. */
#include "selftests/harness/harness.h"
#include "selftests/lib/payload.h"

#include "proxy/relay.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

SUITE("relay_plain");

#define PART 10000

/* client - [wire relay local] - upstream */
struct setup {
	struct relay relay;
	struct relay_pools pools;
	int client_fd, wire_fd, local_fd, upstream_fd;
};

static void open_pair(int *near_fd, int *far_fd)
{
	int fds[2];

	MUST_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds));
	*near_fd = fds[0];
	*far_fd = fds[1];
}

static void set_up(struct setup *setup)
{
	open_pair(&setup->wire_fd, &setup->client_fd);
	open_pair(&setup->local_fd, &setup->upstream_fd);
	relay_pools_init(&setup->pools, &(struct config_limits){.key_updates = 100});
	relay_start(&setup->relay, &setup->pools, NULL, setup->wire_fd, setup->local_fd);
}

static void tear_down(struct setup *setup)
{
	relay_stop(&setup->relay);
	relay_pools_done(&setup->pools);
	MUST_OK(close(setup->wire_fd));
	MUST_OK(close(setup->local_fd));
	if (setup->client_fd >= 0)
		MUST_OK(close(setup->client_fd));
	MUST_OK(close(setup->upstream_fd));
}

/* @part bytes of the stream go in at @from_fd and come out at @to_fd. */
static void pass(struct setup *setup, int from_fd, int to_fd, uint32_t stream)
{
	static char bytes[PART];
	struct payload out, in;

	payload_init(&out, test_seed(), stream);
	payload_init(&in, test_seed(), stream);
	payload_fill(&out, bytes, sizeof(bytes));
	MUST_EQ(write(from_fd, bytes, sizeof(bytes)), sizeof(bytes));
	/* What epoll would say. */
	relay_wire_event(&setup->relay, EPOLLIN | EPOLLOUT);
	relay_local_event(&setup->relay, EPOLLIN | EPOLLOUT);
	MUST_EQ(relay_pump(&setup->relay), RELAY_BLOCKED);
	MUST_EQ(read(to_fd, bytes, sizeof(bytes)), sizeof(bytes));
	CHECK(payload_check(&in, bytes, sizeof(bytes)), "%s", in.fault);
}

/* From now on there is no new descriptor. */
static void take_descriptors(struct rlimit *ret_usual)
{
	struct rlimit limit;

	MUST_OK(getrlimit(RLIMIT_NOFILE, ret_usual));
	limit = *ret_usual;
	limit.rlim_cur = 0;
	MUST_OK(setrlimit(RLIMIT_NOFILE, &limit));
}

static void check_moved(const struct setup *setup, const char *engine, uint64_t spliced)
{
	for (int i = 0; i < RELAY_DIRECTIONS; i++) {
		CHECK_STR(setup->relay.flow[i].engine->name, engine);
		CHECK_EQ(setup->relay.flow[i].bytes, PART);
		CHECK_EQ(setup->relay.flow[i].spliced, spliced);
	}
}

TEST(through_pipes)
{
	struct setup setup = {};

	set_up(&setup);
	pass(&setup, setup.client_fd, setup.upstream_fd, 1);
	pass(&setup, setup.upstream_fd, setup.client_fd, 2);
	check_moved(&setup, "splice", PART);
	CHECK_EQ(setup.pools.pipes_missed, 0);
	tear_down(&setup);
}

TEST(without_pipes_a_buffer_does_it)
{
	struct setup setup = {};
	struct rlimit usual;

	set_up(&setup);
	take_descriptors(&usual);
	pass(&setup, setup.client_fd, setup.upstream_fd, 1);
	pass(&setup, setup.upstream_fd, setup.client_fd, 2);
	check_moved(&setup, "copy", 0);
	CHECK_GE(setup.pools.pipes_missed, 2);
	/* As soon as there are some again, they are used. */
	MUST_OK(setrlimit(RLIMIT_NOFILE, &usual));
	pass(&setup, setup.client_fd, setup.upstream_fd, 3);
	CHECK_STR(setup.relay.flow[RELAY_IN].engine->name, "splice");
	CHECK_EQ(setup.relay.flow[RELAY_IN].spliced, PART);
	tear_down(&setup);
}

/* One row for each of the two engines. */
struct end_case {
	VARIANT;
	bool no_pipes;
};

CASES(struct end_case, engines, {.name = "splice"}, {.name = "copy", .no_pipes = true});

TEST_CASES(an_end_is_passed_on_and_the_other_way_stays_open, engines)
{
	struct setup setup = {};
	struct rlimit usual;
	char byte;

	set_up(&setup);
	MUST_OK(getrlimit(RLIMIT_NOFILE, &usual));
	if (variant->no_pipes)
		take_descriptors(&usual);
	MUST_OK(shutdown(setup.client_fd, SHUT_WR));
	MUST_EQ(relay_pump(&setup.relay), RELAY_BLOCKED);
	CHECK_EQ(read(setup.upstream_fd, &byte, 1), 0);
	pass(&setup, setup.upstream_fd, setup.client_fd, 2);
	MUST_OK(shutdown(setup.upstream_fd, SHUT_WR));
	relay_local_event(&setup.relay, EPOLLIN | EPOLLRDHUP);
	CHECK_EQ(relay_pump(&setup.relay), RELAY_ENDED);
	CHECK_EQ(read(setup.client_fd, &byte, 1), 0);
	MUST_OK(setrlimit(RLIMIT_NOFILE, &usual));
	tear_down(&setup);
}

TEST_CASES(a_sink_that_is_gone_is_a_reset, engines)
{
	struct setup setup = {};
	struct rlimit usual;

	set_up(&setup);
	MUST_OK(getrlimit(RLIMIT_NOFILE, &usual));
	if (variant->no_pipes)
		take_descriptors(&usual);
	MUST_OK(close(setup.client_fd));
	setup.client_fd = -1;
	MUST_EQ(write(setup.upstream_fd, "x", 1), 1);
	relay_local_event(&setup.relay, EPOLLIN);
	(void)signal(SIGPIPE, SIG_IGN);
	CHECK_EQ(relay_pump(&setup.relay), RELAY_BROKEN);
	CHECK_STR(relay_fault_name(setup.relay.fault, RELAY_WIRE_CLIENT), "client_reset");
	MUST_OK(setrlimit(RLIMIT_NOFILE, &usual));
	tear_down(&setup);
}
