/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A function that runs in a thread of its own, because it takes longer than a turn of the loop may.
 *
 * One job, one thread, which ends with it. The function touches nothing that the loop's thread uses
 * meanwhile; it does not log.
 */
#ifndef SLUICE_SYS_JOB_H
#define SLUICE_SYS_JOB_H

#include "sys/loop.h"

#include <pthread.h>

/** A job, embedded in its owner; all zero is "not running". */
struct job {
	void (*work)(struct job *job); /* in the thread */
	void (*done)(struct job *job); /* after it, from the loop */
	struct loop *loop;
	struct loop_source ended;
	pthread_t thread;
	bool running; /* until done() is called, or job_wait() */
};

/**
 * job_start() - call work() in a thread, then done() from @loop.
 * Returns: 0; -EMFILE, -EAGAIN (no thread to be had), -ENOMEM: neither will be called.
 */
int job_start(struct job *job, struct loop *loop);

/** job_wait() - block until work() has ended; done() is not called. Nothing when it is not running. */
void job_wait(struct job *job);

#endif
