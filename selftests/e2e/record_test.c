// SPDX-License-Identifier: Apache-2.0
/* What a client may send as records, and what it may not, in the middle of the data. */
#include "selftests/e2e/e2e.h"
#include "selftests/e2e/e2e_raw.h"
#include "selftests/lib/rawtls.h"

#include <linux/sockios.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

SUITE("record", NEEDS(NEED_NETNS), .deadline_ms = 30000);

CASES(struct e2e_case, engines, E2E_ENGINES);

/*
 * Words of a script: dN data of N bytes, pN the same with 300 bytes of padding (TLS 1.3), z empty
 * data, wN and fN an alert N with level warning or fatal, t a handshake record, u an unknown type,
 * x damaged data. N*WORD repeats.
 */
struct script_case {
	VARIANT;
	const char *sent;
	uint64_t arrives;	/* bytes at the upstream */
	const char *close;	/* reason in the log; "done": the upstream sees a clean end */
	const char *copy_close; /* where OpenSSL says less; NULL: the same */
	/* recvmsg(2) passes over them (K-12), so that nobody counts: the client may end as it likes. */
	bool ktls_copy_is_done;
};

/* clang-format off */
CASES(struct script_case, scripts,
      {.name = "empty-records", .sent = "d1000 z d1000 z z d16384 w0", .arrives = 18384, .close = "done"},
      {.name = "padded-records", .sent = "p1000 p1 d5 w0", .arrives = 1006, .close = "done"},
      {.name = "one-byte-records", .sent = "200*d1 w0", .arrives = 200, .close = "done"},
      {.name = "user_canceled", .sent = "d10 w90 d10 w0", .arrives = 20, .close = "done"},
      {.name = "fatal-alert", .sent = "d10 f40", .arrives = 10, .close = "client_alert"},
      {.name = "handshake-record", .sent = "d10 t", .arrives = 10, .close = "unexpected_record", .copy_close = "tls_error"},
      {.name = "unknown-type", .sent = "d10 u", .arrives = 10, .close = "unexpected_record", .copy_close = "tls_error"},
      {.name = "damaged", .sent = "d10 x", .arrives = 10, .close = "tls_error"},
      {.name = "flood-of-empty-records", .sent = "d10 1000*z", .arrives = 10, .close = "unexpected_record", .copy_close = "tls_error", .ktls_copy_is_done = true},
      {.name = "flood-of-warnings", .sent = "d10 1000*w90", .arrives = 10, .close = "unexpected_record", .copy_close = "tls_error"});
/* clang-format on */

#define RECORDS_MAX 1100

struct script {
	struct rawtls_record records[RECORDS_MAX];
	size_t n;
	uint8_t payload[32768];
	uint8_t alerts[RECORDS_MAX][2];
	uint64_t bytes;
};

static void add_word(struct script *script, const char *word, bool tls13)
{
	/* A client's Certificate message (RFC 8446 4), which nobody asked for. */
	static const uint8_t handshake[] = {11, 0, 0, 1, 0};
	struct rawtls_record *record = &script->records[script->n];
	size_t number = strtoul(word + 1, NULL, 10);

	MUST(script->n < RECORDS_MAX);
	*record = (struct rawtls_record){.type = KTLS_RECORD_DATA,
					 .data = script->payload + script->bytes};
	switch (word[0]) {
	case 'p':
		record->padding = tls13 ? 300 : 0;
		/* fall through */
	case 'd':
		record->len = number;
		script->bytes += number;
		break;
	case 'w':
	case 'f':
		script->alerts[script->n][0] = word[0] == 'w' ? 1 : 2;
		script->alerts[script->n][1] = (uint8_t)number;
		*record = (struct rawtls_record){
			.type = KTLS_RECORD_ALERT, .data = script->alerts[script->n], .len = 2};
		break;
	case 't':
		*record = (struct rawtls_record){
			.type = KTLS_RECORD_HANDSHAKE, .data = handshake, .len = sizeof(handshake)};
		break;
	case 'u':
		record->type = 99;
		record->len = 1;
		break;
	case 'x':
		record->len = 1;
		record->damaged = true;
		break;
	default: /* z */
		break;
	}
	script->n++;
}

static void parse(struct script *script, const char *text, bool tls13)
{
	char words[256], *word, *save = NULL;

	*script = (struct script){};
	peer_client_payload(script->payload, sizeof(script->payload));
	MUST(strlen(text) < sizeof(words));
	(void)snprintf(words, sizeof(words), "%s", text);
	for (word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *star = strchr(word, '*');
		size_t times = star ? strtoul(word, NULL, 10) : 1;

		for (size_t i = 0; i < times; i++)
			add_word(script, star ? star + 1 : word, tls13);
	}
}

static const char *close_of(const struct script_case *row, enum e2e_engine engine)
{
	if (engine == E2E_COPY && row->copy_close)
		return row->copy_close;
	return engine == E2E_KTLS_COPY && row->ktls_copy_is_done ? "done" : row->close;
}

TEST_MATRIX(in_mid_stream, scripts, engines)
{
	const char *close = close_of(row, column->engine);
	bool clean = strcmp(close, "done") == 0;
	static struct script script;
	static struct rawtls raw;
	static struct e2e e;
	struct tlsclient client;

	e.engine = column->engine;
	e.damaged = strchr(row->sent, 'x') != NULL;
	e.script = clean ? STEPS(RECV(row->arrives), RECV_END, FINISH)
			 : STEPS(RECV(row->arrives), RECV_RESET);
	e2e_start(&e);
	e2e_raw_connect(&e, column, &client, &raw);
	e2e_prove_live(&e, &client);
	parse(&script, row->sent, column->version == TLS1_3_VERSION);
	E2E_MUST(&e, rawtls_send(&raw, script.records, script.n) == 0 || !clean);
	if (clean && row->ktls_copy_is_done)
		e2e_raw_finish(&raw);
	e2e_raw_expect_end(&e, &raw, clean);
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, close);
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* --- key update, RFC 8446 4.6.3 --- */

/* clang-format off */
CASES(struct e2e_case, engines_1_3,
      E2E_ROW("copy-aes128", E2E_COPY, TLS1_3_VERSION, SUITE_AES_128),
      E2E_ROW("splice-aes128", E2E_SPLICE, TLS1_3_VERSION, SUITE_AES_128),
      E2E_ROW("splice-aes256", E2E_SPLICE, TLS1_3_VERSION, SUITE_AES_256),
      E2E_ROW("splice-chacha20", E2E_SPLICE, TLS1_3_VERSION, SUITE_CHACHA20));
/* clang-format on */

static bool can_follow(const struct e2e_case *c)
{
	return c->engine == E2E_COPY || test_kernel_at_least(6, 14);
}

/* Both directions change their keys, in the middle of data and again and again. */
TEST_CASES(key_update_in_mid_stream, engines_1_3)
{
	enum { ROUNDS = 10, BYTES = 20000 };
	static char payload[ROUNDS * BYTES];
	static struct peer_step upstream[3 * ROUNDS + 3];
	static struct rawtls raw;
	static struct e2e e;
	struct tlsclient client;
	struct peer peer;
	size_t answers = 0;

	for (size_t i = 0; i < ROUNDS; i++) {
		upstream[2 * i] = (struct peer_step)RECV(BYTES);
		upstream[2 * i + 1] = (struct peer_step)SEND(BYTES);
	}
	upstream[2 * ROUNDS] = (struct peer_step)RECV_END;
	upstream[2 * ROUNDS + 1] = (struct peer_step)FINISH;
	e.engine = variant->engine;
	e.script = can_follow(variant) ? upstream : STEPS(RECV(BYTES / 2), RECV_RESET);
	e2e_start(&e);
	e2e_raw_connect(&e, variant, &client, &raw);
	e2e_prove_live(&e, &client);
	peer_init_client(&peer, &client);
	peer_client_payload(payload, sizeof(payload));
	for (size_t i = 0; i < (can_follow(variant) ? ROUNDS : 1); i++) {
		const char *bytes = payload + i * BYTES;
		const struct rawtls_record records[] = {
			{.type = KTLS_RECORD_DATA, .data = bytes, .len = BYTES / 2},
			e2e_raw_key_update(i % 2 == 0),
			{.type = KTLS_RECORD_DATA, .data = bytes + BYTES / 2, .len = BYTES / 2},
		};

		(void)rawtls_send(&raw, records, 3);
		if (can_follow(variant))
			answers += e2e_raw_receive(&e, &raw, &peer.in, BYTES);
	}
	if (can_follow(variant)) {
		E2E_MUST(&e, answers == ROUNDS / 2, "%zu answers", answers);
		e2e_raw_finish(&raw);
	}
	e2e_raw_expect_end(&e, &raw, can_follow(variant));
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, can_follow(variant) ? "done" : "key_update");
	tlsclient_close(&client);
	e2e_stop(&e);
}

CASES(struct e2e_case, engines_that_follow, E2E_ENGINES_THAT_FOLLOW);

/* Nothing may follow our close_notify, so the client gets no answer, and its data goes on. */
TEST_CASES(key_update_behind_our_end, engines_that_follow)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;

	e.engine = variant->engine;
	e.script = STEPS(RECV(1), SEND(1), FINISH, RECV(2000), RECV_END);
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	e2e_connect(&e, &client, &options);
	e2e_prove_live(&e, &client);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer,
		STEPS(SEND(1), RECV(1), RECV_END, KEY_UPDATE(1), SEND(1000), KEY_UPDATE(1),
		      SEND(1000), FINISH));
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, "done");
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* clang-format off */
CASES(struct e2e_case, rekeying,
      E2E_ROW("copy", E2E_COPY, TLS1_3_VERSION, SUITE_AES_128),
      {.name = "splice", .needs = NEED_KTLS | NEED_KTLS_REKEY, .engine = E2E_SPLICE,
       .version = TLS1_3_VERSION, .suite = SUITE_AES_128});
/* clang-format on */

/* The payload of @in up to a close_notify. Returns: KeyUpdates in it. */
static size_t receive_to_end(struct e2e *e, struct rawtls *raw, struct payload *in)
{
	static uint8_t data[KTLS_RECORD_MAX + 1];
	uint8_t type = KTLS_RECORD_NONE;
	size_t updates = 0;

	while (type != KTLS_RECORD_ALERT) {
		ssize_t n = rawtls_receive(raw, &type, data, (int)test_scaled_ms(5000));

		E2E_MUST(e, n > 0, "%zd after %llu bytes", n, (unsigned long long)in->position);
		if (type == KTLS_RECORD_HANDSHAKE)
			updates++;
		else if (type == KTLS_RECORD_DATA)
			E2E_MUST(e, payload_check(in, data, (size_t)n), "%s", in->fault);
	}
	MUST_EQ(data[1], TLS_ALERT_CLOSE_NOTIFY);
	return updates;
}

/* Answers are asked for while a record to the client is half sent: they come behind it, one for all. */
TEST_CASES(key_updates_while_blocked, rekeying)
{
	enum { UPDATES = 5, BYTES = 100 };
	const struct peer_step *upstream =
		STEPS(FLOOD(300), PASS(1), RECV(UPDATES * BYTES), FINISH, RECV_END);
	struct rawtls_record records[2 * UPDATES];
	char payload[UPDATES * BYTES];
	static struct rawtls raw;
	static struct e2e e;
	struct tlsclient client;
	struct peer peer;
	size_t answers;

	e.engine = variant->engine;
	e.script = upstream;
	e2e_start(&e);
	e2e_raw_connect(&e, variant, &client, &raw);
	e2e_prove_live(&e, &client);
	peer_init_client(&peer, &client);
	peer.gate = &e.upstream.gate;
	e2e_run(&e, &peer, STEPS(GATE(1)));
	peer_client_payload(payload, sizeof(payload));
	for (size_t i = 0; i < UPDATES; i++) {
		records[2 * i] = (struct rawtls_record){
			.type = KTLS_RECORD_DATA, .data = payload + i * BYTES, .len = BYTES};
		records[2 * i + 1] = e2e_raw_key_update(true);
	}
	MUST_EQ(rawtls_send(&raw, records, 2 * UPDATES), 0);
	answers = receive_to_end(&e, &raw, &peer.in);
	E2E_MUST(&e, answers > 0 && answers <= UPDATES, "%zu answers", answers);
	e2e_raw_finish(&raw);
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, "done");
	CHECK_EQ(daemon_counter(&e.daemon, "key_updates"), UPDATES);
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* More of them than records that carry nothing may be, and not too many a second. */
TEST_CASES(key_updates_without_data, rekeying)
{
	enum { UPDATES = 50, BYTES = 100 };
	static struct rawtls_record records[UPDATES + 2];
	static struct rawtls raw;
	static struct e2e e;
	struct tlsclient client;
	char payload[BYTES];
	struct peer peer;

	e.engine = variant->engine;
	e.script = STEPS(RECV(BYTES), SEND(BYTES), RECV_END, FINISH);
	e2e_start(&e);
	e2e_raw_connect(&e, variant, &client, &raw);
	e2e_prove_live(&e, &client);
	peer_init_client(&peer, &client);
	peer_client_payload(payload, sizeof(payload));
	for (size_t i = 0; i < UPDATES; i++)
		records[i] = e2e_raw_key_update(i % 2);
	records[UPDATES] =
		(struct rawtls_record){.type = KTLS_RECORD_DATA, .data = payload, .len = BYTES};
	records[UPDATES + 1] = e2e_raw_close_notify();
	MUST_EQ(rawtls_send(&raw, records, UPDATES + 2), 0);
	E2E_MUST(&e, receive_to_end(&e, &raw, &peer.in) > 0, "no answer");
	CHECK_EQ(peer.in.position, BYTES);
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, "done");
	CHECK_EQ(daemon_counter(&e.daemon, "key_updates"), UPDATES);
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* Keys are cheap to ask for and not so cheap to make. */
TEST_CASES(flood_of_key_updates, engines_1_3)
{
	enum { FLOOD = 300 };
	static struct rawtls_record records[2 * FLOOD];
	static struct rawtls raw;
	static struct e2e e;
	struct tlsclient client;
	char payload[FLOOD];

	peer_client_payload(payload, sizeof(payload));
	for (size_t i = 0; i < FLOOD; i++) {
		records[2 * i] = (struct rawtls_record){
			.type = KTLS_RECORD_DATA, .data = payload + i, .len = 1};
		records[2 * i + 1] = e2e_raw_key_update(false);
	}
	e.engine = variant->engine;
	e.script = STEPS(RECV_RESET);
	e.top = "limits: {key_updates: 1}\n"; /* a slow machine takes long for many */
	e2e_start(&e);
	e2e_raw_connect(&e, variant, &client, &raw);
	e2e_prove_live(&e, &client);
	(void)rawtls_send(&raw, records, 2 * FLOOD);
	e2e_raw_expect_end(&e, &raw, false);
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, "key_update");
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* --- records per key, RFC 8446 5.5 --- */

#define RECORD_LIMIT 64
#define LIMITS	     "limits: {records_per_key: 64}\n"

static bool can_change_keys(const struct e2e_case *c)
{
	return c->version == TLS1_3_VERSION && can_follow(c);
}

/* Data up to a reset; what comes is checked. Returns: bytes. */
static uint64_t receive_until_reset(struct e2e *e, struct rawtls *raw, struct payload *in)
{
	static uint8_t data[KTLS_RECORD_MAX + 1];
	uint64_t bytes = 0;
	uint8_t type = 0;
	ssize_t n;

	while ((n = rawtls_receive(raw, &type, data, (int)test_scaled_ms(5000))) >= 0) {
		E2E_MUST(e, type == KTLS_RECORD_DATA && payload_check(in, data, (size_t)n),
			 "type %u, %s", type, in->fault);
		bytes += (uint64_t)n;
	}
	E2E_MUST(e, n == -ECONNRESET, "%zd behind %llu bytes", n, (unsigned long long)bytes);
	return bytes;
}

/*
 * A key is changed before its records are used up. Where that cannot be, what was taken is delivered
 * and the session ends, and not cleanly.
 */
TEST_CASES(our_records_are_limited, engines)
{
	enum { BYTES = 4 * RECORD_LIMIT * KTLS_RECORD_MAX };
	bool changes = can_change_keys(variant);
	static struct rawtls raw;
	static struct e2e e;
	struct tlsclient client;
	struct peer peer;

	e.engine = variant->engine;
	e.top = LIMITS;
	e.script = changes ? STEPS(SEND(BYTES), RECV_END, FINISH) : STEPS(SEND_CUT);
	e2e_start(&e);
	e2e_raw_connect(&e, variant, &client, &raw);
	e2e_prove_live(&e, &client);
	peer_init_client(&peer, &client);
	if (changes) {
		size_t updates = e2e_raw_receive(&e, &raw, &peer.in, BYTES);

		E2E_MUST(&e, updates >= 3, "%zu KeyUpdates", updates);
		e2e_raw_finish(&raw);
		e2e_raw_expect_end(&e, &raw, true);
		(void)e2e_prove_session(&e, 0, "done");
	} else {
		uint64_t bytes = receive_until_reset(&e, &raw, &peer.in);
		struct log_entry line = e2e_prove_session(&e, 0, "record_limit");

		E2E_MUST(&e, log_entry_u64(&line, "bytes_out") == bytes, "%llu: %s",
			 (unsigned long long)bytes, line.text);
		E2E_MUST(&e, bytes <= (uint64_t)2 * RECORD_LIMIT * KTLS_RECORD_MAX);
	}
	e2e_upstream(&e, 0);
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* What was taken from clients, by whichever engine. */
static uint64_t bytes_taken(const struct e2e *e)
{
	return daemon_counter(&e->daemon, "bytes_in_copy") +
	       daemon_counter(&e->daemon, "bytes_in_ktls_copy") +
	       daemon_counter(&e->daemon, "bytes_in_splice");
}

/*
 * One-byte records up to the @until-th, a few at a time, so that no call takes all of them at once.
 * Returns: false when the session was cut before that.
 */
static bool send_slowly(struct e2e *e, struct rawtls *raw, const char *payload, uint64_t *sent,
			uint64_t until)
{
	enum { PART = 4 };

	while (*sent < until) {
		struct rawtls_record part[PART];

		for (size_t i = 0; i < PART; i++)
			part[i] = (struct rawtls_record){
				.type = KTLS_RECORD_DATA, .data = payload + *sent + i, .len = 1};
		if (rawtls_send(raw, part, PART) < 0)
			return false;
		*sent += PART;
		E2E_MUST(e, UNTIL(bytes_taken(e) >= *sent ||
					  daemon_counter(&e->daemon, "connections") == 0,
				  5000));
		if (daemon_counter(&e->daemon, "connections") == 0)
			return false;
	}
	return true;
}

/* The peer is asked for new keys. One that has none or does not care is stopped. */
TEST_CASES(records_of_peer_are_limited, engines)
{
	enum { BYTES = 4 * RECORD_LIMIT };
	static struct rawtls raw;
	static struct e2e e;
	struct tlsclient client;
	struct log_entry line;
	char payload[BYTES];
	uint8_t type = 0, data[KTLS_RECORD_MAX + 1];
	uint64_t sent = 0;

	peer_client_payload(payload, sizeof(payload));
	e.engine = variant->engine;
	e.top = LIMITS;
	e.script = STEPS(RECV_RESET);
	e2e_start(&e);
	e2e_raw_connect(&e, variant, &client, &raw);
	e2e_prove_live(&e, &client);
	if (can_change_keys(variant)) {
		ssize_t n;

		E2E_MUST(&e, send_slowly(&e, &raw, payload, &sent, RECORD_LIMIT));
		n = rawtls_receive(&raw, &type, data, (int)test_scaled_ms(5000));
		E2E_MUST(&e,
			 n == 5 && type == KTLS_RECORD_HANDSHAKE && data[0] == 24 && data[4] == 1,
			 "%zd bytes of type %u", n, type);
	}
	E2E_MUST(&e, !send_slowly(&e, &raw, payload, &sent, BYTES));
	line = e2e_prove_session(&e, 0, "record_limit");
	E2E_MUST(&e, log_entry_u64(&line, "bytes_in") <= RECORD_LIMIT + RECORD_LIMIT / 2, "%s",
		 line.text);
	e2e_upstream(&e, 0);
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* --- neighbours --- */

/* A client whose upstream has ended already: the session ends when the client has, in the same turn. */
static void connect_half_closed(struct e2e *e, const struct e2e_case *c, struct tlsclient *client,
				struct rawtls *raw)
{
	uint8_t type = 0, data[KTLS_RECORD_MAX + 1];

	e2e_raw_connect(e, c, client, raw);
	e2e_prove_live(e, client);
	atomic_store(&e->upstream.gate, 1);
	e2e_raw_expect_end(e, raw, true);
	E2E_MUST(e, rawtls_receive(raw, &type, data, (int)test_scaled_ms(5000)) == -EPIPE);
}

/* @n records of one byte, and close_notify. */
static void send_tiny_records(struct rawtls *raw, size_t n)
{
	struct rawtls_record *records = calloc(n + 1, sizeof(*records));
	char *bytes = malloc(n);

	MUST(records && bytes);
	peer_client_payload(bytes, n);
	for (size_t i = 0; i < n; i++)
		records[i] = (struct rawtls_record){
			.type = KTLS_RECORD_DATA, .data = bytes + i, .len = 1};
	records[n] = e2e_raw_close_notify();
	MUST_EQ(rawtls_send(raw, records, n + 1), 0);
	free(records);
	free(bytes);
}

static bool is_delivered(int fd)
{
	int queued = 1;

	return ioctl(fd, SIOCOUTQ, &queued) == 0 && queued == 0;
}

/*
 * Many records and few bytes: a turn is measured in work. While the worker stands still one client
 * sends more than a turn takes, and behind it another one a byte. That one is through first.
 */
TEST_CASES(tiny_records_do_not_starve, engines)
{
	/* One call of engine ktls-copy takes up to 16384 of them. */
	const size_t many = variant->engine == E2E_KTLS_COPY ? 40000 : 1024;
	const struct peer_step *quiet_script = STEPS(FINISH, RECV(1), RECV_END);
	static struct rawtls noisy_raw, quiet_raw;
	static struct e2e e;
	struct tlsclient noisy, quiet;
	struct log_entry line;
	pid_t worker;

	e.engine = variant->engine;
	e.script = STEPS(GATE(1), FINISH, RECV(many), RECV_END);
	e2e_start(&e);
	E2E_MUST(&e, daemon_workers(&e.daemon, &worker, 1) == 1);
	connect_half_closed(&e, variant, &noisy, &noisy_raw);
	e.upstream.script = quiet_script;
	connect_half_closed(&e, variant, &quiet, &quiet_raw);
	/* All of it has to fit in there. */
	MUST_OK(setsockopt(noisy.fd, SOL_SOCKET, SO_SNDBUFFORCE, &(int){8 << 20}, sizeof(int)));
	MUST_OK(kill(worker, SIGSTOP));
	send_tiny_records(&noisy_raw, many);
	send_tiny_records(&quiet_raw, 1);
	E2E_MUST(&e, UNTIL(is_delivered(quiet.fd), 5000));
	MUST_OK(kill(worker, SIGCONT));
	e2e_upstream(&e, 0);
	e2e_upstream(&e, 1);
	line = e2e_prove_session(&e, 0, "done");
	E2E_MUST(&e, log_entry_u64(&line, "bytes_in") == 1, "%s", line.text);
	line = e2e_prove_session(&e, 1, "done");
	E2E_MUST(&e, log_entry_u64(&line, "bytes_in") == many, "%s", line.text);
	tlsclient_close(&quiet);
	tlsclient_close(&noisy);
	e2e_stop(&e);
}
