// SPDX-License-Identifier: Apache-2.0
/* Certificates out of PKCS#12 files and keys with a password, on either side. */
#include "selftests/e2e/e2e.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SUITE("pkcs12", NEEDS(NEED_NETNS), PROGRAMS("openssl"));

static void make_files(struct e2e *e)
{
	char command[1024];

	snprintf(
		command, sizeof(command),
		"cd %s/pki && for n in server client-a; do openssl pkcs12 -export -in $n.pem "
		"-inkey $n.key -passout pass:secret -out $n.p12 && openssl pkey -in $n.key -aes256 "
		"-passout pass:secret -out $n.locked || exit 1; done; echo secret >password",
		e->daemon.dir);
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c) */
	MUST_OK(setenv("TEST_PASSWORD", "secret", 1));
}

/** What stands in the place of chain and key; "%s" is a name of the PKI. */
struct form_case {
	VARIANT;
	const char *form;
};

/* clang-format off */
CASES(struct form_case, forms,
      {.name = "file", .form = "{pkcs12: \"file:pki/%s.p12\", password: \"file:pki/password\"}"},
      {.name = "env", .form = "{pkcs12: \"file:pki/%s.p12\", password: \"env:TEST_PASSWORD\"}"},
      {.name = "locked-key", .form = "{chain: \"file:pki/%1$s.pem\", key: \"file:pki/%1$s.locked\", password: \"file:pki/password\"}"});
/* clang-format on */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static const char *certificate(const struct form_case *form, const char *name)
{
	static char text[256];

	snprintf(text, sizeof(text), form->form, name);
	return text;
}
#pragma GCC diagnostic pop

/* Puts @text in the place of the PEM files in e->yaml. */
static void use_certificate(struct e2e *e, const char *text)
{
	static char rest[sizeof(e->yaml)];
	char *from = strstr(e->yaml, "{chain:"), *to = from ? strchr(from, '}') : NULL;
	size_t room;

	MUST(to);
	snprintf(rest, sizeof(rest), "%s", to + 1);
	room = sizeof(e->yaml) - (size_t)(from - e->yaml);
	MUST(snprintf(from, room, "%s%s", text, rest) < (int)room);
}

TEST_CASES(of_a_listener, forms)
{
	static struct e2e e = {.more_pki = make_files};
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;
	char cn[64];

	e.script = STEPS(RECV(10), SEND(20), RECV_END, FINISH);
	e2e_prepare(&e);
	use_certificate(&e, certificate(variant, "server"));
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	/* It verifies us, so that the intermediate must have come along. */
	e2e_connect(&e, &client, &options);
	tlsclient_server_cn(&client, cn, sizeof(cn));
	CHECK_STR(cn, "localhost");
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, STEPS(SEND(10), RECV(20), FINISH, RECV_END));
	tlsclient_close(&client);
	e2e_stop(&e);
}

TEST_CASES(of_an_upstream, forms)
{
	const struct e2e_case any = {.engine = E2E_COPY};
	static struct e2e e = {.more_pki = make_files};
	struct peer client;

	e.script = STEPS(RECV(10), FINISH, RECV_END);
	e.demand_certificate = true;
	e2e_set_case(&e, &any);
	e2e_prepare(&e);
	use_certificate(&e, certificate(variant, "client-a"));
	e2e_begin_plain(&e, &any, &client);
	e2e_run(&e, &client, STEPS(SEND(10), RECV_END, FINISH));
	e2e_upstream(&e, 0);
	CHECK_STR(e.upstream.conns[0].seen.cn, "client-a");
	e2e_end_plain(&e, &client);
}

/* `sluice check` says what is wrong, and nothing is started. */
TEST(a_wrong_password_is_told)
{
	static struct e2e e = {.more_pki = make_files};
	const char *argv[] = {"sluice", "check", "-c", NULL, NULL};
	char text[2048] = "";
	FILE *output;

	e2e_prepare(&e);
	MUST_EQ(daemon_write(&e.daemon, "pki/wrong", "guess\n"), 0);
	use_certificate(&e, "{pkcs12: \"file:pki/server.p12\", password: \"file:pki/wrong\"}");
	MUST_EQ(daemon_write(&e.daemon, "sluice.yaml", e.yaml), 0);
	argv[3] = e2e_path(&e, "sluice.yaml");
	CHECK_EQ(daemon_command(&e.daemon, argv), 1);
	output = fopen(e2e_path(&e, "output"), "re");
	MUST(output);
	MUST(fread(text, 1, sizeof(text) - 1, output) > 0);
	MUST_EQ(fclose(output), 0);
	CHECK(strstr(text, "listeners[0].tls.certificates[0].pkcs12: file:pki/server.p12: the "
			   "password is wrong"),
	      "%s", text);
	upstream_server_stop(&e.upstream);
}
