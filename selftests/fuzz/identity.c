// SPDX-License-Identifier: Apache-2.0
/*
 * Input: a certificate as DER. What is none is taken as a list of names (kind, length, bytes), so
 * that the decision is reached without the way through ASN.1.
 */
#include "selftests/fuzz/fuzz.h"

#include "model/policy.h"
#include "sys/tls_internal.h"

#include <openssl/err.h>
#include <string.h>
#include <strings.h>

static char alice[] = "alice", host[] = "app.example", any_host[] = "*.example";
static char workload[] = "spiffe://prod/ns/*/sa/billing", other[] = "spiffe://prod/laptop";
static char *cns[] = {alice}, *hosts[] = {host, any_host}, *workloads[] = {workload};
static char *others[] = {other};

static struct config_rule rules[] = {
	{.action = ACTION_DENY, .uri = others, .n_uri = 1},
	{.cn = cns, .n_cn = 1, .dns = hosts, .n_dns = 1},
	{.uri = workloads, .n_uri = 1},
	{.dns = hosts + 1, .n_dns = 1},
	{.cn = cns, .n_cn = 1},
};
static const struct config_listener listener = {.rules = rules,
						.n_rules = sizeof(rules) / sizeof(rules[0])};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	return 0;
}

static int add_name(void *arg, enum tls_name_kind kind, const void *bytes, size_t len)
{
	static const enum identity_kind kinds[] = {IDENTITY_CN, IDENTITY_DNS, IDENTITY_URI};

	return identity_add(arg, kinds[kind], bytes, len);
}

static int names_of_certificate(struct identity *identity, const uint8_t *data, size_t size)
{
	X509 *cert = d2i_X509(NULL, &data, (long)size);
	int r;

	if (!cert) {
		ERR_clear_error();
		return -ENOENT;
	}
	r = tls_certificate_names(cert, add_name, identity);
	MUST_HOLD(ERR_peek_error() == 0);
	X509_free(cert);
	return r;
}

static int names_of_list(struct identity *identity, const uint8_t *data, size_t size)
{
	int r = 0;

	while (r == 0 && size >= 2) {
		enum tls_name_kind kind = data[0] % 3;
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		r = add_name(identity, kind, data + 2, len);
		data += 2 + len, size -= 2 + len;
	}
	return r;
}

/* Does @identity have a name of that kind that is, or ends with, @text? */
static bool has(const struct identity *identity, enum identity_kind kind, const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < identity->n_names; i++) {
		const struct identity_name *name = identity->names[i];

		if (name->kind == kind && name->len >= len &&
		    strncasecmp(name->bytes + name->len - len, text, len) == 0)
			return true;
	}
	return false;
}

static void check_verdict(const struct identity *identity, struct policy_verdict verdict)
{
	size_t rule = verdict.rule ? (size_t)(verdict.rule - rules) : SIZE_MAX;

	MUST_HOLD(!verdict.allowed || (verdict.rule && rule > 0));
	/* A rule that decided has something to go by. */
	if (rule == 0)
		MUST_HOLD(has(identity, IDENTITY_URI, other));
	if (rule == 1)
		MUST_HOLD(has(identity, IDENTITY_DNS, host));
	if (rule == 1 || rule == 4)
		MUST_HOLD(has(identity, IDENTITY_CN, alice) &&
			  identity_count(identity, IDENTITY_CN) == 1);
	if (rule == 2)
		MUST_HOLD(has(identity, IDENTITY_URI, "/sa/billing"));
	if (rule == 3)
		MUST_HOLD(has(identity, IDENTITY_DNS, ".example"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct identity identity = {};
	int r = names_of_certificate(&identity, data, size);

	if (r == -ENOENT)
		r = names_of_list(&identity, data, size);
	MUST_HOLD(identity.n_names <= IDENTITY_NAMES_MAX);
	for (size_t i = 0; i < identity.n_names; i++) {
		const struct identity_name *name = identity.names[i];

		MUST_HOLD(name->len > 0 && name->len <= IDENTITY_NAME_MAX &&
			  !memchr(name->bytes, '\0', name->len) &&
			  !memchr(name->bytes, '\n', name->len));
	}
	MUST_HOLD((identity.n_names == 0) == (identity_primary(&identity) == NULL));
	if (r == 0)
		check_verdict(&identity, policy_decide(&listener, &identity));
	identity_done(&identity);
	return 0;
}
