/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connect to an upstream: endpoints in turn, the next one when an endpoint fails.
 */
#ifndef SLUICE_PROXY_UPSTREAM_H
#define SLUICE_PROXY_UPSTREAM_H

#include "model/config.h"

/** Where an upstream's rotation stands; one per upstream and worker. */
struct upstream_rotation {
	size_t next;
};

struct upstream_attempt {
	const struct config_upstream *upstream;
	const char *check; /* of the last one's handshake, static text; NULL: it came to none */
	uint32_t first;	   /* index of the endpoint that was tried first */
	uint32_t tried;	   /* endpoints begun so far */
	int error;	   /* -errno of the last one that failed */
};

/** upstream_begin() - choose the first endpoint and advance the rotation. */
void upstream_begin(struct upstream_attempt *attempt, const struct config_upstream *upstream,
		    struct upstream_rotation *rotation);

/**
 * upstream_next() - connect to the next endpoint, passing over those that fail at once.
 * Returns: 0 connected, -EINPROGRESS begun (both give *@ret_fd); -EAGAIN its queue is full (a unix
 *          socket; the next call tries the same one, upstream_skip() passes over it);
 *          -EHOSTUNREACH no endpoint is left (attempt->error says why the last one failed).
 */
int upstream_next(struct upstream_attempt *attempt, int *ret_fd);

/** upstream_skip() - give up the endpoint that upstream_next() would try, because of @error. */
void upstream_skip(struct upstream_attempt *attempt, int error);

/** upstream_failed() - the endpoint tried last failed with @error; @check as in the struct. */
void upstream_failed(struct upstream_attempt *attempt, int error, const char *check);

/** upstream_problem() - what the endpoint failed with that failed last, in words. */
const char *upstream_problem(const struct upstream_attempt *attempt);

/** upstream_is_last() - the endpoint tried last was the last one. */
bool upstream_is_last(const struct upstream_attempt *attempt);

/** upstream_endpoint() - the endpoint tried last. */
const struct addr *upstream_endpoint(const struct upstream_attempt *attempt);

#endif
