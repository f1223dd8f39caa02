// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/daemon.h"

#include "base/addr.h"
#include "base/clock.h"
#include "base/fd.h"
#include "selftests/harness/harness.h"

#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define START_MS 10000

const char *daemon_program(void)
{
	static char path[PATH_MAX + 16];
	char self[PATH_MAX] = "";

	/* build/selftests/e2e.suite and build/sluice */
	if (path[0] == '\0' && readlink("/proc/self/exe", self, sizeof(self) - 1) > 0)
		snprintf(path, sizeof(path), "%s/sluice", dirname(dirname(self)));
	return getenv("SLUICE") ? getenv("SLUICE") : path;
}

static void live_in(struct daemon *daemon, const char *dir)
{
	*daemon = (struct daemon){};
	MUST((size_t)snprintf(daemon->dir, sizeof(daemon->dir), "%s", dir) < sizeof(daemon->dir));
	snprintf(daemon->log, sizeof(daemon->log), "%s/log", daemon->dir);
}

void daemon_init(struct daemon *daemon)
{
	live_in(daemon, test_tmpdir());
}

void daemon_init_in(struct daemon *daemon, const char *subdir)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/%s", test_tmpdir(), subdir);
	live_in(daemon, dir);
	MUST_OK(mkdir(dir, 0755));
}

int daemon_write(struct daemon *daemon, const char *name, const char *text)
{
	char path[PATH_MAX];
	int _cleanup_fd_ fd = -1;
	size_t len = strlen(text);

	snprintf(path, sizeof(path), "%s/%s", daemon->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	return write(fd, text, len) == (ssize_t)len ? 0 : -EIO;
}

/* --- processes --- */

/* In the child: never returns. */
static void exec_sluice(const struct daemon *daemon, const char *output, const char *const *argv)
{
	const struct rlimit files = {daemon->files, daemon->files};
	char *copy[16] = {};
	int fd = open(output, O_WRONLY | O_CREAT | O_APPEND, 0644);

	for (size_t i = 0; argv[i] && i < 15; i++)
		copy[i] = strdup(argv[i]);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)signal(SIGPIPE, SIG_DFL);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(daemon->stderr_fd ? daemon->stderr_fd : fd, 2) < 0)
		_exit(126);
	if (daemon->files && setrlimit(RLIMIT_NOFILE, &files) < 0)
		_exit(126);
	if (daemon->uid &&
	    (setgroups(0, NULL) < 0 || setgid(daemon->uid) < 0 || setuid(daemon->uid) < 0))
		_exit(126);
	execv(daemon_program(), copy);
	_exit(127);
}

static int code_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static pid_t spawn(const struct daemon *daemon, const char *output, const char *const *argv)
{
	pid_t pid = fork();

	if (pid == 0)
		exec_sluice(daemon, output, argv);
	return pid < 0 ? -errno : pid;
}

int daemon_command(struct daemon *daemon, const char *const *argv)
{
	char output[PATH_MAX];
	int status;
	pid_t pid;

	snprintf(output, sizeof(output), "%s/output", daemon->dir);
	(void)unlink(output);
	pid = spawn(daemon, output, argv);
	if (pid < 0)
		return pid;
	return waitpid(pid, &status, 0) == pid ? code_of(status) : -errno;
}

int daemon_wait(struct daemon *daemon, int timeout_ms)
{
	uint64_t deadline_ms = clock_now_ms() + test_scaled_ms((uint64_t)timeout_ms);
	int status;

	while (clock_now_ms() < deadline_ms) {
		if (waitpid(daemon->pid, &status, WNOHANG) == daemon->pid) {
			daemon->pid = 0;
			daemon->exit_code = code_of(status);
			return daemon->exit_code;
		}
		usleep(2000);
	}
	return -ETIMEDOUT;
}

static bool log_has(const struct daemon *daemon, const char *text)
{
	FILE *file = fopen(daemon->log, "re");
	char line[4096];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, text) != NULL;
	if (file)
		fclose(file);
	return found;
}

int daemon_start_when(struct daemon *daemon, const char *yaml, const char *text)
{
	uint64_t deadline_ms = clock_now_ms() + test_scaled_ms(START_MS);
	char path[PATH_MAX];
	const char *const argv[] = {"sluice", "run", "-c", path, NULL};
	pid_t pid;
	int r;

	r = daemon_write(daemon, "sluice.yaml", yaml);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/sluice.yaml", daemon->dir);
	(void)unlink(daemon->log);
	pid = spawn(daemon, daemon->log, argv);
	if (pid < 0)
		return pid;
	daemon->pid = pid;
	while (clock_now_ms() < deadline_ms) {
		if (log_has(daemon, text))
			return 0;
		if (daemon_wait(daemon, 4) >= 0)
			return -ECHILD;
	}
	return -ETIMEDOUT;
}

int daemon_start(struct daemon *daemon, const char *yaml)
{
	return daemon_start_when(daemon, yaml, " event=ready ");
}

void daemon_reap(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
}

int daemon_stop(struct daemon *daemon, int timeout_ms)
{
	int r;

	if (daemon->pid <= 0)
		return -ESRCH;
	(void)kill(daemon->pid, SIGTERM);
	r = daemon_wait(daemon, timeout_ms);
	if (r == -ETIMEDOUT) {
		(void)kill(daemon->pid, SIGKILL);
		(void)waitpid(daemon->pid, NULL, 0);
		daemon->pid = 0;
	}
	return r;
}

size_t daemon_workers(const struct daemon *daemon, pid_t *pids, size_t max)
{
	char path[64];
	size_t n = 0;
	FILE *file;
	int pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", daemon->pid, daemon->pid);
	file = fopen(path, "re");
	while (file && n < max && fscanf(file, "%d", &pid) == 1)
		pids[n++] = pid;
	if (file)
		fclose(file);
	return n;
}

bool daemon_proc_value(pid_t pid, const char *file, const char *field, char value[64])
{
	char path[64], line[512];
	size_t len = strlen(field);
	bool found = false;
	FILE *f;

	value[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		if (strncmp(line, field, len) == 0 && strchr(": \t", line[len]))
			found = sscanf(line + len + 1, "%63s", value) == 1;
	}
	if (f)
		fclose(f);
	return found;
}

uint64_t daemon_rss_bytes(const struct daemon *daemon)
{
	pid_t pids[64];
	size_t n = daemon_workers(daemon, pids, 64);
	uint64_t kib = 0;
	char value[64];

	for (size_t i = 0; i < n; i++) {
		if (daemon_proc_value(pids[i], "status", "RssAnon", value))
			kib += strtoull(value, NULL, 10);
	}
	return kib * 1024;
}

unsigned int daemon_free_port(void)
{
	struct addr addr = {.len = sizeof(addr.in6)};
	int _cleanup_fd_ fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* Dual stack: free on 127.0.0.1 too. */
	addr.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
	if (fd < 0 || bind(fd, &addr.sa, addr.len) < 0 || getsockname(fd, &addr.sa, &addr.len) < 0)
		return 0;
	return addr_port(&addr);
}
