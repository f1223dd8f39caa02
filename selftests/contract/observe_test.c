// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel shows of its TLS sockets: sock_diag, /proc/net/tls_stat, getsockopt.
 */
#include "selftests/contract/contract.h"

#include "sys/netlink.h"
#include "sys/stream.h"
#include "sys/tlsstat.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

SUITE("observe", NEEDS(NEED_KTLS));

CASES(struct ktls_mode, modes, KTLS_MODES);

static uint8_t data[KTLS_RECORD_MAX];

/* --- sock_diag --- */

/* NEED_SOCK_DIAG says that sockets are listed, so a missing one is a failure. */
static struct netlink_tcp diag_of(int fd)
{
	struct netlink_diag _cleanup_netlink_diag_ *diag = NULL;
	const struct netlink_tcp *tcp;

	MUST_EQ(netlink_diag_dump(&diag), 0);
	tcp = netlink_diag_by_cookie(diag, stream_cookie(fd));
	MUST(tcp, "the socket is not listed");
	return *tcp;
}

TEST_CASES(sock_diag_names_version_and_cipher, modes, NEEDS(NEED_SOCK_DIAG))
{
	enum ktls_cipher cipher = KTLS_N_CIPHERS;
	struct netlink_tcp tcp;
	struct ktls_pair pair;

	ktls_pair_open(&pair, variant);
	for (int i = 0; i < 2; i++) {
		tcp = diag_of(pair.fd[i]);
		CHECK(tcp.has_tls);
		CHECK_STR(tcp.ulp, "tls");
		CHECK_EQ(tcp.tls_version, variant->version);
		CHECK_EQ(ktls_cipher_by_kernel_number(tcp.tls_cipher, &cipher), 0);
		CHECK_EQ(cipher, variant->cipher);
		CHECK_EQ(tcp.txconf, KTLS_CONF_SW);
		CHECK_EQ(tcp.rxconf, KTLS_CONF_SW);
	}
	ktls_pair_close(&pair);
}

/* A ULP without keys, or with one direction, does not pass for a socket in the kernel's hands. */
TEST(sock_diag_tells_half_installed, NEEDS(NEED_SOCK_DIAG))
{
	struct ktls_keys keys = ktls_fixed_keys(&ktls_modes[0], 0, 0);
	struct netlink_tcp tcp;
	int fd[2];

	tcp_pair_open(fd, 0);
	tcp = diag_of(fd[0]);
	CHECK_STR(tcp.ulp, "");
	CHECK(!tcp.has_tls);
	MUST_EQ(ktls_ulp_set(fd[0]), 0);
	tcp = diag_of(fd[0]);
	CHECK_STR(tcp.ulp, "tls");
	CHECK_EQ(tcp.tls_version, 0);
	CHECK_EQ(tcp.txconf, KTLS_CONF_BASE);
	CHECK_EQ(tcp.rxconf, KTLS_CONF_BASE);
	MUST_EQ(ktls_install_tx(fd[0], &keys), 0);
	tcp = diag_of(fd[0]);
	CHECK_EQ(tcp.txconf, KTLS_CONF_SW);
	CHECK_EQ(tcp.rxconf, KTLS_CONF_BASE);
	fd_pair_close(fd);
}

static void look_as_nobody(void *arg)
{
	bool shown = test_kernel_at_least(7, 0);
	struct netlink_tcp tcp = diag_of(*(int *)arg);

	CHECK_STR(tcp.ulp, shown ? "tls" : "");
	CHECK_EQ(tcp.has_tls, shown);
}

/* The worker has no capability, so on older kernels the proof is the supervisor's business. */
TEST(sock_diag_without_capability, NEEDS(NEED_SOCK_DIAG | NEED_NOBODY))
{
	struct ktls_pair pair;

	ktls_pair_open(&pair, &ktls_modes[0]);
	as_nobody(look_as_nobody, &pair.fd[0]);
	ktls_pair_close(&pair);
}

/* --- tls_stat --- */

static uint64_t counter(const char *name)
{
	struct tlsstat stat;
	uint64_t value = 0;

	MUST_EQ(tlsstat_read(&stat), 0);
	MUST(tlsstat_find(&stat, name, &value), "no counter %s", name);
	return value;
}

/* The namespace is the test's own, so deltas are exact. */
TEST(tls_stat_counts_sockets)
{
	uint64_t tx = counter("TlsTxSw"), rx = counter("TlsRxSw");
	uint64_t now_tx = counter("TlsCurrTxSw"), now_rx = counter("TlsCurrRxSw");
	struct ktls_pair pair;

	ktls_pair_open(&pair, &ktls_modes[0]);
	CHECK_EQ(counter("TlsTxSw"), tx + 2);
	CHECK_EQ(counter("TlsRxSw"), rx + 2);
	CHECK_EQ(counter("TlsCurrTxSw"), now_tx + 2);
	CHECK_EQ(counter("TlsCurrRxSw"), now_rx + 2);
	CHECK_EQ(counter("TlsTxDevice") + counter("TlsRxDevice"), 0);
	ktls_pair_close(&pair);
	CHECK(UNTIL(counter("TlsCurrTxSw") == now_tx, CONTRACT_PATIENCE_MS));
	CHECK(UNTIL(counter("TlsCurrRxSw") == now_rx, CONTRACT_PATIENCE_MS));
	CHECK_EQ(counter("TlsTxSw"), tx + 2);
}

TEST(tls_stat_counts_damaged_records)
{
	uint64_t before = counter("TlsDecryptError");
	static struct ktls_end end;
	uint8_t wire[RECORD_WIRE_MAX], type = 0;
	size_t n;

	ktls_end_open(&end, &ktls_modes[0], 0);
	n = record_seal(&end.out, KTLS_RECORD_DATA, data, 5, 0, wire);
	wire[n - 1] ^= 1;
	raw_write(end.raw_fd, wire, n);
	MUST(UNTIL(poll_now(end.fd) & POLLIN, CONTRACT_PATIENCE_MS));
	CHECK_EQ(ktls_read_record(end.fd, data, sizeof(data), &type), -EBADMSG);
	CHECK_EQ(counter("TlsDecryptError"), before + 1);
	ktls_end_close(&end);
}

TEST(tls_stat_has_rekey_lines_where_rekey_works, NEEDS(NEED_KTLS_REKEY))
{
	struct ktls_keys again = ktls_fixed_keys(&ktls_modes[0], 0, 1);
	uint64_t before = counter("TlsTxRekeyOk");
	struct ktls_pair pair;

	ktls_pair_open(&pair, &ktls_modes[0]);
	MUST_EQ(ktls_install_tx(pair.fd[0], &again), 0);
	CHECK_EQ(counter("TlsTxRekeyOk"), before + 1);
	ktls_pair_close(&pair);
}

/* --- record numbers and what TCP was given --- */

static uint64_t tx_record_number(int fd, const struct ktls_mode *mode)
{
	static const socklen_t sizes[KTLS_N_CIPHERS] = {40, 56, 56};
	socklen_t len = sizes[mode->cipher];
	uint8_t info[56];
	uint64_t number = 0;

	MUST_OK(getsockopt(fd, SOL_TLS, 1, info, &len));
	MUST_EQ(len, sizes[mode->cipher]);
	for (int i = 8; i > 0; i--)
		number = number << 8 | info[len - (socklen_t)i];
	return number;
}

TEST_CASES(getsockopt_has_the_next_record_number, modes)
{
	static struct ktls_end end;

	ktls_end_open(&end, variant, 0);
	CHECK_EQ(tx_record_number(end.fd, variant), 0);
	for (int i = 0; i < 3; i++)
		MUST_EQ(send(end.fd, data, 100, MSG_NOSIGNAL), 100);
	CHECK_EQ(tx_record_number(end.fd, variant), 3);
	MUST_EQ(ktls_send_alert(end.fd, 1, 0), 0);
	CHECK_EQ(tx_record_number(end.fd, variant), 4);
	MUST_EQ(send(end.fd, data, 16384, MSG_NOSIGNAL), 16384);
	CHECK_EQ(tx_record_number(end.fd, variant), 5);
	ktls_end_close(&end);
}

/* Records and plaintext tell what TCP must have been given, to the byte and in every mode. */
TEST_CASES(record_sizes_are_known, modes)
{
	static const size_t sizes[] = {1, 55, 4095, 16384, 16385};
	struct ktls_tx_mark mark;
	static struct ktls_end end;
	static uint8_t plain[16385];
	uint64_t sum = 0;

	ktls_end_open(&end, variant, 0);
	MUST_EQ(ktls_tx_mark_init(end.fd, &end.tx_keys, &mark), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		MUST_EQ(send(end.fd, plain, sizes[i], MSG_NOSIGNAL), sizes[i]);
		sum += sizes[i];
		CHECK_EQ(ktls_tx_queued(end.fd, &mark, sum), 0);
		CHECK_EQ(ktls_tx_queued(end.fd, &mark, sum + 1), 1);
	}
	ktls_end_close(&end);
}

static uint64_t given_to_tcp(int fd, const struct ktls_tx_mark *mark)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);
	int queued = 0;

	MUST_OK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	MUST_OK(ioctl(fd, SIOCOUTQ, &queued));
	return info.tcpi_bytes_acked + (uint64_t)queued - mark->written;
}

static uint64_t read_raw(const struct ktls_end *end)
{
	ssize_t n = recv(end->raw_fd, data, sizeof(data), MSG_DONTWAIT);

	return n > 0 ? (uint64_t)n : 0;
}

/* Why the daemon counts records: what waits inside kTLS is in none of TCP's numbers. */
TEST(tcp_does_not_know_what_ktls_holds)
{
	uint64_t sent = 0, given, arrived = 0;
	struct ktls_tx_mark mark;
	static struct ktls_end end;
	int64_t held;
	ssize_t n;

	ktls_end_open(&end, &ktls_modes[0], 4096);
	MUST_EQ(ktls_tx_mark_init(end.fd, &end.tx_keys, &mark), 0);
	while ((n = send(end.fd, data, sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		sent += (uint64_t)n;
	given = given_to_tcp(end.fd, &mark);
	held = ktls_tx_queued(end.fd, &mark, sent);
	NOTE("accepted %llu, TCP has %llu, kTLS holds %lld", (unsigned long long)sent,
	     (unsigned long long)given, (long long)held);
	CHECK(held > 0);
	(void)UNTIL((arrived += read_raw(&end)) >= given + (uint64_t)held, CONTRACT_PATIENCE_MS);
	CHECK_EQ(arrived, given + (uint64_t)held);
	CHECK_EQ(given_to_tcp(end.fd, &mark), arrived);
	CHECK_EQ(ktls_tx_queued(end.fd, &mark, sent), 0);
	ktls_end_close(&end);
}
