/* SPDX-License-Identifier: Apache-2.0 */
/* What commands that talk to a running sluice share: where its admin socket is, and what went wrong. */
#ifndef SLUICE_CLI_ADMIN_H
#define SLUICE_CLI_ADMIN_H

#include "base/addr.h"
#include "cli/cli.h"

#include <stdbool.h>

#define ADMIN_DEFAULT "unix:/run/sluice/admin.sock"

struct admin_options {
	struct addr admin;
	bool json;
};

/**
 * admin_parse() - -c FILE, --admin ADDRESS and --json.
 * Returns: CLI_OK and the address, or the exit code after saying why not.
 */
int admin_parse(const struct command *command, int argc, char **argv,
		struct admin_options *ret_options);

/** admin_explain() - why @admin gave no answer within @limit_ms, and what to do. */
void admin_explain(const struct command *command, const struct addr *admin, int error,
		   int limit_ms);

#endif
