// SPDX-License-Identifier: Apache-2.0
#include "base/report.h"
#include "cli/check_crls.h"
#include "cli/cli.h"
#include "daemon/addresses.h"
#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "daemon/user.h"
#include "sys/json.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct check_options {
	const char *path;
	bool json, crls;
};

/* Returns: CLI_OK to go on. */
static int parse(int argc, char **argv, struct check_options *ret_options)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"json", no_argument, NULL, 'j'},
						{"crls", no_argument, NULL, 'l'},
						{}};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		if (option == 'c')
			ret_options->path = optarg;
		else if (option == 'j')
			ret_options->json = true;
		else if (option == 'l')
			ret_options->crls = true;
		else
			return cli_usage(&command_check, "unknown option or missing value: %s",
					 argv[optind - 1]);
	}
	if (optind < argc)
		return cli_usage(&command_check, "unexpected argument: %s", argv[optind]);
	if (!ret_options->path)
		return cli_usage(&command_check, "a configuration is needed: -c FILE");
	return CLI_OK;
}

static void print_text(struct report *report, const char *path, int result)
{
	report_print(report, result < 0 ? stderr : stdout);
	if (result < 0 && report->n_mistakes == 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-result));
	else if (result < 0)
		fprintf(stderr, "%s: %zu mistake%s\n", path, report->n_mistakes,
			report->n_mistakes == 1 ? "" : "s");
	else
		printf("%s: ok\n", path);
}

static void print_json(struct report *report, const char *path, const struct config *config,
		       int result)
{
	struct json _cleanup_json_ *root = json_new_object();
	struct json *items;

	report_sort(report);
	json_add_str(root, "file", path);
	json_add_bool(root, "ok", result == 0);
	if (result < 0 && report->n_mistakes == 0)
		json_add_str(root, "error", strerror(-result));
	items = json_add_array(root, "items");
	for (size_t i = 0; i < report->count; i++) {
		const struct report_item *item = &report->items[i];
		struct json *to = json_append_object(items);

		json_add_str(to, "level", item->level == REPORT_MISTAKE ? "mistake" : "warning");
		json_add_str(to, "file", item->file ? item->file : path);
		json_add_u64(to, "line", item->line);
		json_add_str(to, "field", item->field);
		json_add_str(to, "message", item->message);
		json_add_str(to, "hint", item->hint);
	}
	items = json_add_array(root, "crls");
	if (config)
		check_crls_json(config, items);
	(void)json_write_fd(root, STDOUT_FILENO, JSON_INDENTED);
}

static int run(int argc, char **argv)
{
	struct check_options options = {};
	struct bundle *bundle = NULL;
	struct config *config = NULL;
	struct report report;
	int r = parse(argc, argv, &options);

	if (r != CLI_OK)
		return r;
	report_init(&report);
	r = bundle_read(options.path, &report, &bundle);
	if (r == 0)
		r = confload_build(bundle, &report, &config);
	if (r == 0)
		addresses_check(config, bundle, ADDRESSES_TO_TEST, NULL, &report);
	if (r == 0)
		user_check(config, bundle, &report);
	if (r == 0 && report.n_mistakes > 0)
		r = -EINVAL;
	if (options.json)
		print_json(&report, options.path, config, r);
	else
		print_text(&report, options.path, r);
	if (options.crls && !options.json && config)
		check_crls_print(config, stdout);
	config_free(config);
	bundle_free(bundle);
	report_done(&report);
	return r < 0 ? CLI_NO : CLI_OK;
}

const struct command command_check = {
	.name = "check",
	.summary = "test a configuration: every mistake at once, with its line",
	.help = "Usage: sluice check -c FILE [--crls] [--json]\n"
		"\n"
		"Read FILE and every certificate, key, CA and CRL that it names, as 'sluice run' would, try\n"
		"the addresses, look up the user, and report all mistakes: FILE:LINE: FIELD: what is wrong (what to do).\n"
		"\n"
		"  -c, --config FILE   the configuration\n"
		"      --crls          list the CRLs: issuer, next update, how many are revoked\n"
		"      --json          the report as JSON: {file, ok, items: [{level, file, line,\n"
		"                      field, message, hint}], crls: [{source, issuer, this_update,\n"
		"                      next_update, revoked}]}\n"
		"\n"
		"Exit codes: 0 it can be served (there may be warnings), 1 it cannot, 2 usage.\n"
		"\n"
		"Example: sluice check -c /etc/sluice/sluice.yaml\n",
	.run = run,
};
