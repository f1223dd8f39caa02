// SPDX-License-Identifier: Apache-2.0
/* In the child, between fork(2) and a worker: what it inherits, and nothing else. */
#include "daemon/worker.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENVIRONMENT_MAX 64

/*
 * Secrets come as variables (env:NAME), and a worker has them from its bundle. It keeps what the
 * loader, the C library and OpenSSL look at; an entry that ends in '_' stands for all that follow.
 */
static bool is_kept(const char *variable)
{
	static const char *const kept[] = {
		"PATH=",
		"TZ=",
		"TZDIR=",
		"LANG=",
		"LC_ALL=",
		"LD_LIBRARY_PATH=",
		"LD_PRELOAD=",
		"OPENSSL_CONF=",
		"OPENSSL_MODULES=",
		"OPENSSL_ia32cap=",
		"GLIBC_TUNABLES=",
		"MALLOC_",
		"ASAN_OPTIONS=",
		"LSAN_OPTIONS=",
		"UBSAN_OPTIONS=",
	};

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (strncmp(variable, kept[i], strlen(kept[i])) == 0)
			return true;
	}
	return false;
}

static void keep_environment(char *kept[ENVIRONMENT_MAX])
{
	size_t n = 0;

	for (char **variable = environ; *variable && n < ENVIRONMENT_MAX - 1; variable++) {
		if (is_kept(*variable))
			kept[n++] = *variable;
	}
	kept[n] = NULL;
}

static void inherit(int fd)
{
	(void)fcntl(fd, F_SETFD, 0);
}

/* "3,4,5", and they survive the exec. */
static char *inherit_listeners(const struct worker_options *options)
{
	size_t size = 12 * (options->n_listen_fds + 1), len = 0;
	char *text = calloc(1, size);

	for (size_t i = 0; text && i < options->n_listen_fds; i++) {
		len += (size_t)snprintf(text + len, size - len, "%s%d", i ? "," : "",
					options->listen_fds[i]);
		inherit(options->listen_fds[i]);
	}
	return text;
}

void worker_exec(const struct worker_options *options)
{
	char index[24], control[16], bundle[16], generation[24], stats[16], uid[16], gid[16];
	char program[] = "sluice", command[] = "worker";
	char *listeners = inherit_listeners(options);
	char *argv[] = {program, command, index, control,   bundle, generation,
			stats,	 uid,	  gid,	 listeners, NULL};
	char *environment[ENVIRONMENT_MAX];

	if (!listeners)
		_exit(1);
	inherit(options->control_fd);
	inherit(options->bundle_fd);
	inherit(options->stats_fd);
	snprintf(index, sizeof(index), "%zu", options->index);
	snprintf(control, sizeof(control), "%d", options->control_fd);
	snprintf(bundle, sizeof(bundle), "%d", options->bundle_fd);
	snprintf(generation, sizeof(generation), "%llu", (unsigned long long)options->generation);
	snprintf(stats, sizeof(stats), "%d", options->stats_fd);
	snprintf(uid, sizeof(uid), "%u", options->user.uid);
	snprintf(gid, sizeof(gid), "%u", options->user.gid);
	keep_environment(environment);
	/* Signals stay blocked: the worker lets them in when it ignores those of the group. */
	execve("/proc/self/exe", argv, environment);
	_exit(1);
}
