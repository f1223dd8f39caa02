// SPDX-License-Identifier: Apache-2.0
#include "daemon/workers.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "daemon/control.h"
#include "daemon/worker.h"
#include "sys/sock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define BACKLOG 4096 /* the kernel lowers it to net.core.somaxconn */

/* Restart at once-ish, then slower while it keeps dying; healthy again after HEALTHY_MS. */
#define BACK_OFF_FIRST_MS 100
#define BACK_OFF_LAST_MS  5000
#define HEALTHY_MS	  10000

#define KILL_AFTER_MS 2000 /* behind the drain limit, for a worker that hangs */

struct worker_process {
	struct workers *all;
	size_t index;
	pid_t pid; /* 0: none */
	size_t restarts;
	uint64_t started_ms;
	uint64_t back_off_ms;
	bool ready;
	struct loop_source control;
	struct loop_timer restart;
	int *listen_fds;
	int stats_fd;
	struct stats *stats;
};

struct workers {
	struct loop *loop;
	const struct config *config;
	int bundle_fd;
	struct process_user user;
	struct worker_process *list;
	size_t count;
	size_t n_listen_fds; /* per worker */
	bool draining, announced, was_cut, cannot_start;
	struct loop_timer kill_timer;
	void (*all_ended)(void *arg);
	void *arg;
	void (*on_status)(void *arg, size_t index, uint64_t query, int memfd);
	void *status_arg;
};

/* --- resources --- */

static int open_stats(struct worker_process *worker)
{
	void *mapped;

	worker->stats_fd = memfd_create("sluice-stats", MFD_CLOEXEC);
	if (worker->stats_fd < 0 || ftruncate(worker->stats_fd, sizeof(struct stats)) < 0)
		return -errno;
	mapped = mmap(NULL, sizeof(struct stats), PROT_READ | PROT_WRITE, MAP_SHARED,
		      worker->stats_fd, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	worker->stats = mapped;
	return 0;
}

static int open_address(struct workers *ws, const struct config_listener *listener,
			const struct addr *addr, size_t slot)
{
	char text[ADDR_TEXT_MAX];
	int r = 0;

	for (size_t w = 0; r == 0 && w < ws->count; w++) {
		int *fd = &ws->list[w].listen_fds[slot];

		if (addr_is_unix(addr) && w > 0) {
			*fd = fcntl(ws->list[0].listen_fds[slot], F_DUPFD_CLOEXEC, 0);
			r = *fd < 0 ? -errno : 0;
		} else {
			r = sock_listen(addr, addr_is_unix(addr) ? 0 : SOCK_LISTEN_REUSEPORT,
					BACKLOG, fd);
		}
	}
	if (r < 0)
		log_event(LOG_ERROR, "listen_failed", "listener %s, address %s: %s", listener->name,
			  addr_format(addr, text), strerror(-r));
	return r;
}

static int open_listeners(struct workers *ws)
{
	size_t slot = 0;
	int r = 0;

	for (size_t i = 0; i < ws->config->n_listeners; i++) {
		const struct config_listener *listener = &ws->config->listeners[i];

		for (size_t a = 0; r == 0 && a < listener->n_addrs; a++, slot++)
			r = open_address(ws, listener, &listener->addrs[a], slot);
	}
	return r;
}

static int open_process(struct workers *ws, size_t index)
{
	struct worker_process *worker = &ws->list[index];

	worker->all = ws;
	worker->index = index;
	worker->stats_fd = -1;
	worker->control.fd = -1;
	worker->back_off_ms = BACK_OFF_FIRST_MS;
	worker->listen_fds = calloc(ws->n_listen_fds, sizeof(int));
	if (!worker->listen_fds)
		return -ENOMEM;
	for (size_t i = 0; i < ws->n_listen_fds; i++)
		worker->listen_fds[i] = -1;
	return open_stats(worker);
}

int workers_open(struct loop *loop, const struct config *config, int bundle_fd,
		 const struct process_user *user, struct workers **ret_workers)
{
	struct workers *ws = calloc(1, sizeof(*ws));
	int r = 0;

	if (!ws)
		return -ENOMEM;
	ws->loop = loop;
	ws->config = config;
	ws->bundle_fd = bundle_fd;
	ws->user = *user;
	ws->list = calloc(config->workers ? config->workers : process_cpus(), sizeof(*ws->list));
	for (size_t i = 0; i < config->n_listeners; i++)
		ws->n_listen_fds += config->listeners[i].n_addrs;
	if (!ws->list)
		r = -ENOMEM;
	if (ws->n_listen_fds == 0)
		r = -EINVAL;
	for (size_t i = 0; r == 0 && i < (config->workers ? config->workers : process_cpus());
	     i++) {
		ws->count = i + 1;
		r = open_process(ws, i);
	}
	if (r == 0)
		r = open_listeners(ws);
	if (r < 0) {
		workers_close(ws);
		return r;
	}
	*ret_workers = ws;
	return 0;
}

static void close_listeners(struct workers *ws)
{
	for (size_t w = 0; w < ws->count; w++) {
		for (size_t i = 0; ws->list[w].listen_fds && i < ws->n_listen_fds; i++)
			fd_close(&ws->list[w].listen_fds[i]);
	}
}

static void remove_unix_sockets(const struct config *config)
{
	for (size_t i = 0; i < config->n_listeners; i++) {
		for (size_t a = 0; a < config->listeners[i].n_addrs; a++) {
			const struct addr *addr = &config->listeners[i].addrs[a];

			if (addr_is_unix(addr))
				(void)unlink(addr->un.sun_path);
		}
	}
}

void workers_close(struct workers *ws)
{
	if (!ws)
		return;
	if (ws->all_ended)
		remove_unix_sockets(ws->config);
	close_listeners(ws);
	loop_disarm(ws->loop, &ws->kill_timer);
	for (size_t i = 0; i < ws->count; i++) {
		struct worker_process *worker = &ws->list[i];

		if (worker->pid > 0) {
			(void)kill(worker->pid, SIGKILL);
			(void)waitpid(worker->pid, NULL, 0);
		}
		loop_disarm(ws->loop, &worker->restart);
		loop_remove(ws->loop, &worker->control);
		fd_close(&worker->control.fd);
		fd_close(&worker->stats_fd);
		if (worker->stats)
			munmap(worker->stats, sizeof(*worker->stats));
		free(worker->listen_fds);
	}
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
	log_u64(&line, "listeners", ws->config->n_listeners);
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
		announce(worker->all);
	} else if (message.type == CONTROL_STATUS && memfd >= 0 && worker->all->on_status) {
		worker->all->on_status(worker->all->status_arg, worker->index, message.argument,
				       memfd);
	}
}

static void inherit(int fd)
{
	(void)fcntl(fd, F_SETFD, 0);
}

/* In the child. Only what the worker needs survives the exec; everything is close-on-exec. */
static void exec_worker(const struct worker_process *worker, int control_fd)
{
	const struct workers *ws = worker->all;
	size_t text_size = 12 * (ws->n_listen_fds + 1);
	char *listen_text = calloc(1, text_size);
	char index[24], control[16], bundle[16], stats[16], uid[16], gid[16];
	char program[] = "sluice", command[] = "worker";
	char *argv[] = {program, command, index, control,     bundle,
			stats,	 uid,	  gid,	 listen_text, NULL};
	size_t len = 0;
	sigset_t none;

	if (!listen_text)
		_exit(1);
	for (size_t i = 0; i < ws->n_listen_fds; i++) {
		len += (size_t)snprintf(listen_text + len, text_size - len, "%s%d", i ? "," : "",
					worker->listen_fds[i]);
		inherit(worker->listen_fds[i]);
	}
	inherit(control_fd);
	inherit(ws->bundle_fd);
	inherit(worker->stats_fd);
	snprintf(index, sizeof(index), "%zu", worker->index);
	snprintf(control, sizeof(control), "%d", control_fd);
	snprintf(bundle, sizeof(bundle), "%d", ws->bundle_fd);
	snprintf(stats, sizeof(stats), "%d", worker->stats_fd);
	snprintf(uid, sizeof(uid), "%u", ws->user.uid);
	snprintf(gid, sizeof(gid), "%u", ws->user.gid);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	execv("/proc/self/exe", argv);
	_exit(1);
}

static void reset_gauges(struct stats *stats)
{
	for (int i = 0; i < STAT_COUNT; i++) {
		if (stats_is_gauge(i))
			atomic_store(&stats->value[i], 0);
	}
}

static int spawn(struct worker_process *worker)
{
	struct workers *ws = worker->all;
	int fds[2];
	int _cleanup_fd_ ours = -1, _cleanup_fd_ theirs = -1;
	int r = control_pair(fds);

	if (r < 0)
		return r;
	ours = fds[0];
	theirs = fds[1];
	reset_gauges(worker->stats);
	worker->started_ms = clock_now_ms();
	worker->ready = false;
	worker->pid = fork();
	if (worker->pid == 0)
		exec_worker(worker, theirs);
	if (worker->pid < 0) {
		worker->pid = 0;
		return -errno;
	}
	fd_close(&worker->control.fd);
	worker->control = (struct loop_source){.fd = fd_take(&ours), .ready = on_control};
	return loop_add(ws->loop, &worker->control, EPOLLIN);
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

static void ended(struct worker_process *worker, int status)
{
	struct workers *ws = worker->all;
	struct log_line line;

	worker->pid = 0;
	if (ws->draining) {
		ws->was_cut |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
		check_all_ended(ws);
		return;
	}
	log_begin(&line, LOG_ERROR, "worker_died");
	log_u64(&line, "worker", worker->index);
	if (WIFSIGNALED(status))
		log_i64(&line, "signal", WTERMSIG(status));
	else
		log_i64(&line, "exit", WEXITSTATUS(status));
	/* A worker that never got ready at the first start would not at the second. */
	if (!ws->announced && !worker->ready) {
		log_str(&line, "next", "giving up: it never got ready");
		log_end(&line);
		ws->cannot_start = true;
		ws->all_ended(ws->arg);
		return;
	}
	log_fmt(&line, "next", "restart in %llu ms", (unsigned long long)worker->back_off_ms);
	log_end(&line);
	restart_later(worker);
}

/* --- all of them --- */

int workers_start(struct workers *ws, void (*all_ended)(void *arg), void *arg)
{
	ws->all_ended = all_ended;
	ws->arg = arg;
	for (size_t i = 0; i < ws->count; i++) {
		int r;

		ws->list[i].restart.fire = restart;
		r = spawn(&ws->list[i]);
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
	if (!ws->draining) {
		ws->draining = true;
		ws->kill_timer.fire = kill_all;
		(void)loop_arm(ws->loop, &ws->kill_timer, limit_ms + KILL_AFTER_MS);
	}
	for (size_t i = 0; i < ws->count; i++) {
		struct worker_process *worker = &ws->list[i];

		loop_disarm(ws->loop, &worker->restart);
		if (worker->pid > 0 &&
		    control_send(worker->control.fd, CONTROL_DRAIN, limit_ms, -1) < 0)
			(void)kill(worker->pid, SIGKILL);
	}
	/* Ours are the last references: closing them resets what no worker has accepted. */
	close_listeners(ws);
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
