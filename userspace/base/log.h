/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event, one line, one write(2) on stderr: key=value text or JSON.
 *
 *	struct log_line line;
 *
 *	log_begin(&line, LOG_WARN, "worker_died");
 *	log_u64(&line, "worker", index);
 *	log_str(&line, "next", "restart in 1s");
 *	log_end(&line);
 *
 * Every string is treated as text of a stranger: escaped, and cut so that no value can push the
 * ones behind it out of the line. A key is written with its whole value or not at all.
 *
 * Logging never waits: a line that nobody takes is dropped, and event=log_dropped tells how many
 * when there is room again. Lines below LOG_ERROR are limited per event (base/log_limit), except
 * event=session, of which there is one per session; event=log_suppressed tells how many are missing.
 */
#ifndef SLUICE_BASE_LOG_H
#define SLUICE_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_KEY_VALUE, LOG_JSON };

#define LOG_LINE_MAX 4000 /* below PIPE_BUF (4096), so lines of several processes never mix */
/*
 * One value, escaped, without its quotes. A DNS name has at most 253 bytes; a line has three texts
 * of a peer at most (SNI, identity, subject of a refusal), which leave 2,400 bytes to the others.
 */
#define LOG_VALUE_MAX 512

struct log_line {
	size_t len;
	size_t field; /* where the field that is being written begins */
	bool enabled;
	bool full; /* and that it does not fit */
	char text[LOG_LINE_MAX];
};

/** log_setup() - format and least level of everything that follows; default key=value, info. */
void log_setup(enum log_format format, enum log_level least);

/**
 * log_unblock() - a pipe at stderr gets an open file description of our own that does not block;
 * children inherit it. The one that was there may be shared with a shell, and stays as it is.
 */
void log_unblock(void);

/** log_set_process() - name printed as proc= on every line, e.g. "worker/0"; copied. */
void log_set_process(const char *name);

void log_begin(struct log_line *line, enum log_level level, const char *event);
void log_str(struct log_line *line, const char *key, const char *value);
void log_bytes(struct log_line *line, const char *key, const void *value, size_t len);
void log_u64(struct log_line *line, const char *key, uint64_t value);
void log_i64(struct log_line *line, const char *key, int64_t value);
/** log_ms() - a duration given in nanoseconds, printed as milliseconds with three decimals. */
void log_ms(struct log_line *line, const char *key, uint64_t ns);
void log_fmt(struct log_line *line, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void log_end(struct log_line *line);

/** log_finish() - before the process ends: tell what is missing. */
void log_finish(void);

/** log_event() - the short form: an event and one message. */
void log_event(enum log_level level, const char *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
