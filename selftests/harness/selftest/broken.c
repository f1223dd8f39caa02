// SPDX-License-Identifier: Apache-2.0
/*
 * Tests that must not pass, each with what the report has to say about it, and a few that must.
 * `check` beside this file compares. Names: bad_… fails, good_… passes, skip_… is skipped.
 */
#include "selftests/harness/harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

SUITE("broken", .deadline_ms = 2000);

TEST(good_empty)
{
}

TEST(good_assertions)
{
	int fd = MUST_OK(open("/dev/null", O_RDONLY | O_CLOEXEC));

	MUST(fd > 2, "fd %d", fd);
	CHECK_EQ(read(fd, &fd, 0), 0);
	CHECK_NE(fd, -1);
	CHECK_GE(fd, 3);
	CHECK_LE(3, fd);
	CHECK_STR("a", "a");
	CHECK_MEM("abc", "abd", 2);
	CHECK(!UNTIL(false, 5));
	CHECK_ERRNO(close(-1), EBADF);
	MUST_OK(close(fd));
}

TEST(good_child_reaped)
{
	pid_t pid = MUST_OK(fork());

	if (pid == 0)
		_exit(0);
	MUST_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(good_own_files)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/file", test_tmpdir());
	MUST_STR(getenv("TMPDIR"), test_tmpdir());
	MUST_OK(close(MUST_OK(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600))));
	printf("tmpdir=%s\n", test_tmpdir());
}

TEST(good_xfail_fails, .xfail = "known to be broken")
{
	CHECK(false);
}

/* Reported as a pass, which a strict run that lists it as XFAIL refuses. */
TEST(good_xfail_passes, .xfail = "no longer broken")
{
}

struct colour {
	VARIANT;
	int value;
};
CASES(struct colour, colours, {.name = "red", .value = 1}, {.name = "blue", .value = 2});

TEST_CASES(good_cases, colours)
{
	CHECK_EQ(variant->value, strcmp(variant->name, "red") == 0 ? 1 : 2);
}

TEST_CASES(bad_one_case, colours)
{
	CHECK_EQ(variant->value, 1);
}

TEST_MATRIX(good_matrix, colours, colours)
{
	CHECK_GE(row->value + column->value, 2);
}

TEST(skip_program, PROGRAMS("sh no-such-program"))
{
	CHECK(false);
}

TEST(bad_check)
{
	CHECK(1 == 2, "detail %d", 7);
	CHECK_EQ(-ECONNRESET, 0);
	printf("still here\n");
}

TEST(bad_must)
{
	MUST(false);
	printf("NOT REACHED\n");
}

TEST(bad_errno)
{
	CHECK_ERRNO(close(-1), EINVAL);
	CHECK_ERRNO(close(dup(0)), EBADF);
	(void)MUST_OK(open("/no/such/file", O_RDONLY));
}

TEST(bad_strings_and_memory)
{
	CHECK_STR("one", NULL);
	CHECK_MEM("abcdef", "abcxef", 6);
}

TEST(bad_hangs)
{
	(void)pause();
}

TEST(bad_hangs_in_child)
{
	pid_t pid = MUST_OK(fork());

	if (pid == 0) {
		(void)setpgid(0, 0);
		(void)signal(SIGTERM, SIG_IGN);
		for (;;)
			(void)pause();
	}
	(void)waitpid(pid, NULL, 0);
}

TEST(bad_prints_without_end)
{
	for (;;)
		puts("and again, and again, and again, and again, and again, and again");
}

TEST(bad_leaks_fd)
{
	(void)MUST_OK(socket(AF_UNIX, SOCK_STREAM, 0));
}

TEST(bad_leaks_child)
{
	if (MUST_OK(fork()) == 0) {
		(void)pause();
		_exit(0);
	}
}

TEST(bad_leaks_zombie)
{
	if (MUST_OK(fork()) == 0)
		_exit(0);
	(void)usleep(50000);
}

TEST(bad_leaks_daemon)
{
	pid_t pid = MUST_OK(fork());

	if (pid == 0) {
		(void)setsid();
		if (fork() == 0)
			execlp("sleep", "sleep", "4242", (char *)NULL);
		_exit(0);
	}
	MUST_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(bad_exits_0)
{
	exit(0);
}

TEST(bad_exits_0_quickly)
{
	_exit(0);
}

TEST(bad_exits_after_check)
{
	CHECK(false);
	_exit(0);
}

TEST(bad_child_fails)
{
	pid_t pid = MUST_OK(fork());

	if (pid == 0) {
		CHECK(false, "in the child");
		_exit(0);
	}
	MUST_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(bad_child_returns)
{
	pid_t pid = MUST_OK(fork());

	if (pid)
		MUST_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(bad_segfault)
{
	(void)raise(SIGSEGV);
}

TEST(bad_killed)
{
	(void)kill(getpid(), SIGKILL);
}

TEST(bad_dies_at_exit)
{
	(void)atexit(abort);
}

TEST(good_namespace, NEEDS(NEED_NETNS))
{
	char names[256] = "";
	int fd = MUST_OK(open("/proc/self/net/dev", O_RDONLY | O_CLOEXEC));
	char text[4096] = "", *line;

	MUST(read(fd, text, sizeof(text) - 1) > 0);
	MUST_OK(close(fd));
	for (line = text; (line = strchr(line, '\n')); line++)
		(void)snprintf(names + strlen(names), sizeof(names) - strlen(names), "%.8s ",
			       line + 1);
	CHECK(strstr(names, "lo:"), "%s", names);
	CHECK(!strstr(names, "eth"), "%s", names);
}
