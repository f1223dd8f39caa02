// SPDX-License-Identifier: Apache-2.0
#include "proxy/generation.h"

#include "proxy/context.h"
#include "sys/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void generation_free(struct generation *generation)
{
	const struct config *config = generation->config;

	for (size_t i = 0; generation->tls && i < config->n_listeners; i++)
		tls_ctx_free(generation->tls[i]);
	for (size_t i = 0; generation->upstream_tls && i < config->n_upstreams; i++)
		tls_ctx_free(generation->upstream_tls[i]);
	free(generation->tls);
	free(generation->upstream_tls);
	free(generation->rotations);
	config_free(generation->config);
	free(generation);
}

static int build_contexts(struct generation *generation)
{
	const struct config *config = generation->config;
	int r = 0;

	generation->tls = calloc(config->n_listeners, sizeof(struct tls_ctx *));
	generation->upstream_tls = calloc(config->n_upstreams + 1, sizeof(struct tls_ctx *));
	if (!generation->tls || !generation->upstream_tls)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < config->n_listeners; i++) {
		if (config->listeners[i].mode == MODE_TERMINATE)
			r = context_for_clients(&config->listeners[i], &generation->tls[i]);
	}
	for (size_t i = 0; r == 0 && i < config->n_upstreams; i++) {
		if (config->upstreams[i].tls)
			r = context_for_upstream(config->upstreams[i].tls,
						 &generation->upstream_tls[i]);
	}
	return r;
}

int generation_new(struct config *config, uint64_t number, size_t worker,
		   struct generation **ret_generation)
{
	struct generation *generation = calloc(1, sizeof(*generation));
	int r = 0;

	if (!generation) {
		config_free(config);
		return -ENOMEM;
	}
	generation->n_holders = 1;
	generation->number = number;
	generation->config = config;
	generation->rotations = calloc(config->n_upstreams + 1, sizeof(*generation->rotations));
	if (!generation->rotations)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < config->n_upstreams; i++)
		generation->rotations[i].next = worker;
	if (r == 0)
		r = build_contexts(generation);
	config_wipe_keys(config);
	if (r < 0) {
		generation_free(generation);
		return r;
	}
	*ret_generation = generation;
	return 0;
}

struct generation *generation_hold(struct generation *generation)
{
	generation->n_holders++;
	return generation;
}

void generation_release(struct generation *generation)
{
	if (generation && --generation->n_holders == 0)
		generation_free(generation);
}

size_t generation_listener(const struct generation *generation, const char *name)
{
	const struct config *config = generation->config;
	size_t i = 0;

	while (i < config->n_listeners && strcmp(config->listeners[i].name, name) != 0)
		i++;
	return i;
}

size_t generation_upstream(const struct generation *generation, const char *name)
{
	const struct config *config = generation->config;
	size_t i = 0;

	while (i < config->n_upstreams && strcmp(config->upstreams[i].name, name) != 0)
		i++;
	return i;
}
