// SPDX-License-Identifier: Apache-2.0
#include "selftests/unit/material.h"

#include "selftests/harness/harness.h"

#include "base/fd.h"
#include "base/report.h"
#include "daemon/bundle.h"
#include "daemon/confload.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define DAY 86400

struct tls_pki_entity *material_issue(enum tls_pki_usage usage, enum tls_pki_key key,
				      const char *cn, int from, int until,
				      const struct tls_pki_entity *issuer)
{
	struct tls_pki_request request = {
		.cn = cn,
		.usage = usage,
		.key = key,
		.not_before = time(NULL) + (time_t)from * DAY,
		.not_after = time(NULL) + (time_t)until * DAY,
	};
	struct tls_pki_entity *entity = NULL;

	MUST_EQ(tls_pki_issue(&request, issuer, &entity), 0);
	return entity;
}

/* The library's start takes longer than most tests: once, before they are forked. */
__attribute__((constructor)) static void warm_up(void)
{
	struct tls_pki_request request = {.cn = "x", .usage = TLS_PKI_ROOT_CA, .not_after = DAY};
	struct tls_pki_entity *entity = NULL;

	if (tls_pki_issue(&request, NULL, &entity) == 0)
		tls_pki_free(entity);
}

char *material_joined(const char *a, const char *b)
{
	char *text = NULL;

	MUST(asprintf(&text, "%s%s", a, b) >= 0);
	return text;
}

const char *material_path(const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", test_tmpdir(), name);
	return path;
}

void material_write(const char *name, const void *bytes, size_t len)
{
	int fd = MUST_OK(open(material_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));

	MUST_EQ(write(fd, bytes, len), len);
	MUST_OK(close(fd));
}

void material_write_text(const char *name, const char *text)
{
	material_write(name, text, strlen(text));
}

void material_write_entity(const char *name, const struct tls_pki_entity *entity)
{
	char _cleanup_free_ *cert = tls_pki_cert_pem(entity);
	char _cleanup_free_ *key = tls_pki_key_pem(entity);
	char file[64];

	MUST(cert && key);
	(void)snprintf(file, sizeof(file), "%s.pem", name);
	material_write_text(file, cert);
	(void)snprintf(file, sizeof(file), "%s.key", name);
	material_write_text(file, key);
}

void material_write_all(void)
{
	struct tls_pki_entity _cleanup_pki_entity_ *ca =
		material_issue(TLS_PKI_ROOT_CA, TLS_PKI_ECDSA_P256, "ca", -1, 1, NULL);
	struct tls_pki_entity _cleanup_pki_entity_ *server =
		material_issue(TLS_PKI_SERVER, TLS_PKI_ECDSA_P256, "server", -1, 1, ca);
	struct tls_pki_entity _cleanup_pki_entity_ *other =
		material_issue(TLS_PKI_SERVER, TLS_PKI_ECDSA_P256, "other", -1, 1, ca);
	struct tls_pki_entity _cleanup_pki_entity_ *client =
		material_issue(TLS_PKI_CLIENT, TLS_PKI_ECDSA_P256, "client", -1, 1, ca);

	material_write_entity("ca", ca);
	material_write_entity("client", client);
	material_write_entity("server", server);
	material_write_entity("other", other);
}

int material_load(const char *text, struct report *report, struct bundle **ret_bundle,
		  struct config **ret_config)
{
	int r;

	*ret_bundle = NULL;
	*ret_config = NULL;
	material_write_text("sluice.yaml", text);
	r = bundle_read(material_path("sluice.yaml"), report, ret_bundle);
	return r == 0 ? confload_build(*ret_bundle, report, ret_config) : r;
}

char *material_told(struct report *report)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	MUST(out);
	report_sort(report);
	for (size_t i = 0; i < report->count; i++) {
		const struct report_item *item = &report->items[i];

		(void)fprintf(out, "%s%u %s%s%s%s", i ? "\n" : "", item->line, item->field,
			      item->field[0] ? ": " : "",
			      item->level == REPORT_REMARK ? "warning: " : "", item->message);
	}
	MUST_EQ(fclose(out), 0);
	return text;
}
