/* SPDX-License-Identifier: Apache-2.0 */
/* A client of the daemon that makes its records itself. Failures end the test, as in e2e.h. */
#ifndef SELFTESTS_E2E_E2E_RAW_H
#define SELFTESTS_E2E_E2E_RAW_H

#include "selftests/e2e/e2e.h"
#include "selftests/lib/rawtls.h"

/** e2e_raw_connect() - @client shakes hands as @c says, then @raw has its keys. */
void e2e_raw_connect(struct e2e *e, const struct e2e_case *c, struct tlsclient *client,
		     struct rawtls *raw);

/** e2e_raw_receive() - @bytes of data, checked. Returns: KeyUpdates that came before the last one. */
size_t e2e_raw_receive(struct e2e *e, struct rawtls *raw, struct payload *in, uint64_t bytes);

/** e2e_raw_close_notify(), e2e_raw_finish() - the record, and send it. */
struct rawtls_record e2e_raw_close_notify(void);
void e2e_raw_finish(struct rawtls *raw);

/** e2e_raw_expect_end() - skip data: close_notify when @clean, else a fatal alert or a reset. */
void e2e_raw_expect_end(struct e2e *e, struct rawtls *raw, bool clean);

/** e2e_raw_key_update() - what changes the client's key, and asks for the daemon's. */
struct rawtls_record e2e_raw_key_update(bool requested);

#endif
