/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors with one owner and scoped cleanup. -1 is "none"; 0 is a valid descriptor.
 */
#ifndef SLUICE_BASE_FD_H
#define SLUICE_BASE_FD_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/** fd_close() - close *@fd when it is open and mark it closed; errno is kept. */
static inline void fd_close(int *fd)
{
	if (*fd >= 0) {
		int saved_errno = errno;

		(void)close(*fd);
		errno = saved_errno;
		*fd = -1;
	}
}

/** fd_take() - move the descriptor out of *@fd; the caller owns what is returned. */
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void mem_free(void *pointer_address)
{
	void **p = pointer_address;

	free(*p);
	*p = NULL;
}

/** int _cleanup_fd_ fd = -1: closed when the scope ends, unless taken. */
#define _cleanup_fd_ __attribute__((cleanup(fd_close)))

/** char *_cleanup_free_ p = NULL: freed when the scope ends, unless taken. */
#define _cleanup_free_ __attribute__((cleanup(mem_free)))

#endif
