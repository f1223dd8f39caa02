// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int r = 0, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		r = -errno;
	request.ifr_flags |= IFF_UP;
	if (r == 0 && ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		r = -errno;
	(void)close(fd);
	return r;
}

int proc_isolate(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		return -errno;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	/* What `ip netns add` leaves there shall end with the test. */
	(void)mkdir("/run/netns", 0755);
	(void)mount("none", "/run/netns", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
	return loopback_up();
}

int proc_wait(pid_t pid, uint64_t deadline_ms, int *ret_status)
{
	uint64_t now, end = test_now_ms() + deadline_ms;
	struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	int r = 0;

	if (p.fd < 0)
		return -errno;
	do {
		now = test_now_ms();
		r = poll(&p, 1, now < end ? (int)(end - now) : 0);
	} while (r < 0 && errno == EINTR);
	(void)close(p.fd);
	if (r == 0)
		return -ETIMEDOUT;
	return waitpid(pid, ret_status, 0) < 0 ? -errno : 0;
}

static pid_t parent_of(const char *pid)
{
	char path[64], stat[512], *end;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, stat, sizeof(stat) - 1);
	(void)close(fd);
	stat[n > 0 ? n : 0] = '\0';
	end = strrchr(stat, ')'); /* the name may hold anything */
	return end && strlen(end) > 4 ? (pid_t)atoi(end + 4) : -1;
}

/* Returns how many of our children got SIGKILL. */
static int kill_children(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int n = 0;

	while (dir && (entry = readdir(dir))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid > 0 && parent_of(entry->d_name) == getpid())
			n += kill(pid, SIGKILL) == 0;
	}
	if (dir)
		(void)closedir(dir);
	return n;
}

/* What a dead test had started comes to us, generation by generation, because we are its subreaper. */
static int reap_rest(void)
{
	int n = 0;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		if (pid > 0) {
			n++;
			continue;
		}
		(void)kill_children();
		test_pause();
	}
	return n;
}

static void copy_proc_file(pid_t pid, const char *name, int to_fd)
{
	char path[64], text[2048];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text));
	if (n > 0) {
		dprintf(to_fd, "%s: ", name);
		(void)!write(to_fd, text, (size_t)n);
		if (text[n - 1] != '\n')
			(void)!write(to_fd, "\n", 1);
	}
	(void)close(fd);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* The test's own process. Does not return; exit(), not _exit(), so that sanitizers look for leaks. */
static _Noreturn void child(const struct test_run *run, struct test_report *report, int log_fd,
			    const char *tmpdir)
{
	static struct leak_mark mark;
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC), r = 0;
	pid_t self = getpid();

	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (null_fd < 0 || dup2(null_fd, 0) < 0 || dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
		_exit(1);
	(void)close(null_fd);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)setenv("TMPDIR", tmpdir, 1);
	check_begin(report, tmpdir);
	if (geteuid() == 0 && (run->needs & ISOLATED_NEEDS))
		r = proc_isolate();
	if (r < 0) {
		check_fail("no namespaces: %s", strerror(-r));
		exit(1);
	}
	leak_before(&mark, run->needs & (NEED_BPF | NEED_SOCKMAP));
	run->test->body(run->row, run->column);
	if (getpid() != self) {
		check_fail("a forked process came to the end of the test");
		_exit(1);
	}
	leak_after(&mark);
	report->ended = true;
	exit(0);
}

static void describe_end(int status, bool ended, char *ret_why)
{
	if (WIFSIGNALED(status))
		(void)snprintf(ret_why, TEST_WHY_BYTES, "died of SIG%s",
			       sigabbrev_np(WTERMSIG(status)));
	else if (!ended)
		(void)snprintf(ret_why, TEST_WHY_BYTES, "exited with %d before its end",
			       WEXITSTATUS(status));
	else if (WEXITSTATUS(status))
		(void)snprintf(ret_why, TEST_WHY_BYTES, "exited with %d after its end",
			       WEXITSTATUS(status));
}

static void stop_hanging(pid_t pid, uint64_t deadline_ms, int log_fd, char *ret_why)
{
	copy_proc_file(pid, "wchan", log_fd);
	copy_proc_file(pid, "syscall", log_fd);
	(void)kill(-pid, SIGKILL);
	(void)kill(pid, SIGKILL);
	(void)snprintf(ret_why, TEST_WHY_BYTES, "not at its end after %llu ms: killed",
		       (unsigned long long)deadline_ms);
}

static uint64_t deadline_of(const struct test *test)
{
	unsigned int ms = test->deadline_ms ? test->deadline_ms : test->suite->deadline_ms;

	return test_scaled_ms(ms ? ms : DEFAULT_DEADLINE_MS);
}

static void wait_for(const struct test_run *run, pid_t pid, const struct test_report *report,
		     int log_fd, char *ret_why)
{
	uint64_t deadline_ms = deadline_of(run->test);
	int status = 0, rest;

	*ret_why = '\0';
	if (proc_wait(pid, deadline_ms, &status) < 0)
		stop_hanging(pid, deadline_ms, log_fd, ret_why);
	else if (!(report->failures && WIFEXITED(status)))
		describe_end(status, report->ended, ret_why);
	(void)kill(-pid, SIGKILL);
	rest = reap_rest();
	if (!*ret_why && rest && !report->failures)
		(void)snprintf(ret_why, TEST_WHY_BYTES, "left %d processes", rest);
}

bool proc_run(const struct test_run *run, struct test_report *report, int log_fd, char *ret_why)
{
	char tmpdir[] = "/tmp/sluice-test.XXXXXX";
	pid_t pid;

	report->failures = 0;
	report->ended = false;
	if (!mkdtemp(tmpdir)) {
		(void)snprintf(ret_why, TEST_WHY_BYTES, "mkdtemp: %s", strerror(errno));
		return false;
	}
	(void)chmod(tmpdir, 0755); /* a test may change its user */
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(run, report, log_fd, tmpdir);
	if (pid < 0)
		(void)snprintf(ret_why, TEST_WHY_BYTES, "fork: %s", strerror(errno));
	else
		wait_for(run, pid, report, log_fd, ret_why);
	(void)nftw(tmpdir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return !*ret_why && report->failures == 0;
}
