// SPDX-License-Identifier: Apache-2.0
/*
 * What long lists cost: how long a configuration with one loads, and how long a decision takes by its
 * length. `make bench-policy`; nobody judges the numbers, the unit tests count the work.
 */
#include "base/fd.h"
#include "base/report.h"
#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "model/policy.h"
#include "sys/tls_pki.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DECISIONS 200000
#define DAY	  86400

/* One kind of list: how its entries are written, and peers that are on it or not. */
struct list {
	const char *key;
	void (*entry)(unsigned int i, char text[128]);
	enum identity_kind kind; /* IDENTITY_KINDS: the source address */
	size_t (*value)(unsigned int i, unsigned char bytes[128]);
};

static void cn_entry(unsigned int i, char text[128])
{
	snprintf(text, 128, "customer-%u", i);
}

static size_t cn_value(unsigned int i, unsigned char bytes[128])
{
	return (size_t)snprintf((char *)bytes, 128, "customer-%u", i);
}

static void dns_entry(unsigned int i, char text[128])
{
	snprintf(text, 128, "*.customer-%u.example", i);
}

static size_t dns_value(unsigned int i, unsigned char bytes[128])
{
	return (size_t)snprintf((char *)bytes, 128, "host.customer-%u.example", i);
}

/* No digest of anything, but as many bytes, and each in one place only. */
static size_t digest_value(unsigned int i, unsigned char bytes[128])
{
	memset(bytes, 0xab, 32);
	memcpy(bytes, &i, sizeof(i));
	return 32;
}

static void digest_entry(unsigned int i, char text[128])
{
	unsigned char digest[128];
	size_t len = digest_value(i, digest);

	for (size_t b = 0; b < len; b++)
		snprintf(text + 2 * b, 3, "%02x", digest[b]);
}

static size_t net_value(unsigned int i, unsigned char bytes[128])
{
	uint32_t address = htonl(0x0a000000 + i * 16 + 1);

	memcpy(bytes, &address, sizeof(address));
	return sizeof(address);
}

static void net_entry(unsigned int i, char text[128])
{
	unsigned char address[128];

	(void)net_value(i, address);
	snprintf(text, 128, "%u.%u.%u.%u/28", address[0], address[1], address[2],
		 address[3] & 0xf0U);
}

static const struct list lists[] = {
	{"cn", cn_entry, IDENTITY_CN, cn_value},
	{"dns", dns_entry, IDENTITY_DNS, dns_value},
	{"cert_sha256", digest_entry, IDENTITY_CERT_SHA256, digest_value},
	{"source", net_entry, IDENTITY_KINDS, net_value},
};

/* Of this process: other ones may be busy meanwhile. */
static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench-policy: %s\n", what);
	exit(1);
}

static void write_text(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	if (!file || !text || fputs(text, file) < 0 || fclose(file) != 0)
		fail("a file cannot be written");
}

static void write_certificates(const char *dir)
{
	struct tls_pki_request request = {.cn = "bench",
					  .usage = TLS_PKI_ROOT_CA,
					  .not_before = time(NULL) - DAY,
					  .not_after = time(NULL) + DAY};
	struct tls_pki_entity _cleanup_pki_entity_ *ca = NULL, *server = NULL;
	char _cleanup_free_ *ca_pem = NULL, *server_pem = NULL, *key_pem = NULL;

	if (tls_pki_issue(&request, NULL, &ca) < 0)
		fail("no CA");
	request.usage = TLS_PKI_SERVER;
	if (tls_pki_issue(&request, ca, &server) < 0)
		fail("no certificate");
	ca_pem = tls_pki_cert_pem(ca);
	server_pem = tls_pki_cert_pem(server);
	key_pem = tls_pki_key_pem(server);
	write_text(dir, "ca.pem", ca_pem);
	write_text(dir, "server.pem", server_pem);
	write_text(dir, "server.key", key_pem);
}

static void write_list(const char *dir, const struct list *list, unsigned int n)
{
	char path[PATH_MAX], text[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/list", dir);
	file = fopen(path, "we");
	for (unsigned int i = 0; file && i < n; i++) {
		list->entry(i, text);
		(void)fprintf(file, "%s\n", text);
	}
	if (!file || fclose(file) != 0)
		fail("the list cannot be written");
	snprintf(path, sizeof(path),
		 "listeners:\n- name: bench\n  listen: [\"127.0.0.1:1\"]\n"
		 "  tls: {certificates: [{chain: file:server.pem, key: file:server.key}], "
		 "client_ca: file:ca.pem}\n"
		 "  rules: [{name: listed, match: {include: {%s: [file:list]}}, upstream: app}]\n"
		 "upstreams: [{name: app, endpoints: [\"127.0.0.1:2\"]}]\n",
		 list->key);
	write_text(dir, "bench.yaml", path);
}

static struct config *load(const char *dir, double *ret_ms)
{
	struct bundle *bundle = NULL;
	struct config *config = NULL;
	struct report report;
	char path[PATH_MAX];
	uint64_t start = cpu_ns();

	report_init(&report);
	snprintf(path, sizeof(path), "%s/bench.yaml", dir);
	if (bundle_read(path, &report, &bundle) < 0 ||
	    confload_build(bundle, &report, &config) < 0) {
		report_print(&report, stderr);
		fail("the configuration does not load");
	}
	*ret_ms = (double)(cpu_ns() - start) / 1e6;
	bundle_free(bundle);
	report_done(&report);
	return config;
}

static bool decide(const struct config *config, const struct list *list, unsigned int i)
{
	struct identity *identity = identity_new();
	struct addr source = {.len = sizeof(source.in4), .in4.sin_family = AF_INET};
	struct policy_facts facts = {.source = &source};
	unsigned char bytes[128];
	size_t len = list->value(i, bytes);
	bool allowed;

	if (!identity)
		fail("no memory");
	if (list->kind == IDENTITY_KINDS)
		memcpy(&source.in4.sin_addr, bytes, len);
	else if (identity_add(&identity, list->kind, bytes, len) < 0)
		fail("no memory");
	facts.identity = identity;
	allowed = policy_decide(&config->listeners[0], &facts, NULL, NULL).allowed;
	identity_free(identity);
	return allowed;
}

/* Half of the peers are on the list. Returns: ns for one, its identity included. */
static double decide_many(const struct config *config, const struct list *list, unsigned int n)
{
	uint64_t start = cpu_ns();
	unsigned int allowed = 0;

	for (unsigned int i = 0; i < DECISIONS; i++)
		allowed += decide(config, list,
				  (unsigned int)((uint64_t)i * 7919 % (2 * (uint64_t)n)));
	if (allowed < DECISIONS / 3 || allowed > DECISIONS / 3 * 2)
		fail("the decisions are wrong");
	return (double)(cpu_ns() - start) / DECISIONS;
}

int main(void)
{
	static const unsigned int lengths[] = {1, 1000, 100000, 600000};
	char dir[] = "/tmp/bench-policy.XXXXXX", command[64];
	double ms;

	if (!mkdtemp(dir))
		fail("no directory");
	write_certificates(dir);
	printf("%-12s %9s %10s %12s\n", "key", "entries", "load", "decision");
	for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			struct config *config;

			write_list(dir, &lists[l], lengths[i]);
			config = load(dir, &ms);
			printf("%-12s %9u %7.1f ms %9.0f ns\n", lists[l].key, lengths[i], ms,
			       decide_many(config, &lists[l], lengths[i]));
			config_free(config);
		}
	}
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 ? 0 : 1; /* NOLINT(cert-env33-c) */
}
