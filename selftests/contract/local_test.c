// SPDX-License-Identifier: Apache-2.0
/*
 * The plaintext side of the splice engine: a TCP or a unix stream socket and a pipe.
 */
#include "selftests/contract/contract.h"
#include "selftests/lib/payload.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

SUITE("local");

#define PIPE_BYTES 65536

struct side_case {
	VARIANT;
	bool is_unix;
	int reset; /* what reading gives when the peer closed with unread bytes */
};

CASES(struct side_case, sides, {.name = "tcp", .reset = -ECONNRESET},
      {.name = "unix", .is_unix = true, .reset = -ECONNRESET});

static uint8_t data[1 << 20];

static void side_open(const struct side_case *side, int fd[2])
{
	if (side->is_unix)
		MUST_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd));
	else
		tcp_pair_open(fd, 0);
}

TEST_CASES(bytes_then_FIN, sides)
{
	int fd[2], pipe_fd[2];
	ssize_t n = 0;

	side_open(variant, fd);
	pipe_open(pipe_fd);
	CHECK_EQ(splice_now(fd[0], pipe_fd[1], PIPE_BYTES), -EAGAIN);
	raw_write(fd[1], "bytes", 5);
	MUST_OK(shutdown(fd[1], SHUT_WR));
	MUST(UNTIL((n = splice_now(fd[0], pipe_fd[1], PIPE_BYTES)) != -EAGAIN,
		   CONTRACT_PATIENCE_MS));
	CHECK_EQ(n, 5);
	MUST(UNTIL((n = splice_now(fd[0], pipe_fd[1], PIPE_BYTES)) != -EAGAIN,
		   CONTRACT_PATIENCE_MS));
	CHECK_EQ(n, 0);
	fd_pair_close(fd);
	fd_pair_close(pipe_fd);
}

TEST_CASES(peer_closed_with_unread_bytes, sides)
{
	int fd[2], pipe_fd[2];
	ssize_t n = 0;

	side_open(variant, fd);
	pipe_open(pipe_fd);
	raw_write(fd[0], "unread", 6);
	MUST(UNTIL(poll_now(fd[1]) & POLLIN, CONTRACT_PATIENCE_MS));
	MUST_OK(close(fd[1]));
	MUST(UNTIL((n = splice_now(fd[0], pipe_fd[1], PIPE_BYTES)) != -EAGAIN,
		   CONTRACT_PATIENCE_MS));
	CHECK_EQ(n, variant->reset);
	(void)close(fd[0]);
	fd_pair_close(pipe_fd);
}

static volatile sig_atomic_t sigpipes;

static void count_sigpipe(int number)
{
	(void)number;
	sigpipes++;
}

/* splice(2) has no MSG_NOSIGNAL: the process must ignore SIGPIPE. */
TEST_CASES(splice_out_raises_SIGPIPE, sides)
{
	int fd[2], pipe_fd[2];

	side_open(variant, fd);
	pipe_open(pipe_fd);
	(void)signal(SIGPIPE, count_sigpipe);
	MUST_OK(shutdown(fd[0], SHUT_WR));
	pipe_fill(pipe_fd, "bytes", 5);
	CHECK_EQ(splice_now(pipe_fd[0], fd[0], 5), -EPIPE);
	CHECK_EQ(sigpipes, 1);
	fd_pair_close(fd);
	fd_pair_close(pipe_fd);
}

/* The sink takes a part and then none; what it did not take is still in the pipe, in order. */
TEST_CASES(a_full_sink_leaves_the_rest_in_the_pipe, sides)
{
	struct payload sent, received;
	int fd[2], pipe_fd[2];
	ssize_t n = 0, held = 0;

	side_open(variant, fd);
	pipe_open(pipe_fd);
	payload_init(&sent, test_seed(), 0);
	payload_init(&received, test_seed(), 0);
	for (n = 1; n > 0; held -= n > 0 ? n : 0) {
		if (held == 0) {
			payload_fill(&sent, data, PIPE_BYTES);
			pipe_fill(pipe_fd, data, PIPE_BYTES);
			held = PIPE_BYTES;
		}
		n = splice_now(pipe_fd[0], fd[0], (size_t)held);
	}
	MUST_EQ(n, -EAGAIN);
	NOTE("full after %llu bytes", (unsigned long long)sent.position - (unsigned long long)held);
	while (received.position < sent.position) {
		MUST(UNTIL((n = recv(fd[1], data, sizeof(data), MSG_DONTWAIT)) > 0,
			   CONTRACT_PATIENCE_MS));
		MUST(payload_check(&received, data, (size_t)n), "%s", received.fault);
		n = held > 0 ? splice_now(pipe_fd[0], fd[0], (size_t)held) : 0;
		held -= n > 0 ? n : 0;
	}
	fd_pair_close(fd);
	fd_pair_close(pipe_fd);
}
