// SPDX-License-Identifier: Apache-2.0
/*
 * Supervisor: start-up, signals, drain. The workers themselves are in workers.c, the answers to
 * `sluice status` in collect.c.
 *
 * The listening sockets stay open here, one set per worker, so a worker that dies loses none of
 * the connections that are queued: the next one finds them. With the drain they are closed, and
 * from then on a successor can have our addresses.
 */
#include "daemon/supervisor.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/report.h"
#include "daemon/candidate.h"
#include "daemon/collect.h"
#include "daemon/descriptors.h"
#include "daemon/reload.h"
#include "daemon/user.h"
#include "daemon/workers.h"
#include "sys/process.h"
#include "sys/sock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#define EXIT_FAILED 1

struct supervisor {
	struct loop *loop;
	const char *path;
	struct loop_source signals;
	struct workers *workers;
	struct reload *reload;
	struct collect *collect;
	struct candidate first;	     /* until reload has it */
	const struct config *config; /* that is served */
	int admin_fd;
	struct sock_file admin_file;
};

static int load(struct supervisor *sv)
{
	struct report report;
	int r;

	report_init(&report);
	r = process_hide();
	if (r == 0)
		r = candidate_read(sv->path, NULL, &report, &sv->first);
	if (report.count > 0)
		report_print(&report, stderr);
	else if (r < 0)
		fprintf(stderr, "%s: %s\n", sv->path, strerror(-r));
	report_done(&report);
	sv->config = sv->first.config;
	return r;
}

static int open_admin(struct supervisor *sv)
{
	int r;

	if (sv->config->admin.len == 0)
		return 0;
	r = sock_listen(&sv->config->admin, 0, 16, &sv->admin_fd);
	if (r < 0) {
		char text[ADDR_TEXT_MAX];

		log_event(LOG_ERROR, "admin_failed", "admin.listen %s: %s",
			  addr_format(&sv->config->admin, text), strerror(-r));
		return r;
	}
	sock_file_note(&sv->config->admin, &sv->admin_file);
	return collect_open(sv->loop, sv->admin_fd, sv->workers, sv->reload, sv->path,
			    &sv->collect);
}

static void all_ended(void *arg)
{
	struct supervisor *sv = arg;

	loop_stop(sv->loop);
}

static void drain(struct supervisor *sv, uint32_t signal)
{
	log_event(LOG_INFO, "drain",
		  "signal %u: no new connections; sessions may end within %llu ms", signal,
		  (unsigned long long)sv->config->timeouts.drain_ms);
	/* A successor may start now; who asks for the status already is still answered. */
	sock_file_remove(&sv->config->admin, &sv->admin_file);
	workers_drain(sv->workers, sv->config->timeouts.drain_ms);
}

static void on_signal(struct loop_source *source, uint32_t events)
{
	struct supervisor *sv = container_of(source, struct supervisor, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(source->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			workers_reap(sv->workers);
		else if (info.ssi_signo == SIGHUP)
			reload_ask(sv->reload, "signal", NULL, NULL);
		else
			drain(sv, info.ssi_signo);
	}
}

static int watch_signals(struct supervisor *sv)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	sv->signals.ready = on_signal;
	sv->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sv->signals.fd < 0)
		return -errno;
	return loop_add(sv->loop, &sv->signals, EPOLLIN);
}

static void clamp_connections(struct config *config)
{
	size_t wanted = config->limits.connections;

	if (descriptors_clamp(config))
		log_event(
			LOG_WARN, "limit_lowered",
			"limits.connections: %zu instead of %zu per worker, because a process may "
			"open %zu files; raise that limit (ulimit -n, LimitNOFILE=)",
			config->limits.connections, wanted, process_limit_fds());
}

static int open_workers(struct supervisor *sv)
{
	struct workers_options options = {
		.loop = sv->loop,
		.config = sv->config,
		.bundle_fd = sv->first.bundle_fd,
		.generation = 1,
		.load_ms = sv->first.load_ms,
	};
	int r = user_choose(sv->config, &options.user);

	return r < 0 ? r : workers_open(&options, &sv->workers);
}

static void set_log(const struct config *config)
{
	log_setup(config->log_format == CONFIG_LOG_JSON ? LOG_JSON : LOG_KEY_VALUE, LOG_INFO);
}

static void on_switched(void *arg, struct config *config)
{
	struct supervisor *sv = arg;

	sv->config = config;
	set_log(config);
	clamp_connections(config); /* as the workers do it, without a word */
}

static int open_reload(struct supervisor *sv)
{
	const struct reload_options options = {
		.loop = sv->loop,
		.path = sv->path,
		.workers = sv->workers,
		.served = sv->first,
		.switched = on_switched,
		.arg = sv,
	};
	int r = reload_new(&options, &sv->reload);

	if (r == 0)
		sv->first = (struct candidate){.bundle_fd = -1};
	return r;
}

static int start(struct supervisor *sv)
{
	int r;

	r = loop_new(&sv->loop);
	if (r == 0)
		r = watch_signals(sv);
	if (r < 0)
		return r;
	process_raise_limits();
	clamp_connections(sv->first.config);
	/* Setting the ULP once loads the module, which the workers have no right to do. */
	if (sock_load_ulp() < 0)
		log_event(LOG_WARN, "no_kernel_tls",
			  "the kernel has no TLS: sessions stay in userspace; see 'sluice probe'");
	r = open_workers(sv);
	if (r == 0)
		r = open_reload(sv);
	if (r == 0)
		r = open_admin(sv);
	if (r == 0)
		r = workers_start(sv->workers, all_ended, sv);
	return r;
}

static void finish(struct supervisor *sv)
{
	reload_stop(sv->reload); /* who waits is told through collect */
	collect_close(sv->collect);
	workers_close(sv->workers);
	fd_close(&sv->signals.fd);
	fd_close(&sv->admin_fd);
	sock_file_remove(&sv->config->admin, &sv->admin_file);
	reload_free(sv->reload);
	candidate_done(&sv->first);
	loop_free(sv->loop);
}

int supervisor_run(const char *path)
{
	struct supervisor sv = {
		.path = path,
		.admin_fd = -1,
		.first = {.bundle_fd = -1},
		.signals = {.fd = -1},
	};
	int code = EXIT_FAILED;
	int r;

	log_set_process("supervisor");
	r = load(&sv);
	if (r < 0 || !sv.config) {
		candidate_done(&sv.first);
		return EXIT_FAILED;
	}
	log_unblock(); /* not before: the report of mistakes may wait for who reads it */
	set_log(sv.config);
	r = start(&sv);
	if (r == 0)
		r = loop_run(sv.loop);
	if (r < 0)
		log_event(LOG_ERROR, "failed", "sluice cannot serve: %s", strerror(-r));
	else
		code = workers_exit_code(sv.workers);
	log_finish();
	finish(&sv);
	return code;
}
