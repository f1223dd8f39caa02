// SPDX-License-Identifier: Apache-2.0
#include "sys/httpc.h"

#include "base/clock.h"
#include "base/fd.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HEADER_MAX ((size_t)16 << 10)

struct text {
	char *bytes;
	size_t len, allocated;
};

/* Returns: 0 when @fd is ready for @events; -ETIMEDOUT. */
static int wait_for(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	uint64_t now = clock_now_ms();
	int n;

	if (now >= deadline_ms)
		return -ETIMEDOUT;
	n = poll(&p, 1, (int)(deadline_ms - now));
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n == 0 ? -ETIMEDOUT : 0;
}

static int open_connection(const struct addr *server, uint64_t deadline_ms, int *ret_fd)
{
	int _cleanup_fd_ fd =
		socket(server->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0, r;
	socklen_t len = sizeof(error);

	if (fd < 0)
		return -errno;
	if (connect(fd, &server->sa, server->len) < 0) {
		if (errno == EAGAIN) /* a unix socket whose backlog is full */
			return -ETIMEDOUT;
		if (errno != EINPROGRESS)
			return -errno;
		r = wait_for(fd, POLLOUT, deadline_ms);
		if (r < 0)
			return r;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error)
			return error ? -error : -errno;
	}
	*ret_fd = fd_take(&fd);
	return 0;
}

static int send_request(int fd, const char *method, const char *path, uint64_t deadline_ms)
{
	char request[512];
	int r = 0, len = snprintf(request, sizeof(request),
				  "%s %s HTTP/1.0\r\nHost: sluice\r\nContent-Length: 0\r\n\r\n",
				  method, path);
	size_t sent = 0;

	if (len < 0 || (size_t)len >= sizeof(request))
		return -ENAMETOOLONG;
	while (r == 0 && sent < (size_t)len) {
		ssize_t n = send(fd, request + sent, (size_t)len - sent, MSG_NOSIGNAL);

		if (n >= 0)
			sent += (size_t)n;
		else if (errno == EAGAIN || errno == EINTR)
			r = wait_for(fd, POLLOUT, deadline_ms);
		else
			r = -errno;
	}
	return r;
}

static int grow(struct text *t)
{
	size_t more = t->allocated ? t->allocated * 2 : HEADER_MAX;
	char *bytes;

	if (t->len + 1 < t->allocated)
		return 0;
	if (t->len >= HTTPC_BODY_MAX + HEADER_MAX)
		return -EFBIG;
	bytes = realloc(t->bytes, more);
	if (!bytes)
		return -ENOMEM;
	t->bytes = bytes;
	t->allocated = more;
	return 0;
}

static int receive_all(int fd, struct text *t, uint64_t deadline_ms)
{
	ssize_t n;
	int r;

	while ((r = grow(t)) == 0) {
		n = recv(fd, t->bytes + t->len, t->allocated - t->len - 1, 0);
		if (n == 0)
			break;
		if (n > 0)
			t->len += (size_t)n;
		else if (errno == EAGAIN || errno == EINTR)
			r = wait_for(fd, POLLIN, deadline_ms);
		else
			r = -errno;
		if (r < 0)
			break;
	}
	if (r == 0)
		t->bytes[t->len] = '\0';
	return r;
}

/* Value of Content-Length in the header lines before @end; -1 when there is none. */
static long long content_length(const char *header, const char *end)
{
	static const char name[] = "\r\nContent-Length:";

	for (const char *p = header; p < end; p++) {
		if (strncasecmp(p, name, sizeof(name) - 1) == 0)
			return strtoll(p + sizeof(name) - 1, NULL, 10);
	}
	return -1;
}

static int split(struct text *t, struct httpc_reply *reply)
{
	char *end = strstr(t->bytes, "\r\n\r\n");
	long long length;

	if (!end || sscanf(t->bytes, "HTTP/1.%*1[01] %3u", &reply->status) != 1)
		return -EPROTO;
	length = content_length(t->bytes, end);
	end += strlen("\r\n\r\n");
	reply->len = t->len - (size_t)(end - t->bytes);
	if (length >= 0 && (unsigned long long)length != reply->len)
		return -EPROTO;
	memmove(t->bytes, end, reply->len + 1);
	reply->body = t->bytes;
	t->bytes = NULL;
	return 0;
}

static int ask(const struct addr *server, const char *method, const char *path, int timeout_ms,
	       struct httpc_reply *ret_reply)
{
	uint64_t deadline_ms = clock_now_ms() + (uint64_t)timeout_ms;
	struct httpc_reply reply = {};
	struct text t = {};
	int _cleanup_fd_ fd = -1;
	int r = open_connection(server, deadline_ms, &fd);

	if (r == 0)
		r = send_request(fd, method, path, deadline_ms);
	if (r == 0)
		r = receive_all(fd, &t, deadline_ms);
	if (r == 0)
		r = split(&t, &reply);
	if (r == 0)
		*ret_reply = reply;
	free(t.bytes);
	return r;
}

int httpc_get(const struct addr *server, const char *path, int timeout_ms,
	      struct httpc_reply *ret_reply)
{
	return ask(server, "GET", path, timeout_ms, ret_reply);
}

int httpc_post(const struct addr *server, const char *path, int timeout_ms,
	       struct httpc_reply *ret_reply)
{
	return ask(server, "POST", path, timeout_ms, ret_reply);
}

void httpc_reply_done(struct httpc_reply *reply)
{
	free(reply->body);
	reply->body = NULL;
	reply->len = 0;
}
