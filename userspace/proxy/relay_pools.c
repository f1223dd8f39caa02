// SPDX-License-Identifier: Apache-2.0
/* Holders that the sessions of one worker share, and the verbs of engines that take and return them. */
#include "proxy/relay.h"

#include <errno.h>
#include <stdlib.h>

#define BUFFERS_KEPT 256 /* 4 MiB of idle buffers for a worker at the most */

void relay_pools_limit(struct relay_pools *pools, const struct config_limits *limits)
{
	pools->records_per_key = (uint32_t)limits->records_per_key;
	pools->key_update_ms = 1000 / (uint32_t)limits->key_updates;
}

void relay_pools_init(struct relay_pools *pools, const struct config_limits *limits)
{
	*pools = (struct relay_pools){};
	relay_pools_limit(pools, limits);
	pipe_pool_init(&pools->pipes);
}

void relay_pools_done(struct relay_pools *pools)
{
	pipe_pool_done(&pools->pipes);
	while (pools->buffers) {
		struct relay_buffer *buffer = pools->buffers;

		pools->buffers = buffer->next;
		free(buffer);
	}
}

int relay_buffer_acquire(struct relay *relay, enum relay_direction direction)
{
	struct relay_flow *flow = &relay->flow[direction];
	struct relay_pools *pools = relay->pools;

	if (flow->buffer)
		return 0;
	flow->buffer = pools->buffers;
	if (flow->buffer) {
		pools->buffers = flow->buffer->next;
		pools->n_buffers--;
	} else {
		flow->buffer = malloc(sizeof(*flow->buffer));
	}
	return flow->buffer ? 0 : -ENOMEM;
}

void relay_buffer_release(struct relay *relay, enum relay_direction direction, bool dirty)
{
	struct relay_flow *flow = &relay->flow[direction];
	struct relay_pools *pools = relay->pools;

	(void)dirty;
	if (!flow->buffer)
		return;
	if (pools->n_buffers < BUFFERS_KEPT) {
		flow->buffer->next = pools->buffers;
		pools->buffers = flow->buffer;
		pools->n_buffers++;
	} else {
		free(flow->buffer);
	}
	flow->buffer = NULL;
}

int relay_pipe_acquire(struct relay *relay, enum relay_direction direction)
{
	struct relay_flow *flow = &relay->flow[direction];

	return flow->pipe.read_fd < 0 ? pipe_acquire(&relay->pools->pipes, &flow->pipe) : 0;
}

void relay_pipe_release(struct relay *relay, enum relay_direction direction, bool dirty)
{
	struct relay_flow *flow = &relay->flow[direction];

	if (flow->pipe.read_fd < 0)
		return;
	if (dirty)
		pipe_drop(&flow->pipe);
	else
		pipe_release(&relay->pools->pipes, &flow->pipe);
}
