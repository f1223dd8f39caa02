// SPDX-License-Identifier: Apache-2.0
/* Log lines: valid whatever a peer sends, and never waited for. */
#include "selftests/harness/harness.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "sys/json.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

SUITE("log");

#define LINES 20000 /* far more than a pipe or a socket takes */

static int real_stderr = -1;

/* @fd stands in for stderr; the harness needs the real one back for its own words. */
static void log_to(int fd)
{
	real_stderr = MUST_OK(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
	MUST_OK(dup2(fd, STDERR_FILENO));
}

static void log_back(void)
{
	MUST_OK(dup2(real_stderr, STDERR_FILENO));
	fd_close(&real_stderr);
}

static size_t read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	MUST_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return len;
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static uint64_t number_behind(const char *text, const char *part)
{
	const char *at = strstr(text, part);
	uint64_t n = 0;

	MUST(at && sscanf(at + strlen(part), "%" SCNu64, &n) == 1, "no %s in: %s", part, text);
	return n;
}

/* --- what a line is --- */

struct format_case {
	VARIANT;
	enum log_format format;
	unsigned char fill;
};

CASES(struct format_case, fills, {.name = "json-plain", .format = LOG_JSON, .fill = 'a'},
      {.name = "json-quote", .format = LOG_JSON, .fill = '"'},
      {.name = "json-binary", .format = LOG_JSON, .fill = 0xff},
      {.name = "text-binary", .format = LOG_KEY_VALUE, .fill = 0xff});

/* Three huge texts of a peer leave room for everything that is ours. */
TEST_CASES(trusted_fields_are_always_there, fills)
{
	unsigned char huge[2000];
	char text[8192], name[65];
	int fds[2];
	size_t len;

	memset(huge, variant->fill, sizeof(huge));
	memset(name, 'n', 64);
	name[64] = '\0';
	MUST_OK(pipe2(fds, O_CLOEXEC));
	log_setup(variant->format, LOG_INFO);
	log_set_process("worker/0");
	log_to(fds[1]);
	{
		struct log_line line;

		log_begin(&line, LOG_INFO, "refused");
		log_bytes(&line, "sni", huge, sizeof(huge));
		log_bytes(&line, "identity", huge, sizeof(huge));
		log_bytes(&line, "subject", huge, sizeof(huge));
		log_str(&line, "listener", name);
		log_str(&line, "rule", name);
		log_str(&line, "upstream", name);
		log_str(&line, "endpoint", name);
		log_u64(&line, "bytes_in", INT64_MAX);
		log_str(&line, "close", "done");
		log_end(&line);
	}
	log_back();
	len = read_all(fds[0], text, sizeof(text));
	MUST(len > 0 && text[len - 1] == '\n' && count(text, "\n") == 1, "%s", text);
	MUST_LE(len, LOG_LINE_MAX);
	CHECK_EQ(count(text, "..."), 3, "every cut is marked: %s", text);
	if (variant->format == LOG_JSON) {
		struct json _cleanup_json_ *json = NULL;

		MUST_EQ(json_parse(text, len, &json), 0, "%s", text);
		CHECK_STR(json_get_str(json, "close", NULL), "done");
		CHECK(json_get_str(json, "subject", NULL) != NULL);
	} else {
		CHECK(strstr(text, " close=done\n") != NULL, "%s", text);
	}
	fd_close(&fds[0]);
	fd_close(&fds[1]);
}

/* Far too much for one line: what does not fit is left out as a whole. */
TEST_CASES(full_line_is_valid, fills)
{
	unsigned char huge[600];
	char text[8192];
	int fds[2];
	size_t len;

	memset(huge, variant->fill, sizeof(huge));
	MUST_OK(pipe2(fds, O_CLOEXEC));
	log_setup(variant->format, LOG_INFO);
	log_to(fds[1]);
	for (size_t shift = 0; shift < 64; shift += 7) {
		struct log_line line;

		log_begin(&line, LOG_INFO, "session");
		log_bytes(&line, "shift", "0123456789012345678901234567890123456789012345678901234",
			  shift % 56);
		for (int i = 0; i < 20; i++) {
			static char keys[20][2][16];

			snprintf(keys[i][0], sizeof(keys[i][0]), "text%d", i);
			snprintf(keys[i][1], sizeof(keys[i][1]), "number%d", i);
			log_bytes(&line, keys[i][0], huge, sizeof(huge));
			log_u64(&line, keys[i][1], 1234567890);
		}
		log_end(&line);
		len = read_all(fds[0], text, sizeof(text));
		if (len == 0 || len > LOG_LINE_MAX || text[len - 1] != '\n')
			break;
		if (variant->format == LOG_JSON) {
			struct json _cleanup_json_ *json = NULL;

			if (json_parse(text, len, &json) < 0)
				break;
		}
		text[0] = '\0';
	}
	log_back();
	CHECK(text[0] == '\0', "not valid: %s", text);
	fd_close(&fds[0]);
	fd_close(&fds[1]);
}

/* --- nobody reads --- */

enum channel { PIPE, PIPE_OF_OUR_OWN, SOCKET };

struct channel_case {
	VARIANT;
	enum channel channel;
};

CASES(struct channel_case, channels, {.name = "pipe", .channel = PIPE},
      {.name = "unblocked-pipe", .channel = PIPE_OF_OUR_OWN},
      {.name = "socket", .channel = SOCKET});

TEST_CASES(stalled_reader_stops_nobody, channels)
{
	static char text[4 << 20];
	size_t written;
	int fds[2];

	(void)signal(SIGPIPE, SIG_IGN);
	if (variant->channel == SOCKET)
		MUST_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	else
		MUST_OK(pipe2(fds, O_CLOEXEC));
	log_to(fds[1]);
	if (variant->channel == PIPE_OF_OUR_OWN)
		log_unblock();
	for (int i = 0; i < LINES; i++)
		log_event(LOG_ERROR, "flood", "line %d of many that nobody reads", i);
	(void)read_all(fds[0], text, sizeof(text));
	written = count(text, "event=flood");
	log_event(LOG_ERROR, "after", "there is room again");
	log_back();
	MUST(written > 0 && written < LINES, "%zu lines", written);
	(void)read_all(fds[0], text, sizeof(text));
	CHECK_EQ(count(text, "event=after"), 1);
	CHECK_EQ(number_behind(text, "event=log_dropped n="), LINES - written);
	CHECK_EQ(MUST_OK(fcntl(fds[1], F_GETFL)) & O_NONBLOCK, 0);
	fd_close(&fds[0]);
	fd_close(&fds[1]);
}

TEST(reader_is_gone)
{
	int fds[2];

	(void)signal(SIGPIPE, SIG_IGN);
	MUST_OK(pipe2(fds, O_CLOEXEC));
	fd_close(&fds[0]);
	log_to(fds[1]);
	for (int i = 0; i < 100; i++)
		log_event(LOG_INFO, "flood", "nobody");
	log_back();
	fd_close(&fds[1]);
}

/* --- too many of one kind --- */

TEST(flood_is_limited_and_told)
{
	static char text[4 << 20];
	char path[128];
	uint64_t refused;
	int fd;

	snprintf(path, sizeof(path), "%s/log", test_tmpdir());
	fd = MUST_OK(open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
	log_to(fd);
	for (int i = 0; i < LINES; i++) {
		struct log_line line;

		log_begin(&line, LOG_INFO, "refused");
		log_i64(&line, "i", i);
		log_end(&line);
		if (i % 10 == 0)
			log_event(LOG_INFO, "session", "is never suppressed");
		if (i % 20 == 0)
			log_event(LOG_ERROR, "worker_died", "neither is an error");
	}
	log_event(LOG_INFO, "other", "has tokens of its own");
	log_finish();
	log_back();
	MUST_OK(lseek(fd, 0, SEEK_SET));
	(void)read_all(fd, text, sizeof(text));
	refused = count(text, "event=refused");
	CHECK_GE(refused, LOG_LIMIT_BURST);
	CHECK_LE(refused, LINES / 2);
	CHECK_EQ(count(text, "event=session"), LINES / 10);
	CHECK_EQ(count(text, "event=worker_died"), LINES / 20);
	CHECK_EQ(count(text, "event=other"), 1);
	for (const char *at = text; (at = strstr(at, "event=log_suppressed")); at++)
		refused += number_behind(at, " name=refused n=");
	CHECK_EQ(refused, LINES, "shown and suppressed are all");
	fd_close(&fd);
}

TEST(limit_refills)
{
	static struct log_limit limit;
	uint64_t now_ms = 1000, n = 0;

	for (int i = 0; i < LOG_LIMIT_BURST; i++)
		MUST(log_limit_take(&limit, "a", now_ms));
	CHECK(!log_limit_take(&limit, "a", now_ms));
	CHECK(log_limit_take(&limit, "b", now_ms));
	CHECK(log_limit_tell(&limit, false, now_ms, &n) == NULL);
	now_ms += LOG_LIMIT_INTERVAL_MS;
	CHECK(log_limit_take(&limit, "a", now_ms));
	CHECK(!log_limit_take(&limit, "a", now_ms));
	now_ms += LOG_LIMIT_TELL_MS;
	CHECK_STR(log_limit_tell(&limit, false, now_ms, &n), "a");
	CHECK_EQ(n, 2);
	CHECK(log_limit_tell(&limit, true, now_ms, &n) == NULL);
	/* Not more than a burst after a silence of a day. */
	now_ms += 86400000;
	for (int i = 0; i < LOG_LIMIT_BURST; i++)
		MUST(log_limit_take(&limit, "a", now_ms));
	CHECK(!log_limit_take(&limit, "a", now_ms));
}
