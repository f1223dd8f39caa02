// SPDX-License-Identifier: Apache-2.0
/* What a listener offers: certificates by name, client_auth, and what it never does. */
#include "selftests/e2e/e2e.h"

#include <stdio.h>
#include <string.h>

SUITE("tls", NEEDS(NEED_NETNS));

#define ECHO_SCRIPT STEPS(ECHO_ALL, FINISH)

static void exchange(struct e2e *e, struct tlsclient *client)
{
	struct peer peer;

	peer_init_client(&peer, client);
	peer_expect_echo(&peer);
	e2e_run(e, &peer, STEPS(SEND(1000), RECV(1000), FINISH, RECV_END));
}

static void expect_cn(struct e2e *e, const char *sni, const char *sigalgs, const char *cn)
{
	struct tlsclient_options options = e2e_client_options(e, NULL);
	struct tlsclient client;
	char text[128];

	options.sni = sni;
	options.sigalgs = sigalgs;
	e2e_connect(e, &client, &options);
	tlsclient_server_cn(&client, text, sizeof(text));
	E2E_MUST(e, strcmp(text, cn) == 0, "SNI %s got %s instead of %s", sni ? sni : "(none)",
		 text, cn);
	exchange(e, &client);
	tlsclient_close(&client);
}

TEST(sni_picks_certificate)
{
	static char more[1024];
	static struct e2e e = {.tls = more};

	e.script = ECHO_SCRIPT;
	snprintf(more, sizeof(more),
		 "        - {chain: file:%1$s/pki/one.pem, key: file:%1$s/pki/one.key}\n"
		 "        - {chain: file:%1$s/pki/two.pem, key: file:%1$s/pki/two.key}\n"
		 "        - {chain: file:%1$s/pki/two-rsa.pem, key: file:%1$s/pki/two-rsa.key}\n",
		 test_tmpdir());
	e2e_prepare(&e);
	e2e_pki(&e, "--server", "one", "--dns", "one.example", NULL);
	e2e_pki(&e, "--server", "two", "--dns", "two.example", "--dns", "*.two.example", NULL);
	e2e_pki(&e, "--server", "two-rsa", "--dns", "two.example", "--key", "rsa", NULL);
	e2e_start(&e);
	expect_cn(&e, "one.example", NULL, "one");
	expect_cn(&e, "two.example", NULL, "two");
	expect_cn(&e, "deep.two.example", NULL, "two");
	expect_cn(&e, "TWO.example", NULL, "two");
	expect_cn(&e, "unknown.example", NULL, "localhost");
	expect_cn(&e, NULL, NULL, "localhost");
	/* The same name with another type of key, for a client that knows only RSA. */
	expect_cn(&e, "two.example", "rsa_pss_rsae_sha256", "two-rsa");
	e2e_stop(&e);
}

struct auth_case {
	VARIANT;
	const char *client_auth, *rules;
	const char *identity;
	bool with_certificate, works;
};

#define EVERYBODY "      - {name: everybody, upstream: app}\n"
#define ANYBODY	  "      - {name: visitors, match: {anonymous: true}, upstream: app}\n"

/* clang-format off */
CASES(struct auth_case, auths,
      {.name = "optional-with", .client_auth = "optional", .with_certificate = true,
       .works = true, .identity = "spiffe://sluice.example/client-a"},
      {.name = "optional-without", .client_auth = "optional", .works = false},
      {.name = "optional-without-everybody", .client_auth = "optional", .rules = EVERYBODY,
       .works = false},
      {.name = "optional-without-anonymous", .client_auth = "optional", .rules = ANYBODY,
       .works = true, .identity = "-"},
      {.name = "optional-with-anonymous", .client_auth = "optional", .rules = ANYBODY,
       .with_certificate = true, .works = false},
      {.name = "off", .client_auth = "off", .rules = EVERYBODY, .with_certificate = true,
       .works = true, .identity = "-"});
/* clang-format on */

TEST_CASES(client_auth, auths)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;

	e.script = ECHO_SCRIPT;
	e.client_auth = variant->client_auth;
	e.rules = variant->rules;
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	if (!variant->with_certificate)
		options.cert = options.key = NULL;
	e2e_connect(&e, &client, &options);
	if (variant->works) {
		exchange(&e, &client);
		E2E_MUST(&e, daemon_wait_log(&e.daemon, "session", NULL, NULL, 0, 3000, &line));
		E2E_MUST(&e, log_entry_is(&line, "identity", variant->identity), "%s", line.text);
	} else {
		E2E_MUST(&e, tlsclient_alert(&client, (int)test_scaled_ms(3000)) == 49);
		(void)e2e_refused(&e, "policy", "");
	}
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* A certificate that does not verify is refused also where none would be needed. */
TEST(optional_still_verifies)
{
	static struct e2e e = {.client_auth = "optional", .rules = EVERYBODY};
	struct tlsclient_options options;
	struct tlsclient client;
	int r, alert;

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	options.cert = e2e_path(&e, "pki/other-client-a.pem");
	options.key = e2e_path(&e, "pki/other-client-a.key");
	r = e2e_try(&e, &client, &options);
	alert = r == 0 ? tlsclient_alert(&client, (int)test_scaled_ms(3000)) : client.alert;
	E2E_MUST(&e, alert == 48, "alert %d", alert);
	tlsclient_close(&client);
	(void)e2e_refused(&e, "chain", "CN=client-a");
	e2e_stop(&e);
}

/* Rules of every kind, and a certificate with strange names. */
TEST(names_in_rules)
{
	static struct e2e e = {
		.rules =
			"      - {name: by-dns, match: {dns: [\"*.wild.example\"]}, upstream: app}\n"
			"      - {name: by-uri, match: {uri: [\"spiffe://a.example/*/sa/x\"]}, "
			"upstream: app}\n"
			"      - {name: by-cn, match: {cn: [\"Zoë, Ltd=1\"]}, upstream: app}\n"};
	static const struct {
		const char *rule;
		const char *option, *value;
	} rows[] = {
		{"by-dns", "--dns", "host.wild.example"},
		{"by-uri", "--uri", "spiffe://a.example/ns1/sa/x"},
		{"by-cn", "--cn", "Zoë, Ltd=1"},
	};

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tlsclient_options options = e2e_client_options(&e, NULL);
		struct tlsclient client;
		struct log_entry line;

		e2e_pki(&e, "--client", "odd", rows[i].option, rows[i].value, "--force", NULL);
		options.cert = e2e_path(&e, "pki/odd.pem");
		options.key = e2e_path(&e, "pki/odd.key");
		e2e_connect(&e, &client, &options);
		exchange(&e, &client);
		tlsclient_close(&client);
		E2E_MUST(
			&e,
			daemon_wait_log(&e.daemon, "session", "rule", rows[i].rule, 0, 3000, &line),
			"no session by %s", rows[i].rule);
	}
	e2e_stop(&e);
}

/* No ticket, so no resumption: where mTLS proxies were bypassed. */
/* What a rule that denies cannot decide is refused: the peer chose the names of its certificate. */
TEST(unclear_names_are_refused)
{
	static struct e2e e = {
		.rules =
			"      - {name: not-a, match: {cn: [\"client-a\"]}, action: deny}\n"
			"      - {name: not-evil, match: {dns: [\"x.evil.example\"]}, action: deny}\n"
			"      - {name: rest, upstream: app}\n"};
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	e2e_pki(&e, "--client", "odd", "--dns", "*.evil.example", "--force", NULL);
	options.cert = e2e_path(&e, "pki/odd.pem");
	options.key = e2e_path(&e, "pki/odd.key");
	e2e_connect(&e, &client, &options);
	E2E_MUST(&e, tlsclient_alert(&client, (int)test_scaled_ms(3000)) == 49);
	tlsclient_close(&client);
	line = e2e_refused(&e, "policy", "CN=odd");
	E2E_MUST(&e, log_entry_is(&line, "rule", "not-evil"), "%s", line.text);
	e2e_stop(&e);
}

TEST(no_resumption)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	static struct e2e e;

	e.script = ECHO_SCRIPT;
	e2e_start(&e);
	for (size_t i = 0; i < 2; i++) {
		struct tlsclient_options options = e2e_client_options(&e, NULL);
		struct tlsclient client;
		unsigned int id_len = 0;
		SSL_SESSION *session;

		options.version = versions[i];
		e2e_connect(&e, &client, &options);
		exchange(&e, &client);
		session = SSL_get0_session(client.ssl);
		CHECK(!SSL_SESSION_has_ticket(session));
		(void)SSL_SESSION_get_id(session, &id_len);
		CHECK(versions[i] == TLS1_3_VERSION || id_len == 0, "a session id of %u bytes",
		      id_len);
		CHECK(!SSL_session_reused(client.ssl));
		tlsclient_close(&client);
	}
	e2e_stop(&e);
}
