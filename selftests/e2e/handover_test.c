// SPDX-License-Identifier: Apache-2.0
/* When the kernel gets a session that began on OpenSSL, and which engine moves it then. */
#include "selftests/e2e/e2e_raw.h"

#include "sys/json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

SUITE("handover", NEEDS(NEED_NETNS));

#define LATE	"    offload_after: {bytes: 64KiB, age: 10m}\n"
#define AT_ONCE "    offload_after: {bytes: 0}\n"
#define LOG_MS	5000

/* What a hand-over meets; the engine says what e2e_prove_live() has to find behind it. */
/* clang-format off */
CASES(struct e2e_case, versions,
      E2E_ROW("1.2", E2E_SPLICE, TLS1_2_VERSION, SUITE_AES_128),
      E2E_ROW("1.3", E2E_SPLICE, TLS1_3_VERSION, SUITE_AES_256),
      E2E_ROW("1.3-chacha20", E2E_SPLICE, TLS1_3_VERSION, SUITE_CHACHA20));
/* clang-format on */

static void start(struct e2e *e, const struct peer_step *upstream, const char *listener)
{
	e->quiet_offload = true;
	e->script = upstream;
	e->listener = listener;
	e2e_start(e);
}

static void connect_as(struct e2e *e, const struct e2e_case *c, struct tlsclient *client,
		       struct peer *peer)
{
	struct tlsclient_options options = e2e_client_options(e, c);

	e2e_connect(e, client, &options);
	peer_init_client(peer, client);
}

static void prove_engine(struct e2e *e, const struct tlsclient *client, enum e2e_engine engine)
{
	e->engine = engine;
	e2e_prove_live(e, client);
}

static struct log_entry session_line(struct e2e *e, size_t nth, const char *close)
{
	struct log_entry line = {};

	E2E_MUST(e, daemon_wait_log(&e->daemon, "session", NULL, NULL, nth, LOG_MS, &line));
	E2E_MUST(e, log_entry_is(&line, "close", close), "%s", line.text);
	return line;
}

/* Bytes that were moved while OpenSSL had the keys, and while the kernel had. */
static uint64_t moved(struct e2e *e, bool kernel)
{
	static const char *const names[2][4] = {
		{"bytes_in_copy", "bytes_out_copy"},
		{"bytes_in_ktls_copy", "bytes_out_ktls_copy", "bytes_in_splice",
		 "bytes_out_splice"},
	};
	uint64_t sum = 0;

	for (size_t i = 0; i < 4 && names[kernel][i]; i++)
		sum += daemon_counter(&e->daemon, names[kernel][i]);
	return sum;
}

/* --- late --- */

/* Bulk is handed over while bytes flow both ways. */
TEST_CASES(bulk_is_handed_over, versions, .deadline_ms = 60000)
{
	enum { FIRST = 20000, BULK = 4 << 20 };
	static struct e2e e;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	start(&e, STEPS(BOTH(FIRST, FIRST), GATE(1), BOTH(BULK, BULK), RECV_END, FINISH), LATE);
	connect_as(&e, variant, &client, &peer);
	peer.gate = &e.upstream.gate;
	e2e_run(&e, &peer, STEPS(BOTH(FIRST, FIRST)));
	prove_engine(&e, &client, E2E_COPY);
	e2e_run(&e, &peer, STEPS(PASS(1), BOTH(BULK, BULK)));
	prove_engine(&e, &client, E2E_SPLICE);
	e2e_run(&e, &peer, STEPS(FINISH, RECV_END));
	tlsclient_close(&client);
	e2e_upstream(&e, 0);
	line = session_line(&e, 0, "done");
	E2E_MUST(&e, log_entry_is(&line, "offload_reason", "none"), "%s", line.text);
	E2E_MUST(&e, daemon_counter(&e.daemon, "sessions_copy") == 1);
	E2E_MUST(&e, daemon_counter(&e.daemon, "sessions_kernel") == 1);
	E2E_MUST(&e, moved(&e, false) >= 65536, "%llu", (unsigned long long)moved(&e, false));
	E2E_MUST(&e, moved(&e, true) > 0);
	E2E_MUST(&e, moved(&e, false) + moved(&e, true) == 2 * (FIRST + BULK));
	e2e_stop(&e);
}

/* With a reader that sleeps both ways are full when it is due: what is held goes on with the kernel. */
TEST_CASES(full_pipes_are_handed_over, versions, .deadline_ms = 60000)
{
	enum { BULK = 8 << 20 };
	static struct e2e e;
	struct tlsclient client;
	struct peer peer;

	start(&e, STEPS(SLOW_RECV(BULK, 300), SEND(BULK), RECV_END, FINISH), LATE);
	connect_as(&e, variant, &client, &peer);
	e2e_run(&e, &peer, STEPS(SEND(BULK), SLOW_RECV(BULK, 300)));
	prove_engine(&e, &client, E2E_SPLICE);
	e2e_run(&e, &peer, STEPS(FINISH, RECV_END));
	tlsclient_close(&client);
	e2e_upstream(&e, 0);
	(void)session_line(&e, 0, "done");
	e2e_stop(&e);
}

/* A short one never pays for kernel TLS. */
TEST(short_session_stays, NEEDS(NEED_NETNS | NEED_KTLS))
{
	static struct e2e e;
	struct tlsstat now = {};
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	start(&e, STEPS(ECHO_ALL, FINISH), LATE);
	e2e_connect_echo(&e, &client, &peer);
	prove_engine(&e, &client, E2E_COPY);
	e2e_end_echo(&e, &client, &peer);
	line = session_line(&e, 0, "done");
	E2E_MUST(&e, log_entry_is(&line, "engine_in", "copy"), "%s", line.text);
	E2E_MUST(&e, log_entry_is(&line, "offload_reason", "not_yet"), "%s", line.text);
	MUST_EQ(tlsstat_read(&now), 0);
	E2E_MUST(&e, tlsstat_get(&now, "TlsTxSw") == tlsstat_get(&e.tls_stat, "TlsTxSw"));
	e2e_stop(&e);
}

/* An idle one gives up its SSL object. */
TEST_CASES(idle_session_is_handed_over, versions)
{
	static struct e2e e;
	struct tlsclient client;
	struct peer peer;

	start(&e, STEPS(ECHO_ALL, FINISH), "    offload_after: {bytes: 1GiB, age: 1s}\n");
	connect_as(&e, variant, &client, &peer);
	peer_expect_echo(&peer);
	e2e_run(&e, &peer, STEPS(SEND(1000), RECV(1000)));
	prove_engine(&e, &client, E2E_SPLICE);
	e2e_end_echo(&e, &client, &peer);
	e2e_upstream(&e, 0);
	(void)session_line(&e, 0, "done");
	e2e_stop(&e);
}

/* One direction has ended: it is over soon. */
TEST(half_closed_session_stays, NEEDS(NEED_NETNS | NEED_KTLS))
{
	enum { BULK = 1 << 20 };
	static struct e2e e;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	start(&e, STEPS(RECV_END, SEND(BULK), FINISH), LATE);
	connect_as(&e, NULL, &client, &peer);
	e2e_run(&e, &peer, STEPS(FINISH, RECV(BULK), RECV_END));
	tlsclient_close(&client);
	line = session_line(&e, 0, "done");
	E2E_MUST(&e, log_entry_is(&line, "engine_out", "copy"), "%s", line.text);
	E2E_MUST(&e, log_entry_is(&line, "offload_reason", "ending"), "%s", line.text);
	e2e_stop(&e);
}

/* --- with part of a record read --- */

static bool status_says(struct e2e *e, const char *key, const char *expected)
{
	struct json _cleanup_json_ *status = daemon_status(&e->daemon);
	struct json *worker = json_at(json_get_array(status, "workers"), 0);
	struct json *session = json_at(json_get_array(worker, "sessions"), 0);
	const char *value = json_get_str(session, key, "");

	return strcmp(value, expected) == 0;
}

/* OpenSSL has the first bytes of a record when it is due: it is not before the last one is there. */
TEST_CASES(partial_record_waits, versions, .deadline_ms = 120000)
{
	/* In the header, at its end, in the body, before its last byte. */
	static const size_t cuts[] = {1, 2, 3, 4, 5, 6, 100, SIZE_MAX};
	enum { WHOLE = 1000, CUT = 500 };
	static char payload[WHOLE + CUT];
	static struct rawtls raw;
	static struct e2e e;

	peer_client_payload(payload, sizeof(payload));
	start(&e, STEPS(RECV(WHOLE), RECV(CUT), SEND(CUT), RECV_END, FINISH),
	      "    offload_after: {bytes: 1000B, age: 10m}\n");
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		uint8_t wire[2 * RECORD_WIRE_MAX];
		struct tlsclient client;
		size_t whole, len, first;
		struct peer peer;

		e2e_raw_connect(&e, variant, &client, &raw);
		peer_init_client(&peer, &client);
		/* In one piece, so that it is due when part of the second has been read. */
		whole = record_seal(&raw.out, KTLS_RECORD_DATA, payload, WHOLE, 0, wire);
		len = whole + record_seal(&raw.out, KTLS_RECORD_DATA, payload + WHOLE, CUT, 0,
					  wire + whole);
		first = cuts[i] < len - whole ? whole + cuts[i] : len - 1;
		MUST_EQ(write(client.fd, wire, first), (ssize_t)first);
		E2E_MUST(&e, UNTIL(status_says(&e, "offload_reason", "pending_bytes"), 5000));
		prove_engine(&e, &client, E2E_COPY);
		MUST_EQ(write(client.fd, wire + first, len - first), (ssize_t)(len - first));
		prove_engine(&e, &client, E2E_SPLICE);
		MUST_EQ(e2e_raw_receive(&e, &raw, &peer.in, CUT), 0);
		e2e_raw_finish(&raw);
		e2e_raw_expect_end(&e, &raw, true);
		e2e_upstream(&e, (unsigned int)i);
		(void)session_line(&e, i, "done");
		tlsclient_close(&client);
	}
	e2e_stop(&e);
}

/* --- with keys that OpenSSL has changed --- */

/* clang-format off */
CASES(struct e2e_case, suites_1_3,
      E2E_ROW("aes128", E2E_SPLICE, TLS1_3_VERSION, SUITE_AES_128),
      E2E_ROW("aes256", E2E_SPLICE, TLS1_3_VERSION, SUITE_AES_256));
/* clang-format on */

/* On any kernel: both directions were rekeyed, one twice, before the kernel got the present keys. */
TEST_CASES(changed_keys_are_handed_over, suites_1_3)
{
	enum { PART = 1000, BULK = 200000 };
	static char payload[3 * PART + BULK];
	static struct rawtls raw;
	static struct e2e e;
	struct tlsclient client;
	struct peer peer;
	size_t sent = 0;

	peer_client_payload(payload, sizeof(payload));
	start(&e, STEPS(RECV(3 * PART), SEND(PART), GATE(1), BOTH(BULK, BULK), RECV_END, FINISH),
	      LATE);
	e2e_raw_connect(&e, variant, &client, &raw);
	peer_init_client(&peer, &client);
	for (int i = 0; i < 3; i++, sent += PART) {
		const struct rawtls_record records[] = {
			e2e_raw_key_update(i == 1),
			{.type = KTLS_RECORD_DATA, .data = payload + sent, .len = PART},
		};

		MUST_EQ(rawtls_send(&raw, records, 2), 0);
	}
	MUST_EQ(e2e_raw_receive(&e, &raw, &peer.in, PART), 1);
	prove_engine(&e, &client, E2E_COPY);
	e.upstream.gate = 1;
	for (; sent < sizeof(payload); sent += PART) {
		const struct rawtls_record record = {
			.type = KTLS_RECORD_DATA, .data = payload + sent, .len = PART};

		MUST_EQ(rawtls_send(&raw, &record, 1), 0);
	}
	MUST_EQ(e2e_raw_receive(&e, &raw, &peer.in, BULK), 0);
	prove_engine(&e, &client, E2E_SPLICE);
	e2e_raw_finish(&raw);
	e2e_raw_expect_end(&e, &raw, true);
	e2e_upstream(&e, 0);
	(void)session_line(&e, 0, "done");
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* An upload to which nobody says a word: the answer that OpenSSL keeps for its next write is sent. */
TEST_CASES(upload_with_an_answer_due_is_handed_over, suites_1_3)
{
	enum { PART = 1000, BULK = 200000 };
	uint8_t type = 0, answer[KTLS_RECORD_MAX + 1];
	const struct rawtls_record update = e2e_raw_key_update(true);
	static char payload[BULK];
	static struct rawtls raw;
	static struct e2e e;
	struct tlsclient client;
	ssize_t n;

	peer_client_payload(payload, sizeof(payload));
	start(&e, STEPS(RECV(BULK), RECV_END, FINISH), LATE);
	e2e_raw_connect(&e, variant, &client, &raw);
	MUST_EQ(rawtls_send(&raw, &update, 1), 0);
	for (size_t sent = 0; sent < sizeof(payload); sent += PART) {
		const struct rawtls_record record = {
			.type = KTLS_RECORD_DATA, .data = payload + sent, .len = PART};

		MUST_EQ(rawtls_send(&raw, &record, 1), 0);
	}
	n = rawtls_receive(&raw, &type, answer, (int)test_scaled_ms(5000));
	E2E_MUST(&e, n == 5 && type == KTLS_RECORD_HANDSHAKE && answer[0] == 24 && answer[4] == 0,
		 "%zd bytes of type %u", n, type);
	prove_engine(&e, &client, E2E_SPLICE);
	e2e_raw_finish(&raw);
	e2e_raw_expect_end(&e, &raw, true);
	e2e_upstream(&e, 0);
	(void)session_line(&e, 0, "done");
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* --- mode: originate --- */

/* Tickets before and behind the hand-over. */
TEST_CASES(originated_session_is_handed_over, versions)
{
	enum { BULK = 1 << 20 };
	static struct e2e e = {.originate = true, .quiet_offload = true, .listener = LATE};
	struct log_entry line;
	struct peer client;

	e.script = STEPS(TICKETS(2), BOTH(1000, 1000), TICKETS(1), BOTH(BULK, BULK), TICKETS(1),
			 SEND(1000), RECV_END, FINISH);
	e2e_begin_plain(&e, variant, &client);
	e2e_run(&e, &client, STEPS(BOTH(1000, 1000), BOTH(BULK, BULK), RECV(1000)));
	e2e_prove_originated(&e, variant);
	e2e_run(&e, &client, STEPS(FINISH, RECV_END));
	e2e_upstream(&e, 0);
	line = session_line(&e, 0, "done");
	E2E_MUST(&e, log_entry_is(&line, "offload_reason", "none"), "%s", line.text);
	E2E_MUST(&e, moved(&e, false) > 0 && moved(&e, true) > 0);
	e2e_end_plain(&e, &client);
}

/* --- engine: auto --- */

#define TALK(n) STEPS(SEND(n), RECV(n))

static void talk(struct e2e *e, struct peer *peer, size_t bytes, int rounds)
{
	for (int i = 0; i < rounds; i++)
		e2e_run(e, peer, TALK(bytes));
}

/* Small messages through a buffer and bulk through a pipe, to and fro while the connection lives. */
TEST_CASES(engine_follows_the_bytes, versions, .deadline_ms = 60000)
{
	enum { BULK = 2 << 20, ROUNDS = 20 };
	static struct e2e e;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	start(&e, STEPS(ECHO_ALL, FINISH), AT_ONCE);
	connect_as(&e, variant, &client, &peer);
	peer_expect_echo(&peer);
	for (int i = 0; i < 3; i++) {
		talk(&e, &peer, 100, ROUNDS);
		E2E_MUST(&e, status_says(&e, "engine_in", "ktls-copy"));
		E2E_MUST(&e, status_says(&e, "engine_out", "ktls-copy"));
		e2e_run(&e, &peer, STEPS(BOTH(BULK, BULK)));
		E2E_MUST(&e, status_says(&e, "engine_in", "splice"));
		E2E_MUST(&e, status_says(&e, "engine_out", "splice"));
	}
	prove_engine(&e, &client, E2E_SPLICE);
	e2e_run(&e, &peer, STEPS(FINISH, RECV_END));
	tlsclient_close(&client);
	line = session_line(&e, 0, "done");
	E2E_MUST(&e, log_entry_u64(&line, "spliced_in") > BULK, "%s", line.text);
	E2E_MUST(&e, log_entry_u64(&line, "spliced_out") > BULK, "%s", line.text);
	E2E_MUST(&e, daemon_counter(&e.daemon, "bytes_in_ktls_copy") >= 3 * 100 * ROUNDS);
	E2E_MUST(&e, moved(&e, false) == 0);
	E2E_MUST(&e, moved(&e, true) == UINT64_C(2) * 3 * (100 * ROUNDS + BULK));
	e2e_stop(&e);
}

/* Each direction by its own bytes: a download with small requests. */
TEST_CASES(directions_differ, versions)
{
	enum { BULK = 1 << 20 };
	static struct e2e e;
	struct tlsclient client;
	struct peer peer;

	start(&e, STEPS(RECV(10), SEND(BULK), RECV(10), SEND(BULK), RECV_END, FINISH), AT_ONCE);
	connect_as(&e, variant, &client, &peer);
	e2e_run(&e, &peer, STEPS(SEND(10), RECV(BULK), SEND(10), RECV(BULK)));
	E2E_MUST(&e, status_says(&e, "engine_in", "ktls-copy"));
	E2E_MUST(&e, status_says(&e, "engine_out", "splice"));
	e2e_run(&e, &peer, STEPS(FINISH, RECV_END));
	tlsclient_close(&client);
	e2e_upstream(&e, 0);
	(void)session_line(&e, 0, "done");
	e2e_stop(&e);
}
