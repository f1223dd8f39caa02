/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_CLOCK_H
#define SLUICE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_MS  UINT64_C(1000000)
#define MS_PER_SEC UINT64_C(1000)

/** clock_now_ns() - monotonic time, for durations and deadlines. */
static inline uint64_t clock_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 * NS_PER_MS + (uint64_t)ts.tv_nsec;
}

static inline uint64_t clock_now_ms(void)
{
	return clock_now_ns() / NS_PER_MS;
}

/** clock_real_s() - the wall clock, in seconds since 1970: for what certificates and people say. */
static inline int64_t clock_real_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

#define CLOCK_TEXT_MAX 32

/** clock_format_utc() - as "2026-11-27T11:00:00Z"; "?" when that cannot be. Returns: @text. */
static inline const char *clock_format_utc(int64_t seconds, char text[CLOCK_TEXT_MAX])
{
	time_t at = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&at, &tm) || strftime(text, CLOCK_TEXT_MAX, "%FT%TZ", &tm) == 0) {
		text[0] = '?';
		text[1] = '\0';
	}
	return text;
}

#endif
