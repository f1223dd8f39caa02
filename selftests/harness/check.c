// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* Set once per process; a test's own forks inherit it. */
static struct {
	struct test_report *report;
	const char *tmpdir;
	double time_scale;
	uint64_t seed;
	_Atomic bool seed_shown; /* upstreams are threads */
} now;

void check_init(void)
{
	const char *scale = getenv("TIME_SCALE"), *seed = getenv("SEED");

	now.time_scale = scale ? strtod(scale, NULL) : 0;
	if (now.time_scale <= 0)
		now.time_scale = getenv("SLUICE_VM") ? 4 : 1;
	if (seed)
		now.seed = strtoull(seed, NULL, 0);
	else if (getrandom(&now.seed, sizeof(now.seed), 0) < 0)
		now.seed = (uint64_t)getpid();
}

void check_begin(struct test_report *report, const char *tmpdir)
{
	now.report = report;
	now.tmpdir = tmpdir;
}

static void count_failure(void)
{
	if (now.report)
		now.report->failures++;
	(void)fflush(NULL);
}

static void stop_if(enum test_severity severity)
{
	count_failure();
	if (severity == TEST_STOP)
		_exit(1);
}

void check_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vprintf(format, args);
	(void)fputc('\n', stdout);
	va_end(args);
	count_failure();
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

__attribute__((format(printf, 1, 0))) static void print_detail(const char *detail, va_list args)
{
	if (detail[1]) {
		(void)fputc(':', stdout);
		(void)vprintf(detail, args);
	}
	(void)fputc('\n', stdout);
}

void test_fail(enum test_severity severity, const char *file, int line, const char *what,
	       const char *detail, ...)
{
	va_list args;

	va_start(args, detail);
	printf("%s:%d: not true: %s", base_name(file), line, what);
	print_detail(detail, args);
	va_end(args);
	stop_if(severity);
}

static const char *error_name(long long value)
{
	const char *name = value < 0 && value > -134 ? strerrorname_np((int)-value) : NULL;

	return name ? name : "";
}

static void print_value(const char *label, long long value)
{
	const char *name = error_name(value);

	printf("%s%lld", label, value);
	if (*name)
		printf(" (%s)", name);
}

void test_fail_compare(enum test_severity severity, const char *file, int line, const char *what,
		       long long got, long long want, const char *detail, ...)
{
	va_list args;

	va_start(args, detail);
	printf("%s:%d: not true: %s:", base_name(file), line, what);
	print_value(" got ", got);
	print_value(", and ", want);
	print_detail(detail, args);
	va_end(args);
	stop_if(severity);
}

void test_fail_errno(enum test_severity severity, const char *file, int line, const char *what,
		     long long value, int error, int want)
{
	printf("%s:%d: %s: got %lld", base_name(file), line, what, value);
	if (value < 0)
		printf(" with %s", strerrorname_np(error));
	if (want)
		printf(", wanted -1 with %s", strerrorname_np(want));
	(void)fputc('\n', stdout);
	stop_if(severity);
}

long long test_ok(const char *file, int line, const char *what, long long value)
{
	if (value < 0)
		test_fail_errno(TEST_STOP, file, line, what, value, errno, 0);
	return value;
}

void test_strings(enum test_severity severity, const char *file, int line, const char *what,
		  const char *got, const char *want)
{
	if (got == want || (got && want && strcmp(got, want) == 0))
		return;
	printf("%s:%d: %s:\n   got %s\nwanted %s\n", base_name(file), line, what,
	       got ? got : "(null)", want ? want : "(null)");
	stop_if(severity);
}

static void print_bytes(const char *label, const uint8_t *bytes, size_t n)
{
	printf("%s", label);
	for (size_t i = 0; i < n; i++)
		printf(" %02x", bytes[i]);
	(void)fputc('\n', stdout);
}

void test_memory(enum test_severity severity, const char *file, int line, const char *what,
		 const void *got, const void *want, size_t len)
{
	const uint8_t *g = got, *w = want;
	size_t i = 0, shown;

	while (i < len && g[i] == w[i])
		i++;
	if (i == len)
		return;
	shown = len - i < 16 ? len - i : 16;
	printf("%s:%d: %s: differs from byte %zu of %zu\n", base_name(file), line, what, i, len);
	print_bytes("   got", g + i, shown);
	print_bytes("wanted", w + i, shown);
	stop_if(severity);
}

void NOTE(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vprintf(format, args);
	(void)fputc('\n', stdout);
	va_end(args);
	(void)fflush(stdout);
}

uint64_t test_seed(void)
{
	if (!atomic_exchange(&now.seed_shown, true))
		NOTE("SEED=%" PRIu64, now.seed);
	return now.seed;
}

const char *test_tmpdir(void)
{
	return now.tmpdir;
}

uint64_t test_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t test_scaled_ms(uint64_t ms)
{
	return (uint64_t)((double)ms * now.time_scale);
}

void test_pause(void)
{
	(void)usleep(1000);
}

bool test_kernel_at_least(int major, int minor)
{
	struct utsname name;
	char *rest = NULL;
	long is_major, is_minor;

	if (uname(&name) < 0)
		return false;
	is_major = strtol(name.release, &rest, 10);
	is_minor = *rest == '.' ? strtol(rest + 1, NULL, 10) : 0;
	return is_major > major || (is_major == major && is_minor >= minor);
}
