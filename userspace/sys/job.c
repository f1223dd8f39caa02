// SPDX-License-Identifier: Apache-2.0
#include "sys/job.h"

#include "base/fd.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>

static void *run(void *arg)
{
	struct job *job = arg;

	job->work(job);
	(void)eventfd_write(job->ended.fd, 1); /* the first one cannot fail */
	return NULL;
}

static void forget(struct job *job)
{
	loop_remove(job->loop, &job->ended);
	fd_close(&job->ended.fd);
	job->running = false;
}

static void on_ended(struct loop_source *source, uint32_t events)
{
	struct job *job = container_of(source, struct job, ended);
	eventfd_t n;

	(void)events;
	/* An event of this turn may be of the job before, which somebody has waited for. */
	if (eventfd_read(source->fd, &n) < 0)
		return;
	job_wait(job);
	job->done(job);
}

/* Signals are for the loop's thread. */
static int start_thread(struct job *job)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&job->thread, NULL, run, job);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

int job_start(struct job *job, struct loop *loop)
{
	int r;

	job->loop = loop;
	job->ended = (struct loop_source){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
					  .ready = on_ended};
	if (job->ended.fd < 0)
		return -errno;
	r = loop_add(loop, &job->ended, EPOLLIN);
	if (r < 0) {
		fd_close(&job->ended.fd);
		return r;
	}
	r = start_thread(job);
	job->running = r == 0;
	if (r < 0)
		forget(job);
	return r;
}

void job_wait(struct job *job)
{
	if (!job->running)
		return;
	(void)pthread_join(job->thread, NULL);
	forget(job);
}
