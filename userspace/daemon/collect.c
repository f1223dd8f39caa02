// SPDX-License-Identifier: Apache-2.0
#include "daemon/collect.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/list.h"
#include "daemon/admin.h"
#include "daemon/reload.h"
#include "daemon/workers.h"
#include "sys/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART_MAX_BYTES (64 << 20) /* 100,000 sessions of 600 bytes */

/*
 * A worker that is busy for longer is shown without its sessions and its memory. On a machine that has
 * more to do a list of 2,000 sessions has taken 1.1 s. A client waits for 5 s.
 */
#define ANSWER_WITHIN_MS     1000
#define ANSWER_AT_LATEST_MS  4000
#define SESSIONS_PER_MORE_MS 2

struct collect {
	struct loop *loop;
	struct workers *workers;
	struct reload *reload;
	struct admin *admin;
	const char *config_path;
	uint64_t started_ms;
	uint64_t next_query;
	struct list queries;
};

/** One question that waits for the workers' answers. */
struct query {
	struct list node;
	struct collect *collect;
	struct admin_query *admin_query;
	uint64_t id;
	size_t missing;
	struct loop_timer deadline;
	struct json **parts; /* one per worker; NULL: has not answered */
};

static void add_counters(struct json *worker, const struct stats *stats)
{
	struct json *counters = json_add_object(worker, "counters");

	for (int i = 0; i < STAT_COUNT; i++)
		json_add_u64(counters, stats_name(i), stats_get(stats, i));
}

static struct json *worker_part(const struct worker_view *view, struct json *answer)
{
	struct json *worker = answer ? answer : json_new_object();

	json_add_u64(worker, "index", view->index);
	json_add_u64(worker, "pid", (uint64_t)view->pid);
	json_add_u64(worker, "restarts", view->restarts);
	if (!answer)
		json_add_array(worker, "sessions");
	add_counters(worker, view->stats);
	return worker;
}

static void query_free(struct query *query)
{
	loop_disarm(query->collect->loop, &query->deadline);
	list_del(&query->node);
	for (size_t i = 0; query->parts && i < workers_count(query->collect->workers); i++)
		json_free(query->parts[i]);
	free(query->parts);
	free(query);
}

static void answer(struct query *query)
{
	struct collect *collect = query->collect;
	struct json *status = json_new_object();
	struct json *workers;

	json_add_str(status, "version", SLUICE_VERSION);
	json_add_u64(status, "pid", (uint64_t)getpid());
	json_add_u64(status, "uptime_ms", clock_now_ms() - collect->started_ms);
	json_add_str(status, "state",
		     workers_are_draining(collect->workers) ? "draining" : "running");
	json_add_str(status, "config", collect->config_path);
	reload_report(collect->reload, status);
	workers = json_add_array(status, "workers");
	for (size_t i = 0; i < workers_count(collect->workers); i++) {
		struct worker_view view = workers_view(collect->workers, i);

		json_append_take(workers, worker_part(&view, json_take(&query->parts[i])));
	}
	admin_answer(query->admin_query, status);
	query_free(query);
}

static void on_deadline(struct loop_timer *timer)
{
	answer(container_of(timer, struct query, deadline));
}

/*
 * A worker may have been taken over: the bytes are read, not mapped, since what it can truncate
 * would be our SIGBUS, and only from a memfd, where reading does not block.
 */
static struct json *read_part(int memfd)
{
	char _cleanup_free_ *text = NULL;
	struct json *part = NULL;
	struct stat info;
	ssize_t n;

	if (fcntl(memfd, F_GET_SEALS) < 0 || fstat(memfd, &info) < 0 || info.st_size <= 0 ||
	    info.st_size > PART_MAX_BYTES)
		return NULL;
	text = malloc((size_t)info.st_size);
	n = text ? pread(memfd, text, (size_t)info.st_size, 0) : -1;
	if (n < 0 || json_parse(text, (size_t)n, &part) < 0)
		return NULL;
	return part;
}

static void on_part(void *arg, size_t index, uint64_t id, int memfd)
{
	struct collect *collect = arg;
	struct list *node;

	list_for_each (node, &collect->queries) {
		struct query *query = container_of(node, struct query, node);

		if (query->id != id || query->parts[index])
			continue;
		/* An answer that is none counts for nothing: the deadline does without it. */
		query->parts[index] = read_part(memfd);
		if (query->parts[index] && --query->missing == 0)
			answer(query);
		return;
	}
}

static uint64_t time_to_answer_ms(struct workers *workers)
{
	uint64_t ms = ANSWER_WITHIN_MS;

	for (size_t i = 0; i < workers_count(workers); i++) {
		struct worker_view view = workers_view(workers, i);

		ms += stats_get(view.stats, STAT_CONNECTIONS) / SESSIONS_PER_MORE_MS;
	}
	return ms < ANSWER_AT_LATEST_MS ? ms : ANSWER_AT_LATEST_MS;
}

static void on_query(void *arg, struct admin_query *admin_query)
{
	struct collect *collect = arg;
	struct query *query = calloc(1, sizeof(*query));

	if (query)
		query->parts = calloc(workers_count(collect->workers), sizeof(struct json *));
	if (!query || !query->parts) {
		free(query);
		admin_answer(admin_query, NULL);
		return;
	}
	query->collect = collect;
	query->admin_query = admin_query;
	query->id = ++collect->next_query;
	query->deadline.fire = on_deadline;
	list_add_tail(&collect->queries, &query->node);
	query->missing = workers_ask_status(collect->workers, query->id);
	if (query->missing == 0 ||
	    loop_arm(collect->loop, &query->deadline, time_to_answer_ms(collect->workers)) < 0)
		answer(query);
}

static void on_reloaded(void *arg, const struct reload_result *result)
{
	struct json *answer = json_new_object();

	json_add_bool(answer, "ok", result->ok);
	json_add_bool(answer, "changed", result->changed);
	json_add_u64(answer, "generation", result->generation);
	json_add_str(answer, "report", result->report);
	admin_answer_reload(arg, result->ok, answer);
}

static void on_reload(void *arg, struct admin_query *query)
{
	const struct collect *collect = arg;

	reload_ask(collect->reload, "command", on_reloaded, query);
}

int collect_open(struct loop *loop, int admin_fd, struct workers *workers, struct reload *reload,
		 const char *config_path, struct collect **ret_collect)
{
	struct collect *collect = calloc(1, sizeof(*collect));
	const struct admin_handlers handlers = {
		.status = on_query, .reload = on_reload, .arg = collect};
	int r;

	if (!collect)
		return -ENOMEM;
	collect->loop = loop;
	collect->workers = workers;
	collect->reload = reload;
	collect->config_path = config_path;
	collect->started_ms = clock_now_ms();
	list_init(&collect->queries);
	r = admin_open(loop, admin_fd, &handlers, &collect->admin);
	if (r < 0) {
		free(collect);
		return r;
	}
	workers_on_status(workers, on_part, collect);
	*ret_collect = collect;
	return 0;
}

void collect_close(struct collect *collect)
{
	if (!collect)
		return;
	workers_on_status(collect->workers, NULL, NULL);
	while (!list_is_empty(&collect->queries))
		query_free(container_of(collect->queries.next, struct query, node));
	admin_close(collect->admin);
	free(collect);
}
