// SPDX-License-Identifier: Apache-2.0
#include "cli/status.h"

#include "cli/table.h"
#include "sys/json.h"

#include <stdbool.h>
#include <string.h>

#define TEXT_MAX 96

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *format_ms(uint64_t ms, char text[TEXT_MAX])
{
	unsigned long long s = ms / 1000;

	if (s < 60)
		(void)snprintf(text, TEXT_MAX, "%llu.%llus", s,
			       (unsigned long long)ms % 1000 / 100);
	else if (s < 3600)
		(void)snprintf(text, TEXT_MAX, "%llum%02llus", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(text, TEXT_MAX, "%lluh%02llum", s / 3600, s / 60 % 60);
	else
		(void)snprintf(text, TEXT_MAX, "%llud%02lluh", s / 86400, s / 3600 % 24);
	return text;
}

static const char *format_bytes(uint64_t bytes, char text[TEXT_MAX])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	size_t unit = 0;
	double value = (double)bytes;

	while (value >= 1024 && unit + 1 < COUNT(units)) {
		value /= 1024;
		unit++;
	}
	(void)snprintf(text, TEXT_MAX, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
	return text;
}

static void print_head(const struct json *status, FILE *out)
{
	char uptime[TEXT_MAX];

	fprintf(out, "sluice %s  %s  pid %llu  up %s  configuration %s\n",
		json_get_str(status, "version", "?"), json_get_str(status, "state", "?"),
		(unsigned long long)json_get_u64(status, "pid", 0),
		format_ms(json_get_u64(status, "uptime_ms", 0), uptime),
		json_get_str(status, "config", "?"));
}

static void print_certificates(const struct json *certificates, FILE *out)
{
	static const char *const headers[] = {"SOURCE", "KIND", "ENDS FIRST", "AT", "DAYS LEFT"};
	struct table _cleanup_table_ t;

	table_init(&t, headers, COUNT(headers));
	for (size_t i = 0; i < json_count(certificates); i++) {
		const struct json *c = json_at(certificates, i);

		table_add(&t, json_get_str(c, "source", NULL));
		table_add(&t, json_get_str(c, "kind", NULL));
		table_add(&t, json_get_str(c, "subject", NULL));
		table_add(&t, json_get_str(c, "not_after", NULL));
		table_addf(&t, "%lld", (long long)json_get_i64(c, "days_left", 0));
	}
	if (json_count(certificates) > 0)
		table_print(&t, out);
}

static void print_generation(const struct json *generation, FILE *out)
{
	const struct json *failure = json_get_object(generation, "last_failure");

	if (!generation)
		return;
	fprintf(out, "generation %llu since %s, asked by %s, %zu files\n",
		(unsigned long long)json_get_u64(generation, "number", 0),
		json_get_str(generation, "since", "?"), json_get_str(generation, "asked_by", "?"),
		json_count(json_get_array(generation, "files")));
	if (failure)
		fprintf(out, "THE FILES ARE NOT SERVED: the reload of %s failed:\n%s\n",
			json_get_str(failure, "at", "?"), json_get_str(failure, "report", ""));
	print_certificates(json_get_array(generation, "certificates"), out);
}

static void add_memory(struct table *t, const struct json *memory, const char *key)
{
	char text[TEXT_MAX];

	table_add(t, memory ? format_bytes(json_get_u64(memory, key, 0), text) : NULL);
}

static void print_workers(const struct json *workers, FILE *out)
{
	static const char *const headers[] = {"WORKER",	  "PID",  "UP",		"RESTARTS",
					      "SESSIONS", "HEAP", "PER SESSION"};
	struct table _cleanup_table_ t;
	char text[TEXT_MAX];

	table_init(&t, headers, COUNT(headers));
	for (size_t i = 0; i < json_count(workers); i++) {
		const struct json *w = json_at(workers, i);
		uint64_t uptime_ms = json_get_u64(w, "uptime_ms", UINT64_MAX);

		table_addf(&t, "%llu", (unsigned long long)json_get_u64(w, "index", i));
		table_addf(&t, "%llu", (unsigned long long)json_get_u64(w, "pid", 0));
		/* The supervisor fills in for a worker that did not answer in time. */
		table_add(&t, uptime_ms == UINT64_MAX ? "no answer" : format_ms(uptime_ms, text));
		table_addf(&t, "%llu", (unsigned long long)json_get_u64(w, "restarts", 0));
		table_addf(&t, "%zu", json_count(json_get_array(w, "sessions")));
		add_memory(&t, json_get_object(w, "memory"), "heap_bytes");
		add_memory(&t, json_get_object(w, "memory"), "per_session_bytes");
	}
	table_print(&t, out);
}

/** The same counter of every worker, added. */
struct sum {
	const struct json *workers;
	struct table table;
};

static void add_sum(void *arg, const char *key, uint64_t value)
{
	struct sum *sum = arg;

	for (size_t i = 1; i < json_count(sum->workers); i++)
		value +=
			json_get_u64(json_get_object(json_at(sum->workers, i), "counters"), key, 0);
	if (value == 0)
		return;
	table_add(&sum->table, key);
	table_addf(&sum->table, "%llu", (unsigned long long)value);
}

static void print_counters(const struct json *workers, FILE *out)
{
	static const char *const headers[] = {"COUNTER (all workers)", "VALUE (0: not shown)"};
	struct sum sum = {.workers = workers};

	table_init(&sum.table, headers, COUNT(headers));
	json_each_u64(json_get_object(json_at(workers, 0), "counters"), add_sum, &sum);
	table_print(&sum.table, out);
	table_done(&sum.table);
}

/* What the kernel itself says, or why it says nothing. */
static const char *proof(const struct json *session, bool has_sock_diag, char text[TEXT_MAX])
{
	const struct json *kernel = json_get_object(session, "kernel");
	const char *reason = json_get_str(session, "offload_reason", "");

	if (kernel && strcmp(json_get_str(kernel, "ulp", ""), "tls") == 0)
		(void)snprintf(text, TEXT_MAX, "txconf=%s rxconf=%s %s",
			       json_get_str(kernel, "txconf", "?"),
			       json_get_str(kernel, "rxconf", "?"),
			       json_get_str(kernel, "cipher", "?"));
	else if (*reason && strcmp(reason, "none") != 0)
		(void)snprintf(text, TEXT_MAX, "no: %s", reason);
	else
		(void)snprintf(text, TEXT_MAX, "%s", has_sock_diag ? "NOT SEEN" : "unknown");
	return text;
}

static void add_session(struct table *t, const struct json *s, bool has_sock_diag)
{
	char text[TEXT_MAX];

	table_add(t, json_get_str(s, "peer", NULL));
	table_add(t, json_get_str(s, "identity", NULL));
	table_add(t, json_get_str(s, "rule", NULL));
	table_add(t, json_get_str(s, "upstream", NULL));
	table_add(t, json_get_str(s, "state", NULL));
	table_add(t, json_get_str(s, "tls_version", NULL));
	table_addf(t, "%s/%s", json_get_str(s, "engine_in", "-"),
		   json_get_str(s, "engine_out", "-"));
	table_add(t, format_bytes(json_get_u64(s, "bytes_in", 0), text));
	table_add(t, format_bytes(json_get_u64(s, "bytes_out", 0), text));
	table_add(t, format_ms(json_get_u64(s, "age_ms", 0), text));
	table_add(t, proof(s, has_sock_diag, text));
}

static void print_sessions(const struct json *workers, bool has_sock_diag, FILE *out)
{
	static const char *const headers[] = {"PEER",  "IDENTITY", "RULE",	    "UPSTREAM",
					      "STATE", "TLS",	   "ENGINE in/out", "IN",
					      "OUT",   "AGE",	   "IN THE KERNEL"};
	struct table _cleanup_table_ t;
	size_t n = 0;

	table_init(&t, headers, COUNT(headers));
	for (size_t w = 0; w < json_count(workers); w++) {
		const struct json *sessions = json_get_array(json_at(workers, w), "sessions");

		for (size_t i = 0; i < json_count(sessions); i++, n++)
			add_session(&t, json_at(sessions, i), has_sock_diag);
	}
	if (n > 0)
		table_print(&t, out);
	else
		fprintf(out, "no sessions\n");
}

static void print_tls_stat(const struct json *kernel, FILE *out)
{
	static const char *const names[] = {"TlsCurrTxSw", "TlsCurrRxSw", "TlsCurrTxDevice",
					    "TlsCurrRxDevice", "TlsDecryptError"};
	const struct json *stat = json_get_object(kernel, "tls_stat");

	fprintf(out, "kernel TLS of this network namespace:");
	if (!stat)
		fprintf(out, " the tls module is not loaded");
	for (size_t i = 0; stat && i < COUNT(names); i++)
		fprintf(out, " %s=%llu", names[i],
			(unsigned long long)json_get_u64(stat, names[i], 0));
	fputc('\n', out);
}

void status_print(const struct json *status, FILE *out)
{
	const struct json *workers = json_get_array(status, "workers");
	const struct json *kernel = json_get_object(status, "kernel");
	const char *sock_diag = json_get_str(kernel, "sock_diag", "not asked");
	bool has_sock_diag = strcmp(sock_diag, "ok") == 0;

	print_head(status, out);
	print_generation(json_get_object(status, "generation"), out);
	fputc('\n', out);
	print_workers(workers, out);
	fputc('\n', out);
	print_counters(workers, out);
	fputc('\n', out);
	print_sessions(workers, has_sock_diag, out);
	fputc('\n', out);
	print_tls_stat(kernel, out);
	if (!has_sock_diag)
		fprintf(out,
			"no proof from the kernel: sock_diag says \"%s\"; 'sluice probe' says "
			"what to do\n",
			sock_diag);
}
