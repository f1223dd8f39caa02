/* SPDX-License-Identifier: Apache-2.0 */
/* Connected stream sockets, TCP and unix. */
#ifndef SLUICE_SYS_STREAM_H
#define SLUICE_SYS_STREAM_H

#include "base/addr.h"

#include <stdint.h>
#include <sys/types.h>

/**
 * stream_connect() - begin a non-blocking connect.
 * Returns: 0 connected, -EINPROGRESS begun (then EPOLLOUT and stream_connect_result()); both give
 * *@ret_fd, which resets on close, to the caller. -EAGAIN: the queue of a unix listener is full, try
 * again soon. Else connect(2)'s errno. Nothing is given then.
 */
int stream_connect(const struct addr *to, int *ret_fd);

/** stream_connect_result() - Returns: 0, or the negative errno that the connect ended with. */
int stream_connect_result(int fd);

/** stream_tune() - no delay for small messages; without effect on a unix socket. */
void stream_tune(int fd);

/**
 * stream_reset_on_close() - from now on every close resets, also the one that the kernel does when
 * the process dies: an end that nobody decided on must not look clean.
 */
void stream_reset_on_close(int fd);

/**
 * stream_limit_unacked() - give a peer up (ETIMEDOUT) that acknowledges nothing for @limit_ms, be it
 * data or, while the connection is idle, the kernel's probes; 0 changes nothing. A peer whose window
 * stays shut for so long while bytes wait for it is given up as well (tcp(7), TCP_USER_TIMEOUT).
 * Without effect on a unix socket.
 */
void stream_limit_unacked(int fd, uint64_t limit_ms);

/** stream_is_lost() - @error (-errno) is how the kernel gives a peer up, not what the peer did. */
bool stream_is_lost(int error);

/** stream_close() - the deliberate end: what was sent is delivered, then FIN. */
void stream_close(int *fd);

/** stream_abort() - close so that the peer sees a reset, where the protocol has one. */
void stream_abort(int *fd);

/** stream_cookie() - the kernel's name of the socket, as sock_diag has it; 0 when unknown. */
uint64_t stream_cookie(int fd);

/** stream_local() - the address that its peer connected to. Returns: 0 or -errno. */
int stream_local(int fd, struct addr *ret_addr);

/** stream_is_tcp() - true for an IPv4 or IPv6 stream. */
bool stream_is_tcp(int fd);

/** stream_peer_ended() - the peer's FIN or reset has come, though bytes may still be before it. */
bool stream_peer_ended(int fd);

/** stream_undelivered() - bytes or a FIN that the peer's kernel has not acknowledged. */
bool stream_undelivered(int fd);

/** stream_recv()/stream_send() - Returns: bytes, 0 at FIN (recv), -EAGAIN, or another -errno. */
ssize_t stream_recv(int fd, void *buf, size_t len);
ssize_t stream_send(int fd, const void *buf, size_t len);

/**
 * stream_peek() - as stream_recv(), and the bytes stay. Each time from the first one on, and a FIN
 * behind them does not show.
 */
ssize_t stream_peek(int fd, void *buf, size_t len);

#endif
