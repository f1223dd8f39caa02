// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/ktls_pair.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const struct ktls_mode ktls_modes[KTLS_N_MODES] = {KTLS_MODES};

static int tcp_socket(int buffer_bytes)
{
	int fd = (int)MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	if (buffer_bytes) {
		MUST_OK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(int)));
		MUST_OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(int)));
	}
	return fd;
}

static void set_nonblocking(int fd)
{
	MUST_OK(fcntl(fd, F_SETFL, MUST_OK(fcntl(fd, F_GETFL)) | O_NONBLOCK));
}

void tcp_pair_open(int ret_fd[2], int buffer_bytes)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int listener = tcp_socket(buffer_bytes);

	MUST_OK(bind(listener, (struct sockaddr *)&address, len));
	MUST_OK(listen(listener, 1));
	MUST_OK(getsockname(listener, (struct sockaddr *)&address, &len));
	ret_fd[0] = tcp_socket(buffer_bytes);
	MUST_OK(connect(ret_fd[0], (struct sockaddr *)&address, len));
	ret_fd[1] = (int)MUST_OK(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	(void)close(listener);
	set_nonblocking(ret_fd[0]);
	set_nonblocking(ret_fd[1]);
}

struct ktls_keys ktls_fixed_keys(const struct ktls_mode *mode, int direction, int generation)
{
	struct ktls_keys keys = {.version = mode->version, .cipher = mode->cipher};
	uint8_t base = (uint8_t)(0x11 + 0x40 * direction + 0x07 * generation);

	for (size_t i = 0; i < sizeof(keys.key); i++)
		keys.key[i] = (uint8_t)(base + 3 * i);
	for (size_t i = 0; i < sizeof(keys.iv); i++)
		keys.iv[i] = (uint8_t)(base ^ (5 * i + 1));
	return keys;
}

static void install(int fd, const struct ktls_keys *tx, const struct ktls_keys *rx)
{
	MUST_EQ(ktls_ulp_set(fd), 0);
	MUST_EQ(ktls_install_tx(fd, tx), 0);
	MUST_EQ(ktls_install_rx(fd, rx), 0);
}

void ktls_pair_open(struct ktls_pair *pair, const struct ktls_mode *mode)
{
	tcp_pair_open(pair->fd, 0);
	for (int i = 0; i < 2; i++)
		pair->keys[i] = ktls_fixed_keys(mode, i, 0);
	install(pair->fd[0], &pair->keys[0], &pair->keys[1]);
	install(pair->fd[1], &pair->keys[1], &pair->keys[0]);
}

void ktls_pair_close(struct ktls_pair *pair)
{
	(void)close(pair->fd[0]);
	(void)close(pair->fd[1]);
}

void ktls_end_open(struct ktls_end *end, const struct ktls_mode *mode, int buffer_bytes)
{
	int fd[2];

	*end = (struct ktls_end){.tx_keys = ktls_fixed_keys(mode, 0, 0)};
	tcp_pair_open(fd, buffer_bytes);
	end->fd = fd[0];
	end->raw_fd = fd[1];
	end->in.keys = end->tx_keys;
	end->out.keys = ktls_fixed_keys(mode, 1, 0);
	install(end->fd, &end->tx_keys, &end->out.keys);
}

void ktls_end_close(struct ktls_end *end)
{
	if (end->fd >= 0)
		(void)close(end->fd);
	if (end->raw_fd >= 0)
		(void)close(end->raw_fd);
}

void raw_write(int fd, const void *data, size_t len)
{
	MUST_EQ(send(fd, data, len, MSG_NOSIGNAL), len);
}

void ktls_end_send(struct ktls_end *end, uint8_t type, const void *data, size_t len, size_t padding)
{
	uint8_t wire[RECORD_WIRE_MAX];
	size_t n = record_seal(&end->out, type, data, len, padding, wire);

	raw_write(end->raw_fd, wire, n);
}

ssize_t ktls_end_receive(struct ktls_end *end, uint8_t *ret_type, uint8_t *data)
{
	for (;;) {
		size_t used = 0;
		ssize_t n = record_open(&end->in, end->wire, end->wire_len, ret_type, data, &used);

		if (n >= 0) {
			end->wire_len -= used;
			memmove(end->wire, end->wire + used, end->wire_len);
			return n;
		}
		if (n != -EAGAIN)
			return n;
		n = recv(end->raw_fd, end->wire + end->wire_len, sizeof(end->wire) - end->wire_len,
			 MSG_DONTWAIT);
		if (n <= 0)
			return n == 0 ? -EPIPE : -errno;
		end->wire_len += (size_t)n;
	}
}

void pipe_open(int ret_fd[2])
{
	MUST_OK(pipe2(ret_fd, O_CLOEXEC | O_NONBLOCK));
}

void pipe_fill(const int pipe_fd[2], const void *data, size_t len)
{
	MUST_EQ(write(pipe_fd[1], data, len), len);
}

int poll_now(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};

	MUST_OK(poll(&p, 1, 0));
	return p.revents;
}
