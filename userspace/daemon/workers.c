// SPDX-License-Identifier: Apache-2.0
#include "daemon/workers_internal.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "daemon/control.h"
#include "daemon/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* Restart at once-ish, then slower while it keeps dying; healthy again after HEALTHY_MS. */
#define BACK_OFF_FIRST_MS 100
#define BACK_OFF_LAST_MS  5000
#define HEALTHY_MS	  10000

#define KILL_AFTER_MS 2000 /* behind the drain limit, for a worker that hangs */

/*
 * From fork to CONTROL_READY. A worker reads the same configuration as we did, all of them at once
 * and on a machine that may be busy: so many times what it took us, and never less than this.
 */
#define START_LEAST_MS 10000
#define START_FACTOR   20

/* Of the counters: a worker that was taken over must not truncate what we have mapped. */
#define STATS_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)

/* --- resources --- */

static int open_stats(struct worker_process *worker)
{
	void *mapped;

	worker->stats_fd = memfd_create("sluice-stats", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (worker->stats_fd < 0 || ftruncate(worker->stats_fd, sizeof(struct stats)) < 0 ||
	    fcntl(worker->stats_fd, F_ADD_SEALS, STATS_SEALS) < 0)
		return -errno;
	mapped = mmap(NULL, sizeof(struct stats), PROT_READ | PROT_WRITE, MAP_SHARED,
		      worker->stats_fd, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	worker->stats = mapped;
	return 0;
}

static void start_too_long(struct loop_timer *timer);
static void restart(struct loop_timer *timer);

static int open_process(struct workers *ws, size_t index)
{
	struct worker_process *worker = &ws->list[index];

	worker->all = ws;
	worker->index = index;
	worker->stats_fd = -1;
	worker->control.fd = -1;
	worker->back_off_ms = BACK_OFF_FIRST_MS;
	worker->restart.fire = restart;
	worker->start_limit.fire = start_too_long;
	return open_stats(worker);
}

int workers_open(const struct workers_options *options, struct workers **ret_workers)
{
	size_t wanted = options->config->workers ? options->config->workers : process_cpus();
	struct workers *ws = calloc(1, sizeof(*ws));
	int r = 0;

	if (!ws)
		return -ENOMEM;
	ws->options = *options;
	ws->loop = options->loop;
	ws->list = calloc(wanted, sizeof(*ws->list));
	if (!ws->list)
		r = -ENOMEM;
	while (r == 0 && ws->count < wanted)
		r = open_process(ws, ws->count++);
	if (r == 0)
		r = listening_open(options->config, ws->count, &ws->listening);
	if (r < 0) {
		workers_close(ws);
		return r;
	}
	*ret_workers = ws;
	return 0;
}

static void close_process(struct worker_process *worker)
{
	struct loop *loop = worker->all->loop;

	if (worker->pid > 0) {
		(void)kill(worker->pid, SIGKILL);
		(void)waitpid(worker->pid, NULL, 0);
	}
	loop_disarm(loop, &worker->restart);
	loop_disarm(loop, &worker->start_limit);
	loop_remove(loop, &worker->control);
	fd_close(&worker->control.fd);
	fd_close(&worker->stats_fd);
	if (worker->stats)
		munmap(worker->stats, sizeof(*worker->stats));
}

void workers_close(struct workers *ws)
{
	if (!ws)
		return;
	workers_reload_cancel(ws);
	listening_close(&ws->listening);
	loop_disarm(ws->loop, &ws->kill_timer);
	for (size_t i = 0; i < ws->count; i++)
		close_process(&ws->list[i]);
	free(ws->list);
	free(ws);
}

/* --- one process --- */

static void announce(struct workers *ws)
{
	struct log_line line;

	for (size_t i = 0; i < ws->count; i++) {
		if (!ws->list[i].ready)
			return;
	}
	if (ws->announced)
		return;
	ws->announced = true;
	log_begin(&line, LOG_INFO, "ready");
	log_u64(&line, "workers", ws->count);
	log_u64(&line, "listeners", ws->options.config->n_listeners);
	log_end(&line);
}

static void on_control(struct loop_source *source, uint32_t events)
{
	struct worker_process *worker = container_of(source, struct worker_process, control);
	struct control_message message;
	int _cleanup_fd_ memfd = -1;
	int r = control_receive(source->fd, &message, &memfd);

	(void)events;
	if (r == -EAGAIN)
		return;
	if (r < 0) {
		/* It ended; SIGCHLD says how. */
		loop_remove(worker->all->loop, source);
		fd_close(&source->fd);
		return;
	}
	if (message.type == CONTROL_READY) {
		worker->ready = true;
		loop_disarm(worker->all->loop, &worker->start_limit);
		announce(worker->all);
		workers_reload_joins(worker);
	} else if (message.type == CONTROL_STATUS && memfd >= 0 && worker->all->on_status) {
		worker->all->on_status(worker->all->status_arg, worker->index, message.argument,
				       memfd);
	} else {
		workers_reload_message(worker, &message);
	}
}

static void reset_gauges(struct stats *stats)
{
	for (int i = 0; i < STAT_COUNT; i++) {
		if (stats_is_gauge(i))
			atomic_store(&stats->value[i], 0);
	}
}

/* In the child. */
static void exec_worker(const struct worker_process *worker, int control_fd)
{
	const struct workers *ws = worker->all;
	const struct worker_options options = {
		.index = worker->index,
		.control_fd = control_fd,
		.bundle_fd = ws->options.bundle_fd,
		.generation = ws->options.generation,
		.stats_fd = worker->stats_fd,
		.listen_fds = listening_set(&ws->listening, worker->index),
		.n_listen_fds = ws->listening.n_addrs,
		.user = ws->options.user,
	};

	worker_exec(&options);
}

static void forget_control(struct worker_process *worker)
{
	loop_remove(worker->all->loop, &worker->control);
	fd_close(&worker->control.fd);
	loop_disarm(worker->all->loop, &worker->start_limit);
}

uint64_t workers_build_limit_ms(uint64_t load_ms, uint64_t least_ms)
{
	uint64_t scaled = load_ms * START_FACTOR;

	return scaled > least_ms ? scaled : least_ms;
}

/* All that can fail comes before the fork: a process that nobody watches would be worse than none. */
static int spawn(struct worker_process *worker)
{
	struct loop *loop = worker->all->loop;
	int fds[2];
	int _cleanup_fd_ theirs = -1;
	int r = control_pair(fds);

	if (r < 0)
		return r;
	theirs = fds[1];
	forget_control(worker);
	worker->control = (struct loop_source){.fd = fds[0], .ready = on_control};
	r = loop_add(loop, &worker->control, EPOLLIN);
	if (r == 0)
		r = loop_arm(loop, &worker->start_limit,
			     workers_build_limit_ms(worker->all->options.load_ms, START_LEAST_MS));
	if (r < 0) {
		forget_control(worker);
		return r;
	}
	reset_gauges(worker->stats);
	worker->started_ms = clock_now_ms();
	worker->ready = false;
	worker->doomed = false;
	worker->pid = fork();
	if (worker->pid == 0)
		exec_worker(worker, theirs);
	if (worker->pid < 0) {
		r = -errno;
		worker->pid = 0;
		forget_control(worker);
	}
	return r;
}

/* SIGCHLD does the rest, as for any other death. */
static void start_too_long(struct loop_timer *timer)
{
	const struct worker_process *worker =
		container_of(timer, struct worker_process, start_limit);

	log_event(LOG_ERROR, "worker_killed", "worker %zu did not get ready within %llu ms",
		  worker->index,
		  (unsigned long long)workers_build_limit_ms(worker->all->options.load_ms,
							     START_LEAST_MS));
	(void)kill(worker->pid, SIGKILL);
}

static void restart_later(struct worker_process *worker)
{
	if (clock_now_ms() - worker->started_ms >= HEALTHY_MS)
		worker->back_off_ms = BACK_OFF_FIRST_MS;
	(void)loop_arm(worker->all->loop, &worker->restart, worker->back_off_ms);
	worker->back_off_ms *= 2;
	if (worker->back_off_ms > BACK_OFF_LAST_MS)
		worker->back_off_ms = BACK_OFF_LAST_MS;
}

static void restart(struct loop_timer *timer)
{
	struct worker_process *worker = container_of(timer, struct worker_process, restart);
	int r;

	worker->restarts++;
	r = spawn(worker);
	if (r < 0) {
		log_event(LOG_ERROR, "restart_failed", "worker %zu: %s; trying again",
			  worker->index, strerror(-r));
		restart_later(worker);
	}
}

static void check_all_ended(struct workers *ws)
{
	for (size_t i = 0; i < ws->count; i++) {
		if (ws->list[i].pid > 0)
			return;
	}
	ws->all_ended(ws->arg);
}

static void log_death(const struct worker_process *worker, int status, const char *next)
{
	struct log_line line;

	log_begin(&line, LOG_ERROR, "worker_died");
	log_u64(&line, "worker", worker->index);
	if (WIFSIGNALED(status))
		log_i64(&line, "signal", WTERMSIG(status));
	else
		log_i64(&line, "exit", WEXITSTATUS(status));
	log_str(&line, "next", next);
	log_end(&line);
}

/* A worker that dies instead of draining cuts what it had, which is nothing when it was idle. */
static void ended_draining(struct worker_process *worker, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_EXIT_CUT) {
		worker->all->was_cut = true;
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		log_death(worker, status, "nothing: sluice ends");
		worker->all->was_cut |= stats_get(worker->stats, STAT_CONNECTIONS) > 0;
	}
	check_all_ended(worker->all);
}

static void ended(struct worker_process *worker, int status)
{
	struct workers *ws = worker->all;
	char next[64];

	worker->pid = 0;
	loop_disarm(ws->loop, &worker->start_limit);
	workers_reload_leaves(worker);
	if (ws->draining) {
		ended_draining(worker, status);
		return;
	}
	/* A worker that never got ready at the first start would not at the second. */
	if (!ws->announced && !worker->ready) {
		log_death(worker, status, "giving up: it never got ready");
		ws->cannot_start = true;
		ws->all_ended(ws->arg);
		return;
	}
	snprintf(next, sizeof(next), "restart in %llu ms", (unsigned long long)worker->back_off_ms);
	log_death(worker, status, next);
	restart_later(worker);
}

/* --- all of them --- */

int workers_start(struct workers *ws, void (*all_ended)(void *arg), void *arg)
{
	ws->all_ended = all_ended;
	ws->arg = arg;
	for (size_t i = 0; i < ws->count; i++) {
		int r = spawn(&ws->list[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

void workers_reap(struct workers *ws)
{
	int status;

	for (size_t i = 0; i < ws->count; i++) {
		if (ws->list[i].pid > 0 && waitpid(ws->list[i].pid, &status, WNOHANG) > 0)
			ended(&ws->list[i], status);
	}
}

static void kill_all(struct loop_timer *timer)
{
	struct workers *ws = container_of(timer, struct workers, kill_timer);

	for (size_t i = 0; i < ws->count; i++) {
		if (ws->list[i].pid <= 0)
			continue;
		log_event(LOG_ERROR, "worker_killed",
			  "worker %zu did not end within the drain limit", ws->list[i].index);
		(void)kill(ws->list[i].pid, SIGKILL);
	}
}

void workers_drain(struct workers *ws, uint64_t limit_ms)
{
	/* Asked again, the workers cut at once. */
	uint64_t kill_ms = ws->draining ? KILL_AFTER_MS : limit_ms + KILL_AFTER_MS;

	ws->draining = true;
	workers_reload_cancel(ws);
	ws->kill_timer.fire = kill_all;
	(void)loop_arm(ws->loop, &ws->kill_timer, kill_ms);
	/*
	 * First ours: a queue that is still open here takes connections behind a worker's back when
	 * that has accepted its last one. What waits for a worker that is being restarted is reset.
	 */
	listening_close(&ws->listening);
	for (size_t i = 0; i < ws->count; i++) {
		struct worker_process *worker = &ws->list[i];

		loop_disarm(ws->loop, &worker->restart);
		if (worker->pid > 0 &&
		    control_send(worker->control.fd, CONTROL_DRAIN, limit_ms, -1) < 0)
			(void)kill(worker->pid, SIGKILL);
	}
	check_all_ended(ws);
}

bool workers_are_draining(const struct workers *ws)
{
	return ws->draining;
}

int workers_exit_code(const struct workers *ws)
{
	if (ws->cannot_start)
		return 1;
	return ws->was_cut ? WORKER_EXIT_CUT : 0;
}

size_t workers_count(const struct workers *ws)
{
	return ws->count;
}

struct worker_view workers_view(const struct workers *ws, size_t index)
{
	const struct worker_process *worker = &ws->list[index];

	return (struct worker_view){
		.index = index,
		.pid = worker->pid,
		.restarts = worker->restarts,
		.stats = worker->stats,
	};
}

size_t workers_ask_status(struct workers *ws, uint64_t query)
{
	size_t asked = 0;

	for (size_t i = 0; i < ws->count; i++) {
		const struct worker_process *worker = &ws->list[i];

		if (worker->pid > 0 && worker->ready &&
		    control_send(worker->control.fd, CONTROL_STATUS, query, -1) == 0)
			asked++;
	}
	return asked;
}

void workers_on_status(struct workers *ws,
		       void (*reply)(void *arg, size_t index, uint64_t query, int memfd), void *arg)
{
	ws->on_status = reply;
	ws->status_arg = arg;
}
