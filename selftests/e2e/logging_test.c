// SPDX-License-Identifier: Apache-2.0
/* The log: one line per session, nothing that a peer can forge. */
#include "selftests/e2e/e2e.h"

#include "sys/json.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

SUITE("logging", NEEDS(NEED_NETNS));

#define ANSWER STEPS(RECV(10), SEND(20), RECV_END, FINISH)

static void one_session(struct e2e *e, const char *name)
{
	struct tlsclient_options options = e2e_client_options(e, NULL);
	struct tlsclient client;
	struct peer peer;
	char file[64];

	snprintf(file, sizeof(file), "pki/%s.pem", name);
	options.cert = e2e_path(e, file);
	snprintf(file, sizeof(file), "pki/%s.key", name);
	options.key = e2e_path(e, file);
	options.version = TLS1_3_VERSION;
	options.suite = SUITE_AES_128;
	e2e_connect(e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(e, &peer, STEPS(SEND(10), RECV(20), FINISH, RECV_END));
	tlsclient_close(&client);
}

TEST(session_line)
{
	static const char *const expected[][2] = {
		{"level", "info"},
		{"proc", "worker/0"},
		{"listener", "main"},
		{"sni", "localhost"},
		{"tls", "TLSv1.3"},
		{"cipher", "TLS_AES_128_GCM_SHA256"},
		{"identity", "spiffe://sluice.example/client-a"},
		{"rule", "known"},
		{"upstream", "app"},
		{"bytes_in", "10"},
		{"bytes_out", "20"},
		{"engine_in", "copy"},
		{"engine_out", "copy"},
		{"offload_reason", "configured_off"},
		{"close", "done"},
	};
	static const char *const present[] = {"time", "peer", "endpoint", "duration_ms"};
	static struct e2e e;
	struct log_entry line;
	char value[DAEMON_VALUE_MAX];

	e.script = ANSWER;
	e2e_start(&e);
	one_session(&e, "client-a");
	E2E_MUST(&e, daemon_wait_log(&e.daemon, "session", NULL, NULL, 0, 3000, &line));
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		CHECK(log_entry_is(&line, expected[i][0], expected[i][1]), "%s is not %s: %s",
		      expected[i][0], expected[i][1], line.text);
	for (size_t i = 0; i < sizeof(present) / sizeof(present[0]); i++)
		CHECK(log_entry_get(&line, present[i], value) && value[0], "no %s: %s", present[i],
		      line.text);
	e2e_stop(&e);
}

TEST(json_lines)
{
	static struct e2e e = {.top = "log: {format: json}\n"};
	char text[4096];
	size_t sessions = 0;
	FILE *file;
	int r;

	e.script = ANSWER;
	e2e_prepare(&e);
	/* event=ready is not there in this form. */
	r = daemon_start_when(&e.daemon, e.yaml, "\"event\":\"ready\"");
	E2E_MUST(&e, r == 0);
	one_session(&e, "client-a");
	e2e_stop(&e);
	file = fopen(e.daemon.log, "re");
	MUST(file != NULL);
	while (fgets(text, sizeof(text), file)) {
		struct json _cleanup_json_ *line = NULL;

		MUST_EQ(json_parse(text, strlen(text), &line), 0, "%s", text);
		CHECK(json_get_str(line, "time", NULL) != NULL);
		CHECK(json_get_str(line, "event", NULL) != NULL);
		if (strcmp(json_get_str(line, "event", ""), "session") != 0)
			continue;
		sessions++;
		CHECK_EQ(json_get_u64(line, "bytes_in", 0), 10);
		CHECK_EQ(json_get_u64(line, "bytes_out", 0), 20);
		CHECK_STR(json_get_str(line, "close", NULL), "done");
	}
	(void)fclose(file);
	CHECK_EQ(sessions, 1);
}

/* A name can end neither the line nor its own quotes. */
TEST(names_are_escaped)
{
	static struct e2e e = {
		.rules = "      - {name: known, match: {cn: [nobody]}, upstream: app}\n"};
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;

	e.script = ANSWER;
	e2e_start(&e);
	e2e_pki(&e, "--client", "evil", "--cn", "x\" close=done \\ \xc3\xa9 event=ready", NULL);
	options = e2e_client_options(&e, NULL);
	options.cert = e2e_path(&e, "pki/evil.pem");
	options.key = e2e_path(&e, "pki/evil.key");
	e2e_connect(&e, &client, &options);
	E2E_MUST(&e, tlsclient_alert(&client, (int)test_scaled_ms(3000)) == 49);
	tlsclient_close(&client);
	line = e2e_refused(&e, "policy", "close=done");
	for (const char *c = line.text; *c; c++)
		CHECK(isprint((unsigned char)*c), "byte %#x in: %s", (unsigned char)*c, line.text);
	E2E_MUST(&e, log_entry_is(&line, "event", "refused"), "%s", line.text);
	E2E_MUST(&e, daemon_count_log(&e.daemon, "ready", NULL, NULL) == 1);
	e2e_stop(&e);
}

/* A name with a control byte may be anybody's: a rule that looks at such names cannot be decided. */
TEST(control_byte_in_name)
{
	static struct e2e e = {.rules = "      - {name: eve, match: {cn: [eve]}, action: deny}\n"
					"      - {name: all, upstream: app}\n"};
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;

	e.script = ANSWER;
	e2e_start(&e);
	e2e_pki(&e, "--client", "evil", "--cn", "two\nlines", NULL);
	options = e2e_client_options(&e, NULL);
	options.cert = e2e_path(&e, "pki/evil.pem");
	options.key = e2e_path(&e, "pki/evil.key");
	e2e_connect(&e, &client, &options);
	E2E_MUST(&e, tlsclient_alert(&client, (int)test_scaled_ms(3000)) == 49);
	tlsclient_close(&client);
	line = e2e_refused(&e, "policy", "two");
	E2E_MUST(&e, log_entry_is(&line, "rule", "eve"), "%s", line.text);
	for (const char *c = line.text; *c; c++)
		CHECK(isprint((unsigned char)*c), "byte %#x in: %s", (unsigned char)*c, line.text);
	e2e_stop(&e);
}

/* No key, no secret: neither in the log nor in the status. */
TEST(status_counts)
{
	static struct e2e e;

	e.script = ANSWER;
	e2e_start(&e);
	one_session(&e, "client-a");
	one_session(&e, "client-a");
	E2E_MUST(&e, UNTIL(daemon_count_log(&e.daemon, "session", NULL, NULL) == 2, 3000));
	CHECK_EQ(daemon_counter(&e.daemon, "accepted"), 2);
	CHECK_EQ(daemon_counter(&e.daemon, "admitted"), 2);
	CHECK_EQ(daemon_counter(&e.daemon, "sessions_copy"), 2);
	CHECK_EQ(daemon_counter(&e.daemon, "bytes_in_copy"), 20);
	CHECK_EQ(daemon_counter(&e.daemon, "bytes_out_copy"), 40);
	CHECK_EQ(daemon_counter(&e.daemon, "connections"), 0);
	CHECK_EQ(daemon_counter(&e.daemon, "handshakes"), 0);
	e2e_stop(&e);
}

/* --- a reader that stalls --- */

/* Copies what comes through the pipe into the log file, until all writers are gone. */
static pid_t start_reader(const struct e2e *e, int fds[2])
{
	pid_t pid = MUST_OK(fork());
	char text[4096];
	ssize_t n;

	if (pid > 0)
		return pid;
	MUST_OK(close(fds[1]));
	while ((n = read(fds[0], text, sizeof(text))) > 0) {
		int fd = MUST_OK(
			open(e->daemon.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));

		MUST_EQ(write(fd, text, (size_t)n), n);
		MUST_OK(close(fd));
	}
	_exit(0);
}

static void one_refusal(struct e2e *e)
{
	struct tlsclient_options options = e2e_client_options(e, NULL);
	struct tlsclient client;

	options.cert = e2e_path(e, "pki/client-b.pem");
	options.key = e2e_path(e, "pki/client-b.key");
	e2e_connect(e, &client, &options);
	E2E_MUST(e, tlsclient_alert(&client, (int)test_scaled_ms(3000)) == 49);
	tlsclient_close(&client);
}

/* Sessions go on, and what was lost is told when somebody reads again. */
TEST(stalled_log_reader, .deadline_ms = 30000)
{
	enum { REFUSALS = 40 }; /* of some 300 bytes, into a pipe of one page */
	static struct e2e e;
	struct tlsclient_options options;
	struct log_entry line;
	struct tlsclient client;
	struct peer peer;
	pid_t reader;
	int fds[2];

	e.script = STEPS(ECHO_ALL, FINISH);
	e2e_prepare(&e);
	MUST_OK(pipe2(fds, O_CLOEXEC));
	reader = start_reader(&e, fds);
	MUST_OK(close(fds[0]));
	e.daemon.stderr_fd = fds[1];
	e2e_start(&e);
	/* Not before: the lines of the start come faster than a reader takes them from one page. */
	MUST(UNTIL(fcntl(fds[1], F_SETPIPE_SZ, 4096) > 0, 3000));
	MUST_OK(close(fds[1]));
	options = e2e_client_options(&e, NULL);
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	peer_expect_echo(&peer);
	e2e_run(&e, &peer, STEPS(SEND(1000), RECV(1000)));
	MUST_OK(kill(reader, SIGSTOP));
	for (int i = 0; i < REFUSALS; i++)
		one_refusal(&e);
	e2e_run(&e, &peer, STEPS(SEND(1000), RECV(1000)));
	E2E_MUST(&e, daemon_counter(&e.daemon, "refused_policy") == REFUSALS);
	MUST_OK(kill(reader, SIGCONT));
	e2e_run(&e, &peer, STEPS(FINISH, RECV_END));
	tlsclient_close(&client);
	E2E_MUST(&e, UNTIL(({
				   one_refusal(&e);
				   daemon_find_log(&e.daemon, "log_dropped", NULL, NULL, 0, &line);
			   }),
			   5000));
	E2E_MUST(&e, log_entry_u64(&line, "n") > 0, "%s", line.text);
	e2e_stop(&e);
	MUST_EQ(waitpid(reader, NULL, 0), reader);
}
