// SPDX-License-Identifier: Apache-2.0
/* mode: originate: plaintext in, TLS out. Bytes and ends as in mode: terminate, once per engine. */
#include "selftests/e2e/e2e.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

SUITE("originate", NEEDS(NEED_NETNS), .deadline_ms = 30000);

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

CASES(struct e2e_case, engines, E2E_ENGINES);

/** Both scripts and the reason in the log. */
struct conversation {
	const struct peer_step *client;
	const struct peer_step *upstream;
	const char *close_reason;
	const char *listener; /* more configuration */
};

/* Returns: the session's line. */
static struct log_entry converse(const struct e2e_case *c, const struct conversation *conversation)
{
	static struct e2e e;
	struct log_entry line;
	struct peer client;

	e.script = conversation->upstream;
	e.listener = conversation->listener;
	e2e_begin_plain(&e, c, &client);
	e2e_prove_originated(&e, c);
	e2e_run(&e, &client, conversation->client);
	e2e_upstream(&e, 0);
	line = e2e_prove_session(&e, 0, conversation->close_reason);
	e2e_end_plain(&e, &client);
	return line;
}

TEST_CASES(bulk_both_ways, engines)
{
	struct log_entry line = converse(
		variant,
		&(struct conversation){.client = STEPS(BOTH(4 * MIB, 6 * MIB), FINISH, RECV_END),
				       .upstream = STEPS(BOTH(6 * MIB, 4 * MIB), RECV_END, FINISH),
				       .close_reason = "done"});

	/* In and out are seen from the client, as in mode: terminate. */
	CHECK_EQ(log_entry_u64(&line, "bytes_in"), 4 * MIB);
	CHECK_EQ(log_entry_u64(&line, "bytes_out"), 6 * MIB);
	CHECK(log_entry_is(&line, "sni", "localhost"), "%s", line.text);
	CHECK(log_entry_is(&line, "identity", "localhost"), "%s", line.text);
	CHECK(log_entry_is(&line, "upstream", "app"), "%s", line.text);
	CHECK(log_entry_is(&line, "rule", "-"), "%s", line.text);
	CHECK(log_entry_is(&line, "tls",
			   variant->version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2"),
	      "%s", line.text);
}

TEST_CASES(upload, engines)
{
	(void)converse(variant,
		       &(struct conversation){.client = STEPS(SEND(8 * MIB), FINISH, RECV_END),
					      .upstream = STEPS(RECV(8 * MIB), RECV_END, FINISH),
					      .close_reason = "done"});
}

TEST_CASES(download, engines)
{
	(void)converse(variant,
		       &(struct conversation){.client = STEPS(RECV(8 * MIB), RECV_END, FINISH),
					      .upstream = STEPS(SEND(8 * MIB), FINISH, RECV_END),
					      .close_reason = "done"});
}

TEST_CASES(client_half_closes, engines)
{
	(void)converse(
		variant,
		&(struct conversation){
			.client = STEPS(SEND(100000), FINISH, RECV(300000), RECV_END),
			.upstream = STEPS(RECV(100000), RECV_END, SLEEP(50), SEND(300000), FINISH),
			.close_reason = "done"});
}

TEST_CASES(upstream_half_closes, engines)
{
	(void)converse(
		variant,
		&(struct conversation){
			.client = STEPS(RECV(100000), RECV_END, SLEEP(50), SEND(300000), FINISH),
			.upstream = STEPS(SEND(100000), FINISH, RECV(300000), RECV_END),
			.close_reason = "done"});
}

/* The FIN comes before the upstream has even been asked. */
TEST_CASES(client_ends_at_once, engines)
{
	static struct e2e e;
	struct peer client;

	e.script = STEPS(RECV(1000), RECV_END, SEND(2000), FINISH);
	e2e_begin_plain(&e, variant, &client);
	e2e_run(&e, &client, STEPS(SEND(1000), FINISH, RECV(2000), RECV_END));
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, "done");
	e2e_end_plain(&e, &client);
}

TEST_CASES(tail_before_end, engines)
{
	(void)converse(variant,
		       &(struct conversation){.client = STEPS(SEND(4 * MIB), FINISH, RECV_END),
					      .upstream = STEPS(SLEEP(300), SLOW_RECV(4 * MIB, 300),
								RECV_END, FINISH),
					      .close_reason = "done"});
}

/* --- ends that are not clean --- */

TEST_CASES(client_resets, engines)
{
	(void)converse(variant,
		       &(struct conversation){.client = STEPS(SEND(MIB), GATE(1), RESET),
					      .upstream = STEPS(RECV(1), PASS(1), RECV_RESET),
					      .close_reason = "client_reset"});
}

TEST_CASES(client_resets_idle, engines)
{
	(void)converse(variant,
		       &(struct conversation){.client = STEPS(SEND(1), RECV(1), RESET),
					      .upstream = STEPS(RECV(1), SEND(1), RECV_RESET),
					      .close_reason = "client_reset"});
}

TEST_CASES(upstream_resets_download, engines)
{
	(void)converse(variant,
		       &(struct conversation){.client = STEPS(RECV(1), PASS(1), RECV_RESET),
					      .upstream = STEPS(SEND(MIB), GATE(1), RESET),
					      .close_reason = "upstream_reset"});
}

TEST_CASES(upstream_resets_upload, engines)
{
	(void)converse(variant, &(struct conversation){.client = STEPS(SEND_CUT),
						       .upstream = STEPS(RECV(MIB), RESET),
						       .close_reason = "upstream_reset"});
}

TEST_CASES(truncation_resets, engines)
{
	(void)converse(variant, &(struct conversation){
					.client = STEPS(RECV(1000), PASS(1), RECV_RESET),
					.upstream = STEPS(SEND(1000), GATE(1), FIN, RECV_RESET),
					.close_reason = "truncated"});
}

/* The client asks first: a FIN that is here before the keys keeps a session out of the kernel. */
TEST_CASES(truncation_accepted, engines)
{
	(void)converse(variant,
		       &(struct conversation){
			       .client = STEPS(SEND(1), RECV(1000), RECV_END, SEND(2000), FINISH),
			       .upstream = STEPS(RECV(1), SEND(1000), FIN, RECV(2000), RECV_END),
			       .close_reason = "done",
			       .listener = "    on_truncation: accept\n"});
}

/* Nobody decided that this is the answer: not a clean end. */
TEST_CASES(worker_dies, engines)
{
	static struct e2e e;
	struct log_entry line;
	struct peer client;
	pid_t worker;

	e.script = STEPS(RECV(1000), PASS(1), RECV_RESET);
	e2e_begin_plain(&e, variant, &client);
	e2e_run(&e, &client, STEPS(SEND(1000), GATE(1)));
	E2E_MUST(&e, daemon_workers(&e.daemon, &worker, 1) == 1);
	MUST_OK(kill(worker, SIGKILL));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "worker_died", NULL, NULL, 0, 5000, &line));
	e2e_run(&e, &client, STEPS(RECV_RESET));
	e2e_upstream(&e, 0);
	e2e_end_plain(&e, &client);
}

/* --- other sockets --- */

TEST_CASES(unix_listener, engines)
{
	static char quoted[128];
	static struct e2e e;
	struct peer client;

	snprintf(quoted, sizeof(quoted), "\"unix:%s/in.sock\"", test_tmpdir());
	e.listen = quoted;
	e.script = STEPS(BOTH(MIB, 2 * MIB), RECV_END, FINISH);
	e2e_set_case(&e, variant);
	e2e_start(&e);
	quoted[strlen(quoted) - 1] = '\0';
	peer_init_plain_client(&client, e2e_connect_plain(&e, quoted + 1));
	e2e_run(&e, &client, STEPS(BOTH(2 * MIB, MIB)));
	e2e_prove_originated(&e, variant);
	e2e_run(&e, &client, STEPS(FINISH, RECV_END));
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, "done");
	e2e_end_plain(&e, &client);
}

/* TLS over a unix socket is for the copy engine, and needs a name. */
TEST(unix_endpoint)
{
	const struct e2e_case any = {.engine = E2E_COPY};
	static char address[128];
	static struct e2e e = {.upstream_address = address};
	struct peer client;

	snprintf(address, sizeof(address), "unix:%s/app.sock", test_tmpdir());
	e.script = STEPS(RECV(1000), RECV_END, SEND(1000), FINISH);
	e2e_begin_plain(&e, &any, &client);
	e2e_run(&e, &client, STEPS(SEND(1000), FINISH, RECV(1000), RECV_END));
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, "done");
	e2e_end_plain(&e, &client);
}

/* --- back to back: plaintext, sluice, mTLS, sluice, plaintext --- */

CASES(struct e2e_case, pairs, E2E_ROW("copy", E2E_COPY, TLS1_3_VERSION, SUITE_AES_128),
      E2E_ROW("splice", E2E_SPLICE, TLS1_3_VERSION, SUITE_AES_128));

static void through_both(const struct e2e_case *c, const struct conversation *conversation)
{
	static struct e2e terminate, originate;
	static char endpoint[64];
	struct peer client;

	terminate.engine = c->engine;
	terminate.script = conversation->upstream;
	e2e_start(&terminate);
	snprintf(endpoint, sizeof(endpoint), "\"127.0.0.1:%u\"", terminate.port);
	originate.endpoints = endpoint;
	originate.subdir = "out";
	originate.plain_server = true; /* it has no part in this */
	e2e_set_case(&originate, c);
	e2e_start(&originate);
	originate.upstream.addr = e2e_address(&terminate);
	/* The start of the second daemon tries kernel TLS too. */
	terminate.tls_stat = originate.tls_stat;
	peer_init_plain_client(&client, e2e_connect_plain(&originate, NULL));
	client.gate = &terminate.upstream.gate;
	e2e_prove_originated(&originate, c);
	e2e_run(&originate, &client, conversation->client);
	e2e_upstream(&terminate, 0);
	(void)e2e_prove_session(&originate, 0, conversation->close_reason);
	(void)e2e_prove_session(&terminate, 0, conversation->close_reason);
	e2e_end_plain(&originate, &client);
	e2e_stop(&terminate);
}

TEST_CASES(two_bulk, pairs)
{
	through_both(variant, &(struct conversation){
				      .client = STEPS(BOTH(8 * MIB, 8 * MIB), FINISH, RECV_END),
				      .upstream = STEPS(BOTH(8 * MIB, 8 * MIB), RECV_END, FINISH),
				      .close_reason = "done"});
}

/* One exchange first: a FIN that is here before the keys keeps a session out of the kernel. */
TEST_CASES(two_half_closed, pairs)
{
	through_both(variant, &(struct conversation){
				      .client = STEPS(SEND(1), RECV(1), SEND(100000), FINISH,
						      RECV(300000), RECV_END),
				      .upstream = STEPS(RECV(1), SEND(1), RECV(100000), RECV_END,
							SLEEP(50), SEND(300000), FINISH),
				      .close_reason = "done"});
}

TEST_CASES(two_reset, pairs)
{
	through_both(variant, &(struct conversation){.client = STEPS(RECV(1), PASS(1), RECV_RESET),
						     .upstream = STEPS(SEND(MIB), GATE(1), RESET),
						     .close_reason = "upstream_reset"});
}
