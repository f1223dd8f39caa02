// SPDX-License-Identifier: Apache-2.0
/* How peers are verified, as it is configured: what is taken, and every mistake with its line. */
#include "selftests/harness/harness.h"
#include "selftests/lib/forge.h"
#include "selftests/unit/material.h"

#include "base/fd.h"
#include "base/report.h"
#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "model/config.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

SUITE("confload_verify", .deadline_ms = 20000);

#define DAY 86400

/* What a case is about stands in line 4. */
#define PAIR "certificates: [{chain: file:server.pem, key: file:server.key}]"
#define WITH_TLS(text)                                                                             \
	"listeners:\n- name: web\n  listen: [\"127.0.0.1:8443\"]\n  tls: {" PAIR ", " text         \
	"}\n  rules: [{name: all, upstream: app}]\n"                                               \
	"upstreams: [{name: app, endpoints: [\"127.0.0.1:8080\"]}]\n"
#define CA	   "client_ca: file:ca.pem"
#define WITH(text) WITH_TLS(CA ", " text)
#define WITH_SERVER(text)                                                                          \
	"listeners:\n- name: web\n  listen: [\"127.0.0.1:8443\"]\n  mode: originate\n  upstream: " \
	"app\nupstreams: [{name: app, endpoints: [\"127.0.0.1:8080\"], tls: {" text "}}]\n"

struct config_case {
	VARIANT;
	const char *text;
	const char *told; /* "": it is good; a beginning when it has a date */
	bool remark;	  /* told, but no reason to refuse */
};

#define AT	  "4 listeners[0].tls."
#define SERVER_AT "6 upstreams[0].tls."

/* clang-format off */
CASES(struct config_case, configurations,
      {.name = "crl", .text = WITH("client_crl: [file:ca.crl]"), .told = ""},
      {.name = "crl_der", .text = WITH("client_crl: [file:ca.der]"), .told = ""},
      {.name = "crls", .text = WITH("client_crl: [file:ca.crl, file:sub.crl], crl_mode: leaf, crl_missing: refuse, crl_expired: allow"), .told = ""},
      {.name = "crl_directory", .text = WITH("client_crl: [file:crl.d/]"), .told = ""},
      {.name = "crl_as_a_value", .text = WITH("client_crl: file:ca.crl"), .told = AT "client_crl: is a single value, but must be a list"},
      {.name = "crl_not_there", .text = WITH("client_crl: [file:ca.crl, file:no.crl]"), .told = AT "client_crl[1]: file:no.crl: No such file or directory"},
      {.name = "crl_is_a_certificate", .text = WITH("client_crl: [file:ca.pem]"), .told = AT "client_crl[0]: file:ca.pem: has no CRL, neither in PEM nor in DER form"},
      {.name = "crl_damaged", .text = WITH("client_crl: [file:damaged.crl]"), .told = AT "client_crl[0]: file:damaged.crl: CRL number 2 is damaged: "},
      {.name = "crl_cut", .text = WITH("client_crl: [file:cut.der]"), .told = AT "client_crl[0]: file:cut.der: CRL number 1 is damaged: "},
      {.name = "crl_delta", .text = WITH("client_crl: [file:delta.crl]"), .told = AT "client_crl[0]: file:delta.crl: the CRL of CN=ca is a delta CRL: it has only what changed since another one"},
      {.name = "crl_indirect", .text = WITH("client_crl: [file:indirect.crl]"), .told = AT "client_crl[0]: file:indirect.crl: the CRL of CN=ca is an indirect CRL: it speaks for other issuers too"},
      {.name = "crl_by_another_key", .text = WITH("client_crl: [file:wrong.crl]"), .told = AT "client_crl[0]: file:wrong.crl: the CRL of CN=ca is signed by another key than its CA's"},
      {.name = "crl_of_another_certificate", .text = WITH("client_crl: [file:renewed.crl], crl_missing: allow"), .told = AT "client_crl[0]: file:renewed.crl: the CRL of CN=ca is for another certificate of its CA: its authority key identifier does not fit"},
      {.name = "crl_for_nobody", .text = WITH("client_crl: [file:nobody.crl]"), .told = AT "client_crl[0]: file:nobody.crl: the CRL of CN=ca is for users' certificates only and for those of CAs only"},
      {.name = "crl_der_behind_pem", .text = WITH("client_crl: [file:pemder.crl]"), .told = AT "client_crl[0]: file:pemder.crl: CRL number 1 is damaged: it is neither DER nor text"},
      {.name = "crl_with_another_label", .text = WITH("client_crl: [file:label.crl]"), .told = AT "client_crl[0]: file:label.crl: CRL number 2 is damaged: there is a BEGIN or END line that is not one of a CRL"},
      {.name = "crl_directory_with_a_mixture", .text = WITH("client_crl: [file:mixture.d]"), .told = AT "client_crl[0]: file:mixture.d: b.crl: is not PEM text"},
      {.name = "crl_expired", .text = WITH("client_crl: [file:old.crl]"), .remark = true, .told = AT "client_crl[0]: warning: file:old.crl: the CRL of CN=ca is out of date since "},
      {.name = "crl_early", .text = WITH("client_crl: [file:early.crl]"), .remark = true, .told = AT "client_crl[0]: warning: file:early.crl: the CRL of CN=ca is not valid before "},
      {.name = "crl_of_another_pki", .text = WITH("client_crl: [file:sub.crl], crl_missing: allow"), .remark = true, .told = AT "client_crl[0]: warning: file:sub.crl: CN=sub, whose CRL this is, is not among the CAs"},
      {.name = "crl_not_used", .text = WITH("client_crl: [file:ca.crl], crl_mode: 'off'"), .remark = true, .told = AT "crl_mode: warning: the CRLs are not used: who is revoked is not refused"},
      {.name = "crl_mode_unknown", .text = WITH("client_crl: [file:ca.crl], crl_mode: all"), .told = AT "crl_mode: 'all' is not a possible value"},
      {.name = "crl_mode_without_crl", .text = WITH("crl_mode: leaf"), .told = AT "crl_mode: needs client_crl: without a CRL everybody would be refused"},
      {.name = "crl_missing_unknown", .text = WITH("client_crl: [file:ca.crl], crl_missing: yes"), .told = AT "crl_missing: 'yes' is not a possible value"},
      {.name = "crl_missing_without_crl", .text = WITH("crl_missing: allow"), .told = AT "crl_missing: has no effect without client_crl"},
      {.name = "crl_expired_without_crl", .text = WITH("crl_expired: allow"), .told = AT "crl_expired: has no effect without client_crl"},
      {.name = "crl_empty", .text = WITH("client_crl: ['']"), .told = AT "client_crl[0]: is empty"},
      {.name = "ca_directory", .text = WITH_TLS("client_ca: file:ca.d/"), .told = ""},
      {.name = "ca_directory_empty", .text = WITH_TLS("client_ca: file:empty.d"), .told = AT "client_ca: file:empty.d: is a directory without a file that ends with .pem, .crt, .cer, .crl or .der"},
      {.name = "ca_directory_with_der", .text = WITH_TLS("client_ca: file:der.d"), .told = AT "client_ca: file:der.d: b.crt: is not PEM text"},
      {.name = "ca_directory_with_a_ca_in_der", .text = WITH_TLS("client_ca: file:crl.d"), .told = AT "client_ca: file:crl.d: a.der: is not PEM text"},
      {.name = "ca_directory_that_was_one_of_crls", .text = WITH("client_crl: [file:crl.d], trust_domains: [{name: a, ca: file:crl.d}]"), .told = AT "trust_domains[0].ca: file:crl.d: begins with DER: CAs are read as PEM only"},
      {.name = "ca_directory_with_damage", .text = WITH_TLS("client_ca: file:damaged.d"), .told = AT "client_ca: file:damaged.d: certificate number 2 is damaged: "},
      {.name = "ca_directory_with_a_hole", .text = WITH_TLS("client_ca: file:hole.d"), .told = AT "client_ca: file:hole.d: b.pem: is an empty file"},
      {.name = "chain_in_a_directory", .text = "listeners:\n- name: web\n  listen: [\"127.0.0.1:8443\"]\n  tls: {certificates: [{chain: file:ca.d, key: file:server.key}], " CA "}\n  rules: [{name: all, upstream: app}]\nupstreams: [{name: app, endpoints: [\"127.0.0.1:8080\"]}]\n", .told = AT "certificates[0].chain: file:ca.d: is not a regular file"},
      {.name = "chain_of_the_system", .text = "listeners:\n- name: web\n  listen: [\"127.0.0.1:8443\"]\n  tls: {certificates: [{chain: system, key: file:server.key}], " CA "}\n  rules: [{name: all, upstream: app}]\nupstreams: [{name: app, endpoints: [\"127.0.0.1:8080\"]}]\n", .told = AT "certificates[0].chain: system: is neither file:PATH nor env:NAME"},
      {.name = "ca_of_the_system", .text = WITH_TLS("client_ca: system"), .told = ""},
      {.name = "ca_is_no_root", .text = WITH_TLS("client_ca: file:sub.pem"), .remark = true, .told = AT "client_ca: warning: file:sub.pem: CN=sub is no root CA, and its issuer is not there: what it signs is refused"},
      {.name = "ca_names", .text = WITH("client_ca_names: file:sub.pem"), .told = ""},
      {.name = "ca_names_are_none", .text = WITH("client_ca_names: file:server.pem"), .told = AT "client_ca_names: file:server.pem: the certificate of CN=server is not a CA"},
      {.name = "ca_names_none", .text = WITH("client_ca_names: none"), .told = ""},
      {.name = "ca_names_not_there", .text = WITH("client_ca_names: file:no.pem"), .told = AT "client_ca_names: file:no.pem: No such file or directory"},
      {.name = "depth", .text = WITH("verify_depth: 0"), .told = ""},
      {.name = "depth_too_large", .text = WITH("verify_depth: 33"), .told = AT "verify_depth: 33 is out of range"},
      {.name = "level", .text = WITH("security_level: 5"), .told = ""},
      {.name = "level_too_high", .text = WITH("security_level: 6"), .told = AT "security_level: 6 is out of range"},
      {.name = "level_low", .text = WITH("security_level: 1"), .remark = true, .told = AT "security_level: warning: certificates with weak keys or signatures are accepted, which can be forged"},
      {.name = "domains", .text = WITH("trust_domains: [{name: prod.example, ca: file:ca.pem}, {name: test.example, ca: file:ca.d}]"), .told = ""},
      {.name = "nothing_but_domains", .text = WITH_TLS("trust_domains: [{name: prod.example, ca: file:ca.pem}]"), .told = ""},
      {.name = "domain_without_name", .text = WITH("trust_domains: [{ca: file:ca.pem}]"), .told = AT "trust_domains[0].name: is missing"},
      {.name = "domain_without_ca", .text = WITH("trust_domains: [{name: prod.example}]"), .told = AT "trust_domains[0].ca: is missing"},
      {.name = "domain_as_uri", .text = WITH("trust_domains: [{name: 'spiffe://prod.example', ca: file:ca.pem}]"), .told = AT "trust_domains[0].name: 'spiffe://prod.example' is not the name of a trust domain"},
      {.name = "domain_in_capitals", .text = WITH("trust_domains: [{name: Prod.example, ca: file:ca.pem}]"), .told = AT "trust_domains[0].name: 'Prod.example' is not the name of a trust domain"},
      {.name = "domain_twice", .text = WITH("trust_domains: [{name: a, ca: file:ca.pem}, {name: a, ca: file:ca.pem}]"), .told = AT "trust_domains[1].name: there is another trust domain 'a'"},
      {.name = "domain_ca_is_none", .text = WITH("trust_domains: [{name: a, ca: file:server.pem}]"), .told = AT "trust_domains[0].ca: file:server.pem: the certificate of CN=server is not a CA"},
      {.name = "without_verification", .text = WITH_TLS("client_auth: 'off', verify_depth: 3"), .told = AT "verify_depth: has no effect: client_auth is off"},
      {.name = "nothing_has_effect", .text = WITH_TLS("client_auth: 'off', client_crl: [file:ca.crl], trust_domains: [{name: a, ca: file:ca.pem}], client_ca_names: none"), .told = AT "client_ca_names: has no effect: client_auth is off\n" AT "client_crl: has no effect: client_auth is off\n" AT "trust_domains: has no effect: client_auth is off"},
      {.name = "server", .text = WITH_SERVER("server_ca: file:ca.pem, server_crl: [file:ca.crl], crl_mode: leaf, verify_depth: 2, security_level: 3, trust_domains: [{name: a, ca: file:ca.pem}]"), .told = ""},
      {.name = "server_with_nothing_but_domains", .text = WITH_SERVER("trust_domains: [{name: a, ca: file:ca.pem}]"), .told = ""},
      {.name = "server_ca_of_the_system", .text = WITH_SERVER("server_ca: system"), .told = ""},
      {.name = "server_ca_missing", .text = WITH_SERVER("server_crl: [file:ca.crl]"), .told = SERVER_AT "server_ca: is missing"},
      {.name = "server_crl_delta", .text = WITH_SERVER("server_ca: file:ca.pem, server_crl: [file:delta.crl]"), .told = SERVER_AT "server_crl[0]: file:delta.crl: the CRL of CN=ca is a delta CRL"},
      {.name = "server_crl_mode", .text = WITH_SERVER("server_ca: file:ca.pem, crl_mode: leaf"), .told = SERVER_AT "crl_mode: needs server_crl: without a CRL everybody would be refused"});
/* clang-format on */

static void take_text(const char *name, char *text)
{
	material_write_text(name, text);
	free(text);
}

static const struct forge_spec ca_spec = {
	.cn = "ca",
	.from = -DAY,
	.until = DAY,
	.extensions = {{NID_basic_constraints, "critical,CA:TRUE"},
		       {NID_key_usage, "critical,keyCertSign,cRLSign"}}};

static void write_crl(const char *name, const struct forged *by, struct forge_crl_spec spec)
{
	if (spec.from == 0) {
		spec.from = -DAY;
		spec.until = DAY;
	}
	take_text(name, forge_crl_pem(by, &spec));
}

/* PEM and DER in one file, in both orders. */
static void write_mixtures(const struct forged *ca, const unsigned char *der, size_t der_len)
{
	char *pem = forge_crl_pem(ca, &(struct forge_crl_spec){.from = -DAY, .until = DAY});
	size_t len = strlen(pem);
	char *both = malloc(len + der_len);

	MUST(both);
	(void)mempcpy(both, pem, len);
	memcpy(both + len, der, der_len);
	material_write("pemder.crl", both, len + der_len);
	memcpy(both, der, der_len);
	(void)mempcpy(both + der_len, pem, len);
	MUST_OK(mkdir(material_path("mixture.d"), 0755));
	material_write("mixture.d/b.crl", both, len + der_len);
	free(both);
	free(pem);
}

static void write_crls(const struct forged *ca, const struct forged *sub,
		       const struct forged *other)
{
	char *pem, *damaged = NULL, *label = NULL;
	const struct forged renewed = {.cert = other->cert, .key = ca->key};
	unsigned char *der;
	size_t len = 0;

	write_crl("ca.crl", ca, (struct forge_crl_spec){});
	write_crl("sub.crl", sub, (struct forge_crl_spec){});
	write_crl("delta.crl", ca, (struct forge_crl_spec){.delta = true});
	write_crl("indirect.crl", ca, (struct forge_crl_spec){.indirect = true});
	write_crl("old.crl", ca, (struct forge_crl_spec){.from = -2 * DAY, .until = -DAY});
	write_crl("early.crl", ca, (struct forge_crl_spec){.from = DAY, .until = 2 * DAY});
	write_crl("wrong.crl", other, (struct forge_crl_spec){});
	write_crl("renewed.crl", &renewed,
		  (struct forge_crl_spec){
			  .extension = {NID_authority_key_identifier, "issuer:always"}});
	write_crl("nobody.crl", ca,
		  (struct forge_crl_spec){.extension = {NID_issuing_distribution_point,
							"critical,onlyuser:TRUE,onlyCA:TRUE"}});
	der = forge_crl(ca, &(struct forge_crl_spec){.from = -DAY, .until = DAY}, &len);
	material_write("ca.der", der, len);
	material_write("cut.der", der, len - 1);
	MUST_OK(mkdir(material_path("crl.d"), 0755));
	material_write("crl.d/a.der", der, len);
	write_mixtures(ca, der, len);
	free(der);
	write_crl("crl.d/b.crl", sub, (struct forge_crl_spec){});
	pem = forge_crl_pem(ca, &(struct forge_crl_spec){.from = -DAY, .until = DAY});
	MUST_GE(asprintf(&damaged, "%s%s", pem,
			 "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"),
		0);
	MUST_GE(asprintf(&label, "%s%s", pem,
			 "-----BEGIN X509 CLR-----\nAAAA\n-----END X509 CLR-----\n"),
		0);
	free(pem);
	take_text("damaged.crl", damaged);
	take_text("label.crl", label);
}

static void make_directory(const char *name, const char *ca, const char *second, const char *text)
{
	char path[64];

	MUST_OK(mkdir(material_path(name), 0755));
	if (ca) {
		snprintf(path, sizeof(path), "%s/a.pem", name);
		material_write_text(path, ca);
	}
	if (second) {
		snprintf(path, sizeof(path), "%s/%s", name, second);
		material_write_text(path, text);
	}
}

static void write_all(void)
{
	struct forged ca = forge(&ca_spec, NULL), other = forge(&ca_spec, NULL);
	struct forge_spec sub_spec = ca_spec;
	struct forged sub;
	char _cleanup_free_ *pem = forge_cert_pem(&ca);

	sub_spec.cn = "sub";
	sub = forge(&sub_spec, &ca);
	material_write_all();
	material_write_text("ca.pem", pem);
	take_text("sub.pem", forge_cert_pem(&sub));
	write_crls(&ca, &sub, &other);
	make_directory("ca.d", pem, ".hidden.pem", "damaged");
	make_directory("empty.d", NULL, "README", "nothing");
	make_directory("der.d", pem, "b.crt", "\x30\x82");
	make_directory("damaged.d", pem, "b.pem",
		       "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	make_directory("hole.d", pem, "b.pem", "");
	forge_free(&ca);
	forge_free(&other);
	forge_free(&sub);
}

TEST_CASES(what_is_told, configurations)
{
	char _cleanup_free_ *text = NULL;
	struct report report;
	struct bundle *bundle;
	struct config *config;
	bool good = !variant->told[0] || variant->remark;

	write_all();
	report_init(&report);
	MUST_OK(setenv("SSL_CERT_FILE", material_path("ca.pem"), 1));
	CHECK_EQ(material_load(variant->text, &report, &bundle, &config), good ? 0 : -EINVAL);
	CHECK_EQ(report.n_mistakes == 0, good);
	text = material_told(&report);
	/* OpenSSL's words, a date, or a list of endings is behind it. */
	if (variant->told[0] && strlen(text) > strlen(variant->told))
		text[strlen(variant->told)] = '\0';
	CHECK_STR(text, variant->told);
	config_free(config);
	bundle_free(bundle);
	report_done(&report);
}

static struct config *load(const char *text, struct bundle **bundle, struct report *report)
{
	struct config *config = NULL;

	write_all();
	report_init(report);
	MUST_EQ(material_load(text, report, bundle, &config), 0);
	return config;
}

TEST(defaults)
{
	struct report report;
	struct bundle *bundle;
	struct config *config =
		load(WITH("client_crl: [file:ca.crl, file:crl.d]"), &bundle, &report);
	const struct config_verify *verify = &config->listeners[0].verify;

	CHECK_EQ(verify->n_crls, 2);
	CHECK_STR(verify->crls[1].source, "file:crl.d");
	CHECK_EQ(verify->crl_mode, CRL_MODE_CHAIN);
	CHECK(!verify->allow_crl_missing);
	CHECK(!verify->allow_crl_expired);
	CHECK_EQ(verify->depth, 8);
	CHECK_EQ(verify->security_level, 2);
	CHECK_EQ(verify->n_trust_domains, 0);
	CHECK(!config->listeners[0].client_ca_names.data);
	CHECK(!config->listeners[0].announces_no_ca);
	config_free(config);
	bundle_free(bundle);
	report_done(&report);
}

TEST(everything)
{
	struct report report;
	struct bundle *bundle;
	struct config *config =
		load(WITH("client_crl: [file:ca.crl], crl_mode: leaf, crl_missing: allow, "
			  "crl_expired: allow, verify_depth: 1, security_level: 3, "
			  "client_ca_names: none, trust_domains: [{name: a, ca: file:ca.pem}]"),
		     &bundle, &report);
	const struct config_verify *verify = &config->listeners[0].verify;

	CHECK_EQ(verify->crl_mode, CRL_MODE_LEAF);
	CHECK(verify->allow_crl_missing);
	CHECK(verify->allow_crl_expired);
	CHECK_EQ(verify->depth, 1);
	CHECK_EQ(verify->security_level, 3);
	CHECK_EQ(verify->n_trust_domains, 1);
	CHECK_STR(verify->trust_domains[0].name, "a");
	CHECK(strstr(verify->trust_domains[0].ca.data, "BEGIN CERTIFICATE"));
	CHECK(config->listeners[0].announces_no_ca);
	config_free(config);
	bundle_free(bundle);
	report_done(&report);
}

/* A worker has no disk, and DER has NULs in it: what it gets must be the same. */
TEST(a_worker_sees_the_same)
{
	struct report report;
	struct bundle *bundle, *again = NULL;
	struct config *copy = NULL;
	struct config *config = load(WITH_TLS("client_ca: system, client_crl: [file:ca.der, "
					      "file:crl.d], crl_missing: allow"),
				     &bundle, &report);
	const struct config_verify *one, *two;
	int fd = -1;

	MUST_EQ(bundle_to_fd(bundle, &fd), 0);
	MUST_EQ(bundle_from_fd(fd, &again), 0);
	MUST_OK(close(fd));
	MUST_EQ(confload_build(again, &report, &copy), 0);
	one = &config->listeners[0].verify;
	two = &copy->listeners[0].verify;
	CHECK_EQ(two->n_crls, 2);
	for (size_t i = 0; i < two->n_crls; i++) {
		MUST_EQ(two->crls[i].len, one->crls[i].len);
		CHECK_EQ(memcmp(two->crls[i].data, one->crls[i].data, one->crls[i].len), 0);
	}
	CHECK_STR(copy->listeners[0].client_ca.data, config->listeners[0].client_ca.data);
	CHECK_STR(copy->listeners[0].client_ca.source, "system");
	CHECK(copy->listeners[0].announces_no_ca);
	config_free(config);
	config_free(copy);
	bundle_free(bundle);
	bundle_free(again);
	report_done(&report);
}
