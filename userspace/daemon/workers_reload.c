// SPDX-License-Identifier: Apache-2.0
/*
 * A reload among the workers, in two phases: all of them build the new generation, then all of them
 * go over to it; when one cannot, none does. It is over when they have looked at their sessions.
 *
 * A worker that ends meanwhile is started again with whatever is the present generation then. One
 * that hangs would keep sessions alive that are not allowed any more: it is killed, which resets them all.
 * One that is not ready has no sessions: nobody waits for it, and it is started anew with the new generation.
 */
#include "base/log.h"
#include "daemon/workers_internal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define BUILD_WITHIN_MS	 3000 /* at least */
#define SWITCH_WITHIN_MS 500

/*
 * A session whose chain nobody else has takes up to 2.8 ms (P-384, with a sub-CA), and the worker serves in
 * between. A worker says itself how many it has, so there is a limit to what is believed.
 */
#define RECHECK_LEAST_MS       10000
#define RECHECK_PER_SESSION_MS 20
#define SESSIONS_MOST	       1000000 /* limits.connections */

static bool is_owed(const struct workers *ws)
{
	for (size_t i = 0; i < ws->count; i++) {
		if (ws->list[i].owes != OWES_NOTHING)
			return true;
	}
	return false;
}

static bool is_there(const struct worker_process *worker)
{
	return worker->pid > 0 && worker->ready && !worker->doomed;
}

/* From now on it counts as gone. */
static void end(struct worker_process *worker)
{
	worker->doomed = true;
	(void)kill(worker->pid, SIGKILL);
}

static void tell_all(struct workers *ws, enum control_type type)
{
	for (size_t i = 0; i < ws->count; i++) {
		struct worker_process *worker = &ws->list[i];

		/* One that does not listen would serve the wrong generation. */
		if (is_there(worker) &&
		    control_send(worker->control.fd, type, ws->reload.next.generation, -1) < 0)
			end(worker);
	}
}

static void take_back(struct workers *ws)
{
	loop_disarm(ws->loop, &ws->reload.limit);
	tell_all(ws, CONTROL_ABANDON);
	for (size_t i = 0; i < ws->count; i++)
		ws->list[i].owes = OWES_NOTHING;
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
	ws->reload.next.done(ws->reload.next.arg, NULL);
}

/* Those that owe @what do not get it done any more. */
static void kill_those(struct workers *ws, enum worker_owes what, const char *told)
{
	for (size_t i = 0; i < ws->count; i++) {
		struct worker_process *worker = &ws->list[i];

		if (worker->owes != what)
			continue;
		log_event(LOG_ERROR, "worker_killed", "worker %zu hangs: it does not %s",
			  worker->index, told);
		worker->owes = OWES_NOTHING;
		end(worker);
	}
}

uint64_t workers_recheck_limit_ms(uint64_t sessions)
{
	if (sessions > SESSIONS_MOST)
		sessions = SESSIONS_MOST;
	return RECHECK_LEAST_MS + sessions * RECHECK_PER_SESSION_MS;
}

/* Of the fullest worker. */
static uint64_t most_sessions(const struct workers *ws)
{
	uint64_t most = 0;

	for (size_t i = 0; i < ws->count; i++) {
		uint64_t sessions = stats_get(ws->list[i].stats, STAT_CONNECTIONS);

		most = sessions > most ? sessions : most;
	}
	return most;
}

static void rechecked_too_late(struct loop_timer *timer)
{
	struct workers *ws = container_of(timer, struct workers, reload.limit);

	kill_those(ws, OWES_RECHECKED, "look at its sessions with the new generation");
	settle(ws);
}

static void switched_too_late(struct loop_timer *timer)
{
	struct workers *ws = container_of(timer, struct workers, reload.limit);

	kill_those(ws, OWES_SWITCHED, "go over to the new generation");
	if (!is_owed(ws)) {
		settle(ws);
		return;
	}
	ws->reload.limit.fire = rechecked_too_late;
	(void)loop_arm(ws->loop, &ws->reload.limit, workers_recheck_limit_ms(most_sessions(ws)));
}

/* Those that begin with the generation before. */
static void replace_starting(struct workers *ws)
{
	for (size_t i = 0; i < ws->count; i++) {
		struct worker_process *worker = &ws->list[i];

		if (worker->pid <= 0 || worker->ready || worker->doomed)
			continue;
		log_event(
			LOG_WARN, "worker_killed",
			"worker %zu was not ready yet: it is started anew with the new generation",
			worker->index);
		end(worker);
	}
}

static void commit(struct workers *ws)
{
	struct workers_reload *reload = &ws->reload;

	listening_adopt(&ws->listening, &reload->listening);
	ws->options.config = reload->next.config;
	ws->options.bundle_fd = reload->next.bundle_fd;
	ws->options.generation = reload->next.generation;
	ws->options.load_ms = reload->next.load_ms;
	reload->state = RELOAD_COMMITTED;
	replace_starting(ws);
	for (size_t i = 0; i < ws->count; i++)
		ws->list[i].owes = is_there(&ws->list[i]) ? OWES_SWITCHED : OWES_NOTHING;
	reload->limit.fire = switched_too_late;
	/* Without memory for a timer a worker that hangs is left alone. */
	(void)loop_arm(ws->loop, &reload->limit, SWITCH_WITHIN_MS);
	tell_all(ws, CONTROL_COMMIT);
	if (!is_owed(ws))
		settle(ws);
}

/*
 * Some worker could build it, or nobody is there who could: then it has been checked here, and may be what
 * ends the workers' dying.
 */
static bool is_good(const struct workers *ws)
{
	bool is_anybody_there = false;

	for (size_t i = 0; i < ws->count; i++) {
		const struct worker_process *worker = &ws->list[i];

		if (is_there(worker) && worker->owes == OWES_NOTHING)
			return true;
		is_anybody_there |= is_there(worker);
	}
	return !is_anybody_there;
}

/*
 * A worker that has not even read that there is something to build hangs, whatever the others do. One that
 * builds still serves: where another worker could build it, it is killed, because it would stay behind;
 * where none could the generation may be to blame, and all of them stay.
 */
static void prepared_too_late(struct loop_timer *timer)
{
	struct workers *ws = container_of(timer, struct workers, reload.limit);

	kill_those(ws, OWES_HEARD, "answer");
	if (!is_good(ws)) {
		abandon(ws, "no worker built it in time");
		return;
	}
	kill_those(ws, OWES_PREPARED, "build the new generation");
	commit(ws);
}

static void go_on(struct workers *ws)
{
	if (is_owed(ws))
		return;
	if (ws->reload.state == RELOAD_PREPARING)
		commit(ws);
	else if (ws->reload.state == RELOAD_COMMITTED)
		settle(ws);
}

void workers_reload_message(struct worker_process *worker, const struct control_message *message)
{
	struct workers *ws = worker->all;

	if (ws->reload.state == RELOAD_NONE || message->argument != ws->reload.next.generation)
		return;
	if (worker->owes == OWES_HEARD && message->type == CONTROL_HEARD)
		worker->owes = OWES_PREPARED;
	if (worker->owes == OWES_PREPARED && message->type == CONTROL_REFUSED) {
		abandon(ws, "a worker cannot build it; see its log");
		return;
	}
	if ((worker->owes == OWES_PREPARED && message->type == CONTROL_PREPARED) ||
	    (worker->owes == OWES_RECHECKED && message->type == CONTROL_RECHECKED))
		worker->owes = OWES_NOTHING;
	else if (worker->owes == OWES_SWITCHED && message->type == CONTROL_SWITCHED)
		worker->owes = OWES_RECHECKED;
	go_on(ws);
}

static uint64_t prepare_limit_ms(const struct workers *ws)
{
	return workers_build_limit_ms(ws->reload.next.load_ms, BUILD_WITHIN_MS);
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
	worker->owes = OWES_HEARD;
	return r;
}

void workers_reload_joins(struct worker_process *worker)
{
	struct workers *ws = worker->all;

	if (ws->reload.state != RELOAD_PREPARING || worker->doomed)
		return;
	/* When it does not get it, the limit finds that out; it begins anew, for this one has just begun. */
	(void)loop_arm(ws->loop, &ws->reload.limit, prepare_limit_ms(ws));
	(void)send_next(worker);
}

void workers_reload_leaves(struct worker_process *worker)
{
	enum worker_owes owed = worker->owes;

	worker->owes = OWES_NOTHING;
	/* Whether it died of the new generation nobody knows. */
	if (owed == OWES_HEARD || owed == OWES_PREPARED)
		abandon(worker->all, "a worker ended while it built it");
	else if (owed != OWES_NOTHING)
		go_on(worker->all);
}

void workers_reload_cancel(struct workers *ws)
{
	if (ws->reload.state == RELOAD_PREPARING)
		abandon(ws, "sluice is being stopped");
	else if (ws->reload.state != RELOAD_NONE)
		settle(ws);
}

bool workers_are_busy(const struct workers *ws)
{
	return ws->reload.state != RELOAD_NONE || !ws->announced;
}

int workers_reload(struct workers *ws, const struct workers_next *next)
{
	struct workers_reload *reload = &ws->reload;
	int r;

	if (workers_are_busy(ws) || ws->draining)
		return -EBUSY;
	r = listening_follow(&ws->listening, next->config, &reload->listening);
	if (r < 0)
		return r;
	reload->next = *next;
	reload->limit.fire = prepared_too_late;
	r = loop_arm(ws->loop, &reload->limit, prepare_limit_ms(ws));
	for (size_t i = 0; r == 0 && i < ws->count; i++) {
		if (is_there(&ws->list[i]))
			r = send_next(&ws->list[i]);
	}
	/* Nobody is there to build it: there is nothing to wait for. */
	if (r == 0 && !is_owed(ws))
		r = loop_arm(ws->loop, &reload->limit, 0);
	if (r < 0)
		take_back(ws);
	else
		reload->state = RELOAD_PREPARING;
	return r;
}
