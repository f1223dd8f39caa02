// SPDX-License-Identifier: Apache-2.0
/* Bytes arrive once and in order, whatever carries them. */
#include "selftests/e2e/e2e.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

SUITE("transfer", NEEDS(NEED_NETNS), .deadline_ms = 30000);

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

#define V12 TLS1_2_VERSION
#define V13 TLS1_3_VERSION

/* clang-format off */
CASES(struct e2e_case, ciphers,
      E2E_ROW("copy-1.2-aes128", E2E_COPY, V12, SUITE_AES_128),
      E2E_ROW("copy-1.2-aes256", E2E_COPY, V12, SUITE_AES_256),
      E2E_ROW("copy-1.2-chacha20", E2E_COPY, V12, SUITE_CHACHA20),
      E2E_ROW("copy-1.3-aes128", E2E_COPY, V13, SUITE_AES_128),
      E2E_ROW("copy-1.3-aes256", E2E_COPY, V13, SUITE_AES_256),
      E2E_ROW("copy-1.3-chacha20", E2E_COPY, V13, SUITE_CHACHA20),
      E2E_ROW("splice-1.2-aes128", E2E_SPLICE, V12, SUITE_AES_128),
      E2E_ROW("splice-1.2-aes256", E2E_SPLICE, V12, SUITE_AES_256),
      E2E_ROW("splice-1.2-chacha20", E2E_SPLICE, V12, SUITE_CHACHA20),
      E2E_ROW("splice-1.3-aes128", E2E_SPLICE, V13, SUITE_AES_128),
      E2E_ROW("splice-1.3-aes256", E2E_SPLICE, V13, SUITE_AES_256),
      E2E_ROW("splice-1.3-chacha20", E2E_SPLICE, V13, SUITE_CHACHA20));

CASES(struct e2e_case, rsa_ciphers,
      E2E_ROW("copy-1.2-aes128-rsa", E2E_COPY, V12, SUITE_AES_128, .key = "rsa"),
      E2E_ROW("copy-1.2-aes256-rsa", E2E_COPY, V12, SUITE_AES_256, .key = "rsa"),
      E2E_ROW("copy-1.2-chacha20-rsa", E2E_COPY, V12, SUITE_CHACHA20, .key = "rsa"),
      E2E_ROW("copy-1.3-aes128-rsa", E2E_COPY, V13, SUITE_AES_128, .key = "rsa"),
      E2E_ROW("copy-1.3-aes256-rsa", E2E_COPY, V13, SUITE_AES_256, .key = "rsa"),
      E2E_ROW("copy-1.3-chacha20-rsa", E2E_COPY, V13, SUITE_CHACHA20, .key = "rsa"),
      E2E_ROW("splice-1.2-aes128-rsa", E2E_SPLICE, V12, SUITE_AES_128, .key = "rsa"),
      E2E_ROW("splice-1.2-aes256-rsa", E2E_SPLICE, V12, SUITE_AES_256, .key = "rsa"),
      E2E_ROW("splice-1.2-chacha20-rsa", E2E_SPLICE, V12, SUITE_CHACHA20, .key = "rsa"),
      E2E_ROW("splice-1.3-aes128-rsa", E2E_SPLICE, V13, SUITE_AES_128, .key = "rsa"),
      E2E_ROW("splice-1.3-aes256-rsa", E2E_SPLICE, V13, SUITE_AES_256, .key = "rsa"),
      E2E_ROW("splice-1.3-chacha20-rsa", E2E_SPLICE, V13, SUITE_CHACHA20, .key = "rsa"));

CASES(struct e2e_case, other_keys,
      E2E_ROW("copy-1.2-p384", E2E_COPY, V12, SUITE_AES_128, .key = "ecdsa-p384"),
      E2E_ROW("copy-1.3-ed25519", E2E_COPY, V13, SUITE_AES_128, .key = "ed25519"),
      E2E_ROW("splice-1.3-p384", E2E_SPLICE, V13, SUITE_AES_128, .key = "ecdsa-p384"),
      E2E_ROW("splice-1.2-ed25519", E2E_SPLICE, V12, SUITE_AES_128, .key = "ed25519"));

CASES(struct e2e_case, engines, E2E_ENGINES);
/* clang-format on */

static const uint64_t sizes[] = {0, 1, 16383, 16384, 16385};

static void check_line(struct e2e *e, const struct log_entry *line, uint64_t in, uint64_t out)
{
	E2E_MUST(e, log_entry_u64(line, "bytes_in") == in, "%s", line->text);
	E2E_MUST(e, log_entry_u64(line, "bytes_out") == out, "%s", line->text);
	E2E_MUST(e, log_entry_is(line, "listener", "main"), "%s", line->text);
	E2E_MUST(e, log_entry_is(line, "rule", "known"), "%s", line->text);
	E2E_MUST(e, log_entry_is(line, "upstream", "app"), "%s", line->text);
	E2E_MUST(e, log_entry_is(line, "sni", "localhost"), "%s", line->text);
}

static void one_session(struct e2e *e, unsigned int index, const struct e2e_case *c,
			const struct peer_step *first, const struct peer_step *rest)
{
	struct tlsclient_options options = e2e_client_options(e, c);
	struct tlsclient client;
	struct peer peer;

	e2e_connect(e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(e, &peer, first);
	e2e_prove_live(e, &client);
	e2e_run(e, &peer, rest);
	tlsclient_close(&client);
	e2e_upstream(e, index);
}

static void download(struct e2e *e, unsigned int index, const struct e2e_case *c, uint64_t bytes)
{
	const struct peer_step *upstream = STEPS(SEND(bytes), FINISH, RECV_END);
	const struct peer_step *first = STEPS(RECV(bytes));
	const struct peer_step *rest = STEPS(RECV_END, FINISH);
	struct log_entry line;

	e->upstream.script = upstream;
	one_session(e, index, c, first, rest);
	line = e2e_prove_session(e, index, "done");
	check_line(e, &line, 0, bytes);
}

static void upload(struct e2e *e, unsigned int index, const struct e2e_case *c, uint64_t bytes)
{
	const struct peer_step *upstream = STEPS(RECV(bytes), RECV_END, FINISH);
	const struct peer_step *first = STEPS(SEND(bytes));
	const struct peer_step *rest = STEPS(FINISH, RECV_END);
	struct log_entry line;

	e->upstream.script = upstream;
	one_session(e, index, c, first, rest);
	line = e2e_prove_session(e, index, "done");
	check_line(e, &line, bytes, 0);
}

static void small_transfers(const struct e2e_case *c)
{
	static struct e2e e;
	unsigned int index = 0;

	e.engine = c->engine;
	e.key = c->key;
	e2e_start(&e);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		download(&e, index++, c, sizes[i]);
		upload(&e, index++, c, sizes[i]);
	}
	e2e_stop(&e);
}

TEST_CASES(small, ciphers)
{
	small_transfers(variant);
}

TEST_CASES(small_rsa, rsa_ciphers)
{
	small_transfers(variant);
}

TEST_CASES(small_other_keys, other_keys)
{
	small_transfers(variant);
}

TEST_CASES(bulk, ciphers, .deadline_ms = 60000)
{
	static struct e2e e;

	e.engine = variant->engine;
	e2e_start(&e);
	download(&e, 0, variant, 64 * MIB);
	upload(&e, 1, variant, 64 * MIB);
	e2e_stop(&e);
}

TEST_CASES(full_duplex, engines, .deadline_ms = 60000)
{
	const struct peer_step *upstream = STEPS(BOTH(8 * MIB, 8 * MIB), FINISH, RECV_END);
	const struct peer_step *first = STEPS(BOTH(8 * MIB, 8 * MIB));
	const struct peer_step *rest = STEPS(FINISH, RECV_END);
	static struct e2e e;
	struct log_entry line;

	e.engine = variant->engine;
	e.script = upstream;
	e2e_start(&e);
	one_session(&e, 0, variant, first, rest);
	line = e2e_prove_session(&e, 0, "done");
	check_line(&e, &line, 8 * MIB, 8 * MIB);
	e2e_stop(&e);
}

/* Messages that wait for each other: a byte that is held back somewhere stops everything. */
TEST_CASES(ping_pong, engines)
{
	enum { ROUNDS = 200 };
	static struct peer_step client_script[2 * ROUNDS + 3], upstream[2 * ROUNDS + 3];
	static struct e2e e;

	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t bytes = 1 + i * 97;

		client_script[2 * i] = (struct peer_step)SEND(bytes);
		client_script[2 * i + 1] = (struct peer_step)RECV(bytes);
		upstream[2 * i] = (struct peer_step)RECV(bytes);
		upstream[2 * i + 1] = (struct peer_step)SEND(bytes);
	}
	upstream[2 * ROUNDS] = (struct peer_step)RECV_END;
	upstream[2 * ROUNDS + 1] = (struct peer_step)FINISH;
	e.engine = variant->engine;
	e.script = upstream;
	e2e_start(&e);
	one_session(&e, 0, variant, client_script, STEPS(FINISH, RECV_END));
	(void)e2e_prove_session(&e, 0, "done");
	e2e_stop(&e);
}

struct many {
	struct e2e *e;
	const struct tlsclient_options *options;
	struct tlsclient client;
	struct peer peer;
	pthread_t thread;
	uint64_t number;
	int result;
};

static void *run_one_of_many(void *arg)
{
	struct many *m = arg;
	const struct peer_step *script =
		STEPS(HELLO_SEND(m->number), BOTH(200000 + m->number, 200000), FINISH, RECV_END);

	m->result = e2e_try(m->e, &m->client, m->options);
	if (m->result == 0) {
		peer_init_client(&m->peer, &m->client);
		m->result = peer_run(&m->peer, script);
	}
	return NULL;
}

/* Each client has a payload of its own: a byte that goes to another one's upstream shows. */
TEST_CASES(many_clients, engines, .deadline_ms = 60000)
{
	const struct peer_step *upstream =
		STEPS(HELLO_RECV, BOTH(200000, 200000), RECV_ALL, FINISH);
	static struct many all[E2E_CLIENTS_MAX];
	static struct e2e e;
	struct tlsclient_options options;

	e.engine = variant->engine;
	e.script = upstream;
	e.workers = 2;
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	for (size_t i = 0; i < E2E_CLIENTS_MAX; i++) {
		all[i].e = &e;
		all[i].number = i;
		all[i].options = &options;
	}
	for (size_t i = 0; i < E2E_CLIENTS_MAX; i++)
		MUST_EQ(pthread_create(&all[i].thread, NULL, run_one_of_many, &all[i]), 0);
	for (size_t i = 0; i < E2E_CLIENTS_MAX; i++)
		MUST_EQ(pthread_join(all[i].thread, NULL), 0);
	for (size_t i = 0; i < E2E_CLIENTS_MAX; i++) {
		E2E_MUST(&e, all[i].result == 0, "client %zu: %s%s", i, all[i].client.error,
			 all[i].peer.problem);
		tlsclient_close(&all[i].client);
	}
	for (unsigned int i = 0; i < E2E_CLIENTS_MAX; i++)
		e2e_upstream(&e, i);
	(void)e2e_prove_session(&e, E2E_CLIENTS_MAX - 1, "done");
	E2E_MUST(&e, daemon_counter(&e.daemon, "admitted") == E2E_CLIENTS_MAX);
	e2e_stop(&e);
}

/* What comes with the last message of the handshake must neither be lost nor wait. */
TEST_CASES(data_with_finished, engines)
{
	static char data[3000];
	const struct peer_step *upstream = STEPS(RECV(sizeof(data)), SEND(5000), FINISH, RECV_END);
	const struct peer_step *script = STEPS(RECV(5000), RECV_END);
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;
	static struct e2e e;

	peer_client_payload(data, sizeof(data));
	e.engine = variant->engine;
	e.script = upstream;
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	options.first_data = data;
	options.first_data_len = sizeof(data);
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_prove_live(&e, &client);
	e2e_run(&e, &peer, script);
	e2e_run(&e, &peer, STEPS(FINISH));
	tlsclient_close(&client);
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, "done");
	e2e_stop(&e);
}

/* The same in two segments, cut behind every byte: of Finished, of the record's header, of its body. */
TEST_CASES(finished_and_data_cut_anywhere, engines, .deadline_ms = 120000)
{
	enum { DATA = 60, CUTS = 160 };
	const struct peer_step *upstream = STEPS(RECV(DATA), SEND(50), FINISH, RECV_END);
	struct tlsclient_options options;
	static char data[DATA];
	static struct e2e e;

	peer_client_payload(data, sizeof(data));
	e.engine = variant->engine;
	e.script = upstream;
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	options.first_data = data;
	options.first_data_len = sizeof(data);
	for (options.last_alone = 1; options.last_alone <= CUTS; options.last_alone++) {
		struct tlsclient client;
		struct peer peer;

		e2e_connect(&e, &client, &options);
		peer_init_client(&peer, &client);
		e2e_run(&e, &peer, STEPS(RECV(50), RECV_END, FINISH));
		tlsclient_close(&client);
		e2e_upstream(&e, (unsigned int)options.last_alone - 1);
	}
	(void)e2e_prove_session(&e, CUTS - 1, "done");
	E2E_MUST(&e, daemon_count_log(&e.daemon, "session", "close", "done") == CUTS);
	e2e_stop(&e);
}

/* A FIN that came before the keys keeps the session in userspace (K-01); it may come just after, too. */
static void prove_some_engine(struct e2e *e)
{
	struct log_entry line;

	E2E_MUST(e, daemon_wait_log(&e->daemon, "session", "close", "done", 0, 3000, &line));
	E2E_MUST(e,
		 log_entry_is(&line, "offload_reason", "fin_received") ==
			 log_entry_is(&line, "engine_in", "copy"),
		 "%s", line.text);
	E2E_MUST(e,
		 log_entry_is(&line, "offload_reason", "none") ==
			 log_entry_is(&line, "engine_in", "splice"),
		 "%s", line.text);
}

/* The whole conversation of the client in one segment: Finished, data, close_notify, FIN. */
TEST_CASES(all_with_finished, engines)
{
	static char data[3000];
	const struct peer_step *upstream = STEPS(RECV(sizeof(data)), RECV_END, SEND(5000), FINISH);
	const struct peer_step *script = STEPS(RECV(5000), RECV_END);
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;
	static struct e2e e;

	peer_client_payload(data, sizeof(data));
	e.engine = variant->engine;
	if (e.engine != E2E_COPY) {
		e.quiet_offload = true;
		e.listener = "    engine: splice\n"
			     "    offload_after: {bytes: 0}\n";
	}
	e.script = upstream;
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	options.first_data = data;
	options.first_data_len = sizeof(data);
	options.first_data_ends = true;
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, script);
	tlsclient_close(&client);
	e2e_upstream(&e, 0);
	if (e.engine != E2E_COPY)
		prove_some_engine(&e);
	else
		(void)e2e_prove_session(&e, 0, "done");
	e2e_stop(&e);
}
