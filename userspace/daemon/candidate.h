/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration with all its files, read and checked to be served: what `sluice run` starts with,
 * and what a reload goes over to.
 */
#ifndef SLUICE_DAEMON_CANDIDATE_H
#define SLUICE_DAEMON_CANDIDATE_H

#include "base/report.h"
#include "model/config.h"

struct candidate {
	struct config *config; /* without the private keys' text; NULL: cannot be served */
	int bundle_fd;	       /* daemon/bundle for the workers; -1: none */
	char **paths;	       /* every file that was read, or should have been */
	size_t n_paths;
	uint64_t load_ms; /* the reading took so long */
};

/**
 * candidate_read() - read the configuration at @path. @served: what is served now (its addresses are
 * ours, and what only a restart can change must be as there), NULL at the start.
 *
 * Mistakes go to @report. ret_candidate->paths is there in any case, as far as they are known.
 *
 * Returns: 0; -EINVAL (@report has mistakes); -ENOMEM; memfd_create(2)'s errno.
 */
int candidate_read(const char *path, const struct candidate *served, struct report *report,
		   struct candidate *ret_candidate);

/** candidate_is_same() - both have the same bytes in all of their files. */
bool candidate_is_same(const struct candidate *a, const struct candidate *b);

void candidate_done(struct candidate *candidate);

#endif
