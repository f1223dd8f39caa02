// SPDX-License-Identifier: Apache-2.0
#include "selftests/e2e/e2e_reload.h"

#include <stdio.h>
#include <string.h>

/* Replace the only @from in the daemon's configuration. */
void e2e_edit(struct e2e *e, const char *from, const char *to)
{
	char *at = strstr(e->yaml, from);
	char rest[sizeof(e->yaml)];

	MUST(at != NULL, "no '%s'", from);
	snprintf(rest, sizeof(rest), "%s", at + strlen(from));
	MUST(snprintf(at, sizeof(e->yaml) - (size_t)(at - e->yaml), "%s%s", to, rest) <
	     (int)(sizeof(e->yaml) - (size_t)(at - e->yaml)));
}

/* In one step, as every good editor does. */
void e2e_put(struct e2e *e, const char *name, const char *text)
{
	char other[80];

	snprintf(other, sizeof(other), "%s.new", name);
	MUST_EQ(daemon_write(&e->daemon, other, text), 0);
	MUST_OK(rename(e2e_path(e, other), e2e_path(e, name)));
}

void e2e_await_generation(struct e2e *e, const char *number)
{
	struct log_entry line;

	E2E_MUST(e, daemon_wait_log(&e->daemon, "reloaded", "generation", number, 0, 10000, &line));
}

void e2e_serve(struct e2e *e, const char *number)
{
	e2e_put(e, "sluice.yaml", e->yaml);
	e2e_await_generation(e, number);
}

void e2e_await_failure(struct e2e *e, size_t nth)
{
	struct log_entry line;

	E2E_MUST(e, daemon_wait_log(&e->daemon, "reload_failed", NULL, NULL, nth, 10000, &line));
}

/* `sluice reload`. Returns: its exit code. */
int e2e_ask_reload(struct e2e *e)
{
	char admin[128];
	const char *argv[] = {"sluice", "reload", "--admin", admin, NULL};

	snprintf(admin, sizeof(admin), "unix:%s/admin.sock", e->daemon.dir);
	return daemon_command(&e->daemon, argv);
}

const char *e2e_text(const struct e2e *e, const char *name)
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
const char *e2e_output(const struct e2e *e)
{
	return e2e_text(e, "output");
}

/* Returns: the alert that a client with the certificate of @who gets; -1: it is admitted. */
int e2e_try_client(struct e2e *e, const char *who)
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

void e2e_start_echo_with(struct e2e *e, const struct e2e_case *c)
{
	if (c)
		e->engine = c->engine;
	e2e_start(e);
}
