// SPDX-License-Identifier: Apache-2.0
#include "base/log_limit.h"

#include <stddef.h>
#include <string.h>

static struct log_bucket *find(struct log_limit *limit, const char *event, uint64_t now_ms)
{
	for (size_t i = 0; i < LOG_LIMIT_EVENTS; i++) {
		struct log_bucket *bucket = &limit->buckets[i];

		if (!bucket->event)
			*bucket = (struct log_bucket){
				.event = event,
				.tokens = LOG_LIMIT_BURST,
				.filled_ms = now_ms,
			};
		if (strcmp(bucket->event, event) == 0)
			return bucket;
	}
	return NULL;
}

static void refill(struct log_bucket *bucket, uint64_t now_ms)
{
	uint64_t gained = (now_ms - bucket->filled_ms) / LOG_LIMIT_INTERVAL_MS;

	bucket->filled_ms += gained * LOG_LIMIT_INTERVAL_MS;
	bucket->tokens += gained;
	if (bucket->tokens > LOG_LIMIT_BURST)
		bucket->tokens = LOG_LIMIT_BURST;
}

bool log_limit_take(struct log_limit *limit, const char *event, uint64_t now_ms)
{
	struct log_bucket *bucket = find(limit, event, now_ms);

	if (!bucket)
		return true;
	refill(bucket, now_ms);
	if (bucket->tokens > 0) {
		bucket->tokens--;
		return true;
	}
	if (bucket->suppressed++ == 0)
		bucket->told_ms = now_ms;
	return false;
}

const char *log_limit_tell(struct log_limit *limit, bool all, uint64_t now_ms, uint64_t *ret_n)
{
	for (size_t i = 0; i < LOG_LIMIT_EVENTS; i++) {
		struct log_bucket *bucket = &limit->buckets[i];

		if (bucket->suppressed == 0)
			continue;
		if (!all && now_ms - bucket->told_ms < LOG_LIMIT_TELL_MS)
			continue;
		*ret_n = bucket->suppressed;
		bucket->suppressed = 0;
		bucket->told_ms = now_ms;
		return bucket->event;
	}
	return NULL;
}
