/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a reload: the new generation looks at every session that an older one has admitted. Who would
 * not be let in now is reset, also when the kernel has its keys. The others go over to the new
 * generation, so that the old one can be freed.
 *
 * It takes as many turns of the loop as it needs and leaves the others their time.
 */
#ifndef SLUICE_PROXY_RECHECK_H
#define SLUICE_PROXY_RECHECK_H

#include "sys/loop.h"

struct proxy;

struct recheck {
	struct loop_task slice;
	void (*done)(void *arg); /* NULL: nothing is going on */
	void *arg;
};

/** recheck_begin() - look at all sessions, then call @done; one that is going on begins anew. */
void recheck_begin(struct proxy *proxy, void (*done)(void *arg), void *arg);

void recheck_cancel(struct proxy *proxy);

#endif
