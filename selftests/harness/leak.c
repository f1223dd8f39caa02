// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

/* Programs are freed some time after their last descriptor was closed. */
#define BPF_GRACE_MS 1000

static size_t list_fds(int *fds, size_t max)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	size_t n = 0;

	if (!dir)
		return 0;
	while (n < max && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && fd != dirfd(dir))
			fds[n++] = fd;
	}
	(void)closedir(dir);
	return n;
}

static bool has(const int *fds, size_t n, int fd)
{
	for (size_t i = 0; i < n; i++) {
		if (fds[i] == fd)
			return true;
	}
	return false;
}

/* Program ids are the machine's: two tests that look at them take turns, held until the process ends. */
static void lock_bpf(void)
{
	int fd = open("/tmp/sluice-test-bpf.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		NOTE("no lock for BPF programs: %s", strerror(errno));
}

void leak_before(struct leak_mark *mark, bool bpf)
{
	if (bpf)
		lock_bpf();
	mark->last_program = bpf ? need_last_program() : 0;
	mark->n_fds = list_fds(mark->fds, sizeof(mark->fds) / sizeof(mark->fds[0]));
}

static void check_fds(const struct leak_mark *mark)
{
	int fds[sizeof(mark->fds) / sizeof(mark->fds[0])];
	size_t n = list_fds(fds, sizeof(fds) / sizeof(fds[0]));

	for (size_t i = 0; i < n; i++) {
		char link[64], target[128] = "?";

		if (has(mark->fds, mark->n_fds, fds[i]))
			continue;
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fds[i]);
		if (readlink(link, target, sizeof(target) - 1) < 0)
			continue; /* closed since */
		check_fail("leak: fd %d is still open: %s", fds[i], target);
	}
}

/* Orphans come to us too (PR_SET_CHILD_SUBREAPER). */
static void check_children(void)
{
	int status;
	pid_t pid = waitpid(-1, &status, WNOHANG);

	if (pid == 0)
		check_fail("leak: a child is still running");
	else if (pid > 0)
		check_fail("leak: child %d was not waited for (status %#x)", (int)pid,
			   (unsigned int)status);
}

static void check_bpf(const struct leak_mark *mark)
{
	if (mark->last_program && !UNTIL(need_last_program() <= mark->last_program, BPF_GRACE_MS))
		check_fail("leak: BPF program %u is still loaded", need_last_program());
}

void leak_after(const struct leak_mark *mark)
{
	check_children();
	check_fds(mark);
	check_bpf(mark);
}
