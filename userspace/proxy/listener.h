/* SPDX-License-Identifier: Apache-2.0 */
/* The listening sockets of one worker: one per address of the present generation. */
#ifndef SLUICE_PROXY_LISTENER_H
#define SLUICE_PROXY_LISTENER_H

#include "sys/loop.h"

struct generation;
struct proxy;

struct listener {
	struct loop_source source;
	struct proxy *proxy;
	size_t index; /* in config->listeners */
};

struct listeners {
	struct listener *list; /* in the configuration's order */
	size_t n;
};

/**
 * listeners_plan() - what @generation listens on: an address that @proxy has already keeps its socket,
 * each other one takes the next of @fresh. Nothing is watched yet, and no descriptor changes hands.
 * Returns: 0; -EINVAL (too few or too many of @fresh); -ENOMEM.
 */
int listeners_plan(struct proxy *proxy, const struct generation *generation, const int *fresh,
		   size_t n_fresh, struct listeners *ret_listeners);

/**
 * listeners_adopt() - go over to @planned: sockets that are not in it are closed, the others are
 * @proxy's. None is watched any more, or yet.
 */
void listeners_adopt(struct proxy *proxy, struct listeners *planned);

/** listeners_watch() - accept on all of them. Returns: 0; epoll's errno, and then on none. */
int listeners_watch(struct proxy *proxy);

/** listeners_back_off() - accept on none, because of @error (an errno), until a timer tries again. */
void listeners_back_off(struct proxy *proxy, int error);

/** listeners_close() - stop watching and close the sockets. */
void listeners_close(struct listeners *listeners);

/** listener_pause() - stop accepting; the socket stays open. */
void listener_pause(struct listener *listener);

/** listener_finish() - take what is already queued, then close the socket. */
void listener_finish(struct listener *listener);

#endif
