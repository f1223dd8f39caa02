// SPDX-License-Identifier: Apache-2.0
/* What the daemon says: its log lines and its admin socket. */
#include "selftests/lib/daemon.h"

#include "base/addr.h"
#include "base/clock.h"
#include "selftests/harness/harness.h"
#include "sys/httpc.h"
#include "sys/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Behind the value that starts at @at: its closing quote, or the blank. */
static const char *value_end(const char *at)
{
	if (*at != '"')
		return at + strcspn(at, " ");
	for (at++; *at && *at != '"'; at++) {
		if (*at == '\\' && at[1])
			at++;
	}
	return *at ? at + 1 : at;
}

static void copy_value(const char *from, const char *end, char value[DAEMON_VALUE_MAX])
{
	size_t len = 0;
	bool quoted = *from == '"';

	if (quoted) {
		from++;
		end--;
	}
	while (from < end && len < DAEMON_VALUE_MAX - 1) {
		if (quoted && *from == '\\' && (from[1] == '"' || from[1] == '\\'))
			from++;
		value[len++] = *from++;
	}
	value[len] = '\0';
}

bool log_entry_get(const struct log_entry *entry, const char *key, char value[DAEMON_VALUE_MAX])
{
	const char *at = entry->text;
	size_t key_len = strlen(key);

	value[0] = '\0';
	while (*at) {
		const char *equals = strchr(at, '=');
		const char *end;

		if (!equals)
			return false;
		end = value_end(equals + 1);
		if ((size_t)(equals - at) == key_len && strncmp(at, key, key_len) == 0) {
			copy_value(equals + 1, end, value);
			return true;
		}
		at = end + strspn(end, " ");
	}
	return false;
}

bool log_entry_is(const struct log_entry *entry, const char *key, const char *expected)
{
	char value[DAEMON_VALUE_MAX];

	return log_entry_get(entry, key, value) && strcmp(value, expected) == 0;
}

uint64_t log_entry_u64(const struct log_entry *entry, const char *key)
{
	char value[DAEMON_VALUE_MAX];
	char *end;
	uint64_t number;

	if (!log_entry_get(entry, key, value) || value[0] < '0' || value[0] > '9')
		return UINT64_MAX;
	number = strtoull(value, &end, 10);
	return *end && *end != '.' ? UINT64_MAX : number;
}

static bool matches(const struct log_entry *entry, const char *event, const char *key,
		    const char *value)
{
	return log_entry_is(entry, "event", event) && (!key || log_entry_is(entry, key, value));
}

static size_t scan(const struct daemon *daemon, const char *event, const char *key,
		   const char *value, size_t nth, struct log_entry *ret_entry)
{
	FILE *file = fopen(daemon->log, "re");
	struct log_entry entry;
	size_t count = 0;

	while (file && count <= nth && fgets(entry.text, sizeof(entry.text), file)) {
		/* A line that is being written has no end yet. */
		if (!strchr(entry.text, '\n'))
			break;
		entry.text[strcspn(entry.text, "\n")] = '\0';
		if (!matches(&entry, event, key, value))
			continue;
		if (count == nth && ret_entry)
			*ret_entry = entry;
		count++;
	}
	if (file)
		fclose(file);
	return count;
}

bool daemon_find_log(const struct daemon *daemon, const char *event, const char *key,
		     const char *value, size_t nth, struct log_entry *ret_entry)
{
	return scan(daemon, event, key, value, nth, ret_entry) > nth;
}

bool daemon_wait_log(const struct daemon *daemon, const char *event, const char *key,
		     const char *value, size_t nth, int timeout_ms, struct log_entry *ret_entry)
{
	uint64_t deadline_ms = clock_now_ms() + test_scaled_ms((uint64_t)timeout_ms);

	while (!daemon_find_log(daemon, event, key, value, nth, ret_entry)) {
		if (clock_now_ms() > deadline_ms)
			return false;
		usleep(2000);
	}
	return true;
}

size_t daemon_count_log(const struct daemon *daemon, const char *event, const char *key,
			const char *value)
{
	return scan(daemon, event, key, value, SIZE_MAX, NULL);
}

void daemon_print_log(const struct daemon *daemon)
{
	FILE *file = daemon->dir[0] ? fopen(daemon->log, "re") : NULL;
	char line[4096];

	while (file && fgets(line, sizeof(line), file))
		fprintf(stderr, "# log: %s", line);
	if (file)
		fclose(file);
}

/* --- admin socket --- */

struct json *daemon_status(const struct daemon *daemon)
{
	struct httpc_reply reply = {};
	struct json *status = NULL;
	char text[ADDR_TEXT_MAX];
	struct addr addr;

	snprintf(text, sizeof(text), "unix:%s/admin.sock", daemon->dir);
	if (addr_parse(text, &addr) < 0 ||
	    httpc_get(&addr, "/status", (int)test_scaled_ms(5000), &reply) < 0)
		return NULL;
	if (reply.status == 200)
		(void)json_parse(reply.body, reply.len, &status);
	httpc_reply_done(&reply);
	return status;
}

/* Sum over all workers of a number in the part of each that is called @part. */
static uint64_t sum_of(const struct daemon *daemon, const char *part, const char *name)
{
	struct json _cleanup_json_ *status = daemon_status(daemon);
	struct json *workers = json_get_array(status, "workers");
	uint64_t sum = 0;

	if (!workers)
		return UINT64_MAX;
	for (size_t i = 0; i < json_count(workers); i++)
		sum += json_get_u64(json_get_object(json_at(workers, i), part), name, 0);
	return sum;
}

uint64_t daemon_counter(const struct daemon *daemon, const char *name)
{
	return sum_of(daemon, "counters", name);
}

uint64_t daemon_heap_bytes(const struct daemon *daemon)
{
	return sum_of(daemon, "memory", "heap_bytes");
}
