/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files whose content may change: tells when one of them was written, replaced, or is reached another
 * way. Wraps inotify(7).
 *
 * What is watched of a path is each directory on its way and the name in it that leads on, those of
 * symbolic links included: so a directory that is swapped by a link (as Kubernetes does) is seen,
 * and a file that is not there yet. A file that is being written is told of when it is closed.
 */
#ifndef SLUICE_SYS_WATCH_H
#define SLUICE_SYS_WATCH_H

#include <stddef.h>

struct loop;
struct watch;

/** watch_new() - @changed is called once for all that has happened since the turn before. */
int watch_new(struct loop *loop, void (*changed)(void *arg), void *arg, struct watch **ret_watch);
void watch_free(struct watch *watch);

/**
 * watch_paths() - from now on these, and no other ones; a path that ends in "/" stands for everything
 * in that directory.
 * Returns: 0; -ENOMEM; -EMFILE, -ENOSPC (limits of inotify): what was watched before still is.
 */
int watch_paths(struct watch *watch, char *const *paths, size_t n);

#endif
