// SPDX-License-Identifier: Apache-2.0
#include "cli/status.h"

#include "cli/admin.h"
#include "sys/httpc.h"
#include "sys/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_WITHIN_MS 5000 /* workers get 1 to 4 s of it */

static int show(const struct addr *admin, bool as_json)
{
	struct json _cleanup_json_ *status = NULL;
	int r = admin_ask(&command_status, admin, httpc_get, "/status", ANSWER_WITHIN_MS, &status);

	if (r < 0)
		return CLI_NO;
	if (as_json)
		r = json_write_fd(status, STDOUT_FILENO, JSON_INDENTED);
	else
		status_print(status, stdout);
	if (r < 0 || fflush(stdout) != 0) {
		fprintf(stderr, "sluice status: cannot write: %s\n", strerror(r < 0 ? -r : errno));
		return CLI_NO;
	}
	return CLI_OK;
}

static int run(int argc, char **argv)
{
	struct admin_options options = {};
	int code = admin_parse(&command_status, argc, argv, &options);

	return code == CLI_OK ? show(&options.admin, options.json) : code;
}

const struct command command_status = {
	.name = "status",
	.summary = "workers, counters and sessions of a running sluice, with the kernel's proof",
	.help = "Usage: sluice status [-c FILE | --admin unix:PATH] [--json]\n"
		"\n"
		"Asks a running sluice over its admin socket. Every session shows what the kernel\n"
		"itself says of its socket (sock_diag), or the reason why it is in userspace.\n"
		"\n"
		"  -c, --config FILE     the configuration that names the admin socket\n"
		"      --admin ADDRESS   the socket itself; default " ADMIN_DEFAULT "\n"
		"      --json            the whole document, counters per worker included\n"
		"\n"
		"Exit codes: 0 shown, 1 no answer, 2 usage.\n"
		"\n"
		"Example: sluice status --json | jq '.workers[].sessions[] | {peer, kernel}'\n",
	.run = run,
};
