/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that one worker serves: listeners, sessions, and what the sessions share.
 */
#ifndef SLUICE_PROXY_PROXY_H
#define SLUICE_PROXY_PROXY_H

#include "model/stats.h"
#include "proxy/generation.h"
#include "proxy/listener.h"
#include "proxy/recheck.h"
#include "proxy/relay.h"
#include "sys/feature.h"
#include "sys/loop.h"

struct json;

struct proxy {
	struct loop *loop;	       /* borrowed */
	struct generation *generation; /* held: for whoever comes now */
	struct stats *stats;	       /* borrowed, shared with the supervisor */
	struct feature_set kernel;     /* its TLS, as tried at the start */
	struct listeners listeners;
	bool accepting; /* false while a limit is reached, and from the drain on */
	bool draining;
	struct loop_timer accept_again;
	struct relay_pools pools;
	struct list sessions;
	size_t n_sessions, n_handshakes;
	uint64_t next_session_id;
	size_t n_cut; /* sessions that proxy_cut() ended */
	struct recheck recheck;
	void (*on_drained)(struct proxy *proxy);
};

static inline const struct config *proxy_config(const struct proxy *proxy)
{
	return proxy->generation->config;
}

/**
 * proxy_new() - serve @generation, whose holder gives it away, also when this fails; nothing is
 * accepted before proxy_listen(). Returns: 0, -ENOMEM.
 */
int proxy_new(struct loop *loop, struct generation *generation, struct stats *stats,
	      struct proxy **ret_proxy);

/** proxy_free() - no session may be left, unless the process ends: that resets them. */
void proxy_free(struct proxy *proxy);

/**
 * proxy_listen() - accept on @fds, one per address of every listener in the configuration's order.
 * The descriptors belong to the proxy from now on. Returns: 0, -EINVAL (count), -ENOMEM, epoll's.
 */
int proxy_listen(struct proxy *proxy, const int *fds, size_t n_fds);

/**
 * proxy_switch() - from now on serve @generation and @listeners, both given away. Sessions that the
 * one before has admitted are looked at again; @on_rechecked is called when the last one was.
 */
void proxy_switch(struct proxy *proxy, struct generation *generation, struct listeners *listeners,
		  void (*on_rechecked)(void *arg), void *arg);

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
