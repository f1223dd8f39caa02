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

static void put_raw(struct log_line *line, const char *text, size_t len)
{
	size_t room = sizeof(line->text) - TAIL_BYTES - line->len;

	if (len > room)
		len = room;
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
static void put_escaped(struct log_line *line, const unsigned char *value, size_t len)
{
	char hex[8];

	for (size_t i = 0; i < len; i++) {
		unsigned char c = value[i];

		if (c == '"' || c == '\\') {
			char two[2] = {'\\', (char)c};

			put_raw(line, two, 2);
		} else if (c >= ' ' && c < 0x7f) {
			put_raw(line, (const char *)&c, 1);
		} else {
			snprintf(hex, sizeof(hex), "\\u%04x", c);
			put_raw(line, hex, 6);
		}
	}
}

static void put_quoted(struct log_line *line, const unsigned char *value, size_t len, bool quote)
{
	bool cut = len > LOG_STR_MAX;
	/* An escape takes six bytes: what does not fit as a whole is cut before it, not inside. */
	size_t room = sizeof(line->text) - TAIL_BYTES - line->len;

	if (room < 8)
		return;
	if (cut)
		len = LOG_STR_MAX;
	if (len * 6 + 8 > room)
		len = (room - 8) / 6;
	if (quote)
		put_text(line, "\"");
	put_escaped(line, value, len);
	if (cut)
		put_text(line, "...");
	if (quote)
		put_text(line, "\"");
}

static void put_key(struct log_line *line, const char *key)
{
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

void log_bytes(struct log_line *line, const char *key, const void *value, size_t len)
{
	const unsigned char *bytes = value;
	bool quote = sink.format == LOG_JSON || len == 0 || len > LOG_STR_MAX;

	if (!line->enabled)
		return;
	for (size_t i = 0; i < len && !quote; i++)
		quote = !is_plain(bytes[i]);
	put_key(line, key);
	put_quoted(line, bytes, len, quote);
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
	put_key(line, key);
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

static void log_vfmt(struct log_line *line, const char *key, const char *format, va_list args)
{
	char text[LOG_STR_MAX + 1];

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
