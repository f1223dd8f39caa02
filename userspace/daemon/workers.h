/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker processes: their listening sockets and counters, start, restart, drain, end.
 */
#ifndef SLUICE_DAEMON_WORKERS_H
#define SLUICE_DAEMON_WORKERS_H

#include "model/config.h"
#include "model/stats.h"
#include "sys/loop.h"
#include "sys/process.h"

struct workers;

/** All borrowed, and to live as long as the workers. */
struct workers_options {
	struct loop *loop;
	const struct config *config;
	int bundle_fd;
	uint64_t generation; /* its number */
	struct process_user user;
	uint64_t load_ms; /* the configuration took us so long: a measure for the workers */
};

/**
 * workers_open() - open every listening socket; addresses_check() has said that it can be done.
 * Failures are logged with their address.
 * Returns: 0, -EADDRINUSE, -EACCES, -ENOMEM and what else bind(2) has.
 */
int workers_open(const struct workers_options *options, struct workers **ret_workers);

/** workers_start() - start the processes; @all_ended is called when the last one ended. */
int workers_start(struct workers *workers, void (*all_ended)(void *arg), void *arg);

/** workers_close() - kill what still runs and close everything; NULL is fine. */
void workers_close(struct workers *workers);

/** workers_reap() - SIGCHLD: note who ended and start it anew unless it was drained. */
void workers_reap(struct workers *workers);

/** The next generation, checked. All borrowed, to live until it is settled or replaced. */
struct workers_next {
	const struct config *config;
	int bundle_fd;
	uint64_t generation;
	uint64_t load_ms;
	/*
	 * @error: NULL: every worker serves it from now on; otherwise nothing has changed and nobody
	 * refers to it any more.
	 */
	void (*done)(void *arg, const char *error);
	void *arg;
};

/**
 * workers_reload() - open what it listens on in addition, have every worker build it, then have all
 * go over to it. One at a time; next->done is called once, not before this returns 0.
 * Returns: 0; -EBUSY (workers_are_busy(), or a drain); -EADDRINUSE and what else bind(2) has, logged.
 */
int workers_reload(struct workers *workers, const struct workers_next *next);

/** workers_reload_cancel() - a drain, or the end: what is prepared is forgotten, next->done is called. */
void workers_reload_cancel(struct workers *workers);

/**
 * workers_are_busy() - they start for the first time, a reload is going on, or sessions are still being
 * looked at.
 */
bool workers_are_busy(const struct workers *workers);

/**
 * workers_drain() - every worker serves what is queued, accepts no more, and ends; addresses and
 * unix sockets' files are free for a successor. Called again, it cuts at once.
 */
void workers_drain(struct workers *workers, uint64_t limit_ms);

bool workers_are_draining(const struct workers *workers);

/** workers_exit_code() - 0, 3 when a session was cut, 1 when a worker could not start at all. */
int workers_exit_code(const struct workers *workers);

size_t workers_count(const struct workers *workers);

/** What `sluice status` needs of one worker, borrowed. */
struct worker_view {
	size_t index;
	int pid; /* 0: being restarted */
	size_t restarts;
	const struct stats *stats;
};

struct worker_view workers_view(const struct workers *workers, size_t index);

/** workers_ask_status() - ask all that run. Returns: how many were asked. */
size_t workers_ask_status(struct workers *workers, uint64_t query);

/** workers_on_status() - @reply is called per answer with a memfd, which it borrows. */
void workers_on_status(struct workers *workers,
		       void (*reply)(void *arg, size_t index, uint64_t query, int memfd),
		       void *arg);

#endif
