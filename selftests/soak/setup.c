// SPDX-License-Identifier: Apache-2.0
#include "selftests/soak/soak.h"

#include "base/fd.h"
#include "selftests/harness/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In a network namespace of our own, below the ports that the kernel gives to clients. */
#define UPSTREAM_PORTS 10000
#define LISTENER_PORTS 20000
#define WORKERS	       2
#define STOP_MS	       10000

enum {
	TERMINATE_COPY,
	TERMINATE_KERNEL,
	ORIGINATE_COPY,
	ORIGINATE_KERNEL,
	BACK_TO_BACK_COPY,
	BACK_TO_BACK_KERNEL
};

const struct soak_link soak_links[SOAK_LINKS] = {
	[TERMINATE_COPY] = {.name = "terminate-copy", .client_tls = true},
	[TERMINATE_KERNEL] = {.name = "terminate-kernel", .client_tls = true, .kernel = true},
	[ORIGINATE_COPY] = {.name = "originate-copy", .upstream_tls = true},
	[ORIGINATE_KERNEL] = {.name = "originate-kernel", .upstream_tls = true, .kernel = true},
	[BACK_TO_BACK_COPY] = {.name = "back-to-back-copy"},
	[BACK_TO_BACK_KERNEL] = {.name = "back-to-back-kernel", .kernel = true},
};

in_port_t soak_port(const struct soak_link *link, unsigned int slot)
{
	return (in_port_t)(LISTENER_PORTS + (link - soak_links) * SOAK_SLOTS_MAX + slot);
}

in_port_t soak_upstream_port(unsigned int slot)
{
	return (in_port_t)(UPSTREAM_PORTS + slot);
}

const char *soak_path(const struct soak *soak, const char *name)
{
	static char paths[8][128];
	static unsigned int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", soak->daemons[SOAK_INNER].dir, name);
	return path;
}

/* --- configuration --- */

static bool is_back_to_back(const struct soak_link *link)
{
	return !link->client_tls && !link->upstream_tls;
}

static int daemon_of(const struct soak_link *link)
{
	return is_back_to_back(link) ? SOAK_OUTER : SOAK_INNER;
}

const struct daemon *soak_daemon(const struct soak *soak, const struct soak_link *link)
{
	return &soak->daemons[daemon_of(link)];
}

static void write_terminate(const struct soak *soak, FILE *yaml, unsigned int slot)
{
	const char *pki = soak_path(soak, "pki");

	fprintf(yaml,
		"    mode: terminate\n"
		"    tls:\n"
		"      certificates: [{chain: file:%s/server.pem, key: file:%s/server.key}]\n"
		"      client_ca: file:%s/ca.pem\n"
		"    rules: [{name: known, match: {cn: [client-a]}, upstream: plain-%u}]\n",
		pki, pki, pki, slot);
}

static void write_listener(const struct soak *soak, FILE *yaml, const struct soak_link *link,
			   unsigned int slot)
{
	fprintf(yaml,
		"  - name: %s-%u\n"
		"    listen: [\"127.0.0.1:%u\"]\n"
		"    offload: %s\n",
		link->name, slot, soak_port(link, slot), link->kernel ? "auto" : "off");
	if (link->client_tls)
		write_terminate(soak, yaml, slot);
	else
		fprintf(yaml,
			"    mode: originate\n"
			"    upstream: %s-%u\n",
			link->upstream_tls ? "tls" : link->name, slot);
}

static void write_upstream(const struct soak *soak, FILE *yaml, const char *name, unsigned int slot,
			   in_port_t port, bool tls)
{
	const char *pki = soak_path(soak, "pki");

	fprintf(yaml,
		"  - name: %s-%u\n"
		"    endpoints: [\"127.0.0.1:%u\"]\n",
		name, slot, port);
	if (tls)
		fprintf(yaml,
			"    tls:\n"
			"      server_ca: file:%s/ca.pem\n"
			"      server_name: localhost\n"
			"      certificate: {chain: file:%s/client-a.pem, key: file:%s/client-a.key}\n",
			pki, pki, pki);
}

static void write_upstreams(const struct soak *soak, int daemon, FILE *yaml, unsigned int slot)
{
	if (daemon == SOAK_INNER) {
		write_upstream(soak, yaml, "plain", slot, soak_upstream_port(slot), false);
		write_upstream(soak, yaml, "tls", slot, soak_upstream_port(slot), true);
		return;
	}
	write_upstream(soak, yaml, soak_links[BACK_TO_BACK_COPY].name, slot,
		       soak_port(&soak_links[TERMINATE_COPY], slot), true);
	write_upstream(soak, yaml, soak_links[BACK_TO_BACK_KERNEL].name, slot,
		       soak_port(&soak_links[TERMINATE_KERNEL], slot), true);
}

/* Returns: the text, to be freed. */
static char *write_configuration(const struct soak *soak, int daemon)
{
	char *text = NULL;
	size_t len;
	FILE *yaml = open_memstream(&text, &len);

	MUST(yaml != NULL);
	fprintf(yaml, "listeners:\n");
	for (unsigned int slot = 0; slot < soak->slots; slot++) {
		for (size_t i = 0; i < SOAK_LINKS; i++) {
			if (daemon_of(&soak_links[i]) == daemon)
				write_listener(soak, yaml, &soak_links[i], slot);
		}
	}
	fprintf(yaml, "upstreams:\n");
	for (unsigned int slot = 0; slot < soak->slots; slot++)
		write_upstreams(soak, daemon, yaml, slot);
	fprintf(yaml,
		"admin: {listen: \"unix:%s/admin.sock\"}\n"
		"workers: %d\n",
		soak->daemons[daemon].dir, WORKERS);
	MUST_EQ(fclose(yaml), 0);
	return text;
}

/* --- life --- */

static void start(struct soak *soak, int which)
{
	struct daemon *daemon = &soak->daemons[which];
	char _cleanup_free_ *yaml = write_configuration(soak, which);
	int r = daemon_start(daemon, yaml);

	if (r < 0)
		daemon_print_log(daemon);
	MUST_EQ(r, 0, "exit code %d", daemon->exit_code);
}

static void make_pki(struct soak *soak)
{
	const char *const argv[] = {"sluice", "pki", "-o", soak_path(soak, "pki"), NULL};

	MUST_EQ(daemon_command(&soak->daemons[SOAK_INNER], argv), 0);
}

void soak_start(struct soak *soak)
{
	daemon_init(&soak->daemons[SOAK_INNER]);
	daemon_init_in(&soak->daemons[SOAK_OUTER], "outer");
	make_pki(soak);
	start(soak, SOAK_INNER);
	start(soak, SOAK_OUTER);
}

unsigned int soak_stop(struct soak *soak)
{
	unsigned int bad = 0;

	for (int i = SOAK_DAEMONS - 1; i >= 0; i--) {
		int code = daemon_stop(&soak->daemons[i], STOP_MS);

		if (code != 0)
			printf("FAILED: a daemon ended with %d\n", code);
		bad += code != 0;
	}
	return bad;
}
