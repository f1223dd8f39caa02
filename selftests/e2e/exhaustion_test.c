// SPDX-License-Identifier: Apache-2.0
/* What runs out costs new connections, never the ones that are served; and nothing is left behind. */
#include "selftests/e2e/e2e.h"
#include "selftests/lib/nobody.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The workers are nobody's, so that another process of his may take what they need. */
SUITE("exhaustion", NEEDS(NEED_NETNS | NEED_NOBODY), .deadline_ms = 60000);

#define MIB (UINT64_C(1024) * 1024)

static const struct peer_step echo_script[] = {ECHO_ALL, FINISH, {.verb = PEER_DONE}};

/* clang-format off */
CASES(struct e2e_case, engines, E2E_ENGINES);
CASES(struct e2e_case, pipe_engines,
      E2E_ROW("splice-1.2", E2E_SPLICE, TLS1_2_VERSION, SUITE_AES_128),
      E2E_ROW("splice-1.3", E2E_SPLICE, TLS1_3_VERSION, SUITE_AES_256));
/* clang-format on */

#define AS_NOBODY "user: nobody\n"

static pid_t only_worker(struct e2e *e)
{
	pid_t pid = 0;

	E2E_MUST(e, daemon_workers(&e->daemon, &pid, 1) == 1);
	return pid;
}

/** A soft limit of another process; a value beyond the hard one is that. */
struct limit {
	pid_t pid;
	int resource;
	rlim_t value;
};

static void set_limit(void *arg)
{
	const struct limit *wanted = arg;
	struct rlimit limit;

	MUST_OK(prlimit(wanted->pid, wanted->resource, NULL, &limit));
	limit.rlim_cur = wanted->value < limit.rlim_max ? wanted->value : limit.rlim_max;
	MUST_OK(prlimit(wanted->pid, wanted->resource, &limit, NULL));
}

static void limit_worker(struct e2e *e, int resource, rlim_t value)
{
	struct limit limit = {.pid = only_worker(e), .resource = resource, .value = value};

	as_nobody(set_limit, &limit);
}

/** A session that was there before, and has to be there afterwards. */
struct survivor {
	struct tlsclient client;
	struct peer peer;
};

static void begin(struct e2e *e, const struct e2e_case *c, struct survivor *survivor)
{
	struct tlsclient_options options;

	e->engine = c->engine;
	e->script = echo_script;
	if (!e->top)
		e->top = AS_NOBODY;
	e2e_start(e);
	options = e2e_client_options(e, c);
	e2e_connect(e, &survivor->client, &options);
	peer_init_client(&survivor->peer, &survivor->client);
	peer_expect_echo(&survivor->peer);
	e2e_run(e, &survivor->peer, STEPS(SEND(1000), RECV(1000)));
	e2e_prove_live(e, &survivor->client);
}

static void check_survivor(struct e2e *e, struct survivor *survivor)
{
	e2e_run(e, &survivor->peer, STEPS(BOTH(MIB, MIB)));
}

/* The limit is gone: a new client is served, and the old one to its end. */
static void end(struct e2e *e, struct survivor *survivor)
{
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	e2e_connect_echo(e, &client, &peer);
	e2e_end_echo(e, &client, &peer);
	check_survivor(e, survivor);
	e2e_end_echo(e, &survivor->client, &survivor->peer);
	E2E_MUST(e, daemon_wait_log(&e->daemon, "session", "close", "done", 1, 5000, &line));
	E2E_MUST(e, daemon_count_log(&e->daemon, "worker_died", NULL, NULL) == 0);
	e2e_stop(e);
}

/* accept(2) fails and is tried again, not all the time; a pipe that is missing is a buffer. */
TEST_CASES(no_descriptors, engines)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct survivor survivor;
	struct tlsclient refused;
	struct addr addr;
	struct log_entry line;
	uint64_t start_ms, failures;

	begin(&e, variant, &survivor);
	limit_worker(&e, RLIMIT_NOFILE, 3);
	start_ms = test_now_ms();
	options = e2e_client_options(&e, variant);
	addr = e2e_address(&e);
	E2E_MUST(&e, tlsclient_connect(&refused, &addr, &options, 500) == -ETIMEDOUT);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "accept_failed", NULL, NULL, 0, 5000, &line));
	check_survivor(&e, &survivor);
	failures = daemon_counter(&e.daemon, "accept_failed");
	CHECK_GE(failures, 2);
	CHECK_LE(failures, 2 + (test_now_ms() - start_ms) / 50);
	tlsclient_close(&refused);
	limit_worker(&e, RLIMIT_NOFILE, RLIM_INFINITY);
	end(&e, &survivor);
}

/* --- pipes --- */

static void hold_pipes(int ready_fd)
{
	int fds[2];

	become_nobody();
	do
		MUST_OK(pipe2(fds, O_CLOEXEC));
	while (fcntl(fds[0], F_GETPIPE_SZ) >= 65536);
	MUST_EQ(write(ready_fd, "", 1), 1);
	(void)pause();
}

/* Returns: a process that has opened pipes as nobody until the kernel made them small. */
static pid_t take_all_pipes(void)
{
	struct rlimit files = {.rlim_cur = 8192, .rlim_max = 8192};
	int ready[2];
	pid_t pid;
	char byte;

	MUST_OK(pipe2(ready, O_CLOEXEC));
	pid = (pid_t)MUST_OK(fork());
	if (pid == 0) {
		MUST_OK(setrlimit(RLIMIT_NOFILE, &files));
		hold_pipes(ready[1]);
		_exit(0);
	}
	MUST_OK(close(ready[1]));
	MUST_EQ(read(ready[0], &byte, 1), 1);
	MUST_OK(close(ready[0]));
	return pid;
}

/* fs.pipe-user-pages-soft is reached: buffers do it, and pipes again when there are some. */
TEST_CASES(no_pipes, pipe_engines)
{
	static struct e2e e;
	struct survivor survivor;
	pid_t holder = take_all_pipes();

	begin(&e, variant, &survivor);
	check_survivor(&e, &survivor);
	E2E_MUST(&e, daemon_counter(&e.daemon, "pipes_missed") > 0);
	E2E_MUST(&e, daemon_counter(&e.daemon, "bytes_in_ktls_copy") == MIB + 1000);
	E2E_MUST(&e, daemon_counter(&e.daemon, "bytes_out_ktls_copy") == MIB + 1000);
	E2E_MUST(&e, daemon_counter(&e.daemon, "bytes_in_splice") == 0);
	MUST_OK(kill(holder, SIGKILL));
	MUST_OK(waitpid(holder, NULL, 0));
	check_survivor(&e, &survivor);
	E2E_MUST(&e, daemon_counter(&e.daemon, "bytes_in_splice") > 0);
	end(&e, &survivor);
}

/* --- memory --- */

static rlim_t address_space(pid_t pid)
{
	char value[64];

	MUST(daemon_proc_value(pid, "status", "VmSize", value));
	return strtoull(value, NULL, 10) * 1024;
}

static bool refusal_is_logged(const struct e2e *e)
{
	return daemon_count_log(&e->daemon, "no_memory", NULL, NULL) +
		       daemon_count_log(&e->daemon, "no_resources", NULL, NULL) +
		       daemon_count_log(&e->daemon, "refused", NULL, NULL) >
	       0;
}

/* The worker's memory must not grow any more: at some connection that is one too many. */
TEST_CASES(no_memory, engines)
{
	enum { MANY = 256 };
	static struct tlsclient clients[MANY];
	static struct e2e e;
	struct tlsclient_options options;
	struct survivor survivor;
	size_t n = 0;

	begin(&e, variant, &survivor);
	limit_worker(&e, RLIMIT_AS, address_space(only_worker(&e)));
	options = e2e_client_options(&e, variant);
	while (n < MANY && e2e_try(&e, &clients[n], &options) == 0)
		n++;
	NOTE("%zu connections found memory", n);
	E2E_MUST(&e, n < MANY);
	E2E_MUST(&e, UNTIL(refusal_is_logged(&e), 5000));
	for (size_t i = 0; i <= n; i++)
		tlsclient_close(&clients[i]);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "connections") == 1, 10000));
	check_survivor(&e, &survivor);
	limit_worker(&e, RLIMIT_AS, RLIM_INFINITY);
	e2e_end_echo(&e, &survivor.client, &survivor.peer);
	e2e_stop(&e);
}

/* --- the kernel's queue of connections --- */

/* Accepting pauses, the queue is full and more clients come: they wait, or the kernel drops them. */
TEST(full_listen_queue)
{
	enum { WAITING = 64, QUEUE = 8 };
	static struct e2e e = {.top = "limits: {connections: 1}\n"};
	static const struct e2e_case copy = E2E_ROW("copy", E2E_COPY, 0, SUITE_ANY);
	struct survivor survivor;
	struct addr addr;
	int fds[WAITING];
	size_t taken = 0;

	MUST_EQ(system("sysctl -q net.core.somaxconn=8"), 0); /* NOLINT(cert-env33-c) */
	begin(&e, &copy, &survivor);
	addr = e2e_address(&e);
	for (size_t i = 0; i < WAITING; i++) {
		fds[i] = MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
		CHECK_ERRNO(connect(fds[i], &addr.sa, addr.len), EINPROGRESS);
	}
	check_survivor(&e, &survivor);
	for (size_t i = 0; i < WAITING; i++)
		taken += poll(&(struct pollfd){.fd = fds[i], .events = POLLOUT}, 1, 0) == 1;
	NOTE("%zu of %d wait in the queue", taken, WAITING);
	CHECK_LE(taken, QUEUE + 1);
	E2E_MUST(&e, daemon_counter(&e.daemon, "accepted") == 1);
	for (size_t i = 0; i < WAITING; i++)
		MUST_OK(close(fds[i]));
	check_survivor(&e, &survivor);
	e2e_end_echo(&e, &survivor.client, &survivor.peer);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "accepted") == 1 + taken, 10000));
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "connections") == 0, 10000));
	e2e_connect_echo(&e, &survivor.client, &survivor.peer);
	e2e_end_echo(&e, &survivor.client, &survivor.peer);
	e2e_stop(&e);
}

/* --- what is left behind --- */

static size_t open_descriptors(pid_t pid)
{
	char path[64];
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	MUST(dir, "%s", path);
	while (readdir(dir))
		n++;
	MUST_OK(closedir(dir));
	return n;
}

static void come_and_go(struct e2e *e, unsigned int times)
{
	struct addr addr = e2e_address(e);

	for (unsigned int i = 0; i < times; i++) {
		int fd = MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

		MUST_OK(connect(fd, &addr.sa, addr.len));
		MUST_OK(close(fd));
	}
}

/* The upstream's part is a thread for each connection, of which there are only so many. */
static void talk_and_go(struct e2e *e, unsigned int times)
{
	struct tlsclient_options options = e2e_client_options(e, NULL);

	for (unsigned int i = 0; i < times; i++) {
		struct tlsclient client;
		struct peer peer;

		e2e_connect(e, &client, &options);
		peer_init_client(&peer, &client);
		peer_expect_echo(&peer);
		e2e_run(e, &peer, STEPS(SEND(1000), RECV(1000)));
		if (i % 2)
			e2e_run(e, &peer, STEPS(FINISH, RECV_END));
		tlsclient_close(&client);
	}
}

static void wait_until_empty(struct e2e *e)
{
	static const char *const gauges[] = {"connections", "handshakes", "held_in", "held_out"};

	for (size_t i = 0; i < 4; i++)
		E2E_MUST(e, UNTIL(daemon_counter(&e->daemon, gauges[i]) == 0, 10000), "%s",
			 gauges[i]);
}

struct crowd_case {
	VARIANT;
	enum e2e_engine engine;
	unsigned int connects;
};

/* Fewer in the emulator: it is slow, and what is left behind would be as much for each. */
CASES(struct crowd_case, crowds, {.name = "copy", .engine = E2E_COPY, .connects = 10000},
      {.name = "splice", .engine = E2E_SPLICE, .connects = 1000, .needs = NEED_KTLS});

TEST_CASES(nothing_is_left_behind, crowds, .deadline_ms = 120000)
{
	enum { TALKS = 100, WARM = 50, WARM_CONNECTS = 500 };
	static struct e2e e;
	uint64_t resident, heap;
	size_t files;
	pid_t worker;

	e.engine = variant->engine;
	e.script = echo_script;
	e2e_start(&e);
	worker = only_worker(&e);
	talk_and_go(&e, WARM);
	come_and_go(&e, WARM_CONNECTS);
	wait_until_empty(&e);
	files = open_descriptors(worker);
	resident = daemon_rss_bytes(&e.daemon);
	heap = daemon_heap_bytes(&e.daemon);
	talk_and_go(&e, TALKS);
	come_and_go(&e, variant->connects - TALKS);
	wait_until_empty(&e);
	E2E_MUST(&e,
		 daemon_counter(&e.daemon, "accepted") == WARM + WARM_CONNECTS + variant->connects);
	CHECK_EQ(only_worker(&e), worker);
	CHECK_EQ(open_descriptors(worker), files);
	CHECK_LE(daemon_rss_bytes(&e.daemon), resident + MIB);
	/* A pool may keep a few buffers more; the smallest leak would be 32 bytes of each. */
	CHECK_LE(daemon_heap_bytes(&e.daemon), heap + MIB / 8);
	e2e_stop(&e);
}
