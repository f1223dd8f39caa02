// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/internal.h"

#include <arpa/inet.h>
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

int need_tcp_pair(int fd[2])
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, len) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) < 0 ||
	    connect(fd[0], (struct sockaddr *)&address, len) < 0)
		return -errno;
	fd[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	(void)close(listener);
	return fd[1] < 0 ? -errno : 0;
}

static int set_keys(int fd, int direction)
{
	struct tls12_crypto_info_aes_gcm_128 info = {
		.info = {.version = TLS_1_3_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128},
	};

	return setsockopt(fd, SOL_TLS, direction, &info, sizeof(info));
}

/* Plain TCP would pass it as well, but then TLS_TX and TLS_RX would have failed before. */
static const char *one_record(const int fd[2])
{
	char text[4] = {0};

	if (send(fd[0], "ktls", 4, 0) != 4)
		return "send a record";
	if (recv(fd[1], text, sizeof(text), MSG_WAITALL) != 4)
		return "receive a record";
	errno = EIO;
	return memcmp(text, "ktls", 4) == 0 ? NULL : "a record came back changed";
}

static bool ulp_set(int fd)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) == 0;
}

static const char *keyed_pair(int fd[2])
{
	if (need_tcp_pair(fd) < 0)
		return "loopback pair";
	for (int i = 0; i < 2; i++) {
		if (!ulp_set(fd[i]))
			return "TCP_ULP tls";
	}
	if (set_keys(fd[0], TLS_TX) < 0)
		return "TLS_TX";
	return set_keys(fd[1], TLS_RX) < 0 ? "TLS_RX" : NULL;
}

const char *need_try_ktls(void)
{
	int fd[2] = {-1, -1};
	const char *why = keyed_pair(fd);

	return why ? why : one_record(fd);
}

const char *need_try_no_ktls(void)
{
	int fd[2] = {-1, -1};

	if (need_tcp_pair(fd) < 0)
		return "loopback pair";
	errno = 0;
	return ulp_set(fd[0]) ? "TCP_ULP tls works" : NULL;
}

const char *need_try_rekey(void)
{
	int fd[2] = {-1, -1};
	const char *why = keyed_pair(fd);

	if (!why && set_keys(fd[0], TLS_TX) < 0)
		why = "TLS_TX again";
	if (!why && set_keys(fd[1], TLS_RX) < 0)
		why = "TLS_RX again";
	return why ? why : one_record(fd);
}

const char *need_try_no_rekey(void)
{
	int fd[2] = {-1, -1};
	const char *why = keyed_pair(fd);

	if (why)
		return why;
	errno = 0;
	return set_keys(fd[0], TLS_TX) == 0 ? "TLS_TX again works" : NULL;
}
