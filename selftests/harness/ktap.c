// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A test that prints without end shall not fill the report; the end is what tells. */
#define LOG_SHOWN_BYTES 16384

static size_t reported;

void ktap_plan(size_t n)
{
	printf("KTAP version 1\n1..%zu\n", n);
	(void)fflush(stdout);
}

void ktap_comment(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fputs("# ", stdout);
	(void)vprintf(format, args);
	(void)fputc('\n', stdout);
	va_end(args);
	(void)fflush(stdout);
}

static void print_lines(const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;

		(void)fputs("# ", stdout);
		for (; text < stop; text++)
			(void)fputc((unsigned char)*text < ' ' && *text != '\t' ? '?' : *text,
				    stdout);
		(void)fputc('\n', stdout);
		text = stop + 1;
	}
}

void ktap_log(int log_fd)
{
	static char text[LOG_SHOWN_BYTES];
	off_t size = lseek(log_fd, 0, SEEK_END);
	off_t from = size > LOG_SHOWN_BYTES ? size - LOG_SHOWN_BYTES : 0;
	ssize_t n = pread(log_fd, text, sizeof(text), from);

	if (from > 0)
		printf("# (%lld bytes before this are left out)\n", (long long)from);
	if (n > 0)
		print_lines(text, (size_t)n);
}

void ktap_result(enum test_result result, const char *name, const char *why)
{
	static const char *const directive[] = {
		[TEST_PASSED] = "",
		[TEST_FAILED] = "",
		[TEST_SKIPPED] = " # SKIP ",
		[TEST_XFAILED] = " # XFAIL ",
	};

	if (result == TEST_FAILED && *why)
		ktap_comment("%s", why);
	printf("%s %zu %s%s%s\n", result == TEST_FAILED ? "not ok" : "ok", ++reported, name,
	       directive[result], *directive[result] ? why : "");
	(void)fflush(stdout);
}
