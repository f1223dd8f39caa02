// SPDX-License-Identifier: Apache-2.0
/*
 * resumption: tickets. Whoever comes back with a ticket is who it was, where it was, and still
 * allowed; whatever has changed meanwhile, there is a handshake in full and its verdict.
 */
#include "selftests/e2e/e2e.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

SUITE("resumption", NEEDS(NEED_NETNS), .deadline_ms = 30000);

#define ALERT_MS 5000

/* RFC 8446 section 6 */
enum { ALERT_CERTIFICATE_REVOKED = 44, ALERT_UNKNOWN_CA = 48, ALERT_ACCESS_DENIED = 49 };

static const struct peer_step *const echo = STEPS(ECHO_ALL, FINISH);

struct version_case {
	VARIANT;
	int version;
};

CASES(struct version_case, versions, {.name = "1.2", .version = TLS1_2_VERSION},
      {.name = "1.3", .version = TLS1_3_VERSION});

/* clang-format off */
CASES(struct e2e_case, engines, E2E_CRYPTOS);
/* clang-format on */

#define ON	"      resumption: tickets\n"
#define OLD_KEY "the old key: 64 bytes that a test can read, 0123456789 012345678"
#define NEW_KEY "the new key: 64 bytes that a test can read, 0123456789 012345678"

/* Both in hex, for e2e_path(e, "tickets"). */
static void write_keys(struct e2e *e, const char *first, const char *second)
{
	char text[2 * 2 * 64 + 4];
	size_t len = 0;

	for (size_t i = 0; i < 64; i++)
		len += (size_t)snprintf(text + len, 3, "%02x", (unsigned char)first[i]);
	text[len++] = '\n';
	for (size_t i = 0; second && i < 64; i++)
		len += (size_t)snprintf(text + len, 3, "%02x", (unsigned char)second[i]);
	text[len] = '\0';
	MUST_EQ(daemon_write(&e->daemon, "tickets", text), 0);
}

/* --- clients --- */

static void exchange(struct e2e *e, struct tlsclient *client)
{
	struct peer peer;

	peer_init_client(&peer, client);
	peer_expect_echo(&peer);
	e2e_run(e, &peer, STEPS(SEND(1000), RECV(1000), FINISH, RECV_END));
}

/* A client that is let in. Returns: its session. */
static SSL_SESSION *visit(struct e2e *e, const struct tlsclient_options *options, bool resumes)
{
	uint64_t resumed = daemon_counter(&e->daemon, "resumed");
	struct tlsclient client;
	SSL_SESSION *session;

	e2e_connect(e, &client, options);
	exchange(e, &client);
	E2E_MUST(e, SSL_session_reused(client.ssl) == resumes, "resumed: %d",
		 SSL_session_reused(client.ssl));
	E2E_MUST(e, daemon_counter(&e->daemon, "resumed") == resumed + resumes);
	session = tlsclient_session(&client);
	tlsclient_close(&client);
	return session;
}

/* With a ticket that is not taken, and another handshake that goes well. */
static void visit_in_full(struct e2e *e, const struct tlsclient_options *options)
{
	uint64_t refused = daemon_counter(&e->daemon, "resumption_refused");

	SSL_SESSION_free(visit(e, options, false));
	E2E_MUST(e, daemon_counter(&e->daemon, "resumption_refused") == refused + 1);
}

/* A client that is not let in. @resumes: it is the policy that says no, not the handshake. */
static void visit_in_vain(struct e2e *e, const struct tlsclient_options *options, bool resumes,
			  int expected)
{
	uint64_t admitted = daemon_counter(&e->daemon, "admitted");
	uint64_t resumed = daemon_counter(&e->daemon, "resumed");
	struct tlsclient client;
	int r = e2e_try(e, &client, options), alert;

	E2E_MUST(e, r == 0 || r == -EPROTO, "%s", client.error);
	alert = r == 0 ? tlsclient_alert(&client, (int)test_scaled_ms(ALERT_MS)) : client.alert;
	E2E_MUST(e, alert == expected, "alert %d, not %d (%s)", alert, expected, client.error);
	E2E_MUST(e, SSL_session_reused(client.ssl) == resumes);
	E2E_MUST(e, UNTIL(daemon_counter(&e->daemon, "resumed") == resumed + resumes, 5000));
	E2E_MUST(e, daemon_counter(&e->daemon, "admitted") == admitted);
	tlsclient_close(&client);
}

/* Tickets with keys of a file, and @more lines of `tls:`. */
static void set_tls(struct e2e *e, const char *more)
{
	static char tls[600];

	snprintf(tls, sizeof(tls), ON "      ticket_keys: file:%s/tickets\n%s", test_tmpdir(),
		 more);
	e->tls = tls;
}

static void begin(struct e2e *e)
{
	if (!e->tls)
		set_tls(e, "");
	e->script = echo;
	e2e_prepare(e);
	write_keys(e, OLD_KEY, NULL);
	e2e_start(e);
}

/* --- it works --- */

/* The ticket goes out in front of the data, and the kernel goes on behind it. */
TEST_CASES(resumes_on_every_engine, engines)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct log_entry line;

	e.engine = variant->engine;
	begin(&e);
	options = e2e_client_options(&e, variant);
	options.session = visit(&e, &options, false);
	line = e2e_prove_session(&e, 0, "done");
	E2E_MUST(&e, log_entry_is(&line, "resumed", "no"), "%s", line.text);
	SSL_SESSION_free(visit(&e, &options, true));
	line = e2e_prove_session(&e, 1, "done");
	E2E_MUST(&e, log_entry_is(&line, "resumed", "yes"), "%s", line.text);
	E2E_MUST(&e, log_entry_is(&line, "rule", "known"), "%s", line.text);
	E2E_MUST(&e, log_entry_is(&line, "identity", "spiffe://sluice.example/client-a"), "%s",
		 line.text);
	E2E_MUST(&e, log_entry_is(&line, "sni", "localhost"), "%s", line.text);
	/* In TLS 1.2 a ticket is good for as long as it lasts. */
	E2E_MUST(&e, daemon_counter(&e.daemon, "tickets_issued") ==
			     (variant->version == TLS1_3_VERSION ? 2 : 1));
	E2E_MUST(&e, daemon_counter(&e.daemon, "resumption_refused") == 0);
	SSL_SESSION_free(options.session);
	e2e_stop(&e);
}

/* Without a file the keys are random, and every worker has the same. */
TEST_CASES(resumes_at_any_worker, versions)
{
	static struct e2e e = {.tls = ON, .workers = 4};
	struct tlsclient_options options;

	e.script = echo;
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	options.version = variant->version;
	options.session = visit(&e, &options, false);
	/* The kernel chooses the worker by the client's port. */
	for (int i = 0; i < 12; i++)
		SSL_SESSION_free(visit(&e, &options, true));
	SSL_SESSION_free(options.session);
	e2e_stop(&e);
}

TEST_CASES(a_ticket_has_a_lifetime, versions)
{
	static struct e2e e = {.tls = ON "      ticket_lifetime: 2s\n"};
	struct tlsclient_options options;
	SSL_SESSION *session;
	bool over = false;

	e.script = echo;
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	options.version = variant->version;
	session = options.session = visit(&e, &options, false);
	/* With the newest ticket each time, which is no younger than the first. */
	for (uint64_t end = test_now_ms() + test_scaled_ms(10000); !over && test_now_ms() < end;) {
		struct tlsclient client;

		options.session = session;
		e2e_connect(&e, &client, &options);
		over = !SSL_session_reused(client.ssl);
		exchange(&e, &client);
		if (!over) {
			SSL_SESSION_free(session);
			session = tlsclient_session(&client);
		}
		tlsclient_close(&client);
		/* Forty of them are enough. */
		usleep(50000);
	}
	E2E_MUST(&e, over, "it is resumed for ever");
	E2E_MUST(&e, daemon_counter(&e.daemon, "resumption_refused") == 1);
	SSL_SESSION_free(session);
	e2e_stop(&e);
}

/* --- the known bypasses --- */

TEST_CASES(another_name, versions)
{
	static const char *const names[] = {"other.example", "LOCALHOST", NULL};
	static struct e2e e;
	struct tlsclient_options options;

	begin(&e);
	options = e2e_client_options(&e, NULL);
	options.version = variant->version;
	options.session = visit(&e, &options, false);
	for (size_t i = 0; i < 3; i++) {
		options.sni = names[i];
		visit_in_full(&e, &options);
	}
	options.sni = "localhost";
	SSL_SESSION_free(visit(&e, &options, true));
	SSL_SESSION_free(options.session);
	e2e_stop(&e);
}

/* A second listener with the same keys, whose clients another CA signs. */
static void add_listener(struct e2e *e, unsigned int port, const char *ca)
{
	static char more[1024];
	const char *dir = test_tmpdir();

	snprintf(
		more, sizeof(more),
		"  - name: second\n"
		"    listen: [\"127.0.0.1:%u\"]\n"
		"    tls:\n"
		"      certificates: [{chain: file:%s/pki/server.pem, key: file:%s/pki/server.key}]\n"
		"      client_ca: file:%s/pki/%s\n"
		"      resumption: tickets\n"
		"      ticket_keys: file:%s/tickets\n"
		"    rules: [{name: known, match: {cn: [client-a]}, upstream: app}]\n",
		port, dir, dir, dir, ca, dir);
	e->listener = more;
}

static void visit_second(struct e2e *e, unsigned int port, struct tlsclient_options *options,
			 const char *ca)
{
	unsigned int first = e->port;

	e->port = port;
	if (strcmp(ca, "ca.pem") == 0) {
		visit_in_full(e, options);
	} else {
		visit_in_vain(e, options, false, ALERT_UNKNOWN_CA);
		options->cert = options->key = NULL;
		visit_in_vain(e, options, false, options->version == TLS1_3_VERSION ? 116 : 40);
	}
	e->port = first;
}

struct listener_case {
	VARIANT;
	const char *ca;
};

CASES(struct listener_case, others, {.name = "other-ca", .ca = "other-ca.pem"},
      {.name = "same-ca", .ca = "ca.pem"});

TEST_MATRIX(another_listener, others, versions)
{
	static struct e2e e;
	unsigned int port = daemon_free_port();
	struct tlsclient_options options;

	add_listener(&e, port, row->ca);
	begin(&e);
	options = e2e_client_options(&e, NULL);
	options.version = column->version;
	options.session = visit(&e, &options, false);
	SSL_SESSION_free(visit(&e, &options, true));
	visit_second(&e, port, &options, row->ca);
	SSL_SESSION_free(options.session);
	e2e_stop(&e);
}

/* --- what has changed since --- */

enum outcome { RESUMED, IN_FULL, REFUSED };

struct change_case {
	VARIANT;
	enum outcome outcome;
	int alert;
	const char *rules, *ca, *tls; /* NULL: as before */
	const char *more;	      /* lines of `tls:`; NULL: none */
	bool revoke;		      /* client-a */
	const char *keys[2];
};

#define DENY                                                                                       \
	"      - {name: not-a, match: {cn: [client-a]}, action: deny}\n"                           \
	"      - {name: rest, upstream: app}\n"
#define CRLS "      client_crl: [\"file:pki/sub-ca.crl\", \"file:pki/ca.crl\"]\n"
#define MORE                                                                                       \
	"      - {name: b, match: {cn: [client-b]}, action: deny}\n"                               \
	"      - {name: known, match: {cn: [client-a]}, upstream: app}\n"

/* clang-format off */
CASES(struct change_case, changes,
      {.name = "nothing", .outcome = RESUMED},
      {.name = "another-ca", .outcome = REFUSED, .alert = ALERT_UNKNOWN_CA, .ca = "file:pki/other-ca.pem"},
      {.name = "one-more-ca", .outcome = IN_FULL, .ca = "file:pki/both.pem"},
      {.name = "a-rule-that-denies", .outcome = REFUSED, .alert = ALERT_ACCESS_DENIED, .rules = DENY},
      {.name = "one-more-rule", .outcome = IN_FULL, .rules = MORE},
      {.name = "a-crl", .outcome = IN_FULL, .more = CRLS},
      {.name = "a-crl-that-revokes", .outcome = REFUSED, .alert = ALERT_CERTIFICATE_REVOKED, .more = CRLS, .revoke = true},
      {.name = "key-rotated", .outcome = RESUMED, .keys = {NEW_KEY, OLD_KEY}},
      {.name = "key-dropped", .outcome = IN_FULL, .keys = {NEW_KEY}},
      {.name = "random-keys", .outcome = IN_FULL, .tls = ON},
      {.name = "resumption-off", .outcome = IN_FULL, .tls = "      resumption: off\n"});
/* clang-format on */

static void concatenate(struct e2e *e)
{
	const char *const names[] = {"pki/ca.pem", "pki/other-ca.pem"};
	FILE *to = fopen(e2e_path(e, "pki/both.pem"), "we");
	char text[4096];

	MUST(to);
	for (size_t i = 0; i < 2; i++) {
		FILE *from = fopen(e2e_path(e, names[i]), "re");
		size_t len;

		MUST(from);
		len = fread(text, 1, sizeof(text), from);
		MUST_EQ(fwrite(text, 1, len, to), len);
		MUST_EQ(fclose(from), 0);
	}
	MUST_EQ(fclose(to), 0);
}

static void make_change(struct e2e *e, const struct change_case *change)
{
	if (change->keys[0])
		write_keys(e, change->keys[0], change->keys[1]);
	concatenate(e);
	e->rules = change->rules;
	e->client_ca = change->ca;
	if (change->tls)
		e->tls = change->tls;
	if (change->more)
		set_tls(e, change->more);
	if (change->revoke)
		e2e_pki(e, "--crl", "sub-ca", "--revoke", "client-a", NULL);
	e2e_write_yaml(e);
}

/* At the same address. */
static void restart(struct e2e *e, const struct change_case *change)
{
	MUST_EQ(daemon_stop(&e->daemon, 10000), 0);
	make_change(e, change);
	E2E_MUST(e, daemon_start(&e->daemon, e->yaml) == 0);
}

static void reload(struct e2e *e, const struct change_case *change)
{
	char admin[128];
	const char *argv[] = {"sluice", "reload", "--admin", admin, NULL};

	snprintf(admin, sizeof(admin), "unix:%s/admin.sock", e->daemon.dir);
	make_change(e, change);
	MUST_EQ(daemon_write(&e->daemon, "sluice.yaml", e->yaml), 0);
	E2E_MUST(e, daemon_command(&e->daemon, argv) == 0);
}

typedef void change_function(struct e2e *e, const struct change_case *change);

static void try_change(const struct change_case *row, int version, change_function *change)
{
	static struct e2e e;
	struct tlsclient_options options;

	begin(&e);
	options = e2e_client_options(&e, NULL);
	options.version = version;
	options.session = visit(&e, &options, false);
	SSL_SESSION_free(visit(&e, &options, true));
	change(&e, row);
	if (row->outcome == REFUSED)
		visit_in_vain(&e, &options, false, row->alert);
	else
		SSL_SESSION_free(visit(&e, &options, row->outcome == RESUMED));
	SSL_SESSION_free(options.session);
	e2e_stop(&e);
}

TEST_MATRIX(after_a_restart, changes, versions)
{
	try_change(row, column->version, restart);
}

TEST_MATRIX(after_a_reload, changes, versions)
{
	try_change(row, column->version, reload);
}

/* The same configuration, and a file of it is another one. */
TEST_CASES(after_a_new_crl, versions)
{
	static const struct change_case revoked = {.more = CRLS, .revoke = true};
	static struct e2e e;
	struct tlsclient_options options;

	set_tls(&e, CRLS);
	begin(&e);
	options = e2e_client_options(&e, NULL);
	options.version = variant->version;
	options.session = visit(&e, &options, false);
	SSL_SESSION_free(visit(&e, &options, true));
	reload(&e, &revoked);
	visit_in_vain(&e, &options, false, ALERT_CERTIFICATE_REVOKED);
	SSL_SESSION_free(options.session);
	e2e_stop(&e);
}

/* A session that a ticket began is known by its chain as any other. */
TEST_CASES(a_resumed_session_is_revoked, versions)
{
	static const struct change_case revoked = {.more = CRLS, .revoke = true};
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	char byte = 'x';

	set_tls(&e, CRLS);
	begin(&e);
	options = e2e_client_options(&e, NULL);
	options.version = variant->version;
	options.session = visit(&e, &options, false);
	e2e_connect(&e, &client, &options);
	MUST(SSL_session_reused(client.ssl));
	MUST_EQ(tlsclient_send(&client, &byte, 1), 1);
	E2E_MUST(&e, UNTIL(tlsclient_recv(&client, &byte, 1) == 1, 5000));
	reload(&e, &revoked);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "revoked", NULL, NULL, 0, 5000, &line));
	E2E_MUST(&e, log_entry_is(&line, "reason", "revoked"), "%s", line.text);
	E2E_MUST(&e, log_entry_is(&line, "resumed", "yes"), "%s", line.text);
	E2E_MUST(&e, UNTIL(tlsclient_recv(&client, &byte, 1) != -EAGAIN, 5000));
	tlsclient_close(&client);
	SSL_SESSION_free(options.session);
	e2e_stop(&e);
}

/* Random keys do not change with something that has nothing to do with them. */
TEST_CASES(random_keys_last_over_a_reload, versions)
{
	static const struct change_case none = {.tls = ON};
	static struct e2e e = {.tls = ON};
	struct tlsclient_options options;

	begin(&e);
	options = e2e_client_options(&e, NULL);
	options.version = variant->version;
	options.session = visit(&e, &options, false);
	e.top = "timeouts: {idle: 30m}\n";
	reload(&e, &none);
	SSL_SESSION_free(visit(&e, &options, true));
	SSL_SESSION_free(options.session);
	e2e_stop(&e);
}

/*
 * In TLS 1.2 a ticket goes out before the policy is asked. So here is one that is good in every way,
 * of somebody who is not let in: the session is resumed, and refused.
 */
TEST(the_policy_decides_on_resumed_sessions)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;

	begin(&e);
	options = e2e_client_options(&e, NULL);
	options.version = TLS1_2_VERSION;
	options.cert = e2e_path(&e, "pki/client-b.pem");
	options.key = e2e_path(&e, "pki/client-b.key");
	e2e_connect(&e, &client, &options);
	/* An honest client forgets its session with the alert. */
	options.session = tlsclient_session(&client);
	MUST(SSL_SESSION_has_ticket(options.session));
	E2E_MUST(&e,
		 tlsclient_alert(&client, (int)test_scaled_ms(ALERT_MS)) == ALERT_ACCESS_DENIED);
	tlsclient_close(&client);
	options.cert = options.key = NULL;
	visit_in_vain(&e, &options, true, ALERT_ACCESS_DENIED);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "refused", "check", "policy", 1, 3000, &line));
	E2E_MUST(&e, log_entry_is(&line, "resumed", "yes"), "%s", line.text);
	E2E_MUST(&e, log_entry_is(&line, "subject", "CN=client-b"), "%s", line.text);
	SSL_SESSION_free(options.session);
	e2e_stop(&e);
}

/* In TLS 1.3 who is not let in has none. */
TEST(no_ticket_for_who_is_refused)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;

	begin(&e);
	options = e2e_client_options(&e, NULL);
	options.version = TLS1_3_VERSION;
	options.cert = e2e_path(&e, "pki/client-b.pem");
	options.key = e2e_path(&e, "pki/client-b.key");
	e2e_connect(&e, &client, &options);
	E2E_MUST(&e,
		 tlsclient_alert(&client, (int)test_scaled_ms(ALERT_MS)) == ALERT_ACCESS_DENIED);
	CHECK(!SSL_SESSION_has_ticket(SSL_get0_session(client.ssl)));
	E2E_MUST(&e, daemon_counter(&e.daemon, "tickets_issued") == 0);
	tlsclient_close(&client);
	e2e_stop(&e);
}
