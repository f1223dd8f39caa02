// SPDX-License-Identifier: Apache-2.0
#include "sys/pipe.h"

#include "base/fd.h"

#include <fcntl.h>

static const struct pipe_pair none = {.read_fd = -1, .write_fd = -1};

void pipe_pool_init(struct pipe_pool *pool)
{
	pool->n_idle = 0;
}

void pipe_pool_done(struct pipe_pool *pool)
{
	while (pool->n_idle > 0)
		pipe_drop(&pool->idle[--pool->n_idle]);
}

int pipe_acquire(struct pipe_pool *pool, struct pipe_pair *ret_pipe)
{
	int fds[2];

	if (pool->n_idle > 0) {
		*ret_pipe = pool->idle[--pool->n_idle];
		return 0;
	}
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	*ret_pipe = (struct pipe_pair){.read_fd = fds[0], .write_fd = fds[1]};
	if (fcntl(fds[1], F_GETPIPE_SZ) >= PIPE_BYTES)
		return 0;
	pipe_drop(ret_pipe);
	return -ENOBUFS;
}

void pipe_release(struct pipe_pool *pool, struct pipe_pair *pipe)
{
	if (pool->n_idle == PIPE_POOL_MAX) {
		pipe_drop(pipe);
		return;
	}
	pool->idle[pool->n_idle++] = *pipe;
	*pipe = none;
}

void pipe_drop(struct pipe_pair *pipe)
{
	fd_close(&pipe->read_fd);
	fd_close(&pipe->write_fd);
}
