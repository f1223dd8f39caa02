// SPDX-License-Identifier: Apache-2.0
/* mode: originate: an upstream proves who it is before a byte reaches it; else comes the next one. */
#include "selftests/e2e/e2e.h"

#include "sys/tls_pki.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

SUITE("originate_proof", NEEDS(NEED_NETNS), .deadline_ms = 30000);

CASES(struct e2e_case, engines, E2E_CRYPTOS);

struct server_case {
	VARIANT;
	const char *cert, *ca; /* of the PKI */
	const char *tls;       /* the upstream's */
	const char *check;     /* "": it is the right one */
	const char *reason, *detail, *subject;
};

#define SPIFFE "spiffe://prod.example/ns/pay/sa/billing"

/* clang-format off */
CASES(struct server_case, servers,
      {.name = "dns", .check = "", .tls = "      server_name: localhost\n"},
      {.name = "dns-case", .check = "", .tls = "      server_name: LOCALHOST\n"},
      {.name = "ip", .check = "", .tls = "      server_name: 127.0.0.1\n"},
      {.name = "endpoint", .check = "", .tls = ""},
      {.name = "uri", .check = "", .tls = "      server_name: " SPIFFE "\n"},
      {.name = "wildcard", .check = "", .tls = "      server_name: a.wild.example\n"},
      {.name = "other-dns", .check = "name", .reason = "name_mismatch", .detail = "hostname mismatch", .subject = "CN=localhost",
       .tls = "      server_name: other.example\n"},
      {.name = "wildcard-is-one-label", .check = "name", .reason = "name_mismatch", .detail = "hostname mismatch", .subject = "CN=localhost",
       .tls = "      server_name: a.b.wild.example\n"},
      {.name = "other-ip", .check = "name", .reason = "name_mismatch", .detail = "IP address mismatch", .subject = "CN=localhost",
       .tls = "      server_name: 127.0.0.2\n"},
      {.name = "shorter-uri", .check = "name", .reason = "name_mismatch", .detail = "URI mismatch", .subject = "CN=localhost",
       .tls = "      server_name: spiffe://prod.example/ns/pay/sa/bill\n"},
      {.name = "longer-uri", .check = "name", .reason = "name_mismatch", .detail = "URI mismatch", .subject = "CN=localhost",
       .tls = "      server_name: " SPIFFE "/x\n"},
      {.name = "uri-case", .check = "name", .reason = "name_mismatch", .detail = "URI mismatch", .subject = "CN=localhost",
       .tls = "      server_name: spiffe://Prod.example/ns/pay/sa/billing\n"},
      {.name = "only-a-cn", .cert = "only-cn", .check = "name", .reason = "name_mismatch", .detail = "hostname mismatch", .subject = "CN=localhost",
       .tls = "      server_name: localhost\n"},
      {.name = "other-ca", .ca = "other-ca.pem", .check = "chain", .reason = "unknown_ca", .detail = "certificate", .subject = "CN="},
      {.name = "expired", .cert = "expired", .check = "chain", .reason = "expired", .detail = "certificate has expired", .subject = "CN=localhost"},
      {.name = "for-clients", .cert = "client-b", .check = "chain", .reason = "eku", .detail = "purpose", .subject = "CN=client-b"});
/* clang-format on */

static char *read_file(const char *path, char *buf, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t len;

	MUST(file);
	len = fread(buf, 1, size - 1, file);
	buf[len] = '\0';
	MUST_EQ(fclose(file), 0);
	return buf;
}

static void write_text(const struct e2e *e, const char *name, char *text)
{
	FILE *file = fopen(e2e_path(e, name), "we");

	MUST(file && text && fputs(text, file) >= 0);
	MUST_EQ(fclose(file), 0);
	free(text);
}

/* What `sluice pki` does not make: NAME.pem and NAME.key, signed by the root. */
static void issue(const struct e2e *e, const char *name, struct tls_pki_request *request)
{
	char cert[16384], key[16384], file[64];
	struct tls_pki_entity _cleanup_pki_entity_ *ca = NULL;
	struct tls_pki_entity _cleanup_pki_entity_ *entity = NULL;

	MUST_EQ(tls_pki_load(read_file(e2e_path(e, "pki/ca.pem"), cert, sizeof(cert)),
			     read_file(e2e_path(e, "pki/ca.key"), key, sizeof(key)), &ca),
		0);
	request->usage = TLS_PKI_SERVER;
	request->not_before = time(NULL) - 1000000;
	MUST_EQ(tls_pki_issue(request, ca, &entity), 0);
	snprintf(file, sizeof(file), "pki/%s.pem", name);
	write_text(e, file, tls_pki_cert_pem(entity));
	snprintf(file, sizeof(file), "pki/%s.key", name);
	write_text(e, file, tls_pki_key_pem(entity));
}

/* The daemon's PKI and the certificates of the cases: the server starts with one of them. */
static void prepare_servers(struct e2e *e)
{
	struct tls_pki_request good = {.cn = "localhost",
				       .dns = {"localhost", "*.wild.example"},
				       .uri = {"spiffe://other.example/x", SPIFFE},
				       .ip = {"127.0.0.1"},
				       .not_after = time(NULL) + 100000};
	struct tls_pki_request expired = good, only_cn = {.cn = "localhost"};

	expired.not_after = time(NULL) - 1000;
	only_cn.not_after = good.not_after;
	issue(e, "good", &good);
	issue(e, "expired", &expired);
	issue(e, "only-cn", &only_cn);
}

static void check_refusal(struct e2e *e, const struct server_case *row)
{
	char value[DAEMON_VALUE_MAX];
	struct log_entry line;

	E2E_MUST(
		e,
		daemon_wait_log(&e->daemon, "endpoint_failed", "check", row->check, 0, 5000, &line),
		"not told");
	E2E_MUST(e, log_entry_is(&line, "reason", row->reason), "%s", line.text);
	log_entry_get(&line, "detail", value);
	E2E_MUST(e, strstr(value, row->detail), "%s", line.text);
	snprintf(value, sizeof(value), "refused_%s", row->reason);
	E2E_MUST(e, daemon_counter(&e->daemon, value) == 1, "%s", value);
	log_entry_get(&line, "subject", value);
	E2E_MUST(e, strstr(value, row->subject), "%s", line.text);
	E2E_MUST(e, log_entry_is(&line, "upstream", "app"), "%s", line.text);
	E2E_MUST(e, log_entry_is(&line, "endpoint", e->upstream.text), "%s", line.text);
	E2E_MUST(e, daemon_wait_log(&e->daemon, "session", "close", "upstream_failed", 0, 5000,
				    &line));
	E2E_MUST(e, log_entry_is(&line, "engine_in", "none"), "%s", line.text);
	E2E_MUST(e, daemon_counter(&e->daemon, "upstream_tls_failed") == 1);
	E2E_MUST(e, daemon_counter(&e->daemon, "upstream_failed") == 1);
	/* It has read nothing of what the client has sent, and it knows why. */
	E2E_MUST(e, UNTIL(atomic_load(&e->upstream.conns[0].ended), 5000));
	E2E_MUST(e, e->upstream.conns[0].peer.received == 0);
	E2E_MUST(e, e->upstream.conns[0].tls.alert >= 0, "no alert");
}

TEST_MATRIX(proves_who_it_is, servers, engines)
{
	static struct e2e e;
	struct peer client;
	bool good = row->check[0] == '\0';

	e.script = good ? STEPS(RECV(1000), SEND(1000), FINISH, RECV_END) : STEPS(RECV_RESET);
	e.server_cert = row->cert ? row->cert : "good";
	e.server_ca = row->ca;
	e.tls = row->tls;
	e.more_pki = prepare_servers;
	e2e_begin_plain(&e, column, &client);
	if (good) {
		e2e_run(&e, &client, STEPS(SEND(1000), RECV(1000), RECV_END, FINISH));
		e2e_upstream(&e, 0);
		(void)e2e_prove_session(&e, 0, "done");
	} else {
		e2e_run(&e, &client, STEPS(RECV_RESET));
		check_refusal(&e, row);
	}
	e2e_end_plain(&e, &client);
}

/* Our certificate, the name that is wanted, the protocols. */
TEST_CASES(shows_what_is_configured, engines)
{
	const struct tlsserver_seen *seen;
	struct log_entry line;
	static struct e2e e;
	struct peer client;

	e.script = STEPS(RECV(1000), FINISH, RECV_END);
	e.tls = "      server_name: localhost\n      sni: front.example\n      alpn: [h2, imap]\n";
	e.server.alpn = "imap";
	e.demand_certificate = true;
	e2e_begin_plain(&e, variant, &client);
	e2e_run(&e, &client, STEPS(SEND(1000), RECV_END, FINISH));
	e2e_upstream(&e, 0);
	seen = &e.upstream.conns[0].seen;
	CHECK_STR(seen->sni, "front.example");
	CHECK_STR(seen->alpn, "imap");
	CHECK_STR(seen->cn, "client-a");
	line = e2e_prove_session(&e, 0, "done");
	CHECK(log_entry_is(&line, "alpn", "imap"), "%s", line.text);
	e2e_end_plain(&e, &client);
}

/* A path has no name: nothing is sent that nobody asked for. */
TEST(an_address_is_no_sni)
{
	const struct e2e_case any = {.engine = E2E_COPY};
	static struct e2e e = {.tls = "      server_name: 127.0.0.1\n"};
	struct peer client;

	e.script = STEPS(FINISH, RECV_END);
	e2e_begin_plain(&e, &any, &client);
	e2e_run(&e, &client, STEPS(RECV_END, FINISH));
	e2e_upstream(&e, 0);
	CHECK_STR(e.upstream.conns[0].seen.sni, "");
	CHECK_STR(e.upstream.conns[0].seen.alpn, "");
	e2e_end_plain(&e, &client);
}

TEST(min_version)
{
	const struct e2e_case old = {.engine = E2E_COPY, .version = TLS1_2_VERSION};
	static struct e2e e = {.tls = "      server_name: localhost\n      min_version: \"1.3\"\n"};
	struct log_entry line;
	struct peer client;

	e.script = STEPS(RECV_RESET);
	e2e_begin_plain(&e, &old, &client);
	e2e_run(&e, &client, STEPS(RECV_RESET));
	E2E_MUST(&e,
		 daemon_wait_log(&e.daemon, "session", "close", "upstream_failed", 0, 5000, &line));
	e2e_end_plain(&e, &client);
}

TEST_CASES(server_wants_what_we_do_not_have, engines)
{
	const char *close_reason =
		variant->version == TLS1_3_VERSION ? "upstream_alert" : "upstream_failed";
	static struct e2e e;
	struct log_entry line;
	struct peer client;

	e.script = STEPS(RECV_RESET);
	e.no_certificate = true;
	e.demand_certificate = true;
	e2e_begin_plain(&e, variant, &client);
	e2e_run(&e, &client, STEPS(RECV_RESET));
	/* In TLS 1.3 a client is through before its certificate is looked at. */
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "session", "close", close_reason, 0, 5000, &line));
	if (variant->version == TLS1_2_VERSION)
		E2E_MUST(&e, daemon_find_log(&e.daemon, "endpoint_failed", "check",
					     "alert_received", 0, &line));
	e2e_end_plain(&e, &client);
}

/* --- endpoints --- */

TEST_CASES(next_endpoint, engines)
{
	static struct upstream_server wrong;
	static struct tlsserver wrong_tls;
	static char endpoints[256];
	static struct e2e e;
	struct log_entry line;
	struct peer client;

	e2e_set_case(&e, variant);
	e.script = STEPS(RECV(1000), SEND(2000), RECV_END, FINISH);
	e.upstream_address = "127.0.0.1:18090";
	e.endpoints = endpoints;
	snprintf(endpoints, sizeof(endpoints),
		 "\"127.0.0.1:%u\", \"127.0.0.1:18091\", \"127.0.0.1:18090\"", daemon_free_port());
	e2e_prepare(&e);
	MUST_EQ(tlsserver_open(
			&wrong_tls,
			&(struct tlsserver_options){.cert = e2e_path(&e, "pki/other-client-a.pem"),
						    .key = e2e_path(&e, "pki/other-client-a.key")}),
		0);
	wrong.tls = &wrong_tls;
	MUST_EQ(upstream_server_start(&wrong, "127.0.0.1:18091", e.script), 0);
	e2e_start(&e);
	peer_init_plain_client(&client, e2e_connect_plain(&e, NULL));
	e2e_run(&e, &client, STEPS(SEND(1000), RECV(2000)));
	e2e_prove_originated(&e, variant);
	e2e_run(&e, &client, STEPS(FINISH, RECV_END));
	line = e2e_prove_session(&e, 0, "done");
	E2E_MUST(&e, log_entry_is(&line, "endpoint", "127.0.0.1:18090"), "%s", line.text);
	E2E_MUST(&e, daemon_count_log(&e.daemon, "endpoint_failed", NULL, NULL) == 2);
	E2E_MUST(&e, daemon_find_log(&e.daemon, "endpoint_failed", "endpoint", "127.0.0.1:18091", 0,
				     &line));
	E2E_MUST(&e, log_entry_is(&line, "check", "chain"), "%s", line.text);
	E2E_MUST(&e, daemon_counter(&e.daemon, "upstream_retried") == 2);
	E2E_MUST(&e, daemon_counter(&e.daemon, "upstream_tls_failed") == 1);
	E2E_MUST(&e, daemon_counter(&e.daemon, "upstream_failed") == 0);
	E2E_MUST(&e, wrong.conns[0].peer.received == 0);
	e2e_end_plain(&e, &client);
	upstream_server_stop(&wrong);
	tlsserver_close(&wrong_tls);
}

TEST_CASES(nobody_listens, engines)
{
	static char endpoints[64];
	static struct e2e e;
	struct log_entry line;
	struct peer client;

	snprintf(endpoints, sizeof(endpoints), "\"127.0.0.1:%u\"", daemon_free_port());
	e.endpoints = endpoints;
	e.script = STEPS(RECV_RESET);
	e2e_begin_plain(&e, variant, &client);
	e2e_run(&e, &client, STEPS(RECV_RESET));
	E2E_MUST(&e,
		 daemon_wait_log(&e.daemon, "session", "close", "upstream_failed", 0, 5000, &line));
	e2e_end_plain(&e, &client);
}

/* It takes the connection and says nothing: the client learns of it when the time is up. */
TEST(silent_server)
{
	const struct e2e_case any = {.engine = E2E_COPY};
	static struct e2e e = {.plain_server = true, .top = "timeouts: {handshake: 200ms}\n"};
	struct log_entry line;
	struct peer client;

	e.script = STEPS(GATE(1));
	e2e_begin_plain(&e, &any, &client);
	e2e_run(&e, &client, STEPS(SEND(1000), RECV_RESET, PASS(1)));
	E2E_MUST(&e,
		 daemon_wait_log(&e.daemon, "endpoint_failed", "check", "timeout", 0, 5000, &line));
	e2e_end_plain(&e, &client);
}

TEST(no_tls_at_all)
{
	const struct e2e_case any = {.engine = E2E_COPY};
	static struct e2e e = {.plain_server = true};
	struct log_entry line;
	struct peer client;

	e.script = STEPS(SEND(1000), GATE(1));
	e2e_begin_plain(&e, &any, &client);
	e2e_run(&e, &client, STEPS(RECV_RESET, PASS(1)));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "endpoint_failed", "check", "protocol", 0, 5000,
				     &line));
	e2e_end_plain(&e, &client);
}

/* The client gives up while the server is still silent. */
TEST(client_gone_while_shaking_hands)
{
	const struct e2e_case any = {.engine = E2E_COPY};
	static struct e2e e = {.plain_server = true};
	struct log_entry line;
	struct peer client;

	e.script = STEPS(PASS(1), GATE(2));
	e2e_begin_plain(&e, &any, &client);
	e2e_run(&e, &client, STEPS(GATE(1)));
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "handshakes") == 1, 5000));
	e2e_run(&e, &client, STEPS(RESET));
	E2E_MUST(&e,
		 daemon_wait_log(&e.daemon, "session", "close", "client_reset", 0, 5000, &line));
	e2e_run(&e, &client, STEPS(PASS(2)));
	e2e_end_plain(&e, &client);
}

TEST(require_without_ktls, NEEDS(NEED_NETNS | NEED_NO_KTLS))
{
	const struct e2e_case splice = {.engine = E2E_SPLICE};
	static struct e2e e;
	struct log_entry line;
	struct peer client;

	e.script = STEPS(RECV_RESET);
	e2e_begin_plain(&e, &splice, &client);
	e2e_run(&e, &client, STEPS(RECV_RESET));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "refused", "check", "offload", 0, 5000, &line));
	E2E_MUST(&e, log_entry_is(&line, "reason", "no_kernel_tls"), "%s", line.text);
	E2E_MUST(&e, daemon_counter(&e.daemon, "refused_offload") == 1);
	e2e_end_plain(&e, &client);
}
