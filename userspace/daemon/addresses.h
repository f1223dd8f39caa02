/* SPDX-License-Identifier: Apache-2.0 */
/* Can the addresses of a configuration be listened on? The one check that needs the host. */
#ifndef SLUICE_DAEMON_ADDRESSES_H
#define SLUICE_DAEMON_ADDRESSES_H

#include "base/report.h"
#include "model/config.h"

struct bundle;

enum addresses_purpose {
	ADDRESSES_TO_SERVE, /* now: what cannot be had is a mistake */
	ADDRESSES_TO_TEST,  /* later or by somebody else: what a running sluice holds is a remark */
};

/**
 * addresses_check() - try every listener's address and the admin socket; leaves nothing behind.
 * Those of @served (NULL: none) are ours already.
 *
 * Mistakes and remarks go to @report with the line that @bundle knows. Two servers of one user
 * could share a port by SO_REUSEPORT without noticing: that is "in use" here.
 */
void addresses_check(const struct config *config, const struct bundle *bundle,
		     enum addresses_purpose purpose, const struct config *served,
		     struct report *report);

#endif
