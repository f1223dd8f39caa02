// SPDX-License-Identifier: Apache-2.0
/* Who is believed: each reason to refuse has its counter, its word in the log and its alert. */
#include "selftests/e2e/e2e.h"
#include "selftests/lib/forge.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

SUITE("verify", NEEDS(NEED_NETNS), .deadline_ms = 30000);

#define ALERT_MS 5000
#define DAY	 86400

/* RFC 8446 section 6 */
enum {
	BAD_CERTIFICATE = 42,
	UNSUPPORTED_CERTIFICATE = 43,
	CERTIFICATE_REVOKED = 44,
	CERTIFICATE_EXPIRED = 45,
	CERTIFICATE_UNKNOWN = 46,
	ILLEGAL_PARAMETER = 47,
	UNKNOWN_CA = 48,
	DECRYPT_ERROR = 51,
};

/* clang-format off */
#define IN_TIME     .from = -DAY, .until = DAY
#define LEAF_BASIC  {NID_basic_constraints, "critical,CA:FALSE"}
#define LEAF_USAGE  {NID_key_usage, "critical,digitalSignature"}
#define FOR_CLIENTS {NID_ext_key_usage, "clientAuth"}
#define LEAF(...)   .leaf = {.cn = "client-a", .extensions = {LEAF_BASIC, LEAF_USAGE, FOR_CLIENTS, __VA_ARGS__}
#define SUB(...)    .sub = {.cn = "sub", IN_TIME, .extensions = {{NID_basic_constraints, "critical,CA:TRUE"}, {NID_key_usage, "critical,keyCertSign,cRLSign"}, __VA_ARGS__}}
#define CRLS(more)  "      client_crl: [\"file:pki/sub-ca.crl\", \"file:pki/ca.crl\"]\n" more
#define DOMAINS     "      trust_domains: [{name: prod.example, ca: \"file:pki/ca.pem\"}, {name: test.example, ca: \"file:pki/other-ca.pem\"}]\n"
/* clang-format on */

/** A client of a listener. */
struct client_case {
	VARIANT;
	const char *client;	      /* of the PKI; NULL: @leaf */
	struct forge_spec leaf, sub;  /* sub.cn NULL: the PKI's sub-CA signs */
	const char *tls;	      /* of the listener */
	const char *ca, *revoke;      /* `sluice pki --crl CA --revoke NAME` */
	bool old_crl, early_crl;      /* of sub-ca */
	bool broken_chain;	      /* the leaf without its sub-CA */
	const char *reason, *subject; /* reason NULL: admitted */
	int alert;
};

/* clang-format off */
CASES(struct client_case, refused,
      {.name = "expired", .client = "client-expired", .reason = "expired", .alert = CERTIFICATE_EXPIRED},
      {.name = "not-yet-valid", LEAF(), .from = DAY, .until = 2 * DAY}, .reason = "not_yet_valid", .alert = BAD_CERTIFICATE},
      {.name = "unknown-ca", .client = "other-client-a", .reason = "unknown_ca", .alert = UNKNOWN_CA},
      {.name = "no-sub-ca", LEAF(), IN_TIME}, .broken_chain = true, .reason = "unknown_ca", .alert = UNKNOWN_CA},
      {.name = "revoked", .client = "client-a", .tls = CRLS(""), .ca = "sub-ca", .revoke = "client-a", .reason = "revoked", .alert = CERTIFICATE_REVOKED},
      {.name = "revoked-ca", .client = "client-a", .tls = CRLS(""), .ca = "ca", .revoke = "sub-ca", .reason = "revoked", .subject = "CN=sluice test sub-CA", .alert = CERTIFICATE_REVOKED},
      {.name = "crl-missing", .client = "client-a", .tls = "      client_crl: [\"file:pki/ca.crl\"]\n", .reason = "crl_missing", .alert = CERTIFICATE_UNKNOWN},
      {.name = "crl-expired", .client = "client-a", .tls = CRLS(""), .old_crl = true, .reason = "crl_expired", .alert = CERTIFICATE_UNKNOWN},
      {.name = "crl-invalid", .client = "client-a", .tls = CRLS(""), .early_crl = true, .reason = "crl_invalid", .alert = CERTIFICATE_UNKNOWN},
      {.name = "eku", .client = "client-wrong-purpose", .reason = "eku", .alert = UNSUPPORTED_CERTIFICATE},
      {.name = "purpose", .leaf = {.cn = "client-a", IN_TIME, .extensions = {{NID_key_usage, "critical,keyEncipherment"}}}, .reason = "purpose", .alert = UNSUPPORTED_CERTIFICATE},
      {.name = "name-constraint", LEAF({NID_subject_alt_name, "DNS:bad.example"}), IN_TIME}, SUB({NID_name_constraints, "critical,permitted;DNS:good.example"}), .reason = "name_constraint", .alert = CERTIFICATE_UNKNOWN},
      {.name = "depth", .client = "client-a", .tls = "      verify_depth: 0\n", .reason = "depth", .subject = "CN=", .alert = UNKNOWN_CA},
      {.name = "weak-key", LEAF(), IN_TIME, .key = "RSA:1024"}, .reason = "weak", .alert = BAD_CERTIFICATE},
      {.name = "weak-signature", LEAF(), IN_TIME, .sha1 = true}, .reason = "weak", .alert = BAD_CERTIFICATE},
      {.name = "security-level", .client = "client-a", .tls = "      security_level: 4\n", .reason = "weak", .subject = "CN=", .alert = BAD_CERTIFICATE},
      {.name = "signature", LEAF(), IN_TIME, .broken = true}, .reason = "signature", .alert = DECRYPT_ERROR},
      {.name = "extension", LEAF(), IN_TIME, .unknown = true}, .reason = "extension", .alert = CERTIFICATE_UNKNOWN},
      {.name = "trust-domain", LEAF({NID_subject_alt_name, "URI:spiffe://test.example/a"}), IN_TIME}, .tls = DOMAINS, .reason = "trust_domain", .alert = CERTIFICATE_UNKNOWN},
      {.name = "svid", LEAF({NID_subject_alt_name, "URI:spiffe://prod.example"}), IN_TIME}, .tls = DOMAINS, .reason = "svid", .alert = BAD_CERTIFICATE});

CASES(struct client_case, admitted,
      {.name = "plain", LEAF(), IN_TIME}},
      {.name = "no-extended-usage", .leaf = {.cn = "client-a", IN_TIME, .extensions = {LEAF_BASIC, LEAF_USAGE}}},
      {.name = "name-constraint", LEAF({NID_subject_alt_name, "DNS:a.good.example"}), IN_TIME}, SUB({NID_name_constraints, "critical,permitted;DNS:good.example"})},
      {.name = "depth", .client = "client-a", .tls = "      verify_depth: 1\n"},
      {.name = "security-level", LEAF(), IN_TIME, .key = "RSA:1024"}, .tls = "      security_level: 1\n"},
      {.name = "crls", .client = "client-a", .tls = CRLS("")},
      {.name = "other-is-revoked", .client = "client-a", .tls = CRLS(""), .ca = "sub-ca", .revoke = "client-b"},
      {.name = "crl-mode-leaf", .client = "client-a", .tls = CRLS("      crl_mode: leaf\n"), .ca = "ca", .revoke = "sub-ca"},
      {.name = "crl-mode-off", .client = "client-a", .tls = CRLS("      crl_mode: \"off\"\n"), .ca = "sub-ca", .revoke = "client-a"},
      {.name = "crl-missing-allowed", .client = "client-a", .tls = "      client_crl: [\"file:pki/ca.crl\"]\n      crl_missing: allow\n"},
      {.name = "crl-expired-allowed", .client = "client-a", .tls = CRLS("      crl_expired: allow\n"), .old_crl = true},
      {.name = "trust-domain", LEAF({NID_subject_alt_name, "URI:spiffe://prod.example/a"}), IN_TIME}, .tls = DOMAINS});

CASES(struct e2e_case, versions,
      E2E_ROW("1.2", E2E_COPY, TLS1_2_VERSION, SUITE_AES_128),
      E2E_ROW("1.3", E2E_COPY, TLS1_3_VERSION, SUITE_AES_256));
/* clang-format on */

/* --- a PKI with forged certificates in it --- */

static FILE *open_file(const struct e2e *e, const char *name, const char *mode)
{
	char file[80];
	FILE *opened;

	snprintf(file, sizeof(file), "pki/%s", name);
	opened = fopen(e2e_path(e, file), mode);
	MUST(opened, "%s", file);
	return opened;
}

static struct forged load(const struct e2e *e, const char *name)
{
	struct forged loaded;
	char file[64];
	FILE *from;

	snprintf(file, sizeof(file), "%s.pem", name);
	from = open_file(e, file, "re");
	loaded.cert = PEM_read_X509(from, NULL, NULL, NULL);
	MUST_EQ(fclose(from), 0);
	snprintf(file, sizeof(file), "%s.key", name);
	from = open_file(e, file, "re");
	loaded.key = PEM_read_PrivateKey(from, NULL, NULL, NULL);
	MUST_EQ(fclose(from), 0);
	MUST(loaded.cert && loaded.key);
	return loaded;
}

static void save(const struct e2e *e, const char *name, const struct forged *leaf,
		 const struct forged *above)
{
	char file[64];
	FILE *to;

	snprintf(file, sizeof(file), "%s.pem", name);
	to = open_file(e, file, "we");
	MUST(PEM_write_X509(to, leaf->cert) == 1 &&
	     (!above || PEM_write_X509(to, above->cert) == 1));
	MUST_EQ(fclose(to), 0);
	snprintf(file, sizeof(file), "%s.key", name);
	to = open_file(e, file, "we");
	MUST_EQ(PEM_write_PrivateKey(to, leaf->key, NULL, NULL, 0, NULL, NULL), 1);
	MUST_EQ(fclose(to), 0);
}

static void save_text(const struct e2e *e, const char *name, char *text)
{
	FILE *to = open_file(e, name, "we");

	MUST_GE(fputs(text, to), 0);
	MUST_EQ(fclose(to), 0);
	free(text);
}

static const struct client_case *now; /* that e2e_prepare() calls more_pki() for */

static void forge_client(const struct e2e *e)
{
	struct forged ca = load(e, "ca");
	struct forged sub = now->sub.cn ? forge(&now->sub, &ca) : load(e, "sub-ca");
	struct forged leaf = forge(&now->leaf, &sub);

	save(e, "forged", &leaf, now->broken_chain ? NULL : &sub);
	forge_free(&leaf);
	forge_free(&sub);
	forge_free(&ca);
}

static void prepare(struct e2e *e)
{
	if (!now->client)
		forge_client(e);
	if (now->ca)
		e2e_pki(e, "--crl", now->ca, "--revoke", now->revoke, NULL);
	if (now->old_crl)
		e2e_pki(e, "--crl", "sub-ca", "--days", "-1", NULL);
	if (now->early_crl) {
		struct forged sub = load(e, "sub-ca");

		save_text(e, "sub-ca.crl",
			  forge_crl_pem(&sub,
					&(struct forge_crl_spec){.from = DAY, .until = 2 * DAY}));
		forge_free(&sub);
	}
}

static struct tlsclient_options options_of(const struct e2e *e, const struct e2e_case *c,
					   const char *client)
{
	struct tlsclient_options options = e2e_client_options(e, c);
	char name[64];

	snprintf(name, sizeof(name), "pki/%s.pem", client);
	options.cert = e2e_path(e, name);
	snprintf(name, sizeof(name), "pki/%s.key", client);
	options.key = e2e_path(e, name);
	options.weak = true;
	return options;
}

static void check_alert(struct e2e *e, const struct e2e_case *c, const char *who, int expected)
{
	struct tlsclient_options options = options_of(e, c, who);
	struct tlsclient client;
	int r = e2e_try(e, &client, &options), alert;

	E2E_MUST(e, r == 0 || r == -EPROTO, "%s", client.error);
	alert = r == 0 ? tlsclient_alert(&client, (int)test_scaled_ms(ALERT_MS)) : client.alert;
	E2E_MUST(e, alert == expected, "alert %d, not %d (%s)", alert, expected, client.error);
	tlsclient_close(&client);
}

TEST_MATRIX(each_reason, refused, versions)
{
	struct log_entry line;
	char counter[64];
	static struct e2e e;

	now = row;
	e.more_pki = prepare;
	e.engine = column->engine;
	e.script = STEPS(RECV_ALL);
	e.tls = row->tls;
	e2e_start(&e);
	check_alert(&e, column, row->client ? row->client : "forged", row->alert);
	line = e2e_refused(&e, "chain", row->subject ? row->subject : "CN=client-a");
	E2E_MUST(&e, log_entry_is(&line, "reason", row->reason), "%s", line.text);
	E2E_MUST(&e, log_entry_u64(&line, "alert") == (uint64_t)row->alert, "%s", line.text);
	snprintf(counter, sizeof(counter), "refused_%s", row->reason);
	E2E_MUST(&e, daemon_counter(&e.daemon, counter) == 1, "%s", counter);
	E2E_MUST(&e, daemon_counter(&e.daemon, "handshake_failed") == 0);
	E2E_MUST(&e, daemon_counter(&e.daemon, "verify_cache_misses") == 1);
	/* A no is not remembered: it would be another one tomorrow. */
	check_alert(&e, column, row->client ? row->client : "forged", row->alert);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, counter) == 2, 5000));
	E2E_MUST(&e, daemon_counter(&e.daemon, "verify_cache_hits") == 0);
	e2e_stop(&e);
}

/* What was a reason above, and is none. */
TEST_MATRIX(is_believed, admitted, versions)
{
	struct tlsclient_options options;
	struct tlsclient client;
	static struct e2e e;
	struct peer peer;

	now = row;
	e.more_pki = prepare;
	e.engine = column->engine;
	e.script = STEPS(RECV(1000), SEND(1000), RECV_END, FINISH);
	e.tls = row->tls;
	e2e_start(&e);
	options = options_of(&e, column, row->client ? row->client : "forged");
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, STEPS(SEND(1000), RECV(1000), FINISH, RECV_END));
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, "done");
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* What one client can make us keep and look at has a limit. */
TEST_CASES(a_chain_without_end, versions)
{
	struct log_entry line;
	static struct e2e e;
	struct forged leaf, sub;
	FILE *to;

	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	leaf = load(&e, "client-a");
	sub = load(&e, "sub-ca");
	save(&e, "forged", &leaf, &sub);
	to = open_file(&e, "forged.pem", "ae");
	for (int i = 0; i < 300; i++)
		MUST_EQ(PEM_write_X509(to, sub.cert), 1);
	MUST_EQ(fclose(to), 0);
	check_alert(&e, variant, "forged", ILLEGAL_PARAMETER);
	line = e2e_refused(&e, "protocol", "");
	E2E_MUST(&e, log_entry_is(&line, "reason", "excessive message size"), "%s", line.text);
	E2E_MUST(&e, daemon_counter(&e.daemon, "handshake_failed") == 1);
	forge_free(&leaf);
	forge_free(&sub);
	e2e_stop(&e);
}

static void read_output(const struct e2e *e, char *text, size_t size)
{
	FILE *from = fopen(e2e_path(e, "output"), "re");
	size_t len;

	MUST(from);
	len = fread(text, 1, size - 1, from);
	text[len] = '\0';
	MUST_EQ(fclose(from), 0);
}

TEST(check_lists_crls)
{
	static struct e2e e = {.tls = CRLS("")};
	static const char *const lines[] = {
		"file:pki/sub-ca.crl  CN=sluice test sub-CA   20", " UTC  1\n",
		"file:pki/ca.crl      CN=sluice test root CA  20", " UTC  0\n"};
	const char *argv[] = {"sluice", "check", "-c", NULL, "--crls", NULL};
	char text[8192];

	e.script = STEPS(RECV_ALL);
	e2e_prepare(&e);
	e2e_pki(&e, "--crl", "sub-ca", "--revoke", "client-b", NULL);
	MUST_EQ(daemon_write(&e.daemon, "sluice.yaml", e.yaml), 0);
	argv[3] = e2e_path(&e, "sluice.yaml");
	CHECK_EQ(daemon_command(&e.daemon, argv), 0);
	read_output(&e, text, sizeof(text));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		CHECK(strstr(text, lines[i]), "no %s in %s", lines[i], text);
	argv[4] = "--json";
	CHECK_EQ(daemon_command(&e.daemon, argv), 0);
	read_output(&e, text, sizeof(text));
	CHECK(strstr(text, "\"issuer\": \"CN=sluice test sub-CA\""), "%s", text);
	CHECK(strstr(text, "\"revoked\": 1"), "%s", text);
	upstream_server_stop(&e.upstream);
}

/* --- CAs --- */

static void make_directory(struct e2e *e)
{
	char command[600];

	e2e_pki(e, "--crl", "sub-ca", "--revoke", "client-b", NULL);
	snprintf(command, sizeof(command),
		 "cd %s && mkdir ca.d crl.d && cp pki/ca.pem ca.d/one.pem && "
		 "cp pki/other-ca.pem ca.d/two.crt && echo hello >ca.d/README && "
		 "cp pki/ca.crl crl.d/a.crl && "
		 "openssl crl -in pki/sub-ca.crl -outform DER -out crl.d/b.crl",
		 e->daemon.dir);
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c) */
}

/* Every CA and every CRL of a directory counts, also one in DER. */
TEST(directories, PROGRAMS("openssl"))
{
	static struct e2e e = {.client_ca = "\"file:ca.d/\"",
			       .tls = "      client_crl: [\"file:crl.d\"]\n"
				      "      crl_missing: allow\n"};
	struct tlsclient_options options;
	struct tlsclient client;

	e.script = STEPS(RECV_ALL);
	e.more_pki = make_directory;
	e2e_start(&e);
	options = options_of(&e, NULL, "client-a");
	e2e_connect(&e, &client, &options);
	tlsclient_close(&client);
	options = options_of(&e, NULL, "other-client-a");
	e2e_connect(&e, &client, &options);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "admitted") == 2, 5000));
	tlsclient_close(&client);
	check_alert(&e, NULL, "client-b", CERTIFICATE_REVOKED);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "refused_revoked") == 1, 5000));
	e2e_stop(&e);
}

struct names_case {
	VARIANT;
	const char *tls;
	const char *client_ca;
	int names;	  /* that the client is shown */
	const char *last; /* CN of the last one */
};

/* clang-format off */
CASES(struct names_case, announced,
      {.name = "of-client-ca", .tls = "", .names = 1, .last = "sluice test root CA"},
      {.name = "of-a-file", .tls = "      client_ca_names: \"file:pki/other-ca.pem\"\n", .names = 1, .last = "some other root CA"},
      {.name = "none", .tls = "      client_ca_names: none\n", .names = 0},
      {.name = "of-trust-domains", .tls = DOMAINS, .names = 2, .last = "some other root CA"},
      {.name = "of-nothing-but-trust-domains", .client_ca = "", .tls = DOMAINS, .names = 2, .last = "some other root CA"});
/* clang-format on */

TEST_CASES(names_of_cas, announced)
{
	struct tlsclient_options options;
	const STACK_OF(X509_NAME) * names;
	struct tlsclient client;
	static struct e2e e;
	char cn[128] = "";

	e.script = STEPS(RECV_ALL);
	e.tls = variant->tls;
	e.client_ca = variant->client_ca;
	e2e_start(&e);
	options = options_of(&e, NULL, "client-a");
	(void)e2e_try(&e, &client, &options);
	names = SSL_get0_peer_CA_list(client.ssl);
	E2E_MUST(&e, (names ? sk_X509_NAME_num(names) : 0) == variant->names);
	for (int i = 0; i < variant->names; i++)
		(void)X509_NAME_get_text_by_NID(sk_X509_NAME_value(names, i), NID_commonName, cn,
						sizeof(cn));
	if (variant->last)
		CHECK_STR(cn, variant->last);
	tlsclient_close(&client);
	e2e_stop(&e);
}

struct system_case {
	VARIANT;
	const char *client_ca; /* NULL: ca.pem */
	const char *refused;   /* client */
	const char *taken;
};

/* clang-format off */
CASES(struct system_case, systems,
      {.name = "named", .client_ca = "system", .taken = "other-client-a", .refused = "client-a"},
      {.name = "not-named", .taken = "client-a", .refused = "other-client-a"});
/* clang-format on */

/* The system's CAs sign everybody's clients: they are believed where they are named, never else. */
TEST_CASES(system_store, systems)
{
	struct tlsclient_options options;
	struct tlsclient client;
	static struct e2e e;

	e.script = STEPS(RECV_ALL);
	e.client_ca = variant->client_ca;
	e2e_prepare(&e);
	MUST_OK(setenv("SSL_CERT_FILE", e2e_path(&e, "pki/other-ca.pem"), 1));
	e2e_start(&e);
	options = options_of(&e, NULL, variant->taken);
	e2e_connect(&e, &client, &options);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "admitted") == 1, 5000));
	tlsclient_close(&client);
	check_alert(&e, NULL, variant->refused, UNKNOWN_CA);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "refused_unknown_ca") == 1, 5000));
	e2e_stop(&e);
}

/* --- what is remembered --- */

static void visit(struct e2e *e, const struct e2e_case *c, const char *who)
{
	struct tlsclient_options options = options_of(e, c, who);
	struct tlsclient client;
	struct peer peer;

	e2e_connect(e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(e, &peer, STEPS(SEND(10), RECV(10), FINISH, RECV_END));
	tlsclient_close(&client);
}

TEST_CASES(who_comes_again_is_remembered, versions)
{
	static struct e2e e = {.rules = "      - {name: all, upstream: app}\n"};

	e.script = STEPS(RECV(10), SEND(10), RECV_END, FINISH);
	e.engine = variant->engine;
	e2e_start(&e);
	visit(&e, variant, "client-a");
	E2E_MUST(&e, daemon_counter(&e.daemon, "verify_cache_misses") == 1);
	E2E_MUST(&e, daemon_counter(&e.daemon, "verify_cache_hits") == 0);
	visit(&e, variant, "client-a");
	visit(&e, variant, "client-a");
	E2E_MUST(&e, daemon_counter(&e.daemon, "verify_cache_misses") == 1);
	E2E_MUST(&e, daemon_counter(&e.daemon, "verify_cache_hits") == 2);
	visit(&e, variant, "client-b");
	E2E_MUST(&e, daemon_counter(&e.daemon, "verify_cache_misses") == 2);
	E2E_MUST(&e, daemon_counter(&e.daemon, "verify_cache_hits") == 2);
	e2e_stop(&e);
}

/* --- mode: originate --- */

struct server_case {
	VARIANT;
	const char *tls;
	const char *reason; /* NULL: it is believed */
	bool revoke;
};

#define NAMED	    "      server_name: localhost\n"
#define SERVER_CRLS "      server_crl: [\"file:pki/sub-ca.crl\", \"file:pki/ca.crl\"]\n"

/* clang-format off */
CASES(struct server_case, servers,
      {.name = "good", .tls = NAMED SERVER_CRLS},
      {.name = "revoked", .tls = NAMED SERVER_CRLS, .revoke = true, .reason = "revoked"},
      {.name = "crl-mode-off", .tls = NAMED SERVER_CRLS "      crl_mode: \"off\"\n", .revoke = true},
      {.name = "crl-missing", .tls = NAMED "      server_crl: [\"file:pki/ca.crl\"]\n", .reason = "crl_missing"},
      {.name = "depth", .tls = NAMED "      verify_depth: 0\n", .reason = "depth"});
/* clang-format on */

static bool revoke_server;

static void prepare_server(struct e2e *e)
{
	if (revoke_server)
		e2e_pki(e, "--crl", "sub-ca", "--revoke", "server", NULL);
}

TEST_MATRIX(servers_too, servers, versions)
{
	struct log_entry line;
	struct peer client;
	static struct e2e e;
	char counter[64];

	revoke_server = row->revoke;
	e.more_pki = prepare_server;
	e.tls = row->tls;
	e.script = row->reason ? STEPS(RECV_RESET) : STEPS(RECV(10), FINISH, RECV_END);
	e2e_begin_plain(&e, column, &client);
	if (row->reason) {
		e2e_run(&e, &client, STEPS(RECV_RESET));
		E2E_MUST(&e, daemon_wait_log(&e.daemon, "endpoint_failed", "reason", row->reason, 0,
					     5000, &line));
		snprintf(counter, sizeof(counter), "refused_%s", row->reason);
		E2E_MUST(&e, daemon_counter(&e.daemon, counter) == 1);
	} else {
		e2e_run(&e, &client, STEPS(SEND(10), RECV_END, FINISH));
		e2e_upstream(&e, 0);
	}
	E2E_MUST(&e, daemon_counter(&e.daemon, "verify_cache_misses") == 1);
	e2e_end_plain(&e, &client);
}
