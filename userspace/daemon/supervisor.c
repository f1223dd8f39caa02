// SPDX-License-Identifier: Apache-2.0
/*
 * Supervisor: start-up, signals, drain. The workers themselves are in workers.c, the answers to
 * `sluice status` in collect.c.
 *
 * The listening sockets stay open here, one set per worker, so a worker that dies loses none of
 * the connections that are queued: the next one finds them.
 */
#include "daemon/supervisor.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/report.h"
#include "daemon/addresses.h"
#include "daemon/bundle.h"
#include "daemon/collect.h"
#include "daemon/confload.h"
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
	struct config *config;
	const char *path;
	struct loop_source signals;
	struct workers *workers;
	struct collect *collect;
	int admin_fd;
	int bundle_fd;
};

static int load(struct supervisor *sv)
{
	struct bundle *bundle = NULL;
	struct report report;
	int r;

	report_init(&report);
	r = bundle_read(sv->path, &report, &bundle);
	if (r == 0)
		r = confload_build(bundle, &report, &sv->config);
	if (r == 0)
		addresses_check(sv->config, bundle, ADDRESSES_TO_SERVE, &report);
	if (r == 0 && report.n_mistakes > 0)
		r = -EINVAL;
	if (r == 0)
		r = bundle_to_fd(bundle, &sv->bundle_fd);
	if (report.count > 0)
		report_print(&report, stderr);
	else if (r < 0)
		fprintf(stderr, "%s: %s\n", sv->path, strerror(-r));
	bundle_free(bundle);
	report_done(&report);
	return r;
}

static void choose_user(const struct config *config, struct process_user *ret_user)
{
	const char *name = config->user ? config->user : "sluice";

	if (geteuid() != 0) {
		log_event(LOG_WARN, "not_root",
			  "workers run as the same user; the tls module cannot be loaded, ports "
			  "below 1024 not be opened; start as root for both");
		*ret_user = (struct process_user){.uid = geteuid(), .gid = getegid()};
		return;
	}
	if (process_find_user(name, ret_user) == 0)
		return;
	if (process_find_user("nobody", ret_user) < 0)
		*ret_user = (struct process_user){.uid = 65534, .gid = 65534};
	log_event(LOG_WARN, "no_user", "there is no user '%s': workers run as nobody", name);
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
	return collect_open(sv->loop, sv->admin_fd, sv->workers, sv->path, &sv->collect);
}

static void all_ended(void *arg)
{
	struct supervisor *sv = arg;

	loop_stop(sv->loop);
}

static void on_signal(struct loop_source *source, uint32_t events)
{
	struct supervisor *sv = container_of(source, struct supervisor, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(source->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			workers_reap(sv->workers);
			continue;
		}
		log_event(LOG_INFO, "drain",
			  "signal %u: no new connections; sessions may end within %llu ms",
			  info.ssi_signo, (unsigned long long)sv->config->timeouts.drain_ms);
		workers_drain(sv->workers, sv->config->timeouts.drain_ms);
	}
}

static int watch_signals(struct supervisor *sv)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
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

static int start(struct supervisor *sv)
{
	struct process_user user;
	int r;

	r = loop_new(&sv->loop);
	if (r == 0)
		r = watch_signals(sv);
	if (r < 0)
		return r;
	process_raise_limits();
	choose_user(sv->config, &user);
	/* Setting the ULP once loads the module, which the workers have no right to do. */
	if (sock_load_ulp() < 0)
		log_event(LOG_WARN, "no_kernel_tls",
			  "the kernel has no TLS: sessions stay in userspace; see 'sluice probe'");
	r = workers_open(sv->loop, sv->config, sv->bundle_fd, &user, &sv->workers);
	if (r == 0)
		r = open_admin(sv);
	if (r == 0)
		r = workers_start(sv->workers, all_ended, sv);
	return r;
}

static void finish(struct supervisor *sv)
{
	collect_close(sv->collect);
	workers_close(sv->workers);
	fd_close(&sv->signals.fd);
	fd_close(&sv->bundle_fd);
	fd_close(&sv->admin_fd);
	if (sv->config && addr_is_unix(&sv->config->admin))
		(void)unlink(sv->config->admin.un.sun_path);
	loop_free(sv->loop);
	config_free(sv->config);
}

int supervisor_run(const char *path)
{
	struct supervisor sv = {
		.path = path,
		.admin_fd = -1,
		.bundle_fd = -1,
		.signals = {.fd = -1},
	};
	int code = EXIT_FAILED;
	int r;

	log_set_process("supervisor");
	log_unblock();
	r = load(&sv);
	if (r < 0 || !sv.config)
		return EXIT_FAILED;
	log_setup(sv.config->log_format == CONFIG_LOG_JSON ? LOG_JSON : LOG_KEY_VALUE, LOG_INFO);
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
