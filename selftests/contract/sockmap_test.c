// SPDX-License-Identifier: Apache-2.0
/*
 * sockmap: why it and kernel TLS do not share a socket, and what a socket in a sockmap does to
 * those who read it. The programs are a handful of instructions, so they stand here.
 */
#include "selftests/contract/contract.h"
#include "selftests/lib/payload.h"

#include "sys/stream.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

SUITE("sockmap", NEEDS(NEED_SOCKMAP));

enum { TARGET = 0, SOURCE = 1, MAP_ENTRIES = 2 };

static uint8_t data[65536];

static int sockmap_create(void)
{
	return (int)MUST_OK(bpf_map_create(BPF_MAP_TYPE_SOCKMAP, NULL, sizeof(int), sizeof(int),
					   MAP_ENTRIES, NULL));
}

/* Returns: 0 or -errno. */
static int sockmap_put(int map, int key, int fd)
{
	return bpf_map_update_elem(map, &key, &fd, BPF_ANY) < 0 ? -errno : 0;
}

/*
 * return helper(ctx, &map, TARGET, flags): bpf_msg_redirect_map or bpf_sk_redirect_map, attached
 * to @map.
 */
static int redirect_program(int map, enum bpf_prog_type type, enum bpf_attach_type attach,
			    int helper, int flags)
{
	const struct bpf_insn program[] = {
		{.code = BPF_LD | BPF_DW, /* | BPF_IMM, which is 0 */
		 .dst_reg = BPF_REG_2,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = map},
		{},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = TARGET},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_4, .imm = flags},
		{.code = BPF_JMP | BPF_CALL, .imm = helper},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = (int)MUST_OK(bpf_prog_load(type, NULL, "GPL", program,
					    sizeof(program) / sizeof(program[0]), NULL));

	MUST_OK(bpf_prog_attach(fd, map, attach, 0));
	return fd;
}

/* --- together with kernel TLS --- */

enum state { ULP_ONLY, TX_ONLY, BOTH_WAYS };

struct state_case {
	VARIANT;
	enum state state;
};

CASES(struct state_case, states, {.name = "ulp", .state = ULP_ONLY},
      {.name = "tx", .state = TX_ONLY}, {.name = "both", .state = BOTH_WAYS});

TEST_CASES(takes_no_kernel_tls_socket, states, NEEDS(NEED_KTLS))
{
	struct ktls_keys tx = ktls_fixed_keys(&ktls_modes[0], 0, 0);
	struct ktls_keys rx = ktls_fixed_keys(&ktls_modes[0], 1, 0);
	int fd[2], map = sockmap_create();

	tcp_pair_open(fd, 0);
	MUST_EQ(sockmap_put(map, SOURCE, fd[1]), 0);
	MUST_EQ(ktls_ulp_set(fd[0]), 0);
	if (variant->state >= TX_ONLY)
		MUST_EQ(ktls_install_tx(fd[0], &tx), 0);
	if (variant->state >= BOTH_WAYS)
		MUST_EQ(ktls_install_rx(fd[0], &rx), 0);
	CHECK_EQ(sockmap_put(map, TARGET, fd[0]), -EINVAL);
	fd_pair_close(fd);
	(void)close(map);
}

/* "ulp:0 tx:-22 rx:-22" */
TEST(keys_on_a_socket_in_a_sockmap, NEEDS(NEED_KTLS))
{
	struct ktls_keys tx = ktls_fixed_keys(&ktls_modes[0], 0, 0);
	struct ktls_keys rx = ktls_fixed_keys(&ktls_modes[0], 1, 0);
	int fd[2], map = sockmap_create(), ulp, with_tx, with_rx;

	tcp_pair_open(fd, 0);
	MUST_EQ(sockmap_put(map, TARGET, fd[0]), 0);
	ulp = ktls_ulp_set(fd[0]);
	with_tx = ktls_install_tx(fd[0], &tx);
	with_rx = ktls_install_rx(fd[0], &rx);
	NOTE("ulp %d, TX %d, RX %d", ulp, with_tx, with_rx);
	CHECK_EQ(ulp, 0);
	CHECK_EQ(with_tx, -EINVAL);
	CHECK_EQ(with_rx, -EINVAL);
	fd_pair_close(fd);
	(void)close(map);
}

/* --- sk_msg, ingress --- */

/* Two connections; what is sent on source[0] is put to the receive queue of target[0]. */
struct hop {
	int map, program;
	int source[2], target[2];
};

static void hop_open(struct hop *h)
{
	h->map = sockmap_create();
	h->program = redirect_program(h->map, BPF_PROG_TYPE_SK_MSG, BPF_SK_MSG_VERDICT,
				      BPF_FUNC_msg_redirect_map, BPF_F_INGRESS);
	tcp_pair_open(h->source, 0);
	tcp_pair_open(h->target, 0);
	MUST_EQ(sockmap_put(h->map, SOURCE, h->source[0]), 0);
	MUST_EQ(sockmap_put(h->map, TARGET, h->target[0]), 0);
}

static void hop_close(struct hop *h)
{
	fd_pair_close(h->source);
	fd_pair_close(h->target);
	(void)close(h->program);
	(void)close(h->map);
}

static struct tcp_info tcp_info_of(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	MUST_OK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	return info;
}

/* The bytes come, and TCP has seen none of them. */
TEST(ingress_redirect_passes_tcp_by)
{
	struct hop h;

	hop_open(&h);
	MUST_EQ(send(h.source[0], "redirected", 10, MSG_NOSIGNAL), 10);
	MUST(UNTIL(poll_now(h.target[0]) & POLLIN, CONTRACT_PATIENCE_MS));
	CHECK_EQ(recv(h.target[0], data, sizeof(data), MSG_DONTWAIT), 10);
	CHECK_MEM(data, "redirected", 10);
	CHECK_EQ(tcp_info_of(h.target[0]).tcpi_segs_in, 1, "the handshake's only");
	CHECK_ERRNO(recv(h.source[1], data, sizeof(data), MSG_DONTWAIT), EAGAIN);
	hop_close(&h);
}

/* So an engine that reads such a socket must read it with recvmsg(2). */
TEST(splice_does_not_see_redirected_bytes)
{
	int pipe_fd[2];
	struct hop h;

	hop_open(&h);
	pipe_open(pipe_fd);
	MUST_EQ(send(h.source[0], "redirected", 10, MSG_NOSIGNAL), 10);
	MUST(UNTIL(poll_now(h.target[0]) & POLLIN, CONTRACT_PATIENCE_MS));
	CHECK_EQ(splice_now(h.target[0], pipe_fd[1], 65536), -EAGAIN);
	CHECK_EQ(recv(h.target[0], data, sizeof(data), MSG_DONTWAIT), 10);
	fd_pair_close(pipe_fd);
	hop_close(&h);
}

/* Bytes that came by TCP and bytes that were redirected are two queues. */
TEST(splice_still_sees_what_came_by_tcp)
{
	int pipe_fd[2];
	struct hop h;

	hop_open(&h);
	pipe_open(pipe_fd);
	raw_write(h.target[1], "by tcp", 6);
	MUST(UNTIL(poll_now(h.target[0]) & POLLIN, CONTRACT_PATIENCE_MS));
	CHECK_EQ(splice_now(h.target[0], pipe_fd[1], 65536), 6);
	fd_pair_close(pipe_fd);
	hop_close(&h);
}

#define FLOOD_BYTES (16 << 20)

/* Send until nothing more is taken, or FLOOD_BYTES are. */
static size_t flood(int fd)
{
	size_t sum = 0;
	ssize_t n = 0;

	do {
		sum += (size_t)n;
		/* Work queues move the bytes on, so a full socket may have room again. */
		(void)UNTIL((n = send(fd, data, sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0,
			    100);
	} while (n > 0 && sum < FLOOD_BYTES);
	return sum;
}

/* Nobody reads, and the sender is never told to wait: any use must count the bytes in flight. */
TEST(ingress_redirect_is_not_bounded, .deadline_ms = 20000)
{
	struct hop h;
	size_t sum;

	hop_open(&h);
	sum = flood(h.source[0]);
	NOTE("%zu bytes taken", sum);
	CHECK_GE(sum, FLOOD_BYTES);
	hop_close(&h);
}

/* --- sk_skb --- */

/*
 * What comes in at source[0] is sent out at target[0]; the other end of that one does not read.
 */
TEST(egress_redirect_is_not_bounded, .deadline_ms = 20000)
{
	int source[2], target[2], map = sockmap_create(), program;
	size_t sum;

	program = redirect_program(map, BPF_PROG_TYPE_SK_SKB, BPF_SK_SKB_VERDICT,
				   BPF_FUNC_sk_redirect_map, 0);
	tcp_pair_open(source, 0);
	tcp_pair_open(target, 4096);
	MUST_EQ(sockmap_put(map, SOURCE, source[0]), 0);
	MUST_EQ(sockmap_put(map, TARGET, target[0]), 0);
	sum = flood(source[1]);
	NOTE("%zu bytes taken", sum);
	CHECK_GE(sum, FLOOD_BYTES);
	fd_pair_close(source);
	fd_pair_close(target);
	(void)close(program);
	(void)close(map);
}
