// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log_limit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* The log sink is process-wide by design: see docs/ARCHITECTURE.md, "State". */
static struct {
	enum log_format format;
	enum log_level least;
	char process[32];
	uint64_t dropped; /* since it was told */
	struct log_limit limit;
} sink = {.format = LOG_KEY_VALUE, .least = LOG_INFO, .process = ""};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* Room for the closing brace and the newline stays free whatever is appended. */
#define TAIL_BYTES 2

void log_setup(enum log_format format, enum log_level least)
{
	sink.format = format;
	sink.least = least;
}

void log_set_process(const char *name)
{
	snprintf(sink.process, sizeof(sink.process), "%s", name);
}

/* All of it or nothing, and then nothing more until end_field() has taken the field back. */
static void put_raw(struct log_line *line, const char *text, size_t len)
{
	if (line->full || len > sizeof(line->text) - TAIL_BYTES - line->len) {
		line->full = true;
		return;
	}
	memcpy(line->text + line->len, text, len);
	line->len += len;
}

static void put_text(struct log_line *line, const char *text)
{
	put_raw(line, text, strlen(text));
}

static bool is_plain(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

/* Everything outside printable ASCII is escaped: a peer can neither end the line nor forge a key. */
static size_t escape(unsigned char c, char text[6])
{
	static const char digits[] = "0123456789abcdef";
	static const char head[4] = {'\\', 'u', '0', '0'};

	if (c == '"' || c == '\\') {
		text[0] = '\\';
		text[1] = (char)c;
		return 2;
	}
	if (c >= ' ' && c < 0x7f) {
		text[0] = (char)c;
		return 1;
	}
	memcpy(text, head, sizeof(head));
	text[4] = digits[c >> 4];
	text[5] = digits[c & 15];
	return 6;
}

/* Returns: bytes of @value when escaped; some number above LOG_VALUE_MAX when it is too long. */
static size_t escaped_len(const unsigned char *value, size_t len)
{
	size_t total = 0;
	char text[6];

	for (size_t i = 0; i < len && total <= LOG_VALUE_MAX; i++)
		total += escape(value[i], text);
	return total;
}

/* What is too long is cut before an escape, not inside, and marked. */
static void put_escaped(struct log_line *line, const unsigned char *value, size_t len)
{
	static const char mark[] = "...";
	const size_t most = LOG_VALUE_MAX - strlen(mark);
	size_t all = escaped_len(value, len), total = 0;

	if (all == len && len <= LOG_VALUE_MAX) { /* nearly always */
		put_raw(line, (const char *)value, len);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		char text[6];
		size_t n = escape(value[i], text);

		if (all > LOG_VALUE_MAX && total + n > most) {
			put_text(line, mark);
			return;
		}
		put_raw(line, text, n);
		total += n;
	}
}

static void begin_field(struct log_line *line, const char *key)
{
	line->field = line->len;
	if (sink.format == LOG_JSON) {
		put_text(line, line->len > 1 ? ",\"" : "\"");
		put_text(line, key);
		put_text(line, "\":");
	} else {
		if (line->len > 0)
			put_text(line, " ");
		put_text(line, key);
		put_text(line, "=");
	}
}

/* A key without its value would be no JSON: what does not fit is taken back as a whole. */
static void end_field(struct log_line *line)
{
	if (line->full)
		line->len = line->field;
	line->full = false;
}

void log_bytes(struct log_line *line, const char *key, const void *value, size_t len)
{
	const unsigned char *bytes = value;
	bool quote = sink.format == LOG_JSON || len == 0;

	if (!line->enabled)
		return;
	for (size_t i = 0; i < len && !quote; i++)
		quote = !is_plain(bytes[i]);
	begin_field(line, key);
	put_text(line, quote ? "\"" : "");
	put_escaped(line, bytes, len);
	put_text(line, quote ? "\"" : "");
	end_field(line);
}

void log_str(struct log_line *line, const char *key, const char *value)
{
	const char *text = value ? value : "-";

	log_bytes(line, key, text, strlen(text));
}

static void log_number(struct log_line *line, const char *key, const char *text)
{
	if (!line->enabled)
		return;
	begin_field(line, key);
	put_text(line, text);
	end_field(line);
}

void log_u64(struct log_line *line, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	log_number(line, key, text);
}

void log_i64(struct log_line *line, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	log_number(line, key, text);
}

void log_ms(struct log_line *line, const char *key, uint64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64 ".%03" PRIu64, ns / 1000000, ns / 1000 % 1000);
	log_number(line, key, text);
}

__attribute__((format(printf, 3, 0))) static void log_vfmt(struct log_line *line, const char *key,
							   const char *format, va_list args)
{
	char text[LOG_VALUE_MAX + 2]; /* longer than a value, so that a cut is marked */

	vsnprintf(text, sizeof(text), format, args);
	log_str(line, key, text);
}

void log_fmt(struct log_line *line, const char *key, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vfmt(line, key, format, args);
	va_end(args);
}

static void begin(struct log_line *line, enum log_level level, const char *event)
{
	struct timespec now;
	struct tm utc;
	char stamp[40];
	size_t len;

	line->len = 0;
	line->full = false;
	line->enabled = true;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	len = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(stamp + len, sizeof(stamp) - len, ".%03ldZ", now.tv_nsec / 1000000);
	if (sink.format == LOG_JSON)
		put_text(line, "{");
	log_str(line, "time", stamp);
	log_str(line, "level", level_names[level]);
	if (sink.process[0])
		log_str(line, "proc", sink.process);
	log_str(line, "event", event);
}

/*
 * stderr is shared with others, so O_NONBLOCK may not be set on it. A pipe that is writable has
 * room for a line; another process can take that meanwhile, which log_unblock() is for.
 */
static bool put_line(struct log_line *line)
{
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
	ssize_t n;

	if (sink.format == LOG_JSON)
		line->text[line->len++] = '}';
	line->text[line->len++] = '\n';
	n = send(STDERR_FILENO, line->text, line->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno == ENOTSOCK && poll(&out, 1, 0) == 1 && (out.revents & POLLOUT))
		n = write(STDERR_FILENO, line->text, line->len);
	return n >= 0;
}

static void tell_suppressed(bool all)
{
	uint64_t now_ms = clock_now_ms(), n;
	struct log_line line;
	const char *event;

	while ((event = log_limit_tell(&sink.limit, all, now_ms, &n))) {
		begin(&line, LOG_WARN, "log_suppressed");
		log_str(&line, "name", event);
		log_u64(&line, "n", n);
		log_end(&line);
	}
}

/* Returns: false when not even this can be written. */
static bool tell_dropped(void)
{
	struct log_line line;

	if (sink.dropped == 0)
		return true;
	begin(&line, LOG_WARN, "log_dropped");
	log_u64(&line, "n", sink.dropped);
	if (!put_line(&line))
		return false;
	sink.dropped = 0;
	return true;
}

void log_begin(struct log_line *line, enum log_level level, const char *event)
{
	bool limited = level < LOG_ERROR && strcmp(event, "session") != 0;

	line->enabled = level >= sink.least;
	if (!line->enabled)
		return;
	tell_suppressed(false);
	if (limited && !log_limit_take(&sink.limit, event, clock_now_ms()))
		line->enabled = false;
	else
		begin(line, level, event);
}

void log_end(struct log_line *line)
{
	/* A log that cannot be written must not stop the proxy: this line is lost, and counted. */
	if (line->enabled && (!tell_dropped() || !put_line(line)))
		sink.dropped++;
}

void log_finish(void)
{
	tell_suppressed(true);
	(void)tell_dropped();
}

void log_unblock(void)
{
	struct stat st;
	int fd;

	if (fstat(STDERR_FILENO, &st) < 0 || !S_ISFIFO(st.st_mode))
		return;
	/* When another user made the pipe this may fail: then poll(2) has to do. */
	fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)dup2(fd, STDERR_FILENO);
	fd_close(&fd);
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	struct log_line line;
	va_list args;

	log_begin(&line, level, event);
	va_start(args, format);
	log_vfmt(&line, "msg", format, args);
	va_end(args);
	log_end(&line);
}
