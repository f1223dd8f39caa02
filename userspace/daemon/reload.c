// SPDX-License-Identifier: Apache-2.0
#include "daemon/reload.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "daemon/expiry.h"
#include "daemon/workers.h"
#include "sys/json.h"
#include "sys/loop.h"
#include "sys/watch.h"

#include <stdio.h>
#include <string.h>

#define QUIET_MS	200  /* files that belong together are written one after the other */
#define QUIET_MOST_MS	2000 /* and when they never are quiet */
#define BUSY_MS		100  /* the reload before is still looking at sessions */
#define EXPIRY_EVERY_MS UINT64_C(3600000)

#define MISTAKES_LOGGED 20

/** Somebody who wants to know. */
struct waiter {
	struct list node;
	reload_done *done;
	void *arg;
};

struct failure {
	int64_t at; /* seconds since 1970; 0: there was none since the last success */
	const char *why;
	char *report;
};

struct reload {
	struct reload_options options;
	struct candidate served, next;
	struct expiry expiry; /* of what is served */
	uint64_t generation;
	int64_t since; /* seconds since 1970 */
	const char *served_why, *why;
	const char *again; /* asked for meanwhile, by whom; NULL: not */
	char *report;	   /* of the attempt that is going on */
	bool is_going_on;
	struct list waiters, next_waiters;
	struct watch *watch;
	char **watched; /* the files of what was read last; none when they are not to be watched */
	size_t n_watched;
	struct loop_timer look; /* the files are quiet, or it is time to try again */
	struct loop_timer hourly;
	uint64_t restless_since_ms; /* 0: no change is waiting */
	struct failure failure;
};

static void add_waiter(struct list *list, reload_done *done, void *arg)
{
	struct waiter *waiter = done ? malloc(sizeof(*waiter)) : NULL;

	if (!waiter)
		return; /* without memory nobody is told, and its own time limit ends its waiting */
	waiter->done = done;
	waiter->arg = arg;
	list_add_tail(list, &waiter->node);
}

static void tell(struct reload *reload, bool ok, bool changed)
{
	const struct reload_result result = {
		.ok = ok,
		.changed = changed,
		.generation = reload->generation,
		.report = reload->report ? reload->report : "",
	};

	while (!list_is_empty(&reload->waiters)) {
		struct waiter *waiter = container_of(reload->waiters.next, struct waiter, node);

		list_del(&waiter->node);
		waiter->done(waiter->arg, &result);
		free(waiter);
	}
}

static void finish(struct reload *reload, bool ok, bool changed)
{
	reload->is_going_on = false;
	candidate_done(&reload->next);
	tell(reload, ok, changed);
	list_move_all(&reload->next_waiters, &reload->waiters);
	if (reload->again)
		(void)loop_arm(reload->options.loop, &reload->look, BUSY_MS);
}

static void fail(struct reload *reload, const char *error)
{
	if (!reload->report || reload->report[0] == '\0') {
		free(reload->report);
		reload->report = strdup(error);
	}
	free(reload->failure.report);
	reload->failure = (struct failure){
		.at = clock_real_s(),
		.why = reload->why,
		.report = reload->report ? strdup(reload->report) : NULL,
	};
	log_event(LOG_ERROR, "reload_failed", "generation %llu stays; asked by %s: %s",
		  (unsigned long long)reload->generation, reload->why, error);
	finish(reload, false, false);
}

static void forget_failure(struct reload *reload)
{
	free(reload->failure.report);
	reload->failure = (struct failure){};
}

static void log_mistakes(struct report *report)
{
	report_sort(report);
	for (size_t i = 0; i < report->count && i < MISTAKES_LOGGED; i++) {
		const struct report_item *item = &report->items[i];

		log_event(item->level == REPORT_MISTAKE ? LOG_ERROR : LOG_WARN,
			  item->level == REPORT_MISTAKE ? "reload_mistake" : "reload_remark",
			  "line %u: %s: %s (%s)", item->line, item->field, item->message,
			  item->hint);
	}
}

static char *report_text(struct report *report)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	report_print(report, out);
	(void)fclose(out);
	return text;
}

static void note_expiry(struct reload *reload)
{
	struct expiry expiry;

	if (expiry_read(reload->served.config, &expiry) < 0)
		return;
	expiry_keep(&expiry, &reload->expiry);
	expiry_done(&reload->expiry);
	reload->expiry = expiry;
	expiry_warn(&reload->expiry, clock_real_s());
}

static void on_workers(void *arg, const char *error)
{
	struct reload *reload = arg;
	struct log_line line;

	if (error) {
		fail(reload, error);
		return;
	}
	reload->generation++;
	reload->since = clock_real_s();
	reload->served_why = reload->why;
	forget_failure(reload);
	reload->options.switched(reload->options.arg, reload->next.config);
	candidate_done(&reload->served);
	reload->served = reload->next;
	reload->next = (struct candidate){.bundle_fd = -1};
	log_begin(&line, LOG_INFO, "reloaded");
	log_u64(&line, "generation", reload->generation);
	log_str(&line, "asked_by", reload->why);
	log_u64(&line, "load_ms", reload->served.load_ms);
	log_end(&line);
	note_expiry(reload);
	finish(reload, true, true);
}

static void forget_watched(struct reload *reload)
{
	for (size_t i = 0; i < reload->n_watched; i++)
		free(reload->watched[i]);
	free(reload->watched);
	reload->watched = NULL;
	reload->n_watched = 0;
}

static bool are_watched(const struct reload *reload, const struct candidate *candidate)
{
	bool same = reload->n_watched == candidate->n_paths;

	for (size_t i = 0; same && i < candidate->n_paths; i++)
		same = strcmp(reload->watched[i], candidate->paths[i]) == 0;
	return same;
}

/* Without memory it is as if it had no paths: what was watched before still is. */
static int keep_paths(struct reload *reload, const struct candidate *candidate)
{
	char **paths = calloc(candidate->n_paths, sizeof(char *));
	size_t n = 0;

	while (paths && n < candidate->n_paths && (paths[n] = strdup(candidate->paths[n])))
		n++;
	if (!paths || n < candidate->n_paths) {
		while (n > 0)
			free(paths[--n]);
		free(paths);
		return -ENOMEM;
	}
	forget_watched(reload);
	reload->watched = paths;
	reload->n_watched = n;
	return 0;
}

static void watch_kept(struct reload *reload)
{
	int r = watch_paths(reload->watch, reload->watched, reload->n_watched);

	if (r < 0)
		log_event(LOG_WARN, "watch_failed",
			  "changed files will not be noticed, SIGHUP still works: %s; see "
			  "fs.inotify in sysctl(8)",
			  strerror(-r));
}

/*
 * After the reading. Files that are new to us may have changed before they were watched, so they are
 * looked at once more. Without paths the text could not be understood, and the same is watched.
 */
static void watch_read(struct reload *reload, const struct candidate *candidate)
{
	const struct config *config = candidate->config ? candidate->config : reload->served.config;

	if (!config || !config->watch) {
		forget_watched(reload);
		watch_kept(reload);
	} else if (candidate->n_paths > 0 && !are_watched(reload, candidate) &&
		   keep_paths(reload, candidate) == 0) {
		watch_kept(reload);
		(void)loop_arm(reload->options.loop, &reload->look, QUIET_MS);
	}
}

static void serve_next(struct reload *reload)
{
	const struct workers_next next = {
		.config = reload->next.config,
		.bundle_fd = reload->next.bundle_fd,
		.generation = reload->generation + 1,
		.load_ms = reload->next.load_ms,
		.done = on_workers,
		.arg = reload,
	};
	int r = workers_reload(reload->options.workers, &next);

	if (r < 0)
		fail(reload, r == -EBUSY ? "sluice is being stopped" : strerror(-r));
}

static void already_served(struct reload *reload)
{
	forget_failure(reload); /* the mistake was taken back */
	finish(reload, true, false);
}

static void begin(struct reload *reload, const char *why)
{
	struct report report;
	int r;

	reload->is_going_on = true;
	reload->why = why;
	/* Links may lead elsewhere by now; and what changes while it is read is told of. */
	if (reload->n_watched > 0)
		watch_kept(reload);
	report_init(&report);
	r = candidate_read(reload->options.path, &reload->served, &report, &reload->next);
	log_mistakes(&report);
	free(reload->report);
	reload->report = report_text(&report);
	report_done(&report);
	watch_read(reload, &reload->next);
	if (r < 0)
		fail(reload, r == -EINVAL ? "the configuration has mistakes" : strerror(-r));
	else if (candidate_is_same(&reload->served, &reload->next))
		already_served(reload);
	else
		serve_next(reload);
}

/* Those who have asked while a reload was going on: there is none that they could wait for. */
static void turn_away(struct reload *reload)
{
	free(reload->report);
	reload->report = strdup("sluice is being stopped");
	list_move_all(&reload->next_waiters, &reload->waiters);
	tell(reload, false, false);
}

static void look(struct loop_timer *timer)
{
	struct reload *reload = container_of(timer, struct reload, look);
	const char *why = reload->again ? reload->again : "files";

	if (workers_are_draining(reload->options.workers)) {
		turn_away(reload);
		return;
	}
	if (reload->is_going_on || workers_are_busy(reload->options.workers)) {
		(void)loop_arm(reload->options.loop, &reload->look, BUSY_MS);
		return;
	}
	reload->restless_since_ms = 0;
	reload->again = NULL;
	begin(reload, why);
}

static void on_files(void *arg)
{
	struct reload *reload = arg;
	uint64_t now_ms = loop_now_ms(reload->options.loop);

	if (reload->restless_since_ms == 0)
		reload->restless_since_ms = now_ms;
	if (now_ms - reload->restless_since_ms < QUIET_MOST_MS)
		(void)loop_arm(reload->options.loop, &reload->look, QUIET_MS);
}

void reload_ask(struct reload *reload, const char *why, reload_done *done, void *arg)
{
	add_waiter(reload->is_going_on ? &reload->next_waiters : &reload->waiters, done, arg);
	if (!reload->is_going_on && !workers_are_busy(reload->options.workers)) {
		begin(reload, why);
		return;
	}
	reload->again = why;
	if (!reload->is_going_on)
		(void)loop_arm(reload->options.loop, &reload->look, BUSY_MS);
}

static void every_hour(struct loop_timer *timer)
{
	struct reload *reload = container_of(timer, struct reload, hourly);

	expiry_warn(&reload->expiry, clock_real_s());
	(void)loop_arm(reload->options.loop, &reload->hourly, EXPIRY_EVERY_MS);
}

int reload_new(const struct reload_options *options, struct reload **ret_reload)
{
	struct reload *reload = calloc(1, sizeof(*reload));
	int r;

	if (!reload)
		return -ENOMEM;
	reload->options = *options;
	reload->served = options->served;
	reload->next.bundle_fd = -1;
	reload->generation = 1;
	reload->since = clock_real_s();
	reload->served_why = "start";
	reload->look.fire = look;
	reload->hourly.fire = every_hour;
	list_init(&reload->waiters);
	list_init(&reload->next_waiters);
	r = watch_new(options->loop, on_files, reload, &reload->watch);
	if (r < 0) {
		free(reload);
		return r;
	}
	watch_read(reload, &reload->served);
	note_expiry(reload);
	(void)loop_arm(options->loop, &reload->hourly, EXPIRY_EVERY_MS);
	*ret_reload = reload;
	return 0;
}

void reload_stop(struct reload *reload)
{
	if (!reload)
		return;
	workers_reload_cancel(reload->options.workers);
	turn_away(reload);
}

void reload_free(struct reload *reload)
{
	if (!reload)
		return;
	loop_disarm(reload->options.loop, &reload->look);
	loop_disarm(reload->options.loop, &reload->hourly);
	watch_free(reload->watch);
	forget_watched(reload);
	expiry_done(&reload->expiry);
	candidate_done(&reload->next);
	candidate_done(&reload->served);
	free(reload->report);
	free(reload->failure.report);
	free(reload);
}

void reload_report(const struct reload *reload, struct json *status)
{
	struct json *generation = json_add_object(status, "generation");
	struct json *paths, *failure;
	char text[CLOCK_TEXT_MAX];

	json_add_u64(generation, "number", reload->generation);
	json_add_str(generation, "since", clock_format_utc(reload->since, text));
	json_add_str(generation, "asked_by", reload->served_why);
	paths = json_add_array(generation, "files");
	for (size_t i = 0; i < reload->served.n_paths; i++)
		json_append_str(paths, reload->served.paths[i]);
	expiry_report(&reload->expiry, clock_real_s(), json_add_array(generation, "certificates"));
	if (reload->failure.at == 0) {
		json_add_null(generation, "last_failure");
		return;
	}
	failure = json_add_object(generation, "last_failure");
	json_add_str(failure, "at", clock_format_utc(reload->failure.at, text));
	json_add_str(failure, "asked_by", reload->failure.why);
	json_add_str(failure, "report", reload->failure.report);
}
