// SPDX-License-Identifier: Apache-2.0
#include "selftests/soak/soak.h"

#include "selftests/harness/harness.h"
#include "sys/pipe.h"
#include "sys/tlsstat.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A refused client may linger for 2 s, and a kernel TLS socket until its last record is acknowledged. */
#define SETTLE_MS 15000

/* Of all workers: the allocator's free lists, and buffers that the engines keep. */
#define RSS_GROWTH_MAX	  ((uint64_t)8 << 20)
#define CONVERSATIONS_MIN 200
#define SAMPLES_MAX	  4096
#define SAMPLES_MIN	  8 /* two in each quarter */

/** What was seen of a daemon. */
struct mark {
	const struct daemon *daemon;
	size_t fds;	   /* of its workers, at first */
	uint64_t sessions; /* lines in the log, those before its truncations too */
	uint64_t rss[SAMPLES_MAX];
	size_t n_rss;
};

static struct mark marks[SOAK_DAEMONS];
static struct tlsstat tls_stat; /* at first */

__attribute__((format(printf, 1, 2))) static unsigned int wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("FAILED while nobody talks: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	(void)fflush(stdout);
	return 1;
}

/* --- descriptors and memory --- */

static size_t count_fds(pid_t pid)
{
	struct dirent *entry;
	char path[64];
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		(void)closedir(dir);
	return n;
}

/* @ret_pooled: what pools of pipes may hold beyond what was open at first. */
static size_t count_worker_fds(const struct daemon *daemon, size_t *ret_pooled)
{
	pid_t pids[64];
	size_t n = daemon_workers(daemon, pids, 64), fds = 0;

	for (size_t i = 0; i < n; i++)
		fds += count_fds(pids[i]);
	*ret_pooled = n * PIPE_POOL_MAX * 2;
	return fds;
}

static unsigned int check_fds(const struct mark *mark)
{
	size_t pooled, fds = count_worker_fds(mark->daemon, &pooled);

	return fds <= mark->fds + pooled
		       ? 0
		       : wrong("the workers have %zu descriptors, at first %zu, and pools of %zu",
			       fds, mark->fds, pooled);
}

/* Samples grow fewer instead of more than there is room for. */
static void sample_rss(struct mark *mark)
{
	if (mark->n_rss == SAMPLES_MAX) {
		mark->n_rss /= 2;
		for (size_t i = 0; i < mark->n_rss; i++)
			mark->rss[i] = mark->rss[2 * i];
	}
	mark->rss[mark->n_rss++] = daemon_rss_bytes(mark->daemon);
}

static uint64_t highest_rss(const struct mark *mark, size_t from, size_t to)
{
	uint64_t highest = 0;

	for (size_t i = from; i < to; i++)
		highest = mark->rss[i] > highest ? mark->rss[i] : highest;
	return highest;
}

static unsigned int check_growth(const struct mark *mark)
{
	size_t quarter = mark->n_rss / 4;
	uint64_t first = highest_rss(mark, 0, quarter);
	uint64_t last = highest_rss(mark, mark->n_rss - quarter, mark->n_rss);

	if (mark->n_rss < SAMPLES_MIN)
		return 0;
	printf("memory of the workers: %" PRIu64 " KiB in the first quarter, %" PRIu64
	       " KiB in the last\n",
	       first / 1024, last / 1024);
	return last <= first + RSS_GROWTH_MAX ? 0 : wrong("the workers' memory grows");
}

/* --- log and counters --- */

static bool is_bad(const struct log_entry *line)
{
	return log_entry_is(line, "level", "error") || log_entry_is(line, "event", "worker_died") ||
	       log_entry_is(line, "event", "log_dropped");
}

/* Reads the log and empties it, so that a long run fits on a disk. */
static unsigned int check_log(struct mark *mark)
{
	FILE *file = fopen(mark->daemon->log, "re");
	struct log_entry line;
	unsigned int bad = 0;

	if (!file)
		return wrong("no log: %s", strerror(errno));
	while (fgets(line.text, sizeof(line.text), file)) {
		line.text[strcspn(line.text, "\n")] = '\0';
		mark->sessions += log_entry_is(&line, "event", "session");
		if (is_bad(&line))
			bad += wrong("the log has: %s", line.text);
	}
	fclose(file);
	if (truncate(mark->daemon->log, 0) < 0)
		bad += wrong("the log cannot be emptied: %s", strerror(errno));
	return bad;
}

static unsigned int check_counters(const struct mark *mark)
{
	uint64_t admitted = daemon_counter(mark->daemon, "admitted");
	uint64_t copy = daemon_counter(mark->daemon, "sessions_copy");
	uint64_t kernel = daemon_counter(mark->daemon, "sessions_kernel");
	unsigned int bad = 0;

	if (admitted != mark->sessions)
		bad += wrong("%" PRIu64 " were admitted, and the log has %" PRIu64 " sessions",
			     admitted, mark->sessions);
	if (copy > admitted || kernel > admitted)
		bad += wrong("%" PRIu64 " were admitted, %" PRIu64 " began on OpenSSL and %" PRIu64
			     " were handed over",
			     admitted, copy, kernel);
	return bad;
}

/* --- kernel TLS --- */

static bool is_tls_settled(void)
{
	struct tlsstat now;

	return tlsstat_read(&now) < 0 ||
	       (tlsstat_get(&now, "TlsCurrTxSw") == 0 && tlsstat_get(&now, "TlsCurrRxSw") == 0);
}

static unsigned int check_tls_stat(const struct soak *soak)
{
	uint64_t damaged = atomic_load(&soak->shared->damaged), errors;
	struct tlsstat now;

	if (!UNTIL(is_tls_settled(), SETTLE_MS))
		return wrong("the kernel still has sockets with TLS");
	if (tlsstat_read(&now) < 0)
		return 0;
	errors = tlsstat_get(&now, "TlsDecryptError") - tlsstat_get(&tls_stat, "TlsDecryptError");
	/* Engine ktls-copy may meet one twice: selftests/e2e/prove.c. */
	return errors <= 2 * damaged
		       ? 0
		       : wrong("%" PRIu64 " records were damaged, and %" PRIu64 " did not decrypt",
			       damaged, errors);
}

/* --- all of it --- */

static bool is_settled(const struct daemon *daemon)
{
	return daemon_counter(daemon, "connections") == 0 &&
	       daemon_counter(daemon, "handshakes") == 0;
}

void quiet_begin(struct soak *soak)
{
	size_t pooled;

	if (tlsstat_read(&tls_stat) < 0)
		tls_stat = (struct tlsstat){};
	for (int i = 0; i < SOAK_DAEMONS; i++) {
		marks[i].daemon = &soak->daemons[i];
		marks[i].fds = count_worker_fds(marks[i].daemon, &pooled);
		sample_rss(&marks[i]);
	}
}

static unsigned int check_daemon(struct mark *mark)
{
	unsigned int bad = 0;

	if (!UNTIL(is_settled(mark->daemon), SETTLE_MS))
		bad += wrong("%" PRIu64 " connections are left",
			     daemon_counter(mark->daemon, "connections"));
	bad += check_fds(mark);
	bad += check_log(mark);
	bad += check_counters(mark);
	sample_rss(mark);
	return bad;
}

unsigned int quiet_check(struct soak *soak)
{
	unsigned int bad = 0;

	for (int i = 0; i < SOAK_DAEMONS; i++)
		bad += check_daemon(&marks[i]);
	return bad + check_tls_stat(soak);
}

static uint64_t total(const char *counter)
{
	uint64_t sum = 0;

	for (int i = 0; i < SOAK_DAEMONS; i++)
		sum += daemon_counter(marks[i].daemon, counter);
	return sum;
}

/** Counters that only grow where what they count has happened. */
static const struct {
	const char *name;
	bool kernel; /* needs kernel TLS; passthrough splices without it */
} proofs[] = {
	{"sessions_copy", false},      {"bytes_in_copy", false},
	{"bytes_out_copy", false},     {"sessions_passthrough", false},
	{"bytes_in_splice", false},    {"bytes_out_splice", false},
	{"sessions_kernel", true},     {"bytes_in_ktls_copy", true},
	{"bytes_out_ktls_copy", true},
};

/* Every engine has had its part. */
static unsigned int prove_engines(const struct soak *soak)
{
	unsigned int bad = 0;

	for (size_t i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++) {
		uint64_t n = total(proofs[i].name);
		bool expected = soak->features.ktls || !proofs[i].kernel;

		printf("%-20s %" PRIu64 "\n", proofs[i].name, n);
		if ((n > 0) != expected)
			bad += wrong("kernel TLS is %s, and %s is %" PRIu64,
				     soak->features.ktls ? "here" : "missing", proofs[i].name, n);
	}
	return bad;
}

unsigned int quiet_end(struct soak *soak)
{
	unsigned int bad = 0;

	for (int i = 0; i < SOAK_DAEMONS; i++)
		bad += check_growth(&marks[i]);
	/* A few conversations need not use all of them. */
	if (atomic_load(&soak->shared->passed) >= CONVERSATIONS_MIN)
		bad += prove_engines(soak);
	return bad;
}
