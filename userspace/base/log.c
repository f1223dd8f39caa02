// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The log sink is process-wide by design: see docs/ARCHITECTURE.md, "State". */
static struct {
	enum log_format format;
	enum log_level least;
	char process[32];
} sink = {.format = LOG_KEY_VALUE, .least = LOG_INFO, .process = ""};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* Room for the mark of a line that was too long, the closing brace and the newline stays free. */
#define CUT_MARK   "true"
#define TAIL_BYTES (sizeof(",\"cut\":" CUT_MARK) - 1 + 2)

void log_setup(enum log_format format, enum log_level least)
{
	sink.format = format;
	sink.least = least;
}

void log_set_process(const char *name)
{
	snprintf(sink.process, sizeof(sink.process), "%s", name);
}

static size_t room_in(const struct log_line *line)
{
	return sizeof(line->text) - TAIL_BYTES - line->len;
}

static void put_raw(struct log_line *line, const char *text, size_t len)
{
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
static size_t escape(unsigned char c, char text[8])
{
	if (c == '"' || c == '\\')
		return (size_t)snprintf(text, 8, "\\%c", c);
	if (c >= ' ' && c < 0x7f)
		return (size_t)snprintf(text, 8, "%c", c);
	return (size_t)snprintf(text, 8, "\\u%04x", c);
}

/* Returns: how many bytes of @value take at most @room bytes, none of them cut inside an escape. */
static size_t fitting(const unsigned char *value, size_t len, size_t room)
{
	char text[8];

	for (size_t i = 0; i < len; i++) {
		size_t n = escape(value[i], text);

		if (n > room)
			return i;
		room -= n;
	}
	return len;
}

static void put_value(struct log_line *line, const unsigned char *value, size_t len, bool cut)
{
	bool quote = sink.format == LOG_JSON || len == 0 || cut;
	char text[8];

	for (size_t i = 0; i < len && !quote; i++)
		quote = !is_plain(value[i]);
	if (quote)
		put_text(line, "\"");
	for (size_t i = 0; i < len; i++)
		put_raw(line, text, escape(value[i], text));
	if (cut)
		put_text(line, "...");
	if (quote)
		put_text(line, "\"");
}

/*
 * A field is in the line as a whole or not at all: half a field would break JSON.
 * Returns: false when there is no room for @key and @value_bytes; the line then says that it is cut.
 */
static bool put_key(struct log_line *line, const char *key, size_t value_bytes)
{
	if (strlen(key) + sizeof(",\"\":") - 1 + value_bytes > room_in(line)) {
		line->cut = true;
		return false;
	}
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
	return true;
}

void log_bytes(struct log_line *line, const char *key, const void *value, size_t len)
{
	const size_t around = sizeof("\"...\"") - 1;
	size_t room, fits;

	if (!line->enabled || !put_key(line, key, around))
		return;
	room = room_in(line) - around;
	fits = fitting(value, len < LOG_STR_MAX ? len : LOG_STR_MAX,
		       room < LOG_ESCAPED_MAX ? room : LOG_ESCAPED_MAX);
	put_value(line, value, fits, fits < len);
}

void log_str(struct log_line *line, const char *key, const char *value)
{
	const char *text = value ? value : "-";

	log_bytes(line, key, text, strlen(text));
}

static void log_number(struct log_line *line, const char *key, const char *text)
{
	if (line->enabled && put_key(line, key, strlen(text)))
		put_text(line, text);
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
	char text[LOG_STR_MAX + 2]; /* one more, so that a longer text is seen to be cut */

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

void log_begin(struct log_line *line, enum log_level level, const char *event)
{
	struct timespec now;
	struct tm utc;
	char stamp[40];
	size_t len;

	line->len = 0;
	line->cut = false;
	line->enabled = level >= sink.least;
	if (!line->enabled)
		return;
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

void log_end(struct log_line *line)
{
	if (!line->enabled)
		return;
	if (line->cut)
		put_text(line, sink.format == LOG_JSON ? ",\"cut\":" CUT_MARK : " cut=" CUT_MARK);
	if (sink.format == LOG_JSON)
		line->text[line->len++] = '}';
	line->text[line->len++] = '\n';
	/* A log that cannot be written must not stop the proxy; there is no other place to say so. */
	if (write(STDERR_FILENO, line->text, line->len) < 0)
		line->enabled = false;
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
