// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "base/spiffe.h"

#include <string.h>

SUITE("spiffe");

struct id_case {
	VARIANT;
	const char *uri;
	const char *domain; /* NULL: it is no SPIFFE ID */
};

/* clang-format off */
CASES(struct id_case, ids,
      {.name = "path", .uri = "spiffe://prod.example/ns/a", .domain = "prod.example"},
      {.name = "no_path", .uri = "spiffe://prod.example", .domain = "prod.example"},
      {.name = "letters", .uri = "spiffe://a-b_c.9/A-b_c.9", .domain = "a-b_c.9"},
      {.name = "three_dots", .uri = "spiffe://a/...", .domain = "a"},
      {.name = "empty", .uri = ""},
      {.name = "scheme_only", .uri = "spiffe://"},
      {.name = "no_domain", .uri = "spiffe:///a"},
      {.name = "another_scheme", .uri = "https://prod.example/a"},
      {.name = "upper_case_scheme", .uri = "SPIFFE://prod.example/a"},
      {.name = "upper_case_domain", .uri = "spiffe://Prod.example/a"},
      {.name = "one_slash", .uri = "spiffe:/prod.example/a"},
      {.name = "slash_at_the_end", .uri = "spiffe://a/b/"},
      {.name = "slash_for_a_path", .uri = "spiffe://a/"},
      {.name = "empty_segment", .uri = "spiffe://a/b//c"},
      {.name = "dot", .uri = "spiffe://a/./b"},
      {.name = "dots", .uri = "spiffe://a/.."},
      {.name = "percent", .uri = "spiffe://a/%62"},
      {.name = "query", .uri = "spiffe://a/b?c"},
      {.name = "fragment", .uri = "spiffe://a/b#c"},
      {.name = "port", .uri = "spiffe://a:1/b"},
      {.name = "user", .uri = "spiffe://a@b/c"},
      {.name = "blank", .uri = "spiffe://a/b c"},
      {.name = "high_bytes", .uri = "spiffe://a/\xc3\xbc"});
/* clang-format on */

TEST_CASES(an_id_is_written_as_the_standard_wants, ids)
{
	const char *domain = NULL;
	size_t len = 0;
	bool is = spiffe_parse(variant->uri, strlen(variant->uri), &domain, &len);

	CHECK_EQ(is, variant->domain != NULL);
	if (is && variant->domain)
		CHECK(len == strlen(variant->domain) && memcmp(domain, variant->domain, len) == 0);
}

TEST(a_nul_is_not_its_end)
{
	const char *domain;
	size_t len;

	CHECK(!spiffe_parse("spiffe://a/b\0c", 14, &domain, &len));
	CHECK(spiffe_parse("spiffe://a/bX", 12, &domain, &len));
}

TEST(lengths_have_limits)
{
	char uri[SPIFFE_ID_MAX + 2] = "spiffe://";
	const char *domain;
	size_t len;

	memset(uri + 9, 'a', sizeof(uri) - 9);
	CHECK(spiffe_parse(uri, 9 + SPIFFE_DOMAIN_MAX, &domain, &len));
	CHECK(!spiffe_parse(uri, 9 + SPIFFE_DOMAIN_MAX + 1, &domain, &len));
	uri[9 + SPIFFE_DOMAIN_MAX] = '/';
	CHECK(spiffe_parse(uri, SPIFFE_ID_MAX, &domain, &len));
	CHECK(!spiffe_parse(uri, SPIFFE_ID_MAX + 1, &domain, &len));
}

TEST(who_claims_it)
{
	CHECK(spiffe_is_claimed("spiffe://a/b", 12));
	CHECK(spiffe_is_claimed("SpIfFe:x", 8));
	CHECK(!spiffe_is_claimed("spiffe", 6));
	CHECK(!spiffe_is_claimed("https://spiffe:", 15));
}
