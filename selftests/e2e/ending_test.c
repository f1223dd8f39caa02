// SPDX-License-Identifier: Apache-2.0
/* A clean end is passed on for a clean end only; everything else is a reset on the other side. */
#include "selftests/e2e/e2e.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

SUITE("ending", NEEDS(NEED_NETNS), .deadline_ms = 30000);

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

CASES(struct e2e_case, engines, E2E_ENGINES);

/** Both scripts and the reason in the log. */
struct conversation {
	const struct peer_step *client;
	const struct peer_step *upstream;
	const char *close_reason;
	const char *listener; /* more configuration */
	bool silent; /* the log knows of the end although no byte moves; then the upstream goes on */
};

static void converse(const struct e2e_case *c, const struct conversation *conversation)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;

	e.engine = c->engine;
	e.script = conversation->upstream;
	e.listener = conversation->listener;
	e2e_start(&e);
	options = e2e_client_options(&e, c);
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	peer.gate = &e.upstream.gate;
	e2e_prove_live(&e, &client);
	e2e_run(&e, &peer, conversation->client);
	if (!conversation->silent)
		e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, conversation->close_reason);
	if (conversation->silent) {
		e2e_run(&e, &peer, STEPS(PASS(2)));
		e2e_upstream(&e, 0);
	}
	tlsclient_close(&client);
	/* Nothing is left behind, whatever the end was. */
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "connections") == 0, 2000));
	e2e_stop(&e);
}

TEST_CASES(client_half_closes, engines)
{
	converse(variant, &(struct conversation){
				  .client = STEPS(SEND(100000), FINISH, RECV(300000), RECV_END),
				  .upstream = STEPS(RECV(100000), RECV_END, SEND(300000), FINISH),
				  .close_reason = "done"});
}

/* close_notify and the FIN of the socket at once, while the answer is still to come. */
TEST_CASES(client_half_closes_with_fin, engines)
{
	converse(variant,
		 &(struct conversation){
			 .client = STEPS(SEND(100000), FINISH, FIN, RECV(300000), RECV_END),
			 .upstream = STEPS(RECV(100000), RECV_END, SLEEP(50), SEND(300000), FINISH),
			 .close_reason = "done"});
}

TEST_CASES(upstream_half_closes, engines)
{
	converse(variant, &(struct conversation){
				  .client = STEPS(RECV(100000), RECV_END, SEND(300000), FINISH),
				  .upstream = STEPS(SEND(100000), FINISH, RECV(300000), RECV_END),
				  .close_reason = "done"});
}

/* The end comes right behind a lot of data: its tail must not be overtaken or cut off. */
TEST_CASES(tail_before_end, engines)
{
	converse(variant,
		 &(struct conversation){
			 .client = STEPS(SLEEP(300), SLOW_RECV(4 * MIB, 300), RECV_END, FINISH),
			 .upstream = STEPS(SEND(4 * MIB), FINISH, RECV_END),
			 .close_reason = "done"});
}

/* An upstream that is through closes at once, it does not wait for the client's end. */
TEST_CASES(upstream_sends_and_closes, engines)
{
	converse(variant,
		 &(struct conversation){.client = STEPS(SLOW_RECV(2 * MIB, 300), RECV_END, FINISH),
					.upstream = STEPS(SEND(2 * MIB)),
					.close_reason = "done"});
}

TEST_CASES(client_resets_upload, engines)
{
	converse(variant, &(struct conversation){.client = STEPS(SEND(MIB), GATE(1), RESET),
						 .upstream = STEPS(RECV(1), PASS(1), RECV_RESET),
						 .close_reason = "client_reset"});
}

TEST_CASES(client_resets_download, engines)
{
	converse(variant, &(struct conversation){.client = STEPS(RECV(MIB), RESET),
						 .upstream = STEPS(SEND_CUT),
						 .close_reason = "client_reset"});
}

TEST_CASES(client_resets_idle, engines)
{
	converse(variant, &(struct conversation){.client = STEPS(SEND(1), RECV(1), RESET),
						 .upstream = STEPS(RECV(1), SEND(1), RECV_RESET),
						 .close_reason = "client_reset"});
}

TEST_CASES(upstream_resets_download, engines)
{
	converse(variant, &(struct conversation){.client = STEPS(RECV(1), PASS(1), RECV_RESET),
						 .upstream = STEPS(SEND(MIB), GATE(1), RESET),
						 .close_reason = "upstream_reset"});
}

TEST_CASES(upstream_resets_upload, engines)
{
	converse(variant, &(struct conversation){.client = STEPS(SEND_CUT),
						 .upstream = STEPS(RECV(MIB), RESET),
						 .close_reason = "upstream_reset"});
}

TEST_CASES(upstream_resets_idle, engines)
{
	converse(variant, &(struct conversation){.client = STEPS(SEND(1), RECV(1), RECV_RESET),
						 .upstream = STEPS(RECV(1), SEND(1), RESET),
						 .close_reason = "upstream_reset"});
}

TEST_CASES(client_resets_half_closed, engines)
{
	converse(variant,
		 &(struct conversation){
			 .client = STEPS(SEND(1000), FINISH, GATE(1), RESET),
			 .upstream = STEPS(RECV(1000), RECV_END, PASS(1), GATE(2), SEND_CUT),
			 .close_reason = "client_reset",
			 .silent = true});
}

TEST_CASES(upstream_resets_half_closed, engines)
{
	converse(variant,
		 &(struct conversation){.client = STEPS(RECV(1000), RECV_END, PASS(1)),
					.upstream = STEPS(SEND(1000), FINISH, GATE(1), RESET),
					.close_reason = "upstream_reset",
					.silent = true});
}

/* An upstream that answers and then refuses the rest: its answer was clean and has to arrive. */
TEST_CASES(answer_survives_reset, engines)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;

	e.engine = variant->engine;
	e.script = STEPS(RECV(1000), SEND(100000), FINISH, SLEEP(100), RESET);
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	options.receive_buffer = 8192;
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_prove_live(&e, &client);
	e2e_run(&e, &peer, STEPS(SEND(1000), SLEEP(400), SLOW_RECV(100000, 1000), RECV_END));
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, "upstream_reset");
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* Nobody decided that these bytes are all: not a clean end. */
TEST_CASES(worker_dies, engines)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;
	pid_t worker;

	e.engine = variant->engine;
	e.script = STEPS(RECV(1000), PASS(1), RECV_RESET);
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	peer.gate = &e.upstream.gate;
	e2e_prove_live(&e, &client);
	e2e_run(&e, &peer, STEPS(SEND(1000), GATE(1)));
	E2E_MUST(&e, daemon_workers(&e.daemon, &worker, 1) == 1);
	MUST_OK(kill(worker, SIGKILL));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "worker_died", NULL, NULL, 0, 5000, &line));
	e2e_run(&e, &peer, STEPS(RECV_RESET));
	e2e_upstream(&e, 0);
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* Is the other one of two workers there again? */
static bool is_replaced(struct e2e *e, pid_t dead)
{
	pid_t pids[2];

	return daemon_workers(&e->daemon, pids, 2) == 2 && pids[0] != dead && pids[1] != dead;
}

/* In the middle of transfers: its sessions are reset, the others lack no byte, and it is back at once. */
TEST_CASES(one_of_two_workers_dies, engines, .deadline_ms = 60000)
{
	enum { CLIENTS = 12, FIRST = 100000, REST = 4 << 20, BACK_MS = 1000 };
	static struct tlsclient clients[CLIENTS];
	static struct peer peers[CLIENTS];
	static struct e2e e = {.workers = 2};
	struct tlsclient_options options;
	size_t cut = 0;
	pid_t workers[2];

	e.engine = variant->engine;
	e.script = STEPS(SEND(FIRST + REST), RECV_ALL);
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	for (size_t i = 0; i < CLIENTS; i++) {
		e2e_connect(&e, &clients[i], &options);
		peer_init_client(&peers[i], &clients[i]);
		e2e_run(&e, &peers[i], STEPS(RECV(FIRST)));
		e2e_prove_live(&e, &clients[i]);
	}
	E2E_MUST(&e, daemon_workers(&e.daemon, workers, 2) == 2);
	MUST_OK(kill(workers[0], SIGKILL));
	E2E_MUST(&e, UNTIL(is_replaced(&e, workers[0]), BACK_MS));
	for (size_t i = 0; i < CLIENTS; i++) {
		int r = peer_run(&peers[i], STEPS(RECV(REST)));

		E2E_MUST(&e, r == 0 || strstr(peers[i].problem, "reset"), "%s", peers[i].problem);
		cut += r != 0;
		tlsclient_close(&clients[i]);
	}
	NOTE("%zu of %d sessions were the dead worker's", cut, CLIENTS);
	E2E_MUST(&e, cut > 0 && cut < CLIENTS, "%zu", cut);
	/* Half of these are for the new one. */
	for (size_t i = 0; i < CLIENTS; i++) {
		e2e_connect(&e, &clients[i], &options);
		peer_init_client(&peers[i], &clients[i]);
		e2e_run(&e, &peers[i], STEPS(RECV(FIRST)));
		tlsclient_close(&clients[i]);
	}
	e2e_stop(&e);
}

/* A FIN that no close_notify announced may be an attacker's. */
TEST_CASES(truncation_resets, engines)
{
	converse(variant,
		 &(struct conversation){.client = STEPS(SEND(1000), GATE(1), FIN, RECV_RESET),
					.upstream = STEPS(RECV(1000), PASS(1), RECV_RESET),
					.close_reason = "truncated"});
}

TEST_CASES(truncation_accepted, engines)
{
	converse(variant,
		 &(struct conversation){.client = STEPS(SEND(1000), FIN, RECV(2000), RECV_END),
					.upstream = STEPS(RECV(1000), RECV_END, SEND(2000), FINISH),
					.close_reason = "done",
					.listener = "    on_truncation: accept\n"});
}

TEST_CASES(truncation_is_counted, engines)
{
	const struct peer_step *upstream = STEPS(RECV_RESET);
	const struct peer_step *script = STEPS(FIN, RECV_RESET);
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;

	e.engine = variant->engine;
	e.script = upstream;
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	e2e_connect(&e, &client, &options);
	e2e_prove_live(&e, &client);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, script);
	(void)e2e_prove_session(&e, 0, "truncated");
	E2E_MUST(&e, daemon_counter(&e.daemon, "truncated") == 1);
	tlsclient_close(&client);
	e2e_stop(&e);
}
