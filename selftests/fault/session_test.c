// SPDX-License-Identifier: Apache-2.0
/*
 * The n-th call of each kind fails in a session, for every n: it is served, or both peers know that
 * it was cut; nothing is left of it, and the next one is served.
 */
#include "selftests/fault/fault.h"

#include <errno.h>

SUITE("session", NEEDS(NEED_NETNS), .deadline_ms = 1200000);

#define V12 TLS1_2_VERSION
#define V13 TLS1_3_VERSION

/* clang-format off */
#define COPY_WAYS                                                                                  \
	FAULT_WAY("terminate-copy-1.3", FAULT_TERMINATE, E2E_COPY, TLS1_3_VERSION),                          \
	FAULT_WAY("originate-copy-1.3", FAULT_ORIGINATE, E2E_COPY, TLS1_3_VERSION)
#define SPLICE_WAYS                                                                                \
	FAULT_WAY("terminate-splice-1.2", FAULT_TERMINATE, E2E_SPLICE, TLS1_2_VERSION),                      \
	FAULT_WAY("terminate-splice-1.3", FAULT_TERMINATE, E2E_SPLICE, TLS1_3_VERSION),                      \
	FAULT_WAY("originate-splice-1.3", FAULT_ORIGINATE, E2E_SPLICE, TLS1_3_VERSION)
#define KTLS_COPY_WAYS                                                                             \
	FAULT_WAY("terminate-ktls-copy-1.3", FAULT_TERMINATE, E2E_KTLS_COPY, TLS1_3_VERSION),                \
	FAULT_WAY("terminate-late-1.3", FAULT_TERMINATE, E2E_SPLICE, TLS1_3_VERSION, FAULT_LATE)

#define PASSTHROUGH FAULT_WAY("passthrough", FAULT_PASSTHROUGH, E2E_COPY, 0)
#define TLS_WAYS                                                                                   \
	FAULT_WAY("terminate-copy-1.2", FAULT_TERMINATE, E2E_COPY, TLS1_2_VERSION), COPY_WAYS,     \
		SPLICE_WAYS, KTLS_COPY_WAYS

/* The PROXY protocol, read and written: before TLS, before the client's bytes, before our TLS. */
#define INTRODUCED_WAYS                                                                                      \
	FAULT_WAY("terminate-copy-introduced", FAULT_TERMINATE, E2E_COPY, TLS1_3_VERSION, .introduced = true), \
	FAULT_WAY("originate-copy-introduced", FAULT_ORIGINATE, E2E_COPY, TLS1_3_VERSION, .introduced = true), \
	FAULT_WAY("passthrough-introduced", FAULT_PASSTHROUGH, E2E_COPY, 0, .introduced = true)

CASES(struct fault_way, ways, TLS_WAYS, PASSTHROUGH, INTRODUCED_WAYS);
CASES(struct fault_way, introduced_ways, INTRODUCED_WAYS);
CASES(struct fault_way, tls_ways, TLS_WAYS);
CASES(struct fault_way, buffer_ways, COPY_WAYS, KTLS_COPY_WAYS);
CASES(struct fault_way, splice_ways, SPLICE_WAYS, PASSTHROUGH);
CASES(struct fault_way, kernel_ways, SPLICE_WAYS, KTLS_COPY_WAYS);

/* Of every mode and engine, and of what is around them. */
CASES(struct fault_call, calls,
      {.name = "allocation", .kind = INJECT_ALLOC, .errors = {ENOMEM}},
      {.name = "descriptor", .kind = INJECT_FD, .errors = {EMFILE, ENFILE, ENOMEM}},
      {.name = "accept4", .kind = INJECT_ACCEPT, .errors = {ECONNABORTED, EINTR, EPROTO, ENOBUFS}},
      {.name = "epoll_ctl", .kind = INJECT_EPOLL_ADD, .errors = {ENOMEM, ENOSPC}},
      {.name = "epoll_wait", .kind = INJECT_EPOLL_WAIT, .errors = {EINTR}},
      {.name = "connect", .kind = INJECT_CONNECT,
       .errors = {ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL, EAGAIN, ENOMEM, EINTR}},
      {.name = "shutdown", .kind = INJECT_SHUTDOWN, .errors = {ENOTCONN}},
      {.name = "setsockopt", .kind = INJECT_SETSOCKOPT, .errors = {ENOBUFS}},
      {.name = "getsockopt", .kind = INJECT_GETSOCKOPT, .errors = {ENOBUFS}});

/*
 * OpenSSL's. It takes EINTR for EAGAIN: a non-blocking socket has neither when there are bytes or
 * room, and edge-triggered nobody would look again.
 */
CASES(struct fault_call, openssl_calls,
      {.name = "read", .kind = INJECT_READ, .errors = {ECONNRESET, ENOMEM}, .may_be_short = true},
      {.name = "write", .kind = INJECT_WRITE, .errors = {EPIPE, ECONNRESET, ENOBUFS},
       .may_be_short = true});

CASES(struct fault_call, buffer_calls,
      {.name = "recv", .kind = INJECT_RECV, .errors = {ECONNRESET, ENOMEM, EINTR}, .may_be_short = true},
      {.name = "send", .kind = INJECT_SEND, .errors = {EPIPE, ECONNRESET, ENOBUFS, EINTR},
       .may_be_short = true});

/* A look at the bytes that wait (MSG_PEEK) sees all of them, or fails. */
CASES(struct fault_call, introduced_calls,
      {.name = "recv", .kind = INJECT_RECV, .errors = {ECONNRESET, ENOMEM}},
      {.name = "send", .kind = INJECT_SEND, .errors = {EPIPE, ECONNRESET, ENOBUFS}, .may_be_short = true});

CASES(struct fault_call, splice_calls,
      {.name = "splice", .kind = INJECT_SPLICE,
       .errors = {ECONNRESET, EPIPE, EINVAL, EBADMSG, ENOMEM, EINTR}, .may_be_short = true});

CASES(struct fault_call, kernel_calls,
      {.name = "recvmsg", .kind = INJECT_RECVMSG, .errors = {ECONNRESET, ENOMEM, EBADMSG, EINTR}},
      {.name = "sendmsg", .kind = INJECT_SENDMSG, .errors = {EPIPE, ECONNRESET, ENOMEM, EINTR}},
      {.name = "ioctl", .kind = INJECT_IOCTL, .errors = {EINVAL}},
      {.name = "ULP", .kind = INJECT_ULP, .errors = {ENOENT, ENOTCONN, ENOMEM}},
      {.name = "TLS_TX", .kind = INJECT_TLS_TX, .errors = {EINVAL, ENOMEM}},
      {.name = "TLS_RX", .kind = INJECT_TLS_RX, .errors = {EINVAL, ENOMEM}},
      {.name = "record_number", .kind = INJECT_TLS_SEQ, .errors = {EBUSY, EINVAL}});
/* clang-format on */

static void try_all(const struct fault_call *call, const struct fault_way *way)
{
	static struct fault_bench b;

	fault_open(&b, way);
	fault_each(&b, call);
	fault_close(&b);
}

TEST_MATRIX(nth_call_fails, calls, ways)
{
	try_all(row, column);
}

TEST_MATRIX(nth_call_of_openssl_fails, openssl_calls, tls_ways)
{
	try_all(row, column);
}

TEST_MATRIX(nth_call_of_buffers_fails, buffer_calls, buffer_ways)
{
	try_all(row, column);
}

TEST_MATRIX(nth_call_with_headers_fails, introduced_calls, introduced_ways)
{
	try_all(row, column);
}

TEST_MATRIX(nth_call_of_pipes_fails, splice_calls, splice_ways)
{
	try_all(row, column);
}

TEST_MATRIX(nth_call_of_kernel_tls_fails, kernel_calls, kernel_ways)
{
	try_all(row, column);
}
