/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a bundle to the checked configuration: defaults, units, addresses, certificates, and whether
 * it all makes sense together.
 */
#ifndef SLUICE_DAEMON_CONFLOAD_H
#define SLUICE_DAEMON_CONFLOAD_H

#include "base/report.h"
#include "model/config.h"

struct bundle;

/**
 * confload_build() - build the configuration that @bundle describes; @bundle may go afterwards.
 *
 * Every mistake is added to @report, which may have some of bundle_read() already; remarks (a
 * certificate that expired) are no reason to refuse. Nothing here looks at the disk, the
 * environment or the network, so supervisor and worker come to the same result; only remarks
 * depend on the time.
 *
 * Returns: 0; -EINVAL when @report has a mistake; -ENOMEM; -EIO (no random bytes).
 */
int confload_build(const struct bundle *bundle, struct report *report, struct config **ret_config);

/**
 * confload_admin() - admin.listen alone, whatever else is wrong; of bundle_read_text(), too.
 * Returns: 0; -EINVAL when @report has a mistake of it; -ENOENT (there is none).
 */
int confload_admin(const struct bundle *bundle, struct report *report, struct addr *ret_addr);

/**
 * confload_line() - line of a field, for checks that come later ("listeners[0].listen[1]").
 */
unsigned int confload_line(const struct bundle *bundle, const char *field);

#endif
