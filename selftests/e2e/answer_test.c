// SPDX-License-Identifier: Apache-2.0
/* A client that cannot go on is told so in HTTP, or by a reset, where the configuration wants it. */
#include "selftests/e2e/e2e.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SUITE("answer", NEEDS(NEED_NETNS));

#define ANSWER_MS 5000

#define GET  "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define HEAD "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"

#define FIELDS(length)                                                                             \
	"Content-Type: text/plain\r\nContent-Length: " length "\r\nConnection: close\r\n\r\n"
#define FORBIDDEN_HEAD "HTTP/1.1 403 Forbidden\r\n" FIELDS("14")
#define FORBIDDEN      FORBIDDEN_HEAD "403 Forbidden\n"
#define UNAVAILABLE    "HTTP/1.1 503 Service Unavailable\r\n" FIELDS("24") "503 Service Unavailable\n"

#define WITH_403 "    refuse_with: http-403\n"
#define WITH_503 "    no_upstream: http-503\n"

enum { ALERT_ACCESS_DENIED = 49, ALERT_INTERNAL_ERROR = 80, ALERT_NO_PROTOCOL = 120 };

/* clang-format off */
CASES(struct e2e_case, cryptos, E2E_CRYPTOS);
/* clang-format on */

/* --- a client that asks --- */

static struct tlsclient_options options_of(const struct e2e *e, const struct e2e_case *c,
					   const char *name)
{
	struct tlsclient_options options = e2e_client_options(e, c);
	char file[64];

	options.cert = options.key = NULL;
	if (name) {
		snprintf(file, sizeof(file), "pki/%s.pem", name);
		options.cert = e2e_path(e, file);
		snprintf(file, sizeof(file), "pki/%s.key", name);
		options.key = e2e_path(e, file);
	}
	return options;
}

static void await_bytes(struct tlsclient *client)
{
	struct pollfd p = {.fd = client->fd, .events = POLLIN};

	(void)poll(&p, 1, 10);
}

static void say(struct e2e *e, struct tlsclient *client, const char *text)
{
	E2E_MUST(e, tlsclient_send(client, text, strlen(text)) == (ssize_t)strlen(text), "%s",
		 client->error);
}

/* Returns: everything up to the end, in a static buffer; *@ret_end is how that looked. */
static const char *hear(struct e2e *e, struct tlsclient *client, ssize_t *ret_end)
{
	static char text[4096];
	size_t len = 0;
	ssize_t got;
	uint64_t deadline_ms = test_now_ms() + test_scaled_ms(ANSWER_MS);

	do {
		got = tlsclient_recv(client, text + len, sizeof(text) - 1 - len);
		if (got > 0)
			len += (size_t)got;
		else if (got == -EAGAIN)
			await_bytes(client);
	} while ((got > 0 || got == -EAGAIN) && test_now_ms() < deadline_ms);
	E2E_MUST(e, got <= 0 && got != -EAGAIN, "no end after %zu bytes", len);
	text[len] = '\0';
	*ret_end = got;
	return text;
}

/* The whole answer, and close_notify behind it. */
static void must_hear(struct e2e *e, struct tlsclient *client, const char *wanted)
{
	ssize_t end;
	const char *heard = hear(e, client, &end);

	E2E_MUST(e, strcmp(heard, wanted) == 0, "heard: %s", heard);
	E2E_MUST(e, end == 0, "it ended with %zd (%s)", end, client->error);
}

static void nobody_is_left(struct e2e *e)
{
	E2E_MUST(e, UNTIL(daemon_counter(&e->daemon, "connections") == 0, 5000));
	E2E_MUST(e, daemon_counter(&e->daemon, "handshakes") == 0);
}

/* --- who is refused, and what it hears --- */

struct refused_case {
	VARIANT;
	const char *client; /* NULL: none */
	const char *rules, *listener, *auth;
	const char *rule; /* in the log */
	const char *request, *response;
};

#define DENY_A(more)                                                                               \
	"      - {name: not-a, match: {cn: [client-a]}, action: deny" more "}\n"                   \
	"      - {name: rest, upstream: app}\n"

/* clang-format off */
CASES(struct refused_case, refusals,
      {.name = "no-rule", .client = "client-b", .listener = WITH_403, .rule = "-", .request = GET, .response = FORBIDDEN},
      {.name = "head", .client = "client-b", .listener = WITH_403, .rule = "-", .request = HEAD, .response = FORBIDDEN_HEAD},
      {.name = "deny-rule", .client = "client-a", .rules = DENY_A(", respond: http-403"), .rule = "not-a", .request = GET, .response = FORBIDDEN},
      {.name = "deny-rule-as-listener", .client = "client-a", .rules = DENY_A(""), .listener = WITH_403, .rule = "not-a", .request = GET, .response = FORBIDDEN},
      {.name = "no-certificate", .client = NULL, .auth = "optional", .listener = WITH_403, .rule = "-", .request = GET, .response = FORBIDDEN});
/* clang-format on */

TEST_MATRIX(forbidden, refusals, cryptos)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;

	e.engine = column->engine;
	e.script = STEPS(RECV_ALL);
	e.rules = row->rules;
	e.listener = row->listener;
	e.client_auth = row->auth;
	e2e_start(&e);
	options = options_of(&e, column, row->client);
	e2e_connect(&e, &client, &options);
	say(&e, &client, row->request);
	must_hear(&e, &client, row->response);
	CHECK_EQ(client.alert, -1);
	tlsclient_close(&client);
	line = e2e_refused(&e, "policy", row->client ? row->client : "");
	E2E_MUST(&e, log_entry_is(&line, "respond", "http-403"), "%s", line.text);
	E2E_MUST(&e, log_entry_is(&line, "alert", "-1"), "%s", line.text);
	E2E_MUST(&e, log_entry_is(&line, "rule", row->rule), "%s", line.text);
	E2E_MUST(&e, daemon_counter(&e.daemon, "refused_policy") == 1);
	E2E_MUST(&e, daemon_counter(&e.daemon, "admitted") == 0);
	nobody_is_left(&e);
	e2e_stop(&e);
}

TEST_CASES(reset, cryptos)
{
	static struct e2e e = {.rules = DENY_A(", respond: reset"), .listener = WITH_403};
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	ssize_t end;

	e.engine = variant->engine;
	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	options = options_of(&e, variant, "client-a");
	/* With TLS 1.2 the reset may be faster than the end of our handshake. */
	if (e2e_try(&e, &client, &options) == 0) {
		E2E_MUST(&e, hear(&e, &client, &end)[0] == '\0');
		E2E_MUST(&e, end == -ECONNRESET, "it ended with %zd (%s)", end, client.error);
	}
	E2E_MUST(&e, client.alert == -1, "alert %d", client.alert);
	tlsclient_close(&client);
	line = e2e_refused(&e, "policy", "CN=client-a");
	E2E_MUST(&e, log_entry_is(&line, "respond", "reset"), "%s", line.text);
	E2E_MUST(&e, daemon_counter(&e.daemon, "resets") == 1);
	nobody_is_left(&e);
	e2e_stop(&e);
}

/* A rule that says so takes the alert, whatever the listener would say. */
TEST(a_rule_may_want_the_alert)
{
	static struct e2e e = {.rules = DENY_A(", respond: alert"), .listener = WITH_403};
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;

	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	options = options_of(&e, NULL, "client-a");
	e2e_connect(&e, &client, &options);
	E2E_MUST(&e,
		 tlsclient_alert(&client, (int)test_scaled_ms(ANSWER_MS)) == ALERT_ACCESS_DENIED);
	tlsclient_close(&client);
	line = e2e_refused(&e, "policy", "CN=client-a");
	E2E_MUST(&e, log_entry_is(&line, "respond", "alert"), "%s", line.text);
	e2e_stop(&e);
}

/* --- when it hears it --- */

static void begin_refused(struct e2e *e, struct tlsclient *client)
{
	struct tlsclient_options options;

	e->script = STEPS(RECV_ALL);
	e->listener = WITH_403;
	e2e_start(e);
	options = options_of(e, NULL, "client-b");
	e2e_connect(e, client, &options);
}

static void end_refused(struct e2e *e, struct tlsclient *client)
{
	tlsclient_close(client);
	(void)e2e_refused(e, "policy", "CN=client-b");
	nobody_is_left(e);
	e2e_stop(e);
}

TEST(a_head_in_many_records)
{
	static const char request[] = GET;
	static struct e2e e;
	struct tlsclient client;

	begin_refused(&e, &client);
	for (size_t i = 0; i < sizeof(request) - 1; i++) {
		const char one[] = {request[i], '\0'};
		char waste[8];

		E2E_MUST(&e, tlsclient_recv(&client, waste, sizeof(waste)) == -EAGAIN,
			 "an answer before the end of the head");
		say(&e, &client, one);
	}
	must_hear(&e, &client, FORBIDDEN);
	end_refused(&e, &client);
}

/* An answer must arrive although the client has sent much that nobody will read. */
TEST(a_body_does_not_destroy_the_answer)
{
	static const char request[] = "PUT /x HTTP/1.1\r\nContent-Length: 65536\r\n\r\n";
	static char body[64 * 1024];
	static struct e2e e;
	struct tlsclient client;

	begin_refused(&e, &client);
	say(&e, &client, request);
	(void)tlsclient_send(&client, body, sizeof(body));
	must_hear(&e, &client, FORBIDDEN);
	end_refused(&e, &client);
}

TEST(a_head_without_end_is_answered)
{
	static char head[20000];
	static struct e2e e;
	struct tlsclient client;

	begin_refused(&e, &client);
	memset(head, 'x', sizeof(head));
	(void)tlsclient_send(&client, head, sizeof(head));
	must_hear(&e, &client, FORBIDDEN);
	end_refused(&e, &client);
}

/* It may have ended its own direction, with half a head. */
TEST(who_says_no_more_is_answered)
{
	static struct e2e e;
	struct tlsclient client;

	begin_refused(&e, &client);
	say(&e, &client, "GET / HTTP/1.1\r\n");
	E2E_MUST(&e, tlsclient_finish(&client) == 0);
	must_hear(&e, &client, FORBIDDEN);
	end_refused(&e, &client);
}

struct silence_case {
	VARIANT;
	const char *said, *heard;
};

/* clang-format off */
CASES(struct silence_case, silences,
      {.name = "nothing", .said = NULL, .heard = ""},
      {.name = "half-a-head", .said = "GET / HTTP/1.1\r\nHost", .heard = FORBIDDEN});
/* clang-format on */

TEST_CASES(silence_has_an_end, silences)
{
	static struct e2e e = {.top = "timeouts: {handshake: 1s}\n"};
	struct tlsclient client;

	begin_refused(&e, &client);
	if (variant->said)
		say(&e, &client, variant->said);
	must_hear(&e, &client, variant->heard);
	end_refused(&e, &client);
}

/* A drain does not wait for a request that may never come. */
TEST(a_drain_cuts_it)
{
	static struct e2e e = {.top = "timeouts: {drain: 100ms}\n"};
	struct tlsclient client;

	begin_refused(&e, &client);
	(void)e2e_refused(&e, "policy", "CN=client-b");
	e2e_stop(&e);
	tlsclient_close(&client);
}

TEST(who_goes_away_is_forgotten)
{
	static struct e2e e;
	struct tlsclient client;

	begin_refused(&e, &client);
	say(&e, &client, "GET / HT");
	tlsclient_close(&client);
	nobody_is_left(&e);
	end_refused(&e, &client);
}

/* --- other protocols --- */

struct protocol_case {
	VARIANT;
	const char *offer, *agreed;
	const char *response; /* NULL: the alert */
};

/* clang-format off */
CASES(struct protocol_case, protocols,
      {.name = "h2", .offer = "\x02h2\x08http/1.1", .agreed = "h2"},
      {.name = "http", .offer = "\x08http/1.1", .agreed = "http/1.1", .response = FORBIDDEN},
      {.name = "none", .agreed = "-", .response = FORBIDDEN});
/* clang-format on */

/* Who has agreed on another protocol would not understand it. */
TEST_CASES(http_1_only, protocols)
{
	static struct e2e e = {.listener = WITH_403, .tls = "      alpn: [h2, http/1.1]\n"};
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;

	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	options = options_of(&e, NULL, "client-b");
	options.alpn = variant->offer;
	e2e_connect(&e, &client, &options);
	if (variant->response) {
		say(&e, &client, GET);
		must_hear(&e, &client, variant->response);
	} else {
		int alert = tlsclient_alert(&client, (int)test_scaled_ms(ANSWER_MS));

		E2E_MUST(&e, alert == ALERT_ACCESS_DENIED, "alert %d", alert);
	}
	tlsclient_close(&client);
	line = e2e_refused(&e, "policy", "CN=client-b");
	E2E_MUST(&e, log_entry_is(&line, "alpn", variant->agreed), "%s", line.text);
	E2E_MUST(&e, log_entry_is(&line, "respond", variant->response ? "http-403" : "alert"), "%s",
		 line.text);
	e2e_stop(&e);
}

/* --- ALPN of clients that pass --- */

struct alpn_case {
	VARIANT;
	const char *offer, *agreed; /* NULL: refused */
};

/* clang-format off */
CASES(struct alpn_case, alpns,
      {.name = "ours-first", .offer = "\x08http/1.1\x02h2", .agreed = "h2"},
      {.name = "second", .offer = "\x04imap\x08http/1.1", .agreed = "http/1.1"},
      {.name = "without", .offer = NULL, .agreed = "-"},
      {.name = "nothing-in-common", .offer = "\x04imap"});
/* clang-format on */

static void exchange(struct e2e *e, struct tlsclient *client, const char *agreed)
{
	const unsigned char *name = NULL;
	unsigned int len = 0;
	struct log_entry line;
	struct peer peer;

	SSL_get0_alpn_selected(client->ssl, &name, &len);
	CHECK_EQ(len, strcmp(agreed, "-") == 0 ? 0 : strlen(agreed));
	if (len > 0 && len == strlen(agreed))
		CHECK_MEM(name, agreed, len);
	peer_init_client(&peer, client);
	e2e_run(e, &peer, STEPS(SEND(10), RECV(20), FINISH, RECV_END));
	E2E_MUST(e, daemon_wait_log(&e->daemon, "session", NULL, NULL, 0, 3000, &line));
	E2E_MUST(e, log_entry_is(&line, "alpn", agreed), "%s", line.text);
}

TEST_MATRIX(alpn, alpns, cryptos)
{
	static struct e2e e = {.tls = "      alpn: [h2, http/1.1]\n"};
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;

	e.engine = column->engine;
	e.script = STEPS(RECV(10), SEND(20), RECV_END, FINISH);
	e2e_start(&e);
	options = e2e_client_options(&e, column);
	options.alpn = row->offer;
	if (row->agreed) {
		e2e_connect(&e, &client, &options);
		exchange(&e, &client, row->agreed);
	} else {
		E2E_MUST(&e, e2e_try(&e, &client, &options) == -EPROTO);
		E2E_MUST(&e, client.alert == ALERT_NO_PROTOCOL, "alert %d", client.alert);
		line = e2e_refused(&e, "alpn", "");
		E2E_MUST(&e, log_entry_u64(&line, "alert") == ALERT_NO_PROTOCOL, "%s", line.text);
		E2E_MUST(&e, daemon_counter(&e.daemon, "handshake_failed") == 1);
	}
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* --- no endpoint takes the connection --- */

static void start_without_upstream(struct e2e *e, const struct e2e_case *c)
{
	static char endpoints[64];

	e->engine = c->engine;
	e->script = STEPS(RECV_ALL);
	e->listener = WITH_503;
	snprintf(endpoints, sizeof(endpoints), "\"127.0.0.1:%u\", \"unix:/nowhere.sock\"",
		 daemon_free_port());
	e->endpoints = endpoints;
	e2e_start(e);
}

TEST_CASES(unavailable, cryptos)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;

	start_without_upstream(&e, variant);
	options = options_of(&e, variant, "client-a");
	e2e_connect(&e, &client, &options);
	say(&e, &client, GET);
	must_hear(&e, &client, UNAVAILABLE);
	tlsclient_close(&client);
	E2E_MUST(&e,
		 daemon_wait_log(&e.daemon, "session", "close", "upstream_failed", 0, 5000, &line));
	E2E_MUST(&e, daemon_counter(&e.daemon, "upstream_failed") == 1);
	E2E_MUST(&e, daemon_count_log(&e.daemon, "refused", NULL, NULL) == 0);
	nobody_is_left(&e);
	e2e_stop(&e);
}

TEST(unavailable_in_another_protocol)
{
	static const struct e2e_case copy = {.engine = E2E_COPY};
	static struct e2e e = {.tls = "      alpn: [h2, http/1.1]\n"};
	struct tlsclient_options options;
	struct tlsclient client;
	int alert;

	start_without_upstream(&e, &copy);
	options = options_of(&e, NULL, "client-a");
	options.alpn = "\x02h2";
	e2e_connect(&e, &client, &options);
	alert = tlsclient_alert(&client, (int)test_scaled_ms(ANSWER_MS));
	E2E_MUST(&e, alert == ALERT_INTERNAL_ERROR, "alert %d", alert);
	tlsclient_close(&client);
	e2e_stop(&e);
}
