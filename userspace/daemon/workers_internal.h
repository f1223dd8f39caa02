/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by workers*.c only. */
#ifndef SLUICE_DAEMON_WORKERS_INTERNAL_H
#define SLUICE_DAEMON_WORKERS_INTERNAL_H

#include "daemon/control.h"
#include "daemon/listening.h"
#include "daemon/workers.h"

#include <sys/types.h>

enum workers_reload_state {
	RELOAD_NONE,
	RELOAD_PREPARING, /* every worker builds it */
	RELOAD_COMMITTED, /* every worker goes over to it, then looks at its sessions */
};

/** The answer that a reload waits for. */
enum worker_owes { OWES_NOTHING, OWES_HEARD, OWES_PREPARED, OWES_SWITCHED, OWES_RECHECKED };

struct workers_reload {
	enum workers_reload_state state;
	struct workers_next next; /* borrowed until next.done was called */
	struct listening listening;
	struct loop_timer limit;
};

struct worker_process {
	struct workers *all;
	size_t index;
	pid_t pid; /* 0: none */
	size_t restarts;
	uint64_t started_ms;
	uint64_t back_off_ms;
	bool ready;
	bool doomed;	       /* killed by a reload, and not reaped yet */
	enum worker_owes owes; /* to the reload that is going on */
	struct loop_source control;
	struct loop_timer restart;
	struct loop_timer start_limit; /* armed from fork to ready */
	int stats_fd;
	struct stats *stats;
};

struct workers {
	struct workers_options options; /* of the present generation */
	struct loop *loop;
	struct listening listening;
	struct workers_reload reload;
	struct worker_process *list;
	size_t count;
	bool draining, announced, was_cut, cannot_start;
	struct loop_timer kill_timer;
	void (*all_ended)(void *arg);
	void *arg;
	void (*on_status)(void *arg, size_t index, uint64_t query, int memfd);
	void *status_arg;
};

/** workers_build_limit_ms() - for a worker to build what took us @load_ms; never below @least_ms. */
uint64_t workers_build_limit_ms(uint64_t load_ms, uint64_t least_ms);

/** workers_recheck_limit_ms() - for workers of which none has more @sessions to look at them all. */
uint64_t workers_recheck_limit_ms(uint64_t sessions);

/** workers_reload_message() - an answer of @worker to a reload. */
void workers_reload_message(struct worker_process *worker, const struct control_message *message);

/** workers_reload_joins() - @worker is ready with the present generation: tell it of the next. */
void workers_reload_joins(struct worker_process *worker);

/** workers_reload_leaves() - @worker ended: nobody waits for its answer. */
void workers_reload_leaves(struct worker_process *worker);

#endif
