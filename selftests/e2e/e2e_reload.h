/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon whose files change while it runs. Functions stop the test when something goes wrong. */
#ifndef SELFTESTS_E2E_E2E_RELOAD_H
#define SELFTESTS_E2E_E2E_RELOAD_H

#include "selftests/e2e/e2e.h"

/** e2e_start_echo() - with an upstream that echoes, and the engine of @c (NULL: OpenSSL). */
#define e2e_start_echo(e, c) ((e)->script = STEPS(ECHO_ALL, FINISH), e2e_start_echo_with(e, c))

void e2e_start_echo_with(struct e2e *e, const struct e2e_case *c);

/** e2e_edit() - replace the only @from in e->yaml; e2e_serve() makes the daemon see it. */
void e2e_edit(struct e2e *e, const char *from, const char *to);

/** e2e_put() - the file @name of the daemon's directory, in one step, as every good editor does. */
void e2e_put(struct e2e *e, const char *name, const char *text);

void e2e_await_generation(struct e2e *e, const char *number);

/** e2e_serve() - e->yaml as it is now: it becomes the generation @number. */
void e2e_serve(struct e2e *e, const char *number);

/** e2e_await_failure() - the reload number @nth (from 0) that fails. */
void e2e_await_failure(struct e2e *e, size_t nth);

/** e2e_ask_reload() - `sluice reload`. Returns: its exit code; e2e_output() has what it said. */
int e2e_ask_reload(struct e2e *e);

/** e2e_text() - content of a file in the daemon's directory, in one of two static buffers. */
const char *e2e_text(const struct e2e *e, const char *name);
const char *e2e_output(const struct e2e *e);

/** e2e_try_client() - Returns: the alert that a client of the PKI called @who gets; -1: it is admitted. */
int e2e_try_client(struct e2e *e, const char *who);

#endif
