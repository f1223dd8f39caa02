// SPDX-License-Identifier: Apache-2.0
/*
 * How bytes become records: when a record leaves, how long it is, what control records take.
 */
#include "selftests/contract/contract.h"
#include "selftests/lib/payload.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

SUITE("send", NEEDS(NEED_KTLS));

#define ARRIVAL_MS  50
#define MOST_BYTES  65536
#define PIPE_SLOTS  64
#define ANSWER_ROOM 256

/* A kernel TLS sender, and what the other end saw as text: "16384 1", control records "21:2". */
struct flight {
	struct ktls_end end;
	struct payload sent, received;
	char records[ANSWER_ROOM];
};

/* Not used twice by a test: an open record refers to the pipe's pages, and those are here. */
static _Alignas(4096) uint8_t data[2 * MOST_BYTES];

static void flight_begin(struct flight *f, const struct ktls_mode *mode)
{
	uint64_t seed = test_seed();

	ktls_end_open(&f->end, mode, 0);
	payload_init(&f->sent, seed, 0);
	payload_init(&f->received, seed, 0);
	f->records[0] = '\0';
}

/* Take the records that are there and put them to f->records. */
static void look(struct flight *f)
{
	uint8_t record[KTLS_RECORD_MAX + 1], type = 0;
	ssize_t n;

	while ((n = ktls_end_receive(&f->end, &type, record)) >= 0) {
		if (type != KTLS_RECORD_DATA) {
			add_word(f->records, ANSWER_ROOM, "%u:%zd", type, n);
			continue;
		}
		MUST(payload_check(&f->received, record, (size_t)n), "%s", f->received.fault);
		add_word(f->records, ANSWER_ROOM, "%zd", n);
	}
	MUST_EQ(n, -EAGAIN);
}

static bool saw(struct flight *f, const char *records)
{
	look(f);
	return strcmp(f->records, records) == 0;
}

static bool all_received(struct flight *f)
{
	look(f);
	return f->received.position == f->sent.position;
}

static void by_send(struct flight *f, size_t len, int flags)
{
	uint8_t *at = data + f->sent.position;

	payload_fill(&f->sent, at, len);
	MUST_EQ(send(f->end.fd, at, len, flags | MSG_DONTWAIT | MSG_NOSIGNAL), len);
}

/* @pieces buffers in the pipe, of @len bytes together, moved by one splice(2). No copy is made. */
static void by_splice(struct flight *f, size_t len, size_t pieces, unsigned int flags)
{
	struct iovec piece = {.iov_base = data + f->sent.position, .iov_len = len / pieces};
	int pipe_fd[2];

	payload_fill(&f->sent, piece.iov_base, len);
	pipe_open(pipe_fd);
	MUST_OK(fcntl(pipe_fd[1], F_SETPIPE_SZ, PIPE_SLOTS * 4096));
	for (size_t i = 0; i < pieces; i++) {
		MUST_EQ(vmsplice(pipe_fd[1], &piece, 1, 0), piece.iov_len);
		piece.iov_base = (uint8_t *)piece.iov_base + piece.iov_len;
	}
	MUST_EQ(splice(pipe_fd[0], NULL, f->end.fd, NULL, len, SPLICE_F_NONBLOCK | flags), len);
	fd_pair_close(pipe_fd);
}

/* --- when --- */

CASES(struct ktls_mode, modes, KTLS_MODES);

struct size_case {
	VARIANT;
	size_t bytes;
};

CASES(struct size_case, sizes, {.name = "1", .bytes = 1}, {.name = "55", .bytes = 55},
      {.name = "4095", .bytes = 4095}, {.name = "16384", .bytes = 16384},
      {.name = "16385", .bytes = 16385}, {.name = "65536", .bytes = 65536});

/* Silence follows: nothing that comes later may be what pushes the last record out. */
TEST_MATRIX(spliced_bytes_arrive_at_once, sizes, modes)
{
	static struct flight f;
	int pipe_fd[2];
	ssize_t n = 0;

	flight_begin(&f, column);
	pipe_open(pipe_fd);
	payload_fill(&f.sent, data, row->bytes);
	pipe_fill(pipe_fd, data, row->bytes);
	for (size_t left = row->bytes; left > 0; left -= (size_t)n) {
		n = splice_now(pipe_fd[0], f.end.fd, left);
		MUST(n > 0, "splice: %zd with %zu bytes left", n, left);
	}
	CHECK(UNTIL(all_received(&f), ARRIVAL_MS), "records: %s", f.records);
	ktls_end_close(&f.end);
	fd_pair_close(pipe_fd);
}

TEST_MATRIX(sent_bytes_arrive_at_once, sizes, modes)
{
	static struct flight f;

	flight_begin(&f, column);
	by_send(&f, row->bytes, 0);
	CHECK(UNTIL(all_received(&f), ARRIVAL_MS), "records: %s", f.records);
	ktls_end_close(&f.end);
}

/* --- how long --- */

/*
 * A script is a word for each call: s5 (send 5 bytes), m5 (the same, MSG_MORE), p5 (splice 5 bytes),
 * P5 (the same, SPLICE_F_MORE), t20 (splice of 20 buffers of one byte), b8 (of 8 buffers of 512
 * bytes), a (close_notify), h5 (a handshake record of 5 bytes).
 */
struct script_case {
	VARIANT;
	const char *calls, *records;
	struct kernel_since since;
	const char *below;
};

static void control(struct flight *f, uint8_t type, size_t len)
{
	static uint8_t body[KTLS_RECORD_MAX + 1];

	MUST_EQ(ktls_send_record(f->end.fd, type, body, len), len);
}

static void call(struct flight *f, const char *word)
{
	size_t n = strtoul(word + 1, NULL, 10);

	switch (word[0]) {
	case 's':
		by_send(f, n, 0);
		break;
	case 'm':
		by_send(f, n, MSG_MORE);
		break;
	case 'p':
		by_splice(f, n, 1, 0);
		break;
	case 'P':
		by_splice(f, n, 1, SPLICE_F_MORE);
		break;
	case 't':
		by_splice(f, n, n, 0);
		break;
	case 'b':
		by_splice(f, n * 512, n, 0);
		break;
	case 'a':
		control(f, KTLS_RECORD_ALERT, 2);
		break;
	case 'h':
		control(f, KTLS_RECORD_HANDSHAKE, n);
		break;
	default:
		MUST(false, "no call %s", word);
	}
}

/* clang-format off */
CASES(struct script_case, scripts,
      {.name = "one-send", .calls = "s55", .records = "55"},
      {.name = "sends-are-not-joined", .calls = "s5 s7", .records = "5 7"},
      {.name = "full-record", .calls = "s16384", .records = "16384"},
      {.name = "one-byte-more", .calls = "s16385", .records = "16384 1"},
      {.name = "four-records", .calls = "s65536", .records = "16384 16384 16384 16384"},
      {.name = "nothing", .calls = "s0", .records = ""},
      {.name = "MSG_MORE-holds", .calls = "m5", .records = ""},
      {.name = "MSG_MORE-then-send", .calls = "m5 s7", .records = "12"},
      {.name = "MSG_MORE-full-record", .calls = "m16385", .records = "16384"},
      {.name = "MSG_MORE-then-splice", .calls = "m5 p7", .records = "12"},
      {.name = "MSG_MORE-then-close_notify", .calls = "m5 a", .records = "5 21:2"},
      {.name = "one-splice", .calls = "p55", .records = "55"},
      {.name = "splices-are-not-joined", .calls = "p5 p7", .records = "5 7"},
      {.name = "SPLICE_F_MORE-holds", .calls = "P5", .records = "", .since = {6, 12}, .below = "5"},
      {.name = "SPLICE_F_MORE-then-splice", .calls = "P5 p7", .records = "12", .since = {6, 12}, .below = "5 7"},
      {.name = "SPLICE_F_MORE-then-send", .calls = "P5 s7", .records = "12", .since = {6, 12}, .below = "5 7"},
      {.name = "SPLICE_F_MORE-then-close_notify", .calls = "P5 a", .records = "5 21:2"},
      {.name = "tiny-buffers", .calls = "t16", .records = "16"},
      {.name = "more-tiny-buffers", .calls = "t17", .records = "17"},
      {.name = "many-tiny-buffers", .calls = "t60", .records = "17 17 17 9"},
      {.name = "small-buffers", .calls = "b40", .records = "8704 8704 3072"},
      {.name = "control", .calls = "s5 a s7", .records = "5 21:2 7"},
      {.name = "handshake", .calls = "h5", .records = "22:5"},
      {.name = "long-control", .calls = "h16385", .records = "22:16384 22:1"});
/* clang-format on */

TEST_CASES(records, scripts)
{
	const char *want = contract_value(variant, variant->records, variant->below);
	char words[128], *word, *save = NULL;
	static struct flight f;

	flight_begin(&f, &ktls_modes[0]);
	(void)snprintf(words, sizeof(words), "%s", variant->calls);
	for (word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		call(&f, word);
	(void)UNTIL(saw(&f, want), CONTRACT_PATIENCE_MS);
	/* No more must come, above all where the answer is "nothing". */
	(void)UNTIL(!saw(&f, want), ARRIVAL_MS);
	CHECK_STR(f.records, want);
	ktls_end_close(&f.end);
}

TEST(control_type_with_more_is_refused)
{
	union {
		struct cmsghdr header;
		uint8_t space[CMSG_SPACE(1)];
	} type = {
		.header = {.cmsg_len = CMSG_LEN(1), .cmsg_level = SOL_TLS, .cmsg_type = 1},
	};
	struct iovec iov = {.iov_base = data, .iov_len = 2};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &type,
			     .msg_controllen = sizeof(type)};
	static struct flight f;

	flight_begin(&f, &ktls_modes[0]);
	*CMSG_DATA(&type.header) = KTLS_RECORD_ALERT;
	CHECK_ERRNO(sendmsg(f.end.fd, &msg, MSG_MORE | MSG_NOSIGNAL), EINVAL);
	CHECK_EQ(sendmsg(f.end.fd, &msg, MSG_NOSIGNAL), 2);
	CHECK(UNTIL(saw(&f, "21:2"), ARRIVAL_MS), "records: %s", f.records);
	ktls_end_close(&f.end);
}

/* Both ways of the daemon stop at a full socket, with SPLICE_F_NONBLOCK or without. */
TEST(nonblocking_socket_decides)
{
	struct ktls_end *end = &(struct ktls_end){};
	int pipe_fd[2];
	ssize_t n;

	ktls_end_open(end, &ktls_modes[0], 4096);
	pipe_open(pipe_fd);
	do {
		pipe_fill(pipe_fd, data, 4096);
		n = splice(pipe_fd[0], NULL, end->fd, NULL, 4096, 0);
	} while (n == 4096);
	MUST_EQ(n, -1);
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(splice_now(pipe_fd[0], end->fd, 4096), -EAGAIN);
	CHECK_EQ(splice_now(end->fd, pipe_fd[1], 4096), -EAGAIN);
	CHECK_ERRNO(splice(end->fd, NULL, pipe_fd[1], NULL, 4096, 0), EAGAIN);
	ktls_end_close(end);
	fd_pair_close(pipe_fd);
}
