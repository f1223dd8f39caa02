// SPDX-License-Identifier: Apache-2.0
/*
 * Edge-triggered epoll on a kernel TLS socket: the daemon reads and writes until EAGAIN and then
 * waits, so after an EAGAIN each of these must bring an event. The socket is added before it gets
 * the ULP, as the daemon does.
 */
#include "selftests/contract/contract.h"

#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

SUITE("edge", NEEDS(NEED_KTLS));

struct watched {
	struct ktls_end end;
	int epoll_fd, pipe_fd[2];
	uint32_t events; /* since the last look */
};

static uint8_t data[65536];

static void watch(struct watched *w, const struct ktls_mode *mode, int buffer_bytes)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
	int fd[2];

	tcp_pair_open(fd, buffer_bytes);
	w->epoll_fd = (int)MUST_OK(epoll_create1(EPOLL_CLOEXEC));
	MUST_OK(epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd[0], &event));
	w->end = (struct ktls_end){.fd = fd[0],
				   .raw_fd = fd[1],
				   .tx_keys = ktls_fixed_keys(mode, 0, 0),
				   .in.keys = ktls_fixed_keys(mode, 0, 0),
				   .out.keys = ktls_fixed_keys(mode, 1, 0)};
	MUST_EQ(ktls_ulp_set(fd[0]), 0);
	MUST_EQ(ktls_install_tx(fd[0], &w->end.tx_keys), 0);
	MUST_EQ(ktls_install_rx(fd[0], &w->end.out.keys), 0);
	pipe_open(w->pipe_fd);
}

static void unwatch(struct watched *w)
{
	ktls_end_close(&w->end);
	fd_pair_close(w->pipe_fd);
	(void)close(w->epoll_fd);
}

/* Is one of @wanted among the events that came since the last look? */
static bool event_came(struct watched *w, uint32_t wanted)
{
	struct epoll_event event = {};

	if (MUST_OK(epoll_wait(w->epoll_fd, &event, 1, 0)) == 1)
		w->events |= event.events;
	return w->events & wanted;
}

/* Read to EAGAIN, and forget what was reported until then. Returns: bytes. */
static size_t read_dry(struct watched *w)
{
	size_t sum = 0;
	ssize_t n;

	while ((n = splice_now(w->end.fd, w->pipe_fd[1], sizeof(data))) > 0) {
		MUST_EQ(read(w->pipe_fd[0], data, sizeof(data)), n);
		sum += (size_t)n;
	}
	MUST_EQ(n, -EAGAIN);
	(void)event_came(w, 0);
	w->events = 0;
	return sum;
}

CASES(struct ktls_mode, modes, KTLS_MODES);

TEST_CASES(each_record, modes)
{
	static struct watched w;

	watch(&w, variant, 0);
	for (int i = 0; i < 20; i++) {
		(void)read_dry(&w);
		ktls_end_send(&w.end, KTLS_RECORD_DATA, "record", 6, 0);
		MUST(UNTIL(event_came(&w, EPOLLIN), CONTRACT_PATIENCE_MS), "record %d", i);
		CHECK_EQ(read_dry(&w), 6);
	}
	unwatch(&w);
}

/* Header, body and the last byte of the tag come apart: EAGAIN until the record is whole. */
TEST_CASES(last_part_of_a_record, modes)
{
	static struct watched w;
	uint8_t wire[RECORD_WIRE_MAX];
	size_t n;

	watch(&w, variant, 0);
	n = record_seal(&w.end.out, KTLS_RECORD_DATA, data, 5000, 0, wire);
	raw_write(w.end.raw_fd, wire, 5);
	CHECK_EQ(read_dry(&w), 0);
	raw_write(w.end.raw_fd, wire + 5, n - 6);
	CHECK_EQ(read_dry(&w), 0);
	raw_write(w.end.raw_fd, wire + n - 1, 1);
	MUST(UNTIL(event_came(&w, EPOLLIN), CONTRACT_PATIENCE_MS));
	CHECK_EQ(read_dry(&w), 5000);
	unwatch(&w);
}

TEST(control_record_and_FIN)
{
	static struct watched w;
	uint8_t type = 0;

	watch(&w, &ktls_modes[0], 0);
	(void)read_dry(&w);
	ktls_end_send(&w.end, KTLS_RECORD_ALERT, "\1\0", 2, 0);
	MUST(UNTIL(event_came(&w, EPOLLIN), CONTRACT_PATIENCE_MS));
	CHECK_EQ(ktls_read_record(w.end.fd, data, sizeof(data), &type), 2);
	(void)read_dry(&w);
	MUST_OK(shutdown(w.end.raw_fd, SHUT_WR));
	MUST(UNTIL(event_came(&w, EPOLLRDHUP), CONTRACT_PATIENCE_MS));
	CHECK_EQ(ktls_read_record(w.end.fd, data, sizeof(data), &type), 0);
	CHECK_EQ(type, KTLS_RECORD_NONE);
	unwatch(&w);
}

static size_t read_some_raw(struct watched *w)
{
	ssize_t n = recv(w->end.raw_fd, data, sizeof(data), MSG_DONTWAIT);

	return n > 0 ? (size_t)n : 0;
}

struct how_case {
	VARIANT;
	bool by_splice;
};

CASES(struct how_case, hows, {.name = "sendmsg", .by_splice = false},
      {.name = "splice", .by_splice = true});

/* Send until EAGAIN. What a splice leaves in the pipe goes first the next time. */
static void fill_up(struct watched *w, bool by_splice, size_t *in_pipe)
{
	ssize_t n = 1;

	while (n > 0) {
		if (!by_splice) {
			n = ktls_send_record(w->end.fd, KTLS_RECORD_DATA, data, KTLS_RECORD_MAX);
			continue;
		}
		if (*in_pipe == 0) {
			pipe_fill(w->pipe_fd, data, KTLS_RECORD_MAX);
			*in_pipe = KTLS_RECORD_MAX;
		}
		n = splice_now(w->pipe_fd[0], w->end.fd, *in_pipe);
		*in_pipe -= n > 0 ? (size_t)n : 0;
	}
	MUST_EQ(n, -EAGAIN);
}

/* A socket that takes no more must say when it does again. */
TEST_MATRIX(room_after_a_full_buffer, modes, hows)
{
	static struct watched w;
	size_t in_pipe = 0;

	watch(&w, row, 4096);
	for (int round = 0; round < 3; round++) {
		fill_up(&w, column->by_splice, &in_pipe);
		(void)event_came(&w, 0);
		w.events = 0;
		MUST(UNTIL((read_some_raw(&w), event_came(&w, EPOLLOUT)), CONTRACT_PATIENCE_MS),
		     "round %d", round);
	}
	unwatch(&w);
}
