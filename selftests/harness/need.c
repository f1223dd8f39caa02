// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/internal.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBE_DEADLINE_MS 20000

static const char *try_root(void)
{
	errno = EPERM;
	return geteuid() == 0 ? NULL : "uid is not 0";
}

/* The probe's process is isolated already when that works, see probe_child(). */
static const char *try_netns(void)
{
	return try_root();
}

static const char *try_nobody(void)
{
	const char *why = try_root();

	if (why)
		return why;
	errno = ENOENT;
	return getpwnam("nobody") ? NULL : "no user nobody";
}

static const char *try_ipv6(void)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return "socket";
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? "bind ::1" : NULL;
}

/* One dump of established TCP sockets; the answer must hold at least one. */
static const char *try_sock_diag(void)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} request = {
		.head = {.nlmsg_len = sizeof(request),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.body = {.sdiag_family = AF_INET,
			 .sdiag_protocol = IPPROTO_TCP,
			 .idiag_states = ~0U},
	};
	union {
		struct nlmsghdr head;
		char space[8192];
	} answer = {};
	int pair[2], fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0)
		return "socket NETLINK_SOCK_DIAG";
	if (need_tcp_pair(pair) < 0)
		return "loopback pair";
	if (send(fd, &request, sizeof(request), 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0)
		return "sock_diag";
	if (answer.head.nlmsg_type == SOCK_DIAG_BY_FAMILY)
		return NULL;
	errno = ENOENT;
	return "sock_diag of TCP";
}

struct probe {
	unsigned int need;
	const char *name;
	const char *(*try)(void);
};

static const struct probe probes[] = {
	{NEED_ROOT, "root", try_root},
	{NEED_NETNS, "netns", try_netns},
	{NEED_KTLS, "ktls", need_try_ktls},
	{NEED_KTLS_REKEY, "rekey", need_try_rekey},
	{NEED_NO_REKEY, "no rekey", need_try_no_rekey},
	{NEED_BPF, "bpf", need_try_bpf},
	{NEED_SOCKMAP, "sockmap", need_try_sockmap},
	{NEED_SOCK_DIAG, "sock_diag", try_sock_diag},
	{NEED_IPV6, "ipv6", try_ipv6},
	{NEED_NOBODY, "nobody", try_nobody},
	{NEED_NO_KTLS, "no ktls", need_try_no_ktls},
};

#define N_PROBES (sizeof(probes) / sizeof(probes[0]))

/* Tried once, in a process like a test's own, which writes to shared memory. */
struct answer {
	bool known, there;
	char why[TEST_WHY_BYTES];
};

static _Noreturn void probe_child(const struct probe *probe, struct answer *answer)
{
	const char *why = NULL;
	int r = 0;

	if (geteuid() == 0 && (probe->need & ISOLATED_NEEDS))
		r = proc_isolate();
	if (r < 0) {
		errno = -r;
		why = "namespaces";
	} else {
		why = probe->try();
	}
	answer->there = !why;
	if (why)
		(void)snprintf(answer->why, sizeof(answer->why), "%s: %s", why, strerror(errno));
	_exit(0);
}

static void probe_now(const struct probe *probe, struct answer *answer)
{
	int status;
	pid_t pid;

	(void)snprintf(answer->why, sizeof(answer->why), "the probe died");
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		probe_child(probe, answer);
	if (pid > 0 && proc_wait(pid, test_scaled_ms(PROBE_DEADLINE_MS), &status) < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
	}
	answer->known = true;
}

static const struct answer *answer_to(size_t i)
{
	static struct answer *answers;

	if (!answers) {
		answers = mmap(NULL, sizeof(*answers) * N_PROBES, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (answers == MAP_FAILED)
			abort();
	}
	if (!answers[i].known)
		probe_now(&probes[i], &answers[i]);
	return &answers[i];
}

bool need_missing(unsigned int needs, char *ret_why)
{
	for (size_t i = 0; i < N_PROBES; i++) {
		const struct answer *answer;

		if (!(needs & probes[i].need))
			continue;
		answer = answer_to(i);
		if (answer->there)
			continue;
		(void)snprintf(ret_why, TEST_WHY_BYTES, "needs %s (%.200s)", probes[i].name,
			       answer->why);
		return true;
	}
	return false;
}

static bool in_path(const char *program, size_t len)
{
	const char *dir = getenv("PATH");
	char path[512];

	while (dir && *dir) {
		size_t dir_len = strcspn(dir, ":");

		(void)snprintf(path, sizeof(path), "%.*s/%.*s", (int)dir_len, dir, (int)len,
			       program);
		if (access(path, X_OK) == 0)
			return true;
		dir += dir_len + (dir[dir_len] == ':');
	}
	return false;
}

bool need_program_missing(const char *programs, char *ret_why)
{
	while (programs && *programs) {
		size_t len = strcspn(programs, " ");

		if (len && !in_path(programs, len)) {
			(void)snprintf(ret_why, TEST_WHY_BYTES, "needs the program %.*s", (int)len,
				       programs);
			return true;
		}
		programs += len + (programs[len] == ' ');
	}
	return false;
}
