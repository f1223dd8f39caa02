/* SPDX-License-Identifier: Apache-2.0 */
/* What commands that talk to a running sluice share: where its admin socket is, and what went wrong. */
#ifndef SLUICE_CLI_ADMIN_H
#define SLUICE_CLI_ADMIN_H

#include "base/addr.h"
#include "cli/cli.h"

#include <stdbool.h>

struct httpc_reply;
struct json;

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

/** httpc_get() or httpc_post(). */
typedef int admin_method(const struct addr *admin, const char *path, int limit_ms,
			 struct httpc_reply *ret_reply);

/**
 * admin_ask() - what @admin answers to @method of @path; 409 is an answer, too.
 * Returns: 0; a negative errno after saying why there is none within @limit_ms, and what to do.
 */
int admin_ask(const struct command *command, const struct addr *admin, admin_method *method,
	      const char *path, int limit_ms, struct json **ret_answer);

#endif
