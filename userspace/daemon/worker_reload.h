/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's part of a reload: it builds the new generation beside the one that it serves, says so,
 * and goes over to it when it is told to. The building is done in a thread: a list of 100,000 names
 * takes longer than a handshake may wait.
 */
#ifndef SLUICE_DAEMON_WORKER_RELOAD_H
#define SLUICE_DAEMON_WORKER_RELOAD_H

#include "daemon/control.h"
#include "proxy/listener.h"
#include "sys/job.h"

#include <stddef.h>

struct generation;
struct proxy;

#define WORKER_FRESH_MAX 256 /* new addresses of one reload */

/** A generation that is being built; the thread has all of it but @abandoned until it has ended. */
struct worker_build {
	struct job job;
	int bundle_fd;
	uint64_t number;
	size_t worker;
	int r;
	struct generation *generation;
	bool abandoned; /* meanwhile */
};

struct worker_reload {
	struct proxy *proxy; /* borrowed */
	int control_fd;	     /* borrowed */
	size_t worker;
	int fresh
		[WORKER_FRESH_MAX]; /* sockets of new addresses, until they are planned or closed */
	size_t n_fresh;
	struct worker_build build;
	struct generation *next; /* NULL: nothing is prepared */
	struct listeners planned;
	struct loop_task commit;
};

/**
 * worker_load() - the generation in @bundle_fd, which is closed. Any thread may call it.
 * Returns: 0, -EINVAL, -ENOMEM, bundle_from_fd()'s.
 */
int worker_load(int bundle_fd, uint64_t number, size_t worker, struct generation **ret_generation);

/** worker_set_log() - as the configuration wants it. */
void worker_set_log(const struct generation *generation);

/** worker_reload_message() - @payload_fd is given away. */
void worker_reload_message(struct worker_reload *reload, const struct control_message *message,
			   int payload_fd);

/** worker_reload_abandon() - forget what is prepared, or about to be. */
void worker_reload_abandon(struct worker_reload *reload);

/** worker_reload_finish() - the same before the worker ends: waits for the thread. */
void worker_reload_finish(struct worker_reload *reload);

#endif
