// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream.h"

#include "sys/stream.h"

#include <errno.h>
#include <string.h>

void upstream_begin(struct upstream_attempt *attempt, const struct config_upstream *upstream,
		    struct upstream_rotation *rotation)
{
	*attempt = (struct upstream_attempt){
		.upstream = upstream,
		.first = (uint32_t)(rotation->next % upstream->n_endpoints),
	};
	rotation->next = attempt->first + 1;
}

int upstream_next(struct upstream_attempt *attempt, int *ret_fd)
{
	while (attempt->tried < attempt->upstream->n_endpoints) {
		int r;

		attempt->tried++;
		r = stream_connect(upstream_endpoint(attempt), ret_fd);
		if (r == 0 || r == -EINPROGRESS)
			return r;
		if (r == -EAGAIN) {
			attempt->tried--;
			return r;
		}
		upstream_failed(attempt, r, NULL);
	}
	return -EHOSTUNREACH;
}

void upstream_skip(struct upstream_attempt *attempt, int error)
{
	attempt->tried++;
	upstream_failed(attempt, error, NULL);
}

void upstream_failed(struct upstream_attempt *attempt, int error, const char *check)
{
	attempt->error = error;
	attempt->check = check;
}

const char *upstream_problem(const struct upstream_attempt *attempt)
{
	return attempt->check ? attempt->check : strerror(-attempt->error);
}

bool upstream_is_last(const struct upstream_attempt *attempt)
{
	return attempt->tried >= attempt->upstream->n_endpoints;
}

const struct addr *upstream_endpoint(const struct upstream_attempt *attempt)
{
	size_t last = attempt->tried ? attempt->tried - 1 : 0;

	return &attempt->upstream
			->endpoints[(attempt->first + last) % attempt->upstream->n_endpoints];
}
