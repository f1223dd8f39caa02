/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the harness.
 *
 *	harness.c   command line, list of tests, one run of each
 *	proc.c      the process of a test: namespaces, deadline, killing what is left
 *	check.c     what a body calls: assertions, notes, time
 *	leak.c      fds, children and BPF programs before and after
 *	need.c      what this machine can do, tried
 *	ktap.c      the report
 */
#ifndef SELFTESTS_HARNESS_INTERNAL_H
#define SELFTESTS_HARNESS_INTERNAL_H

#include "selftests/harness/harness.h"

#include <sys/types.h>

#define TEST_NAME_BYTES	    256
#define TEST_WHY_BYTES	    256
#define DEFAULT_DEADLINE_MS 10000
#define ISOLATED_NEEDS                                                                             \
	(NEED_ROOT | NEED_NETNS | NEED_KTLS | NEED_KTLS_REKEY | NEED_NO_REKEY | NEED_BPF |         \
	 NEED_SOCKMAP | NEED_SOCK_DIAG | NEED_NOBODY | NEED_NO_KTLS)

/** One test with one row of each of its tables. */
struct test_run {
	const struct test *test;
	const void *row, *column;
	unsigned int needs;
	char name[TEST_NAME_BYTES];
};

/** What the test's processes tell the runner; in shared memory. */
struct test_report {
	_Atomic unsigned int failures;
	_Atomic bool ended; /* the body returned and the leak check was made */
};

enum test_result { TEST_PASSED, TEST_FAILED, TEST_SKIPPED, TEST_XFAILED };

/* proc.c */

/**
 * proc_run() - run @run to its end or its deadline and kill everything it left.
 * @log_fd: gets what the test prints. Returns: true if it passed; else *ret_why is set, to ""
 * when the log says it all.
 */
bool proc_run(const struct test_run *run, struct test_report *report, int log_fd, char *ret_why);

/** proc_isolate() - network and mount namespaces of our own. Returns: 0, -errno. */
int proc_isolate(void);

/** proc_wait() - wait for a child until @deadline_ms from now. Returns: 0, -ETIMEDOUT, -errno. */
int proc_wait(pid_t pid, uint64_t deadline_ms, int *ret_status);

/* check.c */

/** check_begin() - in the test's process: where failures are counted. */
void check_begin(struct test_report *report, const char *tmpdir);
void check_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void check_init(void);

/* leak.c */

struct leak_mark {
	int fds[1024];
	size_t n_fds;
	uint32_t last_program; /* 0: not looked at */
};

void leak_before(struct leak_mark *mark, bool bpf);
/** leak_after() - check_fail() for everything that is there and was not. */
void leak_after(const struct leak_mark *mark);

/* need.c */

/** need_missing() - true when one of @needs is not there; *ret_why then says which and why. */
bool need_missing(unsigned int needs, char *ret_why);
/** need_program_missing() - the same for a list of programs, NULL for none. */
bool need_program_missing(const char *programs, char *ret_why);

/* need_ktls.c: each returns 0 or a static text, what was tried, with errno set. */
const char *need_try_ktls(void);
const char *need_try_no_ktls(void);
const char *need_try_rekey(void);
const char *need_try_no_rekey(void);
int need_tcp_pair(int fd[2]);

/* need_bpf.c */
const char *need_try_bpf(void);
const char *need_try_sockmap(void);
uint32_t need_last_program(void);

/* ktap.c */

void ktap_plan(size_t n);
void ktap_log(int log_fd);
void ktap_comment(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ktap_result(enum test_result result, const char *name, const char *why);

#endif
