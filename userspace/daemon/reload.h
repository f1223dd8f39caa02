/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From "something has changed" to "every worker serves it", or to an error that leaves everything as
 * it is. Asked for by SIGHUP, by `sluice reload`, and by the files themselves.
 *
 * A change of files is looked at when they have been quiet for a moment; files with the same bytes
 * as before are no change.
 */
#ifndef SLUICE_DAEMON_RELOAD_H
#define SLUICE_DAEMON_RELOAD_H

#include "daemon/candidate.h"

struct json;
struct loop;
struct reload;
struct workers;

/** All borrowed but @served, which is given away. */
struct reload_options {
	struct loop *loop;
	const char *path;
	struct workers *workers;
	struct candidate served; /* generation 1 */
	/* Called whenever another generation is served: what was borrowed of the one before is gone. */
	void (*switched)(void *arg, struct config *config);
	void *arg;
};

/** reload_new() - from now on the files are watched. Returns: 0, -ENOMEM, inotify's errno. */
int reload_new(const struct reload_options *options, struct reload **ret_reload);

/**
 * reload_stop() - the end is near: what is going on is cancelled, and everybody who waits is told,
 * while whom they are told by is still there. reload_ask() must not be called any more. NULL is fine.
 */
void reload_stop(struct reload *reload);

/** reload_free() - after reload_stop(); NULL is fine. */
void reload_free(struct reload *reload);

/** What has become of a reload. */
struct reload_result {
	bool ok;	     /* the files as they are now are served */
	bool changed;	     /* they were not before */
	uint64_t generation; /* that is served */
	const char *report;  /* mistakes and remarks, one per line; "" none; borrowed */
};

typedef void reload_done(void *arg, const struct reload_result *result);

/**
 * reload_ask() - @why: for the log: "signal", "command", "files". @done (NULL: nobody waits) is called
 * once, perhaps before this returns; who asks while a reload is going on gets the result of the next.
 */
void reload_ask(struct reload *reload, const char *why, reload_done *done, void *arg);

/** reload_report() - "generation" of `sluice status`, see daemon/admin.h. */
void reload_report(const struct reload *reload, struct json *status);

#endif
