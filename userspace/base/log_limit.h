/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often one event may be logged: a bucket of tokens per name. A stranger can cause a line per
 * connection; what he must not cause is a disk that is full or a log in which nothing can be found.
 */
#ifndef SLUICE_BASE_LOG_LIMIT_H
#define SLUICE_BASE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_EVENTS 16 /* names that are kept apart; further ones are not limited */

/* 200 lines of 300 bytes a second are 5 GB a day, which log rotation copes with. */
#define LOG_LIMIT_INTERVAL_MS 5
/* A deployment that makes every client connect anew, once with the old certificate, fits in. */
#define LOG_LIMIT_BURST	  1000
#define LOG_LIMIT_TELL_MS 1000 /* one line a second tells how many are missing */

struct log_limit {
	struct log_bucket {
		const char *event; /* a string literal; NULL: free */
		uint64_t tokens;
		uint64_t filled_ms, told_ms;
		uint64_t suppressed; /* since it was told */
	} buckets[LOG_LIMIT_EVENTS];
};

/** log_limit_take() - Returns: false when there are too many of @event (kept by reference). */
bool log_limit_take(struct log_limit *limit, const char *event, uint64_t now_ms);

/**
 * log_limit_tell() - a name whose suppressed lines are to be told now; @all: not only once a second.
 * Returns: NULL when there is none, else *@ret_n are missing since the last time.
 */
const char *log_limit_tell(struct log_limit *limit, bool all, uint64_t now_ms, uint64_t *ret_n);

#endif
