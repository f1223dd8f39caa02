// SPDX-License-Identifier: Apache-2.0
#include "selftests/contract/contract.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

ssize_t splice_now(int from_fd, int to_fd, size_t len)
{
	ssize_t n = splice(from_fd, NULL, to_fd, NULL, len, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

	return n < 0 ? -errno : n;
}

void as_nobody(void (*body)(void *arg), void *arg)
{
	const struct passwd *nobody;
	int status = 0;
	pid_t pid = (pid_t)MUST_OK(fork());

	if (pid == 0) {
		nobody = getpwnam("nobody");
		MUST(nobody);
		MUST_OK(setgroups(0, NULL));
		MUST_OK(setgid(nobody->pw_gid));
		MUST_OK(setuid(nobody->pw_uid));
		body(arg);
		_exit(0);
	}
	MUST_OK(waitpid(pid, &status, 0));
	MUST_EQ(status, 0);
}

void fd_pair_close(const int fd[2])
{
	(void)close(fd[0]);
	(void)close(fd[1]);
}

void add_word(char *answer, size_t room, const char *format, ...)
{
	size_t len = strlen(answer);
	va_list args;

	if (len && len + 1 < room) {
		answer[len++] = ' ';
		answer[len] = '\0';
	}
	va_start(args, format);
	(void)vsnprintf(answer + len, room - len, format, args);
	va_end(args);
}
