// SPDX-License-Identifier: Apache-2.0
/*
 * Input: the YAML text. Variables are A (set), E (empty), B (not UTF-8); the files are server.pem,
 * server.key, ca.pem, list and rules, and none is opened.
 */
#include "selftests/fuzz/fuzz.h"

#include "base/lockmem.h"
#include "daemon/bundle_internal.h"
#include "daemon/confload.h"
#include "sys/confile.h"
#include "sys/tls_pki.h"

#include <errno.h>
#include <string.h>

static struct bundle_item secrets[5];

static void set_secret(struct bundle_item *item, const char *name, char *pem)
{
	MUST_HOLD(pem);
	item->name = strdup(name);
	item->data = pem;
	item->len = strlen(pem);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct tls_pki_request request = {.cn = "x",
					  .usage = TLS_PKI_ROOT_CA,
					  .key = TLS_PKI_ED25519,
					  .not_before = time(NULL) - 60,
					  .not_after = time(NULL) + 864000};
	struct tls_pki_entity *ca = NULL, *server = NULL;

	(void)argc, (void)argv;
	MUST_HOLD(tls_pki_issue(&request, NULL, &ca) == 0);
	request.usage = TLS_PKI_SERVER;
	MUST_HOLD(tls_pki_issue(&request, ca, &server) == 0);
	set_secret(&secrets[0], "file:server.pem", tls_pki_cert_pem(server));
	set_secret(&secrets[1], "file:server.key", tls_pki_key_pem(server));
	set_secret(&secrets[2], "file:ca.pem", tls_pki_cert_pem(ca));
	set_secret(&secrets[3], "file:list", strdup("# a list\nalice\nbob\n"));
	set_secret(
		&secrets[4], "file:rules",
		strdup("- {name: a, match: {cn: [a]}, upstream: app}\n- {name: b, action: deny}\n"));
	tls_pki_free(server);
	tls_pki_free(ca);
	return 0;
}

static const char *variable(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "A") == 0	? "127.0.0.1:80"
	       : strcmp(name, "E") == 0 ? ""
	       : strcmp(name, "B") == 0 ? "\xff"
					: NULL;
}

static void check_report(const struct report *report, const uint8_t *data, size_t size)
{
	unsigned int lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n' || data[i] == '\r' || data[i] >= 0x80;
	for (size_t i = 0; i < report->count; i++) {
		MUST_HOLD(report->items[i].file || report->items[i].line <= lines + 1);
		MUST_HOLD(report->items[i].field && report->items[i].message);
		/* Then the two readers of the schema disagree. */
		MUST_HOLD(report->items[i].field[0] ||
			  strncmp(report->items[i].message, "libcyaml refuses", 16) != 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bundle bundle = {.secrets = {.list = secrets, .count = 5}};
	struct config *config = NULL;
	struct report report;
	int r;

	report_init(&report);
	r = confile_parse((const char *)data, size, variable, NULL, &report, &bundle.confile);
	MUST_HOLD(r == 0 || (r == -EINVAL && report.n_mistakes > 0));
	if (r == 0) {
		MUST_HOLD(bundle_rules_parse(&bundle, variable, &report) == 0);
		r = confload_build(&bundle, &report, &config);
		MUST_HOLD(r == 0 || r == -EINVAL);
		MUST_HOLD((r == 0) == (report.n_mistakes == 0));
		MUST_HOLD((r == 0) == (config != NULL));
	}
	check_report(&report, data, size);
	config_free(config);
	bundle_rules_done(&bundle);
	confile_free(bundle.confile);
	report_done(&report);
	return 0;
}
