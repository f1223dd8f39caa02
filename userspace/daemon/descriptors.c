// SPDX-License-Identifier: Apache-2.0
#include "daemon/descriptors.h"

#include "sys/process.h"

#define OF_THE_PROCESS	 32 /* stdio, epoll, control, and what libraries open for a moment */
#define PER_SESSION	 2  /* wire and upstream */
#define PER_SESSION_PIPE 4  /* bytes in flight both ways in the splice engine: two pipes */

static bool may_splice(const struct config *config)
{
	for (size_t i = 0; i < config->n_listeners; i++) {
		if (config->listeners[i].offload != OFFLOAD_OFF)
			return true;
	}
	return false;
}

size_t descriptors_allow(const struct config *config, size_t n_fds)
{
	size_t each = PER_SESSION + (may_splice(config) ? PER_SESSION_PIPE : 0);
	size_t used = OF_THE_PROCESS;

	for (size_t i = 0; i < config->n_listeners; i++)
		used += config->listeners[i].n_addrs;
	return n_fds > used + each ? (n_fds - used) / each : 1;
}

bool descriptors_clamp(struct config *config)
{
	size_t allowed = descriptors_allow(config, process_limit_fds());

	if (config->limits.connections <= allowed)
		return false;
	config->limits.connections = allowed;
	return true;
}
