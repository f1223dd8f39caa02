// SPDX-License-Identifier: Apache-2.0
/* The match of a rule, and what it takes from files: every way to write it, and every mistake. */
#include "selftests/harness/harness.h"

#include "selftests/unit/material.h"

#include "base/fd.h"
#include "base/report.h"
#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "model/config.h"
#include "model/policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

SUITE("confload_match", .deadline_ms = 20000);

/* Lines 1 to 6, as in confload_test.c. */
#define HEAD		    "listeners:\n- name: web\n  listen: [\"127.0.0.1:8443\"]\n"
#define PAIR		    "certificates: [{chain: file:server.pem, key: file:server.key}]"
#define UPSTREAM	    "upstreams: [{name: app, endpoints: [\"127.0.0.1:8080\"]}]\n"
#define RULES(text)	    "  rules: [" text "]\n" UPSTREAM
#define WITH_RULES(text)    HEAD "  tls: {" PAIR ", client_ca: file:ca.pem}\n" RULES(text)
#define WITH_MATCH(text)    WITH_RULES("{name: r, match: {" text "}, upstream: app}")
#define WITHOUT_NAMES(text) HEAD "  tls: {" PAIR ", client_auth: off}\n" RULES(text)
#define ROUTE(match)                                                                               \
	HEAD "  mode: passthrough\n" RULES("{name: a, match: {" match "}, upstream: app}")
#define SHA256 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct config_case {
	VARIANT;
	const char *text;
	const char *told; /* "": it is good */
	bool remark;	  /* told, but no reason to refuse */
};

/* clang-format off */
#define MATCH_MISTAKE(key, text) "5 listeners[0].rules[0].match." key "[0]: '" text "' "
#define NOT_EMAIL "is not an email address"
#define NOT_NET "is not an address or network"
#define NOT_SHA256 "is not a SHA-256 digest"
#define NOT_OUT "does not keep anybody out: who has the certificate can write its signature in another way"
#define NOT_DAY(text) "5 listeners[0].rules[0].match.time.days[0]: '" text "' is not a day"
#define NOT_HOURS(text) "5 listeners[0].rules[0].match.time.hours: '" text "' are not hours of a day"

CASES(struct config_case, keys,
      {.name = "all", .text = WITH_MATCH("cn: [a], dns: [a.example], uri: ['urn:a'], ip: [192.0.2.1], email: [a@example.com], ou: [a], o: [a], dn: ['CN=a'], issuer: ['CN=b,O=c'], serial: ['01'], cert_sha256: [" SHA256 "], spki_sha256: [" SHA256 "], trust_domain: [prod.example], sni: ['*.example'], alpn: [h2], source: ['::/0'], tls_version: [1.2, 1.3], time: {from: 2026-01-01, until: '2027-01-01T00:00:00Z', days: [mon-fri, sun], hours: 08:00-18:00}, not: {cn: [b], time: {days: [sat]}}"), .told = ""},
      {.name = "email_without_at", .text = WITH_MATCH("email: [alice]"), .told = MATCH_MISTAKE("email", "alice") NOT_EMAIL},
      {.name = "email_without_mailbox", .text = WITH_MATCH("email: ['@example.com']"), .told = MATCH_MISTAKE("email", "@example.com") NOT_EMAIL},
      {.name = "email_star_in_mailbox", .text = WITH_MATCH("email: ['a*@example.com']"), .told = MATCH_MISTAKE("email", "a*@example.com") NOT_EMAIL},
      {.name = "email_star_domain", .text = WITH_MATCH("email: ['a@*.example.com']"), .told = MATCH_MISTAKE("email", "a@*.example.com") NOT_EMAIL},
      {.name = "email_with_name", .text = WITH_MATCH("email: ['Alice <a@example.com>']"), .told = MATCH_MISTAKE("email", "Alice <a@example.com>") NOT_EMAIL},
      {.name = "dn", .text = WITH_MATCH("dn: [alice]"), .told = MATCH_MISTAKE("dn", "alice") "has a type that OpenSSL does not know"},
      {.name = "issuer_in_openssl_form", .text = WITH_MATCH("issuer: [/C=DE/CN=a]"), .told = MATCH_MISTAKE("issuer", "/C=DE/CN=a") "has a type that OpenSSL does not know"},
      {.name = "serial", .text = WITH_MATCH("serial: [0x01]"), .told = MATCH_MISTAKE("serial", "0x01") "is not a serial number"},
      {.name = "serial_too_long", .text = WITH_MATCH("serial: [000102030405060708091011121314151617181920ff]"), .told = MATCH_MISTAKE("serial", "000102030405060708091011121314151617181920ff") "is not a serial number"},
      {.name = "serial_colon_behind", .text = WITH_MATCH("serial: ['01:']"), .told = MATCH_MISTAKE("serial", "01:") "is not a serial number"},
      {.name = "serial_colons_here_and_there", .text = WITH_MATCH("serial: ['01:0203']"), .told = MATCH_MISTAKE("serial", "01:0203") "is not a serial number"},
      {.name = "digest_short", .text = WITH_MATCH("cert_sha256: [0011]"), .told = MATCH_MISTAKE("cert_sha256", "0011") NOT_SHA256},
      {.name = "digest_odd", .text = WITH_MATCH("cert_sha256: [0" SHA256 "]"), .told = MATCH_MISTAKE("cert_sha256", "0" SHA256) NOT_SHA256},
      {.name = "digest_no_hex", .text = WITH_MATCH("spki_sha256: [gg" "112233445566778899aabbccddeeff00112233445566778899aabbccddeeff]"), .told = MATCH_MISTAKE("spki_sha256", "gg112233445566778899aabbccddeeff00112233445566778899aabbccddeeff") NOT_SHA256},
      {.name = "trust_domain_as_uri", .text = WITH_MATCH("trust_domain: ['spiffe://a']"), .told = MATCH_MISTAKE("trust_domain", "spiffe://a") "is not a trust domain"},
      {.name = "trust_domain_capitals", .text = WITH_MATCH("trust_domain: [Prod.example]"), .told = MATCH_MISTAKE("trust_domain", "Prod.example") "is not a trust domain"},
      {.name = "source", .text = WITH_MATCH("source: [10/8]"), .told = MATCH_MISTAKE("source", "10/8") NOT_NET},
      {.name = "source_with_port", .text = WITH_MATCH("source: ['10.0.0.1:80']"), .told = MATCH_MISTAKE("source", "10.0.0.1:80") NOT_NET},
      {.name = "source_with_bits_behind", .text = WITH_MATCH("source: [10.0.0.1/8]"), .told = MATCH_MISTAKE("source", "10.0.0.1/8") "has bits behind its prefix"},
      {.name = "tls_version", .text = WITH_MATCH("tls_version: [1.1]"), .told = MATCH_MISTAKE("tls_version", "1.1") "is not a version of TLS"},
      {.name = "alpn_empty", .text = WITH_MATCH("alpn: ['']"), .told = "5 listeners[0].rules[0].match.alpn[0]: is empty"},
      {.name = "cn_star", .text = WITH_MATCH("cn: ['*']"), .told = "5 listeners[0].rules[0].match.cn[0]: warning: is no wildcard: it matches the name '*' alone", .remark = true},
      {.name = "digest_denied", .text = WITH_RULES("{name: r, match: {cert_sha256: [" SHA256 "]}, action: deny}, {name: z, upstream: app}"), .told = "5 listeners[0].rules[0].match.cert_sha256: warning: " NOT_OUT, .remark = true},
      {.name = "digest_denied_by_list", .text = WITH_RULES("{name: r, match: {include: {cert_sha256: [\"file:empty\"]}}, action: deny}, {name: z, upstream: app}"), .told = "5 listeners[0].rules[0].match.include.cert_sha256: warning: " NOT_OUT, .remark = true},
      {.name = "digest_in_not", .text = WITH_MATCH("not: {cert_sha256: [" SHA256 "]}"), .told = "5 listeners[0].rules[0].match.not.cert_sha256: warning: " NOT_OUT, .remark = true},
      {.name = "digest_spared", .text = WITH_RULES("{name: r, match: {not: {cert_sha256: [" SHA256 "]}}, action: deny}, {name: z, upstream: app}"), .told = ""},
      {.name = "key_denied", .text = WITH_RULES("{name: r, match: {spki_sha256: [" SHA256 "]}, action: deny}, {name: z, upstream: app}"), .told = ""},
      {.name = "not_alone", .text = WITH_MATCH("not: {ou: [guests]}"), .told = ""},
      {.name = "not_empty", .text = WITH_MATCH("not: {}"), .told = "5 listeners[0].rules[0].match.not: is empty"},
      {.name = "not_unknown_key", .text = WITH_MATCH("not: {x: [a]}"), .told = "5 listeners[0].rules[0].match.not.x: unknown key"},
      {.name = "not_in_not", .text = WITH_MATCH("not: {not: {cn: [a]}}"), .told = "5 listeners[0].rules[0].match.not.not: unknown key"},
      {.name = "not_mistake", .text = WITH_MATCH("not: {serial: [x]}"), .told = "5 listeners[0].rules[0].match.not.serial[0]: 'x' is not a serial number"},
      {.name = "anonymous_in_not", .text = WITH_MATCH("not: {anonymous: true}"), .told = "5 listeners[0].rules[0].match.not.anonymous: unknown key"},
      {.name = "time_empty", .text = WITH_MATCH("time: {}"), .told = "5 listeners[0].rules[0].match.time: is empty"},
      {.name = "time_from", .text = WITH_MATCH("time: {from: tomorrow}"), .told = "5 listeners[0].rules[0].match.time.from: 'tomorrow' is not a date in UTC"},
      {.name = "time_until", .text = WITH_MATCH("time: {until: 2026-02-30}"), .told = "5 listeners[0].rules[0].match.time.until: '2026-02-30' is not a date in UTC"},
      {.name = "time_backwards", .text = WITH_MATCH("time: {from: 2026-02-02, until: 2026-02-01}"), .told = "5 listeners[0].rules[0].match.time: ends before it begins"},
      {.name = "time_day", .text = WITH_MATCH("time: {days: [monday]}"), .told = NOT_DAY("monday")},
      {.name = "time_days_cut", .text = WITH_MATCH("time: {days: [mon-]}"), .told = NOT_DAY("mon-")},
      {.name = "time_days_three", .text = WITH_MATCH("time: {days: [mon-fri-sun]}"), .told = NOT_DAY("mon-fri-sun")},
      {.name = "time_hours", .text = WITH_MATCH("time: {hours: 8-18}"), .told = NOT_HOURS("8-18")},
      {.name = "time_hours_of_no_day", .text = WITH_MATCH("time: {hours: 08:00-24:01}"), .told = NOT_HOURS("08:00-24:01")},
      {.name = "time_hours_none", .text = WITH_MATCH("time: {hours: 08:00-08:00}"), .told = NOT_HOURS("08:00-08:00")},
      {.name = "audit", .text = WITH_RULES("{name: a, audit: true, upstream: app}, {name: b, upstream: app}"), .told = ""},
      {.name = "audit_maybe", .text = WITH_RULES("{name: a, audit: maybe, upstream: app}"), .told = "5 listeners[0].rules[0].audit: 'maybe' is not a possible value"},
      {.name = "source_where_nobody_has_a_name", .text = WITHOUT_NAMES("{name: a, match: {source: [10.0.0.0/8], sni: [a.example], alpn: [h2], tls_version: [1.3], time: {days: [mon]}}, upstream: app}"), .told = ""},
      {.name = "not_where_nobody_has_a_name", .text = WITHOUT_NAMES("{name: a, match: {not: {cn: [x]}}, upstream: app}"), .told = "5 listeners[0].rules[0].match.not: can never match: client_auth is off, so nobody has a name"},
      {.name = "passthrough", .text = ROUTE("sni: [a.example], source: [10.0.0.0/8], time: {days: [mon]}, not: {sni: [b.example]}"), .told = ""},
      {.name = "passthrough_alpn", .text = ROUTE("alpn: [h2]"), .told = "5 listeners[0].rules[0].match.alpn: can never match: mode: passthrough sees no alpn"},
      {.name = "passthrough_not_cn", .text = ROUTE("not: {cn: [a]}"), .told = "5 listeners[0].rules[0].match.not.cn: can never match: mode: passthrough sees no certificate"});

#define INCLUDE(text) WITH_MATCH("include: {cn: [\"file:" text "\"]}")
#define INCLUDED "5 listeners[0].rules[0].match.include.cn[0]: "
#define FROM(text) WITH_RULES("{include: \"file:" text "\"}, {name: z, upstream: app}")

CASES(struct config_case, files,
      {.name = "list", .text = INCLUDE("list"), .told = ""},
      {.name = "list_empty", .text = INCLUDE("empty"), .told = ""},
      {.name = "list_of_comments", .text = INCLUDE("comments"), .told = ""},
      {.name = "list_missing", .text = INCLUDE("no"), .told = INCLUDED "file:no: No such file or directory"},
      {.name = "list_without_source", .text = WITH_MATCH("include: {cn: [list]}"), .told = INCLUDED "list: is neither file:PATH nor env:NAME"},
      {.name = "list_empty_text", .text = WITH_MATCH("include: {cn: ['']}"), .told = INCLUDED "is empty"},
      {.name = "list_of_another_key", .text = WITH_MATCH("include: {serial: [file:list]}"), .told = "5 listeners[0].rules[0].match.include.serial[0]: file:list:2: 'alice' is not a serial number; and 2 other lines"},
      {.name = "list_with_one_mistake", .text = WITH_MATCH("include: {source: [file:nets]}"), .told = "5 listeners[0].rules[0].match.include.source[0]: file:nets:3: '10.0.0.1/8' has bits behind its prefix"},
      {.name = "list_binary", .text = INCLUDE("binary"), .told = INCLUDED "file:binary:1: 'a' is not one line of UTF-8 text; and 1 other lines"},
      {.name = "list_in_not", .text = WITH_MATCH("not: {include: {cn: [file:list]}}"), .told = ""},
      {.name = "list_in_not_missing", .text = WITH_MATCH("not: {include: {cn: [file:no]}}"), .told = "5 listeners[0].rules[0].match.not.include.cn[0]: file:no: No such file or directory"},
      {.name = "include_empty", .text = WITH_MATCH("include: {}"), .told = "5 listeners[0].rules[0].match.include: is empty"},
      {.name = "include_unknown_key", .text = WITH_MATCH("include: {time: [file:list]}"), .told = "5 listeners[0].rules[0].match.include.time: unknown key"},
      {.name = "include_of_passthrough", .text = ROUTE("include: {cn: [file:list]}"), .told = "5 listeners[0].rules[0].match.include.cn: can never match: mode: passthrough sees no certificate"},
      {.name = "rules", .text = FROM("rules"), .told = ""},
      {.name = "rules_empty", .text = FROM("empty"), .told = ""},
      {.name = "rules_of_comments", .text = FROM("comments"), .told = ""},
      {.name = "rules_missing", .text = FROM("no"), .told = "5 listeners[0].rules[0].include: file:no: No such file or directory"},
      {.name = "rules_with_more", .text = WITH_RULES("{name: a, include: file:rules}"), .told = "5 listeners[0].rules[0].include: stands for the rules of a file, beside keys of a rule"},
      {.name = "rules_with_mistakes", .text = FROM("badrules"), .told = "1 [0].upstream: there is no upstream 'apq'\n2 [1].match.cx: unknown key\n4 [2].match.include.cn[0]: file:no: No such file or directory\n4 [2].name: this listener has another rule 'a'\n5 [3].include: is in a file that is included itself"},
      {.name = "rules_that_are_no_list", .text = FROM("list"), .told = "1 is a single value, but must be a list"},
      {.name = "rules_that_are_no_yaml", .text = FROM("noyaml"), .told = "2 is not YAML: did not find expected ',' or '}' while parsing a flow mapping"},
      {.name = "rules_whose_name_is_taken", .text = WITH_RULES("{name: a, upstream: app}, {include: file:rules}"), .told = "1 [0].name: this listener has another rule 'a'"},
      {.name = "rules_that_take_all", .text = WITH_RULES("{include: file:all}, {name: z, upstream: app}"), .told = "5 listeners[0].rules[1]: warning: is never asked: rule 'all' before it takes every verified peer", .remark = true});

/* clang-format on */

static void write_all(void)
{
	material_write_all();
	material_write_text("list", "# who may come in\n  alice \r\n\r\nbob\ncarol");
	material_write_text("nets", "10.0.0.0/8\n\n10.0.0.1/8\n::/0\n");
	material_write("empty", "", 0);
	material_write_text("comments", "# nobody\n\n   # at all\n");
	material_write("binary", "a\0b\nok\n\xff\n", 9);
	material_write_text("rules",
			    "- {name: a, match: {cn: [a]}, upstream: app}\n"
			    "- {name: b, match: {include: {cn: [\"file:list\"]}}, action: deny}\n");
	material_write_text("badrules",
			    "- {name: a, match: {cn: [a]}, upstream: apq}\n"
			    "- {name: b, match: {cx: [a]}, upstream: app}\n"
			    "# the same name again\n"
			    "- {name: a, match: {include: {cn: [\"file:no\"]}}, upstream: app}\n"
			    "- {include: \"file:rules\"}\n");
	material_write_text("noyaml", "- {name: a\n");
	material_write_text("all", "- {name: all, upstream: app}\n");
}

static void check(const struct config_case *variant)
{
	bool good = !variant->told[0] || variant->remark;
	char _cleanup_free_ *text = NULL;
	struct report report;
	struct bundle *bundle;
	struct config *config;

	write_all();
	report_init(&report);
	CHECK_EQ(material_load(variant->text, &report, &bundle, &config), good ? 0 : -EINVAL);
	CHECK_EQ(config != NULL, good);
	text = material_told(&report);
	CHECK_STR(text, variant->told);
	config_free(config);
	bundle_free(bundle);
	report_done(&report);
}

TEST_CASES(its_keys, keys)
{
	check(variant);
}

TEST_CASES(its_files, files)
{
	check(variant);
}

static struct config *load_good(const char *text)
{
	struct report report;
	struct bundle *bundle;
	struct config *config;

	write_all();
	report_init(&report);
	MUST_EQ(material_load(text, &report, &bundle, &config), 0, "%s",
		report.count ? report.items[0].message : "");
	report_done(&report);
	bundle_free(bundle);
	return config;
}

static bool has(const struct match *match, const char *cn)
{
	return match_set_has(match->sets[MATCH_CN], cn, strlen(cn), NULL);
}

TEST(a_list_is_added_to_the_entries)
{
	struct config *config = load_good(WITH_MATCH(
		"cn: [dave], include: {cn: [file:list, file:empty]}, not: {include: {cn: [file:list]}}"));
	const struct match *match = config->listeners[0].rules[0].match;

	CHECK_EQ(match_set_count(match->sets[MATCH_CN]), 4);
	CHECK(has(match, "alice") && has(match, "bob") && has(match, "carol") &&
	      has(match, "dave"));
	CHECK(!has(match, "# who may come in"));
	CHECK_EQ(match_set_count(match->except->sets[MATCH_CN]), 3);
	CHECK(has(match->except, "carol"));
	config_free(config);
}

/* A list that is empty is one of nobody, not one that is not there. */
TEST(an_empty_list_is_a_list)
{
	struct config *config = load_good(WITH_MATCH("include: {cn: [file:empty]}"));
	const struct match *match = config->listeners[0].rules[0].match;

	MUST(match && match->sets[MATCH_CN]);
	CHECK_EQ(match_set_count(match->sets[MATCH_CN]), 0);
	config_free(config);
}

TEST(rules_of_a_file_stand_where_it_is_included)
{
	struct config *config = load_good(
		WITH_RULES("{name: first, match: {cn: [x]}, upstream: app}, {include: file:rules}, "
			   "{include: file:empty}, {name: last, upstream: app}"));
	static const char *const names[] = {"first", "a", "b", "last"};
	const struct config_listener *listener = &config->listeners[0];

	MUST_EQ(listener->n_rules, 4);
	for (size_t i = 0; i < 4; i++)
		CHECK_STR(listener->rules[i].name, names[i]);
	CHECK_EQ(listener->rules[2].action, ACTION_DENY);
	CHECK(has(listener->rules[2].match, "bob"));
	config_free(config);
}

/* What a worker gets is the same, and no disk is looked at for it. */
TEST(files_travel_with_the_bundle)
{
	struct bundle *bundle = NULL, *again = NULL;
	struct config *config = NULL;
	struct report report;
	int _cleanup_fd_ fd = -1;

	write_all();
	report_init(&report);
	MUST_EQ(material_load(WITH_RULES("{include: file:rules}, {name: z, match: {include: {cn: "
					 "[file:empty]}}, upstream: app}"),
			      &report, &bundle, &config),
		0);
	config_free(config);
	MUST_EQ(bundle_to_fd(bundle, &fd), 0);
	bundle_free(bundle);
	MUST_OK(unlink(material_path("rules")));
	MUST_OK(unlink(material_path("list")));
	MUST_OK(unlink(material_path("empty")));
	MUST_EQ(bundle_from_fd(fd, &again), 0);
	MUST_EQ(confload_build(again, &report, &config), 0);
	MUST_EQ(config->listeners[0].n_rules, 3);
	CHECK(has(config->listeners[0].rules[1].match, "bob"));
	CHECK_EQ(match_set_count(config->listeners[0].rules[2].match->sets[MATCH_CN]), 0);
	config_free(config);
	bundle_free(again);
	report_done(&report);
}

/* Mistakes are told with the file that they are in. */
TEST(a_mistake_in_a_file_has_its_name)
{
	char _cleanup_free_ *text = NULL;
	struct bundle *bundle;
	struct config *config;
	struct report report;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	write_all();
	report_init(&report);
	MUST_EQ(material_load(
			WITH_RULES("{include: file:badrules}, {include: file:rules, name: x}"),
			&report, &bundle, &config),
		-EINVAL);
	report_print(&report, out);
	MUST_EQ(fclose(out), 0);
	CHECK(strstr(text, "sluice.yaml:5: listeners[0].rules[1].include: stands for"), "%s", text);
	CHECK(strstr(text, "\nfile:badrules:1: [0].upstream: there is no upstream 'apq'"), "%s",
	      text);
	CHECK(strstr(text, "\nfile:badrules:4: [2].match.include.cn[0]: file:no: No such"), "%s",
	      text);
	bundle_free(bundle);
	report_done(&report);
}

/* However long a list is, one entry of it is looked at for who is on it, and none for others. */
static void check_work(const struct config_listener *listener, const char *cn, bool listed)
{
	struct identity _cleanup_identity_ *identity = identity_new();
	struct policy_verdict verdict;

	MUST_EQ(identity_add(&identity, IDENTITY_CN, cn, strlen(cn)), 0);
	verdict = policy_decide(listener, &(struct policy_facts){.identity = identity}, NULL, NULL);
	CHECK_EQ(verdict.allowed, listed);
	CHECK(verdict.work <= 2, "%d entries compared", (int)verdict.work);
}

/* The size of what programs generate: neither a scan nor anything quadratic. */
TEST(long_lists_and_many_rules_load)
{
	char _cleanup_free_ *text = NULL;
	struct config *config;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	MUST(out);
	for (int i = 0; i < 100000; i++)
		(void)fprintf(out, "customer-%d\n", i);
	MUST_EQ(fclose(out), 0);
	material_write("long", text, len);
	free(text);
	text = NULL;
	out = open_memstream(&text, &len);
	MUST(out);
	for (int i = 0; i < 5000; i++)
		(void)fprintf(out, "- {name: r%d, match: {cn: [c%d]}, upstream: app}\n", i, i);
	MUST_EQ(fclose(out), 0);
	material_write("many", text, len);
	config = load_good(WITH_RULES("{name: l, match: {include: {cn: [file:long]}}, upstream: "
				      "app}, {include: file:many}"));
	CHECK_EQ(match_set_count(config->listeners[0].rules[0].match->sets[MATCH_CN]), 100000);
	CHECK_EQ(config->listeners[0].n_rules, 5001);
	check_work(&config->listeners[0], "customer-77777", true);
	config->listeners[0].n_rules = 1;
	check_work(&config->listeners[0], "customer-100000", false);
	config->listeners[0].n_rules = 5001;
	config_free(config);
}
