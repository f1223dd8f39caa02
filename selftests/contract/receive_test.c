// SPDX-License-Identifier: Apache-2.0
/*
 * What splice(2) and recvmsg(2) say about every order of records that a peer can send.
 *
 * A script is what the raw end sends at once, a word for each record: d5 (5 bytes of data), p5 (the
 * same, padded), z (empty data record), a (close_notify), h (another handshake message), x (damaged),
 * l (length beyond the limit), v (another version), half (half a record), F (FIN), R (reset). The answer is what one call after the other gave, until
 * the same came twice: bytes, 0, or an error; for recvmsg with the record's type in front.
 */
#include "selftests/contract/contract.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

SUITE("receive", NEEDS(NEED_KTLS));

#define MAX_STEPS 12

struct script_case {
	VARIANT;
	const char *sent, *splice, *recvmsg, *both;
};

static uint8_t data[70000];

static size_t seal_word(struct ktls_end *end, const char *word, uint8_t *wire)
{
	static const uint8_t close_notify[2] = {1, 0}, handshake[5] = {4, 0, 0, 1, 0};
	size_t len = word[1] ? strtoul(word + 1, NULL, 10) : 0, n;

	switch (word[0]) {
	case 'd':
		return record_seal(&end->out, KTLS_RECORD_DATA, data, len, 0, wire);
	case 'p':
		return record_seal(&end->out, KTLS_RECORD_DATA, data, len, 100, wire);
	case 'z':
		return record_seal(&end->out, KTLS_RECORD_DATA, data, 0, 0, wire);
	case 'a':
		return record_seal(&end->out, KTLS_RECORD_ALERT, close_notify, 2, 0, wire);
	case 'h':
		if (strcmp(word, "half") == 0)
			return record_seal(&end->out, KTLS_RECORD_DATA, data, 200, 0, wire) / 2;
		return record_seal(&end->out, KTLS_RECORD_HANDSHAKE, handshake, 5, 0, wire);
	case 'x':
		n = record_seal(&end->out, KTLS_RECORD_DATA, data, 5, 0, wire);
		wire[n - 1] ^= 1;
		return n;
	case 'l':
	case 'v':
		n = record_seal(&end->out, KTLS_RECORD_DATA, data, 5, 0, wire);
		wire[word[0] == 'l' ? 3 : 1] = 0x7f;
		return n;
	default:
		return 0;
	}
}

static void reset(int *fd)
{
	const struct linger at_once = {.l_onoff = 1};

	MUST_OK(setsockopt(*fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
	MUST_OK(close(*fd));
	*fd = -1;
}

static void play(struct ktls_end *end, const char *script)
{
	static uint8_t wire[8 * RECORD_WIRE_MAX];
	char words[128], *word, *save = NULL;
	size_t n = 0;

	(void)snprintf(words, sizeof(words), "%s", script);
	for (word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		n += seal_word(end, word, wire + n);
	if (n)
		raw_write(end->raw_fd, wire, n);
	if (strchr(script, 'F'))
		MUST_OK(shutdown(end->raw_fd, SHUT_WR));
	if (strchr(script, 'R'))
		reset(&end->raw_fd);
	(void)UNTIL(poll_now(end->fd) & (POLLIN | POLLERR), 100);
}

static void describe_splice(int fd, const int pipe_fd[2], char *ret_text, size_t room)
{
	ssize_t n = splice(fd, NULL, pipe_fd[1], NULL, 65536, SPLICE_F_NONBLOCK);

	if (n < 0)
		(void)snprintf(ret_text, room, "%s", strerrorname_np(errno));
	else
		(void)snprintf(ret_text, room, "%zd", n);
	if (n > 0)
		MUST_EQ(read(pipe_fd[0], data, sizeof(data)), n);
}

static void describe_recvmsg(int fd, char *ret_text, size_t room)
{
	uint8_t type = 0;
	ssize_t n = ktls_read_record(fd, data, sizeof(data), &type);

	if (n < 0)
		(void)snprintf(ret_text, room, "%s", strerrorname_np((int)-n));
	else
		(void)snprintf(ret_text, room, "%s:%zd",
			       type == KTLS_RECORD_DATA	       ? "data"
			       : type == KTLS_RECORD_ALERT     ? "alert"
			       : type == KTLS_RECORD_HANDSHAKE ? "handshake"
							       : "none",
			       n);
}

enum reader { SPLICE, RECVMSG, BOTH };

/* BOTH is the proxy's way: splice, and after 0 or EINVAL one recvmsg. */
static void observe(const struct script_case *c, enum reader reader, char *answer, size_t room)
{
	static struct ktls_end end;
	char text[32] = "", last[32];
	int pipe_fd[2];

	pipe_open(pipe_fd);
	ktls_end_open(&end, &ktls_modes[0], 0);
	play(&end, c->sent);
	answer[0] = '\0';
	for (int i = 0; i < MAX_STEPS; i++) {
		memcpy(last, text, sizeof(last));
		if (reader == RECVMSG ||
		    (reader == BOTH && (!strcmp(last, "0") || !strcmp(last, "EINVAL"))))
			describe_recvmsg(end.fd, text, sizeof(text));
		else
			describe_splice(end.fd, pipe_fd, text, sizeof(text));
		add_word(answer, room, "%s", text);
		if (!strcmp(text, "EAGAIN") || (strcmp(text, last) == 0 && !atoi(text)) ||
		    !strcmp(text, "none:0"))
			break;
	}
	ktls_end_close(&end);
	fd_pair_close(pipe_fd);
}

/* clang-format off */
CASES(struct script_case, scripts,
      {.name = "data", .sent = "d5", .splice = "5 EAGAIN", .recvmsg = "data:5 EAGAIN", .both = "5 EAGAIN"},
      {.name = "two-data", .sent = "d5 d7", .splice = "5 7 EAGAIN", .recvmsg = "data:12 EAGAIN", .both = "5 7 EAGAIN"},
      {.name = "two-full-records", .sent = "d16384 d16384", .splice = "16384 16384 EAGAIN", .recvmsg = "data:32768 EAGAIN", .both = "16384 16384 EAGAIN"},
      {.name = "padded", .sent = "p5 p7", .splice = "5 7 EAGAIN", .recvmsg = "data:12 EAGAIN", .both = "5 7 EAGAIN"},
      {.name = "empty", .sent = "z", .splice = "0 EAGAIN", .recvmsg = "EAGAIN", .both = "0 EAGAIN"},
      {.name = "empty-then-data", .sent = "z d5", .splice = "0 5 EAGAIN", .recvmsg = "data:5 EAGAIN", .both = "0 data:5 EAGAIN"},
      {.name = "data-then-empty", .sent = "d5 z", .splice = "5 0 EAGAIN", .recvmsg = "data:5 EAGAIN", .both = "5 0 EAGAIN"},
      {.name = "empty-then-FIN", .sent = "z F", .splice = "0 0", .recvmsg = "data:0 none:0", .both = "0 none:0"},
      {.name = "three-empty-then-data", .sent = "z z z d5", .splice = "0 0", .recvmsg = "data:5 EAGAIN", .both = "0 data:5 EAGAIN"},
      {.name = "empty-then-close_notify", .sent = "z a", .splice = "0 EINVAL EINVAL", .recvmsg = "data:0 alert:2 EAGAIN", .both = "0 alert:2 EAGAIN"},
      {.name = "close_notify", .sent = "a", .splice = "EINVAL EINVAL", .recvmsg = "alert:2 EAGAIN", .both = "EINVAL alert:2 EAGAIN"},
      {.name = "data-then-close_notify", .sent = "d5 a", .splice = "5 EINVAL EINVAL", .recvmsg = "data:5 alert:2 EAGAIN", .both = "5 EINVAL alert:2 EAGAIN"},
      {.name = "close_notify-then-FIN", .sent = "d5 a F", .splice = "5 EINVAL EINVAL", .recvmsg = "data:5 alert:2 none:0", .both = "5 EINVAL alert:2 0 none:0"},
      {.name = "handshake-between-data", .sent = "d5 h d7", .splice = "5 EINVAL EINVAL", .recvmsg = "data:5 handshake:5 data:7 EAGAIN", .both = "5 EINVAL handshake:5 7 EAGAIN"},
      {.name = "FIN", .sent = "F", .splice = "0 0", .recvmsg = "none:0", .both = "0 none:0"},
      {.name = "data-then-FIN", .sent = "d5 F", .splice = "5 0 0", .recvmsg = "data:5 none:0", .both = "5 0 none:0"},
      {.name = "half-a-record", .sent = "d5 half", .splice = "5 EAGAIN", .recvmsg = "data:5 EAGAIN", .both = "5 EAGAIN"},
      {.name = "half-a-record-then-FIN", .sent = "half F", .splice = "0 0", .recvmsg = "none:0", .both = "0 none:0"},
      {.name = "reset", .sent = "R", .splice = "ECONNRESET 0 0", .recvmsg = "ECONNRESET none:0", .both = "ECONNRESET 0 none:0"},
      {.name = "data-then-reset", .sent = "d5 R", .splice = "5 ECONNRESET 0 0", .recvmsg = "data:5 ECONNRESET none:0", .both = "5 ECONNRESET 0 none:0"},
      {.name = "damaged", .sent = "d5 x d7", .splice = "5 EBADMSG EBADMSG", .recvmsg = "data:5 EBADMSG EBADMSG", .both = "5 EBADMSG EBADMSG"},
      {.name = "too-long", .sent = "d5 l", .splice = "5 EMSGSIZE EAGAIN", .recvmsg = "data:5 EMSGSIZE EAGAIN", .both = "5 EMSGSIZE EAGAIN"},
      {.name = "wrong-version", .sent = "d5 v", .splice = "5 EINVAL EAGAIN", .recvmsg = "data:5 EINVAL EAGAIN", .both = "5 EINVAL EAGAIN"});
/* clang-format on */

TEST_CASES(by_splice, scripts)
{
	char answer[256];

	observe(variant, SPLICE, answer, sizeof(answer));
	CHECK_STR(answer, variant->splice);
}

TEST_CASES(by_recvmsg, scripts)
{
	char answer[256];

	observe(variant, RECVMSG, answer, sizeof(answer));
	CHECK_STR(answer, variant->recvmsg);
}

TEST_CASES(by_both, scripts)
{
	char answer[256];

	observe(variant, BOTH, answer, sizeof(answer));
	CHECK_STR(answer, variant->both);
}

/* Every version and cipher: data, an empty record and close_notify, by splice and recvmsg. */
CASES(struct ktls_mode, modes, KTLS_MODES);

TEST_CASES(every_mode, modes)
{
	static struct ktls_end end;
	uint8_t type = 0;
	int pipe_fd[2];

	pipe_open(pipe_fd);
	ktls_end_open(&end, variant, 0);
	play(&end, "d1000 z a");
	CHECK_EQ(splice(end.fd, NULL, pipe_fd[1], NULL, 65536, SPLICE_F_NONBLOCK), 1000);
	CHECK_EQ(splice(end.fd, NULL, pipe_fd[1], NULL, 65536, SPLICE_F_NONBLOCK), 0);
	CHECK_ERRNO(splice(end.fd, NULL, pipe_fd[1], NULL, 65536, SPLICE_F_NONBLOCK), EINVAL);
	CHECK_EQ(ktls_read_record(end.fd, data, sizeof(data), &type), 2);
	CHECK_EQ(type, KTLS_RECORD_ALERT);
	ktls_end_close(&end);
	fd_pair_close(pipe_fd);
}

TEST(plain_recv_of_a_control_record_is_an_error)
{
	static struct ktls_end end;
	uint8_t type = 0;

	ktls_end_open(&end, &ktls_modes[0], 0);
	play(&end, "a d5");
	CHECK_ERRNO(recv(end.fd, data, sizeof(data), MSG_DONTWAIT), EIO);
	CHECK_EQ(ktls_read_record(end.fd, data, sizeof(data), &type), 2, "the record stays");
	CHECK_EQ(type, KTLS_RECORD_ALERT);
	CHECK_EQ(recv(end.fd, data, sizeof(data), MSG_DONTWAIT), 5);
	ktls_end_close(&end);
}

/* The daemon reads after a 0 of splice with a small buffer: what does not fit stays. */
TEST(recvmsg_leaves_the_rest_of_a_record)
{
	static struct ktls_end end;
	uint8_t type = 0;
	int pipe_fd[2];

	pipe_open(pipe_fd);
	ktls_end_open(&end, &ktls_modes[0], 0);
	play(&end, "z d16384 a");
	CHECK_EQ(splice_now(end.fd, pipe_fd[1], 65536), 0);
	CHECK_EQ(ktls_read_record(end.fd, data, 4096, &type), 4096);
	CHECK_EQ(type, KTLS_RECORD_DATA);
	CHECK_EQ(splice_now(end.fd, pipe_fd[1], 65536), 16384 - 4096);
	CHECK_EQ(splice_now(end.fd, pipe_fd[1], 65536), -EINVAL);
	ktls_end_close(&end);
	fd_pair_close(pipe_fd);
}

/* One splice is one record at most, however many there are and however large the pipe is. */
TEST(splice_moves_one_record)
{
	static struct ktls_end end;
	int pipe_fd[2];

	pipe_open(pipe_fd);
	ktls_end_open(&end, &ktls_modes[0], 0);
	play(&end, "d16384 d16384 d1 d16384");
	CHECK_EQ(splice_now(end.fd, pipe_fd[1], 65536), 16384);
	CHECK_EQ(splice_now(end.fd, pipe_fd[1], 65536), 16384);
	CHECK_EQ(splice_now(end.fd, pipe_fd[1], 65536), 1);
	CHECK_EQ(splice_now(end.fd, pipe_fd[1], 65536), 16384);
	CHECK_EQ(splice_now(end.fd, pipe_fd[1], 65536), -EAGAIN);
	ktls_end_close(&end);
	fd_pair_close(pipe_fd);
}

/* Half-close: what the peer sends after our FIN is read as before. */
TEST(reading_goes_on_after_our_FIN)
{
	static struct ktls_end end;
	int pipe_fd[2];

	pipe_open(pipe_fd);
	ktls_end_open(&end, &ktls_modes[0], 0);
	MUST_EQ(ktls_send_alert(end.fd, 1, 0), 0);
	MUST_OK(shutdown(end.fd, SHUT_WR));
	play(&end, "d1000 a F");
	CHECK_EQ(splice_now(end.fd, pipe_fd[1], 65536), 1000);
	CHECK_EQ(splice_now(end.fd, pipe_fd[1], 65536), -EINVAL);
	ktls_end_close(&end);
	fd_pair_close(pipe_fd);
}

struct poll_case {
	VARIANT;
	const char *sent;
	int bits;
	struct kernel_since since;
	int below;
};

CASES(struct poll_case, polls, {.name = "nothing", .sent = "", .bits = POLLOUT},
      {.name = "half",
       .sent = "half",
       .bits = POLLOUT,
       .since = {6, 12},
       .below = POLLOUT | POLLIN},
      {.name = "data", .sent = "d5", .bits = POLLOUT | POLLIN},
      {.name = "empty", .sent = "z", .bits = POLLOUT | POLLIN},
      {.name = "alert", .sent = "a", .bits = POLLOUT | POLLIN},
      {.name = "FIN", .sent = "F", .bits = POLLOUT | POLLIN | POLLRDHUP},
      {.name = "half-then-FIN", .sent = "half F", .bits = POLLOUT | POLLIN | POLLRDHUP},
      {.name = "reset", .sent = "R", .bits = POLLOUT | POLLIN | POLLRDHUP | POLLERR | POLLHUP},
      {.name = "damaged", .sent = "x", .bits = POLLOUT | POLLIN},
      {.name = "too-long",
       .sent = "l",
       .bits = POLLOUT | POLLERR,
       .since = {6, 12},
       .below = POLLOUT | POLLIN | POLLERR},
      {.name = "wrong-version",
       .sent = "v",
       .bits = POLLOUT | POLLERR,
       .since = {6, 12},
       .below = POLLOUT | POLLIN | POLLERR});

TEST_CASES(poll, polls)
{
	static struct ktls_end end;

	ktls_end_open(&end, &ktls_modes[0], 0);
	play(&end, variant->sent);
	CHECK_EQ(poll_now(end.fd), contract_value(variant, variant->bits, variant->below));
	ktls_end_close(&end);
}
