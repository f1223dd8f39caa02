// SPDX-License-Identifier: Apache-2.0
#include "sys/stream.h"

#include "base/clock.h"
#include "base/fd.h"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

int stream_connect(const struct addr *to, int *ret_fd)
{
	int _cleanup_fd_ fd =
		socket(to->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	stream_tune(fd);
	stream_reset_on_close(fd);
	if (connect(fd, &to->sa, to->len) < 0)
		r = -errno;
	if (r < 0 && r != -EINPROGRESS)
		return r;
	*ret_fd = fd_take(&fd);
	return r;
}

int stream_connect_result(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

void stream_tune(int fd)
{
	/* EOPNOTSUPP on a unix socket, which never delays. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

void stream_reset_on_close(int fd)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* The kernel counts these in whole seconds. */
static int whole_seconds(uint64_t ms)
{
	return ms < MS_PER_SEC ? 1 : (int)(ms / MS_PER_SEC);
}

void stream_limit_unacked(int fd, uint64_t limit_ms)
{
	/* Probes go out after half of the time, so that several have failed at its end. */
	const int idle = whole_seconds(limit_ms / 2), interval = whole_seconds(limit_ms / 8);
	const unsigned int limit = (unsigned int)limit_ms;

	if (limit_ms == 0)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof(limit));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
}

bool stream_is_lost(int error)
{
	/* The latter two when a router, or our own routing table, has said so meanwhile. */
	return error == -ETIMEDOUT || error == -EHOSTUNREACH || error == -ENETUNREACH;
}

void stream_close(int *fd)
{
	const struct linger usual = {.l_onoff = 0};

	if (*fd >= 0)
		(void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &usual, sizeof(usual));
	fd_close(fd);
}

void stream_abort(int *fd)
{
	if (*fd >= 0)
		stream_reset_on_close(*fd);
	fd_close(fd);
}

uint64_t stream_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return 0;
	return cookie;
}

int stream_local(int fd, struct addr *ret_addr)
{
	struct addr a = {.len = sizeof(a.un)};

	if (getsockname(fd, &a.sa, &a.len) < 0)
		return -errno;
	*ret_addr = a;
	return 0;
}

bool stream_is_tcp(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0)
		return false;
	return domain == AF_INET || domain == AF_INET6;
}

bool stream_peer_ended(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return true;
	return info.tcpi_state != TCP_ESTABLISHED && info.tcpi_state != TCP_FIN_WAIT1 &&
	       info.tcpi_state != TCP_FIN_WAIT2;
}

bool stream_undelivered(int fd)
{
	int queued = 0;

	return ioctl(fd, SIOCOUTQ, &queued) == 0 && queued > 0;
}

ssize_t stream_recv(int fd, void *buf, size_t len)
{
	ssize_t got = recv(fd, buf, len, MSG_DONTWAIT);

	return got < 0 ? -errno : got;
}

ssize_t stream_peek(int fd, void *buf, size_t len)
{
	ssize_t got = recv(fd, buf, len, MSG_DONTWAIT | MSG_PEEK);

	return got < 0 ? -errno : got;
}

ssize_t stream_send(int fd, const void *buf, size_t len)
{
	ssize_t put = send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	return put < 0 ? -errno : put;
}
