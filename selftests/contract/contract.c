// SPDX-License-Identifier: Apache-2.0
#include "selftests/contract/contract.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

ssize_t splice_now(int from_fd, int to_fd, size_t len)
{
	ssize_t n = splice(from_fd, NULL, to_fd, NULL, len, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

	return n < 0 ? -errno : n;
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
