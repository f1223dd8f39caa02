// SPDX-License-Identifier: Apache-2.0
/* The server's order decides, nothing in common is an alert, and who offers nothing is served. */
#include "selftests/harness/harness.h"
#include "selftests/unit/tls_pair.h"

#include <string.h>

SUITE("tls_alpn");

#define NO_PROTOCOL 120 /* RFC 7301 3.2 */

struct version_case {
	VARIANT;
	int version;
};

struct offer_case {
	VARIANT;
	const char *offer;
	const char *agreed; /* NULL: nothing */
	bool refused;
};

/* clang-format off */
CASES(struct version_case, versions,
      {.name = "1.2", .version = TLS1_2_VERSION},
      {.name = "1.3", .version = TLS1_3_VERSION});

CASES(struct offer_case, offers,
      {.name = "ours_first", .offer = "\x08http/1.1\x02h2", .agreed = "h2"},
      {.name = "second", .offer = "\x04imap\x08http/1.1", .agreed = "http/1.1"},
      {.name = "none", .offer = NULL, .agreed = NULL},
      {.name = "others", .offer = "\x04imap\x04smtp", .refused = true},
      {.name = "a_part_of_ours", .offer = "\x01h\x06http/1", .refused = true},
      {.name = "more_than_ours", .offer = "\x03h2c", .refused = true});
/* clang-format on */

static void check_agreed(const struct tls_conn *conn, const char *wanted)
{
	size_t len = 1;
	const char *name = tls_alpn(conn, &len);

	CHECK_EQ(name != NULL, wanted != NULL);
	CHECK_EQ(len, wanted ? strlen(wanted) : 0);
	if (name && wanted && len == strlen(wanted))
		CHECK_MEM(name, wanted, len);
}

TEST_MATRIX(what_is_agreed_on, offers, versions)
{
	char h2[] = "h2", http[] = "http/1.1";
	char *ours[] = {h2, http};
	struct tls_pair pair;
	enum tls_step step =
		tls_pair_try(&pair, &(struct tls_pair_options){.version = column->version,
							       .alpn = ours,
							       .n_alpn = 2,
							       .offer = row->offer});

	CHECK_EQ(step, row->refused ? TLS_STEP_FAILED : TLS_STEP_DONE);
	CHECK_EQ(pair.alert, row->refused ? NO_PROTOCOL : -1);
	CHECK_EQ(tls_conn_failure(pair.conn)->alert, row->refused ? NO_PROTOCOL : -1);
	CHECK_STR(tls_conn_failure(pair.conn)->check, row->refused ? "alpn" : NULL);
	check_agreed(pair.conn, row->agreed);
	tls_pair_close(&pair);
}

TEST_CASES(a_server_without_does_not_look, offers)
{
	struct tls_pair pair;

	tls_pair_open(&pair, &(struct tls_pair_options){.version = TLS1_3_VERSION,
							.offer = variant->offer});
	check_agreed(pair.conn, NULL);
	tls_pair_close(&pair);
}
