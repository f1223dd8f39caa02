/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program under test: build/sluice in a directory of its own, its log, its processes.
 */
#ifndef SELFTESTS_LIB_DAEMON_H
#define SELFTESTS_LIB_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct json;

#define DAEMON_VALUE_MAX 512

/** One line of the log. */
struct log_entry {
	char text[4096]; /* as written, without the newline */
};

/** log_entry_get() - value of @key, unquoted, in @value; "" and false when it is not there. */
bool log_entry_get(const struct log_entry *entry, const char *key, char value[DAEMON_VALUE_MAX]);

/** log_entry_is() - the value of @key is @expected. */
bool log_entry_is(const struct log_entry *entry, const char *key, const char *expected);

/** log_entry_u64() - value of @key as a number; UINT64_MAX when it is none. */
uint64_t log_entry_u64(const struct log_entry *entry, const char *key);

struct daemon {
	pid_t pid;     /* supervisor; 0: not running */
	uid_t uid;     /* start as this user; 0: as we are */
	size_t files;  /* RLIMIT_NOFILE; 0: as ours */
	char dir[64];  /* PKI, configuration, sockets, log */
	char log[96];  /* file that has its stderr */
	int stderr_fd; /* instead of that file, when who has its other end fills it; 0: none */
	int exit_code; /* of the last end; 128 + signal */
};

/** daemon_init() - it lives in the test's own directory; daemon_init_in() - in a new one below that. */
void daemon_init(struct daemon *daemon);
void daemon_init_in(struct daemon *daemon, const char *subdir);

/** daemon_program() - path of build/sluice, beside this test program. */
const char *daemon_program(void);

/** daemon_command() - run `sluice ARGV…` with its output in DIR/output. Returns: exit code or -errno. */
int daemon_command(struct daemon *daemon, const char *const *argv);

/** daemon_write() - a file in the directory. Returns: 0 or -errno. */
int daemon_write(struct daemon *daemon, const char *name, const char *text);

/**
 * daemon_start() - write @yaml, start `sluice run` with it and wait for event=ready.
 * Times here and below are scaled by TIME_SCALE.
 * Returns: 0; -ECHILD it ended (exit_code says how); -ETIMEDOUT.
 */
int daemon_start(struct daemon *daemon, const char *yaml);

/** daemon_start_when() - the same, ready when @text stands in its log. */
int daemon_start_when(struct daemon *daemon, const char *yaml, const char *text);

/** daemon_stop() - SIGTERM and wait. Returns: exit code (128 + signal), -ETIMEDOUT (then killed). */
int daemon_stop(struct daemon *daemon, int timeout_ms);

/** daemon_wait() - wait for its end. Returns: as daemon_stop(). */
int daemon_wait(struct daemon *daemon, int timeout_ms);

/** daemon_reap() - wait for children that a killed supervisor left to us. */
void daemon_reap(void);

/**
 * daemon_find_log() - the @nth line (from 0) with event=@event and, unless NULL, @key=@value.
 * Returns: true when there is one.
 */
bool daemon_find_log(const struct daemon *daemon, const char *event, const char *key,
		     const char *value, size_t nth, struct log_entry *ret_entry);

/** daemon_wait_log() - the same, waiting at most @timeout_ms for it. */
bool daemon_wait_log(const struct daemon *daemon, const char *event, const char *key,
		     const char *value, size_t nth, int timeout_ms, struct log_entry *ret_entry);

size_t daemon_count_log(const struct daemon *daemon, const char *event, const char *key,
			const char *value);

/** daemon_print_log() - the whole log on stderr, for the report of a failed test. */
void daemon_print_log(const struct daemon *daemon);

/** daemon_workers() - PIDs of the workers. Returns: how many, at most @max. */
size_t daemon_workers(const struct daemon *daemon, pid_t *pids, size_t max);

/** daemon_rss_bytes() - resident memory of the workers, without pages shared with files. */
uint64_t daemon_rss_bytes(const struct daemon *daemon);

/** daemon_proc_value() - what follows "@field:" in /proc/@pid/@file, first word. */
bool daemon_proc_value(pid_t pid, const char *file, const char *field, char value[64]);

/**
 * daemon_status() - ask the admin socket (unix:DIR/admin.sock in the configuration).
 * Returns: the document, freed by the caller; NULL when there is no answer.
 */
struct json *daemon_status(const struct daemon *daemon);

/** daemon_counter() - sum of a counter over all workers; UINT64_MAX when there is no answer. */
uint64_t daemon_counter(const struct daemon *daemon, const char *name);

/** daemon_heap_bytes() - what malloc() has given out in the workers; as daemon_counter(). */
uint64_t daemon_heap_bytes(const struct daemon *daemon);

/** daemon_free_port() - a TCP port of 127.0.0.1 and ::1 that nobody has. */
unsigned int daemon_free_port(void);

#endif
