// SPDX-License-Identifier: Apache-2.0
/* Start, workers that die, drain, privileges. */
#include "selftests/e2e/e2e.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

SUITE("lifecycle", NEEDS(NEED_NETNS), .deadline_ms = 30000);

/* clang-format off */
CASES(struct e2e_case, engines, E2E_CRYPTOS);
/* clang-format on */

#define ECHO_SCRIPT STEPS(ECHO_ALL, FINISH)

/* --- workers --- */

static bool value_is(pid_t pid, const char *file, const char *field, const char *expected)
{
	char value[64];

	return daemon_proc_value(pid, file, field, value) && strcmp(value, expected) == 0;
}

TEST(workers_are_unprivileged)
{
	static struct e2e e = {.workers = 2};
	pid_t pids[8];
	size_t n;

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	n = daemon_workers(&e.daemon, pids, 8);
	MUST_EQ(n, 2);
	for (size_t i = 0; i < n; i++) {
		char uid[64];

		CHECK(value_is(pids[i], "status", "CapEff", "0000000000000000"));
		CHECK(value_is(pids[i], "status", "CapPrm", "0000000000000000"));
		CHECK(value_is(pids[i], "status", "CapInh", "0000000000000000"));
		CHECK(value_is(pids[i], "status", "CapAmb", "0000000000000000"));
		CHECK(value_is(pids[i], "status", "NoNewPrivs", "1"));
		CHECK(daemon_proc_value(pids[i], "status", "Uid", uid) && strcmp(uid, "0") != 0,
		      "uid %s", uid);
		CHECK(value_is(pids[i], "limits", "Max core file size", "0"));
	}
	e2e_stop(&e);
}

/* Finds the worker that serves nobody of the sessions which exist: the one without a socket. */
static pid_t worker_of(struct e2e *e, struct peer *peer, pid_t *ret_other)
{
	pid_t pids[8];

	(void)peer;
	MUST_EQ(daemon_workers(&e->daemon, pids, 8), 2);
	*ret_other = pids[1];
	return pids[0];
}

/* A worker dies: its sessions end, the others' go on, and it comes back. */
TEST(killed_worker_is_restarted)
{
	enum { CLIENTS = 12 };
	static struct tlsclient clients[CLIENTS];
	static struct peer peers[CLIENTS];
	static struct e2e e = {.workers = 2};
	size_t lost = 0;
	pid_t victim, other;
	struct log_entry line;

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	for (size_t i = 0; i < CLIENTS; i++)
		e2e_connect_echo(&e, &clients[i], &peers[i]);
	victim = worker_of(&e, &peers[0], &other);
	MUST_OK(kill(victim, SIGKILL));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "worker_died", NULL, NULL, 0, 5000, &line));
	for (size_t i = 0; i < CLIENTS; i++) {
		if (peer_run(&peers[i], STEPS(SEND(500), RECV(500))) == 0)
			e2e_end_echo(&e, &clients[i], &peers[i]);
		else
			lost++;
		tlsclient_close(&clients[i]);
	}
	NOTE("%zu of %d sessions were the dead worker's", lost, CLIENTS);
	E2E_MUST(&e, lost < CLIENTS, "sessions of the other worker died too");
	E2E_MUST(&e, kill(other, 0) == 0);
	/* The new one takes what the kernel sends its way. */
	for (size_t i = 0; i < CLIENTS; i++) {
		e2e_connect_echo(&e, &clients[i], &peers[i]);
		e2e_end_echo(&e, &clients[i], &peers[i]);
	}
	{
		pid_t pids[8];

		E2E_MUST(&e, daemon_workers(&e.daemon, pids, 8) == 2);
	}
	e2e_stop(&e);
}

/* Killed while it is alone: who connects meanwhile waits in the queue and is served. */
TEST(queue_survives_worker)
{
	static struct e2e e = {.workers = 1};
	struct tlsclient client;
	struct peer peer;
	pid_t pids[2];

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	MUST_EQ(daemon_workers(&e.daemon, pids, 2), 1);
	MUST_OK(kill(pids[0], SIGKILL));
	e2e_connect_echo(&e, &client, &peer);
	e2e_end_echo(&e, &client, &peer);
	e2e_stop(&e);
}

/* --- drain --- */

static void expect_refused_connect(struct e2e *e)
{
	struct tlsclient_options options = e2e_client_options(e, NULL);
	struct tlsclient client;

	E2E_MUST(e, UNTIL(({
				  int r = e2e_try(e, &client, &options);

				  tlsclient_close(&client);
				  r == -ECONNREFUSED;
			  }),
			  3000));
}

TEST_CASES(drain_waits_for_sessions, engines)
{
	static struct e2e e;
	struct tlsclient client;
	struct peer peer;

	e.engine = variant->engine;
	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	e2e_connect_echo(&e, &client, &peer);
	MUST_OK(kill(e.daemon.pid, SIGTERM));
	expect_refused_connect(&e);
	e2e_end_echo(&e, &client, &peer);
	E2E_MUST(&e, daemon_wait(&e.daemon, 5000) == 0, "exit code %d", e.daemon.exit_code);
	E2E_MUST(&e, daemon_count_log(&e.daemon, "session", "close", "done") == 1);
	upstream_server_stop(&e.upstream);
}

TEST_CASES(drain_cuts_at_limit, engines)
{
	static struct e2e e = {.top = "timeouts: {drain: 300ms}\n"};
	struct tlsclient client;
	struct peer peer;
	uint64_t start_ms;

	e.engine = variant->engine;
	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_start(&e);
	e2e_connect_echo(&e, &client, &peer);
	start_ms = test_now_ms();
	MUST_OK(kill(e.daemon.pid, SIGTERM));
	e2e_run(&e, &peer, STEPS(RECV_CUT));
	CHECK_GE(test_now_ms() - start_ms, 250);
	E2E_MUST(&e, daemon_wait(&e.daemon, 5000) == 3, "exit code %d", e.daemon.exit_code);
	E2E_MUST(&e, daemon_count_log(&e.daemon, "session", "close", "drained") == 1);
	tlsclient_close(&client);
	upstream_server_stop(&e.upstream);
}

TEST(second_signal_cuts_at_once)
{
	static struct e2e e = {.top = "timeouts: {drain: 60s}\n"};
	struct tlsclient client;
	struct peer peer;
	struct log_entry line;

	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_start(&e);
	e2e_connect_echo(&e, &client, &peer);
	MUST_OK(kill(e.daemon.pid, SIGTERM));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "drain", NULL, NULL, 0, 3000, &line));
	MUST_OK(kill(e.daemon.pid, SIGTERM));
	E2E_MUST(&e, daemon_wait(&e.daemon, 5000) == 3, "exit code %d", e.daemon.exit_code);
	tlsclient_close(&client);
	upstream_server_stop(&e.upstream);
}

TEST(idle_daemon_stops_at_once)
{
	static struct e2e e = {.workers = 2};
	uint64_t start_ms;

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	start_ms = test_now_ms();
	e2e_stop(&e);
	CHECK_LE(test_now_ms() - start_ms, test_scaled_ms(2000));
}

/* Without its supervisor a worker does not stay behind as an orphan. */
TEST(workers_end_with_supervisor)
{
	static struct e2e e = {.workers = 2, .top = "timeouts: {drain: 500ms}\n"};
	pid_t pids[2];

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	MUST_EQ(daemon_workers(&e.daemon, pids, 2), 2);
	MUST_OK(kill(e.daemon.pid, SIGKILL));
	E2E_MUST(&e, daemon_wait(&e.daemon, 5000) == 128 + SIGKILL);
	for (size_t i = 0; i < 2; i++) {
		/* They are our children now, so they stay as zombies until they are waited for. */
		E2E_MUST(&e,
			 UNTIL(value_is(pids[i], "status", "State", "Z") || kill(pids[i], 0) < 0,
			       5000));
	}
	daemon_reap();
	upstream_server_stop(&e.upstream);
}

/* --- start --- */

TEST(port_taken)
{
	static struct e2e e;
	struct addr addr;
	int fd, r;

	e.script = ECHO_SCRIPT;
	e2e_prepare(&e);
	addr = e2e_address(&e);
	fd = MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST_OK(bind(fd, &addr.sa, addr.len));
	MUST_OK(listen(fd, 1));
	r = daemon_start(&e.daemon, e.yaml);
	E2E_MUST(&e, r == -ECHILD, "%d", r);
	E2E_MUST(&e, e.daemon.exit_code == 1, "exit code %d", e.daemon.exit_code);
	MUST_OK(close(fd));
	upstream_server_stop(&e.upstream);
}

/* Two daemons on one port would share the connections by SO_REUSEPORT if nobody looked. */
TEST(second_daemon_on_port)
{
	static struct e2e e;
	struct daemon second;
	char *other;
	int r;

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	daemon_init(&second);
	snprintf(second.log, sizeof(second.log), "%s/log-of-second", second.dir);
	/* Its own admin socket, or that would be the reason. */
	other = strstr(e.yaml, "admin.sock");
	MUST(other != NULL);
	*other = 'o';
	r = daemon_start(&second, e.yaml);
	E2E_MUST(&e, r == -ECHILD && second.exit_code == 1, "%d, exit code %d", r,
		 second.exit_code);
	e2e_stop(&e);
}

TEST(ordinary_user, NEEDS(NEED_NETNS | NEED_NOBODY))
{
	const struct passwd *nobody = getpwnam("nobody");
	static struct e2e e;
	struct tlsclient client;
	struct peer peer;
	struct log_entry line;
	pid_t pids[2];

	MUST(nobody != NULL);
	e.script = ECHO_SCRIPT;
	e2e_prepare(&e);
	e.daemon.uid = nobody->pw_uid;
	/* Its key and its directory are its own. */
	MUST_OK(chown(e.daemon.dir, nobody->pw_uid, (gid_t)-1));
	MUST_OK(chown(e2e_path(&e, "pki/server.key"), nobody->pw_uid, (gid_t)-1));
	e2e_start(&e);
	E2E_MUST(&e, daemon_find_log(&e.daemon, "not_root", NULL, NULL, 0, &line));
	e2e_connect_echo(&e, &client, &peer);
	MUST_EQ(daemon_workers(&e.daemon, pids, 2), 1);
	CHECK(value_is(pids[0], "status", "NoNewPrivs", "1"));
	e2e_end_echo(&e, &client, &peer);
	e2e_stop(&e);
}

/* --- listeners --- */

static void try_address(struct e2e *e, const char *text)
{
	struct tlsclient_options options = e2e_client_options(e, NULL);
	struct tlsclient client;
	struct peer peer;
	struct addr addr;
	int r;

	MUST_EQ(addr_parse(text, &addr), 0);
	r = tlsclient_connect(&client, &addr, &options, (int)test_scaled_ms(5000));
	E2E_MUST(e, r == 0, "%s: %s", text, client.error);
	peer_init_client(&peer, &client);
	peer_expect_echo(&peer);
	e2e_end_echo(e, &client, &peer);
}

TEST(several_addresses, NEEDS(NEED_NETNS | NEED_IPV6))
{
	static struct e2e e = {.listen = "\"127.0.0.1:18443\", \"[::1]:18443\", "
					 "\"127.0.0.1:18444\", \"127.0.0.2:18443\"",
			       .workers = 2};

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	try_address(&e, "127.0.0.1:18443");
	try_address(&e, "[::1]:18443");
	try_address(&e, "127.0.0.1:18444");
	try_address(&e, "127.0.0.2:18443");
	E2E_MUST(&e, UNTIL(daemon_count_log(&e.daemon, "session", "close", "done") == 4, 3000));
	e2e_stop(&e);
}

TEST(any_address_both_families, NEEDS(NEED_NETNS | NEED_IPV6))
{
	static struct e2e e = {.listen = "\"0.0.0.0:18443\", \"[::]:18443\""};

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	try_address(&e, "127.0.0.1:18443");
	try_address(&e, "[::1]:18443");
	e2e_stop(&e);
}

TEST(unix_listener)
{
	static char listen[160], address[128];
	static struct e2e e = {.listen = listen, .quiet_offload = true, .workers = 2};
	struct log_entry line;

	snprintf(address, sizeof(address), "unix:%s/front.sock", test_tmpdir());
	snprintf(listen, sizeof(listen), "\"%s\"", address);
	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	try_address(&e, address);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "session", NULL, NULL, 0, 3000, &line));
	E2E_MUST(&e, log_entry_is(&line, "offload_reason", "not_tcp"), "%s", line.text);
	E2E_MUST(&e, log_entry_is(&line, "engine_in", "copy"), "%s", line.text);
	e2e_stop(&e);
	/* Nobody is behind it any more. */
	CHECK_ERRNO(access(address + strlen("unix:"), F_OK), ENOENT);
}
