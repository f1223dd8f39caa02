// SPDX-License-Identifier: Apache-2.0
/* mode: passthrough: a client's bytes as they come, to the upstream that its hello names. */
#include "selftests/e2e/e2e.h"

#include "model/clienthello.h"
#include "selftests/lib/hello.h"
#include "sys/json.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

SUITE("passthrough", NEEDS(NEED_NETNS), .deadline_ms = 30000);

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

#define ALERT_MS		5000
#define ALERT_UNRECOGNIZED_NAME 112

#define BY_NAME "      - {name: by-name, match: {sni: [localhost]}, upstream: app}\n"

struct version_case {
	VARIANT;
	int version;
};

CASES(struct version_case, versions, {.name = "1.2", .version = TLS1_2_VERSION},
      {.name = "1.3", .version = TLS1_3_VERSION});

/* --- TLS from end to end --- */

/* The second upstream has a certificate of its own, too. */
struct second {
	struct upstream_server upstream;
	struct tlsserver tls;
	char entry[64];
};

static struct second *second_of_test(void)
{
	static struct second second;

	return &second;
}

static void add_second(struct e2e *e)
{
	struct second *second = second_of_test();
	const struct tlsserver_options options = {
		.cert = e2e_path(e, "pki/second.pem"),
		.key = e2e_path(e, "pki/second.key"),
		.client_ca = e2e_path(e, "pki/ca.pem"),
	};

	e2e_pki(e, "--server", "second", "--cn", "b.apps.example", "--dns", "b.apps.example", NULL);
	MUST_EQ(tlsserver_open(&second->tls, &options), 0);
	second->upstream.tls = &second->tls;
	MUST_EQ(upstream_server_start(&second->upstream, "127.0.0.1:0", e->script), 0);
	snprintf(second->entry, sizeof(second->entry),
		 "  - {name: second, endpoints: [\"127.0.0.1:%u\"]}\n",
		 addr_port(&second->upstream.addr));
	e->upstreams = second->entry;
}

/* A client that asks for @sni is served by @cn, which sees the client's certificate. */
static void expect_server(struct e2e *e, const struct version_case *version, const char *sni,
			  const char *cn)
{
	struct tlsclient_options options = e2e_client_options(e, NULL);
	struct tlsclient client;
	struct peer peer;
	char text[128];

	options.sni = sni;
	options.version = version->version;
	e2e_connect(e, &client, &options);
	tlsclient_server_cn(&client, text, sizeof(text));
	E2E_MUST(e, strcmp(text, cn) == 0, "%s is served by %s", sni, text);
	peer_init_client(&peer, &client);
	e2e_run(e, &peer, STEPS(BOTH(16 * MIB, 16 * MIB), FINISH, RECV_END));
	tlsclient_close(&client);
}

TEST_CASES(mutual_tls_to_two_upstreams, versions, .deadline_ms = 60000)
{
	static struct e2e e = {.passthrough = true, .demand_certificate = true};
	const char *words = "";
	struct log_entry line;

	e.script = STEPS(BOTH(16 * MIB, 16 * MIB), RECV_END, FINISH);
	e.rules = BY_NAME
		"      - {name: apps, match: {sni: [\"*.apps.example\"]}, upstream: second}\n";
	e.more_pki = add_second;
	e2e_start(&e);
	expect_server(&e, variant, "localhost", "localhost");
	expect_server(&e, variant, "B.Apps.Example", "b.apps.example");
	e2e_upstream(&e, 0);
	E2E_MUST(&e, upstream_server_result(&second_of_test()->upstream, 0, &words) == 0, "%s",
		 words);
	CHECK_STR(second_of_test()->upstream.conns[0].seen.cn, "client-a");
	CHECK_STR(e.upstream.conns[0].seen.cn, "client-a");
	CHECK_STR(e.upstream.conns[0].seen.sni, "localhost");
	line = e2e_prove_passthrough(&e, 0, "done");
	CHECK(log_entry_is(&line, "rule", "by-name"), "%s", line.text);
	CHECK(log_entry_is(&line, "sni", "localhost"), "%s", line.text);
	CHECK_GE(log_entry_u64(&line, "bytes_in"), 16 * MIB);
	CHECK_GE(log_entry_u64(&line, "bytes_out"), 16 * MIB);
	line = e2e_prove_passthrough(&e, 1, "done");
	CHECK(log_entry_is(&line, "rule", "apps"), "%s", line.text);
	CHECK(log_entry_is(&line, "upstream", "second"), "%s", line.text);
	CHECK_GE(daemon_counter(&e.daemon, "bytes_in_splice"), 32 * MIB);
	CHECK_GE(daemon_counter(&e.daemon, "bytes_out_splice"), 32 * MIB);
	CHECK_EQ(daemon_counter(&e.daemon, "sessions_passthrough"), 2);
	e2e_stop(&e);
	upstream_server_stop(&second_of_test()->upstream);
	tlsserver_close(&second_of_test()->tls);
}

struct piece_case {
	VARIANT;
	size_t record;
	bool dribbles;
};

CASES(struct piece_case, pieces, {.name = "records_of_1", .record = 1},
      {.name = "records_of_100", .record = 100}, {.name = "byte_by_byte", .dribbles = true},
      {.name = "records_byte_by_byte", .record = 50, .dribbles = true});

TEST_MATRIX(hello_in_pieces, pieces, versions)
{
	static struct e2e e = {.passthrough = true, .rules = BY_NAME};
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;

	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	options.version = column->version;
	options.hello_record = row->record;
	options.hello_dribbles = row->dribbles;
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	peer_expect_echo(&peer);
	e2e_end_echo(&e, &client, &peer);
	(void)e2e_prove_passthrough(&e, 0, "done");
	e2e_stop(&e);
}

TEST(unix_sockets_on_both_sides)
{
	static char listen[128], address[128];
	static struct e2e e = {.passthrough = true, .rules = BY_NAME};
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;
	struct addr addr;

	snprintf(listen, sizeof(listen), "\"unix:%s/in.sock\"", test_tmpdir());
	snprintf(address, sizeof(address), "unix:%s/app.sock", test_tmpdir());
	e.listen = listen;
	e.upstream_address = address;
	e.script = STEPS(BOTH(2 * MIB, MIB), RECV_END, FINISH);
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	options.hello_record = 20;
	listen[strlen(listen) - 1] = '\0';
	MUST_EQ(addr_parse(listen + 1, &addr), 0);
	E2E_MUST(&e, tlsclient_connect(&client, &addr, &options, ALERT_MS) == 0, "%s",
		 client.error);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, STEPS(BOTH(MIB, 2 * MIB), FINISH, RECV_END));
	tlsclient_close(&client);
	e2e_upstream(&e, 0);
	(void)e2e_prove_passthrough(&e, 0, "done");
	e2e_stop(&e);
}

/* --- refused --- */

struct name_case {
	VARIANT;
	const char *sni, *rules, *rule;
};

/* clang-format off */
CASES(struct name_case, wrong_names,
      {.name = "unknown", .sni = "other.example", .rules = BY_NAME, .rule = "-"},
      {.name = "none", .rules = BY_NAME, .rule = "-"},
      {.name = "denied", .sni = "localhost", .rule = "no",
       .rules = "      - {name: no, match: {sni: [localhost]}, action: deny}\n"
		"      - {name: rest, upstream: app}\n"});
/* clang-format on */

TEST_MATRIX(a_name_that_no_rule_takes, wrong_names, versions)
{
	static struct e2e e = {.passthrough = true};
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;

	e.script = STEPS(RECV_ALL);
	e.rules = row->rules;
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	options.sni = row->sni;
	options.version = column->version;
	E2E_MUST(&e, e2e_try(&e, &client, &options) == -EPROTO);
	E2E_MUST(&e, client.alert == ALERT_UNRECOGNIZED_NAME, "alert %d", client.alert);
	tlsclient_close(&client);
	line = e2e_refused(&e, "sni", "");
	CHECK_EQ(log_entry_u64(&line, "alert"), ALERT_UNRECOGNIZED_NAME);
	CHECK(log_entry_is(&line, "sni", row->sni ? row->sni : "-"), "%s", line.text);
	CHECK(log_entry_is(&line, "rule", row->rule), "%s", line.text);
	CHECK_EQ(daemon_counter(&e.daemon, "refused_policy"), 1);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "connections") == 0, 5000));
	e2e_stop(&e);
}

/* What comes in the place of a good hello. */
struct beginning {
	VARIANT;
	void (*make)(struct hello *hello);
	bool ends; /* with a FIN */
	const char *reason;
};

static void make_http(struct hello *hello)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

	hello->len = strlen(request);
	memcpy(hello->bytes, request, hello->len);
}

static void make_alert_inside(struct hello *hello)
{
	hello_make(hello, 0, "localhost");
	hello_fragment(hello, 100, 100);
	hello->bytes[105] = 21; /* the second record's type */
}

static void make_too_long(struct hello *hello)
{
	hello_forge_long(hello, CLIENTHELLO_BYTES_MAX + 1);
	hello_fragment(hello, 10000, 10000);
}

static void make_too_many_records(struct hello *hello)
{
	hello_forge_long(hello, CLIENTHELLO_BYTES_MAX);
	hello_fragment(hello, 1, 1);
}

static void make_half(struct hello *hello)
{
	hello_make(hello, 0, "localhost");
	hello->len /= 2;
}

static void make_nothing(struct hello *hello)
{
	hello->len = 0;
}

#define ENDED "the client ended before its hello was complete"

/* clang-format off */
CASES(struct beginning, beginnings,
      {.name = "no_tls", .make = make_http, .reason = "this is no TLS handshake"},
      {.name = "no_tls_and_fin", .make = make_http, .ends = true, .reason = "this is no TLS handshake"},
      {.name = "alert_inside", .make = make_alert_inside, .reason = "this is no TLS handshake"},
      {.name = "too_long", .make = make_too_long, .reason = "the hello is longer than 16 KiB"},
      {.name = "too_many_records", .make = make_too_many_records, .reason = "the hello is in too many records"},
      {.name = "half_and_fin", .make = make_half, .ends = true, .reason = ENDED},
      {.name = "nothing_and_fin", .make = make_nothing, .ends = true, .reason = ENDED});
/* clang-format on */

static void send_all(int fd, const void *bytes, size_t len)
{
	MUST_EQ(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

/* A client that has sent what comes in the place of a good hello. */
static void begin_without_hello(struct e2e *e, void (*make)(struct hello *hello),
				struct peer *client)
{
	static struct hello hello;

	e->passthrough = true;
	e->rules = BY_NAME;
	e2e_start(e);
	peer_init_plain_client(client, e2e_connect_plain(e, NULL));
	make(&hello);
	send_all(client->fd, hello.bytes, hello.len);
}

/* Whoever talks no TLS sees an end, and neither an alert nor a reset. */
TEST_CASES(no_hello, beginnings)
{
	static struct e2e e;
	struct log_entry line;
	struct peer client;

	e.script = STEPS(RECV_ALL);
	begin_without_hello(&e, variant->make, &client);
	if (variant->ends)
		MUST_OK(shutdown(client.fd, SHUT_WR));
	e2e_run(&e, &client, STEPS(RECV_END));
	line = e2e_refused(&e, "hello", "");
	CHECK(log_entry_is(&line, "reason", variant->reason), "%s", line.text);
	CHECK(log_entry_is(&line, "alert", "-1"), "%s", line.text);
	CHECK_EQ(daemon_counter(&e.daemon, "handshake_failed"), 1);
	e2e_end_plain(&e, &client);
}

TEST(reset_in_the_hello)
{
	static struct e2e e;
	struct log_entry line;
	struct peer client;

	e.script = STEPS(RECV_ALL);
	begin_without_hello(&e, make_half, &client);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "handshakes") == 1, 5000));
	e2e_run(&e, &client, STEPS(RESET));
	line = e2e_refused(&e, "hello", "");
	CHECK(log_entry_is(&line, "reason", "the client reset the connection"), "%s", line.text);
	e2e_end_plain(&e, &client);
}

/* Each byte is progress, and the time goes on all the same. */
TEST(a_byte_now_and_then_is_too_late)
{
	static struct e2e e = {
		.passthrough = true, .rules = BY_NAME, .top = "timeouts: {handshake: 500ms}\n"};
	static struct hello hello;
	struct peer client;
	uint64_t start_ms;
	size_t sent = 0;

	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	hello_make(&hello, 0, "localhost");
	peer_init_plain_client(&client, e2e_connect_plain(&e, NULL));
	start_ms = test_now_ms();
	while (sent < hello.len && send(client.fd, hello.bytes + sent, 1, MSG_NOSIGNAL) == 1) {
		sent++;
		usleep(20000);
	}
	CHECK_GE(test_now_ms() - start_ms, 450);
	CHECK_EQ(errno, ECONNRESET);
	CHECK(sent > 5 && sent < hello.len, "%zu bytes", sent);
	(void)e2e_refused(&e, "timeout", "");
	CHECK_EQ(daemon_counter(&e.daemon, "handshake_timeout"), 1);
	e2e_end_plain(&e, &client);
}

/* Who waits in front of the hello is limited as those in a handshake are, and shown. */
TEST(silent_clients_are_limited)
{
	static struct e2e e = {
		.passthrough = true, .rules = BY_NAME, .top = "limits: {handshakes: 1}\n"};
	struct json _cleanup_json_ *status = NULL;
	struct tlsclient_options options;
	struct tlsclient client;
	struct addr addr;
	struct peer peer;
	int silent;

	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	addr = e2e_address(&e);
	silent = e2e_connect_plain(&e, NULL);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "handshakes") == 1, 5000));
	status = daemon_status(&e.daemon);
	CHECK_STR(json_get_str(json_at(json_get_array(json_at(json_get_array(status, "workers"), 0),
						      "sessions"),
				       0),
			       "state", NULL),
		  "peek");
	E2E_MUST(&e, tlsclient_connect(&client, &addr, &options, 300) == -ETIMEDOUT);
	tlsclient_close(&client);
	MUST_OK(close(silent));
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	peer_expect_echo(&peer);
	e2e_end_echo(&e, &client, &peer);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "connections") == 0, 5000));
	e2e_stop(&e);
}

/* --- any protocol, where no rule asks for a name --- */

struct conversation {
	VARIANT;
	const struct peer_step *client, *upstream;
	const char *close_reason;
};

#define LASTING(...)                                                                               \
	(const struct peer_step[])                                                                 \
	{                                                                                          \
		__VA_ARGS__,                                                                       \
		{                                                                                  \
			.verb = PEER_DONE                                                          \
		}                                                                                  \
	}

/* clang-format off */
CASES(struct conversation, clean,
      {.name = "bulk_both_ways", .close_reason = "done",
       .client = LASTING(BOTH(16 * MIB, 12 * MIB), FINISH, RECV_END),
       .upstream = LASTING(BOTH(12 * MIB, 16 * MIB), RECV_END, FINISH)},
      {.name = "server_speaks_first", .close_reason = "done",
       .client = LASTING(RECV(100), SEND(1000), FINISH, RECV_END),
       .upstream = LASTING(SEND(100), RECV(1000), RECV_END, FINISH)},
      {.name = "nobody_speaks", .close_reason = "done",
       .client = LASTING(FINISH, RECV_END),
       .upstream = LASTING(RECV_END, FINISH)},
      {.name = "client_half_closes", .close_reason = "done",
       .client = LASTING(SEND(100000), FINISH, RECV(300000), RECV_END),
       .upstream = LASTING(RECV(100000), RECV_END, SLEEP(50), SEND(300000), FINISH)},
      {.name = "upstream_half_closes", .close_reason = "done",
       .client = LASTING(RECV(100000), RECV_END, SLEEP(50), SEND(300000), FINISH),
       .upstream = LASTING(SEND(100000), FINISH, RECV(300000), RECV_END)},
      {.name = "tail_before_end", .close_reason = "done",
       .client = LASTING(SEND(4 * MIB), FINISH, RECV_END),
       .upstream = LASTING(SLEEP(300), SLOW_RECV(4 * MIB, 300), RECV_END, FINISH)});

CASES(struct conversation, resets,
      {.name = "client_resets", .close_reason = "client_reset",
       .client = LASTING(SEND(MIB), GATE(1), RESET),
       .upstream = LASTING(RECV(1), PASS(1), RECV_RESET)},
      {.name = "client_resets_idle", .close_reason = "client_reset",
       .client = LASTING(SEND(1), RECV(1), RESET),
       .upstream = LASTING(RECV(1), SEND(1), RECV_RESET)},
      {.name = "client_resets_behind_its_end", .close_reason = "client_reset",
       .client = LASTING(SEND(1000), FINISH, GATE(1), RESET),
       .upstream = LASTING(RECV(1000), RECV_END, PASS(1), SEND_CUT)},
      {.name = "upstream_resets_download", .close_reason = "upstream_reset",
       .client = LASTING(RECV(1), PASS(1), RECV_RESET),
       .upstream = LASTING(SEND(MIB), GATE(1), RESET)},
      {.name = "upstream_resets_upload", .close_reason = "upstream_reset",
       .client = LASTING(SEND_CUT),
       .upstream = LASTING(RECV(MIB), RESET)});
/* clang-format on */

/* clang-format off */
CASES(struct conversation, losses,
      {.name = "client", .close_reason = "client_lost",
       .client = LASTING(RECV(1), SLEEP(3000), RECV_CUT),
       .upstream = LASTING(SEND_CUT)},
      {.name = "upstream", .close_reason = "upstream_lost",
       .client = LASTING(SEND_CUT),
       .upstream = LASTING(RECV(1), SLEEP(3000), RECV_CUT)});
/* clang-format on */

static void converse(struct e2e *e, const struct conversation *variant)
{
	struct log_entry line;
	struct peer client;

	e->passthrough = true;
	e->plain_server = true;
	e->script = variant->upstream;
	e2e_start(e);
	peer_init_plain_client(&client, e2e_connect_plain(e, NULL));
	client.gate = &e->upstream.gate;
	e2e_run(e, &client, variant->client);
	e2e_upstream(e, 0);
	line = e2e_prove_passthrough(e, 0, variant->close_reason);
	CHECK(log_entry_is(&line, "sni", "-"), "%s", line.text);
	e2e_end_plain(e, &client);
}

TEST_CASES(any_protocol, clean)
{
	static struct e2e e;

	converse(&e, variant);
}

TEST_CASES(a_reset_is_a_reset, resets)
{
	static struct e2e e;

	converse(&e, variant);
}

TEST_CASES(who_takes_nothing_is_lost, losses)
{
	static struct e2e e = {.top = "timeouts: {unacked: 1s}\n"};

	converse(&e, variant);
}

/* A unix socket has no reset. */
TEST_CASES(any_protocol_to_a_unix_socket, clean)
{
	static char address[128];
	static struct e2e e = {.upstream_address = address};

	snprintf(address, sizeof(address), "unix:%s/app.sock", test_tmpdir());
	converse(&e, variant);
}

/* Nobody decided that this is the end, neither behind the hello nor before it. */
TEST(a_worker_that_dies_resets)
{
	static struct e2e e = {.passthrough = true, .plain_server = true};
	static struct hello hello;
	struct peer client, waiting;
	struct log_entry line;
	pid_t worker;

	e.rules = BY_NAME;
	e.script = STEPS(GATE(1)); /* its own end must not be what the client sees */
	e2e_start(&e);
	hello_make(&hello, 0, "localhost");
	peer_init_plain_client(&client, e2e_connect_plain(&e, NULL));
	peer_init_plain_client(&waiting, e2e_connect_plain(&e, NULL));
	send_all(client.fd, hello.bytes, hello.len);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "sessions_passthrough") == 1 &&
				   daemon_counter(&e.daemon, "handshakes") == 1,
			   5000));
	E2E_MUST(&e, daemon_workers(&e.daemon, &worker, 1) == 1);
	MUST_OK(kill(worker, SIGKILL));
	e2e_run(&e, &client, STEPS(RECV_RESET));
	e2e_run(&e, &waiting, STEPS(RECV_RESET));
	atomic_store(&e.upstream.gate, 1);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "worker_died", NULL, NULL, 0, 5000, &line));
	MUST_OK(close(waiting.fd));
	e2e_end_plain(&e, &client);
}

TEST(an_upstream_that_is_not_there)
{
	static struct e2e e = {
		.passthrough = true, .plain_server = true, .endpoints = "\"127.0.0.1:1\""};
	struct log_entry line;
	struct peer client;

	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	peer_init_plain_client(&client, e2e_connect_plain(&e, NULL));
	e2e_run(&e, &client, STEPS(RECV_RESET));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "session", NULL, NULL, 0, 5000, &line));
	CHECK(log_entry_is(&line, "close", "upstream_failed"), "%s", line.text);
	e2e_end_plain(&e, &client);
}
