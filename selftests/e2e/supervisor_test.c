// SPDX-License-Identifier: Apache-2.0
/* Signals at any time, successors, and workers that misbehave. */
#include "selftests/e2e/e2e.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

SUITE("supervisor", NEEDS(NEED_NETNS), .deadline_ms = 30000);

static pid_t only_worker(struct e2e *e)
{
	pid_t pids[2];

	E2E_MUST(e, daemon_workers(&e->daemon, pids, 2) == 1);
	return pids[0];
}

/* --- signals --- */

/* `sluice run` in a process group of its own, as a terminal or a container has it. */
static pid_t start_group(const struct e2e *e)
{
	pid_t pid = MUST_OK(fork());

	if (pid > 0) {
		/* Both do it: whoever is first. After the exec it is an error. */
		(void)setpgid(pid, pid);
		return pid;
	}
	MUST_OK(setpgid(0, 0));
	MUST_OK(dup2(MUST_OK(open(e->daemon.log, O_WRONLY | O_CREAT | O_APPEND, 0600)), 2));
	execl(daemon_program(), "sluice", "run", "-c", e2e_path(e, "sluice.yaml"), NULL);
	_exit(127);
}

/* ^C while it starts: whatever has been started by then, no session was cut. */
TEST(group_signal_during_start)
{
	enum { ROUNDS = 40 };
	static struct e2e e = {.workers = 2};
	uint64_t start_ms, ready_us;

	e.script = STEPS(RECV_ALL);
	e2e_prepare(&e);
	start_ms = test_now_ms();
	MUST_EQ(daemon_start(&e.daemon, e.yaml), 0);
	ready_us = (test_now_ms() - start_ms) * 1000;
	E2E_MUST(&e, daemon_stop(&e.daemon, 5000) == 0);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		pid_t pid = start_group(&e);
		int status;

		/* Not a wait for something: each round hits another moment of the start. */
		usleep((useconds_t)(ready_us * (i + 1) / ROUNDS));
		MUST_OK(kill(-pid, i % 2 ? SIGINT : SIGTERM));
		MUST_EQ(waitpid(pid, &status, 0), pid);
		/* Before it has signals blocked there is nothing to drain, and it just ends. */
		E2E_MUST(&e, WIFSIGNALED(status) || WEXITSTATUS(status) == 0,
			 "round %u: exit code %d", i, WEXITSTATUS(status));
	}
	upstream_server_stop(&e.upstream);
}

/* --- a worker dies while it drains --- */

TEST(dead_idle_worker_cuts_nothing)
{
	static struct e2e e;
	struct log_entry line;
	pid_t worker;

	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	worker = only_worker(&e);
	MUST_OK(kill(worker, SIGSTOP));
	MUST_OK(kill(e.daemon.pid, SIGTERM));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "drain", NULL, NULL, 0, 3000, &line));
	MUST_OK(kill(worker, SIGKILL));
	E2E_MUST(&e, daemon_wait(&e.daemon, 5000) == 0, "exit code %d", e.daemon.exit_code);
	upstream_server_stop(&e.upstream);
}

TEST(dead_busy_worker_cuts)
{
	static struct e2e e;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;
	pid_t worker;

	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_start(&e);
	e2e_connect_echo(&e, &client, &peer);
	worker = only_worker(&e);
	MUST_OK(kill(e.daemon.pid, SIGTERM));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "drain", NULL, NULL, 0, 3000, &line));
	MUST_OK(kill(worker, SIGKILL));
	E2E_MUST(&e, daemon_wait(&e.daemon, 5000) == 3, "exit code %d", e.daemon.exit_code);
	tlsclient_close(&client);
	upstream_server_stop(&e.upstream);
}

/* The second signal does not wait for a worker that hangs until the drain limit has passed. */
TEST(second_signal_with_stuck_worker)
{
	static struct e2e e = {.top = "timeouts: {drain: 10m}\n"};
	struct log_entry line;

	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	MUST_OK(kill(only_worker(&e), SIGSTOP));
	MUST_OK(kill(e.daemon.pid, SIGTERM));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "drain", NULL, NULL, 0, 3000, &line));
	MUST_OK(kill(e.daemon.pid, SIGTERM));
	E2E_MUST(&e, daemon_wait(&e.daemon, 8000) == 0, "exit code %d", e.daemon.exit_code);
	upstream_server_stop(&e.upstream);
}

/* --- a worker that hangs while it starts --- */

static bool not_yet_restricted(pid_t pid)
{
	char value[64];

	return daemon_proc_value(pid, "status", "NoNewPrivs", value) && strcmp(value, "0") == 0;
}

/* Kills workers until a new one could be stopped before it was ready. */
static void stop_a_starting_worker(struct e2e *e)
{
	pid_t last = only_worker(e);

	MUST_OK(kill(last, SIGKILL));
	for (;;) {
		pid_t pid = 0;

		E2E_MUST(e, UNTIL(daemon_workers(&e->daemon, &pid, 1) == 1 && pid != last, 10000));
		MUST_OK(kill(pid, SIGSTOP));
		if (not_yet_restricted(pid))
			return;
		MUST_OK(kill(pid, SIGKILL));
		last = pid;
	}
}

TEST(worker_stuck_at_start, .deadline_ms = 60000)
{
	static struct e2e e;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_start(&e);
	stop_a_starting_worker(&e);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "worker_killed", NULL, NULL, 0, 30000, &line));
	e2e_connect_echo(&e, &client, &peer);
	e2e_end_echo(&e, &client, &peer);
	e2e_stop(&e);
}

/* --- the end of one, the start of the next --- */

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* While the old one drains, the new one has the same paths, and keeps them. */
TEST(successor_keeps_its_sockets)
{
	static char listen[160];
	static struct e2e e = {.listen = listen, .quiet_offload = true};
	static struct daemon old;
	struct tlsclient_options options;
	struct tlsclient client;
	struct addr addr;
	struct peer peer;
	char path[128];

	snprintf(path, sizeof(path), "unix:%s/front.sock", test_tmpdir());
	snprintf(listen, sizeof(listen), "\"%s\"", path);
	MUST_EQ(addr_parse(path, &addr), 0);
	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	MUST_EQ(tlsclient_connect(&client, &addr, &options, (int)test_scaled_ms(5000)), 0);
	peer_init_client(&peer, &client);
	peer_expect_echo(&peer);
	e2e_run(&e, &peer, STEPS(SEND(1000), RECV(1000)));
	MUST_OK(kill(e.daemon.pid, SIGTERM));
	E2E_MUST(&e, UNTIL(!exists(e2e_path(&e, "front.sock")), 3000));
	E2E_MUST(&e, UNTIL(!exists(e2e_path(&e, "admin.sock")), 3000));

	old = e.daemon;
	snprintf(e.daemon.log, sizeof(e.daemon.log), "%s", e2e_path(&e, "log-of-new"));
	e2e_start(&e);
	e2e_end_echo(&e, &client, &peer);
	E2E_MUST(&e, daemon_wait(&old, 5000) == 0, "exit code %d", old.exit_code);
	E2E_MUST(&e, exists(e2e_path(&e, "front.sock")) && exists(e2e_path(&e, "admin.sock")));
	MUST_EQ(tlsclient_connect(&client, &addr, &options, (int)test_scaled_ms(5000)), 0);
	tlsclient_close(&client);
	e2e_stop(&e);
	E2E_MUST(&e, !exists(e2e_path(&e, "front.sock")) && !exists(e2e_path(&e, "admin.sock")));
}

/* What was in the queue when the drain began is served, not reset. */
TEST(drain_serves_queue)
{
	enum { CLIENTS = 5 };
	static struct e2e e;
	struct log_entry line;
	int fds[CLIENTS];
	struct addr addr;
	pid_t worker;

	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	worker = only_worker(&e);
	addr = e2e_address(&e);
	MUST_OK(kill(worker, SIGSTOP));
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
		MUST_OK(connect(fds[i], &addr.sa, addr.len));
	}
	MUST_OK(kill(e.daemon.pid, SIGTERM));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "drain", NULL, NULL, 0, 3000, &line));
	MUST_OK(kill(worker, SIGCONT));
	for (int i = 0; i < CLIENTS; i++)
		MUST_EQ(write(fds[i], "this is no ClientHello\n", 23), 23);
	E2E_MUST(&e, daemon_wait(&e.daemon, 5000) == 0, "exit code %d", e.daemon.exit_code);
	E2E_MUST(&e, daemon_count_log(&e.daemon, "refused", "check", "protocol") == CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		MUST_OK(close(fds[i]));
	upstream_server_stop(&e.upstream);
}
