// SPDX-License-Identifier: Apache-2.0
/*
 * A reload takes effect as a whole or not at all: for whoever comes, and for whoever is there already,
 * also when the kernel has the keys.
 */
#include "selftests/e2e/e2e.h"

#include "base/clock.h"
#include "base/fd.h"
#include "sys/json.h"
#include "sys/tls_pki.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

SUITE("reload", .deadline_ms = 60000);

CASES(struct e2e_case, engines, E2E_ENGINES);

/* Replace the only @from in the daemon's configuration. */
static void edit(struct e2e *e, const char *from, const char *to)
{
	char *at = strstr(e->yaml, from);
	char rest[sizeof(e->yaml)];

	MUST(at != NULL, "no '%s'", from);
	snprintf(rest, sizeof(rest), "%s", at + strlen(from));
	MUST(snprintf(at, sizeof(e->yaml) - (size_t)(at - e->yaml), "%s%s", to, rest) <
	     (int)(sizeof(e->yaml) - (size_t)(at - e->yaml)));
}

/* In one step, as every good editor does. */
static void put(struct e2e *e, const char *name, const char *text)
{
	char other[80];

	snprintf(other, sizeof(other), "%s.new", name);
	MUST_EQ(daemon_write(&e->daemon, other, text), 0);
	MUST_OK(rename(e2e_path(e, other), e2e_path(e, name)));
}

static void await_generation(struct e2e *e, const char *number)
{
	struct log_entry line;

	E2E_MUST(e, daemon_wait_log(&e->daemon, "reloaded", "generation", number, 0, 10000, &line));
}

static void await_failure(struct e2e *e, size_t nth)
{
	struct log_entry line;

	E2E_MUST(e, daemon_wait_log(&e->daemon, "reload_failed", NULL, NULL, nth, 10000, &line));
}

/* `sluice reload`. Returns: its exit code. */
static int ask(struct e2e *e)
{
	char admin[128];
	const char *argv[] = {"sluice", "reload", "--admin", admin, NULL};

	snprintf(admin, sizeof(admin), "unix:%s/admin.sock", e->daemon.dir);
	return daemon_command(&e->daemon, argv);
}

static const char *text_of(const struct e2e *e, const char *name)
{
	static char texts[2][8192];
	static unsigned int next;
	char *text = texts[next++ % 2];
	FILE *file = fopen(e2e_path(e, name), "r");

	MUST(file != NULL, "%s", name);
	text[fread(text, 1, sizeof(texts[0]) - 1, file)] = '\0';
	(void)fclose(file);
	return text;
}

/* What the last command has said. */
static const char *output_of(const struct e2e *e)
{
	return text_of(e, "output");
}

/* Returns: the alert that a client with the certificate of @who gets; -1: it is admitted. */
static int try_client(struct e2e *e, const char *who)
{
	struct tlsclient_options options = e2e_client_options(e, NULL);
	struct tlsclient client;
	char cert[64], key[64], byte;
	ssize_t r;
	int alert;

	snprintf(cert, sizeof(cert), "pki/%s.pem", who);
	snprintf(key, sizeof(key), "pki/%s.key", who);
	options.cert = e2e_path(e, cert);
	options.key = e2e_path(e, key);
	options.version = TLS1_2_VERSION;
	r = e2e_try(e, &client, &options);
	/* A rule is asked when the handshake is over: only an answer shows that it said yes. */
	if (r == 0) {
		MUST_EQ(tlsclient_send(&client, "x", 1), 1);
		E2E_MUST(e, UNTIL((r = tlsclient_recv(&client, &byte, 1)) != -EAGAIN, 3000));
	}
	alert = r == 1 ? -1 : client.alert;
	tlsclient_close(&client);
	return alert;
}

#define start(e, c) ((e)->script = STEPS(ECHO_ALL, FINISH), start_with(e, c))

static void start_with(struct e2e *e, const struct e2e_case *c)
{
	if (c)
		e->engine = c->engine;
	e2e_start(e);
}

/* --- rules --- */

TEST_CASES(who_is_not_allowed_any_more_is_reset, engines)
{
	static struct e2e e;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;
	ssize_t r;
	char byte;

	start(&e, variant);
	e2e_connect_echo(&e, &client, &peer);
	e2e_prove_live(&e, &client);
	edit(&e, "cn: [client-a]", "cn: [client-b]");
	put(&e, "sluice.yaml", e.yaml);
	await_generation(&e, "2");
	E2E_MUST(&e, UNTIL((r = tlsclient_recv(&client, &byte, 1)) != -EAGAIN, 1000));
	MUST_EQ(r, -ECONNRESET);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "revoked", "check", "policy", 0, 1000, &line));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "session", "close", "revoked", 0, 1000, &line));
	MUST_EQ(daemon_counter(&e.daemon, "revoked"), 1);
	tlsclient_close(&client);
	MUST_EQ(try_client(&e, "client-a"), 49); /* access_denied */
	MUST_EQ(try_client(&e, "client-b"), -1);
	e2e_stop(&e);
}

TEST_CASES(who_is_still_allowed_notices_nothing, engines)
{
	static struct e2e e;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	start(&e, variant);
	e2e_connect_echo(&e, &client, &peer);
	e2e_prove_live(&e, &client);
	edit(&e, "cn: [client-a]", "cn: [client-b, client-a]");
	put(&e, "sluice.yaml", e.yaml);
	await_generation(&e, "2");
	edit(&e, "name: known", "name: renamed");
	put(&e, "sluice.yaml", e.yaml);
	await_generation(&e, "3");
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
	edit(&e, "      - {name: nameless, upstream: app}\n", "");
	put(&e, "sluice.yaml", e.yaml);
	await_generation(&e, "2");
	MUST_EQ(daemon_counter(&e.daemon, "revoked"), 0);
	MUST_OK(send(fd, "no hello", 8, MSG_NOSIGNAL));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "refused", "check", "hello", 0, 3000, &line));
	MUST_EQ(recv(fd, &byte, 1, 0), 0);
	MUST_OK(close(fd));
	e2e_stop(&e);
}

/* --- what cannot be served --- */

struct broken {
	VARIANT;
	const char *file; /* of the PKI; NULL: the configuration */
	const char *text; /* NULL: that of @copy */
	const char *copy;
	const char *told; /* by `sluice reload` */
};

CASES(struct broken, broken_files, {.name = "unknown-key", .text = "x: y\n", .told = "unknown key"},
      {.name = "half-a-certificate",
       .file = "pki/server.pem",
       .text = "-----BEGIN CERTIFICATE-----\nMIIB\n",
       .told = "certificate"},
      {.name = "key-of-another",
       .file = "pki/server.key",
       .copy = "pki/client-a.key",
       .told = "does not belong to"},
      {.name = "no-ca", .file = "pki/ca.pem", .text = "# all removed\n", .told = "no certificate"},
      {.name = "empty", .file = "pki/ca.pem", .text = "", .told = "empty file"});

TEST_CASES(a_broken_file_changes_nothing, broken_files)
{
	static struct e2e e;
	struct tlsclient client;
	struct peer peer;
	char command[600];

	start(&e, NULL);
	e2e_connect_echo(&e, &client, &peer);
	if (!variant->file) {
		strncat(e.yaml, variant->text, sizeof(e.yaml) - strlen(e.yaml) - 1);
		put(&e, "sluice.yaml", e.yaml);
	} else if (variant->text) {
		put(&e, variant->file, variant->text);
	} else {
		snprintf(command, sizeof(command), "cp %s %s.new && mv %s.new %s",
			 e2e_path(&e, variant->copy), e2e_path(&e, variant->file),
			 e2e_path(&e, variant->file), e2e_path(&e, variant->file));
		MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c): the paths are ours */
	}
	await_failure(&e, 0);
	MUST_EQ(ask(&e), 1);
	MUST(strstr(output_of(&e), variant->told) != NULL, "%s", output_of(&e));
	MUST(strstr(output_of(&e), "generation 1 is still served") != NULL);
	MUST_EQ(daemon_counter(&e.daemon, "revoked"), 0);
	e2e_end_echo(&e, &client, &peer);
	MUST_EQ(daemon_count_log(&e.daemon, "reloaded", NULL, NULL), 0);
	e2e_stop(&e);
}

TEST(what_only_a_restart_can_change_is_refused)
{
	static struct e2e e;

	start(&e, NULL);
	edit(&e, "workers: 1", "workers: 2");
	put(&e, "sluice.yaml", e.yaml);
	await_failure(&e, 0);
	MUST_EQ(ask(&e), 1);
	MUST(strstr(output_of(&e), "workers: cannot be changed while sluice runs") != NULL, "%s",
	     output_of(&e));
	e2e_stop(&e);
}

/* --- ways to ask --- */

TEST(hangup_reloads)
{
	static struct e2e e;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	start(&e, NULL);
	e2e_connect_echo(&e, &client, &peer);
	edit(&e, "cn: [client-a]", "cn: [client-b]");
	/* Written in place and at once asked for: the files themselves would take longer. */
	MUST_EQ(daemon_write(&e.daemon, "sluice.yaml", e.yaml), 0);
	MUST_OK(kill(e.daemon.pid, SIGHUP));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "reloaded", "asked_by", "signal", 0, 3000, &line));
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "revoked", NULL, NULL, 0, 1000, &line));
	tlsclient_close(&client);
	e2e_stop(&e);
}

TEST(the_same_files_are_no_change)
{
	static struct e2e e;

	start(&e, NULL);
	MUST_EQ(ask(&e), 0);
	MUST(strstr(output_of(&e), "no file has changed") != NULL, "%s", output_of(&e));
	put(&e, "sluice.yaml", e.yaml);
	MUST_EQ(ask(&e), 0);
	MUST(strstr(output_of(&e), "generation 1 is served already") != NULL);
	e2e_stop(&e);
}

/* As Kubernetes does it: file -> ..data/file, and ..data is swapped. */
TEST(a_swapped_directory_is_noticed)
{
	static struct e2e e;
	char command[900], cn[64];
	struct tlsclient client;
	struct tlsclient_options options;
	const char *d;

	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_prepare(&e);
	d = e.daemon.dir;
	snprintf(command, sizeof(command),
		 "cd %s/pki && mkdir ..1 ..2 && mv server.pem server.key ..1/ && "
		 "ln -s ..1 ..data && ln -s ..data/server.pem server.pem && "
		 "ln -s ..data/server.key server.key && cp client-b.pem ..2/server.pem && "
		 "cp client-b.key ..2/server.key",
		 d);
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c): the paths are ours */
	start(&e, NULL);
	snprintf(command, sizeof(command),
		 "cd %s/pki && ln -s ..2 ..data_tmp && "
		 "mv -T ..data_tmp ..data",
		 d);
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c): the paths are ours */
	await_generation(&e, "2");
	options = e2e_client_options(&e, NULL);
	options.ca = NULL;
	e2e_connect(&e, &client, &options);
	tlsclient_server_cn(&client, cn, sizeof(cn));
	MUST_STR(cn, "client-b");
	tlsclient_close(&client);
	e2e_stop(&e);
}

static void directory_of_cas(struct e2e *e)
{
	char command[500];

	snprintf(command, sizeof(command), "mkdir %s && cp %s %s", e2e_path(e, "ca.d"),
		 e2e_path(e, "pki/ca.pem"), e2e_path(e, "ca.d/one.pem"));
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c): the paths are ours */
}

/* Without a slash at its end, too. */
TEST(a_file_that_comes_into_a_directory_is_noticed)
{
	static struct e2e e = {.client_ca = "file:ca.d",
			       .more_pki = directory_of_cas,
			       .rules = "      - {name: all, upstream: app}\n"};
	char command[500];

	start(&e, NULL);
	MUST_EQ(try_client(&e, "other-client-a"), 48); /* unknown_ca */
	snprintf(command, sizeof(command), "cp %s %s", e2e_path(&e, "pki/other-ca.pem"),
		 e2e_path(&e, "ca.d/two.pem"));
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c): the paths are ours */
	await_generation(&e, "2");
	MUST_EQ(try_client(&e, "other-client-a"), -1);
	e2e_stop(&e);
}

/* --- addresses --- */

TEST(an_address_comes_and_goes)
{
	static struct e2e e;
	char from[64], to[64];
	unsigned int before, after;

	start(&e, NULL);
	before = e.port;
	after = daemon_free_port();
	snprintf(from, sizeof(from), "\"127.0.0.1:%u\"]", before);
	snprintf(to, sizeof(to), "\"127.0.0.1:%u\", \"127.0.0.1:%u\"]", before, after);
	edit(&e, from, to);
	put(&e, "sluice.yaml", e.yaml);
	await_generation(&e, "2");
	MUST_EQ(try_client(&e, "client-a"), -1);
	e.port = after;
	MUST_EQ(try_client(&e, "client-a"), -1);
	snprintf(from, sizeof(from), "\"127.0.0.1:%u\", ", before);
	edit(&e, from, "");
	put(&e, "sluice.yaml", e.yaml);
	await_generation(&e, "3");
	MUST_EQ(try_client(&e, "client-a"), -1);
	e.port = before;
	{
		struct tlsclient_options options = e2e_client_options(&e, NULL);
		struct tlsclient client;

		MUST_EQ(e2e_try(&e, &client, &options), -ECONNREFUSED);
		tlsclient_close(&client);
	}
	e2e_stop(&e);
}

TEST(an_address_that_is_taken_changes_nothing)
{
	static struct e2e e;
	struct addr taken = {};
	char from[64], to[96];
	int fd;

	start(&e, NULL);
	MUST_EQ(addr_parse("127.0.0.1:1", &taken), 0);
	taken.in4.sin_port = 0;
	fd = MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST_OK(bind(fd, &taken.sa, taken.len));
	MUST_OK(listen(fd, 1));
	MUST_OK(getsockname(fd, &taken.sa, &taken.len));
	snprintf(from, sizeof(from), "\"127.0.0.1:%u\"]", e.port);
	snprintf(to, sizeof(to), "\"127.0.0.1:%u\", \"127.0.0.1:%u\"]", e.port, addr_port(&taken));
	edit(&e, from, to);
	put(&e, "sluice.yaml", e.yaml);
	await_failure(&e, 0);
	MUST_EQ(try_client(&e, "client-a"), -1);
	MUST_OK(close(fd));
	e2e_stop(&e);
}

TEST(a_listener_that_is_gone_takes_its_sessions_along)
{
	static struct e2e e;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	start(&e, NULL);
	e2e_connect_echo(&e, &client, &peer);
	edit(&e, "name: main", "name: other");
	put(&e, "sluice.yaml", e.yaml);
	await_generation(&e, "2");
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "revoked", "check", "listener", 0, 1000, &line));
	tlsclient_close(&client);
	MUST_EQ(try_client(&e, "client-a"), -1);
	e2e_stop(&e);
}

/* --- handshakes --- */

/* What began with the old generation ends with it, and is looked at by the new one. */
TEST(a_handshake_in_flight_is_not_lost)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	int fd;

	start(&e, NULL);
	/* Silent: its session has the generation of its accept. */
	fd = e2e_connect_plain(&e, NULL);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "handshakes") == 1, 3000));
	edit(&e, "upstreams:", "log: {format: key-value}\nupstreams:");
	put(&e, "sluice.yaml", e.yaml);
	await_generation(&e, "2");
	options = e2e_client_options(&e, NULL);
	options.socket = fd;
	e2e_connect(&e, &client, &options);
	tlsclient_close(&client);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "session", "rule", "known", 0, 3000, &line));
	e2e_stop(&e);
}

TEST(a_handshake_in_flight_is_looked_at)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	int fd;

	start(&e, NULL);
	fd = e2e_connect_plain(&e, NULL);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "handshakes") == 1, 3000));
	edit(&e, "cn: [client-a]", "cn: [client-b]");
	put(&e, "sluice.yaml", e.yaml);
	await_generation(&e, "2");
	options = e2e_client_options(&e, NULL);
	options.socket = fd;
	(void)e2e_try(&e, &client, &options);
	tlsclient_close(&client);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "revoked", "check", "policy", 0, 3000, &line));
	MUST_EQ(atomic_load(&e.upstream.accepted), 0);
	e2e_stop(&e);
}

/* --- what is shown --- */

TEST(status_shows_the_generation)
{
	static struct e2e e;
	struct json _cleanup_json_ *status = NULL;
	const struct json *generation, *certificates;

	start(&e, NULL);
	edit(&e, "cn: [client-a]", "cn: [client-b]");
	put(&e, "sluice.yaml", e.yaml);
	await_generation(&e, "2");
	put(&e, "sluice.yaml", "broken\n");
	await_failure(&e, 0);
	status = daemon_status(&e.daemon);
	generation = json_get_object(status, "generation");
	MUST_EQ(json_get_u64(generation, "number", 0), 2);
	MUST_STR(json_get_str(generation, "asked_by", ""), "files");
	MUST_EQ(json_count(json_get_array(generation, "files")), 4);
	certificates = json_get_array(generation, "certificates");
	MUST_EQ(json_count(certificates), 2);
	MUST_EQ(json_get_u64(json_at(certificates, 0), "days_left", 0), 29);
	MUST_STR(json_get_str(json_at(certificates, 0), "subject", ""), "CN=localhost");
	MUST_STR(json_get_str(json_get_object(generation, "last_failure"), "asked_by", ""),
		 "files");
	MUST_EQ(json_get_u64(json_at(json_get_array(status, "workers"), 0), "generation", 0), 2);
	e2e_stop(&e);
}

TEST(a_new_worker_has_the_new_generation)
{
	static struct e2e e;
	pid_t pid;

	start(&e, NULL);
	edit(&e, "cn: [client-a]", "cn: [client-b]");
	put(&e, "sluice.yaml", e.yaml);
	await_generation(&e, "2");
	MUST_EQ(daemon_workers(&e.daemon, &pid, 1), 1);
	MUST_OK(kill(pid, SIGKILL));
	MUST_EQ(try_client(&e, "client-a"), 49);
	MUST_EQ(try_client(&e, "client-b"), -1);
	e2e_stop(&e);
}

static void short_server(struct e2e *e)
{
	e2e_pki(e, "--server", "server", "--force", "--days", "5", "--dns", "localhost", NULL);
}

TEST(a_certificate_near_its_end_is_warned_of)
{
	static struct e2e e = {.more_pki = short_server};
	struct log_entry line;

	start(&e, NULL);
	E2E_MUST(&e, !daemon_find_log(&e.daemon, "certificate_ends", NULL, NULL, 0, &line));
	e2e_pki(&e, "--server", "server", "--force", "--days", "-1", "--dns", "localhost", NULL);
	await_generation(&e, "2");
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "certificate_ends", "subject", "CN=server", 0, 3000,
				     &line));
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
	ssize_t r;
	char byte;

	start(&e, variant);
	e2e_connect_echo(&e, &client, &peer);
	e2e_prove_live(&e, &client);
	swap_ca(&e, "pki/other-ca.pem");
	await_generation(&e, "2");
	E2E_MUST(&e, UNTIL((r = tlsclient_recv(&client, &byte, 1)) != -EAGAIN, 1000));
	MUST_EQ(r, -ECONNRESET);
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
	ssize_t r;
	char byte;

	start(&e, variant);
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
	await_generation(&e, "2");
	E2E_MUST(&e, UNTIL((r = tlsclient_recv(&client, &byte, 1)) != -EAGAIN, 1000));
	MUST_EQ(r, -ECONNRESET);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "revoked", "reason", "revoked", 0, 1000, &line));
	MUST(log_entry_is(&line, "subject", "CN=client-a"));
	tlsclient_close(&client);
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
	await_generation(&e, "2");
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

	start(&e, NULL);
	options = e2e_client_options(&e, NULL);
	options.alpn = "\x02h2";
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	peer_expect_echo(&peer);
	e2e_run(&e, &peer, STEPS(SEND(1000), RECV(1000)));
	if (variant->list)
		edit(&e, "[h2, http/1.1]", variant->list);
	else
		edit(&e, e.tls, "");
	put(&e, "sluice.yaml", e.yaml);
	await_generation(&e, "2");
	e2e_end_echo(&e, &client, &peer);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "session", NULL, NULL, 0, 3000, &line));
	E2E_MUST(&e, log_entry_is(&line, "alpn", "h2"), "%s", line.text);
	e2e_stop(&e);
}

/* A wrong password is a mistake as any other; with the right one the new certificate is shown. */
TEST(a_pkcs12_file_is_read_again, PROGRAMS("openssl"))
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	char command[400], form[256], cn[64];

	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_prepare(&e);
	snprintf(form, sizeof(form), "{chain: file:%s/pki/server.pem, key: file:%s/pki/server.key}",
		 e.daemon.dir, e.daemon.dir);
	edit(&e, form, "{pkcs12: file:server.p12, password: file:password}");
	snprintf(
		command, sizeof(command),
		"cd %s && openssl pkcs12 -export -in pki/server.pem -inkey pki/server.key -passout "
		"pass:old -out server.p12 && echo old >password",
		e.daemon.dir);
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c): the path is ours */
	e2e_start(&e);
	e2e_pki(&e, "--server", "another", "--dns", "localhost", NULL);
	snprintf(command, sizeof(command),
		 "cd %s && openssl pkcs12 -export -in pki/another.pem -inkey pki/another.key "
		 "-passout pass:new -out p12.new && mv p12.new server.p12",
		 e.daemon.dir);
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c): the path is ours */
	await_failure(&e, 0);
	MUST_EQ(ask(&e), 1);
	MUST(strstr(output_of(&e), "the password is wrong") != NULL, "%s", output_of(&e));
	put(&e, "password", "new\n");
	await_generation(&e, "2");
	options = e2e_client_options(&e, NULL);
	e2e_connect(&e, &client, &options);
	tlsclient_server_cn(&client, cn, sizeof(cn));
	CHECK_STR(cn, "another");
	tlsclient_close(&client);
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

	MUST_EQ(tls_pki_load(text_of(e, "pki/sub-ca.pem"), text_of(e, "pki/sub-ca.key"), &ca), 0);
	MUST_EQ(tls_pki_issue(&request, ca, &client), 0);
	cert = tls_pki_cert_pem(client);
	key = tls_pki_key_pem(client);
	snprintf(chain, sizeof(chain), "%s%s", cert, text_of(e, "pki/sub-ca.pem"));
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

	start(&e, variant);
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

TEST(files_are_left_alone_when_told_so)
{
	static struct e2e e = {.top = "reload: {watch: false}\n"};

	start(&e, NULL);
	edit(&e, "cn: [client-a]", "cn: [client-b]");
	put(&e, "sluice.yaml", e.yaml);
	/* What is watched is told of within milliseconds, and looked at after 200. */
	E2E_MUST(&e, !UNTIL(daemon_count_log(&e.daemon, "reloaded", NULL, NULL) > 0, 700));
	MUST_EQ(ask(&e), 0);
	await_generation(&e, "2");
	e2e_stop(&e);
}

/* --- under load --- */

#define HANDSHAKERS 4
#define RELOADS	    8

/** What the processes that shake hands have seen; shared. */
struct tally {
	_Atomic bool stop;
	_Atomic uint64_t done, lost, longest_us;
};

static void shake_hands_until_told(struct e2e *e, struct tally *tally)
{
	const struct tlsclient_options options = e2e_client_options(e, NULL);

	while (!atomic_load(&tally->stop)) {
		uint64_t start_ns = clock_now_ns(), took_us;
		struct tlsclient client;
		bool ok =
			e2e_try(e, &client, &options) == 0 && tlsclient_send(&client, "x", 1) == 1;
		ssize_t r = -EAGAIN;
		char byte;

		while (ok && (r = tlsclient_recv(&client, &byte, 1)) == -EAGAIN)
			test_pause();
		took_us = (clock_now_ns() - start_ns) / 1000;
		tlsclient_close(&client);
		if (r != 1)
			atomic_fetch_add(&tally->lost, 1);
		atomic_fetch_add(&tally->done, 1);
		if (took_us > atomic_load(&tally->longest_us))
			atomic_store(&tally->longest_us, took_us);
	}
}

TEST(no_handshake_is_lost, .deadline_ms = 120000)
{
	static struct e2e e = {.workers = 2};
	struct tally *tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[HANDSHAKERS];
	char generation[24];
	uint64_t start_ms;

	MUST(tally != MAP_FAILED);
	start(&e, NULL);
	start_ms = test_now_ms();
	for (size_t i = 0; i < HANDSHAKERS; i++) {
		pids[i] = MUST_OK(fork());
		if (pids[i] == 0) {
			shake_hands_until_told(&e, tally);
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < RELOADS; i++) {
		uint64_t before = atomic_load(&tally->done);

		edit(&e, i % 2 ? "name: other" : "name: known",
		     i % 2 ? "name: known" : "name: other");
		put(&e, "sluice.yaml", e.yaml);
		snprintf(generation, sizeof(generation), "%u", i + 2);
		await_generation(&e, generation);
		E2E_MUST(&e, UNTIL(atomic_load(&tally->done) > before, 5000));
	}
	atomic_store(&tally->stop, true);
	for (size_t i = 0; i < HANDSHAKERS; i++)
		MUST_EQ(waitpid(pids[i], NULL, 0), pids[i]);
	printf("# %llu handshakes a second, %u reloads, the longest took %llu ms\n",
	       (unsigned long long)(atomic_load(&tally->done) * 1000 /
				    (test_now_ms() - start_ms + 1)),
	       RELOADS, (unsigned long long)atomic_load(&tally->longest_us) / 1000);
	MUST_EQ(atomic_load(&tally->lost), 0);
	MUST_EQ(daemon_counter(&e.daemon, "revoked"), 0);
	e2e_stop(&e);
}

/* Returns: the process that has the only session. */
static pid_t worker_with_session(struct e2e *e)
{
	struct json _cleanup_json_ *status = daemon_status(&e->daemon);
	const struct json *workers = json_get_array(status, "workers");
	pid_t pid = 0;

	for (size_t i = 0; i < json_count(workers); i++) {
		const struct json *worker = json_at(workers, i);

		if (json_count(json_get_array(worker, "sessions")) > 0)
			pid = (pid_t)json_get_u64(worker, "pid", 0);
	}
	E2E_MUST(e, pid > 0);
	return pid;
}

/* It would keep alive who is not allowed any more: it is killed for that. */
TEST(a_worker_that_hangs_is_replaced)
{
	static struct e2e e = {.workers = 2};
	struct log_entry line;
	struct tlsclient client;
	struct peer peer;
	ssize_t r = -EAGAIN;
	char byte;

	start(&e, NULL);
	e2e_connect_echo(&e, &client, &peer);
	MUST_OK(kill(worker_with_session(&e), SIGSTOP));
	edit(&e, "cn: [client-a]", "cn: [client-b]");
	put(&e, "sluice.yaml", e.yaml);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "worker_killed", NULL, NULL, 0, 10000, &line));
	await_generation(&e, "2");
	E2E_MUST(&e, UNTIL((r = tlsclient_recv(&client, &byte, 1)) != -EAGAIN, 3000));
	MUST_EQ(r, -ECONNRESET);
	tlsclient_close(&client);
	MUST_EQ(try_client(&e, "client-a"), 49);
	MUST_EQ(try_client(&e, "client-b"), -1);
	e2e_stop(&e);
}
