// SPDX-License-Identifier: Apache-2.0
/* A job runs beside its loop, and ends in it. */
#include "selftests/harness/harness.h"

#include "sys/job.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>

SUITE("job", .deadline_ms = 20000);

/** What a job has done, and in which threads. */
struct watched {
	struct job job;
	struct loop *loop;
	struct loop_timer timer;
	_Atomic bool may_end;
	bool has_worked;
	pthread_t in_work, in_done;
	unsigned int n_done, n_wanted;
};

static void work(struct job *job)
{
	struct watched *watched = container_of(job, struct watched, job);

	while (!atomic_load(&watched->may_end))
		sched_yield();
	watched->in_work = pthread_self();
	watched->has_worked = true;
}

static void done(struct job *job)
{
	struct watched *watched = container_of(job, struct watched, job);

	watched->in_done = pthread_self();
	if (++watched->n_done < watched->n_wanted)
		MUST_EQ(job_start(job, watched->loop), 0);
	else
		loop_stop(watched->loop);
}

static void let_end(struct loop_timer *timer)
{
	atomic_store(&container_of(timer, struct watched, timer)->may_end, true);
}

static void stop(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct watched, timer)->loop);
}

static void setup(struct watched *watched)
{
	watched->job = (struct job){.work = work, .done = done};
	MUST_EQ(loop_new(&watched->loop), 0);
}

/* The work ends when a timer of the loop says so: a loop that waits for it would never get there. */
TEST(loop_turns_meanwhile)
{
	struct watched watched = {.timer.fire = let_end};

	setup(&watched);
	MUST_EQ(loop_arm(watched.loop, &watched.timer, 10), 0);
	MUST_EQ(job_start(&watched.job, watched.loop), 0);
	MUST(watched.job.running);
	MUST_EQ(loop_run(watched.loop), 0);
	MUST(watched.has_worked);
	MUST_EQ(watched.n_done, 1);
	MUST(!watched.job.running);
	MUST(!pthread_equal(watched.in_work, pthread_self()));
	MUST(pthread_equal(watched.in_done, pthread_self()));
	loop_free(watched.loop);
}

TEST(may_be_started_again)
{
	struct watched watched = {.may_end = true, .n_wanted = 3};

	setup(&watched);
	MUST_EQ(job_start(&watched.job, watched.loop), 0);
	MUST_EQ(loop_run(watched.loop), 0);
	MUST_EQ(watched.n_done, 3);
	loop_free(watched.loop);
}

TEST(who_waits_is_not_called)
{
	struct watched watched = {.may_end = true, .timer.fire = stop};

	setup(&watched);
	MUST_EQ(job_start(&watched.job, watched.loop), 0);
	job_wait(&watched.job);
	MUST(watched.has_worked);
	MUST(!watched.job.running);
	MUST_EQ(loop_arm(watched.loop, &watched.timer, 20), 0);
	MUST_EQ(loop_run(watched.loop), 0);
	MUST_EQ(watched.n_done, 0);
	job_wait(&watched.job); /* nothing to wait for */
	loop_free(watched.loop);
}

TEST(without_a_descriptor)
{
	struct watched watched = {.may_end = true};
	struct rlimit limit, none;

	setup(&watched);
	MUST_OK(getrlimit(RLIMIT_NOFILE, &limit));
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
	MUST_OK(setrlimit(RLIMIT_NOFILE, &none));
	MUST_EQ(job_start(&watched.job, watched.loop), -EMFILE);
	MUST_OK(setrlimit(RLIMIT_NOFILE, &limit));
	MUST(!watched.job.running);
	MUST(!watched.has_worked);
	loop_free(watched.loop);
}
