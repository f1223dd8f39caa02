// SPDX-License-Identifier: Apache-2.0
/* What a server may send behind the handshake, and what it may not. */
#include "selftests/e2e/e2e.h"

#include "selftests/lib/rawtls.h"
#include "sys/ktls.h"

#include <string.h>

SUITE("originate_record", NEEDS(NEED_NETNS), .deadline_ms = 30000);

#define SERVER_TICKETS 2 /* OpenSSL's default behind a handshake */

CASES(struct e2e_case, engines, E2E_ENGINES);
CASES(struct e2e_case, engines_1_3, E2E_ROW("copy", E2E_COPY, TLS1_3_VERSION, SUITE_AES_256),
      E2E_ROW("splice", E2E_SPLICE, TLS1_3_VERSION, SUITE_AES_256));

TEST_CASES(tickets_disturb_nothing, engines)
{
	uint64_t expected = SERVER_TICKETS + 1 + 3 + 1;
	static struct e2e e;
	struct peer client;

	e.script = STEPS(RECV(1000), TICKETS(1), SEND(100000), TICKETS(3), SEND(100000), RECV(1000),
			 TICKETS(1), FINISH, RECV_END);
	e2e_begin_plain(&e, variant, &client);
	e2e_prove_originated(&e, variant);
	e2e_run(&e, &client, STEPS(SEND(1000), RECV(200000), SEND(1000), RECV_END, FINISH));
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, "done");
	if (variant->version == TLS1_2_VERSION)
		expected = 0;
	E2E_MUST(&e, daemon_counter(&e.daemon, "tickets_dropped") == expected, "%llu dropped",
		 (unsigned long long)daemon_counter(&e.daemon, "tickets_dropped"));
	e2e_end_plain(&e, &client);
}

CASES(struct e2e_case, engines_that_follow, E2E_ENGINES_THAT_FOLLOW);

/* OpenSSL owes its answer to the KeyUpdate until it writes or reads the next message. */
TEST_CASES(key_update_before_tickets, engines_that_follow)
{
	static struct e2e e;
	struct peer client;

	e.script = STEPS(RECV(1), KEY_UPDATE(1), TICKETS(2), SEND(1000), RECV_END, FINISH);
	e2e_begin_plain(&e, variant, &client);
	e2e_prove_originated(&e, variant);
	e2e_run(&e, &client, STEPS(SEND(1), RECV(1000), FINISH, RECV_END));
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, "done");
	e2e_end_plain(&e, &client);
}

/* Nothing may follow our close_notify, so the server gets no answer, and its data goes on. */
TEST_CASES(key_update_behind_our_end, engines_that_follow)
{
	static struct e2e e;
	struct peer client;

	e.script = STEPS(RECV(1), SEND(1), RECV_END, KEY_UPDATE(1), SEND(1000), KEY_UPDATE(1),
			 SEND(1000), FINISH);
	e2e_begin_plain(&e, variant, &client);
	e2e_prove_originated(&e, variant);
	e2e_run(&e, &client, STEPS(SEND(1), RECV(1), FINISH, RECV(2000), RECV_END));
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, "done");
	e2e_end_plain(&e, &client);
}

/* Handshake messages as no library sends them; then ten bytes and close_notify. */
struct message_case {
	VARIANT;
	size_t cuts[4];	  /* where records end; 0: at the end */
	size_t data_at;	  /* ten bytes between two records: behind the first that reaches it */
	size_t len;	  /* of the whole */
	const char *head; /* its first bytes; zeroes follow */
	size_t head_len;
	const char *close;
	unsigned int dropped;
	bool updates; /* its last record is the last of its key */
};

#define HEAD(text) .head = (text), .head_len = sizeof(text) - 1

/* clang-format off */
CASES(struct message_case, messages,
      {.name = "one", .len = 204, HEAD("\4\0\0\310"), .close = "done", .dropped = 1},
      {.name = "split", .cuts = {100, 150}, .len = 204, HEAD("\4\0\0\310"), .close = "done", .dropped = 1},
      {.name = "split-header", .cuts = {1, 3}, .len = 204, HEAD("\4\0\0\310"), .close = "done", .dropped = 1},
      {.name = "joined", .len = 8 + 5, HEAD("\4\0\0\4abcd\4\0\0\1"), .close = "done", .dropped = 2},
      {.name = "joined-and-split", .cuts = {9}, .len = 8 + 5, HEAD("\4\0\0\4abcd\4\0\0\1"), .close = "done", .dropped = 2},
      {.name = "large", .len = 4 + 12000, HEAD("\4\0\56\340"), .close = "done", .dropped = 1},
      {.name = "interleaved", .cuts = {100}, .data_at = 100, .len = 204, HEAD("\4\0\0\310"), .close = "unexpected_record"},
      {.name = "empty", .len = 4, HEAD("\4\0\0\0"), .close = "unexpected_record"},
      {.name = "hello-request", .len = 4, HEAD("\0\0\0\0"), .close = "unexpected_record"},
      {.name = "certificate-request", .len = 100, HEAD("\15\0\0\140"), .close = "unexpected_record"},
      {.name = "behind-a-ticket", .len = 8 + 100, HEAD("\4\0\0\4abcd\15\0\0\140"), .close = "unexpected_record", .dropped = 1},
      {.name = "key-update", .len = 5, HEAD("\30\0\0\1\0"), .close = "key_update", .updates = true},
      {.name = "key-update-behind-a-ticket", .len = 8 + 5, HEAD("\4\0\0\4abcd\30\0\0\1\0"), .close = "key_update", .dropped = 1, .updates = true});
/* clang-format on */

static size_t make_records(const struct message_case *c, const uint8_t *message,
			   const uint8_t payload[10], struct rawtls_record *records)
{
	static const uint8_t close_notify[2] = {1, 0};
	size_t n = 0, at = 0;

	for (size_t i = 0; at < c->len; i++) {
		size_t until = i < 4 && c->cuts[i] ? c->cuts[i] : c->len;

		records[n++] = (struct rawtls_record){
			.type = KTLS_RECORD_HANDSHAKE, .data = message + at, .len = until - at};
		at = until;
		records[n - 1].last_of_key = c->updates && at == c->len;
		if (at == c->data_at)
			records[n++] = (struct rawtls_record){
				.type = KTLS_RECORD_DATA, .data = payload, .len = 10};
	}
	records[n++] = (struct rawtls_record){.type = KTLS_RECORD_DATA, .data = payload, .len = 10};
	records[n++] = (struct rawtls_record){
		.type = KTLS_RECORD_ALERT, .data = close_notify, .len = sizeof(close_notify)};
	return n;
}

TEST_CASES(messages_behind_the_handshake, messages, NEEDS(NEED_NETNS | NEED_KTLS))
{
	const struct e2e_case splice = {
		.engine = E2E_SPLICE, .version = TLS1_3_VERSION, .suite = SUITE_AES_256};
	static uint8_t message[16384];
	struct rawtls_record records[8];
	static struct rawtls raw;
	static struct e2e e;
	/* Kernels since 6.14 can follow (K-05). */
	bool follows = variant->updates && test_kernel_at_least(6, 14);
	bool good = follows || strcmp(variant->close, "done") == 0;
	uint8_t payload[10];
	struct peer client;
	size_t n;

	memcpy(message, variant->head, variant->head_len);
	peer_upstream_payload(payload, sizeof(payload));
	n = make_records(variant, message, payload, records);
	/* The thread of the server keeps its hands off while its socket is used here. */
	e.script = STEPS(RECV(1), PASS(1), GATE(2));
	e.server.no_tickets = true;
	e2e_begin_plain(&e, &splice, &client);
	e2e_run(&e, &client, STEPS(SEND(1), GATE(1)));
	rawtls_take(&raw, &e.upstream.conns[0].tls);
	(void)rawtls_send(&raw, records, n);
	if (good)
		e2e_run(&e, &client, STEPS(RECV(10), RECV_END, FINISH));
	else
		e2e_run(&e, &client, STEPS(RECV_RESET));
	(void)e2e_prove_session(&e, 0, good ? "done" : variant->close);
	E2E_MUST(&e, daemon_counter(&e.daemon, "tickets_dropped") == variant->dropped);
	e2e_run(&e, &client, STEPS(PASS(2)));
	e2e_end_plain(&e, &client);
}

/* More of them in a row than any server sends: the connection ends, it does not spin. */
TEST_CASES(flood_of_tickets, engines_1_3)
{
	static struct e2e e;
	struct peer client;

	e.script = STEPS(RECV(1), TICKETS(100), RECV_CUT);
	e2e_begin_plain(&e, variant, &client);
	e2e_run(&e, &client, STEPS(SEND(1), RECV_RESET));
	(void)e2e_prove_session(&e, 0, "unexpected_record");
	e2e_end_plain(&e, &client);
}
