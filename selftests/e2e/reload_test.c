// SPDX-License-Identifier: Apache-2.0
/*
 * A reload takes effect as a whole or not at all. What becomes of sessions is in revocation_test.c.
 */
#include "selftests/e2e/e2e_reload.h"

#include "sys/json.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

SUITE("reload", .deadline_ms = 60000);

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

	e2e_start_echo(&e, NULL);
	e2e_connect_echo(&e, &client, &peer);
	if (!variant->file) {
		strncat(e.yaml, variant->text, sizeof(e.yaml) - strlen(e.yaml) - 1);
		e2e_put(&e, "sluice.yaml", e.yaml);
	} else if (variant->text) {
		e2e_put(&e, variant->file, variant->text);
	} else {
		snprintf(command, sizeof(command), "cp %s %s.new && mv %s.new %s",
			 e2e_path(&e, variant->copy), e2e_path(&e, variant->file),
			 e2e_path(&e, variant->file), e2e_path(&e, variant->file));
		MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c): the paths are ours */
	}
	e2e_await_failure(&e, 0);
	MUST_EQ(e2e_ask_reload(&e), 1);
	MUST(strstr(e2e_output(&e), variant->told) != NULL, "%s", e2e_output(&e));
	MUST(strstr(e2e_output(&e), "generation 1 is still served") != NULL);
	MUST_EQ(daemon_counter(&e.daemon, "revoked"), 0);
	e2e_end_echo(&e, &client, &peer);
	MUST_EQ(daemon_count_log(&e.daemon, "reloaded", NULL, NULL), 0);
	e2e_stop(&e);
}

TEST(what_only_a_restart_can_change_is_refused)
{
	static struct e2e e;

	e2e_start_echo(&e, NULL);
	e2e_edit(&e, "workers: 1", "workers: 2");
	e2e_put(&e, "sluice.yaml", e.yaml);
	e2e_await_failure(&e, 0);
	MUST_EQ(e2e_ask_reload(&e), 1);
	MUST(strstr(e2e_output(&e), "workers: cannot be changed while sluice runs") != NULL, "%s",
	     e2e_output(&e));
	e2e_stop(&e);
}

/* --- ways to ask --- */

TEST(hangup_reloads)
{
	static struct e2e e;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	e2e_start_echo(&e, NULL);
	e2e_connect_echo(&e, &client, &peer);
	e2e_edit(&e, "cn: [client-a]", "cn: [client-b]");
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

	e2e_start_echo(&e, NULL);
	MUST_EQ(e2e_ask_reload(&e), 0);
	MUST(strstr(e2e_output(&e), "no file has changed") != NULL, "%s", e2e_output(&e));
	e2e_put(&e, "sluice.yaml", e.yaml);
	MUST_EQ(e2e_ask_reload(&e), 0);
	MUST(strstr(e2e_output(&e), "generation 1 is served already") != NULL);
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
	e2e_start_echo(&e, NULL);
	snprintf(command, sizeof(command),
		 "cd %s/pki && ln -s ..2 ..data_tmp && "
		 "mv -T ..data_tmp ..data",
		 d);
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c): the paths are ours */
	e2e_await_generation(&e, "2");
	options = e2e_client_options(&e, NULL);
	options.ca = NULL;
	e2e_connect(&e, &client, &options);
	tlsclient_server_cn(&client, cn, sizeof(cn));
	MUST_STR(cn, "client-b");
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* What is swapped in is no YAML, so that it names no files; then it is mended in place. */
TEST(a_broken_file_behind_a_link_is_watched)
{
	static struct e2e e;
	char command[400];

	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_prepare(&e);
	snprintf(command, sizeof(command),
		 "cd %s && mkdir v1 v2 && ln -s v1 cur && ln -sf cur/sluice.yaml sluice.yaml",
		 e.daemon.dir);
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c): the path is ours */
	e2e_start(&e);
	MUST_EQ(daemon_write(&e.daemon, "v2/sluice.yaml", "listeners: [\n"), 0);
	snprintf(command, sizeof(command), "cd %s && ln -s v2 new && mv -T new cur", e.daemon.dir);
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c): the path is ours */
	e2e_await_failure(&e, 0);
	e2e_edit(&e, "cn: [client-a]", "cn: [client-b]");
	MUST_EQ(daemon_write(&e.daemon, "v2/sluice.yaml", e.yaml), 0);
	e2e_await_generation(&e, "2");
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

	e2e_start_echo(&e, NULL);
	MUST_EQ(e2e_try_client(&e, "other-client-a"), 48); /* unknown_ca */
	snprintf(command, sizeof(command), "cp %s %s", e2e_path(&e, "pki/other-ca.pem"),
		 e2e_path(&e, "ca.d/two.pem"));
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c): the paths are ours */
	e2e_await_generation(&e, "2");
	MUST_EQ(e2e_try_client(&e, "other-client-a"), -1);
	e2e_stop(&e);
}

TEST(files_are_left_alone_when_told_so)
{
	static struct e2e e = {.top = "reload: {watch: false}\n"};

	e2e_start_echo(&e, NULL);
	e2e_edit(&e, "cn: [client-a]", "cn: [client-b]");
	e2e_put(&e, "sluice.yaml", e.yaml);
	/* What is watched is told of within milliseconds, and looked at after 200. */
	E2E_MUST(&e, !UNTIL(daemon_count_log(&e.daemon, "reloaded", NULL, NULL) > 0, 700));
	MUST_EQ(e2e_ask_reload(&e), 0);
	e2e_await_generation(&e, "2");
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
	e2e_edit(&e, form, "{pkcs12: file:server.p12, password: file:password}");
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
	e2e_await_failure(&e, 0);
	MUST_EQ(e2e_ask_reload(&e), 1);
	MUST(strstr(e2e_output(&e), "the password is wrong") != NULL, "%s", e2e_output(&e));
	e2e_put(&e, "password", "new\n");
	e2e_await_generation(&e, "2");
	options = e2e_client_options(&e, NULL);
	e2e_connect(&e, &client, &options);
	tlsclient_server_cn(&client, cn, sizeof(cn));
	CHECK_STR(cn, "another");
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* --- the end --- */

struct ending {
	VARIANT;
	bool at_once; /* the supervisor ends before it would look for who waits */
};

CASES(struct ending, endings, {.name = "while-it-drains"},
      {.name = "with-the-end", .at_once = true});

/* Who has asked during a reload, and waits for the next one, is told that there is none. */
TEST_CASES(who_waits_is_told_of_the_end, endings)
{
	static struct e2e e;
	pid_t worker, asker;
	int status = 0;

	e2e_start_echo(&e, NULL);
	MUST_EQ(daemon_workers(&e.daemon, &worker, 1), 1);
	MUST_OK(kill(worker, SIGSTOP));
	e2e_edit(&e, "cn: [client-a]", "cn: [client-b]");
	MUST_EQ(daemon_write(&e.daemon, "sluice.yaml", e.yaml), 0);
	MUST_OK(kill(e.daemon.pid, SIGHUP));
	asker = MUST_OK(fork());
	if (asker == 0)
		_exit(e2e_ask_reload(&e));
	E2E_MUST(&e, !UNTIL(waitpid(asker, &status, WNOHANG) == asker, 500));
	MUST_OK(kill(e.daemon.pid, SIGTERM));
	if (!variant->at_once)
		E2E_MUST(&e, UNTIL(waitpid(asker, &status, WNOHANG) == asker, 3000));
	MUST_OK(kill(worker, SIGKILL));
	if (variant->at_once)
		E2E_MUST(&e, UNTIL(waitpid(asker, &status, WNOHANG) == asker, 3000));
	MUST(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	MUST(strstr(e2e_output(&e), "sluice is being stopped") != NULL, "%s", e2e_output(&e));
	E2E_MUST(&e, daemon_wait(&e.daemon, 5000) == 0, "exit code %d", e.daemon.exit_code);
	upstream_server_stop(&e.upstream);
}

/* --- addresses --- */

TEST(an_address_comes_and_goes)
{
	static struct e2e e;
	char from[64], to[64];
	unsigned int before, after;

	e2e_start_echo(&e, NULL);
	before = e.port;
	after = daemon_free_port();
	snprintf(from, sizeof(from), "\"127.0.0.1:%u\"]", before);
	snprintf(to, sizeof(to), "\"127.0.0.1:%u\", \"127.0.0.1:%u\"]", before, after);
	e2e_edit(&e, from, to);
	e2e_serve(&e, "2");
	MUST_EQ(e2e_try_client(&e, "client-a"), -1);
	e.port = after;
	MUST_EQ(e2e_try_client(&e, "client-a"), -1);
	snprintf(from, sizeof(from), "\"127.0.0.1:%u\", ", before);
	e2e_edit(&e, from, "");
	e2e_serve(&e, "3");
	MUST_EQ(e2e_try_client(&e, "client-a"), -1);
	e.port = before;
	{
		struct tlsclient_options options = e2e_client_options(&e, NULL);
		struct tlsclient client;

		MUST_EQ(e2e_try(&e, &client, &options), -ECONNREFUSED);
		tlsclient_close(&client);
	}
	e2e_stop(&e);
}

/* From one address to all of them and back, at the same port: our own sockets are in the way. */
TEST(an_address_becomes_all_and_one_again)
{
	static struct e2e e;
	char one[64], all[64];

	e2e_start_echo(&e, NULL);
	snprintf(one, sizeof(one), "\"127.0.0.1:%u\"", e.port);
	snprintf(all, sizeof(all), "\"0.0.0.0:%u\"", e.port);
	e2e_edit(&e, one, all);
	e2e_serve(&e, "2");
	MUST_EQ(e2e_try_client(&e, "client-a"), -1);
	e2e_edit(&e, all, one);
	e2e_serve(&e, "3");
	MUST_EQ(e2e_try_client(&e, "client-a"), -1);
	e2e_stop(&e);
}

TEST(an_address_that_is_taken_changes_nothing)
{
	static struct e2e e;
	struct addr taken = {};
	char from[64], to[96];
	int fd;

	e2e_start_echo(&e, NULL);
	fd = e2e_listen(1, &taken);
	snprintf(from, sizeof(from), "\"127.0.0.1:%u\"]", e.port);
	snprintf(to, sizeof(to), "\"127.0.0.1:%u\", \"127.0.0.1:%u\"]", e.port, addr_port(&taken));
	e2e_edit(&e, from, to);
	e2e_put(&e, "sluice.yaml", e.yaml);
	e2e_await_failure(&e, 0);
	MUST_EQ(e2e_try_client(&e, "client-a"), -1);
	MUST_OK(close(fd));
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

	e2e_start_echo(&e, NULL);
	/* Silent: its session has the generation of its accept. */
	fd = e2e_connect_plain(&e, NULL);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "handshakes") == 1, 3000));
	e2e_edit(&e, "upstreams:", "log: {format: key-value}\nupstreams:");
	e2e_serve(&e, "2");
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

	e2e_start_echo(&e, NULL);
	fd = e2e_connect_plain(&e, NULL);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "handshakes") == 1, 3000));
	e2e_edit(&e, "cn: [client-a]", "cn: [client-b]");
	e2e_serve(&e, "2");
	options = e2e_client_options(&e, NULL);
	options.socket = fd;
	(void)e2e_try(&e, &client, &options);
	tlsclient_close(&client);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "revoked", "check", "policy", 0, 3000, &line));
	MUST_EQ(atomic_load(&e.upstream.accepted), 0);
	e2e_stop(&e);
}

/* --- what is shown --- */

static void short_server(struct e2e *e)
{
	e2e_pki(e, "--server", "server", "--force", "--days", "5", "--dns", "localhost", NULL);
}

TEST(status_shows_the_generation)
{
	static struct e2e e = {.more_pki = short_server};
	struct json _cleanup_json_ *status = NULL;
	const struct json *generation, *certificates;

	e2e_start_echo(&e, NULL);
	e2e_edit(&e, "cn: [client-a]", "cn: [client-b]");
	e2e_serve(&e, "2");
	e2e_put(&e, "sluice.yaml", "broken\n");
	e2e_await_failure(&e, 0);
	status = daemon_status(&e.daemon);
	generation = json_get_object(status, "generation");
	MUST_EQ(json_get_u64(generation, "number", 0), 2);
	MUST_STR(json_get_str(generation, "asked_by", ""), "files");
	MUST_EQ(json_count(json_get_array(generation, "files")), 4);
	certificates = json_get_array(generation, "certificates");
	MUST_EQ(json_count(certificates), 2);
	/* Five days, just begun. */
	MUST(json_get_u64(json_at(certificates, 0), "days_left", 0) - 4 <= 1);
	MUST_STR(json_get_str(json_at(certificates, 0), "subject", ""), "CN=server");
	MUST_STR(json_get_str(json_get_object(generation, "last_failure"), "asked_by", ""),
		 "files");
	MUST_EQ(json_get_u64(json_at(json_get_array(status, "workers"), 0), "generation", 0), 2);
	e2e_stop(&e);
}

/* As at the start: too many for the limit of open files. */
TEST(a_lowered_limit_is_told_of)
{
	static struct e2e e = {.top = "limits: {connections: 2}\n"};
	struct log_entry line;

	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_prepare(&e);
	e.daemon.files = 60;
	e2e_start(&e);
	E2E_MUST(&e, !daemon_find_log(&e.daemon, "limit_lowered", NULL, NULL, 0, &line));
	e2e_edit(&e, "connections: 2}", "connections: 5000}");
	e2e_serve(&e, "2");
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "limit_lowered", NULL, NULL, 0, 3000, &line));
	e2e_stop(&e);
}

/* The status of @e: why the last reload failed; NULL: it did not. */
static const struct json *last_failure(const struct json *status)
{
	return json_get_object(json_get_object(status, "generation"), "last_failure");
}

TEST(a_mistake_that_is_taken_back_is_forgotten)
{
	static struct e2e e;
	struct json *status;

	e2e_start_echo(&e, NULL);
	e2e_put(&e, "sluice.yaml", "broken\n");
	e2e_await_failure(&e, 0);
	status = daemon_status(&e.daemon);
	MUST(last_failure(status) != NULL);
	json_free(status);
	e2e_put(&e, "sluice.yaml", e.yaml);
	MUST_EQ(e2e_ask_reload(&e), 0);
	status = daemon_status(&e.daemon);
	MUST(last_failure(status) == NULL);
	json_free(status);
	e2e_stop(&e);
}

/* Of a configuration that is broken it says where the one that is served can be asked. */
TEST(status_finds_the_socket_in_a_broken_file)
{
	static struct e2e e;
	const char *argv[] = {"sluice", "status", "-c", NULL, NULL};

	e2e_start_echo(&e, NULL);
	argv[3] = e2e_path(&e, "sluice.yaml");
	strncat(e.yaml, "x: y\n", sizeof(e.yaml) - strlen(e.yaml) - 1);
	e2e_put(&e, "sluice.yaml", e.yaml);
	MUST_OK(unlink(e2e_path(&e, "pki/server.key")));
	e2e_await_failure(&e, 0);
	MUST(daemon_command(&e.daemon, argv) == 0, "%s", e2e_output(&e));
	MUST(strstr(e2e_output(&e), "THE FILES ARE NOT SERVED") != NULL, "%s", e2e_output(&e));
	e2e_put(&e, "sluice.yaml", "admin: [\n");
	MUST_EQ(daemon_command(&e.daemon, argv), 1);
	e2e_put(&e, "sluice.yaml", "admin: {listen: \"127.0.0.1:80\"}\n");
	MUST_EQ(daemon_command(&e.daemon, argv), 1);
	MUST(strstr(e2e_output(&e), "must be a unix socket") != NULL, "%s", e2e_output(&e));
	e2e_stop(&e);
}

TEST(a_new_worker_has_the_new_generation)
{
	static struct e2e e;
	pid_t pid;

	e2e_start_echo(&e, NULL);
	e2e_edit(&e, "cn: [client-a]", "cn: [client-b]");
	e2e_serve(&e, "2");
	MUST_EQ(daemon_workers(&e.daemon, &pid, 1), 1);
	MUST_OK(kill(pid, SIGKILL));
	MUST_EQ(e2e_try_client(&e, "client-a"), 49);
	MUST_EQ(e2e_try_client(&e, "client-b"), -1);
	e2e_stop(&e);
}

TEST(a_certificate_near_its_end_is_warned_of)
{
	static struct e2e e = {.more_pki = short_server};
	struct log_entry line;

	e2e_start_echo(&e, NULL);
	E2E_MUST(&e, !daemon_find_log(&e.daemon, "certificate_ends", NULL, NULL, 0, &line));
	e2e_pki(&e, "--server", "server", "--force", "--days", "-1", "--dns", "localhost", NULL);
	e2e_await_generation(&e, "2");
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "certificate_ends", "subject", "CN=server", 0, 3000,
				     &line));
	e2e_stop(&e);
}

static void crl_of_the_ca(struct e2e *e)
{
	e2e_pki(e, "--crl", "ca", NULL);
}

TEST(a_crl_near_its_end_is_warned_of)
{
	static struct e2e e = {.more_pki = crl_of_the_ca,
			       .tls = "      client_crl: [\"file:pki/ca.crl\"]\n"};
	struct json _cleanup_json_ *status = NULL;
	const struct json *all, *crl;
	struct log_entry line;

	e2e_start_echo(&e, NULL);
	E2E_MUST(&e, !daemon_find_log(&e.daemon, "crl_ends", NULL, NULL, 0, &line));
	e2e_pki(&e, "--crl", "ca", "--days", "-1", "--force", NULL);
	e2e_await_generation(&e, "2");
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "crl_ends", "source", "file:pki/ca.crl", 0, 3000,
				     &line));
	status = daemon_status(&e.daemon);
	all = json_get_array(json_get_object(status, "generation"), "certificates");
	MUST_EQ(json_count(all), 3);
	crl = json_at(all, 2);
	MUST_STR(json_get_str(crl, "kind", ""), "crl");
	MUST(json_get_i64(crl, "days_left", 0) < 0);
	e2e_stop(&e);
}

/* --- workers --- */

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

struct hanging {
	VARIANT;
	unsigned int workers;
};

CASES(struct hanging, hanging_ones, {.name = "alone", .workers = 1},
      {.name = "of-two", .workers = 2});

/* It would keep alive who is not allowed any more: it is killed for that. */
TEST_CASES(a_worker_that_hangs_is_replaced, hanging_ones)
{
	static struct e2e e;
	struct log_entry line;
	struct tlsclient client;
	struct peer peer;

	e.workers = variant->workers;
	e2e_start_echo(&e, NULL);
	e2e_connect_echo(&e, &client, &peer);
	MUST_OK(kill(worker_with_session(&e), SIGSTOP));
	e2e_edit(&e, "cn: [client-a]", "cn: [client-b]");
	e2e_put(&e, "sluice.yaml", e.yaml);
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "worker_killed", NULL, NULL, 0, 10000, &line));
	e2e_await_generation(&e, "2");
	e2e_await_reset(&e, &client, 3000);
	tlsclient_close(&client);
	MUST_EQ(e2e_try_client(&e, "client-a"), 49);
	MUST_EQ(e2e_try_client(&e, "client-b"), -1);
	e2e_stop(&e);
}

/* Returns: true when it is stopped before it was ready. */
static bool stop_while_it_starts(pid_t pid)
{
	char value[64];

	MUST_OK(kill(pid, SIGSTOP));
	return daemon_proc_value(pid, "status", "NoNewPrivs", value) && strcmp(value, "0") == 0;
}

/* With two workers, of which the second one is stopped before it was ready. Returns: that. */
static pid_t start_half(struct e2e *e)
{
	pid_t pids[2];

	e->workers = 2;
	e2e_prepare(e);
	e->daemon.files = 60; /* it says so right before it starts them */
	for (;;) {
		MUST_EQ(daemon_start_when(&e->daemon, e->yaml, "limit_lowered"), 0);
		E2E_MUST(e, UNTIL(daemon_workers(&e->daemon, pids, 2) == 2, 3000));
		if (stop_while_it_starts(pids[1]))
			return pids[1];
		MUST_OK(kill(pids[1], SIGCONT));
		MUST_EQ(daemon_stop(&e->daemon, 5000), 0);
	}
}

/* Who starts has the time limit of a start, not that of a reload. */
TEST(a_reload_waits_for_the_start)
{
	static struct e2e e;
	pid_t starting;

	e.script = STEPS(ECHO_ALL, FINISH);
	starting = start_half(&e);
	e2e_edit(&e, "cn: [client-a]", "cn: [client-b]");
	e2e_put(&e, "sluice.yaml", e.yaml);
	E2E_MUST(&e, !UNTIL(daemon_count_log(&e.daemon, "worker_killed", NULL, NULL) > 0, 4500));
	MUST_EQ(daemon_count_log(&e.daemon, "reloaded", NULL, NULL), 0);
	MUST_OK(kill(starting, SIGCONT));
	e2e_await_generation(&e, "2");
	e2e_stop(&e);
}

/* Nobody is there to build it, and it may be what ends the dying. */
TEST(a_reload_needs_no_worker)
{
	enum { DEATHS = 5 }; /* then the next one comes 1600 ms later */
	static struct e2e e;
	pid_t pid;

	e2e_start_echo(&e, NULL);
	for (size_t i = 0; i < DEATHS; i++) {
		E2E_MUST(&e, UNTIL(daemon_workers(&e.daemon, &pid, 1) == 1, 5000));
		MUST_OK(kill(pid, SIGKILL));
		E2E_MUST(&e, UNTIL(daemon_count_log(&e.daemon, "worker_died", NULL, NULL) == i + 1,
				   3000));
	}
	e2e_edit(&e, "cn: [client-a]", "cn: [client-b]");
	MUST_EQ(daemon_write(&e.daemon, "sluice.yaml", e.yaml), 0);
	E2E_MUST(&e, e2e_ask_reload(&e) == 0, "%s", e2e_output(&e));
	E2E_MUST(&e, daemon_workers(&e.daemon, &pid, 1) == 0);
	MUST_EQ(e2e_try_client(&e, "client-a"), 49);
	MUST_EQ(e2e_try_client(&e, "client-b"), -1);
	e2e_stop(&e);
}

/* It has no sessions: nobody waits for it, and it does not bring back the generation before. */
TEST(a_worker_that_starts_is_replaced)
{
	static struct e2e e;
	pid_t pid = 0, last;

	e2e_start_echo(&e, NULL);
	MUST_EQ(daemon_workers(&e.daemon, &last, 1), 1);
	do {
		MUST_OK(kill(last, SIGKILL));
		E2E_MUST(&e, UNTIL(daemon_workers(&e.daemon, &pid, 1) == 1 && pid != last, 10000));
		last = pid;
	} while (!stop_while_it_starts(pid));
	e2e_edit(&e, "cn: [client-a]", "cn: [client-b]");
	MUST_EQ(daemon_write(&e.daemon, "sluice.yaml", e.yaml), 0);
	E2E_MUST(&e, e2e_ask_reload(&e) == 0, "%s", e2e_output(&e));
	MUST_EQ(e2e_try_client(&e, "client-a"), 49);
	MUST_EQ(e2e_try_client(&e, "client-b"), -1);
	MUST_EQ(daemon_count_log(&e.daemon, "worker_killed", NULL, NULL), 1);
	e2e_stop(&e);
}
