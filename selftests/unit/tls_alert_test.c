// SPDX-License-Identifier: Apache-2.0
/* The alert that is sealed here is one that the client's library opens. */
#include "selftests/harness/harness.h"

#include "selftests/lib/record.h"
#include "selftests/unit/tls_pair.h"

#include <openssl/err.h>
#include <unistd.h>

SUITE("tls_alert");

struct alert_case {
	VARIANT;
	int version;
	const char *suite;
};

/* clang-format off */
CASES(struct alert_case, suites,
      {.name = "1.3_aes128", .version = TLS1_3_VERSION, .suite = "TLS_AES_128_GCM_SHA256"},
      {.name = "1.3_aes256", .version = TLS1_3_VERSION, .suite = "TLS_AES_256_GCM_SHA384"},
      {.name = "1.3_chacha20", .version = TLS1_3_VERSION, .suite = "TLS_CHACHA20_POLY1305_SHA256"},
      {.name = "1.2_aes128", .version = TLS1_2_VERSION, .suite = "ECDHE-ECDSA-AES128-GCM-SHA256"},
      {.name = "1.2_aes256", .version = TLS1_2_VERSION, .suite = "ECDHE-ECDSA-AES256-GCM-SHA384"},
      {.name = "1.2_chacha20", .version = TLS1_2_VERSION, .suite = "ECDHE-ECDSA-CHACHA20-POLY1305"});

struct moment {
	VARIANT;
	int records_before;
	enum tls_alert alert;
};

CASES(struct moment, moments,
      {.name = "at_once", .alert = TLS_ALERT_ACCESS_DENIED},
      {.name = "after_data", .records_before = 3, .alert = TLS_ALERT_INTERNAL_ERROR});
/* clang-format on */

static void open_pair(struct tls_pair *pair, const struct alert_case *suite, int records)
{
	char data[8];

	tls_pair_open(pair,
		      &(struct tls_pair_options){.version = suite->version, .suite = suite->suite});
	for (int i = 0; i < records; i++) {
		MUST_EQ(tls_write(pair->conn, "data", 4), 4);
		MUST_EQ(SSL_read(pair->client, data, sizeof(data)), 4);
	}
}

TEST_MATRIX(the_client_reads_it, suites, moments)
{
	struct tls_pair pair;
	char data[8];

	open_pair(&pair, row, column->records_before);
	MUST_EQ(tls_send_alert(pair.conn, column->alert), 0);
	CHECK_EQ(ERR_peek_error(), 0);
	CHECK_EQ(tls_conn_failure(pair.conn)->alert, column->alert);
	CHECK_LE(SSL_read(pair.client, data, sizeof(data)), 0);
	CHECK_EQ(pair.alert, column->alert);
	CHECK_EQ(ERR_GET_REASON(ERR_peek_error()), SSL_AD_REASON_OFFSET + (int)column->alert);
	ERR_clear_error();
	/* And nothing more is done with the connection. */
	CHECK_EQ(tls_write(pair.conn, "x", 1), -EPROTO);
	CHECK_EQ(tls_read(pair.conn, data, 1), -EPROTO);
	CHECK_EQ(tls_send_close_notify(pair.conn), -EPROTO);
	tls_pair_close(&pair);
}

TEST_MATRIX(it_opens_with_the_exported_keys_as_one_fatal_record, suites, moments)
{
	uint8_t wire[RECORD_WIRE_MAX], body[KTLS_RECORD_MAX + 1], type = 0;
	struct record_stream tx, rx;
	struct tls_pair pair;
	size_t len, used = 0;

	open_pair(&pair, row, column->records_before);
	MUST_EQ(tls_export_keys(pair.conn, &tx.keys, &rx.keys), 0);
	MUST_EQ(tls_send_alert(pair.conn, column->alert), 0);
	len = tls_pair_wire(pair.client_fd, wire, sizeof(wire));
	MUST_EQ(record_open(&tx, wire, len, &type, body, &used), 2);
	CHECK_EQ(used, len);
	CHECK_EQ(type, KTLS_RECORD_ALERT);
	CHECK_EQ(body[0], 2);
	CHECK_EQ(body[1], column->alert);
	tls_pair_close(&pair);
}

TEST(without_keys_there_is_no_alert)
{
	struct tls_pair pair;
	uint8_t wire[64];

	open_pair(&pair, &suites[0], 0);
	secret_wipe(&pair.conn->server_secret);
	CHECK_EQ(tls_send_alert(pair.conn, TLS_ALERT_ACCESS_DENIED), -EIO);
	CHECK_EQ(tls_pair_wire(pair.client_fd, wire, sizeof(wire)), 0);
	tls_pair_close(&pair);
}

/* A peer that is gone is not a reason to die of SIGPIPE. */
TEST(a_closed_peer_is_an_error)
{
	struct tls_pair pair;

	open_pair(&pair, &suites[0], 0);
	MUST_OK(close(pair.client_fd));
	CHECK_EQ(tls_send_alert(pair.conn, TLS_ALERT_ACCESS_DENIED), -EAGAIN);
	pair.client_fd = MUST_OK(dup(pair.server_fd));
	tls_pair_close(&pair);
}
