// SPDX-License-Identifier: Apache-2.0
/*
 * Every key of a match: the entry as the configuration writes it, and a peer as the certificate or the
 * connection has it. What several rules make of it is policy_test.c's.
 */
#include "selftests/harness/harness.h"

#include "base/fd.h"
#include "base/units.h"
#include "daemon/confload_internal.h"
#include "model/match.h"

#include <string.h>

SUITE("match");

/* One value of a peer. */
struct value {
	enum identity_kind kind;
	const char *bytes; /* NULL: end */
	size_t len;
};

#define T(text) text, sizeof(text) - 1
#define MAX	3

struct key_case {
	VARIANT;
	enum match_key key;
	const char *entry[MAX];
	struct value values[MAX];
	const char *fact; /* of the connection: SNI, ALPN, TLS version or address */
	bool yes;
};

#define DIGEST_TEXT                                                                                \
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff"
#define DIGEST                                                                                     \
	"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"                         \
	"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"
#define DN                                                                                         \
	"\x30\x10\x31\x0e\x30\x0c\x06\x03\x55\x04\x03\x0c\x05"                                     \
	"alice"

/* clang-format off */
CASES(struct key_case, keys,
      {.name = "cn", .key = MATCH_CN, .entry = {"alice"}, .values = {{IDENTITY_CN, T("alice")}}, .yes = true},
      {.name = "cn_of_another_kind", .key = MATCH_CN, .entry = {"alice"}, .values = {{IDENTITY_O, T("alice")}, {IDENTITY_DNS, T("alice")}}},
      {.name = "ou", .key = MATCH_OU, .entry = {"dev", "ops"}, .values = {{IDENTITY_OU, T("ops")}}, .yes = true},
      {.name = "ou_of_several", .key = MATCH_OU, .entry = {"ops"}, .values = {{IDENTITY_OU, T("dev")}, {IDENTITY_OU, T("ops")}}, .yes = true},
      {.name = "ou_case_counts", .key = MATCH_OU, .entry = {"ops"}, .values = {{IDENTITY_OU, T("Ops")}}},
      {.name = "ou_of_o", .key = MATCH_OU, .entry = {"ops"}, .values = {{IDENTITY_O, T("ops")}}},
      {.name = "o", .key = MATCH_O, .entry = {"Example"}, .values = {{IDENTITY_O, T("Example")}}, .yes = true},
      {.name = "o_nul", .key = MATCH_O, .entry = {"Example"}, .values = {{IDENTITY_O, "Example\0x", 9}}},
      {.name = "dns", .key = MATCH_DNS, .entry = {"A.example"}, .values = {{IDENTITY_DNS, T("a.Example")}}, .yes = true},
      {.name = "uri", .key = MATCH_URI, .entry = {"urn:a"}, .values = {{IDENTITY_URI, T("urn:a")}}, .yes = true},
      {.name = "uri_pattern", .key = MATCH_URI, .entry = {"urn:a", "spiffe://p/**/x"}, .values = {{IDENTITY_URI, T("spiffe://p/a/b/x")}}, .yes = true},
      {.name = "uri_pattern_not", .key = MATCH_URI, .entry = {"spiffe://p/**/x"}, .values = {{IDENTITY_URI, T("spiffe://p/a/b/y")}}},
      {.name = "email", .key = MATCH_EMAIL, .entry = {"Alice@Example.com"}, .values = {{IDENTITY_EMAIL, T("Alice@eXample.com")}}, .yes = true},
      {.name = "email_case_of_the_mailbox_counts", .key = MATCH_EMAIL, .entry = {"alice@example.com"}, .values = {{IDENTITY_EMAIL, T("Alice@example.com")}}},
      {.name = "email_anybody", .key = MATCH_EMAIL, .entry = {"*@example.com"}, .values = {{IDENTITY_EMAIL, T("bob@EXAMPLE.com")}}, .yes = true},
      {.name = "email_anybody_elsewhere", .key = MATCH_EMAIL, .entry = {"*@example.com"}, .values = {{IDENTITY_EMAIL, T("bob@a.example.com")}}},
      {.name = "email_nobody", .key = MATCH_EMAIL, .entry = {"*@example.com"}, .values = {{IDENTITY_EMAIL, T("@example.com")}, {IDENTITY_EMAIL, T("example.com")}}},
      {.name = "email_two_ats", .key = MATCH_EMAIL, .entry = {"*@example.com"}, .values = {{IDENTITY_EMAIL, T("bob@example.com@evil.com")}}},
      {.name = "ip", .key = MATCH_IP, .entry = {"192.0.2.7"}, .values = {{IDENTITY_IP, "\xc0\0\2\7", 4}}, .yes = true},
      {.name = "ip_net", .key = MATCH_IP, .entry = {"192.0.2.0/24"}, .values = {{IDENTITY_IP, "\xc0\0\2\7", 4}}, .yes = true},
      {.name = "ip_other", .key = MATCH_IP, .entry = {"192.0.2.0/24"}, .values = {{IDENTITY_IP, "\xc0\0\3\7", 4}}},
      {.name = "ip_as_dns", .key = MATCH_IP, .entry = {"192.0.2.7"}, .values = {{IDENTITY_DNS, T("192.0.2.7")}}},
      {.name = "dn", .key = MATCH_DN, .entry = {"cn=ALICE"}, .values = {{IDENTITY_SUBJECT, T(DN)}}, .yes = true},
      {.name = "dn_of_the_issuer", .key = MATCH_DN, .entry = {"CN=alice"}, .values = {{IDENTITY_ISSUER, T(DN)}}},
      {.name = "dn_other", .key = MATCH_DN, .entry = {"CN=alice,O=x"}, .values = {{IDENTITY_SUBJECT, T(DN)}}},
      {.name = "issuer", .key = MATCH_ISSUER, .entry = {"CN=alice"}, .values = {{IDENTITY_ISSUER, T(DN)}}, .yes = true},
      {.name = "serial", .key = MATCH_SERIAL, .entry = {"01A2"}, .values = {{IDENTITY_SERIAL, "\x01\xa2", 2}}, .yes = true},
      {.name = "serial_colons", .key = MATCH_SERIAL, .entry = {"01:a2"}, .values = {{IDENTITY_SERIAL, "\x01\xa2", 2}}, .yes = true},
      {.name = "serial_odd", .key = MATCH_SERIAL, .entry = {"1a2"}, .values = {{IDENTITY_SERIAL, "\x01\xa2", 2}}, .yes = true},
      {.name = "serial_leading_zeros", .key = MATCH_SERIAL, .entry = {"000001a2"}, .values = {{IDENTITY_SERIAL, "\x01\xa2", 2}}, .yes = true},
      {.name = "serial_zero", .key = MATCH_SERIAL, .entry = {"00"}, .values = {{IDENTITY_SERIAL, "\0", 1}}, .yes = true},
      {.name = "serial_other", .key = MATCH_SERIAL, .entry = {"01a2"}, .values = {{IDENTITY_SERIAL, "\x01\xa2\x00", 3}}},
      {.name = "cert", .key = MATCH_CERT_SHA256, .entry = {DIGEST_TEXT}, .values = {{IDENTITY_CERT_SHA256, T(DIGEST)}}, .yes = true},
      {.name = "cert_of_the_key", .key = MATCH_CERT_SHA256, .entry = {DIGEST_TEXT}, .values = {{IDENTITY_SPKI_SHA256, T(DIGEST)}}},
      {.name = "spki", .key = MATCH_SPKI_SHA256, .entry = {DIGEST_TEXT}, .values = {{IDENTITY_SPKI_SHA256, T(DIGEST)}}, .yes = true},
      {.name = "trust_domain", .key = MATCH_TRUST_DOMAIN, .entry = {"prod.example"}, .values = {{IDENTITY_TRUST_DOMAIN, T("prod.example")}}, .yes = true},
      {.name = "trust_domain_is_not_a_uri", .key = MATCH_TRUST_DOMAIN, .entry = {"prod.example"}, .values = {{IDENTITY_CN, T("spiffe://prod.example/a")}}},
      {.name = "sni", .key = MATCH_SNI, .entry = {"*.example"}, .fact = "A.example", .yes = true},
      {.name = "sni_other", .key = MATCH_SNI, .entry = {"*.example"}, .fact = "a.b.example"},
      {.name = "sni_none", .key = MATCH_SNI, .entry = {"*.example"}},
      {.name = "alpn", .key = MATCH_ALPN, .entry = {"h2", "http/1.1"}, .fact = "http/1.1", .yes = true},
      {.name = "alpn_none", .key = MATCH_ALPN, .entry = {"h2"}},
      {.name = "tls_version", .key = MATCH_TLS_VERSION, .entry = {"1.3"}, .fact = "TLSv1.3", .yes = true},
      {.name = "tls_version_other", .key = MATCH_TLS_VERSION, .entry = {"1.3"}, .fact = "TLSv1.2"},
      {.name = "tls_version_none", .key = MATCH_TLS_VERSION, .entry = {"1.3"}},
      {.name = "source", .key = MATCH_SOURCE, .entry = {"10.0.0.0/8"}, .fact = "10.1.2.3:4", .yes = true},
      {.name = "source_other", .key = MATCH_SOURCE, .entry = {"10.0.0.0/8"}, .fact = "11.1.2.3:4"},
      {.name = "source_mapped", .key = MATCH_SOURCE, .entry = {"10.0.0.0/8"}, .fact = "[::ffff:10.1.2.3]:4", .yes = true},
      {.name = "source_v6", .key = MATCH_SOURCE, .entry = {"2001:db8::/32"}, .fact = "[2001:db8::1]:4", .yes = true},
      {.name = "source_unix", .key = MATCH_SOURCE, .entry = {"0.0.0.0/0", "::/0"}, .fact = "unix:/run/a"},
      {.name = "source_none", .key = MATCH_SOURCE, .entry = {"0.0.0.0/0"}});
/* clang-format on */

static void add_entries(struct match *match, enum match_key key, const char *const *entries)
{
	static const uint8_t hash_key[SIPHASH_KEY_BYTES] = "match";
	struct confload_problem problem = {.what = NULL};

	match->sets[key] = match_set_new(hash_key);
	MUST(match->sets[key]);
	for (size_t i = 0; i < MAX && entries[i]; i++)
		MUST_EQ(confload_entry_add(match->sets[key], key, entries[i], &problem), 0, "%s %s",
			entries[i], problem.what);
}

/* Also what identity_add() does not take. */
static void add_value(struct identity **identity, const struct value *value)
{
	unsigned char clean[64];
	struct identity_name name;

	MUST(value->len <= sizeof(clean));
	memset(clean, '1', sizeof(clean));
	MUST_EQ(identity_add(identity, value->kind, clean, value->len), 0);
	for (size_t at = 0; identity_next(*identity, &at, &name);)
		;
	memcpy((*identity)->records + (*identity)->used - value->len, value->bytes, value->len);
}

static void add_fact(struct policy_facts *facts, enum match_key key, const char *fact,
		     struct addr *addr)
{
	if (key == MATCH_SNI)
		facts->sni = fact;
	if (key == MATCH_TLS_VERSION)
		facts->tls_version = fact;
	if (key == MATCH_ALPN && fact) {
		facts->alpn = fact;
		facts->alpn_len = strlen(fact);
	}
	if (key != MATCH_SOURCE || !fact)
		return;
	MUST_EQ(addr_parse(fact, addr), 0);
	facts->source = addr;
}

TEST_CASES(a_key_matches, keys)
{
	struct identity _cleanup_identity_ *identity = identity_new();
	struct match *match = match_new(), *outer = match_new();
	struct policy_facts facts = {};
	struct match_why why;
	struct addr addr;

	MUST(identity && match && outer);
	add_entries(match, variant->key, variant->entry);
	for (size_t i = 0; i < MAX && variant->values[i].bytes; i++)
		add_value(&identity, &variant->values[i]);
	facts.identity = identity;
	add_fact(&facts, variant->key, variant->fact, &addr);
	CHECK_EQ(match_ask(match, &facts, false, &why), variant->yes ? MATCH_YES : MATCH_NO);
	CHECK_STR(why.key, variant->yes ? NULL : match_key_name(variant->key));
	CHECK_STR(why.reason, NULL);
	CHECK(match_asks(match, variant->key));
	/* And the other way round. */
	outer->except = match;
	CHECK_EQ(match_ask(outer, &facts, false, &why), variant->yes ? MATCH_NO : MATCH_YES);
	CHECK_STR(why.key, variant->yes ? "not" : NULL);
	CHECK(match_asks(outer, variant->key));
	match_free(outer);
}

/* Nobody is in an empty list, and everybody is not in it. */
TEST(a_list_without_entries_is_nobody)
{
	struct identity _cleanup_identity_ *identity = identity_new();
	const char *const none[MAX] = {NULL};
	struct match *match = match_new(), *outer = match_new();
	struct policy_facts facts;
	struct match_why why;

	MUST(match && outer && identity);
	MUST_EQ(identity_add(&identity, IDENTITY_CN, "alice", 5), 0);
	facts = (struct policy_facts){.identity = identity};
	add_entries(match, MATCH_CN, none);
	CHECK_EQ(match_ask(match, &facts, false, &why), MATCH_NO);
	outer->except = match;
	CHECK_EQ(match_ask(outer, &facts, false, &why), MATCH_YES);
	match_free(outer);
}

TEST(who_has_no_certificate_has_no_names)
{
	const char *const entries[MAX] = {"alice"};
	struct match *match = match_new();
	struct match_why why;

	MUST(match);
	add_entries(match, MATCH_CN, entries);
	CHECK_EQ(match_ask(match, &(struct policy_facts){}, false, &why), MATCH_NO);
	match_free(match);
}

/* Every kind that cannot be used is told as what it is. */
TEST(what_cannot_be_used_is_unclear_for_its_key_alone)
{
	struct identity _cleanup_identity_ *identity = identity_new();
	struct match_why why;

	MUST(identity);
	for (int key = 0; match_key_is_of_certificate(key); key++) {
		struct match *match = match_new();
		int unclear = 0;

		MUST(match);
		add_entries(match, key, (const char *const[MAX]){NULL});
		for (int kind = 0; kind < IDENTITY_KINDS; kind++) {
			identity->unusable = 1U << kind;
			if (match_ask(match, &(struct policy_facts){.identity = identity}, false,
				      &why) != MATCH_UNCLEAR)
				continue;
			unclear++;
			CHECK_STR(why.key, match_key_name(key));
			CHECK(why.reason && strstr(why.reason, "rule on"), "%s", why.reason);
		}
		CHECK_EQ(unclear, 1, "%s", match_key_name(key));
		match_free(match);
	}
}

/* --- time --- */

struct time_case {
	VARIANT;
	const char *time; /* as the configuration has it */
	const char *in[MAX], *out[MAX];
};

/* The 1st of January 2026 is a Thursday. */
/* clang-format off */
CASES(struct time_case, times,
      {.name = "from", .time = "from: 2026-01-01", .in = {"2026-01-01", "2030-01-01"}, .out = {"2025-12-31T23:59:59Z"}},
      {.name = "until", .time = "until: '2026-01-01T08:00:00Z'", .in = {"2026-01-01T07:59:59Z", "1960-01-01"}, .out = {"2026-01-01T08:00:00Z"}},
      {.name = "both", .time = "from: 2026-01-01, until: 2026-01-02", .in = {"2026-01-01T12:00:00Z"}, .out = {"2026-01-02", "2025-12-31"}},
      {.name = "days", .time = "days: [mon-fri]", .in = {"2026-01-01", "2026-01-02", "2026-01-05"}, .out = {"2026-01-03", "2026-01-04T23:59:59Z"}},
      {.name = "days_over_the_end", .time = "days: [sat-mon, wed]", .in = {"2026-01-04", "2026-01-05", "2026-01-07"}, .out = {"2026-01-06", "2026-01-08"}},
      {.name = "day", .time = "days: [THU]", .in = {"2026-01-01"}, .out = {"2026-01-02"}},
      {.name = "day_before_1970", .time = "days: [wed]", .in = {"1969-12-31", "1969-12-31T23:59:59Z"}, .out = {"1970-01-01", "1969-12-30T23:59:59Z"}},
      {.name = "hours", .time = "hours: 08:00-18:30", .in = {"2026-01-01T08:00:00Z", "2026-01-01T18:29:59Z"}, .out = {"2026-01-01T07:59:59Z", "2026-01-01T18:30:00Z"}},
      {.name = "hours_over_midnight", .time = "hours: 22:00-06:00", .in = {"2026-01-01T23:00:00Z", "2026-01-01T05:59:59Z"}, .out = {"2026-01-01T06:00:00Z", "2026-01-01T21:59:59Z"}},
      {.name = "hours_to_the_end", .time = "hours: 18:00-24:00", .in = {"2026-01-01T23:59:59Z"}, .out = {"2026-01-02", "2026-01-01T17:00:00Z"}},
      {.name = "all_of_it", .time = "from: 2026-01-01, days: [thu], hours: 08:00-09:00", .in = {"2026-01-08T08:30:00Z"}, .out = {"2026-01-07T08:30:00Z", "2026-01-08T09:30:00Z", "2025-12-25T08:30:00Z"}});
/* clang-format on */

static const char *no_variable(void *arg, const char *name)
{
	(void)arg, (void)name;
	return NULL;
}

static struct match_time *load_time(const char *text)
{
	char _cleanup_free_ *rules = NULL;
	struct confile *confile;
	struct report report;
	struct match_time *time = NULL;
	struct confload load;
	size_t n;

	report_init(&report);
	MUST(asprintf(&rules, "[{match: {time: {%s}}}]", text) > 0);
	MUST_EQ(confile_parse_rules(rules, strlen(rules), no_variable, NULL, &report, &confile), 0);
	load = (struct confload){.confile = confile, .report = &report};
	MUST_EQ(confload_time(&load, &(struct confload_field){"[0].match.time"},
			      confile_rules(confile, &n)->match->time, &time),
		0);
	MUST_EQ(report.count, 0, "%s", report.items[0].message);
	confile_free(confile);
	return time;
}

static bool is_in(const struct match_time *time, const char *moment)
{
	int64_t seconds;

	MUST_EQ(units_parse_utc(moment, &seconds), 0, "%s", moment);
	return match_time_is_in(time, seconds);
}

TEST_CASES(a_moment_is_in_a_window, times)
{
	struct match_time _cleanup_free_ *time = load_time(variant->time);

	for (size_t i = 0; i < MAX && variant->in[i]; i++)
		CHECK(is_in(time, variant->in[i]), "%s", variant->in[i]);
	for (size_t i = 0; i < MAX && variant->out[i]; i++)
		CHECK(!is_in(time, variant->out[i]), "%s", variant->out[i]);
}
