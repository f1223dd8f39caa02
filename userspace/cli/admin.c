// SPDX-License-Identifier: Apache-2.0
#include "cli/admin.h"

#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "sys/httpc.h"
#include "sys/json.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

/*
 * Nothing else of the file has to be right, or readable for us: it is asked about when it is broken, too.
 * Returns: CLI_OK and the address, or the exit code after saying why not.
 */
static int admin_of_config(const struct command *command, const char *path, struct addr *ret_addr)
{
	struct bundle *bundle = NULL;
	struct report report;
	int r;

	report_init(&report);
	r = bundle_read_text(path, &report, &bundle);
	if (r == 0)
		r = confload_admin(bundle, &report, ret_addr);
	if (r == -ENOENT)
		fprintf(stderr, "sluice %s: %s has no admin socket; add: admin: {listen: \"%s\"}\n",
			command->name, path, ADMIN_DEFAULT);
	else if (r < 0 && report.n_mistakes > 0)
		report_print(&report, stderr);
	else if (r < 0)
		fprintf(stderr, "sluice %s: %s: %s\n", command->name, path, strerror(-r));
	bundle_free(bundle);
	report_done(&report);
	return r < 0 ? CLI_NO : CLI_OK;
}

static void explain(const struct command *command, const struct addr *admin, int error,
		    int limit_ms)
{
	char where[ADDR_TEXT_MAX];

	fprintf(stderr, "sluice %s: %s: ", command->name, addr_format(admin, where));
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
			limit_ms / 1000);
		break;
	case EPROTO:
		fprintf(stderr, "the answer is not sluice's. Is this another program's socket?\n");
		break;
	case EBUSY:
		fprintf(stderr, "it has no memory for the answer\n");
		break;
	default:
		fprintf(stderr, "%s\n", strerror(-error));
	}
}

static int understand(const struct httpc_reply *reply, struct json **ret_answer)
{
	if (reply->status == 200 || reply->status == 409)
		return json_parse(reply->body, reply->len, ret_answer) < 0 ? -EPROTO : 0;
	return reply->status == 503 ? -EBUSY : -EPROTO;
}

int admin_ask(const struct command *command, const struct addr *admin, admin_method *method,
	      const char *path, int limit_ms, struct json **ret_answer)
{
	struct httpc_reply reply;
	int r = method(admin, path, limit_ms, &reply);

	if (r == 0) {
		r = understand(&reply, ret_answer);
		httpc_reply_done(&reply);
	}
	if (r < 0)
		explain(command, admin, r, limit_ms);
	return r;
}

int admin_parse(const struct command *command, int argc, char **argv,
		struct admin_options *ret_options)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"admin", required_argument, NULL, 'a'},
						{"json", no_argument, NULL, 'j'},
						{}};
	const char *config = NULL, *address = NULL;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		if (option == 'c')
			config = optarg;
		else if (option == 'a')
			address = optarg;
		else if (option == 'j')
			ret_options->json = true;
		else
			return cli_usage(command, "unknown option or missing value: %s",
					 argv[optind - 1]);
	}
	if (optind < argc)
		return cli_usage(command, "unexpected argument: %s", argv[optind]);
	if (config && address)
		return cli_usage(command, "-c and --admin are two ways to say the same");
	if (config)
		return admin_of_config(command, config, &ret_options->admin);
	if (addr_parse(address ? address : ADMIN_DEFAULT, &ret_options->admin) < 0)
		return cli_usage(command, "not an address: %s", address);
	return CLI_OK;
}
