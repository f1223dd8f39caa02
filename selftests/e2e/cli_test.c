// SPDX-License-Identifier: Apache-2.0
/* The command line: help everywhere, exit codes, `check` as an operator sees it. */
#include "selftests/e2e/e2e.h"

#include <stdio.h>
#include <string.h>

SUITE("cli");

static int run(struct daemon *daemon, const char *a, const char *b, const char *c, const char *d)
{
	const char *const argv[] = {"sluice", a, b, c, d, NULL};

	return daemon_command(daemon, argv);
}

static void read_output(const struct daemon *daemon, char *text, size_t size)
{
	char path[128];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/output", daemon->dir);
	file = fopen(path, "re");
	MUST(file != NULL);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	(void)fclose(file);
}

TEST(help_of_every_command)
{
	static const char *const commands[] = {"run", "check", "policy", "probe", "status", "pki"};
	struct daemon daemon;
	char text[8192];

	daemon_init(&daemon);
	CHECK_EQ(run(&daemon, "--help", NULL, NULL, NULL), 0);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		CHECK_EQ(run(&daemon, commands[i], "--help", NULL, NULL), 0, "%s", commands[i]);
		read_output(&daemon, text, sizeof(text));
		CHECK(strncmp(text, "Usage: sluice ", 14) == 0, "%s: %s", commands[i], text);
		CHECK(strstr(text, "Example: ") != NULL, "%s has no example", commands[i]);
		CHECK_EQ(run(&daemon, commands[i], "--no-such-option", NULL, NULL), 2, "%s",
			 commands[i]);
	}
	CHECK_EQ(run(&daemon, "no-such-command", NULL, NULL, NULL), 2);
	CHECK_EQ(run(&daemon, NULL, NULL, NULL, NULL), 2);
}

TEST(check_likes_a_good_file)
{
	static struct e2e e;

	e.script = STEPS(RECV_ALL);
	e2e_prepare(&e);
	MUST_EQ(daemon_write(&e.daemon, "good.yaml", e.yaml), 0);
	CHECK_EQ(run(&e.daemon, "check", "-c", e2e_path(&e, "good.yaml"), NULL), 0);
	upstream_server_stop(&e.upstream);
}

/* All mistakes at once, each with its file and line. */
TEST(check_finds_all_mistakes)
{
	static const struct {
		const char *from, *to;
	} changes[] = {
		{"mode: terminate", "made: terminate"}, /* unknown key */
		{"workers: 1", "workers: many"},	{"upstream: app", "upstream: nowhere"},
		{"server.key", "client-b.key"},		{"pki/ca.pem", "pki/xx.pem"},
	};
	static char wanted[5][64];
	static struct e2e e;
	char text[8192];

	e.script = STEPS(RECV_ALL);
	e2e_prepare(&e);
	for (size_t i = 0; i < 5; i++) {
		char *at = strstr(e.yaml, changes[i].from);
		unsigned int line = 1;

		MUST(at != NULL, "%s", changes[i].from);
		for (const char *c = e.yaml; c < at; c++)
			line += *c == '\n';
		snprintf(wanted[i], sizeof(wanted[i]), "bad.yaml:%u:", line);
		memmove(at + strlen(changes[i].to), at + strlen(changes[i].from),
			strlen(at + strlen(changes[i].from)) + 1);
		memcpy(at, changes[i].to, strlen(changes[i].to));
	}
	MUST_EQ(daemon_write(&e.daemon, "bad.yaml", e.yaml), 0);
	CHECK_EQ(run(&e.daemon, "check", "-c", e2e_path(&e, "bad.yaml"), NULL), 1);
	read_output(&e.daemon, text, sizeof(text));
	for (size_t i = 0; i < 5; i++)
		CHECK(strstr(text, wanted[i]) != NULL, "no %s (%s) in: %s", wanted[i],
		      changes[i].to, text);
	/* The daemon does not start with it either. */
	CHECK_EQ(run(&e.daemon, "run", "-c", e2e_path(&e, "bad.yaml"), NULL), 1);
	upstream_server_stop(&e.upstream);
}

/* A user that is configured is meant: no other takes its place, and root is none. */
TEST(user_must_exist)
{
	static const struct {
		const char *line, *words;
	} users[] = {
		{"user: no-such-user\n", ": user: there is no user 'no-such-user'"},
		{"user: root\n", ": user: workers do not run as root"},
	};
	static struct e2e e;
	char text[8192], place[64];
	size_t len;
	unsigned int line = 1;

	e.script = STEPS(RECV_ALL);
	e2e_prepare(&e);
	len = strlen(e.yaml);
	for (const char *c = e.yaml; *c; c++)
		line += *c == '\n';
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		snprintf(e.yaml + len, sizeof(e.yaml) - len, "%s", users[i].line);
		snprintf(place, sizeof(place), "user.yaml:%u%s", line, users[i].words);
		MUST_EQ(daemon_write(&e.daemon, "user.yaml", e.yaml), 0);
		for (int command = 0; command < 2; command++) {
			CHECK_EQ(run(&e.daemon, command ? "run" : "check", "-c",
				     e2e_path(&e, "user.yaml"), NULL),
				 1);
			read_output(&e.daemon, text, sizeof(text));
			CHECK(strstr(text, place) != NULL, "no %s in: %s", place, text);
		}
	}
	upstream_server_stop(&e.upstream);
}
