/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests as processes with a deadline, KTAP out.
 *
 *	SUITE("pipe");
 *
 *	TEST(starts_empty)
 *	{
 *		int fd = MUST_OK(open("/dev/null", O_RDONLY | O_CLOEXEC));
 *
 *		CHECK_EQ(read(fd, buf, 1), 0);
 *		MUST_OK(close(fd));
 *	}
 *
 *	struct size_case {
 *		VARIANT;
 *		size_t bytes;
 *	};
 *	CASES(struct size_case, sizes,
 *	      {.name = "one", .bytes = 1},
 *	      {.name = "record", .bytes = 16384, .needs = NEED_KTLS});
 *
 *	TEST_CASES(arrives, sizes, NEEDS(NEED_NETNS), .deadline_ms = 3000)
 *	{
 *		send_some(variant->bytes);
 *		MUST(UNTIL(received() == variant->bytes, 50), "only %zu came", received());
 *	}
 *
 * These are reported as pipe.starts_empty, pipe.arrives/one, pipe.arrives/record. A file has one
 * SUITE, before its tests; the files of a directory become one program.
 *
 * Invariants
 * - A test is a forked process in a process group of its own. It passes only if its body came to
 *   its end, nothing was recorded as failed (by it or by a process it forked), and fds, children
 *   and BPF programs are as before. What it leaves is killed and removed.
 * - stdout and stderr of a test become "# " lines.
 * - A skip comes from a declared need only.
 * - Tests that need NEED_ROOT, NEED_NETNS, kTLS or BPF and run as root have network and mount
 *   namespaces of their own with lo up and an empty /run/netns.
 * - TMPDIR is a directory of the test's own, removed afterwards.
 * - All times are scaled by the environment's TIME_SCALE (default 1, in the guest 4).
 */
#ifndef SELFTESTS_HARNESS_H
#define SELFTESTS_HARNESS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a test needs, tried for real before the first test that says so (need.c). */
enum need {
	NEED_ROOT = 1 << 0,	  /* uid 0 with CAP_SYS_ADMIN and CAP_NET_ADMIN */
	NEED_NETNS = 1 << 1,	  /* a network namespace of its own; implies root */
	NEED_KTLS = 1 << 2,	  /* ULP, TLS 1.3 keys both ways, one record across */
	NEED_KTLS_REKEY = 1 << 3, /* TLS_TX and TLS_RX a second time */
	NEED_NO_REKEY = 1 << 4,	  /* kTLS, and the second time is refused */
	NEED_BPF = 1 << 5,	  /* loading a program */
	NEED_SOCKMAP = 1 << 6,	  /* a socket into a sockmap */
	NEED_SOCK_DIAG = 1 << 7,  /* sock_diag finds a TCP socket */
	NEED_IPV6 = 1 << 8,	  /* ::1 can be bound */
	NEED_NOBODY = 1 << 9,	  /* the user "nobody" to change to; implies root */
	NEED_NO_KTLS = 1 << 10,	  /* the ULP is refused: what is done without */
};

/** Head of every table row of CASES. */
#define VARIANT                                                                                    \
	const char *name;                                                                          \
	unsigned int needs

struct test_suite {
	const char *name;
	unsigned int needs; /* every test of the file */
	const char *programs;
	unsigned int deadline_ms;
};

struct test_table {
	const void *rows;
	size_t n, row_bytes;
};

struct test {
	const struct test_suite *suite;
	const char *name;
	void (*body)(const void *row, const void *column);
	struct test_table rows, columns; /* n == 0: none */
	unsigned int needs;
	const char *programs;	  /* "curl nginx": skipped when one is missing in PATH */
	unsigned int deadline_ms; /* 0: the suite's, else 10 s */
	const char *xfail;	  /* why its failure is expected; a pass is reported as such */
	struct test *next;
};

void test_register(struct test *test);

/** SUITE("name", NEEDS(...), .deadline_ms = ...); once per file, before its tests. */
#define SUITE(suite_name, ...)                                                                     \
	static const struct test_suite harness_suite = {.name = (suite_name), ##__VA_ARGS__}

/** Attributes of SUITE and TEST: NEEDS(NEED_KTLS | NEED_ROOT), PROGRAMS("curl nginx"). */
#define NEEDS(mask)    .needs = (mask)
#define PROGRAMS(list) .programs = (list)

#define HARNESS_REGISTER(test_name, ...)                                                           \
	static struct test test_name##_test = {                                                    \
		.suite = &harness_suite, .name = #test_name, ##__VA_ARGS__};                       \
	__attribute__((constructor)) static void test_name##_register(void)                        \
	{                                                                                          \
		test_register(&test_name##_test);                                                  \
	}                                                                                          \
	_Static_assert(sizeof(#test_name) > 1, "a test has a name")

#define HARNESS_TABLE(table)                                                                       \
	{                                                                                          \
		.rows = (table), .n = sizeof(table) / sizeof((table)[0]),                          \
		.row_bytes = sizeof((table)[0])                                                    \
	}

/** TEST(name, attributes...) { body } */
#define TEST(test_name, ...)                                                                       \
	static void test_name##_main(void);                                                        \
	static void test_name##_body(const void *row, const void *column)                          \
	{                                                                                          \
		(void)row, (void)column;                                                           \
		test_name##_main();                                                                \
	}                                                                                          \
	HARNESS_REGISTER(test_name, .body = test_name##_body, ##__VA_ARGS__);                      \
	static void test_name##_main(void)

/** CASES(type, table, rows...): a table of variants; the type begins with VARIANT. */
#define CASES(type, table, ...)                                                                    \
	_Static_assert(offsetof(type, name) == 0 && offsetof(type, needs) == sizeof(char *),       \
		       "a row begins with VARIANT");                                               \
	static const type table[] = {__VA_ARGS__}

/** TEST_CASES(name, table, attributes...) { body, with the row in `variant` } */
#define TEST_CASES(test_name, table, ...)                                                          \
	static void test_name##_main(__typeof__(&(table)[0]) variant);                             \
	static void test_name##_body(const void *row, const void *column)                          \
	{                                                                                          \
		(void)column;                                                                      \
		test_name##_main(row);                                                             \
	}                                                                                          \
	HARNESS_REGISTER(test_name, .body = test_name##_body, .rows = HARNESS_TABLE(table),        \
			 ##__VA_ARGS__);                                                           \
	static void test_name##_main(__typeof__(&(table)[0]) variant)

/** TEST_MATRIX(name, rows, columns, attributes...) { body, with `row` and `column` } */
#define TEST_MATRIX(test_name, row_table, column_table, ...)                                       \
	static void test_name##_main(__typeof__(&(row_table)[0]) row,                              \
				     __typeof__(&(column_table)[0]) column);                       \
	static void test_name##_body(const void *row, const void *column)                          \
	{                                                                                          \
		test_name##_main(row, column);                                                     \
	}                                                                                          \
	HARNESS_REGISTER(test_name, .body = test_name##_body, .rows = HARNESS_TABLE(row_table),    \
			 .columns = HARNESS_TABLE(column_table), ##__VA_ARGS__);                   \
	static void test_name##_main(__typeof__(&(row_table)[0]) row,                              \
				     __typeof__(&(column_table)[0]) column)

/*
 * Assertions. MUST ends the process it stands in (the test, or what the test forked); CHECK records
 * the failure and goes on. Both work in helper functions and in forked processes, and take a
 * printf-style detail at the end: MUST(n > 0, "peer %d was silent", i).
 */
enum test_severity { TEST_GO_ON, TEST_STOP };

#define MUST(cond, ...)	 HARNESS_TRUE(TEST_STOP, cond, #cond, ##__VA_ARGS__)
#define CHECK(cond, ...) HARNESS_TRUE(TEST_GO_ON, cond, #cond, ##__VA_ARGS__)

/** Integers, the value seen first; a failure prints both, and the name of what looks like -errno. */
#define MUST_EQ(got, want, ...)                                                                    \
	HARNESS_COMPARE(TEST_STOP, got, ==, want, #got " == " #want, ##__VA_ARGS__)
#define CHECK_EQ(got, want, ...)                                                                   \
	HARNESS_COMPARE(TEST_GO_ON, got, ==, want, #got " == " #want, ##__VA_ARGS__)
#define MUST_NE(got, not, ...)                                                                     \
	HARNESS_COMPARE(TEST_STOP, got, !=, not, #got " != " #not, ##__VA_ARGS__)
#define CHECK_NE(got, not, ...)                                                                    \
	HARNESS_COMPARE(TEST_GO_ON, got, !=, not, #got " != " #not, ##__VA_ARGS__)
#define MUST_GE(got, low, ...)                                                                     \
	HARNESS_COMPARE(TEST_STOP, got, >=, low, #got " >= " #low, ##__VA_ARGS__)
#define CHECK_GE(got, low, ...)                                                                    \
	HARNESS_COMPARE(TEST_GO_ON, got, >=, low, #got " >= " #low, ##__VA_ARGS__)
#define MUST_LE(got, high, ...)                                                                    \
	HARNESS_COMPARE(TEST_STOP, got, <=, high, #got " <= " #high, ##__VA_ARGS__)
#define CHECK_LE(got, high, ...)                                                                   \
	HARNESS_COMPARE(TEST_GO_ON, got, <=, high, #got " <= " #high, ##__VA_ARGS__)

/** Strings (NULL is a value of its own) and memory; a failure shows both, memory where it differs. */
#define MUST_STR(got, want)	  test_strings(TEST_STOP, HARNESS_HERE, #got, got, want)
#define CHECK_STR(got, want)	  test_strings(TEST_GO_ON, HARNESS_HERE, #got, got, want)
#define MUST_MEM(got, want, len)  test_memory(TEST_STOP, HARNESS_HERE, #got, got, want, len)
#define CHECK_MEM(got, want, len) test_memory(TEST_GO_ON, HARNESS_HERE, #got, got, want, len)

/**
 * MUST_OK(call) - a call with -1 and errno; stops when it fails, else is the call's value:
 * int fd = MUST_OK(socket(...));
 */
#define MUST_OK(call) test_ok(HARNESS_HERE, #call, call)

/** CHECK_ERRNO(call, EINVAL) - the call gives -1 with that errno. */
#define CHECK_ERRNO(call, want) HARNESS_ERRNO(TEST_GO_ON, call, #call, want)
#define MUST_ERRNO(call, want)	HARNESS_ERRNO(TEST_STOP, call, #call, want)

/** UNTIL(cond, ms) - a bool: true as soon as cond holds, false after ms (scaled) without it. */
#define UNTIL(cond, ms)                                                                            \
	({                                                                                         \
		uint64_t harness_end = test_now_ms() + test_scaled_ms(ms);                         \
		bool harness_is = (cond);                                                          \
		while (!harness_is && test_now_ms() < harness_end) {                               \
			test_pause();                                                              \
			harness_is = (cond);                                                       \
		}                                                                                  \
		harness_is;                                                                        \
	})

/** NOTE("%zu bytes", n) - a "# " line of the report; the runner shows it when the test fails. */
__attribute__((format(printf, 1, 2))) void NOTE(const char *format, ...);

/** test_seed() - the environment's SEED or a random one; printed when first asked for. */
uint64_t test_seed(void);

/** test_tmpdir() - the test's own directory, also in $TMPDIR. */
const char *test_tmpdir(void);

/** Milliseconds of the monotonic clock; @ms times TIME_SCALE; a pause of a millisecond. */
uint64_t test_now_ms(void);
uint64_t test_scaled_ms(uint64_t ms);
void test_pause(void);

/** test_kernel_at_least(6, 14) - uname's release. */
bool test_kernel_at_least(int major, int minor);

/* What the macros above call. */
#define HARNESS_HERE __FILE__, __LINE__

#define HARNESS_TRUE(severity, cond, text, ...)                                                    \
	do {                                                                                       \
		if (!(cond))                                                                       \
			test_fail(severity, HARNESS_HERE, text, " " __VA_ARGS__);                  \
	} while (0)

#define HARNESS_COMPARE(severity, got, op, want, text, ...)                                        \
	do {                                                                                       \
		long long harness_got = (long long)(got), harness_want = (long long)(want);        \
		if (!(harness_got op harness_want))                                                \
			test_fail_compare(severity, HARNESS_HERE, text, harness_got, harness_want, \
					  " " __VA_ARGS__);                                        \
	} while (0)

#define HARNESS_ERRNO(severity, call, text, want)                                                  \
	do {                                                                                       \
		long long harness_value = (long long)(call);                                       \
		int harness_errno = errno;                                                         \
		if (harness_value != -1 || harness_errno != (want))                                \
			test_fail_errno(severity, HARNESS_HERE, text, harness_value,               \
					harness_errno, want);                                      \
	} while (0)

__attribute__((format(printf, 5, 6))) void test_fail(enum test_severity severity, const char *file,
						     int line, const char *what, const char *detail,
						     ...);
__attribute__((format(printf, 7, 8))) void
test_fail_compare(enum test_severity severity, const char *file, int line, const char *what,
		  long long got, long long want, const char *detail, ...);
void test_fail_errno(enum test_severity severity, const char *file, int line, const char *what,
		     long long value, int error, int want);
long long test_ok(const char *file, int line, const char *what, long long value);
void test_strings(enum test_severity severity, const char *file, int line, const char *what,
		  const char *got, const char *want);
void test_memory(enum test_severity severity, const char *file, int line, const char *what,
		 const void *got, const void *want, size_t len);

#endif
