// SPDX-License-Identifier: Apache-2.0
/*
 * What shutdown(2) and close(2) do to records that TCP had no room for, and how not to lose them.
 */
#include "selftests/contract/contract.h"
#include "selftests/lib/payload.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

SUITE("ending", NEEDS(NEED_KTLS), .deadline_ms = 15000);

#define SMALL_BUFFER 4096

enum how { BY_SENDMSG, BY_SPLICE };

struct ending_case {
	VARIANT;
	enum how how;
	int mode; /* index of ktls_modes */
};

CASES(struct ending_case, endings, {.name = "sendmsg/1.3-aes128", .how = BY_SENDMSG, .mode = 0},
      {.name = "splice/1.3-aes128", .how = BY_SPLICE, .mode = 0},
      {.name = "splice/1.3-chacha20", .how = BY_SPLICE, .mode = 2},
      {.name = "sendmsg/1.2-aes128", .how = BY_SENDMSG, .mode = 3},
      {.name = "splice/1.2-aes128", .how = BY_SPLICE, .mode = 3});

/* A kernel TLS sender whose reader does not read, filled until it takes no more. */
struct full {
	struct ktls_end end;
	struct ktls_tx_mark mark;
	struct payload sent, received;
	uint64_t accepted;    /* bytes the kernel said it took */
	uint8_t last_type;    /* of the last record that was not data */
	size_t control_bytes; /* of those */
};

static ssize_t send_some(struct full *f, enum how how)
{
	static uint8_t chunk[KTLS_RECORD_MAX];
	struct payload at = f->sent;
	int pipe_fd[2];
	ssize_t n;

	payload_fill(&at, chunk, sizeof(chunk));
	if (how == BY_SENDMSG) {
		n = send(f->end.fd, chunk, sizeof(chunk), MSG_DONTWAIT | MSG_NOSIGNAL);
	} else {
		pipe_open(pipe_fd);
		pipe_fill(pipe_fd, chunk, sizeof(chunk));
		n = splice(pipe_fd[0], NULL, f->end.fd, NULL, sizeof(chunk), SPLICE_F_NONBLOCK);
		fd_pair_close(pipe_fd);
	}
	if (n > 0)
		payload_fill(&f->sent, chunk, (size_t)n);
	return n;
}

static void fill_up(struct full *f, const struct ending_case *c)
{
	uint64_t seed = test_seed();
	ssize_t n;

	(void)signal(SIGPIPE, SIG_IGN);
	ktls_end_open(&f->end, &ktls_modes[c->mode], SMALL_BUFFER);
	MUST_EQ(ktls_tx_mark_init(f->end.fd, &f->end.tx_keys, &f->mark), 0);
	payload_init(&f->sent, seed, 0);
	payload_init(&f->received, seed, 0);
	f->accepted = 0;
	f->control_bytes = 0;
	f->last_type = 0;
	while ((n = send_some(f, c->how)) > 0)
		f->accepted += (uint64_t)n;
	MUST_EQ(n, -1);
	MUST_EQ(errno, EAGAIN);
}

/* Read what there is. Returns: -EAGAIN, -EPIPE (FIN), another error. */
static ssize_t drain(struct full *f)
{
	uint8_t data[KTLS_RECORD_MAX + 1], type;
	ssize_t n;

	while ((n = ktls_end_receive(&f->end, &type, data)) >= 0) {
		if (type == KTLS_RECORD_DATA) {
			MUST(payload_check(&f->received, data, (size_t)n), "%s", f->received.fault);
			continue;
		}
		f->last_type = type;
		f->control_bytes += (size_t)n;
	}
	return n;
}

static ssize_t drain_to_end(struct full *f)
{
	ssize_t end = 0;

	MUST(UNTIL((end = drain(f)) != -EAGAIN, CONTRACT_PATIENCE_MS), "no end; %llu bytes came",
	     (unsigned long long)f->received.position);
	return end;
}

static long long lost(const struct full *f)
{
	return (long long)(f->accepted - f->received.position);
}

TEST_CASES(shutdown_loses_the_tail, endings)
{
	static struct full f;

	fill_up(&f, variant);
	NOTE("accepted %llu, inside kTLS %lld", (unsigned long long)f.accepted,
	     (long long)ktls_tx_queued(f.end.fd, &f.mark, f.accepted));
	MUST_OK(shutdown(f.end.fd, SHUT_WR));
	CHECK_EQ(drain_to_end(&f), -EPIPE);
	NOTE("lost %lld, rest of a record %zu", lost(&f), f.end.wire_len);
	CHECK(lost(&f) > 0);
	ktls_end_close(&f.end);
}

TEST_CASES(close_loses_the_tail, endings)
{
	static struct full f;

	fill_up(&f, variant);
	MUST_OK(close(f.end.fd));
	f.end.fd = -1;
	CHECK_EQ(drain_to_end(&f), -EPIPE);
	NOTE("accepted %llu, lost %lld, rest of a record %zu", (unsigned long long)f.accepted,
	     lost(&f), f.end.wire_len);
	CHECK(lost(&f) > 0);
	ktls_end_close(&f.end);
}

static bool drained(struct full *f)
{
	(void)drain(f);
	return ktls_tx_queued(f->end.fd, &f->mark, f->accepted) == 0;
}

TEST_CASES(waiting_saves_the_tail, endings)
{
	static struct full f;

	fill_up(&f, variant);
	CHECK(ktls_tx_queued(f.end.fd, &f.mark, f.accepted) > 0);
	MUST(UNTIL(drained(&f), CONTRACT_PATIENCE_MS));
	MUST_OK(shutdown(f.end.fd, SHUT_WR));
	CHECK_EQ(drain_to_end(&f), -EPIPE);
	CHECK_EQ(lost(&f), 0);
	CHECK_EQ(f.end.wire_len, 0);
	CHECK_EQ(ktls_tx_queued(f.end.fd, &f.mark, f.accepted), 0, "the FIN is not a byte");
	ktls_end_close(&f.end);
}

TEST_CASES(waiting_saves_the_tail_of_close, endings)
{
	static struct full f;

	fill_up(&f, variant);
	MUST(UNTIL(drained(&f), CONTRACT_PATIENCE_MS));
	MUST_OK(close(f.end.fd));
	f.end.fd = -1;
	CHECK_EQ(drain_to_end(&f), -EPIPE);
	CHECK_EQ(lost(&f), 0);
	ktls_end_close(&f.end);
}

/* How the proxy ends a direction: alert, wait, FIN. */
TEST_CASES(close_notify_waits_its_turn, endings)
{
	static struct full f;
	int first, r = 0;

	fill_up(&f, variant);
	first = ktls_send_alert(f.end.fd, 1, 0);
	NOTE("close_notify behind a full buffer: %d", first);
	CHECK_EQ(first, -EAGAIN);
	if (first < 0)
		MUST(UNTIL((drain(&f), r = ktls_send_alert(f.end.fd, 1, 0)) != -EAGAIN,
			   CONTRACT_PATIENCE_MS));
	CHECK_EQ(r, 0);
	NOTE("inside kTLS after the alert: %lld",
	     (long long)ktls_tx_queued(f.end.fd, &f.mark, f.accepted + 2));
	f.accepted += 2;
	MUST(UNTIL(drained(&f), CONTRACT_PATIENCE_MS));
	f.accepted -= 2;
	MUST_OK(shutdown(f.end.fd, SHUT_WR));
	CHECK_EQ(drain_to_end(&f), -EPIPE);
	CHECK_EQ(lost(&f), 0);
	CHECK_EQ(f.last_type, KTLS_RECORD_ALERT);
	CHECK_EQ(f.control_bytes, 2);
	ktls_end_close(&f.end);
}

/* The daemon's abort: linger 0. What waited is dropped, and the peer is told. */
TEST_CASES(linger_0_resets, endings)
{
	const struct linger at_once = {.l_onoff = 1};
	static struct full f;

	fill_up(&f, variant);
	MUST_OK(setsockopt(f.end.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
	MUST_OK(close(f.end.fd));
	f.end.fd = -1;
	CHECK_EQ(drain_to_end(&f), -ECONNRESET);
	ktls_end_close(&f.end);
}

/* Linger 0 that was set in time does the same when the process is killed; taken back, it does not. */
struct killed_case {
	VARIANT;
	bool linger, taken_back;
	int end; /* what the peer sees */
};

CASES(struct killed_case, killed_cases, {.name = "linger-0", .linger = true, .end = -ECONNRESET},
      {.name = "taken-back", .linger = true, .taken_back = true, .end = -EPIPE},
      {.name = "as-it-was", .end = -EPIPE});

TEST_CASES(killed_owner, killed_cases)
{
	const struct linger at_once = {.l_onoff = 1}, usual = {.l_onoff = 0};
	uint8_t data[KTLS_RECORD_MAX + 1], type = 0;
	static struct ktls_end end;
	ssize_t n = 0;
	pid_t pid;

	ktls_end_open(&end, &ktls_modes[0], 0);
	if (variant->linger)
		MUST_OK(setsockopt(end.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
	if (variant->taken_back)
		MUST_OK(setsockopt(end.fd, SOL_SOCKET, SO_LINGER, &usual, sizeof(usual)));
	pid = (pid_t)MUST_OK(fork());
	if (pid == 0) {
		(void)close(end.raw_fd);
		for (;;)
			(void)pause();
	}
	MUST_OK(close(end.fd));
	end.fd = -1;
	CHECK_EQ(ktls_end_receive(&end, &type, data), -EAGAIN, "the child holds it");
	MUST_OK(kill(pid, SIGKILL));
	MUST_OK(waitpid(pid, NULL, 0));
	MUST(UNTIL((n = ktls_end_receive(&end, &type, data)) != -EAGAIN, CONTRACT_PATIENCE_MS));
	CHECK_EQ(n, variant->end);
	ktls_end_close(&end);
}

/* A tail that will never drain. TCP's counters stand still, only its state tells. */
TEST_CASES(reset_while_waiting, endings)
{
	const struct linger at_once = {.l_onoff = 1};
	socklen_t len = sizeof(int);
	static struct full f;
	int64_t before, after;
	int error = 0, polled;

	fill_up(&f, variant);
	before = ktls_tx_queued(f.end.fd, &f.mark, f.accepted);
	CHECK(before > 0);
	MUST_OK(setsockopt(f.end.raw_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
	MUST_OK(close(f.end.raw_fd));
	f.end.raw_fd = -1;
	MUST(UNTIL(poll_now(f.end.fd) & POLLERR, CONTRACT_PATIENCE_MS));
	polled = poll_now(f.end.fd);
	after = ktls_tx_queued(f.end.fd, &f.mark, f.accepted);
	MUST_OK(getsockopt(f.end.fd, SOL_SOCKET, SO_ERROR, &error, &len));
	NOTE("queued %lld, then %lld; poll %#x, then %#x; SO_ERROR %d", (long long)before,
	     (long long)after, (unsigned int)polled, (unsigned int)poll_now(f.end.fd), error);
	CHECK_EQ(after, -ENOTCONN);
	CHECK(polled & POLLHUP);
	CHECK_EQ(error, ECONNRESET);
	ktls_end_close(&f.end);
}

/* Never EAGAIN, for which the daemon would wait. Which of the two it is depends on the moment. */
TEST(sending_after_a_reset_fails)
{
	const struct linger at_once = {.l_onoff = 1};
	static struct ktls_end end;
	int pipe_fd[2];

	ktls_end_open(&end, &ktls_modes[0], 0);
	pipe_open(pipe_fd);
	pipe_fill(pipe_fd, "bytes", 5);
	MUST_OK(setsockopt(end.raw_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
	MUST_OK(close(end.raw_fd));
	end.raw_fd = -1;
	MUST(UNTIL(poll_now(end.fd) & POLLERR, CONTRACT_PATIENCE_MS));
	(void)signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 2; i++) {
		int by_sendmsg = ktls_send_alert(end.fd, 1, 0);
		ssize_t by_splice = splice_now(pipe_fd[0], end.fd, 5);

		CHECK(by_sendmsg == -EPIPE || by_sendmsg == -ECONNRESET, "%d", by_sendmsg);
		CHECK(by_splice == -EPIPE || by_splice == -ECONNRESET, "%zd", by_splice);
	}
	ktls_end_close(&end);
	fd_pair_close(pipe_fd);
}

static volatile sig_atomic_t sigpipes;

static void count_sigpipe(int number)
{
	(void)number;
	sigpipes++;
}

/* A last try to send what is left, in the name of whoever closes. */
TEST(close_after_shutdown_raises_sigpipe)
{
	static struct full f;

	fill_up(&f, &endings[1]);
	(void)signal(SIGPIPE, count_sigpipe);
	MUST_OK(shutdown(f.end.fd, SHUT_WR));
	CHECK_EQ(drain_to_end(&f), -EPIPE);
	MUST_OK(close(f.end.fd));
	f.end.fd = -1;
	CHECK_EQ(sigpipes, 1);
	ktls_end_close(&f.end);
}

/* Plain TCP does the same: bytes nobody will read are answered with a reset. */
TEST(close_with_unread_bytes_resets)
{
	static struct ktls_end end;
	uint8_t data[KTLS_RECORD_MAX + 1], type;
	ssize_t n = 0;

	ktls_end_open(&end, &ktls_modes[0], 0);
	ktls_end_send(&end, KTLS_RECORD_DATA, "unread", 6, 0);
	MUST(UNTIL(poll_now(end.fd) & POLLIN, CONTRACT_PATIENCE_MS));
	MUST_OK(close(end.fd));
	end.fd = -1;
	MUST(UNTIL((n = ktls_end_receive(&end, &type, data)) != -EAGAIN, CONTRACT_PATIENCE_MS));
	CHECK_EQ(n, -ECONNRESET);
	ktls_end_close(&end);
}
