/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command table: one file per command, each with its own help and an example.
 */
#ifndef SLUICE_CLI_CLI_H
#define SLUICE_CLI_CLI_H

enum cli_exit {
	CLI_OK = 0,
	CLI_NO = 1,    /* the command ran and the answer is no, or it failed */
	CLI_USAGE = 2, /* the command line is wrong */
	CLI_CUT = 3,   /* `run` only: drained, but some sessions were cut at drain_timeout */
};

struct command {
	const char *name;
	const char *summary; /* one line for `sluice help` */
	const char *help;    /* the whole text of --help: usage, options, an example */
	/* argv[0] is the command's name; returns an enum cli_exit. --help is handled before. */
	int (*run)(int argc, char **argv);
};

extern const struct command command_run;
extern const struct command command_check;
extern const struct command command_probe;
extern const struct command command_status;
extern const struct command command_reload;
extern const struct command command_policy;
extern const struct command command_pki;
extern const struct command command_worker; /* internal: the re-executed worker role */

/** cli_usage() - print "sluice COMMAND: message" and where help is. Returns: CLI_USAGE. */
int cli_usage(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
