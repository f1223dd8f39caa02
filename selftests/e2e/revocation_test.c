// SPDX-License-Identifier: Apache-2.0
/*
 * Who was admitted and would not be any more is reset, also when the kernel has the keys: by a reload, or
 * by the clock. Nobody else notices.
 */
#include "selftests/e2e/e2e_reload.h"

#include "base/fd.h"
#include "sys/tls_pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

SUITE("revocation", .deadline_ms = 60000);

CASES(struct e2e_case, engines, E2E_ENGINES);

/* --- rules --- */

TEST_CASES(who_is_not_allowed_any_more_is_reset, engines)
{
	static struct e2e e;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	e2e_start_echo(&e, variant);
	e2e_connect_echo(&e, &client, &peer);
	e2e_prove_live(&e, &client);
	e2e_edit(&e, "cn: [client-a]", "cn: [client-b]");
	e2e_serve(&e, "2");
	e2e_await_reset(&e, &client, 1000);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "revoked", "check", "policy", 0, 1000, &line));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "session", "close", "revoked", 0, 1000, &line));
	MUST_EQ(daemon_counter(&e.daemon, "revoked"), 1);
	tlsclient_close(&client);
	MUST_EQ(e2e_try_client(&e, "client-a"), 49); /* access_denied */
	MUST_EQ(e2e_try_client(&e, "client-b"), -1);
	e2e_stop(&e);
}

TEST_CASES(who_is_still_allowed_notices_nothing, engines)
{
	static struct e2e e;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	e2e_start_echo(&e, variant);
	e2e_connect_echo(&e, &client, &peer);
	e2e_prove_live(&e, &client);
	e2e_edit(&e, "cn: [client-a]", "cn: [client-b, client-a]");
	e2e_serve(&e, "2");
	e2e_edit(&e, "name: known", "name: renamed");
	e2e_serve(&e, "3");
	MUST_EQ(daemon_counter(&e.daemon, "revoked"), 0);
	e2e_end_echo(&e, &client, &peer);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "session", "rule", "renamed", 0, 3000, &line));
	e2e_stop(&e);
}

TEST(passthrough_is_looked_at_too)
{
	static struct e2e e = {.passthrough = true,
			       .plain_server = true,
			       .rules = "      - {name: named, match: {sni: [localhost]}, "
					"upstream: app}\n"
					"      - {name: nameless, upstream: app}\n"};
	struct log_entry line;
	char byte;
	int fd;

	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_start(&e);
	fd = e2e_connect_plain(&e, NULL);
	/* No hello at all: it is not admitted, and nobody has to look at it. */
	e2e_edit(&e, "      - {name: nameless, upstream: app}\n", "");
	e2e_serve(&e, "2");
	MUST_EQ(daemon_counter(&e.daemon, "revoked"), 0);
	MUST_OK(send(fd, "no hello", 8, MSG_NOSIGNAL));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "refused", "check", "hello", 0, 3000, &line));
	MUST_EQ(recv(fd, &byte, 1, 0), 0);
	MUST_OK(close(fd));
	e2e_stop(&e);
}

TEST(a_listener_that_is_gone_takes_its_sessions_along)
{
	static struct e2e e;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	e2e_start_echo(&e, NULL);
	e2e_connect_echo(&e, &client, &peer);
	e2e_edit(&e, "name: main", "name: other");
	e2e_serve(&e, "2");
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "revoked", "check", "listener", 0, 1000, &line));
	tlsclient_close(&client);
	MUST_EQ(e2e_try_client(&e, "client-a"), -1);
	e2e_stop(&e);
}

TEST(a_version_that_is_gone_is_gone_for_sessions_too)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	ssize_t r;
	char byte;

	e2e_start_echo(&e, NULL);
	options = e2e_client_options(&e, NULL);
	options.version = TLS1_2_VERSION;
	e2e_connect(&e, &client, &options);
	MUST_EQ(tlsclient_send(&client, "x", 1), 1);
	E2E_MUST(&e, UNTIL((r = tlsclient_recv(&client, &byte, 1)) != -EAGAIN, 3000));
	MUST_EQ(r, 1);
	e2e_edit(&e, "    tls:\n", "    tls:\n      min_version: \"1.3\"\n");
	e2e_serve(&e, "2");
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "revoked", "check", "protocol", 0, 1000, &line));
	e2e_await_reset(&e, &client, 1000);
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* --- who is not believed any more --- */

static void swap_ca(struct e2e *e, const char *with)
{
	char command[500];

	snprintf(command, sizeof(command), "cp %s %s.new && mv %s.new %s", e2e_path(e, with),
		 e2e_path(e, "pki/ca.pem"), e2e_path(e, "pki/ca.pem"), e2e_path(e, "pki/ca.pem"));
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c): the paths are ours */
}

TEST_CASES(whose_ca_is_gone_is_reset, engines)
{
	static struct e2e e;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	e2e_start_echo(&e, variant);
	e2e_connect_echo(&e, &client, &peer);
	e2e_prove_live(&e, &client);
	swap_ca(&e, "pki/other-ca.pem");
	e2e_await_generation(&e, "2");
	e2e_await_reset(&e, &client, 1000);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "revoked", "reason", "unknown_ca", 0, 1000, &line));
	tlsclient_close(&client);
	e2e_stop(&e);
}

static void crl_of_nobody(struct e2e *e)
{
	e2e_pki(e, "--crl", "ca", NULL);
	e2e_pki(e, "--crl", "sub-ca", NULL);
}

TEST_CASES(who_is_revoked_is_reset, engines)
{
	static struct e2e e = {.more_pki = crl_of_nobody,
			       .tls = "      client_crl: [\"file:pki/ca.crl\", "
				      "\"file:pki/sub-ca.crl\"]\n",
			       .rules = "      - {name: all, upstream: app}\n"};
	struct tlsclient client, other;
	struct tlsclient_options options;
	struct peer peer, other_peer;
	struct log_entry line;

	e2e_start_echo(&e, variant);
	e2e_connect_echo(&e, &client, &peer);
	e2e_prove_live(&e, &client);
	options = e2e_client_options(&e, NULL);
	options.cert = e2e_path(&e, "pki/client-b.pem");
	options.key = e2e_path(&e, "pki/client-b.key");
	e2e_connect(&e, &other, &options);
	peer_init_client(&other_peer, &other);
	peer_expect_echo(&other_peer);
	e2e_run(&e, &other_peer, STEPS(SEND(1000), RECV(1000)));
	e2e_pki(&e, "--crl", "sub-ca", "--revoke", "client-a", "--force", NULL);
	e2e_await_generation(&e, "2");
	e2e_await_reset(&e, &client, 1000);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "revoked", "reason", "revoked", 0, 1000, &line));
	MUST(log_entry_is(&line, "subject", "CN=client-a"));
	tlsclient_close(&client);
	/* What was verified before is not remembered beyond the reload. */
	MUST_EQ(e2e_try_client(&e, "client-a"), 44); /* certificate_revoked */
	e2e_end_echo(&e, &other, &other_peer);
	e2e_stop(&e);
}

TEST_CASES(a_server_whose_ca_is_gone_is_left, engines)
{
	static struct e2e e = {.originate = true};
	struct log_entry line;
	struct peer client;
	char byte;

	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_begin_plain(&e, variant, &client);
	peer_expect_echo(&client);
	e2e_run(&e, &client, STEPS(SEND(1000), RECV(1000)));
	e2e_prove_originated(&e, variant);
	swap_ca(&e, "pki/other-ca.pem");
	e2e_await_generation(&e, "2");
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "revoked", "reason", "unknown_ca", 0, 1000, &line));
	E2E_MUST(&e,
		 UNTIL(recv(client.fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET, 1000));
	MUST_OK(close(client.fd));
	e2e_stop(&e);
}

/* --- what else a session keeps --- */

struct protocol_case {
	VARIANT;
	const char *list; /* of the new configuration */
};

CASES(struct protocol_case, protocol_lists, {.name = "in-another-place", .list = "[http/1.1, h2]"},
      {.name = "gone", .list = "[http/1.1]"}, {.name = "no-list", .list = NULL});

/* The log names the protocol that was agreed on, whatever the list is now. */
TEST_CASES(a_protocol_stays_agreed_on, protocol_lists)
{
	static struct e2e e = {.tls = "      alpn: [h2, http/1.1]\n"};
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	e2e_start_echo(&e, NULL);
	options = e2e_client_options(&e, NULL);
	options.alpn = "\x02h2";
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	peer_expect_echo(&peer);
	e2e_run(&e, &peer, STEPS(SEND(1000), RECV(1000)));
	if (variant->list)
		e2e_edit(&e, "[h2, http/1.1]", variant->list);
	else
		e2e_edit(&e, e.tls, "");
	e2e_serve(&e, "2");
	e2e_end_echo(&e, &client, &peer);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "session", NULL, NULL, 0, 3000, &line));
	E2E_MUST(&e, log_entry_is(&line, "alpn", "h2"), "%s", line.text);
	e2e_stop(&e);
}

/* --- what ends by itself --- */

/* A client's certificate that ends in 4 s, or whatever of them the start leaves. */
static void brief_client(struct e2e *e)
{
	const struct tls_pki_request request = {
		.cn = "brief",
		.usage = TLS_PKI_CLIENT,
		.key = TLS_PKI_ECDSA_P256,
		.not_before = time(NULL) - 60,
		.not_after = time(NULL) + (time_t)test_scaled_ms(4000) / 1000,
	};
	struct tls_pki_entity _cleanup_pki_entity_ *ca = NULL, _cleanup_pki_entity_ *client = NULL;
	char _cleanup_free_ *cert = NULL, _cleanup_free_ *key = NULL;
	char chain[8192];

	MUST_EQ(tls_pki_load(e2e_text(e, "pki/sub-ca.pem"), e2e_text(e, "pki/sub-ca.key"), &ca), 0);
	MUST_EQ(tls_pki_issue(&request, ca, &client), 0);
	cert = tls_pki_cert_pem(client);
	key = tls_pki_key_pem(client);
	snprintf(chain, sizeof(chain), "%s%s", cert, e2e_text(e, "pki/sub-ca.pem"));
	MUST_EQ(daemon_write(&e->daemon, "pki/brief.pem", chain), 0);
	MUST_EQ(daemon_write(&e->daemon, "pki/brief.key", key), 0);
}

TEST_CASES(a_session_ends_with_its_certificate, engines)
{
	static struct e2e e = {.more_pki = brief_client,
			       .rules = "      - {name: all, upstream: app}\n",
			       .top = "session: {end_with_certificate: true}\n"};
	struct tlsclient_options options;
	struct tlsclient client, other;
	struct peer peer, other_peer;
	struct log_entry line;

	e2e_start_echo(&e, variant);
	e2e_connect_echo(&e, &other, &other_peer);
	options = e2e_client_options(&e, NULL);
	options.cert = e2e_path(&e, "pki/brief.pem");
	options.key = e2e_path(&e, "pki/brief.key");
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	peer_expect_echo(&peer);
	e2e_run(&e, &peer, STEPS(SEND(1000), RECV(1000)));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "session", "close", "certificate_ended", 0, 10000,
				     &line));
	MUST_GE(log_entry_u64(&line, "duration_ms"), 1000);
	tlsclient_close(&client);
	e2e_end_echo(&e, &other, &other_peer);
	e2e_stop(&e);
}
