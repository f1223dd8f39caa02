// SPDX-License-Identifier: Apache-2.0
/*
 * A reload among the workers, in two phases: all of them build the new generation, then all of them
 * go over to it; when one cannot, none does.
 *
 * A worker that ends meanwhile is started again with whatever is the present generation then. One
 * that has gone over has RECHECK_WITHIN_MS to look at its sessions: a worker that hangs would keep
 * those alive that are not allowed any more, so it is killed, which resets them all.
 */
#include "base/log.h"
#include "daemon/workers_internal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define RECHECK_WITHIN_MS 900

static bool is_answered(const struct workers *ws)
{
	for (size_t i = 0; i < ws->count; i++) {
		if (ws->list[i].owes_answer)
			return false;
	}
	return true;
}

static void tell_all(struct workers *ws, enum control_type type)
{
	for (size_t i = 0; i < ws->count; i++) {
		const struct worker_process *worker = &ws->list[i];

		/* One that does not listen would serve the wrong generation. */
		if (worker->pid > 0 &&
		    control_send(worker->control.fd, type, ws->reload.next.generation, -1) < 0)
			(void)kill(worker->pid, SIGKILL);
	}
}

static void take_back(struct workers *ws)
{
	loop_disarm(ws->loop, &ws->reload.limit);
	tell_all(ws, CONTROL_ABANDON);
	for (size_t i = 0; i < ws->count; i++)
		ws->list[i].owes_answer = false;
	listening_abandon(&ws->reload.listening);
	ws->reload.state = RELOAD_NONE;
}

static void abandon(struct workers *ws, const char *error)
{
	take_back(ws);
	ws->reload.next.done(ws->reload.next.arg, error);
}

static void settle(struct workers *ws)
{
	loop_disarm(ws->loop, &ws->reload.limit);
	ws->reload.state = RELOAD_NONE;
}

static void settled_too_late(struct loop_timer *timer)
{
	struct workers *ws = container_of(timer, struct workers, reload.limit);

	for (size_t i = 0; i < ws->count; i++) {
		struct worker_process *worker = &ws->list[i];

		if (!worker->owes_answer)
			continue;
		log_event(LOG_ERROR, "worker_killed",
			  "worker %zu did not look at its sessions within %d ms of a reload",
			  worker->index, RECHECK_WITHIN_MS);
		worker->owes_answer = false;
		(void)kill(worker->pid, SIGKILL);
	}
	settle(ws);
}

static void commit(struct workers *ws)
{
	struct workers_reload *reload = &ws->reload;

	loop_disarm(ws->loop, &reload->limit);
	for (size_t i = 0; i < ws->count; i++)
		ws->list[i].owes_answer = ws->list[i].pid > 0;
	listening_adopt(&ws->listening, &reload->listening);
	ws->options.config = reload->next.config;
	ws->options.bundle_fd = reload->next.bundle_fd;
	ws->options.generation = reload->next.generation;
	ws->options.load_ms = reload->next.load_ms;
	reload->state = RELOAD_SETTLING;
	reload->limit.fire = settled_too_late;
	if (loop_arm(ws->loop, &reload->limit, RECHECK_WITHIN_MS) < 0)
		settle(ws);
	tell_all(ws, CONTROL_COMMIT);
	reload->next.done(reload->next.arg, NULL);
}

static void prepared_too_late(struct loop_timer *timer)
{
	struct workers *ws = container_of(timer, struct workers, reload.limit);

	abandon(ws, "a worker did not build it in time");
}

static void go_on(struct workers *ws)
{
	if (!is_answered(ws))
		return;
	if (ws->reload.state == RELOAD_PREPARING)
		commit(ws);
	else if (ws->reload.state == RELOAD_SETTLING)
		settle(ws);
}

void workers_reload_message(struct worker_process *worker, const struct control_message *message)
{
	struct workers *ws = worker->all;
	enum workers_reload_state state = ws->reload.state;

	if (message->argument != ws->reload.next.generation || !worker->owes_answer)
		return;
	if (state == RELOAD_PREPARING && message->type == CONTROL_REFUSED) {
		abandon(ws, "a worker cannot build it; see its log");
		return;
	}
	if ((state == RELOAD_PREPARING && message->type == CONTROL_PREPARED) ||
	    (state == RELOAD_SETTLING && message->type == CONTROL_RECHECKED)) {
		worker->owes_answer = false;
		go_on(ws);
	}
}

/* Returns: 0, or control_send()'s. */
static int send_next(struct worker_process *worker)
{
	const struct workers *ws = worker->all;
	const struct listening *listening = &ws->reload.listening;
	const int *set = listening_set(listening, worker->index);
	int r = 0;

	for (size_t slot = 0; r == 0 && slot < listening->n_addrs; slot++) {
		if (listening_is_new(listening, slot))
			r = control_send(worker->control.fd, CONTROL_LISTEN,
					 ws->reload.next.generation, set[slot]);
	}
	if (r == 0)
		r = control_send(worker->control.fd, CONTROL_PREPARE, ws->reload.next.generation,
				 ws->reload.next.bundle_fd);
	worker->owes_answer = r == 0;
	return r;
}

void workers_reload_joins(struct worker_process *worker)
{
	worker->owes_answer = false;
	/* When it does not get it, it does not go over either: the limit finds that out. */
	if (worker->all->reload.state == RELOAD_PREPARING && send_next(worker) < 0)
		worker->owes_answer = true;
}

void workers_reload_leaves(struct worker_process *worker)
{
	if (!worker->owes_answer)
		return;
	worker->owes_answer = false;
	go_on(worker->all);
}

void workers_reload_cancel(struct workers *ws)
{
	if (ws->reload.state == RELOAD_PREPARING)
		abandon(ws, "sluice is being stopped");
	else
		settle(ws);
}

bool workers_is_reloading(const struct workers *ws)
{
	return ws->reload.state != RELOAD_NONE;
}

int workers_reload(struct workers *ws, const struct workers_next *next)
{
	struct workers_reload *reload = &ws->reload;
	int r;

	if (reload->state != RELOAD_NONE || ws->draining)
		return -EBUSY;
	r = listening_follow(&ws->listening, next->config, &reload->listening);
	if (r < 0)
		return r;
	reload->next = *next;
	reload->limit.fire = prepared_too_late;
	r = loop_arm(ws->loop, &reload->limit, workers_build_limit_ms(next->load_ms));
	for (size_t i = 0; r == 0 && i < ws->count; i++) {
		if (ws->list[i].pid > 0)
			r = send_next(&ws->list[i]);
	}
	if (r < 0)
		take_back(ws);
	else
		reload->state = RELOAD_PREPARING;
	return r;
}
