// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"
#include "daemon/supervisor.h"

#include <getopt.h>
#include <stddef.h>

static int run(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {}};
	const char *path = NULL;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		if (option != 'c')
			return cli_usage(&command_run, "unknown option or missing value: %s",
					 argv[optind - 1]);
		path = optarg;
	}
	if (optind < argc)
		return cli_usage(&command_run, "unexpected argument: %s", argv[optind]);
	if (!path)
		return cli_usage(&command_run, "a configuration is needed: -c FILE");
	return supervisor_run(path);
}

const struct command command_run = {
	.name = "run",
	.summary = "serve a configuration in the foreground",
	.help = "Usage: sluice run -c FILE\n"
		"\n"
		"Serve what FILE describes: verify clients, ask the policy, relay to upstreams.\n"
		"Stays in the foreground and logs to stderr, one line per event.\n"
		"\n"
		"  -c, --config FILE   the configuration; test it with 'sluice check -c FILE'\n"
		"\n"
		"SIGHUP reloads, and so does a change of any of the files; see 'sluice reload --help'.\n"
		"\n"
		"SIGTERM or SIGINT drains: no new connections, sessions may end until\n"
		"timeouts.drain, then they are cut. A second signal cuts at once. The addresses\n"
		"and the admin socket are free for a successor as soon as the drain begins.\n"
		"\n"
		"Exit codes: 0 no session was cut, 3 some were, 1 it could not start, 2 usage.\n"
		"\n"
		"Example: sluice run -c /etc/sluice/sluice.yaml\n",
	.run = run,
};
