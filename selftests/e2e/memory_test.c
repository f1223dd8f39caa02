// SPDX-License-Identifier: Apache-2.0
/* What sessions cost the worker: idle, and with every buffer full. */
#include "selftests/e2e/e2e.h"
#include "selftests/lib/crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SUITE("memory", NEEDS(NEED_NETNS), .deadline_ms = 90000);

#define KIB UINT64_C(1024)

/* clang-format off */
CASES(struct e2e_case, engines,
      E2E_ROW("copy", E2E_COPY, TLS1_3_VERSION, SUITE_AES_256),
      E2E_ROW("splice", E2E_SPLICE, TLS1_3_VERSION, SUITE_AES_256),
      E2E_ROW("ktls-copy", E2E_KTLS_COPY, TLS1_3_VERSION, SUITE_AES_256));
/* clang-format on */

/** What a session may cost in bytes. */
static const struct {
	uint64_t idle;
	uint64_t held; /* in one direction */
	uint64_t full; /* with both directions full: holders, and records inside of OpenSSL */
} costs[] = {
	[E2E_COPY] = {.idle = 24 * KIB, .held = 16 * KIB, .full = 96 * KIB},
	/* A user has 1024 whole pipes (K-37); beyond them buffers hold what waits. */
	[E2E_SPLICE] = {.idle = 2 * KIB, .held = 64 * KIB, .full = 36 * KIB},
	[E2E_KTLS_COPY] = {.idle = 2 * KIB, .held = 16 * KIB, .full = 36 * KIB},
};

/* What pools keep, and pages that are used in part. */
#define SLACK (2048 * KIB)

/** Of all workers. */
struct usage {
	uint64_t resident, heap;
};

static struct usage usage_of(struct e2e *e)
{
	/* In this order: the answer takes memory, too. */
	struct usage usage = {.resident = daemon_rss_bytes(&e->daemon)};

	usage.heap = daemon_heap_bytes(&e->daemon);
	E2E_MUST(e, usage.heap > 0 && usage.heap != UINT64_MAX);
	return usage;
}

static void begin(struct e2e *e, struct crowd *crowd, const struct e2e_case *c, size_t sessions)
{
	crowd_open(crowd, sessions);
	e->engine = c->engine;
	e->endpoints = crowd->endpoint;
	e2e_prepare(e);
	/* daemon/descriptors: where there may be pipes, two of them. */
	e->daemon.files = 64 + (c->engine == E2E_COPY ? 2 : 6) * sessions;
	e2e_start(e);
}

static void join(struct e2e *e, struct crowd *crowd, const struct e2e_case *c, size_t sessions)
{
	struct tlsclient_options options = e2e_client_options(e, c);
	struct addr to = e2e_address(e);

	while (crowd->n < sessions)
		crowd_join(crowd, &to, &options);
}

static void end(struct e2e *e, struct crowd *crowd)
{
	crowd_close(crowd);
	E2E_MUST(e, UNTIL(daemon_counter(&e->daemon, "connections") == 0, 20000));
	E2E_MUST(e, daemon_counter(&e->daemon, "held_in") == 0);
	E2E_MUST(e, daemon_counter(&e->daemon, "held_out") == 0);
	e2e_stop(e);
}

static size_t sessions_wanted(void)
{
	const char *text = getenv("SESSIONS");

	return text ? strtoul(text, NULL, 10) : 200;
}

static void check_growth(struct e2e *e, const struct usage *before, size_t sessions, uint64_t each)
{
	struct usage now = usage_of(e);
	uint64_t heap = now.heap - before->heap, resident = now.resident - before->resident;

	/* Not before: the heap keeps the pages of a list of sessions. */
	E2E_MUST(e, daemon_counter(&e->daemon, "connections") >= sessions);
	NOTE("%zu sessions: %llu bytes of heap and %llu of resident memory each", sessions,
	     (unsigned long long)(heap / sessions), (unsigned long long)(resident / sessions));
	E2E_MUST(e, heap <= sessions * each, "%llu", (unsigned long long)heap);
	E2E_MUST(e, resident <= sessions * each + SLACK, "%llu", (unsigned long long)resident);
}

/* SESSIONS of them; `make memory` opens 5,000. */
TEST_CASES(idle_sessions_are_small, engines)
{
	enum { WARM = 8 };
	size_t sessions = sessions_wanted();
	/* Each lists its own sessions, and 5,000 take one of them too long in an emulator. */
	static struct e2e e = {.workers = 2};
	struct crowd crowd;
	struct usage before;

	begin(&e, &crowd, variant, sessions);
	join(&e, &crowd, variant, WARM);
	before = usage_of(&e);
	join(&e, &crowd, variant, sessions);
	check_growth(&e, &before, sessions - WARM, costs[variant->engine].idle);
	e2e_prove_live(&e, &crowd.members[sessions - 1].tls);
	end(&e, &crowd);
}

static void limit_socket_buffers(void)
{
	/* Of this network namespace. What the kernel holds for a connection is not the matter here. */
	MUST_EQ(system("sysctl -q net.ipv4.tcp_rmem='4096 16384 16384'"
		       " net.ipv4.tcp_wmem='4096 16384 16384'"),
		0); /* NOLINT(cert-env33-c) */
}

static uint64_t check_held(struct e2e *e, const char *gauge, uint64_t most)
{
	uint64_t held = daemon_counter(&e->daemon, gauge);

	NOTE("%s: %llu", gauge, (unsigned long long)held);
	E2E_MUST(e, held > 0 && held <= most, "%s is %llu", gauge, (unsigned long long)held);
	return held;
}

/* Everybody writes and nobody reads: bytes are held up to a limit, and not one is lost. */
TEST_CASES(full_sessions_are_bounded, engines)
{
	enum { SESSIONS = 1000 };
	uint64_t most = SESSIONS * costs[variant->engine].held;
	static struct e2e e;
	struct crowd crowd;
	struct usage before;

	limit_socket_buffers();
	begin(&e, &crowd, variant, SESSIONS);
	before = usage_of(&e);
	join(&e, &crowd, variant, SESSIONS);
	crowd_flood(&crowd);
	check_growth(&e, &before, SESSIONS, costs[variant->engine].full);
	check_held(&e, "held_in", most);
	check_held(&e, "held_out", most);
	e2e_prove_live(&e, &crowd.members[0].tls);
	crowd_drain(&crowd);
	end(&e, &crowd);
}
