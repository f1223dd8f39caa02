/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One epoll loop: descriptors, timers, deferred tasks.
 *
 * Order of a turn: ready descriptors, due timers, then the tasks that were queued until now.
 * An object that is reached from the loop is freed in a task, never in its own callback, so that
 * an event of the same turn cannot meet freed memory.
 */
#ifndef SLUICE_SYS_LOOP_H
#define SLUICE_SYS_LOOP_H

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;

/** A watched descriptor, embedded in its owner. The owner closes fd after loop_remove(). */
struct loop_source {
	int fd;
	void (*ready)(struct loop_source *source, uint32_t events);
};

/** A one-shot timer, embedded in its owner; all zero (or timer_init) is "not armed". */
struct loop_timer {
	uint64_t deadline_ms;
	size_t heap_slot; /* 1-based; 0 is "not armed" */
	void (*fire)(struct loop_timer *timer);
};

/** A task for the end of this turn, embedded in its owner; list_init() its node first. */
struct loop_task {
	struct list node;
	void (*run)(struct loop_task *task);
};

/** loop_new() - Returns: 0, -ENOMEM, -EMFILE and what else epoll_create1(2) has. */
int loop_new(struct loop **ret_loop);
void loop_free(struct loop *loop);

/** loop_add() - watch @source for @events (EPOLLET if wanted). Returns: 0 or epoll_ctl's errno. */
int loop_add(struct loop *loop, struct loop_source *source, uint32_t events);
void loop_remove(struct loop *loop, struct loop_source *source);

/** loop_arm() - fire @timer once, @delay_ms from now; arms anew when it was armed. */
int loop_arm(struct loop *loop, struct loop_timer *timer, uint64_t delay_ms);
void loop_disarm(struct loop *loop, struct loop_timer *timer);

/** loop_defer() - run @task at the end of this turn (of the next one, when called by a task). */
void loop_defer(struct loop *loop, struct loop_task *task);

/** loop_now_ms() - monotonic time at the start of this turn. */
uint64_t loop_now_ms(const struct loop *loop);

/** loop_run() - turn until loop_stop(). Returns: 0, or epoll_wait's errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
