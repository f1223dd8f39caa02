// SPDX-License-Identifier: Apache-2.0
/* `offload:` of a listener, and the reasons why a session is not in the kernel. */
#include "selftests/e2e/e2e.h"

#include "sys/json.h"

#include <stdio.h>
#include <string.h>

SUITE("offload", NEEDS(NEED_NETNS));

#define ECHO_SCRIPT STEPS(ECHO_ALL, FINISH)

/* The default uses the kernel where it can. */
TEST(auto_uses_kernel, NEEDS(NEED_NETNS | NEED_KTLS))
{
	static struct e2e e = {.engine = E2E_SPLICE,
			       .quiet_offload = true,
			       .listener = "    engine: splice\n"
					   "    offload_after: {bytes: 0}\n"};
	struct tlsclient client;
	struct peer peer;

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	e2e_connect_echo(&e, &client, &peer);
	e2e_prove_live(&e, &client);
	e2e_run(&e, &peer, STEPS(FINISH, RECV_END));
	tlsclient_close(&client);
	(void)e2e_prove_session(&e, 0, "done");
	e2e_stop(&e);
}

/* And says why where it cannot. */
TEST(auto_falls_back, NEEDS(NEED_NETNS | NEED_NO_KTLS))
{
	static struct e2e e = {.quiet_offload = true};
	struct tlsclient client;
	struct peer peer;
	struct log_entry line;

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	e2e_connect_echo(&e, &client, &peer);
	e2e_run(&e, &peer, STEPS(FINISH, RECV_END));
	tlsclient_close(&client);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "session", NULL, NULL, 0, 3000, &line));
	E2E_MUST(&e, log_entry_is(&line, "engine_in", "copy"), "%s", line.text);
	E2E_MUST(&e, log_entry_is(&line, "offload_reason", "no_kernel_tls"), "%s", line.text);
	E2E_MUST(&e, daemon_find_log(&e.daemon, "no_kernel_tls", NULL, NULL, 0, &line));
	e2e_stop(&e);
}

/* Shorter records were agreed on, and the kernel would not keep to that. */
TEST(short_records_stay_in_userspace, NEEDS(NEED_NETNS | NEED_KTLS))
{
	static struct e2e e = {.quiet_offload = true};
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	e.listener = "    offload_after: {bytes: 0}\n";
	e.script = STEPS(BOTH(100000, 100000), RECV_END, FINISH);
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	options.max_fragment = TLSEXT_max_fragment_length_1024;
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, STEPS(BOTH(100000, 100000)));
	e2e_prove_live(&e, &client);
	e2e_run(&e, &peer, STEPS(FINISH, RECV_END));
	tlsclient_close(&client);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "session", "close", "done", 0, 3000, &line));
	E2E_MUST(&e, log_entry_is(&line, "engine_in", "copy"), "%s", line.text);
	E2E_MUST(&e, log_entry_is(&line, "offload_reason", "max_fragment_length"), "%s", line.text);
	e2e_stop(&e);
}

/* `sluice status` has the kernel's own word for every session. */
TEST(status_proves_kernel, NEEDS(NEED_NETNS | NEED_KTLS))
{
	static struct e2e e = {.engine = E2E_SPLICE};
	struct json _cleanup_json_ *status = NULL;
	struct json *session, *kernel;
	struct tlsclient client;
	struct peer peer;

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	e2e_connect_echo(&e, &client, &peer);
	e2e_prove_live(&e, &client);
	status = daemon_status(&e.daemon);
	session = json_at(json_get_array(json_at(json_get_array(status, "workers"), 0), "sessions"),
			  0);
	kernel = json_get_object(session, "kernel");
	E2E_MUST(&e, kernel != NULL);
	CHECK_STR(json_get_str(session, "engine_in", NULL), "splice");
	CHECK_STR(json_get_str(kernel, "ulp", NULL), "tls");
	CHECK_STR(json_get_str(kernel, "version", NULL), "1.3");
	CHECK_STR(json_get_str(kernel, "txconf", NULL), "sw");
	CHECK_STR(json_get_str(kernel, "rxconf", NULL), "sw");
	e2e_run(&e, &peer, STEPS(FINISH, RECV_END));
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* The keys that are wiped and the SSL object that is freed: an idle session costs little. */
TEST(idle_sessions_are_small, NEEDS(NEED_NETNS | NEED_KTLS), .deadline_ms = 60000)
{
	enum { SESSIONS = 64 };
	static struct e2e e = {.engine = E2E_SPLICE};
	static struct tlsclient clients[SESSIONS];
	static struct peer peers[SESSIONS];
	uint64_t before, after;

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	e2e_connect_echo(&e, &clients[0], &peers[0]);
	before = daemon_rss_bytes(&e.daemon);
	for (size_t i = 1; i < SESSIONS; i++)
		e2e_connect_echo(&e, &clients[i], &peers[i]);
	after = daemon_rss_bytes(&e.daemon);
	NOTE("%llu bytes for each of %d sessions", (unsigned long long)(after - before) / SESSIONS,
	     SESSIONS);
	/* An SSL object alone is more. */
	E2E_MUST(&e, after < before + (uint64_t)SESSIONS * 16384, "%llu -> %llu",
		 (unsigned long long)before, (unsigned long long)after);
	for (size_t i = 0; i < SESSIONS; i++) {
		e2e_run(&e, &peers[i], STEPS(FINISH, RECV_END));
		tlsclient_close(&clients[i]);
	}
	e2e_stop(&e);
}
