// SPDX-License-Identifier: Apache-2.0
#include "selftests/e2e/certificate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALERT_MS 5000
#define LOG_MS	 5000
#define SUBS_MAX 12

/* Numbers of the keys: the leaf has 0, its issuers 1 to SUBS_MAX. */
#define ROOT_KEY     13
#define STRANGER_KEY 14

/* RFC 8446 section 6 */
enum {
	ALERT_NONE = -1,
	ALERT_HANDSHAKE_FAILURE = 40,
	ALERT_BAD_CERTIFICATE = 42,
	ALERT_UNSUPPORTED_CERTIFICATE = 43,
	ALERT_CERTIFICATE_EXPIRED = 45,
	ALERT_CERTIFICATE_UNKNOWN = 46,
	ALERT_UNKNOWN_CA = 48,
	ALERT_ACCESS_DENIED = 49,
	ALERT_DECODE_ERROR = 50,
	ALERT_DECRYPT_ERROR = 51,
	ALERT_CERTIFICATE_REQUIRED = 116,
};

#define CHAIN(reason) "chain", reason, "refused_" reason

/* The one place that says how the daemon tells of a verdict; docs/VERIFICATION.md has the reasons. */
static const struct told {
	const char *check, *reason, *counter; /* @reason NULL: any */
	int alert, alert_1_3;
} told_of[CERTIFICATE_VERDICTS] = {
	[CERTIFICATE_ADMITTED] = {NULL, NULL, "admitted", ALERT_NONE, ALERT_NONE},
	[CERTIFICATE_EXPIRED] = {CHAIN("expired"), ALERT_CERTIFICATE_EXPIRED, 0},
	[CERTIFICATE_NOT_YET_VALID] = {CHAIN("not_yet_valid"), ALERT_BAD_CERTIFICATE, 0},
	[CERTIFICATE_UNKNOWN_CA] = {CHAIN("unknown_ca"), ALERT_UNKNOWN_CA, 0},
	[CERTIFICATE_EKU] = {CHAIN("eku"), ALERT_UNSUPPORTED_CERTIFICATE, 0},
	[CERTIFICATE_PURPOSE] = {CHAIN("purpose"), ALERT_UNSUPPORTED_CERTIFICATE, 0},
	[CERTIFICATE_DEPTH] = {CHAIN("depth"), ALERT_UNKNOWN_CA, 0},
	[CERTIFICATE_NAME_CONSTRAINT] = {CHAIN("name_constraint"), ALERT_CERTIFICATE_UNKNOWN, 0},
	[CERTIFICATE_EXTENSION] = {CHAIN("extension"), ALERT_CERTIFICATE_UNKNOWN, 0},
	[CERTIFICATE_MALFORMED] = {CHAIN("malformed"), ALERT_BAD_CERTIFICATE, 0},
	[CERTIFICATE_SIGNATURE] = {CHAIN("signature"), ALERT_DECRYPT_ERROR, 0},
	[CERTIFICATE_WEAK] = {CHAIN("weak"), ALERT_BAD_CERTIFICATE, 0},
	[CERTIFICATE_OTHER] = {CHAIN("other"), ALERT_CERTIFICATE_UNKNOWN, 0},
	[CERTIFICATE_TRUST_DOMAIN] = {CHAIN("trust_domain"), ALERT_CERTIFICATE_UNKNOWN, 0},
	[CERTIFICATE_SVID] = {CHAIN("svid"), ALERT_BAD_CERTIFICATE, 0},
	[CERTIFICATE_NO_CERTIFICATE] = {"no_certificate", NULL, "refused_no_certificate",
					ALERT_HANDSHAKE_FAILURE, ALERT_CERTIFICATE_REQUIRED},
	[CERTIFICATE_PROTOCOL] = {"protocol", NULL, "handshake_failed", ALERT_DECODE_ERROR, 0},
	[CERTIFICATE_POLICY] = {"policy", NULL, "refused_policy", ALERT_ACCESS_DENIED, 0},
};

static const struct certgen good_root = {.cn = "a root", .ca = true};
static const struct certgen somebody = {.cn = "somebody"};

static const struct peer_step *const echo = STEPS(ECHO_ALL, FINISH);

/** A case with its certificates. */
struct made {
	const struct certificate_case *c;
	struct certgen_cert *root, *subs[SUBS_MAX], *leaf, *stranger;
	struct certgen_chain chain;
};

struct run {
	struct e2e e;
	struct made *made;
	size_t n_made, n_admitted;
	uint64_t counted[CERTIFICATE_VERDICTS]; /* clients so far, by what became of them */
	struct certgen_cert *good_root;
	int version;
};

/* --- chains --- */

static void show(struct certgen_chain *chain, const struct certgen_cert *cert)
{
	MUST(chain->n_certs < CERTGEN_CHAIN_MAX);
	chain->certs[chain->n_certs++] = cert;
}

static void show_subs(struct made *m, bool reversed)
{
	for (size_t i = 0; i < m->c->n_subs; i++)
		show(&m->chain, m->subs[reversed ? m->c->n_subs - 1 - i : i]);
}

static void show_strangers(struct made *m, size_t n)
{
	while (n-- > 0)
		show(&m->chain, m->stranger);
}

static void show_what_is_asked_for(struct made *m)
{
	enum certificate_show what = m->c->show;

	if (what == SHOW_NOTHING)
		return;
	if (what != SHOW_UPSIDE_DOWN && what != SHOW_ISSUER)
		show(&m->chain, m->leaf);
	if (what == SHOW_STRANGER || what == SHOW_STRANGERS)
		show_strangers(m, what == SHOW_STRANGER ? 1 : 100);
	if (what != SHOW_LEAF)
		show_subs(m, what == SHOW_REVERSED || what == SHOW_UPSIDE_DOWN);
	if (what == SHOW_TWICE)
		show_subs(m, false);
	if (what == SHOW_WITH_ROOT)
		show(&m->chain, m->root);
	if (what == SHOW_UPSIDE_DOWN) {
		show(&m->chain, m->leaf);
		m->chain.key = m->leaf->key;
	}
	if (what == SHOW_STOLEN)
		m->chain.key = certgen_key(m->c->leaf.key, STRANGER_KEY);
}

static void make(struct run *run, struct made *m, const struct certificate_case *c)
{
	const struct certgen_cert *issuer;

	m->c = c;
	MUST(c->n_subs <= SUBS_MAX);
	if (!c->self_signed)
		m->root = c->root ? certgen_issue(c->root, NULL, ROOT_KEY) : run->good_root;
	issuer = m->root;
	for (size_t i = c->n_subs; i-- > 0; issuer = m->subs[i])
		m->subs[i] = certgen_issue(&c->subs[i], issuer, (unsigned int)i + 1);
	m->leaf = certgen_issue(&c->leaf, issuer, 0);
	m->stranger = certgen_issue(&somebody, run->good_root, STRANGER_KEY);
	show_what_is_asked_for(m);
	if (!c->untrusted && m->root != run->good_root)
		certgen_write_pem(c->self_signed ? m->leaf : m->root,
				  e2e_path(&run->e, "pki/roots.pem"));
}

static void make_done(struct run *run, struct made *m)
{
	if (m->root != run->good_root)
		certgen_free(m->root);
	for (size_t i = 0; i < m->c->n_subs; i++)
		certgen_free(m->subs[i]);
	certgen_free(m->leaf);
	certgen_free(m->stranger);
}

/* --- clients --- */

static int expected_alert(const struct run *run, const struct certificate_case *c)
{
	const struct told *told = &told_of[c->verdict];

	if (run->version == TLS1_3_VERSION && c->alert_1_3)
		return c->alert_1_3;
	if (c->alert)
		return c->alert;
	return run->version == TLS1_3_VERSION && told->alert_1_3 ? told->alert_1_3 : told->alert;
}

static bool find_line(struct run *run, const struct tlsclient *client, const char *event,
		      struct log_entry *ret_line)
{
	char peer[ADDR_TEXT_MAX];

	snprintf(peer, sizeof(peer), "127.0.0.1:%u", client->port);
	return daemon_wait_log(&run->e.daemon, event, "peer", peer, 0, LOG_MS, ret_line);
}

static void check_admitted(struct run *run, const struct certificate_case *c,
			   struct tlsclient *client, int r)
{
	struct log_entry line = {};
	struct peer peer;

	CHECK(r == 0, "case %s: %s, alert %d", c->name, client->error, client->alert);
	if (r != 0)
		return;
	peer_init_client(&peer, client);
	peer_expect_echo(&peer);
	r = peer_run(&peer, STEPS(SEND(100), RECV(100), FINISH, RECV_END));
	CHECK(r == 0, "case %s: %s, alert %d", c->name, peer.problem, client->alert);
	CHECK(find_line(run, client, "session", &line), "case %s: no session", c->name);
	CHECK(!c->rule || log_entry_is(&line, "rule", c->rule), "case %s: %s", c->name, line.text);
	run->n_admitted += r == 0;
}

static void check_refused(struct run *run, const struct certificate_case *c,
			  struct tlsclient *client, int r)
{
	const struct told *told = &told_of[c->verdict];
	int expected = expected_alert(run, c), alert = client->alert;
	char reason[DAEMON_VALUE_MAX], detail[DAEMON_VALUE_MAX];
	struct log_entry line = {};

	if (r == 0)
		alert = tlsclient_alert(client, (int)test_scaled_ms(ALERT_MS));
	CHECK(alert == expected, "case %s: alert %d, not %d (%s)", c->name, alert, expected,
	      client->error);
	CHECK(find_line(run, client, "refused", &line), "case %s: not refused", c->name);
	CHECK(log_entry_is(&line, "check", told->check), "case %s: %s", c->name, line.text);
	(void)log_entry_get(&line, "reason", reason);
	CHECK(told->reason ? strcmp(reason, told->reason) == 0 : reason[0] != '\0',
	      "case %s: reason '%s', not '%s'", c->name, reason, told->reason);
	(void)log_entry_get(&line, "detail", detail);
	CHECK(!c->words || strstr(detail, c->words) || strstr(reason, c->words),
	      "case %s: not '%s': %s", c->name, c->words, line.text);
	CHECK(!c->rule || log_entry_is(&line, "rule", c->rule), "case %s: %s", c->name, line.text);
	CHECK(log_entry_u64(&line, "alert") == (uint64_t)expected, "case %s: %s", c->name,
	      line.text);
}

/* Several verdicts may share a counter; nothing else grows it. */
static void check_counter(struct run *run, const struct certificate_case *c)
{
	const char *counter = told_of[c->verdict].counter;
	uint64_t expected = 0, is;

	run->counted[c->verdict]++;
	for (size_t i = 0; i < CERTIFICATE_VERDICTS; i++)
		expected += strcmp(told_of[i].counter, counter) == 0 ? run->counted[i] : 0;
	is = daemon_counter(&run->e.daemon, counter);
	CHECK(is == expected, "case %s: %s is %" PRIu64 ", not %" PRIu64, c->name, counter, is,
	      expected);
}

static void run_case(struct run *run, const struct made *m)
{
	struct tlsclient_options options = e2e_client_options(&run->e, NULL);
	struct tlsclient client;
	int r;

	options.cert = options.key = NULL;
	options.chain = &m->chain;
	options.version = run->version;
	r = e2e_try(&run->e, &client, &options);
	if (m->c->verdict == CERTIFICATE_ADMITTED)
		check_admitted(run, m->c, &client, r);
	else
		check_refused(run, m->c, &client, r);
	check_counter(run, m->c);
	tlsclient_close(&client);
}

/* --- the daemon --- */

/* Lines of `tls:`; the files come later. */
static const char *domain_lines(const struct certificate_family *family)
{
	static char lines[1024];
	size_t len = 0;

	for (size_t i = 0; i < family->n_domains; i++)
		len += (size_t)snprintf(lines + len, sizeof(lines) - len,
					"%s        - {name: %s, ca: file:%s/pki/domain-%zu.pem}\n",
					i == 0 ? "      trust_domains:\n" : "",
					family->domains[i].name, test_tmpdir(), i);
	return len > 0 ? lines : NULL;
}

/* The roots of cases are others with the same name and key. */
static void write_domains(const struct run *run, const struct certificate_family *family)
{
	for (size_t i = 0; i < family->n_domains; i++) {
		struct certgen_cert *root = certgen_issue(family->domains[i].root, NULL, ROOT_KEY);
		char name[40];

		snprintf(name, sizeof(name), "pki/domain-%zu.pem", i);
		certgen_write_pem(root, e2e_path(&run->e, name));
		certgen_free(root);
	}
}

static void start(struct run *run, const struct certificate_family *family)
{
	struct e2e *e = &run->e;

	e->script = echo;
	e->rules = family->rules;
	e->client_ca = "file:pki/roots.pem";
	e->tls = domain_lines(family);
	e2e_prepare(e);
	run->good_root = certgen_issue(&good_root, NULL, ROOT_KEY);
	certgen_write_pem(run->good_root, e2e_path(e, "pki/roots.pem"));
	write_domains(run, family);
	run->made = calloc(family->n_cases, sizeof(*run->made));
	MUST(run->made);
	run->n_made = family->n_cases;
	for (size_t i = 0; i < family->n_cases; i++)
		make(run, &run->made[i], &family->cases[i]);
	e2e_start(e);
}

void certificate_run(const struct certificate_family *family,
		     const struct certificate_version *version)
{
	static struct run run;

	run.version = version->version;
	start(&run, family);
	for (size_t i = 0; i < run.n_made; i++)
		run_case(&run, &run.made[i]);
	NOTE("%zu clients, %zu of them admitted", run.n_made, run.n_admitted);
	E2E_MUST(&run.e, UNTIL(daemon_counter(&run.e.daemon, "connections") == 0, 5000));
	/* Nobody else has reached it. */
	E2E_MUST(&run.e, atomic_load(&run.e.upstream.accepted) == run.n_admitted);
	e2e_stop(&run.e);
	for (size_t i = 0; i < run.n_made; i++)
		make_done(&run, &run.made[i]);
	certgen_free(run.good_root);
	free(run.made);
}
