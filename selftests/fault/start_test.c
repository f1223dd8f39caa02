// SPDX-License-Identifier: Apache-2.0
/*
 * The n-th call of a kind fails while the daemon starts: it ends with an exit code and says why, or
 * it is ready all the same (a worker that did not come up is started again) and serves.
 */
#include "selftests/fault/fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SUITE("start", NEEDS(NEED_NETNS), .deadline_ms = 1200000);

#define POINTS	   100 /* a start makes thousands of allocations, and takes its time */
#define STOP_MS	   10000
#define ASAN_ENDED 99 /* exitcode= in ASAN_OPTIONS */

struct role_case {
	VARIANT;
	enum inject_role role;
};

/* clang-format off */
CASES(struct role_case, roles,
      {.name = "supervisor", .role = INJECT_SUPERVISOR},
      {.name = "worker", .role = INJECT_WORKER});

CASES(struct fault_call, calls,
      {.name = "allocation", .kind = INJECT_ALLOC, .errors = {ENOMEM}},
      {.name = "descriptor", .kind = INJECT_FD, .errors = {EMFILE}},
      {.name = "epoll_ctl", .kind = INJECT_EPOLL_ADD, .errors = {ENOMEM}});

static const struct fault_way way = FAULT_WAY("terminate-copy-1.3", FAULT_TERMINATE, E2E_COPY, TLS1_3_VERSION);
/* clang-format on */

static void check_ended(struct fault_bench *b, uint64_t nth)
{
	int code = b->e.daemon.exit_code;
	const char *log = b->e.daemon.log;
	FILE *file = fopen(log, "re");
	char first[512] = "";

	if (file && !fgets(first, sizeof(first), file))
		first[0] = '\0';
	if (file)
		(void)fclose(file);
	if (code > 0 && code < ASAN_ENDED && first[0])
		return;
	CHECK(!"it says why", "call %llu: exit code %d%s;%s", (unsigned long long)nth, code,
	      first[0] ? "" : ", nothing in the log", b->page->where);
	daemon_print_log(&b->e.daemon);
	MUST(++b->n_bad < 20);
}

static void check_served(struct fault_bench *b, uint64_t nth)
{
	struct tlsclient_options options = e2e_client_options(&b->e, NULL);
	struct tlsclient client;
	int code, r;

	fault_disarm(b);
	r = e2e_try(&b->e, &client, &options);
	CHECK_EQ(r, 0, "call %llu: %s;%s", (unsigned long long)nth, client.error, b->page->where);
	tlsclient_close(&client);
	code = daemon_stop(&b->e.daemon, STOP_MS);
	CHECK_EQ(code, 0, "call %llu;%s", (unsigned long long)nth, b->page->where);
	if (r < 0 || code != 0) {
		daemon_print_log(&b->e.daemon);
		MUST(++b->n_bad < 20);
	}
}

/* Returns: whether it became ready. */
static bool start(struct fault_bench *b, const struct fault_call *call, uint64_t nth, int error)
{
	int r;

	fault_arm(b, call->kind, nth, error);
	r = daemon_start(&b->e.daemon, b->e.yaml);
	E2E_MUST(&b->e, r == 0 || r == -ECHILD, "call %llu: hangs;%s", (unsigned long long)nth,
		 b->page->where);
	return r == 0;
}

TEST_MATRIX(nth_call_fails, calls, roles)
{
	static struct fault_bench b;
	unsigned int n_tried = 0, n_ready = 0;
	uint64_t n_calls, nth, step;

	fault_prepare(&b, &way, column->role);
	MUST(start(&b, row, 0, 0));
	n_calls = atomic_load(&b.page->calls[row->kind]);
	check_served(&b, 0);
	MUST(n_calls > 0);
	step = fault_step(n_calls, POINTS, &nth);
	for (; nth <= n_calls; nth += step, n_tried++) {
		if (start(&b, row, nth, row->errors[0])) {
			n_ready++;
			check_served(&b, nth);
		} else {
			check_ended(&b, nth);
		}
	}
	NOTE("%u faults among %llu such calls; ready after %u of them", n_tried,
	     (unsigned long long)n_calls, n_ready);
	upstream_server_stop(&b.e.upstream);
}
