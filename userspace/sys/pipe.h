/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipes for splice(2), pooled. A pipe leaves the pool when bytes enter it and comes back empty, so
 * idle connections hold none.
 */
#ifndef SLUICE_SYS_PIPE_H
#define SLUICE_SYS_PIPE_H

#include <stddef.h>

#define PIPE_POOL_MAX 64    /* idle pipes kept; two descriptors each */
#define PIPE_BYTES    65536 /* what a pipe holds, at least: Linux's default on pages of 4 KiB */

struct pipe_pair {
	int read_fd, write_fd; /* both -1: none */
};

struct pipe_pool {
	struct pipe_pair idle[PIPE_POOL_MAX];
	size_t n_idle;
};

void pipe_pool_init(struct pipe_pool *pool);
void pipe_pool_done(struct pipe_pool *pool);

/**
 * pipe_acquire() - an empty non-blocking pipe that has room for PIPE_BYTES.
 * Returns: 0; -EMFILE, -ENFILE (no descriptors); -ENOBUFS (past fs.pipe-user-pages-soft the kernel
 * gives out pipes of two pages, which cost more than a buffer).
 */
int pipe_acquire(struct pipe_pool *pool, struct pipe_pair *ret_pipe);

/** pipe_release() - give back an empty pipe; *@pipe is "none" afterwards. */
void pipe_release(struct pipe_pool *pool, struct pipe_pair *pipe);

/** pipe_drop() - close a pipe that may hold bytes. */
void pipe_drop(struct pipe_pair *pipe);

#endif
