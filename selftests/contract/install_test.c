// SPDX-License-Identifier: Apache-2.0
/*
 * Getting a socket from plain TCP to kernel TLS: what the ULP and the keys ask for, what is refused,
 * and what a refusal leaves.
 */
#include "selftests/contract/contract.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

SUITE("install", NEEDS(NEED_KTLS));

static uint8_t data[KTLS_RECORD_MAX];

/* --- the ULP --- */

enum situation { UNCONNECTED, LISTENING, PEER_CLOSED, WE_CLOSED, PEER_RESET, ESTABLISHED };

struct ulp_case {
	VARIANT;
	enum situation situation;
	int result;
};

CASES(struct ulp_case, ulp_cases,
      {.name = "unconnected", .situation = UNCONNECTED, .result = -ENOTCONN},
      {.name = "listening", .situation = LISTENING, .result = -ENOTCONN},
      {.name = "peer-closed", .situation = PEER_CLOSED, .result = -ENOTCONN},
      {.name = "we-closed", .situation = WE_CLOSED, .result = -ENOTCONN},
      {.name = "peer-reset", .situation = PEER_RESET, .result = -ENOTCONN},
      {.name = "established", .situation = ESTABLISHED, .result = 0});

static void arrange(enum situation situation, int fd[2])
{
	const struct linger at_once = {.l_onoff = 1};

	if (situation == UNCONNECTED || situation == LISTENING) {
		fd[0] = (int)MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
		fd[1] = -1;
		if (situation == LISTENING)
			MUST_OK(listen(fd[0], 1));
		return;
	}
	tcp_pair_open(fd, 0);
	if (situation == WE_CLOSED)
		MUST_OK(shutdown(fd[0], SHUT_WR));
	if (situation == PEER_CLOSED)
		MUST_OK(shutdown(fd[1], SHUT_WR));
	if (situation == PEER_RESET) {
		MUST_OK(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
		MUST_OK(close(fd[1]));
		fd[1] = -1;
	}
	if (situation == PEER_CLOSED || situation == PEER_RESET)
		MUST(UNTIL(poll_now(fd[0]) & POLLRDHUP, CONTRACT_PATIENCE_MS));
}

TEST_CASES(ulp_only_when_established, ulp_cases)
{
	int fd[2];

	arrange(variant->situation, fd);
	CHECK_EQ(ktls_ulp_set(fd[0]), variant->result);
	(void)close(fd[0]);
	if (fd[1] >= 0)
		(void)close(fd[1]);
}

TEST(ulp_once)
{
	int fd[2];

	tcp_pair_open(fd, 0);
	CHECK_EQ(ktls_ulp_set(fd[0]), 0);
	CHECK_EQ(ktls_ulp_set(fd[0]), -EEXIST);
	fd_pair_close(fd);
}

static void pass_plain(int from, int to)
{
	char text[8] = "";

	MUST_EQ(send(from, "plain", 5, MSG_NOSIGNAL), 5);
	MUST(UNTIL(poll_now(to) & POLLIN, CONTRACT_PATIENCE_MS));
	CHECK_EQ(recv(to, text, sizeof(text), MSG_DONTWAIT), 5);
	CHECK_STR(text, "plain");
}

/* The way back to the copy engine: the ULP is set, and the keys were refused. */
TEST(ulp_without_keys_is_plain_tcp)
{
	const uint16_t unknown[2] = {KTLS_VERSION_1_3, 9999};
	int fd[2];

	tcp_pair_open(fd, 0);
	MUST_EQ(ktls_ulp_set(fd[0]), 0);
	pass_plain(fd[0], fd[1]);
	pass_plain(fd[1], fd[0]);
	CHECK_ERRNO(setsockopt(fd[0], SOL_TLS, 1, unknown, sizeof(unknown)), EINVAL);
	pass_plain(fd[0], fd[1]);
	pass_plain(fd[1], fd[0]);
	fd_pair_close(fd);
}

/* --- the keys --- */

CASES(struct ktls_mode, modes, KTLS_MODES);

static int install(int fd, bool tx, const struct ktls_keys *keys)
{
	return tx ? ktls_install_tx(fd, keys) : ktls_install_rx(fd, keys);
}

struct direction_case {
	VARIANT;
	bool tx;
};

CASES(struct direction_case, directions, {.name = "TX", .tx = true}, {.name = "RX", .tx = false});

/* Newer kernels rekey TLS 1.3 with it, see rekey_test.c. */
TEST_MATRIX(second_keys, modes, directions)
{
	struct ktls_keys again = ktls_fixed_keys(row, column->tx ? 0 : 1, 1);
	bool rekeys = row->version == KTLS_VERSION_1_3 && test_kernel_at_least(6, 14);
	struct ktls_pair pair;

	ktls_pair_open(&pair, row);
	CHECK_EQ(install(pair.fd[0], column->tx, &again), rekeys ? 0 : -EBUSY);
	ktls_pair_close(&pair);
}

struct mix_case {
	VARIANT;
	int first, second; /* index of ktls_modes */
	int result;
};

CASES(struct mix_case, mixes, {.name = "same", .first = 0, .second = 0, .result = 0},
      {.name = "version", .first = 0, .second = 3, .result = -EINVAL},
      {.name = "key-length", .first = 0, .second = 1, .result = -EINVAL},
      {.name = "cipher", .first = 0, .second = 2, .result = -EINVAL});

/* Both directions have one version and one cipher, whichever is installed first. */
TEST_MATRIX(directions_agree, mixes, directions)
{
	struct ktls_keys first = ktls_fixed_keys(&ktls_modes[row->first], 0, 0);
	struct ktls_keys second = ktls_fixed_keys(&ktls_modes[row->second], 1, 0);
	int fd[2];

	tcp_pair_open(fd, 0);
	MUST_EQ(ktls_ulp_set(fd[0]), 0);
	MUST_EQ(install(fd[0], column->tx, &first), 0);
	CHECK_EQ(install(fd[0], !column->tx, &second), row->result);
	fd_pair_close(fd);
}

TEST(keys_need_the_ulp)
{
	struct ktls_keys keys = ktls_fixed_keys(&ktls_modes[0], 0, 0);
	int fd[2];

	tcp_pair_open(fd, 0);
	CHECK_EQ(ktls_install_tx(fd[0], &keys), -ENOPROTOOPT);
	CHECK_EQ(ktls_install_rx(fd[0], &keys), -ENOPROTOOPT);
	fd_pair_close(fd);
}

/* The options that the probe tries; neither changes what is read. */
TEST(options_are_taken)
{
	static struct ktls_end end;
	uint8_t type = 0;

	ktls_end_open(&end, &ktls_modes[0], 0);
	CHECK_EQ(ktls_rx_expect_no_pad(end.fd), 0);
	CHECK_EQ(ktls_tx_zerocopy(end.fd), 0);
	ktls_end_send(&end, KTLS_RECORD_DATA, "padded", 6, 100);
	MUST(UNTIL(poll_now(end.fd) & POLLIN, CONTRACT_PATIENCE_MS));
	CHECK_EQ(ktls_read_record(end.fd, data, sizeof(data), &type), 6);
	CHECK_EQ(type, KTLS_RECORD_DATA);
	CHECK_MEM(data, "padded", 6);
	ktls_end_close(&end);
}

static void install_as_nobody(void *arg)
{
	struct ktls_keys keys = ktls_fixed_keys(&ktls_modes[0], 0, 0);
	struct ktls_tx_mark mark;
	int fd = *(int *)arg;

	CHECK_EQ(ktls_ulp_set(fd), 0);
	CHECK_EQ(ktls_install_tx(fd, &keys), 0);
	CHECK_EQ(ktls_install_rx(fd, &keys), 0);
	CHECK_EQ(ktls_tx_mark_init(fd, &keys, &mark), 0);
	CHECK_EQ(ktls_send_record(fd, KTLS_RECORD_DATA, "x", 1), 1);
	CHECK_EQ(ktls_tx_queued(fd, &mark, 1), 0);
}

/* The worker has none. Only loading the module takes CAP_NET_ADMIN, and it is loaded here. */
TEST(no_capability_is_needed, NEEDS(NEED_NOBODY))
{
	int fd[2];

	tcp_pair_open(fd, 0);
	as_nobody(install_as_nobody, &fd[0]);
	fd_pair_close(fd);
}

/* --- the moment --- */

struct late {
	int fd[2];
	struct record_stream out, in; /* of fd[1], the raw end */
	struct ktls_keys tx, rx;
};

/* OpenSSL's part is played by record_open(): three records each way before the kernel has a key. */
static void late_begin(struct late *l, const struct ktls_mode *mode, size_t wait_bytes)
{
	uint8_t wire[RECORD_WIRE_MAX];
	struct record_stream before = {.keys = ktls_fixed_keys(mode, 0, 0)};
	size_t n;

	tcp_pair_open(l->fd, 0);
	l->in.keys = before.keys;
	l->out.keys = ktls_fixed_keys(mode, 1, 0);
	for (int i = 0; i < 3; i++) {
		(void)record_seal(&before, KTLS_RECORD_DATA, data, 10, 0, wire);
		(void)record_seal(&l->in, KTLS_RECORD_DATA, data, 10, 0, wire);
		(void)record_seal(&l->out, KTLS_RECORD_DATA, data, 10, 0, wire);
	}
	l->tx = before.keys;
	l->rx = l->out.keys;
	/* GCM of TLS 1.2: the kernel counts the explicit nonce on from what it is given. */
	if (mode->version == KTLS_VERSION_1_2 && mode->cipher != KTLS_CHACHA20_POLY1305)
		memcpy(l->tx.iv + 4, l->tx.rec_seq, 8);
	n = record_seal(&l->out, KTLS_RECORD_DATA, "early", 5, 0, wire);
	raw_write(l->fd[1], wire, wait_bytes ? wait_bytes : n);
	MUST(UNTIL(poll_now(l->fd[0]) & POLLIN, CONTRACT_PATIENCE_MS));
	MUST_EQ(ktls_ulp_set(l->fd[0]), 0);
	MUST_EQ(ktls_install_tx(l->fd[0], &l->tx), 0);
	MUST_EQ(ktls_install_rx(l->fd[0], &l->rx), 0);
	if (wait_bytes)
		raw_write(l->fd[1], wire + wait_bytes, n - wait_bytes);
}

static void late_check(struct late *l)
{
	uint8_t wire[RECORD_WIRE_MAX], text[KTLS_RECORD_MAX + 1], type = 0;
	ssize_t n = 0, have;
	size_t used = 0;

	MUST(UNTIL((n = ktls_read_record(l->fd[0], text, sizeof(text), &type)) != -EAGAIN,
		   CONTRACT_PATIENCE_MS));
	MUST_EQ(n, 5);
	CHECK_MEM(text, "early", 5);
	MUST_EQ(ktls_send_record(l->fd[0], KTLS_RECORD_DATA, "reply", 5), 5);
	MUST(UNTIL(poll_now(l->fd[1]) & POLLIN, CONTRACT_PATIENCE_MS));
	have = MUST_OK(recv(l->fd[1], wire, sizeof(wire), MSG_DONTWAIT));
	MUST_EQ(record_open(&l->in, wire, (size_t)have, &type, text, &used), 5);
	CHECK_MEM(text, "reply", 5);
	CHECK_EQ(used, have);
	fd_pair_close(l->fd);
}

/* What came before the keys and was not read is read under them, from the given record number on. */
TEST_CASES(record_before_the_keys, modes)
{
	struct late l;

	late_begin(&l, variant, 0);
	late_check(&l);
}

TEST_CASES(half_a_record_before_the_keys, modes)
{
	struct late l;

	late_begin(&l, variant, 8);
	late_check(&l);
}

CASES(struct ktls_mode, nonce_modes,
      {.name = "1.2-aes128", .version = KTLS_VERSION_1_2, .cipher = KTLS_AES_128_GCM},
      {.name = "1.2-aes256", .version = KTLS_VERSION_1_2, .cipher = KTLS_AES_256_GCM});

/*
 * TLS 1.2 GCM sends its nonce: the one that was installed, then one more for each record. So a
 * sequence number as the first nonce repeats none.
 */
TEST_CASES(explicit_nonce_counts_on, nonce_modes)
{
	static const uint8_t first[8] = {1, 2, 3, 4, 5, 6, 7, 0xfe};
	struct ktls_keys keys = ktls_fixed_keys(variant, 0, 0);
	uint8_t wire[64];
	int fd[2];

	memcpy(keys.iv + 4, first, sizeof(first));
	tcp_pair_open(fd, 0);
	MUST_EQ(ktls_ulp_set(fd[0]), 0);
	MUST_EQ(ktls_install_tx(fd[0], &keys), 0);
	for (uint64_t i = 0; i < 4; i++) {
		uint64_t nonce = 0;

		MUST_EQ(send(fd[0], "x", 1, MSG_NOSIGNAL), 1);
		MUST(UNTIL(poll_now(fd[1]) & POLLIN, CONTRACT_PATIENCE_MS));
		MUST_EQ(recv(fd[1], wire, sizeof(wire), MSG_DONTWAIT), 5 + 8 + 1 + 16);
		for (int byte = 0; byte < 8; byte++)
			nonce = nonce << 8 | wire[5 + byte];
		CHECK_EQ(nonce, 0x01020304050607feULL + i);
	}
	fd_pair_close(fd);
}
