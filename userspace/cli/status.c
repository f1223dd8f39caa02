// SPDX-License-Identifier: Apache-2.0
#include "cli/status.h"

#include "cli/cli.h"
#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "model/config.h"
#include "sys/httpc.h"
#include "sys/json.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_ADMIN	 "unix:/run/sluice/admin.sock"
#define ANSWER_WITHIN_MS 5000 /* workers get 1 to 4 s of it */

/* Returns: CLI_OK and the address, or the exit code after saying why not. */
static int admin_of_config(const char *path, struct addr *ret_addr)
{
	struct config *config = NULL;
	struct bundle *bundle = NULL;
	struct report report;
	int r, code = CLI_NO;

	report_init(&report);
	r = bundle_read(path, &report, &bundle);
	if (r == 0)
		r = confload_build(bundle, &report, &config);
	if (r < 0 && report.n_mistakes > 0) {
		report_print(&report, stderr);
	} else if (r < 0 || !config) {
		fprintf(stderr, "sluice status: %s: %s\n", path, strerror(-r));
	} else if (config->admin.len == 0) {
		fprintf(stderr,
			"sluice status: %s has no admin socket; add: admin: {listen: \"%s\"}\n",
			path, DEFAULT_ADMIN);
	} else {
		*ret_addr = config->admin;
		code = CLI_OK;
	}
	config_free(config);
	bundle_free(bundle);
	report_done(&report);
	return code;
}

static void explain(const char *where, int error)
{
	fprintf(stderr, "sluice status: %s: ", where);
	switch (-error) {
	case ENOENT:
		fprintf(stderr, "no such socket. Is sluice running, and is admin.listen set in its "
				"configuration? Point to it with -c FILE or --admin unix:PATH\n");
		break;
	case ECONNREFUSED:
		fprintf(stderr,
			"nobody listens. sluice is not running, the socket is a left-over\n");
		break;
	case EACCES:
	case EPERM:
		fprintf(stderr, "not allowed. Run this as root or as the user that runs sluice\n");
		break;
	case ETIMEDOUT:
		fprintf(stderr,
			"no answer within %d s. The supervisor hangs or is overloaded; its "
			"log may say why\n",
			ANSWER_WITHIN_MS / 1000);
		break;
	case EPROTO:
		fprintf(stderr, "the answer is not sluice's. Is this another program's socket?\n");
		break;
	default:
		fprintf(stderr, "%s\n", strerror(-error));
	}
}

static int fetch(const struct addr *admin, struct json **ret_status)
{
	struct httpc_reply reply;
	int r = httpc_get(admin, "/status", ANSWER_WITHIN_MS, &reply);

	if (r < 0)
		return r;
	if (reply.status == 200)
		r = json_parse(reply.body, reply.len, ret_status) < 0 ? -EPROTO : 0;
	else
		r = reply.status == 503 ? -EBUSY : -EPROTO;
	httpc_reply_done(&reply);
	return r;
}

static int show(const struct addr *admin, bool as_json)
{
	struct json _cleanup_json_ *status = NULL;
	char where[ADDR_TEXT_MAX];
	int r = fetch(admin, &status);

	if (r < 0) {
		explain(addr_format(admin, where), r);
		return CLI_NO;
	}
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
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"admin", required_argument, NULL, 'a'},
						{"json", no_argument, NULL, 'j'},
						{}};
	const char *config = NULL, *address = NULL;
	struct addr admin = {};
	bool as_json = false;
	int option, code = CLI_OK;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		if (option == 'c')
			config = optarg;
		else if (option == 'a')
			address = optarg;
		else if (option == 'j')
			as_json = true;
		else
			return cli_usage(&command_status, "unknown option or missing value: %s",
					 argv[optind - 1]);
	}
	if (optind < argc)
		return cli_usage(&command_status, "unexpected argument: %s", argv[optind]);
	if (config && address)
		return cli_usage(&command_status, "-c and --admin are two ways to say the same");
	if (config)
		code = admin_of_config(config, &admin);
	else if (addr_parse(address ? address : DEFAULT_ADMIN, &admin) < 0)
		return cli_usage(&command_status, "not an address: %s", address);
	return code == CLI_OK ? show(&admin, as_json) : code;
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
		"      --admin ADDRESS   the socket itself; default " DEFAULT_ADMIN "\n"
		"      --json            the whole document, counters per worker included\n"
		"\n"
		"Exit codes: 0 shown, 1 no answer, 2 usage.\n"
		"\n"
		"Example: sluice status --json | jq '.workers[].sessions[] | {peer, kernel}'\n",
	.run = run,
};
