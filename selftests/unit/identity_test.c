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
	int result;
};

CASES(struct name_case, names, {.name = "plain", .bytes = "app.example", .len = 11},
      {.name = "blank", .bytes = "a b", .len = 3},
      {.name = "utf8", .bytes = "J\xc3\xbcrgen", .len = 7},
      {.name = "not_utf8", .bytes = "\xff\xfe", .len = 2},
      {.name = "longest", .len = IDENTITY_NAME_MAX},
      {.name = "too_long", .len = IDENTITY_NAME_MAX + 1, .result = -EINVAL},
      {.name = "empty", .bytes = "", .result = -EINVAL},
      {.name = "nul_inside", .bytes = "app\0.evil", .len = 9, .result = -EINVAL},
      {.name = "nul_behind", .bytes = "app", .len = 4, .result = -EINVAL},
      {.name = "nul_alone", .bytes = "", .len = 1, .result = -EINVAL},
      {.name = "newline", .bytes = "a\nb", .len = 3, .result = -EINVAL},
      {.name = "escape", .bytes = "\x1b[2J", .len = 4, .result = -EINVAL},
      {.name = "delete", .bytes = "a\x7f", .len = 2, .result = -EINVAL});

TEST_CASES(a_name_is_taken_or_refused, names)
{
	const char *bytes = variant->bytes ? variant->bytes : longest;
	struct identity identity = {};

	memset(longest, 'n', sizeof(longest));
	MUST_EQ(identity_add(&identity, IDENTITY_CN, bytes, variant->len), variant->result);
	CHECK_EQ(identity.n_names, variant->result == 0);
	if (variant->result == 0) {
		CHECK_EQ(identity.names[0]->kind, IDENTITY_CN);
		CHECK_EQ(identity.names[0]->len, variant->len);
		CHECK_MEM(identity.names[0]->bytes, bytes, variant->len);
	}
	identity_done(&identity);
	CHECK_EQ(identity.n_names, 0);
}

TEST(the_number_of_names_is_limited)
{
	struct identity identity = {};

	for (int i = 0; i < IDENTITY_NAMES_MAX; i++)
		MUST_EQ(identity_add(&identity, IDENTITY_DNS, "a.example", 9), 0);
	CHECK_EQ(identity_add(&identity, IDENTITY_DNS, "b.example", 9), -E2BIG);
	CHECK_EQ(identity.n_names, IDENTITY_NAMES_MAX);
	CHECK_EQ(identity_count(&identity, IDENTITY_DNS), IDENTITY_NAMES_MAX);
	CHECK_EQ(identity_count(&identity, IDENTITY_URI), 0);
	identity_done(&identity);
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
      {.name = "first_of_a_kind",
       .kinds = {IDENTITY_CN, IDENTITY_DNS, IDENTITY_DNS},
       .n = 3,
       .primary = "1"});

TEST_CASES(the_strongest_name_is_shown, primaries)
{
	const struct identity_name *primary;
	struct identity identity = {};

	for (size_t i = 0; i < variant->n; i++) {
		char digit = (char)('0' + i);

		MUST_EQ(identity_add(&identity, variant->kinds[i], &digit, 1), 0);
	}
	primary = identity_primary(&identity);
	MUST_EQ(primary != NULL, variant->primary != NULL);
	if (primary && variant->primary) {
		CHECK_EQ(primary->len, 1);
		CHECK_EQ(primary->bytes[0], variant->primary[0]);
	}
	identity_done(&identity);
}
