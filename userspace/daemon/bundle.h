/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One generation of the configuration as bytes: the YAML text, the variables that it uses, and the
 * content of every file and secret that it names. Whoever reads the disk makes a bundle; whoever
 * has a bundle needs no disk and no environment, and sees the same.
 *
 * A relative path means: beside the configuration file.
 */
#ifndef SLUICE_DAEMON_BUNDLE_H
#define SLUICE_DAEMON_BUNDLE_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

struct bundle;
struct confile;

#define BUNDLE_CONFIG_MAX ((size_t)1 << 20)  /* YAML text: thousands of rules */
#define BUNDLE_FILE_MAX	  ((size_t)4 << 20)  /* one PEM file: every public CA is 220 KiB */
#define BUNDLE_LIST_MAX	  ((size_t)64 << 20) /* a list of entries or rules: 900,000 digests */

/**
 * bundle_read() - read the configuration at @path and all that it names.
 *
 * Mistakes go to @report. There is a bundle even then, as far as the text can be understood, so
 * that confload_build() finds the other mistakes; it refuses when @report has any.
 *
 * Returns: 0; -EINVAL when nothing can be built from it (@report says why); -ENOMEM.
 */
int bundle_read(const char *path, struct report *report, struct bundle **ret_bundle);

/** bundle_read_text() - the same of the text alone: enough for confload_admin(), not for confload_build(). */
int bundle_read_text(const char *path, struct report *report, struct bundle **ret_bundle);

/** bundle_free() - wipe and free; NULL is fine. */
void bundle_free(struct bundle *bundle);

/** bundle_to_fd() - as a sealed memfd, close-on-exec. Returns: 0 or -errno. */
int bundle_to_fd(const struct bundle *bundle, int *ret_fd);

/**
 * bundle_from_fd() - what bundle_to_fd() wrote; @fd is borrowed and its offset does not matter.
 * Returns: 0; -EPROTO (not a bundle, or not sealed); -ENOMEM; -errno.
 */
int bundle_from_fd(int fd, struct bundle **ret_bundle);

/** bundle_fd_equal() - two memfds of bundle_to_fd() have the same bytes. */
bool bundle_fd_equal(int a, int b);

/**
 * bundle_keep_random_keys() - random keys for tickets last from start to end, not from reload to reload:
 * take those of the memfd @before_fd, when it has any; -1: none. Returns: 0; as bundle_from_fd().
 */
int bundle_keep_random_keys(struct bundle *bundle, int before_fd);

/**
 * bundle_paths() - the configuration at @path and every file that it names, also those that could not
 * be read; the caller frees the list and its texts. Returns: 0 or -ENOMEM.
 */
int bundle_paths(const struct bundle *bundle, const char *path, char ***ret_paths, size_t *ret_n);

/* For confload. */

/** The source of ticket keys when no file has them: see bundle_keep_random_keys(). */
#define BUNDLE_RANDOM_KEYS "random:"

/** bundle_confile() - the parsed text. */
const struct confile *bundle_confile(const struct bundle *bundle);

/**
 * bundle_secret() - the content that @source ("file:PATH", "env:NAME") had, NUL behind it; borrowed.
 * Returns: NULL when it could not be read (which was reported then).
 */
const char *bundle_secret(const struct bundle *bundle, const char *source, size_t *ret_len);

/** bundle_rules() - the rules of the file that @source includes. Returns: NULL as above. */
const struct confile *bundle_rules(const struct bundle *bundle, const char *source);

#endif
