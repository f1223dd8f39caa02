// SPDX-License-Identifier: Apache-2.0
/* tls.resumption and what belongs to it, from the file to the checked configuration. */
#include "selftests/harness/harness.h"

#include "selftests/unit/material.h"

#include "base/fd.h"
#include "base/report.h"
#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "model/config.h"

#include <stdlib.h>
#include <string.h>

SUITE("confload_tickets", .deadline_ms = 20000);

#define LISTENER "listeners:\n- name: web\n  listen: [\"127.0.0.1:8443\"]\n"
#define PAIR	 "certificates: [{chain: file:server.pem, key: file:server.key}]"
#define REST                                                                                       \
	"  rules: [{name: all, upstream: app}]\n"                                                  \
	"upstreams: [{name: app, endpoints: [\"127.0.0.1:8080\"]}]\n"
#define TICKETS(text) LISTENER "  tls: {" PAIR ", client_ca: file:ca.pem, " text "}\n" REST

#define HEX_32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX_64 HEX_32 HEX_32

struct tickets_case {
	VARIANT;
	const char *text;
	const char *told; /* "": it is good */
};

/* clang-format off */
#define FIELD "4 listeners[0].tls."

CASES(struct tickets_case, cases,
      {.name = "off", .text = TICKETS("resumption: off"), .told = ""},
      {.name = "on", .text = TICKETS("resumption: tickets"), .told = ""},
      {.name = "all", .text = TICKETS("resumption: tickets, ticket_keys: file:tickets.txt, ticket_lifetime: 24h"), .told = ""},
      {.name = "unknown", .text = TICKETS("resumption: cache"), .told = FIELD "resumption: 'cache' is not a possible value"},
      {.name = "unknown_with_keys", .text = TICKETS("resumption: on, ticket_keys: file:tickets.txt"), .told = FIELD "resumption: 'on' is not a possible value"},
      {.name = "keys_without_effect", .text = TICKETS("ticket_keys: file:tickets.txt"), .told = FIELD "ticket_keys: has no effect: resumption is off"},
      {.name = "lifetime_without_effect", .text = TICKETS("resumption: off, ticket_lifetime: 10m"), .told = FIELD "ticket_lifetime: has no effect: resumption is off"},
      {.name = "lifetime_too_long", .text = TICKETS("resumption: tickets, ticket_lifetime: 25h"), .told = FIELD "ticket_lifetime: 25h is out of range"},
      {.name = "lifetime_too_short", .text = TICKETS("resumption: tickets, ticket_lifetime: 999ms"), .told = FIELD "ticket_lifetime: 999ms is out of range"},
      {.name = "keys_missing", .text = TICKETS("resumption: tickets, ticket_keys: file:no.txt"), .told = FIELD "ticket_keys: file:no.txt: No such file or directory"},
      {.name = "keys_empty", .text = TICKETS("resumption: tickets, ticket_keys: \"\""), .told = FIELD "ticket_keys: is empty"},
      {.name = "keys_of_nobody", .text = TICKETS("resumption: tickets, ticket_keys: \"random:\""), .told = FIELD "ticket_keys: random:: is neither file:PATH nor env:NAME"},
      {.name = "keys_not_encoded", .text = TICKETS("resumption: tickets, ticket_keys: file:ca.pem"), .told = FIELD "ticket_keys: file:ca.pem:1: is neither base64 nor hex"},
      {.name = "keys_too_short", .text = TICKETS("resumption: tickets, ticket_keys: file:short.txt"), .told = FIELD "ticket_keys: file:short.txt:2: a key has 64 or 80 bytes"});
/* clang-format on */

static int load(const char *text, struct report *report, struct bundle **ret_bundle,
		struct config **ret_config)
{
	material_write_all();
	material_write_text("tickets.txt", "# of the fleet\n" HEX_64 "\n");
	material_write_text("short.txt", HEX_64 "\n00ff\n");
	report_init(report);
	return material_load(text, report, ret_bundle, ret_config);
}

TEST_CASES(what_is_told, cases)
{
	char _cleanup_free_ *text = NULL;
	struct report report;
	struct bundle *bundle;
	struct config *config;
	bool good = !variant->told[0];

	CHECK_EQ(load(variant->text, &report, &bundle, &config), good ? 0 : -EINVAL);
	CHECK_EQ(config != NULL, good);
	text = material_told(&report);
	CHECK_STR(text, variant->told);
	config_free(config);
	bundle_free(bundle);
	report_done(&report);
}

static struct config *load_good(const char *text)
{
	struct config *config;
	struct bundle *bundle;
	struct report report;

	MUST_EQ(load(text, &report, &bundle, &config), 0);
	bundle_free(bundle);
	report_done(&report);
	return config;
}

TEST(it_is_off)
{
	struct config *config = load_good(TICKETS("client_auth: require"));

	CHECK_EQ(config->listeners[0].tickets.resumption, RESUMPTION_OFF);
	CHECK(!config->listeners[0].tickets.keys.data);
	config_free(config);
}

TEST(what_is_written)
{
	struct config *config = load_good(TICKETS(
		"resumption: tickets, ticket_keys: file:tickets.txt, ticket_lifetime: 90s"));
	const struct config_tickets *tickets = &config->listeners[0].tickets;

	CHECK_EQ(tickets->resumption, RESUMPTION_TICKETS);
	CHECK_EQ(tickets->lifetime_ms, 90000);
	CHECK_STR(tickets->keys.data, "# of the fleet\n" HEX_64 "\n");
	config_wipe_keys(config);
	CHECK(!tickets->keys.data);
	config_free(config);
}

/* Every worker has the keys of its supervisor's bundle; the next bundle has others. */
TEST(without_a_file_they_are_random)
{
	static const char text[] = TICKETS("resumption: tickets");
	struct config *one = load_good(text), *other = load_good(text);
	const struct config_tickets *a = &one->listeners[0].tickets;
	const struct config_tickets *b = &other->listeners[0].tickets;

	CHECK_EQ(a->lifetime_ms, 600000);
	MUST_EQ(a->keys.len, 128);
	MUST_EQ(b->keys.len, 128);
	CHECK(strcmp(a->keys.data, b->keys.data) != 0);
	config_free(one);
	config_free(other);
}

TEST(workers_share_what_is_random)
{
	struct config *config, *again;
	struct bundle *bundle, *copy;
	struct report report;
	int fd;

	MUST_EQ(load(TICKETS("resumption: tickets"), &report, &bundle, &config), 0);
	MUST_EQ(bundle_to_fd(bundle, &fd), 0);
	MUST_EQ(bundle_from_fd(fd, &copy), 0);
	MUST_EQ(confload_build(copy, &report, &again), 0);
	CHECK_STR(again->listeners[0].tickets.keys.data, config->listeners[0].tickets.keys.data);
	fd_close(&fd);
	config_free(config);
	config_free(again);
	bundle_free(bundle);
	bundle_free(copy);
	report_done(&report);
}

/* So that a reload that changes nothing is one, and one that does keeps the tickets that clients have. */
TEST(random_keys_last_over_a_reload)
{
	struct config *config, *again;
	struct bundle *bundle, *next;
	struct report report, more;
	int fd, next_fd;

	MUST_EQ(load(TICKETS("resumption: tickets"), &report, &bundle, &config), 0);
	MUST_EQ(bundle_to_fd(bundle, &fd), 0);
	report_init(&more);
	MUST_EQ(bundle_read(material_path("sluice.yaml"), &more, &next), 0);
	MUST_EQ(bundle_keep_random_keys(next, fd), 0);
	MUST_EQ(bundle_to_fd(next, &next_fd), 0);
	CHECK(bundle_fd_equal(fd, next_fd));
	MUST_EQ(confload_build(next, &more, &again), 0);
	CHECK_STR(again->listeners[0].tickets.keys.data, config->listeners[0].tickets.keys.data);
	fd_close(&fd);
	fd_close(&next_fd);
	config_free(config);
	config_free(again);
	bundle_free(bundle);
	bundle_free(next);
	report_done(&report);
	report_done(&more);
}

/* --- the digest of the rules --- */

#define WITH_RULES(text)                                                                           \
	LISTENER "  tls: {" PAIR ", client_ca: file:ca.pem, resumption: tickets}\n"                \
		 "  rules: [" text "]\n"                                                           \
		 "upstreams: [{name: app, endpoints: [\"127.0.0.1:8080\"]},\n"                     \
		 "            {name: other, endpoints: [\"127.0.0.1:8081\"]}]\n"

struct digest_case {
	VARIANT;
	const char *text, *allowed; /* allowed: content of the list; NULL: "a" */
	bool same;
};

#define A_RULE "{name: a, match: {cn: [a, b], not: {dns: [c]}}, upstream: app}"
#define L_RULE "{name: l, match: {include: {cn: [\"file:allowed.txt\"]}}, upstream: app}"
#define FIRST  WITH_RULES(A_RULE ", " L_RULE)

/* clang-format off */
CASES(struct digest_case, digests,
      {.name = "the_same", .text = FIRST, .same = true},
      {.name = "in_other_words", .text = FIRST "workers: 3\n", .same = true},
      {.name = "name", .text = WITH_RULES("{name: x, match: {cn: [a, b], not: {dns: [c]}}, upstream: app}, " L_RULE)},
      {.name = "upstream", .text = WITH_RULES("{name: a, match: {cn: [a, b], not: {dns: [c]}}, upstream: other}, " L_RULE)},
      {.name = "action", .text = WITH_RULES("{name: a, match: {cn: [a, b], not: {dns: [c]}}, action: deny}, " L_RULE)},
      {.name = "entry", .text = WITH_RULES("{name: a, match: {cn: [a, bb], not: {dns: [c]}}, upstream: app}, " L_RULE)},
      {.name = "one_entry_less", .text = WITH_RULES("{name: a, match: {cn: [a], not: {dns: [c]}}, upstream: app}, " L_RULE)},
      {.name = "entries_run_together", .text = WITH_RULES("{name: a, match: {cn: [ab], not: {dns: [c]}}, upstream: app}, " L_RULE)},
      {.name = "key", .text = WITH_RULES("{name: a, match: {dns: [a, b], not: {dns: [c]}}, upstream: app}, " L_RULE)},
      {.name = "not", .text = WITH_RULES("{name: a, match: {cn: [a, b], dns: [c]}, upstream: app}, " L_RULE)},
      {.name = "order", .text = WITH_RULES(L_RULE ", " A_RULE)},
      {.name = "one_rule_less", .text = WITH_RULES(A_RULE)},
      {.name = "list", .text = FIRST, .allowed = "a\nz\n"});
/* clang-format on */

static void take_digest(const char *text, const char *allowed, uint8_t digest[CONFIG_DIGEST_BYTES])
{
	struct config *config;

	material_write_text("allowed.txt", allowed ? allowed : "a\n");
	config = load_good(text);
	memcpy(digest, config->listeners[0].tickets.policy, CONFIG_DIGEST_BYTES);
	config_free(config);
}

TEST_CASES(the_digest_is_of_the_rules, digests)
{
	uint8_t first[CONFIG_DIGEST_BYTES], then[CONFIG_DIGEST_BYTES];

	take_digest(FIRST, NULL, first);
	take_digest(variant->text, variant->allowed, then);
	CHECK_EQ(memcmp(first, then, sizeof(first)) == 0, variant->same);
}
