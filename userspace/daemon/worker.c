// SPDX-License-Identifier: Apache-2.0
#include "daemon/worker.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "daemon/control.h"
#include "daemon/worker_reload.h"
#include "proxy/proxy.h"
#include "sys/json.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct worker {
	const struct worker_options *options;
	struct loop *loop;
	struct stats *stats;
	struct proxy *proxy;
	struct loop_source control;
	struct loop_timer deadline;
	struct worker_reload reload;
	uint64_t started_ms;
	size_t start_heap_bytes; /* when it was ready: what no session is to blame for */
	bool draining;
};

static void drained(struct proxy *proxy)
{
	loop_stop(proxy->loop);
}

static void cut(struct loop_timer *timer)
{
	struct worker *w = container_of(timer, struct worker, deadline);

	proxy_cut(w->proxy);
}

static void drain(struct worker *w, uint64_t limit_ms)
{
	/* Asked again: the operator has no more patience. */
	if (w->draining) {
		proxy_cut(w->proxy);
		return;
	}
	w->draining = true;
	worker_reload_abandon(&w->reload);
	w->deadline.fire = cut;
	if (loop_arm(w->loop, &w->deadline, limit_ms) < 0)
		proxy_cut(w->proxy);
	proxy_drain(w->proxy, drained);
}

/* Called before the report takes memory itself. */
static void report_memory(const struct worker *w, struct json *status)
{
	size_t heap = process_heap_bytes(), sessions = w->proxy->n_sessions;
	size_t grown = heap > w->start_heap_bytes ? heap - w->start_heap_bytes : 0;
	struct json *memory = json_add_object(status, "memory");

	json_add_u64(memory, "heap_bytes", heap);
	json_add_u64(memory, "heap_at_start_bytes", w->start_heap_bytes);
	json_add_u64(memory, "per_session_bytes", sessions ? grown / sessions : 0);
}

static void report_status(struct worker *w, uint64_t query)
{
	struct json _cleanup_json_ *status = json_new_object();
	int _cleanup_fd_ fd = memfd_create("sluice-status", MFD_CLOEXEC);

	json_add_u64(status, "index", w->options->index);
	json_add_u64(status, "pid", (uint64_t)getpid());
	json_add_u64(status, "generation", w->proxy->generation->number);
	json_add_u64(status, "uptime_ms", clock_now_ms() - w->started_ms);
	report_memory(w, status);
	proxy_report_sessions(w->proxy, json_add_array(status, "sessions"));
	if (fd < 0 || json_write_fd(status, fd, JSON_ONE_LINE) < 0) {
		log_event(LOG_WARN, "status_failed", "no memory for the list of sessions");
		return;
	}
	/* When the supervisor does not take it, its query times out and says so. */
	(void)control_send(w->control.fd, CONTROL_STATUS, query, fd);
}

static void reload(struct worker *w, const struct control_message *message, int payload_fd)
{
	/* Before anything that may take long. When the supervisor does not take it, we are killed. */
	if (message->type == CONTROL_PREPARE)
		(void)control_send(w->control.fd, CONTROL_HEARD, message->argument, -1);
	worker_reload_message(&w->reload, message, payload_fd);
}

static void on_control(struct loop_source *source, uint32_t events)
{
	struct worker *w = container_of(source, struct worker, control);
	struct control_message message;
	int _cleanup_fd_ payload_fd = -1;
	int r = control_receive(source->fd, &message, &payload_fd);

	(void)events;
	if (r == -EAGAIN)
		return;
	if (r < 0) {
		log_event(LOG_ERROR, "supervisor_gone", "draining, then this worker ends");
		loop_remove(w->loop, source);
		drain(w, proxy_config(w->proxy)->timeouts.drain_ms);
		return;
	}
	if (message.type == CONTROL_DRAIN)
		drain(w, message.argument);
	else if (message.type == CONTROL_STATUS)
		report_status(w, message.argument);
	else if (!w->draining)
		reload(w, &message, fd_take(&payload_fd));
}

static int start(struct worker *w)
{
	const struct worker_options *options = w->options;
	struct generation *generation = NULL;
	int r = loop_new(&w->loop);

	if (r < 0)
		return r;
	r = worker_load(options->bundle_fd, options->generation, options->index, &generation);
	/* The supervisor has checked the same bytes: a mistake here is one of ours. */
	if (r < 0) {
		log_event(LOG_ERROR, "worker_failed", "the configuration cannot be read: %s",
			  strerror(-r));
		return r;
	}
	worker_set_log(generation);
	r = proxy_new(w->loop, generation, w->stats, &w->proxy);
	if (r == 0)
		r = proxy_listen(w->proxy, options->listen_fds, options->n_listen_fds);
	w->control = (struct loop_source){.fd = options->control_fd, .ready = on_control};
	if (r == 0)
		r = loop_add(w->loop, &w->control, EPOLLIN);
	if (r < 0)
		return r;
	w->reload.proxy = w->proxy;
	w->reload.control_fd = options->control_fd;
	w->reload.worker = options->index;
	w->start_heap_bytes = process_heap_bytes();
	return control_send(options->control_fd, CONTROL_READY, 0, -1);
}

static int map_stats(int fd, struct stats **ret_stats)
{
	void *mapped = mmap(NULL, sizeof(struct stats), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	(void)close(fd);
	if (mapped == MAP_FAILED)
		return -errno;
	*ret_stats = mapped;
	return 0;
}

/*
 * The terminal's ^C reaches the whole group; only the supervisor decides what it means. They come
 * blocked from the supervisor: one that was sent before this is forgotten, not our death.
 */
static void ignore_signals(void)
{
	sigset_t none;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

int worker_run(const struct worker_options *options)
{
	struct worker w = {.options = options, .started_ms = clock_now_ms()};
	char name[32];
	int r;

	snprintf(name, sizeof(name), "worker/%zu", options->index);
	log_set_process(name);
	ignore_signals();
	r = process_restrict(&options->user);
	(void)process_lock_memory(); /* otherwise only base/lockmem is locked */
	if (r == 0)
		r = map_stats(options->stats_fd, &w.stats);
	if (r == 0)
		r = start(&w);
	if (r == 0)
		r = loop_run(w.loop);
	if (r < 0)
		log_event(LOG_ERROR, "worker_failed", "%s", strerror(-r));
	if (r == 0 && w.proxy->n_cut > 0)
		r = WORKER_EXIT_CUT;
	log_finish();
	worker_reload_finish(&w.reload);
	proxy_free(w.proxy);
	loop_free(w.loop);
	return r < 0 ? 1 : r;
}
