// SPDX-License-Identifier: Apache-2.0
/*
 * The hand-over is three system calls and what comes behind them. Before the first keys are in, a
 * failure leads back to the copy engine, or to a refusal where the kernel is required. From then on
 * there is no way back: with one direction of keys, or without the mark, the session is aborted.
 */
#include "selftests/fault/fault.h"

#include <errno.h>
#include <string.h>

SUITE("hand_over", NEEDS(NEED_NETNS | NEED_KTLS), .deadline_ms = 60000);

/* clang-format off */
CASES(struct fault_way, required,
      FAULT_WAY("terminate-1.2", FAULT_TERMINATE, E2E_SPLICE, TLS1_2_VERSION),
      FAULT_WAY("terminate-1.3", FAULT_TERMINATE, E2E_SPLICE, TLS1_3_VERSION),
      FAULT_WAY("originate-1.3", FAULT_ORIGINATE, E2E_SPLICE, TLS1_3_VERSION));

CASES(struct fault_way, late,
      FAULT_WAY("terminate-1.2", FAULT_TERMINATE, E2E_SPLICE, TLS1_2_VERSION, FAULT_LATE),
      FAULT_WAY("terminate-1.3", FAULT_TERMINATE, E2E_SPLICE, TLS1_3_VERSION, FAULT_LATE));

CASES(struct fault_call, nothing_installed,
      {.name = "ULP", .kind = INJECT_ULP, .errors = {ENOENT}},
      {.name = "TLS_TX", .kind = INJECT_TLS_TX, .errors = {ENOMEM}});

/* The first ioctl(2) of a session asks what TCP has still to send: for the mark. */
CASES(struct fault_call, half_installed,
      {.name = "TLS_RX", .kind = INJECT_TLS_RX, .errors = {ENOMEM}},
      {.name = "mark", .kind = INJECT_IOCTL, .errors = {EINVAL}});
/* clang-format on */

/* The first such call of a session fails. */
static void fail_first(struct fault_bench *b, const struct fault_way *way,
		       const struct fault_call *call, struct fault_session *ret_session)
{
	fault_open(b, way);
	fault_arm(b, call->kind, 1, call->errors[0]);
	fault_session(b, ret_session);
	E2E_MUST(&b->e, ret_session->fired, "a session makes no such call");
	E2E_MUST(&b->e, ret_session->problem[0] == '\0', "%s", ret_session->problem);
}

TEST_MATRIX(without_keys_the_copy_engine_goes_on, nothing_installed, late)
{
	static struct fault_bench b;
	struct fault_session s;
	struct log_entry line;

	fail_first(&b, column, row, &s);
	E2E_MUST(&b.e, s.served, "%s", s.client.problem);
	E2E_MUST(&b.e,
		 daemon_wait_log(&b.e.daemon, "session", "engine_out", "copy", 0, 5000, &line));
	CHECK(log_entry_is(&line, "engine_in", "copy"), "%s", line.text);
	CHECK(log_entry_is(&line, "close", "done"), "%s", line.text);
	fault_close(&b);
}

/* A client that talks TLS is told by an alert; the other one is reset. */
TEST_MATRIX(without_keys_it_is_refused_where_they_are_required, nothing_installed, required)
{
	static struct fault_bench b;
	struct fault_session s;

	fail_first(&b, column, row, &s);
	E2E_MUST(&b.e, !s.served);
	CHECK_EQ(s.client.end, column->mode == FAULT_ORIGINATE ? -ECONNRESET : -EPROTO, "%s",
		 s.client.problem);
	CHECK_EQ(s.client.received, 0);
	CHECK_EQ(s.upstream.received, 0);
	CHECK(daemon_wait_log(&b.e.daemon, "session", "close", "offload_failed", 0, 5000, NULL));
	fault_close(&b);
}

static void prove_abort(struct fault_bench *b, const struct fault_session *s)
{
	E2E_MUST(&b->e, !s->served);
	CHECK_EQ(s->client.end, -ECONNRESET, "%s", s->client.problem);
	CHECK(s->upstream_reached);
	CHECK_EQ(s->upstream.end, -ECONNRESET, "%s", s->upstream.problem);
	CHECK(daemon_wait_log(&b->e.daemon, "session", "close", "offload_failed", 0, 5000, NULL));
	CHECK_EQ(daemon_counter(&b->e.daemon, "refused_offload"), 1);
	fault_close(b);
}

TEST_MATRIX(with_keys_one_way_it_is_aborted, half_installed, required)
{
	static struct fault_bench b;
	struct fault_session s;

	fail_first(&b, column, row, &s);
	CHECK_EQ(s.client.received, 0);
	CHECK_EQ(s.upstream.received, 0);
	prove_abort(&b, &s);
}

/* In mid-stream: what came before was copied, and is right. */
TEST_MATRIX(with_keys_one_way_no_copy_goes_on, half_installed, late)
{
	static struct fault_bench b;
	struct fault_session s;

	fail_first(&b, column, row, &s);
	prove_abort(&b, &s);
}
