// SPDX-License-Identifier: Apache-2.0
/* The command line between supervisor and worker; nobody types it. See exec_worker(). */
#include "cli/cli.h"
#include "daemon/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	ARG_INDEX = 1,
	ARG_CONTROL,
	ARG_BUNDLE,
	ARG_GENERATION,
	ARG_STATS,
	ARG_UID,
	ARG_GID,
	ARG_LISTEN,
	ARG_COUNT
};

static size_t count_items(const char *list)
{
	size_t count = 1;

	for (; *list; list++)
		count += *list == ',';
	return count;
}

static int *parse_fds(char *list, size_t *ret_count)
{
	size_t count = count_items(list), i = 0;
	int *fds = calloc(count, sizeof(int));
	char *rest = NULL;

	for (char *item = strtok_r(list, ",", &rest); fds && item;
	     item = strtok_r(NULL, ",", &rest))
		fds[i++] = atoi(item);
	*ret_count = i;
	return fds;
}

static int run(int argc, char **argv)
{
	struct worker_options options;
	int *fds;
	int code;

	if (argc != ARG_COUNT)
		return cli_usage(&command_worker, "'sluice run' starts the workers itself");
	options = (struct worker_options){
		.index = strtoul(argv[ARG_INDEX], NULL, 10),
		.control_fd = atoi(argv[ARG_CONTROL]),
		.bundle_fd = atoi(argv[ARG_BUNDLE]),
		.generation = strtoull(argv[ARG_GENERATION], NULL, 10),
		.stats_fd = atoi(argv[ARG_STATS]),
		.user = {.uid = (uid_t)strtoul(argv[ARG_UID], NULL, 10),
			 .gid = (gid_t)strtoul(argv[ARG_GID], NULL, 10)},
	};
	fds = parse_fds(argv[ARG_LISTEN], &options.n_listen_fds);
	if (!fds)
		return CLI_NO;
	options.listen_fds = fds;
	code = worker_run(&options);
	free(fds);
	return code;
}

const struct command command_worker = {
	.name = "worker",
	.summary = "internal: one worker process of 'sluice run'",
	.help = "Usage: none; 'sluice run' starts its workers itself.\n",
	.run = run,
};
