// SPDX-License-Identifier: Apache-2.0
#include "daemon/worker_reload.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/report.h"
#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "daemon/descriptors.h"
#include "proxy/proxy.h"

#include <string.h>

static int read_config(int bundle_fd, struct config **ret_config)
{
	struct bundle *bundle = NULL;
	struct report report;
	int r;

	report_init(&report);
	r = bundle_from_fd(bundle_fd, &bundle);
	if (r == 0)
		r = confload_build(bundle, &report, ret_config);
	bundle_free(bundle);
	report_done(&report);
	return r == 0 && !*ret_config ? -EINVAL : r;
}

int worker_load(int bundle_fd, uint64_t number, size_t worker, struct generation **ret_generation)
{
	struct config *config = NULL;
	int r = read_config(bundle_fd, &config);

	(void)close(bundle_fd); /* it has the keys */
	if (r < 0)
		return r;
	(void)descriptors_clamp(config); /* the supervisor has warned */
	return generation_new(config, number, worker, ret_generation);
}

void worker_set_log(const struct generation *generation)
{
	log_setup(generation->config->log_format == CONFIG_LOG_JSON ? LOG_JSON : LOG_KEY_VALUE,
		  LOG_INFO);
}

static void close_fresh(struct worker_reload *reload)
{
	for (size_t i = 0; i < reload->n_fresh; i++)
		fd_close(&reload->fresh[i]);
	reload->n_fresh = 0;
}

static void forget_prepared(struct worker_reload *reload)
{
	free(reload->planned.list);
	reload->planned = (struct listeners){};
	generation_release(reload->next);
	reload->next = NULL;
	close_fresh(reload);
}

/* A build cannot be stopped: its result is thrown away, and the next one waits for its end. */
void worker_reload_abandon(struct worker_reload *reload)
{
	reload->build.abandoned = true;
	forget_prepared(reload);
}

/* Waits for it when it is still going on. */
static void drop_build(struct worker_build *b)
{
	job_wait(&b->job);
	generation_release(b->generation);
	b->generation = NULL;
}

void worker_reload_finish(struct worker_reload *reload)
{
	drop_build(&reload->build);
	forget_prepared(reload);
}

static void build(struct job *job)
{
	struct worker_build *b = container_of(job, struct worker_build, job);

	b->r = worker_load(b->bundle_fd, b->number, b->worker, &b->generation);
}

static void answer(struct worker_reload *reload, int r)
{
	if (r < 0) {
		/* The supervisor has checked the same bytes: a mistake here is one of ours. */
		log_event(LOG_ERROR, "build_failed", "the new generation cannot be built: %s",
			  strerror(-r));
		forget_prepared(reload);
	}
	/* When the supervisor does not take it, its time limit says so. */
	(void)control_send(reload->control_fd, r < 0 ? CONTROL_REFUSED : CONTROL_PREPARED,
			   reload->build.number, -1);
}

static void built(struct job *job)
{
	struct worker_reload *reload = container_of(job, struct worker_reload, build.job);
	int r = reload->build.r;

	/* What is fresh may belong to the next one by now. */
	if (reload->build.abandoned) {
		drop_build(&reload->build);
		return;
	}
	reload->next = reload->build.generation;
	reload->build.generation = NULL;
	if (r == 0)
		r = listeners_plan(reload->proxy, reload->next, reload->fresh, reload->n_fresh,
				   &reload->planned);
	answer(reload, r);
}

static void prepare(struct worker_reload *reload, uint64_t number, int bundle_fd)
{
	struct worker_build *b = &reload->build;
	int r;

	drop_build(b);
	*b = (struct worker_build){.job = {.work = build, .done = built},
				   .bundle_fd = bundle_fd,
				   .number = number,
				   .worker = reload->worker};
	r = job_start(&b->job, reload->proxy->loop);
	if (r < 0) {
		(void)close(bundle_fd);
		answer(reload, r);
	}
}

static void rechecked(void *arg)
{
	const struct worker_reload *reload = arg;

	(void)control_send(reload->control_fd, CONTROL_RECHECKED, reload->proxy->generation->number,
			   -1);
}

/* In a task: events of this turn may still be for the listeners of before. */
static void commit(struct loop_task *task)
{
	struct worker_reload *reload = container_of(task, struct worker_reload, commit);
	struct generation *next = reload->next;

	if (!next)
		return;
	reload->next = NULL;
	reload->n_fresh = 0; /* they are among the planned ones */
	worker_set_log(next);
	proxy_switch(reload->proxy, next, &reload->planned, rechecked, reload);
	(void)control_send(reload->control_fd, CONTROL_SWITCHED, next->number, -1);
}

void worker_reload_message(struct worker_reload *reload, const struct control_message *message,
			   int payload_fd)
{
	int _cleanup_fd_ fd = payload_fd;

	switch (message->type) {
	case CONTROL_LISTEN:
		/* One too many, or without a descriptor to have it by, makes the plan fail. */
		if (fd < 0)
			log_event(LOG_ERROR, "build_failed",
				  "no descriptor is free for a new address");
		else if (reload->n_fresh < WORKER_FRESH_MAX)
			reload->fresh[reload->n_fresh++] = fd_take(&fd);
		break;
	case CONTROL_PREPARE:
		prepare(reload, message->argument, fd_take(&fd));
		break;
	case CONTROL_COMMIT:
		list_init(&reload->commit.node);
		reload->commit.run = commit;
		loop_defer(reload->proxy->loop, &reload->commit);
		break;
	case CONTROL_ABANDON:
		worker_reload_abandon(reload);
		break;
	default:
		break;
	}
}
