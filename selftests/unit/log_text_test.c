// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "base/log.h"
#include "sys/json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How a field is written; what happens to lines is in log_test.c. */
SUITE("log_text");

static int log_fd = -1, saved_stderr = -1;
static char logged[2 * LOG_LINE_MAX];

/* From here to log_text() standard error is a pipe. */
static void log_capture(enum log_format format, enum log_level least)
{
	int fds[2];

	MUST_OK(pipe2(fds, 0));
	saved_stderr = MUST_OK(dup(STDERR_FILENO));
	MUST_OK(dup2(fds[1], STDERR_FILENO));
	MUST_OK(close(fds[1]));
	log_fd = fds[0];
	log_setup(format, least);
	log_set_process("worker/3");
}

/* Returns: what was written, without the newline, which is checked to be the only one. */
static char *log_text(void)
{
	ssize_t n;

	MUST_OK(dup2(saved_stderr, STDERR_FILENO));
	MUST_OK(close(saved_stderr));
	n = MUST_OK(read(log_fd, logged, sizeof(logged) - 1));
	logged[n] = '\0';
	MUST_EQ(read(log_fd, logged + n, 1), 0);
	MUST_OK(close(log_fd));
	if (n == 0)
		return logged;
	MUST(memchr(logged, '\n', (size_t)n) == logged + n - 1, "not one line: %s", logged);
	logged[n - 1] = '\0';
	return logged;
}

static char *one_string(enum log_format format, const void *value, size_t len)
{
	struct log_line line;

	log_capture(format, LOG_INFO);
	log_begin(&line, LOG_WARN, "e");
	log_bytes(&line, "k", value, len);
	log_str(&line, "last", "x");
	log_end(&line);
	return log_text();
}

struct escape_case {
	VARIANT;
	const char *value;
	size_t len;
	const char *text, *json;
};

/* clang-format off */
CASES(struct escape_case, escapes,
      {.name = "plain", .value = "spiffe://a/b-c.d", .len = 16, .text = "spiffe://a/b-c.d", .json = "\"spiffe://a/b-c.d\""},
      {.name = "empty", .value = "", .len = 0, .text = "\"\"", .json = "\"\""},
      {.name = "blank", .value = "a b", .len = 3, .text = "\"a b\"", .json = "\"a b\""},
      {.name = "forged_key", .value = "x rule=admin", .len = 12, .text = "\"x rule=admin\"", .json = "\"x rule=admin\""},
      {.name = "equals", .value = "a=b", .len = 3, .text = "\"a=b\"", .json = "\"a=b\""},
      {.name = "quote", .value = "a\"b", .len = 3, .text = "\"a\\\"b\"", .json = "\"a\\\"b\""},
      {.name = "backslash", .value = "a\\", .len = 2, .text = "\"a\\\\\"", .json = "\"a\\\\\""},
      {.name = "newline", .value = "a\nb\r", .len = 4, .text = "\"a\\u000ab\\u000d\"", .json = "\"a\\u000ab\\u000d\""},
      {.name = "nul", .value = "a\0b", .len = 3, .text = "\"a\\u0000b\"", .json = "\"a\\u0000b\""},
      {.name = "escape_sequence", .value = "\x1b[2J", .len = 4, .text = "\"\\u001b[2J\"", .json = "\"\\u001b[2J\""},
      {.name = "delete", .value = "\x7f", .len = 1, .text = "\"\\u007f\"", .json = "\"\\u007f\""},
      {.name = "utf8", .value = "\xc3\xa4", .len = 2, .text = "\"\\u00c3\\u00a4\"", .json = "\"\\u00c3\\u00a4\""},
      {.name = "not_utf8", .value = "\xff\xfe", .len = 2, .text = "\"\\u00ff\\u00fe\"", .json = "\"\\u00ff\\u00fe\""});
/* clang-format on */

TEST_CASES(key_value_escapes_a_stranger, escapes)
{
	char want[256];
	char *text = one_string(LOG_KEY_VALUE, variant->value, variant->len);

	(void)snprintf(want, sizeof(want), " level=warn proc=worker/3 event=e k=%s last=x",
		       variant->text);
	MUST(strncmp(text, "time=", 5) == 0 && strchr(text, ' '), "%s", text);
	CHECK_STR(strchr(text, ' '), want);
}

TEST_CASES(json_escapes_a_stranger, escapes)
{
	char want[256];
	struct json _cleanup_json_ *parsed = NULL;
	char *text = one_string(LOG_JSON, variant->value, variant->len);

	(void)snprintf(want, sizeof(want),
		       ",\"level\":\"warn\",\"proc\":\"worker/3\",\"event\":\"e\",\"k\":%s,"
		       "\"last\":\"x\"}",
		       variant->json);
	MUST(strchr(text, ','), "%s", text);
	CHECK_STR(strchr(text, ','), want);
	if (!memchr(variant->value, 0, variant->len)) /* jansson wants to be told about NUL */
		CHECK_EQ(json_parse(text, strlen(text), &parsed), 0, "%s", text);
}

TEST(numbers_and_nothing)
{
	struct log_line line;

	log_capture(LOG_KEY_VALUE, LOG_DEBUG);
	log_begin(&line, LOG_DEBUG, "e");
	log_u64(&line, "u", UINT64_MAX);
	log_i64(&line, "i", INT64_MIN);
	log_ms(&line, "ms", UINT64_C(1234567890));
	log_ms(&line, "none", 0);
	log_str(&line, "null", NULL);
	log_fmt(&line, "fmt", "%d%%", 7);
	log_end(&line);
	CHECK_STR(strstr(log_text(), " u="),
		  " u=18446744073709551615 i=-9223372036854775808 ms=1234.567 none=0.000 null=- "
		  "fmt=7%");
}

TEST(what_is_below_the_least_level_is_not_written)
{
	struct log_line line;

	log_capture(LOG_KEY_VALUE, LOG_WARN);
	log_begin(&line, LOG_INFO, "e");
	log_str(&line, "k", "v");
	log_u64(&line, "n", 1);
	log_end(&line);
	log_event(LOG_INFO, "e", "not this");
	CHECK_STR(log_text(), "");
	log_capture(LOG_KEY_VALUE, LOG_WARN);
	log_event(LOG_ERROR, "e", "but this");
	CHECK(strstr(log_text(), "level=error proc=worker/3 event=e msg=\"but this\""), "%s",
	      logged);
}

TEST(the_time_is_utc_with_milliseconds)
{
	unsigned int part[7];
	char *text;

	log_capture(LOG_KEY_VALUE, LOG_INFO);
	log_event(LOG_INFO, "e", "x");
	text = log_text();
	MUST_EQ(sscanf(text, "time=%4u-%2u-%2uT%2u:%2u:%2u.%3uZ ", &part[0], &part[1], &part[2],
		       &part[3], &part[4], &part[5], &part[6]),
		7, "%s", text);
	CHECK_EQ(strchr(text, 'Z') - text, strlen("time=2026-01-01T00:00:00.000"));
}
