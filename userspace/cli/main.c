// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#ifndef SLUICE_VERSION
#error "SLUICE_VERSION comes from the Makefile"
#endif

/* The commands that users see come first; `worker` is started by `run` only. */
static const struct command *const commands[] = {
	&command_run,	 &command_check,  &command_policy, &command_probe,
	&command_status, &command_reload, &command_pki,	   &command_worker,
};

#define PUBLIC_COMMANDS (sizeof(commands) / sizeof(commands[0]) - 1)

int cli_usage(const struct command *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "sluice %s: ", command->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry: sluice %s --help\n", command->name);
	return CLI_USAGE;
}

static void print_help(FILE *out)
{
	fprintf(out,
		"sluice %s: mutual-TLS proxy that leaves established bytes to the kernel\n\n"
		"Usage: sluice COMMAND [OPTIONS]\n\nCommands:\n",
		SLUICE_VERSION);
	for (size_t i = 0; i < PUBLIC_COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(out, "\n'sluice COMMAND --help' shows the options and an example.\n"
		     "Exit codes: 0 yes or done, 1 no or failed, 2 wrong usage.\n");
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return false;
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("sluice %s\n", SLUICE_VERSION);
		return CLI_OK;
	}
	if (strcmp(argv[1], "help") == 0 && argc == 3 && find(argv[2])) {
		fputs(find(argv[2])->help, stdout);
		return CLI_OK;
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0) {
		print_help(stdout);
		return CLI_OK;
	}
	command = find(argv[1]);
	if (!command) {
		fprintf(stderr, "sluice: unknown command '%s'\nTry: sluice help\n", argv[1]);
		return CLI_USAGE;
	}
	if (wants_help(argc - 1, argv + 1)) {
		fputs(command->help, stdout);
		return CLI_OK;
	}
	return command->run(argc - 1, argv + 1);
}
