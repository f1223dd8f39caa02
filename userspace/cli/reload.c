// SPDX-License-Identifier: Apache-2.0
#include "cli/admin.h"
#include "sys/httpc.h"
#include "sys/json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The supervisor reads every file and every worker builds what they say. */
#define ANSWER_WITHIN_MS 60000

static void print(const struct json *answer, bool ok)
{
	unsigned long long generation = (unsigned long long)json_get_u64(answer, "generation", 0);
	const char *report = json_get_str(answer, "report", "");
	size_t len = strlen(report);

	if (len > 0)
		fprintf(ok ? stdout : stderr, "%s%s", report, report[len - 1] == '\n' ? "" : "\n");
	if (!ok)
		fprintf(stderr, "nothing has changed: generation %llu is still served\n",
			generation);
	else if (json_get_bool(answer, "changed", false))
		printf("generation %llu is served\n", generation);
	else
		printf("generation %llu is served already: no file has changed\n", generation);
}

static int run(int argc, char **argv)
{
	struct json _cleanup_json_ *answer = NULL;
	struct admin_options options = {};
	int code = admin_parse(&command_reload, argc, argv, &options);
	bool ok;

	if (code != CLI_OK)
		return code;
	if (admin_ask(&command_reload, &options.admin, httpc_post, "/reload", ANSWER_WITHIN_MS,
		      &answer) < 0)
		return CLI_NO;
	ok = json_get_bool(answer, "ok", false);
	if (options.json)
		(void)json_write_fd(answer, STDOUT_FILENO, JSON_INDENTED);
	else
		print(answer, ok);
	return ok ? CLI_OK : CLI_NO;
}

const struct command command_reload = {
	.name = "reload",
	.summary = "make a running sluice serve its files as they are now",
	.help = "Usage: sluice reload [-c FILE | --admin unix:PATH] [--json]\n"
		"\n"
		"Reads the configuration and every file that it names, checks all of it, and goes over\n"
		"to it in all workers, or changes nothing and says why. Sessions that it would not let\n"
		"in are reset. SIGHUP does the same, and so does a file that changes.\n"
		"\n"
		"  -c, --config FILE     the configuration that names the admin socket\n"
		"      --admin ADDRESS   the socket itself; default " ADMIN_DEFAULT "\n"
		"      --json            {ok, changed, generation, report}\n"
		"\n"
		"Exit codes: 0 the files are served, 1 nothing has changed, 2 usage.\n"
		"\n"
		"Example: sluice reload -c /etc/sluice/sluice.yaml\n",
	.run = run,
};
