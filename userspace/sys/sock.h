/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets, TCP and unix. */
#ifndef SLUICE_SYS_SOCK_H
#define SLUICE_SYS_SOCK_H

#include "base/addr.h"

#include <stdbool.h>
#include <sys/types.h>

enum sock_listen_flags {
	/* Several sockets of one user share the address, and the kernel spreads connections. */
	SOCK_LISTEN_REUSEPORT = 1 << 0,
};

/**
 * sock_listen() - a listening socket: close-on-exec, non-blocking, IPv6 without IPv4.
 *
 * A unix socket file that nobody listens behind is replaced; mode 0660. Its directory is made when
 * only that one is missing. Removing the file at the end is the caller's business (sock_file).
 *
 * Returns: 0; -EADDRINUSE; -EACCES (port, or directory); -EADDRNOTAVAIL; -ENOTSOCK (the path is
 *          something else: it is left alone); and what else socket(2), bind(2), listen(2) have.
 */
int sock_listen(const struct addr *addr, unsigned int flags, int backlog, int *ret_fd);

/**
 * sock_probe_free() - would sock_listen() work, and would nobody share the address with us?
 * Leaves nothing behind. Returns: 0, or what sock_listen() would (-EADDRINUSE also for a server
 * that has set SO_REUSEPORT).
 */
int sock_probe_free(const struct addr *addr);

/**
 * sock_probe_shared() - for an address that is not free: is it held by a server of the same user
 * that shares it (SO_REUSEPORT), as a running sluice does? Returns: 0 or -errno.
 */
int sock_probe_shared(const struct addr *addr);

/** The file of a unix socket that is ours: by its path alone it could be a successor's by now. */
struct sock_file {
	bool ours;
	dev_t dev;
	ino_t ino;
};

/** sock_file_note() - after sock_listen(): remember the file; nothing for other addresses. */
void sock_file_note(const struct addr *addr, struct sock_file *ret_file);

/** sock_file_remove() - unlink it if it is still the same one; a second time nothing happens. */
void sock_file_remove(const struct addr *addr, struct sock_file *file);

/**
 * sock_load_ulp() - have the kernel load its `tls` module, for which the caller needs
 * CAP_NET_ADMIN. Returns: 0 when the ULP is there, -ENOENT, -errno.
 */
int sock_load_ulp(void);

#endif
