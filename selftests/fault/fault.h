/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions through a daemon one of whose calls fails.
 *
 *	static struct fault_bench b;
 *
 *	fault_open(&b, way);
 *	fault_each(&b, &(struct fault_call){.kind = INJECT_SPLICE, .errors = {EPIPE}});
 *	fault_close(&b);
 *
 * What must be true of each of them is in fault.c, judge().
 */
#ifndef SELFTESTS_FAULT_H
#define SELFTESTS_FAULT_H

#include "selftests/e2e/e2e.h"
#include "selftests/inject/inject.h"
#include "selftests/lib/wiretap.h"

enum fault_mode { FAULT_TERMINATE, FAULT_ORIGINATE, FAULT_PASSTHROUGH };

/** Mode and engine. In passthrough both peers talk plaintext: the daemon does not look. */
struct fault_way {
	VARIANT;
	struct e2e_case with;
	enum fault_mode mode;
	const char *offload; /* lines of the listener instead of what the engine demands */
	bool introduced;     /* with a PROXY header from the client, and one for the upstream */
};

/* clang-format off */
#define FAULT_WAY(label, which_mode, which, tls_version, ...)                                         \
	{.name = label, .needs = (which) == E2E_COPY ? 0 : NEED_KTLS, .mode = (which_mode),      \
	 .with = E2E_ROW(label, which, tls_version, SUITE_AES_128), ##__VA_ARGS__}
/* clang-format on */

/** The kernel takes over in mid-stream, both ways busy; what fails before that leads to a copy. */
#define FAULT_LATE .offload = "    offload: auto\n    offload_after: {bytes: 8KiB}\n"

#define FAULT_ERRORS_MAX 8

/** A kind of call and how it fails. */
struct fault_call {
	VARIANT;
	enum inject_kind kind;
	int errors[FAULT_ERRORS_MAX]; /* ended by 0 */
	bool may_be_short;	      /* it may also move one byte, and say so */
};

/** What became of a session. */
struct fault_session {
	bool fired;  /* there was such a call */
	bool served; /* everything arrived, both ends were clean */
	struct peer client;
	struct peer upstream;
	bool upstream_reached;
	char problem[400]; /* "" when it is as it must be */
};

struct fault_bench {
	struct e2e e;
	const struct fault_way *way;
	struct inject_page *page;
	pid_t worker;
	size_t n_fds;	/* of the worker at rest */
	int64_t blocks; /* of its heap */
	struct wiretap tap;
	unsigned int n_tried, n_fired, n_served, n_bad;
};

/** fault_prepare() - PKI, configuration and the shared page; the next daemon is the one that fails. */
void fault_prepare(struct fault_bench *b, const struct fault_way *way, enum inject_role role);

/** fault_open() - the same and the daemon, with what a few healthy sessions leave in its pools. */
void fault_open(struct fault_bench *b, const struct fault_way *way);

/** fault_close() - it has not logged a bug, and ends with exit code 0. */
void fault_close(struct fault_bench *b);

/** fault_arm() - from now on calls are counted, and number @nth of that kind fails; 0: none. */
void fault_arm(struct fault_bench *b, enum inject_kind kind, uint64_t nth, int error);
void fault_disarm(struct fault_bench *b);

/** fault_session() - a session, of which the call that is armed may fail. */
void fault_session(struct fault_bench *b, struct fault_session *ret_session);

/** fault_calls() - how many calls of that kind a healthy session makes. */
uint64_t fault_calls(struct fault_bench *b, enum inject_kind kind);

/** fault_each() - for each of them and each error: a session in which it fails, then a healthy one. */
void fault_each(struct fault_bench *b, const struct fault_call *call);

/**
 * fault_step() - which of @calls are to fail: the first in *@ret_first, by the seed, and the distance
 * to the next, so that they are some @points (0: all) or FAULT_POINTS of the environment.
 */
uint64_t fault_step(uint64_t calls, uint64_t points, uint64_t *ret_first);

#endif
