/* SPDX-License-Identifier: Apache-2.0 */
/* When the certificates and CRLs of a configuration end, for warnings and for `sluice status`. */
#ifndef SLUICE_DAEMON_EXPIRY_H
#define SLUICE_DAEMON_EXPIRY_H

#include "model/config.h"

struct json;

struct expiry_entry {
	char *source; /* as in the configuration: "file:…", "env:…" */
	bool is_crl;
	char *subject;	   /* of what ends first in it, for people; of a CRL its issuer */
	int64_t not_after; /* seconds since 1970; of a CRL its next update */
	int64_t warn_from; /* the same: it should have been renewed by then */
	int64_t warned;	   /* when that was logged last; 0: not yet */
};

struct expiry {
	struct expiry_entry *list; /* one for each source */
	size_t n;
};

/** expiry_read() - of all that @config names. Returns: 0 or -ENOMEM. */
int expiry_read(const struct config *config, struct expiry *ret_expiry);
void expiry_done(struct expiry *expiry);

/**
 * expiry_warn() - log what has ended at @now, or has less than a fifth of its life and less than 30
 * days left, once a day for each.
 */
void expiry_warn(struct expiry *expiry, int64_t now);

/** expiry_keep() - what @before has warned of needs no other warning today. */
void expiry_keep(struct expiry *expiry, const struct expiry *before);

/** expiry_report() - fill @array, see daemon/admin.h. */
void expiry_report(const struct expiry *expiry, int64_t now, struct json *array);

#endif
