/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by bundle*.c only. */
#ifndef SLUICE_DAEMON_BUNDLE_INTERNAL_H
#define SLUICE_DAEMON_BUNDLE_INTERNAL_H

#include "daemon/bundle.h"

#include <stdint.h>

/** Something the text refers to by @name: a variable, or a secret's source. */
struct bundle_item {
	char *name;
	char *data; /* base/lockmem, len + 1 bytes with a NUL; NULL: it is not there */
	size_t len;
	int error;     /* why a secret is not there; not in the memfd */
	char *culprit; /* the file of a directory that @error is about; NULL: none */
};

struct bundle_items {
	struct bundle_item *list;
	size_t count;
};

struct bundle {
	char *text; /* base/lockmem, text_len + 1 bytes */
	size_t text_len;
	struct bundle_items variables; /* all that the text asked for, also those that are unset */
	struct bundle_items secrets;
	struct confile *confile;
	char *dir; /* of the configuration file; NULL in a worker */
};

/** bundle_items_find() - Returns: NULL when there is no such item. */
const struct bundle_item *bundle_items_find(const struct bundle_items *items, const char *name);

/** bundle_items_add() - @data belongs to the items afterwards, also on -ENOMEM. */
int bundle_items_add(struct bundle_items *items, const char *name, char *data, size_t len,
		     int error);

/** What a source may be, beside one file or a variable. */
enum bundle_sources {
	BUNDLE_FILE = 0,
	BUNDLE_DIRECTORY = 1, /* all the files of it: certificates or CRLs */
	BUNDLE_SYSTEM = 2,    /* "system": the CAs that OpenSSL believes by itself */
};

/**
 * bundle_source_read() - the content of "file:PATH" or "env:NAME", base/lockmem; and of what
 * @allowed (enum bundle_sources) adds. *@ret_culprit: as in struct bundle_item.
 * Returns: 0; -EINVAL (neither); -ENODATA (empty, or variable not set); -EISDIR (no regular file);
 *          -EFBIG; -ENOMSG (a directory without such files); -EBADMSG (a file of one that is not PEM);
 *          -ENOMEM; open(2)'s or read(2)'s errno.
 */
int bundle_source_read(const char *dir, const char *source, unsigned int allowed, char **ret_data,
		       size_t *ret_len, char **ret_culprit);

/**
 * bundle_directory_read() - the files of the directory @path that end with .pem, .crt, .cer, .crl or
 * .der and do not begin with a dot, sorted, one behind the other: first DER, then PEM, each on a new
 * line. Returns: as bundle_source_read().
 */
int bundle_directory_read(const char *path, char **ret_data, size_t *ret_len, char **ret_culprit);

/** bundle_file_read() - a regular file of at most @max bytes; the same returns. */
int bundle_file_read(const char *path, size_t max, char **ret_data, size_t *ret_len);

#endif
