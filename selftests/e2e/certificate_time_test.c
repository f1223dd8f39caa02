// SPDX-License-Identifier: Apache-2.0
/* When certificates are valid: theirs, their issuers' and the roots'; and times that are none. */
#include "selftests/e2e/certificate.h"

SUITE("certificate_time", NEEDS(NEED_NETNS), .deadline_ms = 60000);

#define DAY 86400L

static const struct certgen expired_root = {
	.cn = "an expired root", .ca = true, .from_s = -9 * DAY, .until_s = -60};
static const struct certgen early_root = {
	.cn = "an early root", .ca = true, .from_s = DAY, .until_s = 9 * DAY};

/* clang-format off */
static const struct certificate_case cases[] = {
	{.name = "good"},
	{.name = "expired", .leaf = {.from_s = -9 * DAY, .until_s = -60}, .verdict = CERTIFICATE_EXPIRED},
	{.name = "expired_long_ago", .leaf = {.from = "500101000000Z", .until = "700101000000Z"}, .verdict = CERTIFICATE_EXPIRED},
	{.name = "not_yet", .leaf = {.from_s = 3600, .until_s = DAY}, .verdict = CERTIFICATE_NOT_YET_VALID},
	{.name = "ends_before_it_begins", .leaf = {.from_s = DAY, .until_s = -DAY}, .verdict = CERTIFICATE_NOT_YET_VALID},
	{.name = "until_9999", .leaf = {.until = "99991231235959Z"}},
	{.name = "generalized_before_2050", .leaf = {.until = "20490101000000Z"}},
	{.name = "since_1950", .leaf = {.from = "500101000000Z"}},
	{.name = "expired_issuer", CERTIFICATE_SUBS({.cn = "sub", .ca = true, .from_s = -9 * DAY, .until_s = -60}), .verdict = CERTIFICATE_EXPIRED},
	{.name = "early_issuer", CERTIFICATE_SUBS({.cn = "sub", .ca = true, .from_s = DAY, .until_s = 2 * DAY}), .verdict = CERTIFICATE_NOT_YET_VALID},
	{.name = "outlives_its_issuer", .leaf = {.until_s = 99 * DAY}, CERTIFICATE_SUBS({.cn = "sub", .ca = true})},
	{.name = "expired_root", .root = &expired_root, .verdict = CERTIFICATE_EXPIRED},
	{.name = "early_root", .root = &early_root, .verdict = CERTIFICATE_NOT_YET_VALID},
	{.name = "month_13", .leaf = {.until = "301301000000Z"}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "february_30", .leaf = {.from = "200230000000Z"}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "no_seconds", .leaf = {.until = "3001010000Z"}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "other_zone", .leaf = {.until = "20400101000000+0100"}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "fraction", .leaf = {.until = "20400101000000.5Z"}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "no_zone", .leaf = {.until = "20400101000000"}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "no_time", .leaf = {.until = "whenever"}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "empty_time", .leaf = {.until = ""}, .verdict = CERTIFICATE_MALFORMED},
	{.name = "time_with_nul", .leaf = {.until = "300101000000Z", .patch = {CERTGEN_PATCH("300101000000Z", "30010100000\0Z")}}, .verdict = CERTIFICATE_MALFORMED},
};
/* clang-format on */

TEST_CASES(every_case, certificate_versions)
{
	certificate_run(&(struct certificate_family){CERTIFICATES(cases)}, variant);
}
