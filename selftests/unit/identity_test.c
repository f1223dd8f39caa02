// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "model/identity.h"

#include <string.h>

SUITE("identity");

static char longest[IDENTITY_NAME_MAX + 1];

struct name_case {
	VARIANT;
	const char *bytes; /* NULL: longest */
	size_t len;
	bool usable;
};

CASES(struct name_case, names, {.name = "plain", .bytes = "app.example", .len = 11, .usable = true},
      {.name = "blank", .bytes = "a b", .len = 3, .usable = true},
      {.name = "utf8", .bytes = "J\xc3\xbcrgen", .len = 7, .usable = true},
      {.name = "not_utf8", .bytes = "\xff\xfe", .len = 2, .usable = true},
      {.name = "longest", .len = IDENTITY_NAME_MAX, .usable = true},
      {.name = "too_long", .len = IDENTITY_NAME_MAX + 1}, {.name = "empty", .bytes = ""},
      {.name = "nul_inside", .bytes = "app\0.evil", .len = 9},
      {.name = "nul_behind", .bytes = "app", .len = 4},
      {.name = "nul_alone", .bytes = "", .len = 1}, {.name = "newline", .bytes = "a\nb", .len = 3},
      {.name = "escape", .bytes = "\x1b[2J", .len = 4},
      {.name = "delete", .bytes = "a\x7f", .len = 2});

TEST_CASES(a_name_is_taken_or_marked, names)
{
	const char *bytes = variant->bytes ? variant->bytes : longest;
	struct identity _cleanup_identity_ *identity = identity_new();
	struct identity_name name;

	memset(longest, 'n', sizeof(longest));
	MUST_EQ(identity_add(&identity, IDENTITY_CN, bytes, variant->len), 0);
	CHECK_EQ(identity_is_unusable(identity, IDENTITY_CN), !variant->usable);
	CHECK(!identity_is_unusable(identity, IDENTITY_DNS));
	MUST_EQ(identity_find(identity, IDENTITY_CN, &name), variant->usable);
	if (variant->usable) {
		CHECK_EQ(name.len, variant->len);
		CHECK_MEM(name.bytes, bytes, variant->len);
	}
	MUST_EQ(identity_finish(&identity, false), 0);
	CHECK_EQ(identity_count(identity, IDENTITY_CN), variant->usable);
}

TEST(what_cannot_be_read_is_marked)
{
	struct identity _cleanup_identity_ *identity = identity_new();

	MUST_EQ(identity_add(&identity, IDENTITY_SUBJECT, NULL, 0), 0);
	MUST_EQ(identity_add(&identity, IDENTITY_IP, "12345", 5), 0);
	MUST_EQ(identity_add(&identity, IDENTITY_SERIAL, "\0", 1), 0);
	CHECK(identity_is_unusable(identity, IDENTITY_SUBJECT));
	CHECK(identity_is_unusable(identity, IDENTITY_IP));
	CHECK(!identity_is_unusable(identity, IDENTITY_SERIAL));
}

TEST(the_number_of_names_is_limited)
{
	struct identity _cleanup_identity_ *identity = identity_new();

	for (int i = 0; i < IDENTITY_NAMES_MAX; i++)
		MUST_EQ(identity_add(&identity, IDENTITY_DNS, "a.example", 9), 0);
	CHECK_EQ(identity->unusable, 0);
	MUST_EQ(identity_add(&identity, IDENTITY_URI, "urn:b", 5), 0);
	CHECK_EQ(identity_count(identity, IDENTITY_DNS), IDENTITY_NAMES_MAX);
	CHECK(!identity_is_unusable(identity, IDENTITY_DNS));
	CHECK(identity_is_unusable(identity, IDENTITY_URI));
	/* What there is one of does not count. */
	MUST_EQ(identity_add(&identity, IDENTITY_SERIAL, "b", 1), 0);
	CHECK_EQ(identity_count(identity, IDENTITY_SERIAL), 1);
}

TEST(the_bytes_of_all_names_are_limited)
{
	struct identity _cleanup_identity_ *identity = identity_new();

	memset(longest, 'n', sizeof(longest));
	for (int i = 0; i < 3; i++)
		MUST_EQ(identity_add(&identity, IDENTITY_CN, longest, IDENTITY_NAME_MAX), 0);
	CHECK_EQ(identity->unusable, 0);
	MUST_EQ(identity_add(&identity, IDENTITY_O, longest, IDENTITY_NAME_MAX), 0);
	CHECK(identity_is_unusable(identity, IDENTITY_O));
	CHECK_EQ(identity_count(identity, IDENTITY_O), 0);
	CHECK(identity->used <= IDENTITY_BYTES_MAX);
}

struct svid_case {
	VARIANT;
	const char *uri[2];
	bool other_usage;
	const char *domain; /* NULL: none */
	bool unusable;
};

/* clang-format off */
CASES(struct svid_case, svids,
      {.name = "no_uri"},
      {.name = "workload", .uri = {"spiffe://prod.example/ns/a/sa/b"}, .domain = "prod.example"},
      {.name = "one_segment", .uri = {"spiffe://prod-1_x.example/A.b"}, .domain = "prod-1_x.example"},
      {.name = "other_uri", .uri = {"urn:x"}},
      {.name = "a_ca_or_without_key_usage", .uri = {"spiffe://prod.example/a"}, .other_usage = true, .unusable = true},
      {.name = "two_ids", .uri = {"spiffe://prod.example/a", "spiffe://prod.example/b"}, .unusable = true},
      {.name = "another_uri_beside", .uri = {"spiffe://prod.example/a", "urn:x"}, .unusable = true},
      {.name = "no_path", .uri = {"spiffe://prod.example"}, .unusable = true},
      {.name = "empty_path", .uri = {"spiffe://prod.example/"}, .unusable = true},
      {.name = "slash_behind", .uri = {"spiffe://prod.example/a/"}, .unusable = true},
      {.name = "empty_segment", .uri = {"spiffe://prod.example/a//b"}, .unusable = true},
      {.name = "dot", .uri = {"spiffe://prod.example/./b"}, .unusable = true},
      {.name = "dots", .uri = {"spiffe://prod.example/a/.."}, .unusable = true},
      {.name = "three_dots", .uri = {"spiffe://prod.example/..."}, .domain = "prod.example"},
      {.name = "port", .uri = {"spiffe://prod.example:1/a"}, .unusable = true},
      {.name = "user", .uri = {"spiffe://me@prod.example/a"}, .unusable = true},
      {.name = "query", .uri = {"spiffe://prod.example/a?b"}, .unusable = true},
      {.name = "fragment", .uri = {"spiffe://prod.example/a#b"}, .unusable = true},
      {.name = "percent", .uri = {"spiffe://prod.example/%41"}, .unusable = true},
      {.name = "capitals_in_the_domain", .uri = {"spiffe://Prod.example/a"}, .unusable = true},
      {.name = "capitals_in_the_scheme", .uri = {"SPIFFE://prod.example/a"}, .unusable = true},
      {.name = "no_domain", .uri = {"spiffe:///a"}, .unusable = true},
      {.name = "scheme_alone", .uri = {"spiffe:"}, .unusable = true},
      {.name = "similar_scheme", .uri = {"spiffes://prod.example/a"}});
/* clang-format on */

TEST_CASES(a_trust_domain_is_that_of_a_valid_svid, svids)
{
	struct identity _cleanup_identity_ *identity = identity_new();
	struct identity_name name;

	for (size_t i = 0; i < 2 && variant->uri[i]; i++)
		MUST_EQ(identity_add(&identity, IDENTITY_URI, variant->uri[i],
				     strlen(variant->uri[i])),
			0);
	MUST_EQ(identity_finish(&identity, !variant->other_usage), 0);
	CHECK_EQ(identity_is_unusable(identity, IDENTITY_TRUST_DOMAIN), variant->unusable);
	MUST_EQ(identity_find(identity, IDENTITY_TRUST_DOMAIN, &name), variant->domain != NULL);
	if (variant->domain) {
		CHECK_EQ(name.len, strlen(variant->domain));
		CHECK_MEM(name.bytes, variant->domain, name.len);
	}
}

struct primary_case {
	VARIANT;
	enum identity_kind kinds[4]; /* names are "0", "1", … */
	size_t n;
	const char *primary;
};

CASES(struct primary_case, primaries, {.name = "none"},
      {.name = "cn", .kinds = {IDENTITY_CN}, .n = 1, .primary = "0"},
      {.name = "dns_before_cn", .kinds = {IDENTITY_CN, IDENTITY_DNS}, .n = 2, .primary = "1"},
      {.name = "uri_before_dns",
       .kinds = {IDENTITY_CN, IDENTITY_URI, IDENTITY_DNS},
       .n = 3,
       .primary = "1"},
      {.name = "cn_before_email", .kinds = {IDENTITY_EMAIL, IDENTITY_CN}, .n = 2, .primary = "1"},
      {.name = "email", .kinds = {IDENTITY_EMAIL, IDENTITY_O}, .n = 2, .primary = "0"},
      {.name = "others_are_not_shown", .kinds = {IDENTITY_O, IDENTITY_SERIAL}, .n = 2},
      {.name = "first_of_a_kind",
       .kinds = {IDENTITY_CN, IDENTITY_DNS, IDENTITY_DNS},
       .n = 3,
       .primary = "1"});

TEST_CASES(the_strongest_name_is_shown, primaries)
{
	struct identity _cleanup_identity_ *identity = identity_new();
	struct identity_name primary = {};

	for (size_t i = 0; i < variant->n; i++) {
		char digit = (char)('0' + i);

		MUST_EQ(identity_add(&identity, variant->kinds[i], &digit, 1), 0);
	}
	MUST_EQ(identity_primary(identity, &primary), variant->primary != NULL);
	if (variant->primary) {
		CHECK_EQ(primary.len, 1);
		CHECK_EQ(primary.bytes[0], variant->primary[0]);
	}
	CHECK(!identity_primary(NULL, &primary));
}
