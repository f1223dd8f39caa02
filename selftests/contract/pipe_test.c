// SPDX-License-Identifier: Apache-2.0
/*
 * What splice(2) relies on in a pipe. No kernel TLS needed, except where the rows say so.
 */
#include "selftests/contract/contract.h"
#include "selftests/lib/payload.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

SUITE("pipe");

#define PIPE_BYTES  65536 /* 16 pages: what the daemon asks for at most */
#define SMALL_BYTES 4096

static uint8_t data[PIPE_BYTES];

TEST(holds_sixteen_pages)
{
	int pipe_fd[2];

	pipe_open(pipe_fd);
	CHECK_EQ(fcntl(pipe_fd[0], F_GETPIPE_SZ), PIPE_BYTES);
	CHECK_EQ(write(pipe_fd[1], data, sizeof(data)), PIPE_BYTES);
	CHECK_ERRNO(write(pipe_fd[1], data, 1), EAGAIN);
	fd_pair_close(pipe_fd);
}

TEST(size_is_rounded_up)
{
	int pipe_fd[2];

	pipe_open(pipe_fd);
	CHECK_EQ(fcntl(pipe_fd[0], F_SETPIPE_SZ, 1), SMALL_BYTES);
	CHECK_EQ(fcntl(pipe_fd[0], F_SETPIPE_SZ, PIPE_BYTES + 1), 2 * PIPE_BYTES);
	MUST_EQ(write(pipe_fd[1], data, 2 * SMALL_BYTES), 2 * SMALL_BYTES);
	CHECK_ERRNO(fcntl(pipe_fd[0], F_SETPIPE_SZ, SMALL_BYTES), EBUSY);
	fd_pair_close(pipe_fd);
}

/* One errno for both, so who gets it flushes first and reads the source again afterwards. */
TEST(EAGAIN_has_two_causes)
{
	int fd[2], pipe_fd[2];

	tcp_pair_open(fd, 0);
	pipe_open(pipe_fd);
	CHECK_EQ(splice_now(fd[0], pipe_fd[1], PIPE_BYTES), -EAGAIN);
	raw_write(fd[1], "bytes", 5);
	MUST(UNTIL(poll_now(fd[0]) & POLLIN, CONTRACT_PATIENCE_MS));
	pipe_fill(pipe_fd, data, PIPE_BYTES);
	CHECK_EQ(splice_now(fd[0], pipe_fd[1], PIPE_BYTES), -EAGAIN);
	MUST_EQ(read(pipe_fd[0], data, PIPE_BYTES), PIPE_BYTES);
	CHECK_EQ(splice_now(fd[0], pipe_fd[1], PIPE_BYTES), 5);
	fd_pair_close(fd);
	fd_pair_close(pipe_fd);
}

/* --- small pipes --- */

static long sysctl_number(const char *path)
{
	FILE *file = fopen(path, "re");
	long number = 0;

	MUST(file, "%s", path);
	MUST_EQ(fscanf(file, "%ld", &number), 1);
	(void)fclose(file);
	return number;
}

/* Returns: how many full-sized pipes there were before the first small one. */
static long pipes_until_small(long limit, int *ret_size)
{
	int pipe_fd[2];

	for (long n = 0; n < limit; n++) {
		pipe_open(pipe_fd);
		*ret_size = (int)MUST_OK(fcntl(pipe_fd[0], F_GETPIPE_SZ));
		if (*ret_size < PIPE_BYTES) {
			MUST_EQ(write(pipe_fd[1], data, SMALL_BYTES), SMALL_BYTES);
			CHECK_ERRNO(fcntl(pipe_fd[0], F_SETPIPE_SZ, PIPE_BYTES), EPERM);
			return n;
		}
	}
	return -1;
}

static void open_pipes_as_nobody(void *arg)
{
	long most = *(long *)arg, full;
	int size = 0;

	full = pipes_until_small(2 * most, &size);
	NOTE("%ld full pipes, then %d bytes", full, size);
	CHECK_GE(full, 1);
	CHECK_LE(full, most);
	CHECK_EQ(size, 2 * SMALL_BYTES);
}

/* The pages of all the user's pipes count. One page always fits, and no pipe is refused. */
TEST(past_the_soft_limit_pipes_are_small, NEEDS(NEED_NOBODY), .deadline_ms = 20000)
{
	long soft = sysctl_number("/proc/sys/fs/pipe-user-pages-soft");
	long pipes = soft / 16;
	struct rlimit files = {.rlim_cur = 4096 + 4 * (rlim_t)pipes,
			       .rlim_max = 4096 + 4 * (rlim_t)pipes};

	MUST(soft > 0, "no soft limit here");
	MUST_OK(setrlimit(RLIMIT_NOFILE, &files));
	as_nobody(open_pipes_as_nobody, &pipes);
}

struct small_case {
	VARIANT;
	int mode; /* index of ktls_modes, -1: plain TCP */
	int pipe_bytes;
};

CASES(struct small_case, small_cases, {.name = "tcp/1-page", .mode = -1, .pipe_bytes = SMALL_BYTES},
      {.name = "tcp/2-pages", .mode = -1, .pipe_bytes = 2 * SMALL_BYTES},
      {.name = "1.3/1-page", .needs = NEED_KTLS, .mode = 0, .pipe_bytes = SMALL_BYTES},
      {.name = "1.3/2-pages", .needs = NEED_KTLS, .mode = 0, .pipe_bytes = 2 * SMALL_BYTES},
      {.name = "1.2/1-page", .needs = NEED_KTLS, .mode = 3, .pipe_bytes = SMALL_BYTES});

static void open_source(struct ktls_end *end, int mode)
{
	int fd[2];

	if (mode >= 0) {
		ktls_end_open(end, &ktls_modes[mode], 0);
		return;
	}
	tcp_pair_open(fd, 0);
	end->fd = fd[0];
	end->raw_fd = fd[1];
}

/* A record that is larger than the pipe comes in parts, of which none is lost. */
TEST_CASES(a_small_pipe_takes_a_record_in_parts, small_cases)
{
	struct payload sent, received;
	static struct ktls_end end;
	int pipe_fd[2];
	ssize_t n;

	payload_init(&sent, test_seed(), 0);
	payload_init(&received, test_seed(), 0);
	payload_fill(&sent, data, KTLS_RECORD_MAX);
	open_source(&end, variant->mode);
	pipe_open(pipe_fd);
	MUST_EQ(fcntl(pipe_fd[1], F_SETPIPE_SZ, variant->pipe_bytes), variant->pipe_bytes);
	if (variant->mode >= 0)
		ktls_end_send(&end, KTLS_RECORD_DATA, data, KTLS_RECORD_MAX, 0);
	else
		raw_write(end.raw_fd, data, KTLS_RECORD_MAX);
	while (received.position < KTLS_RECORD_MAX) {
		MUST(UNTIL((n = splice_now(end.fd, pipe_fd[1], PIPE_BYTES)) != -EAGAIN,
			   CONTRACT_PATIENCE_MS));
		MUST(n > 0, "splice: %zd", n);
		CHECK_LE(n, variant->pipe_bytes);
		MUST_EQ(read(pipe_fd[0], data, sizeof(data)), n);
		MUST(payload_check(&received, data, (size_t)n), "%s", received.fault);
	}
	ktls_end_close(&end);
	fd_pair_close(pipe_fd);
}
