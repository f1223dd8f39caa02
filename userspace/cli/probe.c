// SPDX-License-Identifier: Apache-2.0
#include "cli/probe.h"

#include "cli/cli.h"
#include "sys/feature.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <string.h>

bool probe_usable(const struct feature_set *set)
{
	return feature_has_ktls(set, FEATURE_TLS_1_2) || feature_has_ktls(set, FEATURE_TLS_1_3);
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {}};
	struct feature_set set;
	bool json = false, usable;
	int option, r = 0;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'j')
			return cli_usage(&command_probe, "unknown option: %s", argv[optind - 1]);
		json = true;
	}
	if (optind < argc)
		return cli_usage(&command_probe, "unexpected argument: %s", argv[optind]);

	feature_probe(&set);
	if (json)
		r = probe_print_json(&set);
	else
		probe_print_text(&set, stdout);
	usable = probe_usable(&set);
	feature_done(&set);
	if (r < 0 || fflush(stdout) != 0) {
		fprintf(stderr, "sluice probe: cannot write: %s\n", strerror(r < 0 ? -r : errno));
		return CLI_NO;
	}
	return usable ? CLI_OK : CLI_NO;
}

const struct command command_probe = {
	.name = "probe",
	.summary = "what this kernel, OpenSSL and NIC can do, and what sluice will use",
	.help = "Usage: sluice probe [--json]\n"
		"\n"
		"Tries kernel TLS, sock_diag, BPF and more on loopback sockets, so the answer is what\n"
		"works here, not what a version number promises. May load kernel modules (tls,\n"
		"tcp_diag), changes nothing else. Run it as the user and in the container that will\n"
		"run sluice: rights matter.\n"
		"\n"
		"  --json   the same for programs\n"
		"\n"
		"Exit codes: 0 kernel TLS is usable in both directions, 1 it is not, 2 usage.\n"
		"\n"
		"Example: sluice probe --json | jq '.kernel_tls.usable, .actions'\n",
	.run = run,
};
