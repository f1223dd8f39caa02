/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by bundle*.c only. */
#ifndef SLUICE_DAEMON_BUNDLE_INTERNAL_H
#define SLUICE_DAEMON_BUNDLE_INTERNAL_H

#include "daemon/bundle.h"
#include "sys/confile.h"

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

/** A file of rules, parsed. */
struct bundle_rules {
	char *source;
	struct confile *confile; /* NULL: could not be */
};

struct bundle {
	char *text; /* base/lockmem, text_len + 1 bytes */
	size_t text_len;
	struct bundle_items variables; /* all that the text asked for, also those that are unset */
	struct bundle_items secrets;
	struct confile *confile;
	struct bundle_rules *rules;
	size_t n_rules;
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
	BUNDLE_LIST = 4,      /* a file may be longer than others, and empty */
	BUNDLE_CRL = 8,	      /* those files of a directory may be DER */
};

/**
 * bundle_source_read() - the content of "file:PATH" or "env:NAME", base/lockmem; and of what
 * @allowed (enum bundle_sources) adds. *@ret_culprit: as in struct bundle_item.
 * Returns: 0; -EINVAL (neither); -ENODATA (empty, or variable not set); -EISDIR (no regular file);
 *          -EFBIG; -ENOMSG (a directory without such files); -EBADMSG (a file of one that is neither
 *          PEM nor, where that is allowed, DER);
 *          -ENOMEM; open(2)'s or read(2)'s errno.
 */
int bundle_source_read(const char *dir, const char *source, unsigned int allowed, char **ret_data,
		       size_t *ret_len, char **ret_culprit);

/**
 * bundle_directory_read() - the files of the directory @path that end with .pem, .crt, .cer, .crl or
 * .der and do not begin with a dot, sorted, one behind the other: first DER, then PEM, each on a new
 * line. @der: files that end with .crl or .der may be DER. Returns: as bundle_source_read().
 */
int bundle_directory_read(const char *path, bool der, char **ret_data, size_t *ret_len,
			  char **ret_culprit);

/** bundle_path_beside() - @path as it is, or below @dir when it is relative; the caller's. */
char *bundle_path_beside(const char *dir, const char *path);

/**
 * bundle_collect() - read @source, unless that was done. @confile: where @field is. @allowed: enum
 * bundle_sources. Returns: 0, also after a report; -ENOMEM.
 */
int bundle_collect(struct bundle *bundle, struct report *report, const struct confile *confile,
		   const char *field, const char *source, unsigned int allowed);

/** bundle_tickets_collect() - keys for the tickets of all listeners. Returns: as bundle_collect(), -EIO. */
int bundle_tickets_collect(struct bundle *bundle, struct report *report);

/* bundle_rules.c */

/** bundle_rules_collect() - the files of rules that the configuration includes, and their lists. */
int bundle_rules_collect(struct bundle *bundle, confile_variable *variable, struct report *report);

/**
 * bundle_rules_parse() - the rules of files that are there already.
 * Returns: 0, also after a report; -ENOMEM.
 */
int bundle_rules_parse(struct bundle *bundle, confile_variable *variable, struct report *report);
void bundle_rules_done(struct bundle *bundle);

/** bundle_file_read() - a regular file of at most @max bytes; the same returns. */
int bundle_file_read(const char *path, size_t max, char **ret_data, size_t *ret_len);

#endif
