// SPDX-License-Identifier: Apache-2.0
#include "selftests/e2e/e2e_raw.h"

void e2e_raw_connect(struct e2e *e, const struct e2e_case *c, struct tlsclient *client,
		     struct rawtls *raw)
{
	struct tlsclient_options options = e2e_client_options(e, c);

	e2e_connect(e, client, &options);
	rawtls_take(raw, client);
}

size_t e2e_raw_receive(struct e2e *e, struct rawtls *raw, struct payload *in, uint64_t bytes)
{
	static uint8_t data[KTLS_RECORD_MAX + 1];
	size_t updates = 0;

	while (bytes > 0) {
		uint8_t type = 0;
		ssize_t n = rawtls_receive(raw, &type, data, (int)test_scaled_ms(5000));

		E2E_MUST(e, n > 0, "%zd, %llu bytes are missing", n, (unsigned long long)bytes);
		if (type == KTLS_RECORD_HANDSHAKE) {
			updates++;
			continue;
		}
		E2E_MUST(e, type == KTLS_RECORD_DATA && payload_check(in, data, (size_t)n), "%s",
			 in->fault);
		E2E_MUST(e, (uint64_t)n <= bytes, "more than was asked for");
		bytes -= (uint64_t)n;
	}
	return updates;
}

struct rawtls_record e2e_raw_close_notify(void)
{
	static const uint8_t close_notify[2] = {1, TLS_ALERT_CLOSE_NOTIFY};

	return (struct rawtls_record){.type = KTLS_RECORD_ALERT, .data = close_notify, .len = 2};
}

void e2e_raw_finish(struct rawtls *raw)
{
	const struct rawtls_record end = e2e_raw_close_notify();

	MUST_EQ(rawtls_send(raw, &end, 1), 0);
}

/* After the client's end the upstream ends too, and the client must be told so, or be reset. */
void e2e_raw_expect_end(struct e2e *e, struct rawtls *raw, bool clean)
{
	static uint8_t data[KTLS_RECORD_MAX + 1];
	uint8_t type = 0;
	ssize_t n;

	do {
		n = rawtls_receive(raw, &type, data, (int)test_scaled_ms(5000));
	} while (n >= 0 && (type == KTLS_RECORD_DATA || type == KTLS_RECORD_HANDSHAKE));
	if (clean)
		E2E_MUST(e, n == 2 && type == KTLS_RECORD_ALERT && data[1] == 0, "%zd", n);
	else
		E2E_MUST(e,
			 (n == 2 && type == KTLS_RECORD_ALERT && data[1] != 0) || n == -ECONNRESET,
			 "%zd, type %u", n, type);
}

static const uint8_t key_updates[2][5] = {{24, 0, 0, 1, 0}, {24, 0, 0, 1, 1}};

struct rawtls_record e2e_raw_key_update(bool requested)
{
	return (struct rawtls_record){.type = KTLS_RECORD_HANDSHAKE,
				      .data = key_updates[requested],
				      .len = sizeof(key_updates[0]),
				      .last_of_key = true};
}
