// SPDX-License-Identifier: Apache-2.0
/* A peer that must not pass gets the right alert, and the upstream never hears of it. */
#include "selftests/e2e/e2e.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

SUITE("refusal", NEEDS(NEED_NETNS));

#define ALERT_MS 5000

/* RFC 8446 section 6 */
enum {
	ALERT_HANDSHAKE_FAILURE = 40,
	ALERT_BAD_CERTIFICATE = 42,
	ALERT_UNSUPPORTED_CERTIFICATE = 43,
	ALERT_CERTIFICATE_EXPIRED = 45,
	ALERT_UNKNOWN_CA = 48,
	ALERT_ACCESS_DENIED = 49,
	ALERT_PROTOCOL_VERSION = 70,
	ALERT_CERTIFICATE_REQUIRED = 116,
};

struct refusal_case {
	VARIANT;
	const char *client; /* NULL: no certificate */
	const char *check, *subject;
	const char *reason; /* of the chain; NULL: it is in words */
	const char *rules;
	int alert_1_2, alert_1_3;
};

#define NO_RULE "      - {name: somebody, match: {cn: [somebody-else]}, upstream: app}\n"
#define DENY_RULE                                                                                  \
	"      - {name: not-a, match: {dns: [client-a.example]}, action: deny}\n"                  \
	"      - {name: rest, upstream: app}\n"

/* clang-format off */
CASES(struct refusal_case, peers,
      {.name = "no-certificate", .client = NULL, .check = "no_certificate", .subject = "",
       .alert_1_2 = ALERT_HANDSHAKE_FAILURE, .alert_1_3 = ALERT_CERTIFICATE_REQUIRED},
      {.name = "other-ca", .client = "other-client-a", .check = "chain", .reason = "unknown_ca", .subject = "CN=client-a",
       .alert_1_2 = ALERT_UNKNOWN_CA, .alert_1_3 = ALERT_UNKNOWN_CA},
      {.name = "expired", .client = "client-expired", .check = "chain", .reason = "expired", .subject = "CN=client-a",
       .alert_1_2 = ALERT_CERTIFICATE_EXPIRED, .alert_1_3 = ALERT_CERTIFICATE_EXPIRED},
      {.name = "weak-key", .client = "weak", .check = "chain", .reason = "weak", .subject = "CN=client-a",
       .alert_1_2 = ALERT_BAD_CERTIFICATE, .alert_1_3 = ALERT_BAD_CERTIFICATE},
      {.name = "wrong-purpose", .client = "client-wrong-purpose", .check = "chain", .reason = "eku",
       .subject = "CN=client-a", .alert_1_2 = ALERT_UNSUPPORTED_CERTIFICATE,
       .alert_1_3 = ALERT_UNSUPPORTED_CERTIFICATE},
      {.name = "other-name", .client = "client-b", .check = "policy", .subject = "CN=client-b",
       .alert_1_2 = ALERT_ACCESS_DENIED, .alert_1_3 = ALERT_ACCESS_DENIED},
      {.name = "no-rule", .client = "client-a", .check = "policy", .subject = "CN=client-a",
       .rules = NO_RULE, .alert_1_2 = ALERT_ACCESS_DENIED, .alert_1_3 = ALERT_ACCESS_DENIED},
      {.name = "deny-rule", .client = "client-a", .check = "policy", .subject = "CN=client-a",
       .rules = DENY_RULE, .alert_1_2 = ALERT_ACCESS_DENIED, .alert_1_3 = ALERT_ACCESS_DENIED});

CASES(struct e2e_case, engines, E2E_CRYPTOS);
/* clang-format on */

static struct tlsclient_options options_of(const struct e2e *e, const struct e2e_case *c,
					   const char *client)
{
	struct tlsclient_options options = e2e_client_options(e, c);
	char name[64];

	options.cert = options.key = NULL;
	if (client) {
		snprintf(name, sizeof(name), "pki/%s.pem", client);
		options.cert = e2e_path(e, name);
		snprintf(name, sizeof(name), "pki/%s.key", client);
		options.key = e2e_path(e, name);
	}
	return options;
}

/* What `sluice pki` does not make: client-a's name by the right CA, for a key of 1024 bits. */
static void make_weak_client(const struct e2e *e)
{
	char command[1024];

	snprintf(command, sizeof(command),
		 "cd %s/pki && { openssl req -new -newkey rsa:1024 -nodes -subj /CN=client-a "
		 "-keyout weak.key -out weak.csr && openssl x509 -req -in weak.csr -CA sub-ca.pem "
		 "-CAkey sub-ca.key -CAcreateserial -days 1 -out weak.leaf; } 2>openssl.log && "
		 "cat weak.leaf sub-ca.pem >weak.pem",
		 e->daemon.dir);
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c) */
}

TEST_MATRIX(gets_alert, peers, engines, PROGRAMS("openssl"))
{
	int expected = column->version == TLS1_2_VERSION ? row->alert_1_2 : row->alert_1_3;
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	int r, alert;

	e.engine = column->engine;
	e.script = STEPS(RECV_ALL);
	e.rules = row->rules;
	e2e_start(&e);
	options = options_of(&e, column, row->client);
	options.weak = row->client && strcmp(row->client, "weak") == 0;
	if (options.weak)
		make_weak_client(&e);
	r = e2e_try(&e, &client, &options);
	E2E_MUST(&e, r == 0 || r == -EPROTO, "%s", client.error);
	alert = r == 0 ? tlsclient_alert(&client, (int)test_scaled_ms(ALERT_MS)) : client.alert;
	E2E_MUST(&e, alert == expected, "alert %d, not %d (%s)", alert, expected, client.error);
	tlsclient_close(&client);
	line = e2e_refused(&e, row->check, row->subject);
	E2E_MUST(&e, log_entry_u64(&line, "alert") == (uint64_t)expected, "%s", line.text);
	E2E_MUST(&e, !log_entry_is(&line, "reason", ""), "%s", line.text);
	if (row->reason) {
		char counter[64];

		E2E_MUST(&e, log_entry_is(&line, "reason", row->reason), "%s", line.text);
		snprintf(counter, sizeof(counter), "refused_%s", row->reason);
		E2E_MUST(&e, daemon_counter(&e.daemon, counter) == 1, "%s", counter);
	}
	E2E_MUST(&e, log_entry_is(&line, "listener", "main"), "%s", line.text);
	E2E_MUST(&e, daemon_counter(&e.daemon, "admitted") == 0);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "connections") == 0, 5000));
	e2e_stop(&e);
}

/* An alert must arrive although the client has sent much that nobody will read. */
TEST_CASES(alert_survives_data, engines)
{
	static char data[64 * 1024];
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	int alert;

	e.engine = variant->engine;
	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	options = options_of(&e, variant, "client-b");
	if (variant->version == TLS1_3_VERSION) {
		options.first_data = data;
		options.first_data_len = 10000;
	}
	e2e_connect(&e, &client, &options);
	(void)tlsclient_send(&client, data, sizeof(data));
	alert = tlsclient_alert(&client, (int)test_scaled_ms(ALERT_MS));
	E2E_MUST(&e, alert == ALERT_ACCESS_DENIED, "alert %d (%s)", alert, client.error);
	tlsclient_close(&client);
	(void)e2e_refused(&e, "policy", "CN=client-b");
	e2e_stop(&e);
}

TEST(only_1_3)
{
	static struct e2e e = {.script = NULL, .tls = "      min_version: \"1.3\"\n"};
	struct tlsclient_options options;
	struct tlsclient client;

	e.script = STEPS(FINISH, RECV_ALL);
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	options.version = TLS1_2_VERSION;
	E2E_MUST(&e, e2e_try(&e, &client, &options) == -EPROTO);
	E2E_MUST(&e, client.alert == ALERT_PROTOCOL_VERSION, "alert %d", client.alert);
	tlsclient_close(&client);
	(void)e2e_refused(&e, "protocol", "");
	options.version = TLS1_3_VERSION;
	e2e_connect(&e, &client, &options);
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* The client does not like the server's certificate: it says so, and the log repeats it. */
TEST_CASES(client_refuses_server, engines)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;

	e.engine = variant->engine;
	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	options.ca = e2e_path(&e, "pki/other-ca.pem");
	E2E_MUST(&e, e2e_try(&e, &client, &options) == -EPROTO);
	tlsclient_close(&client);
	(void)e2e_refused(&e, "alert_received", "");
	e2e_stop(&e);
}

static int connect_plain(const struct e2e *e)
{
	struct addr addr = e2e_address(e);
	int fd = MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	MUST_OK(connect(fd, &addr.sa, addr.len));
	return fd;
}

TEST(not_tls)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	static struct e2e e;
	char waste[512];
	int fd;

	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	fd = connect_plain(&e);
	MUST_EQ(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
	while (read(fd, waste, sizeof(waste)) > 0)
		;
	MUST_OK(close(fd));
	(void)e2e_refused(&e, "protocol", "");
	e2e_stop(&e);
}

TEST(closes_before_hello)
{
	static struct e2e e;

	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	MUST_OK(close(connect_plain(&e)));
	(void)e2e_refused(&e, "eof", "");
	e2e_stop(&e);
}

/* `offload: require` where there is no kernel TLS: refused with a reason, never carried silently. */
TEST(require_without_ktls, NEEDS(NEED_NETNS | NEED_NO_KTLS))
{
	static struct e2e e = {.engine = E2E_SPLICE};
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;

	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	e2e_connect(&e, &client, &options);
	E2E_MUST(&e, tlsclient_alert(&client, (int)test_scaled_ms(ALERT_MS)) == 80);
	tlsclient_close(&client);
	line = e2e_refused(&e, "offload", "CN=client-a");
	E2E_MUST(&e, log_entry_is(&line, "reason", "no_kernel_tls"), "%s", line.text);
	e2e_stop(&e);
}
