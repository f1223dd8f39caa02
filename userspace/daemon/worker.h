/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker: one process per CPU with its own listeners, loop and sessions. It starts with what the
 * supervisor passed on as descriptors, gives up every privilege, and opens no file from then on.
 */
#ifndef SLUICE_DAEMON_WORKER_H
#define SLUICE_DAEMON_WORKER_H

#include "sys/process.h"

#include <stddef.h>
#include <stdint.h>

struct worker_options {
	size_t index;
	int control_fd;	     /* daemon/control */
	int bundle_fd;	     /* daemon/bundle: the configuration and the files it names */
	uint64_t generation; /* its number */
	int stats_fd;	     /* struct stats, shared */
	const int *listen_fds;
	size_t n_listen_fds;
	struct process_user user;
};

/** worker_exec() - in a child of the supervisor: become `sluice worker` with @options. */
__attribute__((noreturn)) void worker_exec(const struct worker_options *options);

#define WORKER_EXIT_CUT 3 /* drained, but sessions were cut */

/** worker_run() - serve until drained. Returns: exit code, 0, WORKER_EXIT_CUT or 1. */
int worker_run(const struct worker_options *options);

#endif
