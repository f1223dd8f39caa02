// SPDX-License-Identifier: Apache-2.0
#include "selftests/soak/soak.h"

#include "base/fd.h"
#include "selftests/harness/harness.h"
#include "selftests/lib/rng.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In a network namespace of our own, below the ports that the kernel gives to clients. */
#define UPSTREAM_PORTS 10000
#define LISTENER_PORTS 20000
#define WORKERS	       2
#define STOP_MS	       10000
#define HANDSHAKE_MS   15000

/* Of a late hand-over, drawn for each link. */
#define AFTER_BYTES_MAX ((uint64_t)1 << 20)
#define AFTER_AGE_MS	500

/* clang-format off */
const struct soak_link soak_links[SOAK_LINKS] = {
	{.name = "terminate-copy", .mode = SOAK_TERMINATE},
	{.name = "terminate-splice", .mode = SOAK_TERMINATE, .handover = AT_ONCE, .engine = "splice"},
	{.name = "terminate-ktls-copy", .mode = SOAK_TERMINATE, .handover = AT_ONCE, .engine = "ktls-copy"},
	{.name = "terminate-auto", .mode = SOAK_TERMINATE, .handover = AT_ONCE, .engine = "auto"},
	{.name = "terminate-late", .mode = SOAK_TERMINATE, .handover = LATER, .engine = "auto"},
	{.name = "terminate-late-splice", .mode = SOAK_TERMINATE, .handover = LATER, .engine = "splice"},
	{.name = "originate-copy", .mode = SOAK_ORIGINATE},
	{.name = "originate-splice", .mode = SOAK_ORIGINATE, .handover = AT_ONCE, .engine = "splice"},
	{.name = "originate-ktls-copy", .mode = SOAK_ORIGINATE, .handover = AT_ONCE, .engine = "ktls-copy"},
	{.name = "originate-auto", .mode = SOAK_ORIGINATE, .handover = AT_ONCE, .engine = "auto"},
	{.name = "originate-late", .mode = SOAK_ORIGINATE, .handover = LATER, .engine = "auto"},
	{.name = "originate-late-splice", .mode = SOAK_ORIGINATE, .handover = LATER, .engine = "splice"},
	{.name = "back-to-back-copy", .mode = SOAK_BACK_TO_BACK},
	{.name = "back-to-back-auto", .mode = SOAK_BACK_TO_BACK, .handover = AT_ONCE, .engine = "auto"},
	{.name = "back-to-back-late", .mode = SOAK_BACK_TO_BACK, .handover = LATER, .engine = "auto"},
	{.name = "passthrough-plain", .mode = SOAK_PASS_PLAIN},
	{.name = "passthrough-tls", .mode = SOAK_PASS_TLS},
};
/* clang-format on */

bool soak_client_tls(const struct soak_link *link)
{
	return link->mode & (SOAK_TERMINATE | SOAK_PASS_TLS);
}

bool soak_upstream_tls(const struct soak_link *link)
{
	return link->mode & (SOAK_ORIGINATE | SOAK_PASS_TLS);
}

in_port_t soak_port(const struct soak_link *link, unsigned int slot)
{
	in_port_t first = (in_port_t)(LISTENER_PORTS + (link - soak_links) * SOAK_SLOTS_MAX);

	return soak_client_tls(link) ? first : (in_port_t)(first + slot);
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

	snprintf(path, sizeof(paths[0]), "%s/pki/%s", soak->daemons[SOAK_INNER].dir, name);
	return path;
}

const char *soak_client_path(const struct soak *soak, unsigned int slot, const char *ending)
{
	char name[32];

	snprintf(name, sizeof(name), "slot-%u.%s", slot, ending);
	return soak_path(soak, name);
}

/* --- configuration --- */

static int daemon_of(const struct soak_link *link)
{
	return link->mode == SOAK_BACK_TO_BACK ? SOAK_OUTER : SOAK_INNER;
}

const struct daemon *soak_daemon(const struct soak *soak, const struct soak_link *link)
{
	return &soak->daemons[daemon_of(link)];
}

/* The listener that terminates what @outer has originated: the same but for who has the TLS. */
static const struct soak_link *behind(const struct soak_link *outer)
{
	for (size_t i = 0; i < SOAK_LINKS; i++) {
		const struct soak_link *link = &soak_links[i];

		if (link->mode == SOAK_TERMINATE && link->handover == outer->handover &&
		    (!outer->engine || strcmp(link->engine, outer->engine) == 0))
			return link;
	}
	abort();
}

/* The same in every slot, so that a conversation can be held again in any. */
static void write_handover(FILE *yaml, const struct soak_link *link)
{
	uint64_t bytes, age_ms;
	struct rng rng;

	rng_init(&rng, test_seed() + (uint64_t)(link - soak_links));
	bytes = rng_log(&rng, AFTER_BYTES_MAX);
	age_ms = rng_log(&rng, AFTER_AGE_MS);
	if (link->handover == STAYS_OUT) {
		fprintf(yaml, "    offload: off\n");
		return;
	}
	if (link->handover == AT_ONCE)
		bytes = 0;
	fprintf(yaml,
		"    offload: auto\n"
		"    offload_after: {bytes: %" PRIu64 "B, age: %" PRIu64 "ms}\n"
		"    engine: %s\n",
		bytes, age_ms, link->engine);
}

static void write_terminate(const struct soak *soak, FILE *yaml)
{
	fprintf(yaml,
		"    mode: terminate\n"
		"    tls:\n"
		"      certificates: [{chain: file:%s, key: file:%s}]\n"
		"      client_ca: file:%s\n"
		"    rules:\n",
		soak_path(soak, "server.pem"), soak_path(soak, "server.key"),
		soak_path(soak, "ca.pem"));
	for (unsigned int slot = 0; slot < soak->slots; slot++)
		fprintf(yaml,
			"      - {name: slot-%u, match: {cn: [slot-%u]}, upstream: plain-%u}\n",
			slot, slot, slot);
}

static void write_pass_tls(const struct soak *soak, FILE *yaml)
{
	fprintf(yaml, "    mode: passthrough\n"
		      "    rules:\n");
	for (unsigned int slot = 0; slot < soak->slots; slot++)
		fprintf(yaml,
			"      - {name: slot-%u, match: {sni: [slot-%u.example]}, upstream: plain-%u}\n",
			slot, slot, slot);
}

static void write_mode(const struct soak *soak, FILE *yaml, const struct soak_link *link,
		       unsigned int slot)
{
	switch (link->mode) {
	case SOAK_TERMINATE:
		write_handover(yaml, link);
		write_terminate(soak, yaml);
		break;
	case SOAK_PASS_TLS:
		write_pass_tls(soak, yaml);
		break;
	case SOAK_PASS_PLAIN:
		fprintf(yaml,
			"    mode: passthrough\n"
			"    upstream: plain-%u\n",
			slot);
		break;
	default:
		write_handover(yaml, link);
		fprintf(yaml,
			"    mode: originate\n"
			"    upstream: %s-%u\n",
			link->mode == SOAK_ORIGINATE ? "tls" : link->name, slot);
	}
}

static void write_listener(const struct soak *soak, FILE *yaml, const struct soak_link *link,
			   unsigned int slot)
{
	fprintf(yaml,
		"  - name: %s-%u\n"
		"    listen: [\"127.0.0.1:%u\"]\n",
		link->name, slot, soak_port(link, slot));
	write_mode(soak, yaml, link, slot);
}

static void write_listeners(const struct soak *soak, int daemon, FILE *yaml)
{
	fprintf(yaml, "listeners:\n");
	for (size_t i = 0; i < SOAK_LINKS; i++) {
		const struct soak_link *link = &soak_links[i];

		for (unsigned int slot = 0; slot < (soak_client_tls(link) ? 1 : soak->slots);
		     slot++) {
			if (daemon_of(link) == daemon)
				write_listener(soak, yaml, link, slot);
		}
	}
}

static void write_upstream(const struct soak *soak, FILE *yaml, const char *name, unsigned int slot,
			   in_port_t port, bool tls)
{
	fprintf(yaml,
		"  - name: %s-%u\n"
		"    endpoints: [\"127.0.0.1:%u\"]\n",
		name, slot, port);
	if (tls)
		fprintf(yaml,
			"    tls:\n"
			"      server_ca: file:%s\n"
			"      server_name: localhost\n"
			"      certificate: {chain: file:%s, key: file:%s}\n",
			soak_path(soak, "ca.pem"), soak_client_path(soak, slot, "pem"),
			soak_client_path(soak, slot, "key"));
}

static void write_upstreams(const struct soak *soak, int daemon, FILE *yaml, unsigned int slot)
{
	if (daemon == SOAK_INNER) {
		write_upstream(soak, yaml, "plain", slot, soak_upstream_port(slot), false);
		write_upstream(soak, yaml, "tls", slot, soak_upstream_port(slot), true);
		return;
	}
	for (size_t i = 0; i < SOAK_LINKS; i++) {
		const struct soak_link *link = &soak_links[i];

		if (link->mode == SOAK_BACK_TO_BACK)
			write_upstream(soak, yaml, link->name, slot, soak_port(behind(link), slot),
				       true);
	}
}

/* Returns: the text, to be freed. */
static char *write_configuration(const struct soak *soak, int daemon)
{
	char *text = NULL;
	size_t len;
	FILE *yaml = open_memstream(&text, &len);

	MUST(yaml != NULL);
	write_listeners(soak, daemon, yaml);
	fprintf(yaml, "upstreams:\n");
	for (unsigned int slot = 0; slot < soak->slots; slot++)
		write_upstreams(soak, daemon, yaml, slot);
	fprintf(yaml,
		"timeouts: {handshake: %" PRIu64 "ms, connect: %" PRIu64 "ms}\n"
		"admin: {listen: \"unix:%s/admin.sock\"}\n"
		"workers: %d\n",
		test_scaled_ms(HANDSHAKE_MS), test_scaled_ms(HANDSHAKE_MS),
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
	const char *argv[] = {"sluice", "pki", "-o", soak_path(soak, ""), NULL, NULL, NULL};

	MUST_EQ(daemon_command(&soak->daemons[SOAK_INNER], argv), 0);
	for (unsigned int slot = 0; slot < soak->slots; slot++) {
		char name[32];

		snprintf(name, sizeof(name), "slot-%u", slot);
		argv[4] = "--client";
		argv[5] = name;
		MUST_EQ(daemon_command(&soak->daemons[SOAK_INNER], argv), 0);
	}
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
