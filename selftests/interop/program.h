/* SPDX-License-Identifier: Apache-2.0 */
/* Other people's proxies beside the daemon: programs that listen, in the directory of the test. */
#ifndef SELFTESTS_INTEROP_PROGRAM_H
#define SELFTESTS_INTEROP_PROGRAM_H

#include "selftests/e2e/e2e.h"

struct program {
	pid_t pid;
	unsigned int port; /* where it listens on 127.0.0.1; set by program_prepare() */
};

/** program_prepare() - choose a port that is free; no connection is made to it. */
void program_prepare(struct program *program);

/** program_start() - run @argv, which writes to DIR/program.log, and wait until it listens. */
void program_start(struct e2e *e, struct program *program, char *const *argv);
void program_stop(struct e2e *e, struct program *program);

/** program_address() - 127.0.0.1 and its port. */
struct addr program_address(const struct program *program);

/** program_log() - show what it has written, for the report of a failed test. */
void program_log(const struct e2e *e);

#endif
