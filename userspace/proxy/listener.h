/* SPDX-License-Identifier: Apache-2.0 */
/* One listening socket of one worker. */
#ifndef SLUICE_PROXY_LISTENER_H
#define SLUICE_PROXY_LISTENER_H

#include "sys/loop.h"

struct proxy;

struct listener {
	struct loop_source source;
	struct proxy *proxy;
	size_t index; /* in config->listeners */
};

/** listener_watch()/listener_pause() - start and stop accepting; the socket stays open. */
int listener_watch(struct listener *listener);
void listener_pause(struct listener *listener);

/** listener_finish() - take what is already queued, then close the socket. */
void listener_finish(struct listener *listener);

#endif
