// SPDX-License-Identifier: Apache-2.0
/*
 * Rules of every kind with live clients, whose certificates another program makes and describes: what it
 * prints of them is what the rules are made of. `sluice policy test` must say the same of each of them.
 */
#include "selftests/e2e/e2e.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SUITE("identity_rules", NEEDS(NEED_NETNS), .deadline_ms = 20000);

#define ALERT_MS	    5000
#define ALERT_ACCESS_DENIED 49

#define ANSWER STEPS(RECV(10), SEND(20), RECV_END, FINISH)

struct rules_case {
	VARIANT;
	const char *subject;	/* as openssl req takes it; NULL: /CN=alice */
	const char *extensions; /* lines of its -extfile; NULL: none */
	const char *rules;	/* behind them comes one that takes everybody */
	const char *rule;	/* that decides */
	const char *sni;	/* NULL: localhost */
	bool refused;
	const char *reason; /* NULL: the usual one */
};

#define ALLOW(match) "      - {name: r, match: {" match "}, upstream: app}\n"
#define DENY(match)  "      - {name: r, match: {" match "}, action: deny}\n"
#define REST	     "      - {name: rest, upstream: app}\n"
#define SUBJECT	     "/C=DE/O=Example/OU=dev/OU=ops/CN=alice"
#define WORKLOAD                                                                                   \
	"basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n"                                   \
	"subjectAltName=URI:spiffe://prod.example/ns/a/sa/b\n"
/* DNS "a", a NUL, "b". */
#define NUL_DNS "subjectAltName=DER:30:05:82:03:61:00:62\n"
#define UNUSABLE_DNS                                                                               \
	"a DNS name that cannot be used (a NUL or control byte, empty, unreadable or too much), "  \
	"and a rule on it"

/* clang-format off */
CASES(struct rules_case, rules,
      {.name = "cn", .rules = ALLOW("cn: [alice]"), .rule = "r"},
      {.name = "cn_denied", .rules = DENY("cn: [alice]"), .rule = "r", .refused = true},
      {.name = "several_cns", .subject = "/CN=alice/CN=eve", .rules = DENY("cn: [alice]"), .rule = "r", .refused = true, .reason = "several common names, and a rule on CN"},
      {.name = "ou", .subject = SUBJECT, .rules = ALLOW("ou: [ops], o: [Example]"), .rule = "r"},
      {.name = "ou_other", .subject = SUBJECT, .rules = ALLOW("ou: [sales], o: [Example]"), .rule = "rest"},
      {.name = "dn", .subject = SUBJECT, .rules = ALLOW("include: {dn: [file:pki/subject]}"), .rule = "r"},
      {.name = "dn_case_of_ascii_does_not_count", .subject = SUBJECT, .rules = ALLOW("dn: ['cn=ALICE,ou=ops,ou=dev,o=example,c=de']"), .rule = "r"},
      {.name = "dn_order_counts", .subject = SUBJECT, .rules = ALLOW("dn: ['C=DE,O=Example,OU=dev,OU=ops,CN=alice']"), .rule = "rest"},
      {.name = "issuer_and_serial", .rules = DENY("include: {issuer: [file:pki/issuer], serial: [file:pki/serial]}"), .rule = "r", .refused = true},
      {.name = "cert_sha256", .rules = DENY("include: {cert_sha256: [file:pki/cert]}"), .rule = "r", .refused = true},
      {.name = "spki_sha256", .rules = DENY("include: {spki_sha256: [file:pki/spki]}"), .rule = "r", .refused = true},
      {.name = "not_in_a_list", .rules = DENY("not: {include: {spki_sha256: [file:pki/spki]}}"), .rule = "rest"},
      {.name = "dns", .extensions = "subjectAltName=DNS:a.Apps.example\n", .rules = ALLOW("dns: ['*.apps.example']"), .rule = "r"},
      {.name = "dns_nul", .extensions = NUL_DNS, .rules = DENY("dns: [a.example]"), .rule = "r", .refused = true, .reason = UNUSABLE_DNS},
      {.name = "dns_nul_and_nobody_looks", .extensions = NUL_DNS, .rules = ALLOW("cn: [alice]"), .rule = "r"},
      {.name = "uri_any_depth", .extensions = WORKLOAD, .rules = ALLOW("uri: ['spiffe://prod.example/**/b']"), .rule = "r"},
      {.name = "email_and_ip", .extensions = "subjectAltName=email:alice@Example.com,IP:192.0.2.7\n", .rules = ALLOW("email: ['*@example.com'], ip: [192.0.2.0/24]"), .rule = "r"},
      {.name = "trust_domain", .extensions = WORKLOAD, .rules = ALLOW("trust_domain: [prod.example]"), .rule = "r"},
      {.name = "trust_domain_of_no_svid", .extensions = "subjectAltName=URI:spiffe://prod.example/a,URI:spiffe://prod.example/b\n", .rules = DENY("trust_domain: [test.example]"), .rule = "r", .refused = true, .reason = "a SPIFFE ID in a certificate that is no valid X.509-SVID, and a rule on trust_domain"},
      {.name = "sni", .rules = ALLOW("sni: [localhost]"), .rule = "r"},
      {.name = "sni_other", .rules = ALLOW("sni: [other.example]"), .rule = "rest"},
      {.name = "sni_with_a_dot", .sni = "localhost.", .rules = DENY("sni: [localhost]"), .rule = "r", .refused = true},
      {.name = "source", .rules = DENY("source: [127.0.0.0/8]"), .rule = "r", .refused = true},
      {.name = "source_other", .rules = DENY("source: [10.0.0.0/8, '::/0']"), .rule = "rest"},
      {.name = "tls_version", .rules = DENY("tls_version: [1.3]"), .rule = "r", .refused = true},
      {.name = "time", .rules = DENY("time: {from: 2020-01-01}"), .rule = "r", .refused = true},
      {.name = "time_over", .rules = DENY("time: {until: 2020-01-01}"), .rule = "rest"},
      {.name = "all_at_once", .subject = SUBJECT, .extensions = WORKLOAD, .rules = ALLOW("cn: [alice], ou: [ops], trust_domain: [prod.example], source: [127.0.0.1], tls_version: [1.3], include: {dn: [file:pki/subject], spki_sha256: [file:pki/spki]}, not: {cn: [eve]}"), .rule = "r"},
      {.name = "rules_of_a_file", .rules = "      - {include: file:pki/rules}\n", .rule = "from-file", .refused = true});
/* clang-format on */

/* The certificate, and what openssl says of it. */
static void make_client(struct e2e *e)
{
	static const char script[] =
		"cd \"$DIR/pki\" && {\n"
		"openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -utf8 "
		"-subj \"$SUBJECT\" -keyout c.key -out c.csr && printf %s \"$EXTENSIONS\" >c.ext && "
		"openssl x509 -req -in c.csr -CA sub-ca.pem -CAkey sub-ca.key -CAcreateserial -days 1 "
		"-extfile c.ext -out c.leaf && cat c.leaf sub-ca.pem >c.pem &&\n"
		"openssl x509 -in c.pem -noout -subject -nameopt RFC2253 | sed s/^subject=// >subject &&\n"
		"openssl x509 -in c.pem -noout -issuer -nameopt RFC2253 | sed s/^issuer=// >issuer &&\n"
		"openssl x509 -in c.pem -noout -serial | sed s/.*=// >serial &&\n"
		"openssl x509 -in c.pem -noout -fingerprint -sha256 | sed s/.*=// >cert &&\n"
		"openssl x509 -in c.pem -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | "
		"sed 's/ .*//' >spki &&\n"
		"echo '- {name: from-file, match: {cn: [alice]}, action: deny}' >rules\n"
		"} 2>openssl.log";

	MUST_OK(setenv("DIR", e->daemon.dir, 1));
	MUST_EQ(system(script), 0); /* NOLINT(cert-env33-c) */
}

static struct tlsclient_options client_options(const struct e2e *e, const struct e2e_case *c)
{
	struct tlsclient_options options = e2e_client_options(e, c);

	options.cert = e2e_path(e, "pki/c.pem");
	options.key = e2e_path(e, "pki/c.key");
	return options;
}

static void ask_policy(struct e2e *e, const struct rules_case *variant)
{
	const char *const argv[] = {"sluice",
				    "policy",
				    "test",
				    "-c",
				    e2e_path(e, "sluice.yaml"),
				    "--cert",
				    e2e_path(e, "pki/c.pem"),
				    "--sni",
				    "localhost",
				    "--source",
				    "127.0.0.1",
				    "--json",
				    NULL};
	char text[16384], wanted[128];
	FILE *file;
	size_t n;

	E2E_MUST(e, daemon_command(&e->daemon, argv) == variant->refused);
	file = fopen(e2e_path(e, "output"), "re");
	MUST(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	(void)fclose(file);
	snprintf(wanted, sizeof(wanted), "\"rule\": \"%s\"", variant->rule);
	CHECK(strstr(text, wanted), "no %s in %s", wanted, text);
	CHECK(!variant->reason || strstr(text, variant->reason), "%s", text);
}

static void must_be_refused(struct e2e *e, struct tlsclient *client,
			    const struct rules_case *variant)
{
	int alert = tlsclient_alert(client, (int)test_scaled_ms(ALERT_MS));
	char digest[DAEMON_VALUE_MAX];
	struct log_entry line;

	E2E_MUST(e, alert == ALERT_ACCESS_DENIED, "alert %d (%s)", alert, client->error);
	line = e2e_refused(e, "policy", "");
	E2E_MUST(e, log_entry_get(&line, "cert_sha256", digest) && strlen(digest) == 64, "%s",
		 line.text);
	E2E_MUST(e, log_entry_is(&line, "rule", variant->rule), "%s", line.text);
	E2E_MUST(e, log_entry_is(&line, "sni", "localhost"), "%s", line.text);
	E2E_MUST(
		e,
		log_entry_is(&line, "reason", variant->reason ? variant->reason : "denied by rule"),
		"%s", line.text);
}

static void must_be_served(struct e2e *e, struct tlsclient *client,
			   const struct rules_case *variant)
{
	struct peer peer;
	struct log_entry line;

	peer_init_client(&peer, client);
	e2e_run(e, &peer, STEPS(SEND(10), RECV(20), FINISH, RECV_END));
	line = e2e_prove_session(e, 0, "done");
	E2E_MUST(e, log_entry_is(&line, "rule", variant->rule), "%s", line.text);
}

/* Behind the rules of the case one for everybody else. */
static void begin(struct e2e *e, const struct rules_case *variant, const struct e2e_case *c)
{
	static char all[2048];

	snprintf(all, sizeof(all), "%s" REST, variant->rules);
	e->engine = c->engine;
	e->rules = all;
	e->more_pki = make_client;
	MUST_OK(setenv("SUBJECT", variant->subject ? variant->subject : "/CN=alice", 1));
	MUST_OK(setenv("EXTENSIONS", variant->extensions ? variant->extensions : "", 1));
	e2e_start(e);
}

static void run_case(struct e2e *e, const struct rules_case *variant, const struct e2e_case *c)
{
	struct tlsclient_options options;
	struct tlsclient client;

	begin(e, variant, c);
	options = client_options(e, c);
	options.sni = variant->sni ? variant->sni : options.sni;
	e2e_connect(e, &client, &options);
	if (variant->refused)
		must_be_refused(e, &client, variant);
	else
		must_be_served(e, &client, variant);
	tlsclient_close(&client);
}

TEST_CASES(decide_about_live_clients, rules, PROGRAMS("openssl"))
{
	static const struct e2e_case copy = {.engine = E2E_COPY, .version = TLS1_3_VERSION};
	static struct e2e e;

	e.script = ANSWER;
	run_case(&e, variant, &copy);
	ask_policy(&e, variant);
	e2e_stop(&e);
}

/* clang-format off */
CASES(struct rules_case, some_rules,
      {.name = "allowed", .subject = SUBJECT, .rules = ALLOW("include: {dn: [file:pki/subject]}, source: [127.0.0.0/8], sni: [localhost]"), .rule = "r"},
      {.name = "denied", .rules = DENY("include: {cert_sha256: [file:pki/cert]}"), .rule = "r", .refused = true});

CASES(struct e2e_case, engines, E2E_CRYPTOS);
/* clang-format on */

TEST_MATRIX(decide_whatever_the_engine, some_rules, engines, PROGRAMS("openssl"))
{
	static struct e2e e;

	e.script = ANSWER;
	run_case(&e, row, column);
	e2e_stop(&e);
}

/* What an audited rule would have done is in the log, whatever the name looks like, and nowhere else. */
TEST_CASES(audited_rules_only_talk, engines, PROGRAMS("openssl"))
{
	static const struct rules_case audited = {
		.subject = "/CN=ali\nce",
		.rules = "      - {name: eve, match: {cn: [eve]}, audit: true, upstream: app}\n"
			 "      - {name: key, match: {include: {spki_sha256: [file:pki/spki]}}, "
			 "audit: true, action: deny}\n",
		.rule = "rest",
	};
	static struct e2e e;
	struct log_entry line;

	e.script = ANSWER;
	run_case(&e, &audited, variant);
	E2E_MUST(&e, daemon_count_log(&e.daemon, "audit", NULL, NULL) == 2);
	E2E_MUST(&e, daemon_find_log(&e.daemon, "audit", "rule", "eve", 0, &line));
	CHECK(log_entry_is(&line, "would", "deny"), "%s", line.text);
	for (const char *c = line.text; *c; c++)
		CHECK(isprint((unsigned char)*c), "byte %#x in: %s", (unsigned char)*c, line.text);
	E2E_MUST(&e, daemon_find_log(&e.daemon, "audit", "rule", "key", 0, &line));
	CHECK(log_entry_is(&line, "would", "deny"), "%s", line.text);
	CHECK(log_entry_is(&line, "reason", "denied by rule"), "%s", line.text);
	CHECK_EQ(daemon_counter(&e.daemon, "refused_policy"), 0);
	e2e_stop(&e);
}

struct source_case {
	VARIANT;
	const char *rules, *rule;
	const char *check; /* that refuses; NULL: none */
};

/* clang-format off */
CASES(struct source_case, sources,
      {.name = "allowed", .rules = ALLOW("source: [127.0.0.0/8]"), .rule = "r"},
      {.name = "by_name_and_source", .rules = ALLOW("source: [127.0.0.1], sni: [localhost]"), .rule = "r"},
      {.name = "from_elsewhere", .rules = ALLOW("source: [10.0.0.0/8]"), .rule = "-", .check = "policy"},
      {.name = "denied", .rules = DENY("source: [127.0.0.1]") REST, .rule = "r", .check = "policy"},
      {.name = "named_from_elsewhere", .rules = ALLOW("source: [10.0.0.0/8], sni: [localhost]"), .rule = "-", .check = "sni"},
      {.name = "not", .rules = ALLOW("not: {source: [127.0.0.1]}"), .rule = "-", .check = "policy"});
/* clang-format on */

TEST_CASES(passthrough_by_source, sources)
{
	static struct e2e e = {.passthrough = true};
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;
	struct log_entry line;
	int r;

	e.rules = variant->rules;
	e.script = ANSWER;
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	r = e2e_try(&e, &client, &options);
	E2E_MUST(&e, (r == 0) == !variant->check, "%s", client.error);
	if (variant->check) {
		tlsclient_close(&client);
		line = e2e_refused(&e, variant->check, "");
	} else {
		peer_init_client(&peer, &client);
		e2e_run(&e, &peer, STEPS(SEND(10), RECV(20), FINISH, RECV_END));
		tlsclient_close(&client);
		line = e2e_prove_passthrough(&e, 0, "done");
	}
	E2E_MUST(&e, log_entry_is(&line, "rule", variant->rule), "%s", line.text);
	e2e_stop(&e);
}

/* --- the command --- */

struct command_case {
	VARIANT;
	const char *arg[4];
	int exit_code;
	const char *words; /* of its output */
};

#define CERT "--cert", "pki/client-a.pem"

/* clang-format off */
CASES(struct command_case, commands,
      {.name = "allowed", .arg = {CERT}, .words = "allowed by rule known, to upstream app"},
      {.name = "refused", .arg = {"--cert", "pki/client-b.pem"}, .exit_code = 1, .words = "refused: no rule matches"},
      {.name = "nobody", .exit_code = 1, .words = "no certificate, and no rule for anonymous peers"},
      {.name = "why", .arg = {"--cert", "pki/client-b.pem"}, .exit_code = 1, .words = "cn does not match"},
      {.name = "chain", .arg = {"--cert", "pki/other-client-a.pem"}, .words = "has signed it was not looked at"},
      {.name = "expired", .arg = {"--cert", "pki/client-expired.pem"}, .words = "Note: the certificate is valid from "},
      {.name = "listener", .arg = {CERT, "--listener", "main"}, .words = "Listener main: allowed"},
      {.name = "no_such_listener", .arg = {CERT, "--listener", "x"}, .exit_code = 2, .words = "there is no listener 'x'"},
      {.name = "no_certificate_in_it", .arg = {"--cert", "pki/client-a.key"}, .exit_code = 2, .words = "has no certificate in PEM form"},
      {.name = "no_such_file", .arg = {"--cert", "pki/nobody.pem"}, .exit_code = 2, .words = "No such file"},
      {.name = "no_address", .arg = {CERT, "--source", "10.0.0.0/8"}, .exit_code = 2, .words = "is not an IP address"},
      {.name = "no_version", .arg = {CERT, "--tls", "1.1"}, .exit_code = 2, .words = "--tls is 1.2 or 1.3"},
      {.name = "no_time", .arg = {CERT, "--time", "now"}, .exit_code = 2, .words = "--time is as in"});
/* clang-format on */

TEST_CASES(policy_test_answers, commands)
{
	const char *argv[12] = {"sluice", "policy", "test", "-c"};
	static struct e2e e;
	char text[8192];
	FILE *file;
	size_t n;

	e.script = ANSWER;
	e2e_prepare(&e);
	MUST_EQ(daemon_write(&e.daemon, "policy.yaml", e.yaml), 0);
	argv[4] = e2e_path(&e, "policy.yaml");
	for (size_t i = 0; i < 4 && variant->arg[i]; i++)
		argv[5 + i] = strncmp(variant->arg[i], "pki/", 4) == 0
				      ? e2e_path(&e, variant->arg[i])
				      : variant->arg[i];
	CHECK_EQ(daemon_command(&e.daemon, argv), variant->exit_code);
	file = fopen(e2e_path(&e, "output"), "re");
	MUST(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	(void)fclose(file);
	CHECK(strstr(text, variant->words), "no '%s' in %s", variant->words, text);
	upstream_server_stop(&e.upstream);
}
