/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One generation of the configuration in a worker: the tables, and what handshakes share.
 *
 * A reload makes a new one beside the old. A session keeps the generation that admitted it until the
 * next one has looked at it (proxy/recheck), so a generation lives as long as anybody holds it.
 */
#ifndef SLUICE_PROXY_GENERATION_H
#define SLUICE_PROXY_GENERATION_H

#include "model/config.h"
#include "proxy/upstream.h"

struct tls_ctx;

struct generation {
	size_t n_holders;
	uint64_t number;	       /* the supervisor's, from 1 */
	struct config *config;	       /* owned */
	struct tls_ctx **tls;	       /* one per config->listeners; NULL: plaintext */
	struct tls_ctx **upstream_tls; /* one per config->upstreams; NULL: plaintext */
	struct upstream_rotation *rotations;
};

/**
 * generation_new() - build what @config describes, with one holder; the private keys' text is wiped.
 * @config is given away, also when this fails. @worker: its number, so that not every worker begins
 * with the same endpoint.
 * Returns: 0, -ENOMEM, -EINVAL (TLS material, which confload checks before).
 */
int generation_new(struct config *config, uint64_t number, size_t worker,
		   struct generation **ret_generation);

struct generation *generation_hold(struct generation *generation);

/** generation_release() - the last one frees it; NULL is fine. */
void generation_release(struct generation *generation);

/** generation_listener() - index of the listener called @name; config->n_listeners: none. */
size_t generation_listener(const struct generation *generation, const char *name);

/** generation_upstream() - the same of upstreams. */
size_t generation_upstream(const struct generation *generation, const char *name);

#endif
