// SPDX-License-Identifier: Apache-2.0
#include "cli/policy.h"

#include "base/fd.h"
#include "base/report.h"
#include "base/units.h"
#include "cli/cli.h"
#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "proxy/handshake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CERTIFICATE_MAX 65536 /* bytes of PEM that are read; the first certificate counts */

struct policy_options {
	const char *path, *listener, *certificate, *sni, *alpn, *tls;
	struct addr source;
	int64_t now;
	bool json;
};

/* --- options --- */

static int parse_source(const char *text, struct addr *ret_addr)
{
	struct addr a;

	memset(&a, 0, sizeof(a));
	if (inet_pton(AF_INET, text, &a.in4.sin_addr) == 1) {
		a.in4.sin_family = AF_INET;
		a.len = sizeof(a.in4);
	} else if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) == 1) {
		a.in6.sin6_family = AF_INET6;
		a.len = sizeof(a.in6);
	} else {
		return cli_usage(&command_policy, "--source %s is not an IP address", text);
	}
	*ret_addr = a;
	return CLI_OK;
}

static int parse_one(int option, const char *value, struct policy_options *options)
{
	switch (option) {
	case 'c':
		options->path = value;
		return CLI_OK;
	case 'l':
		options->listener = value;
		return CLI_OK;
	case 'C':
		options->certificate = value;
		return CLI_OK;
	case 's':
		options->sni = value;
		return CLI_OK;
	case 'a':
		options->alpn = value;
		return CLI_OK;
	case 'f':
		return parse_source(value, &options->source);
	case 't':
		options->tls = strcmp(value, "1.2") == 0   ? "TLSv1.2"
			       : strcmp(value, "1.3") == 0 ? "TLSv1.3"
							   : NULL;
		return options->tls ? CLI_OK : cli_usage(&command_policy, "--tls is 1.2 or 1.3");
	case 'w':
		if (units_parse_utc(value, &options->now) == 0)
			return CLI_OK;
		return cli_usage(&command_policy, "--time is as in 2026-01-31T08:00:00Z");
	case 'j':
		options->json = true;
		return CLI_OK;
	default:
		return -1;
	}
}

static int parse(int argc, char **argv, struct policy_options *ret_options)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"listener", required_argument, NULL, 'l'},
						{"cert", required_argument, NULL, 'C'},
						{"sni", required_argument, NULL, 's'},
						{"alpn", required_argument, NULL, 'a'},
						{"source", required_argument, NULL, 'f'},
						{"tls", required_argument, NULL, 't'},
						{"time", required_argument, NULL, 'w'},
						{"json", no_argument, NULL, 'j'},
						{}};
	int option;

	*ret_options = (struct policy_options){.tls = "TLSv1.3", .now = time(NULL)};
	if (argc < 2 || strcmp(argv[1], "test") != 0)
		return cli_usage(&command_policy, "%s",
				 argc < 2 || argv[1][0] == '-'
					 ? "what is to be done? There is 'sluice policy test'"
					 : "there is 'sluice policy test' only");
	opterr = 0;
	while ((option = getopt_long(argc - 1, argv + 1, "c:", options, NULL)) != -1) {
		int r = parse_one(option, optarg, ret_options);

		if (r == -1)
			return cli_usage(&command_policy, "unknown option or missing value: %s",
					 argv[optind]);
		if (r != CLI_OK)
			return r;
	}
	if (optind < argc - 1)
		return cli_usage(&command_policy, "unexpected argument: %s", argv[optind + 1]);
	if (!ret_options->path)
		return cli_usage(&command_policy, "a configuration is needed: -c FILE");
	return CLI_OK;
}

/* --- what is asked --- */

/* Returns: NULL, and it was told why. */
static struct config *load_config(const char *path)
{
	struct config *config = NULL;
	struct bundle *bundle = NULL;
	struct report report;
	int r;

	report_init(&report);
	r = bundle_read(path, &report, &bundle);
	if (r == 0)
		r = confload_build(bundle, &report, &config);
	if (r < 0 && report.n_mistakes > 0)
		report_print(&report, stderr);
	else if (r < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
	bundle_free(bundle);
	report_done(&report);
	return config;
}

/* Returns: NULL, and it was told why. */
static const struct config_listener *find_listener(const struct config *config, const char *name)
{
	const struct config_listener *found = NULL;

	for (size_t i = 0; i < config->n_listeners; i++) {
		if (!name || strcmp(config->listeners[i].name, name) == 0)
			found = &config->listeners[i];
	}
	if (!name && config->n_listeners > 1)
		(void)cli_usage(&command_policy, "which of the %zu listeners? --listener NAME",
				config->n_listeners);
	else if (!found)
		(void)cli_usage(&command_policy, "there is no listener '%s'", name);
	else if (found->mode == MODE_ORIGINATE)
		(void)cli_usage(&command_policy, "listener '%s' has no rules: mode: originate",
				found->name);
	else
		return found;
	return NULL;
}

static int identify(const char *path, struct identity **ret_identity)
{
	FILE *file = fopen(path, "re");
	char _cleanup_free_ *pem = malloc(CERTIFICATE_MAX);
	size_t len = 0;
	int r = file ? 0 : -errno;

	if (file && pem)
		len = fread(pem, 1, CERTIFICATE_MAX, file);
	if (file && ferror(file))
		r = -EIO;
	if (file)
		(void)fclose(file);
	if (r == 0)
		r = pem ? handshake_identify_pem(pem, len, ret_identity) : -ENOMEM;
	if (r < 0)
		fprintf(stderr, "%s: %s\n", path,
			r == -EINVAL ? "has no certificate in PEM form" : strerror(-r));
	return r < 0 ? CLI_USAGE : CLI_OK;
}

static void note(void *arg, const struct config_rule *rule, enum match_answer answer,
		 const struct match_why *why)
{
	struct policy_answers *answers = arg;

	answers->list[answers->n++] =
		(struct policy_answer){.rule = rule, .answer = answer, .why = *why};
}

static struct policy_facts facts_of(const struct policy_options *options,
				    const struct policy_answers *answers)
{
	return (struct policy_facts){
		.identity = answers->identity,
		.sni = options->sni,
		.alpn = options->alpn,
		.alpn_len = options->alpn ? strlen(options->alpn) : 0,
		.source = options->source.len > 0 ? &options->source : NULL,
		.tls_version = answers->listener->mode == MODE_PASSTHROUGH ? NULL : options->tls,
		.now = options->now,
	};
}

static int decide(const struct policy_options *options, struct policy_answers *answers)
{
	answers->facts = facts_of(options, answers);
	answers->list = calloc(answers->listener->n_rules + 1, sizeof(*answers->list));
	if (!answers->list)
		return CLI_USAGE;
	answers->verdict = policy_decide(answers->listener, &answers->facts, note, answers);
	if (options->json)
		policy_print_json(answers);
	else
		policy_print_text(answers);
	free(answers->list);
	return answers->verdict.allowed ? CLI_OK : CLI_NO;
}

static int ask(const struct policy_options *options, const struct config *config)
{
	struct policy_answers answers = {.config = config, .certificate = options->certificate};
	struct identity _cleanup_identity_ *identity = NULL;

	answers.listener = find_listener(config, options->listener);
	if (!answers.listener)
		return CLI_USAGE;
	if (options->certificate && identify(options->certificate, &identity) != CLI_OK)
		return CLI_USAGE;
	/* A listener that asks nobody knows nobody. */
	if (answers.listener->client_auth != CLIENT_AUTH_OFF)
		answers.identity = identity;
	return decide(options, &answers);
}

static int run(int argc, char **argv)
{
	struct policy_options options;
	struct config *config;
	int r = parse(argc, argv, &options);

	if (r != CLI_OK)
		return r;
	config = load_config(options.path);
	r = config ? ask(&options, config) : CLI_USAGE;
	config_free(config);
	return r;
}

const struct command command_policy = {
	.name = "policy",
	.summary = "which rule would decide about a client, and why",
	.help = "Usage: sluice policy test -c FILE [--cert CLIENT.pem] [OPTIONS]\n"
		"\n"
		"Ask the rules of FILE about a client, without serving anything: what each rule says, which\n"
		"one decides, and to which upstream. The certificate is read, not verified: that a CA of\n"
		"the listener has signed it is taken for granted.\n"
		"\n"
		"  -c, --config FILE     the configuration\n"
		"      --listener NAME   needed when there are several\n"
		"      --cert FILE       the client's certificate, PEM; default: it has none\n"
		"      --sni NAME        the name that it asks for; default: none\n"
		"      --alpn PROTOCOL   the protocol agreed on; default: none\n"
		"      --source ADDRESS  where it comes from; default: no address, as on a unix socket\n"
		"      --tls VERSION     1.2 or 1.3, the default\n"
		"      --time TIME       as in 2026-01-31T08:00:00Z; default: now\n"
		"      --json            {listener, allowed, rule, reason, upstream, chain_verified, in_validity,\n"
		"                        identity: {not_before, not_after, values: [{key, value}], unusable},\n"
		"                        rules: [{name, action, audit, matches, key, reason}]}\n"
		"\n"
		"Exit codes: 0 allowed, 1 refused, 2 usage, or nothing could be asked.\n"
		"\n"
		"Example: sluice policy test -c /etc/sluice/sluice.yaml --cert alice.pem --source 192.0.2.7\n",
	.run = run,
};
