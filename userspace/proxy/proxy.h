/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that one worker serves: listeners, sessions, and what the sessions share.
 */
#ifndef SLUICE_PROXY_PROXY_H
#define SLUICE_PROXY_PROXY_H

#include "model/config.h"
#include "model/stats.h"
#include "proxy/relay.h"
#include "proxy/upstream.h"
#include "sys/feature.h"
#include "sys/loop.h"

struct json;
struct listener;
struct tls_ctx;

struct proxy {
	struct loop *loop;	       /* borrowed */
	const struct config *config;   /* borrowed; outlives the proxy */
	struct stats *stats;	       /* borrowed, shared with the supervisor */
	struct feature_set kernel;     /* its TLS, as tried at the start */
	struct tls_ctx **tls;	       /* one per config->listeners; NULL: plaintext */
	struct tls_ctx **upstream_tls; /* one per config->upstreams; NULL: plaintext */
	struct upstream_rotation *rotations;
	struct listener *listeners; /* one per listening socket */
	size_t n_listeners;
	bool accepting; /* false while a limit is reached, and from the drain on */
	bool draining;
	struct loop_timer accept_again;
	struct relay_pools pools;
	struct list sessions;
	size_t n_sessions, n_handshakes;
	uint64_t next_session_id;
	size_t n_cut; /* sessions that proxy_cut() ended */
	void (*on_drained)(struct proxy *proxy);
};

/**
 * proxy_new() - build what @config describes; nothing is accepted before proxy_listen().
 * @worker: its number, so that not every worker begins with the same endpoint.
 * Returns: 0, -ENOMEM, -EINVAL (TLS material, which confload checks before).
 */
int proxy_new(struct loop *loop, const struct config *config, struct stats *stats, size_t worker,
	      struct proxy **ret_proxy);

/** proxy_free() - no session may be left, unless the process ends: that resets them. */
void proxy_free(struct proxy *proxy);

/**
 * proxy_listen() - accept on @fds, one per address of every listener in the configuration's order.
 * The descriptors belong to the proxy from now on. Returns: 0, -EINVAL (count), -ENOMEM, epoll's.
 */
int proxy_listen(struct proxy *proxy, const int *fds, size_t n_fds);

/** proxy_drain() - accept what is queued, then no more; on_drained is called when all ended. */
void proxy_drain(struct proxy *proxy, void (*on_drained)(struct proxy *proxy));

/** proxy_cut() - abort every session. */
void proxy_cut(struct proxy *proxy);

/** proxy_report_sessions() - append one object per live session to @array. */
void proxy_report_sessions(const struct proxy *proxy, struct json *array);

/* For listener.c and session.c. */

/** proxy_may_accept() - below the limits of sessions and handshakes. */
bool proxy_may_accept(const struct proxy *proxy);

/** proxy_resume_accepting() - a session or handshake ended: listen again if that was the limit. */
void proxy_resume_accepting(struct proxy *proxy);

/** proxy_session_gone() - a session's memory is freed. */
void proxy_session_gone(struct proxy *proxy);

#endif
