/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loopback TCP connections with kernel TLS and fixed keys, no handshake. Failures end the test.
 *
 * Either both ends are kernel TLS (ktls_pair_open), or one is and the other is a raw socket that
 * makes and reads records itself (ktls_end_open). All sockets are non-blocking.
 */
#ifndef SELFTESTS_LIB_KTLS_PAIR_H
#define SELFTESTS_LIB_KTLS_PAIR_H

#include "selftests/harness/harness.h"
#include "selftests/lib/record.h"

/** Version and cipher, as a table row. */
struct ktls_mode {
	VARIANT;
	uint16_t version;
	enum ktls_cipher cipher;
};

#define KTLS_N_MODES 6
extern const struct ktls_mode ktls_modes[KTLS_N_MODES]; /* all; for TEST_CASES use KTLS_MODES */

/** CASES(struct ktls_mode, modes, KTLS_MODES); */
#define KTLS_MODES                                                                                 \
	{.name = "1.3-aes128", .version = KTLS_VERSION_1_3, .cipher = KTLS_AES_128_GCM},           \
		{.name = "1.3-aes256", .version = KTLS_VERSION_1_3, .cipher = KTLS_AES_256_GCM},   \
		{.name = "1.3-chacha20",                                                           \
		 .version = KTLS_VERSION_1_3,                                                      \
		 .cipher = KTLS_CHACHA20_POLY1305},                                                \
		{.name = "1.2-aes128", .version = KTLS_VERSION_1_2, .cipher = KTLS_AES_128_GCM},   \
		{.name = "1.2-aes256", .version = KTLS_VERSION_1_2, .cipher = KTLS_AES_256_GCM},   \
	{                                                                                          \
		.name = "1.2-chacha20", .version = KTLS_VERSION_1_2,                               \
		.cipher = KTLS_CHACHA20_POLY1305                                                   \
	}

/** tcp_pair_open() - connected sockets; @buffer_bytes > 0: both of their buffers, small. */
void tcp_pair_open(int ret_fd[2], int buffer_bytes);

/** ktls_fixed_keys() - different keys for each direction (0, 1) and generation. */
struct ktls_keys ktls_fixed_keys(const struct ktls_mode *mode, int direction, int generation);

/** Both ends kernel TLS: direction 0 is fd[0] to fd[1]. */
struct ktls_pair {
	int fd[2];
	struct ktls_keys keys[2];
};

void ktls_pair_open(struct ktls_pair *pair, const struct ktls_mode *mode);
void ktls_pair_close(struct ktls_pair *pair);

/** One end kernel TLS, the other one raw. */
struct ktls_end {
	int fd, raw_fd;
	struct ktls_keys tx_keys;     /* of fd */
	struct record_stream out, in; /* of raw_fd */
	uint8_t wire[2 * RECORD_WIRE_MAX];
	size_t wire_len; /* what raw_fd has read and not opened */
};

void ktls_end_open(struct ktls_end *end, const struct ktls_mode *mode, int buffer_bytes);
void ktls_end_close(struct ktls_end *end);

/** ktls_end_send() - one record from the raw end, in one piece. */
void ktls_end_send(struct ktls_end *end, uint8_t type, const void *data, size_t len,
		   size_t padding);

/**
 * ktls_end_receive() - next record at the raw end, not waiting. @data: KTLS_RECORD_MAX + 1 bytes.
 * Returns: bytes; -EAGAIN; -EPIPE at FIN; -EBADMSG; what recv(2) said.
 */
ssize_t ktls_end_receive(struct ktls_end *end, uint8_t *ret_type, uint8_t *data);

/** raw_write() - all of it. */
void raw_write(int fd, const void *data, size_t len);

/** pipe_open() - a non-blocking pipe; pipe_fill() - exactly @len bytes into it. */
void pipe_open(int ret_fd[2]);
void pipe_fill(const int pipe_fd[2], const void *data, size_t len);

/** poll_now() - what poll(2) reports now: POLLIN, POLLOUT, POLLRDHUP and what it always does. */
int poll_now(int fd);

#endif
