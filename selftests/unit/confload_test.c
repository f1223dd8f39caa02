// SPDX-License-Identifier: Apache-2.0
/* From the file to the checked configuration: defaults, and every mistake at once with its line. */
#include "selftests/harness/harness.h"

#include "selftests/unit/material.h"

#include "base/fd.h"
#include "base/report.h"
#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "model/config.h"
#include "model/match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SUITE("confload", .deadline_ms = 20000);

/* Lines 1 to 6. A case says what is different. */
#define LISTENER "listeners:\n- name: web\n"
#define LISTEN	 "  listen: [\"127.0.0.1:8443\"]\n"
#define PAIR	 "certificates: [{chain: file:server.pem, key: file:server.key}]"
#define TLS	 "  tls: {" PAIR ", client_ca: file:ca.pem}\n"
#define RULES	 "  rules: [{name: all, upstream: app}]\n"
#define UPSTREAM "upstreams: [{name: app, endpoints: [\"127.0.0.1:8080\"]}]\n"
#define GOOD	 LISTENER LISTEN TLS RULES UPSTREAM

/* In one listener: TLS or rules of the case's own, from line 4 and 5. */
#define WITH_LISTEN(text) LISTENER "  listen: " text "\n" TLS RULES UPSTREAM
#define WITH_TLS(text)	  LISTENER LISTEN "  tls: {" text "}\n" RULES UPSTREAM
#define WITH_RULES(text)  LISTENER LISTEN TLS "  rules: [" text "]\n" UPSTREAM
#define WITH_MATCH(text)  WITH_RULES("{name: r, match: {" text "}, upstream: app}")
#define OPTIONAL_MATCH(text)                                                                       \
	LISTENER LISTEN "  tls: {" PAIR ", client_auth: optional, client_ca: file:ca.pem}\n"       \
			"  rules: [{name: r, match: {" text "}, upstream: app}]\n" UPSTREAM
#define SHA256		    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define WITH_UPSTREAM(text) LISTENER LISTEN TLS RULES "upstreams: [" text "]\n"
/* Lines 1 to 5: to an upstream that talks TLS. */
#define ORIGINATE	  LISTENER LISTEN "  mode: originate\n"
#define PASSTHROUGH	  LISTENER LISTEN "  mode: passthrough\n"
#define ROUTES(text)	  PASSTHROUGH "  rules: [" text "]\n" UPSTREAM
#define ROUTE(match)	  ROUTES("{name: a, match: {" match "}, upstream: app}")
#define TO_APP		  "  upstream: app\n"
#define SECURE(text)	  "upstreams: [{name: app, endpoints: [\"127.0.0.1:8080\"], tls: {" text "}}]\n"
#define WITH_SERVER(text) ORIGINATE TO_APP SECURE("server_ca: file:ca.pem" text)
#define WITHOUT_NAMES(text)                                                                        \
	LISTENER LISTEN "  tls: {" PAIR ", client_auth: off}\n  rules: [" text "]\n" UPSTREAM

struct config_case {
	VARIANT;
	const char *text;
	const char *told; /* "": it is good */
	bool remark;	  /* told, but no reason to refuse */
};

/* clang-format off */
CASES(struct config_case, wholes,
      {.name = "good", .text = GOOD, .told = ""},
      {.name = "nothing", .text = "workers: 1\n", .told = "1 upstreams: is missing\n1 listeners: is missing"},
      {.name = "unknown_key", .text = GOOD "worker: 1\n", .told = "7 worker: unknown key"},
      {.name = "admin", .text = GOOD "admin: {listen: unix:/run/a.sock}\n", .told = ""},
      {.name = "admin_on_tcp", .text = GOOD "admin:\n  listen: 127.0.0.1:1\n", .told = "8 admin.listen: must be a unix socket"},
      {.name = "admin_without_address", .text = GOOD "admin: {}\n", .told = "7 admin.listen: is missing"},
      {.name = "log_format", .text = GOOD "log: {format: xml}\n", .told = "7 log.format: 'xml' is not a possible value"},
      {.name = "user", .text = GOOD "user: \"a b\"\n", .told = "7 user: 'a b' cannot be a name"},
      {.name = "workers", .text = GOOD "workers: many\n", .told = "7 workers: 'many' is not a whole number"},
      {.name = "workers_zero", .text = GOOD "workers: 0\n", .told = "7 workers: 0 is out of range"},
      {.name = "workers_most", .text = GOOD "workers: 1024\n", .told = ""},
      {.name = "workers_too_many", .text = GOOD "workers: 1025\n", .told = "7 workers: 1025 is out of range"},
      {.name = "workers_huge", .text = GOOD "workers: 99999999999999999999\n", .told = "7 workers: 99999999999999999999 is out of range"},
      {.name = "limits_zero", .text = GOOD "limits: {connections: 0, handshakes: 0}\n", .told = "7 limits.connections: 0 is out of range\n7 limits.handshakes: 0 is out of range"},
      {.name = "limits_negative", .text = GOOD "limits: {connections: -1}\n", .told = "7 limits.connections: '-1' is not a whole number"},
      {.name = "limits_empty", .text = GOOD "limits: {connections: \"\"}\n", .told = "7 limits.connections: '' is not a whole number"},
      {.name = "limits_too_many", .text = GOOD "limits: {handshakes: 1000001}\n", .told = "7 limits.handshakes: 1000001 is out of range"},
      {.name = "timeout_without_unit", .text = GOOD "timeouts: {idle: 30}\n", .told = "7 timeouts.idle: '30' is not a duration"},
      {.name = "timeout_zero", .text = GOOD "timeouts: {handshake: 0, connect: 0, idle: 0, half_closed: 0, unacked: 0, drain: 0}\n", .told = "7 timeouts.handshake: 0 is out of range\n7 timeouts.connect: 0 is out of range"},
      {.name = "timeout_most", .text = GOOD "timeouts: {handshake: 10m, connect: 10m, idle: 720h, half_closed: 720h, unacked: 1h, drain: 24h}\nsession: {max_age: 8760h}\n", .told = ""},
      {.name = "timeout_too_long", .text = GOOD "timeouts:\n  handshake: 11m\n  connect: 601s\n  idle: 721h\n  half_closed: 721h\n  unacked: 61m\n  drain: 25h\nsession: {max_age: 8761h}\n", .told = "8 timeouts.handshake: 11m is out of range\n9 timeouts.connect: 601s is out of range\n10 timeouts.idle: 721h is out of range\n11 timeouts.half_closed: 721h is out of range\n12 timeouts.unacked: 61m is out of range\n13 timeouts.drain: 25h is out of range\n14 session.max_age: 8761h is out of range"},
      {.name = "timeout_overflow", .text = GOOD "timeouts: {idle: 99999999999999999999h}\n", .told = "7 timeouts.idle: 99999999999999999999h is out of range"});

CASES(struct config_case, listeners,
      {.name = "name_missing", .text = "listeners:\n-\n" LISTEN TLS RULES UPSTREAM, .told = "3 listeners[0].name: is missing"},
      {.name = "name_empty", .text = "listeners:\n- name: \"\"\n" LISTEN TLS RULES UPSTREAM, .told = "2 listeners[0].name: is empty"},
      {.name = "name_with_blank", .text = "listeners:\n- name: a b\n" LISTEN TLS RULES UPSTREAM, .told = "2 listeners[0].name: 'a b' cannot be a name"},
      {.name = "names_twice", .text = LISTENER LISTEN TLS RULES "- name: web\n  listen: [\"127.0.0.1:2\"]\n" TLS RULES UPSTREAM, .told = "6 listeners[1].name: there is another listener 'web'"},
      {.name = "listen_missing", .text = LISTENER TLS RULES UPSTREAM, .told = "2 listeners[0].listen: is missing"},
      {.name = "listen_not_an_address", .text = WITH_LISTEN("[localhost:1]"), .told = "3 listeners[0].listen[0]: 'localhost:1' is not an address"},
      {.name = "listen_port", .text = WITH_LISTEN("[\"127.0.0.1:1\", \"127.0.0.1:70000\"]"), .told = "3 listeners[0].listen[1]: '127.0.0.1:70000' has a port out of range"},
      {.name = "listen_long_path", .text = WITH_LISTEN("[\"unix:/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]"), .told = "3 listeners[0].listen[0]: the path of the socket is too long"},
      {.name = "listen_twice", .text = WITH_LISTEN("[\"127.0.0.1:1\", \"127.0.0.1:1\"]"), .told = "3 listeners[0].listen[1]: 127.0.0.1:1 is listened on twice; see line 3"},
      {.name = "listen_same_written_differently", .text = WITH_LISTEN("[\"[::1]:1\", \"[0::0:1]:01\"]"), .told = "3 listeners[0].listen[1]: [::1]:1 is listened on twice; see line 3"},
      {.name = "listen_of_another", .text = LISTENER LISTEN TLS RULES "- name: b\n" LISTEN TLS RULES UPSTREAM, .told = "7 listeners[1].listen[0]: 127.0.0.1:8443 is listened on twice; see line 3"},
      {.name = "listen_is_the_admin_socket", .text = WITH_LISTEN("[unix:/run/a]") "admin: {listen: unix:/run/a}\n", .told = "3 listeners[0].listen[0]: unix:/run/a is the admin socket"},
      {.name = "mode_unknown", .text = LISTENER LISTEN "  mode: x\n" TLS RULES UPSTREAM, .told = "4 listeners[0].mode: 'x' is not a possible value"},
      {.name = "offload_unknown", .text = LISTENER LISTEN "  offload: on\n" TLS RULES UPSTREAM, .told = "4 listeners[0].offload: 'on' is not a possible value"},
      {.name = "offload_on_unix", .text = WITH_LISTEN("[unix:/run/a]\n  offload: require"), .told = "3 listeners[0].listen[0]: the kernel has TLS for TCP only, and offload is require"},
      {.name = "answers", .text = LISTENER LISTEN "  refuse_with: http-403\n  no_upstream: http-503\n" TLS RULES UPSTREAM, .told = ""},
      {.name = "refuse_with_unknown", .text = LISTENER LISTEN "  refuse_with: http-404\n" TLS RULES UPSTREAM, .told = "4 listeners[0].refuse_with: 'http-404' is not a possible value"},
      {.name = "no_upstream_unknown", .text = LISTENER LISTEN "  no_upstream: reset\n" TLS RULES UPSTREAM, .told = "4 listeners[0].no_upstream: 'reset' is not a possible value"},
      {.name = "answers_and_http_1", .text = LISTENER LISTEN "  tls: {" PAIR ", client_ca: file:ca.pem, alpn: [h2, http/1.1]}\n  refuse_with: http-403\n" RULES UPSTREAM, .told = ""},
      {.name = "answers_and_other_protocols", .text = LISTENER LISTEN "  tls: {" PAIR ", client_ca: file:ca.pem, alpn: [h2]}\n  refuse_with: http-403\n" RULES UPSTREAM, .remark = true, .told = "5 listeners[0].refuse_with: warning: clients that agree on a protocol of tls.alpn get an alert: none of them is HTTP/1"},
      {.name = "truncation_unknown", .text = LISTENER LISTEN "  on_truncation: x\n" TLS RULES UPSTREAM, .told = "4 listeners[0].on_truncation: 'x' is not a possible value"});

CASES(struct config_case, tls,
      {.name = "missing", .text = LISTENER LISTEN RULES UPSTREAM, .told = "2 listeners[0].tls: is missing: a listener terminates TLS"},
      {.name = "certificates_missing", .text = WITH_TLS("client_ca: file:ca.pem"), .told = "4 listeners[0].tls.certificates: is missing"},
      {.name = "chain_missing", .text = WITH_TLS("certificates: [{key: file:server.key}], client_ca: file:ca.pem"), .told = "4 listeners[0].tls.certificates[0].chain: is missing"},
      {.name = "key_missing", .text = WITH_TLS("certificates: [{chain: file:server.pem}], client_ca: file:ca.pem"), .told = "4 listeners[0].tls.certificates[0].key: is missing"},
      {.name = "exchanged", .text = WITH_TLS("certificates: [{chain: file:server.key, key: file:server.pem}], client_ca: file:ca.pem"), .told = "4 listeners[0].tls.certificates[0].chain: file:server.key: has no certificate in PEM form\n4 listeners[0].tls.certificates[0].key: file:server.pem: has no private key in PEM form"},
      {.name = "key_of_another", .text = WITH_TLS("certificates: [{chain: file:server.pem, key: file:server.key}, {chain: file:server.pem, key: file:other.key}], client_ca: file:ca.pem"), .told = "4 listeners[0].tls.certificates[1].key: file:other.key: the private key does not belong to the first certificate, of CN=server"},
      {.name = "file_missing", .text = WITH_TLS("certificates: [{chain: file:no.pem, key: file:server.key}], client_ca: file:ca.pem"), .told = "4 listeners[0].tls.certificates[0].chain: file:no.pem: No such file or directory"},
      {.name = "no_source", .text = WITH_TLS("certificates: [{chain: server.pem, key: file:server.key}], client_ca: file:ca.pem"), .told = "4 listeners[0].tls.certificates[0].chain: server.pem: is neither file:PATH nor env:NAME"},
      {.name = "ca_missing", .text = WITH_TLS(PAIR), .told = "4 listeners[0].tls.client_ca: is missing, and client_auth is require (the default)"},
      {.name = "ca_missing_optional", .text = WITH_TLS(PAIR ", client_auth: optional"), .told = "4 listeners[0].tls.client_ca: is missing, and client_auth is optional"},
      {.name = "ca_is_none", .text = WITH_TLS(PAIR ", client_ca: file:server.pem"), .told = "4 listeners[0].tls.client_ca: file:server.pem: the certificate of CN=server is not a CA"},
      {.name = "ca_without_effect", .text = WITH_TLS(PAIR ", client_auth: off, client_ca: file:ca.pem"), .told = "4 listeners[0].tls.client_ca: has no effect: client_auth is off"},
      {.name = "auth_unknown", .text = WITH_TLS(PAIR ", client_auth: maybe"), .told = "4 listeners[0].tls.client_auth: 'maybe' is not a possible value"},
      {.name = "auth_off", .text = WITH_TLS(PAIR ", client_auth: off"), .told = ""},
      {.name = "alpn", .text = WITH_TLS(PAIR ", client_ca: file:ca.pem, alpn: [h2, http/1.1]"), .told = ""},
      {.name = "alpn_empty", .text = WITH_TLS(PAIR ", client_ca: file:ca.pem, alpn: ['']"), .told = "4 listeners[0].tls.alpn[0]: is empty"},
      {.name = "alpn_twice", .text = WITH_TLS(PAIR ", client_ca: file:ca.pem, alpn: [a, b, a]"), .told = "4 listeners[0].tls.alpn[2]: 'a' is there twice"},
      {.name = "alpn_too_many", .text = WITH_TLS(PAIR ", client_ca: file:ca.pem, alpn: [a, b, c, d, e, f, g, h, i]"), .told = "4 listeners[0].tls.alpn: has too many protocols"},
      {.name = "version_unknown", .text = WITH_TLS(PAIR ", client_ca: file:ca.pem, min_version: 1.1"), .told = "4 listeners[0].tls.min_version: '1.1' is not a possible value"},
      {.name = "version_as_a_number", .text = WITH_TLS(PAIR ", client_ca: file:ca.pem, min_version: 1.3"), .told = ""},
      {.name = "expired", .text = WITH_TLS("certificates: [{chain: file:old.pem, key: file:old.key}], client_ca: file:ca.pem"), .told = "4 listeners[0].tls.certificates[0].chain: warning: file:old.pem: the certificate of CN=old expired at ", .remark = true},
      {.name = "expired_ca", .text = WITH_TLS(PAIR ", client_ca: file:oldca.pem"), .told = "4 listeners[0].tls.client_ca: warning: file:oldca.pem: the certificate of CN=oldca expired at ", .remark = true});

CASES(struct config_case, rules,
      {.name = "missing", .text = LISTENER LISTEN TLS UPSTREAM, .told = "2 listeners[0].rules: is missing: without a rule everybody is refused"},
      {.name = "name_missing", .text = WITH_RULES("{upstream: app}"), .told = "5 listeners[0].rules[0].name: is missing"},
      {.name = "name_twice", .text = WITH_RULES("{name: a, match: {cn: [x]}, upstream: app}, {name: a, upstream: app}"), .told = "5 listeners[0].rules[1].name: this listener has another rule 'a'"},
      {.name = "upstream_missing", .text = WITH_RULES("{name: a}"), .told = "5 listeners[0].rules[0].upstream: is missing"},
      {.name = "upstream_unknown", .text = WITH_RULES("{name: a, upstream: apq}"), .told = "5 listeners[0].rules[0].upstream: there is no upstream 'apq'"},
      {.name = "deny", .text = WITH_RULES("{name: a, action: deny, match: {cn: [x]}}, {name: b, upstream: app}"), .told = ""},
      {.name = "deny_with_upstream", .text = WITH_RULES("{name: a, action: deny, upstream: app}"), .told = "5 listeners[0].rules[0].upstream: has no effect: the rule denies"},
      {.name = "respond", .text = WITH_RULES("{name: a, action: deny, respond: reset, match: {cn: [x]}}, {name: b, upstream: app}"), .told = ""},
      {.name = "respond_unknown", .text = WITH_RULES("{name: a, action: deny, respond: http-503}"), .told = "5 listeners[0].rules[0].respond: 'http-503' is not a possible value"},
      {.name = "respond_of_allow", .text = WITH_RULES("{name: a, upstream: app, respond: alert}"), .told = "5 listeners[0].rules[0].respond: has no effect: the rule allows"},
      {.name = "optional_and_an_answer", .text = LISTENER LISTEN "  tls: {" PAIR ", client_auth: optional, client_ca: file:ca.pem}\n  refuse_with: http-403\n" RULES UPSTREAM, .told = ""},
      {.name = "action_unknown", .text = WITH_RULES("{name: a, action: refuse}"), .told = "5 listeners[0].rules[0].action: 'refuse' is not a possible value"},
      {.name = "never_reached", .text = WITH_RULES("{name: a, upstream: app}, {name: b, match: {cn: [x]}, upstream: app}"), .told = "5 listeners[0].rules[1]: warning: is never asked: rule 'a' before it takes every verified peer", .remark = true},
      {.name = "match_empty", .text = WITH_MATCH(""), .told = "5 listeners[0].rules[0].match: is empty"},
      {.name = "match_list_empty", .text = WITH_MATCH("cn: []"), .told = "5 listeners[0].rules[0].match.cn: is an empty list"},
      {.name = "anonymous_with_names", .text = WITH_MATCH("anonymous: true, cn: [a]"), .told = "5 listeners[0].rules[0].match.anonymous: can never match: client_auth is require"},
      {.name = "anonymous_of_optional_with_names", .text = OPTIONAL_MATCH("anonymous: true, cn: [a]"), .told = "5 listeners[0].rules[0].match.cn: a peer without certificate has no cn"},
      {.name = "anonymous_not_with_names", .text = OPTIONAL_MATCH("anonymous: true, not: {spki_sha256: [\"" SHA256 "\"]}"), .told = "5 listeners[0].rules[0].match.not.spki_sha256: a peer without certificate has no spki_sha256"},
      {.name = "anonymous_with_the_connection", .text = OPTIONAL_MATCH("anonymous: true, source: [192.0.2.0/24], sni: [a.example], alpn: [h2], tls_version: [1.3], time: {hours: 08:00-18:00}"), .told = ""},
      {.name = "anonymous_of_require", .text = WITH_MATCH("anonymous: true"), .told = "5 listeners[0].rules[0].match.anonymous: can never match: client_auth is require"},
      {.name = "anonymous_maybe", .text = WITH_MATCH("anonymous: maybe"), .told = "5 listeners[0].rules[0].match.anonymous: 'maybe' is not a possible value"},
      {.name = "anonymous_not", .text = WITH_MATCH("anonymous: false, cn: [a]"), .told = ""},
      {.name = "optional_and_nobody_anonymous", .text = WITH_TLS(PAIR ", client_auth: optional, client_ca: file:ca.pem"), .told = "4 listeners[0].tls.client_auth: warning: peers without certificate are refused: no rule is for them", .remark = true},
      {.name = "match_sni", .text = WITH_MATCH("sni: [a.example], cn: [a]"), .told = ""},
      {.name = "match_unknown_key", .text = WITH_MATCH("ipv4: [a]"), .told = "5 listeners[0].rules[0].match.ipv4: unknown key"},
      {.name = "match_empty_text", .text = WITH_MATCH("cn: [a, \"\"]"), .told = "5 listeners[0].rules[0].match.cn[1]: is empty"},
      {.name = "match_without_names", .text = WITHOUT_NAMES("{name: a, match: {cn: [x]}, upstream: app}"), .told = "5 listeners[0].rules[0].match: can never match: client_auth is off, so nobody has a name"},
      {.name = "without_match_without_names", .text = WITHOUT_NAMES("{name: a, upstream: app}"), .told = ""});

#define DNS_MISTAKE(text) "5 listeners[0].rules[0].match.dns[0]: '" text "' is not a DNS name"
#define URI_MISTAKE(text) "5 listeners[0].rules[0].match.uri[0]: '" text "' is not a URI"
#define URI_WILDCARD(text) "5 listeners[0].rules[0].match.uri[0]: '" text "' has a * where none may be"
#define LABEL_63 "a23456789012345678901234567890123456789012345678901234567890123"

CASES(struct config_case, names,
      {.name = "dns", .text = WITH_MATCH("dns: [app.example, localhost, _srv.a-b.example, \"*.example\"]"), .told = ""},
      {.name = "dns_label_longest", .text = WITH_MATCH("dns: [" LABEL_63 ".x]"), .told = ""},
      {.name = "dns_label_too_long", .text = WITH_MATCH("dns: [4" LABEL_63 "]"), .told = DNS_MISTAKE("4" LABEL_63)},
      {.name = "dns_too_long", .text = WITH_MATCH("dns: [" LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 "]"), .told = DNS_MISTAKE(LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63)},
      {.name = "dns_root_dot", .text = WITH_MATCH("dns: [a.example.]"), .told = DNS_MISTAKE("a.example.")},
      {.name = "dns_empty_label", .text = WITH_MATCH("dns: [a..example]"), .told = DNS_MISTAKE("a..example")},
      {.name = "dns_dash", .text = WITH_MATCH("dns: [-a.example]"), .told = DNS_MISTAKE("-a.example")},
      {.name = "dns_star_alone", .text = WITH_MATCH("dns: [\"*\"]"), .told = DNS_MISTAKE("*")},
      {.name = "dns_star_dot", .text = WITH_MATCH("dns: [\"*.\"]"), .told = DNS_MISTAKE("*.")},
      {.name = "dns_star_in_label", .text = WITH_MATCH("dns: [\"a*.example\"]"), .told = DNS_MISTAKE("a*.example")},
      {.name = "dns_star_twice", .text = WITH_MATCH("dns: [\"*.*.example\"]"), .told = DNS_MISTAKE("*.*.example")},
      {.name = "dns_uri", .text = WITH_MATCH("dns: [\"spiffe://a/b\"]"), .told = DNS_MISTAKE("spiffe://a/b")},
      {.name = "dns_not_ascii", .text = WITH_MATCH("dns: [b\xc3\xbc.example]"), .told = DNS_MISTAKE("b\xc3\xbc.example")},
      {.name = "uri", .text = WITH_MATCH("uri: [\"spiffe://prod/ns/*/sa/b\", \"urn:x:y\", \"https://a:1/?q#f\"]"), .told = ""},
      {.name = "uri_no_scheme", .text = WITH_MATCH("uri: [a/b]"), .told = URI_MISTAKE("a/b")},
      {.name = "uri_empty_scheme", .text = WITH_MATCH("uri: [\"://a\"]"), .told = URI_MISTAKE("://a")},
      {.name = "uri_scheme_blank", .text = WITH_MATCH("uri: [\"a b:c\"]"), .told = URI_MISTAKE("a b:c")},
      {.name = "uri_scheme_only", .text = WITH_MATCH("uri: [\"urn:\"]"), .told = URI_MISTAKE("urn:")},
      {.name = "uri_blank", .text = WITH_MATCH("uri: [\"urn:a b\"]"), .told = URI_MISTAKE("urn:a b")},
      {.name = "uri_not_ascii", .text = WITH_MATCH("uri: [\"urn:\xc3\xbc\"]"), .told = URI_MISTAKE("urn:\xc3\xbc")},
      {.name = "uri_star_host", .text = WITH_MATCH("uri: [\"spiffe://*/ns\"]"), .told = URI_WILDCARD("spiffe://*/ns")},
      {.name = "uri_star_in_segment", .text = WITH_MATCH("uri: [\"spiffe://a/n*\"]"), .told = URI_WILDCARD("spiffe://a/n*")},
      {.name = "uri_two_stars", .text = WITH_MATCH("uri: [\"spiffe://a/**\", \"spiffe://a/**/b/*\"]"), .told = ""},
      {.name = "uri_three_stars", .text = WITH_MATCH("uri: [\"spiffe://a/***\"]"), .told = URI_WILDCARD("spiffe://a/***")},
      {.name = "uri_two_stars_and_more", .text = WITH_MATCH("uri: [\"spiffe://a/**b\"]"), .told = URI_WILDCARD("spiffe://a/**b")},
      {.name = "uri_two_stars_host", .text = WITH_MATCH("uri: [\"spiffe://**/ns\"]"), .told = URI_WILDCARD("spiffe://**/ns")},
      {.name = "uri_star_in_scheme", .text = WITH_MATCH("uri: [\"*:a\"]"), .told = URI_MISTAKE("*:a")},
      {.name = "cn_is_any_text", .text = WITH_MATCH("cn: [\"J\xc3\xbcrgen * a,b\"]"), .told = ""});

#define SERVER_NAME_MISTAKE(name) "6 upstreams[0].tls.server_name: '" name "' is no name of a server"

CASES(struct config_case, originate,
      {.name = "good", .text = WITH_SERVER(""), .told = ""},
      {.name = "unix", .text = LISTENER "  listen: [unix:/run/a]\n  mode: originate\n  offload: require\n" TO_APP SECURE("server_ca: file:ca.pem"), .told = ""},
      {.name = "certificate", .text = WITH_SERVER(", certificate: {chain: file:client.pem, key: file:client.key}"), .told = ""},
      {.name = "certificate_of_a_server", .text = WITH_SERVER(", certificate: {chain: file:server.pem, key: file:server.key}"), .remark = true, .told = "6 upstreams[0].tls.certificate.chain: warning: file:server.pem: its first certificate is not for TLS clients, servers will refuse it"},
      {.name = "for_everybody", .text = LISTENER "  listen: [\"127.0.0.1:1\", \"0.0.0.0:2\"]\n  mode: originate\n" TO_APP SECURE("server_ca: file:ca.pem"), .remark = true, .told = "3 listeners[0].listen[1]: warning: whoever reaches this address speaks for this host, in plaintext"},
      {.name = "upstream_missing", .text = ORIGINATE SECURE("server_ca: file:ca.pem"), .told = "2 listeners[0].upstream: is missing"},
      {.name = "upstream_unknown", .text = ORIGINATE "  upstream: ap\n" SECURE("server_ca: file:ca.pem"), .told = "5 listeners[0].upstream: there is no upstream 'ap'"},
      {.name = "upstream_plain", .text = ORIGINATE TO_APP UPSTREAM, .told = "5 listeners[0].upstream: upstream 'app' has no tls, which mode: originate is for"},
      {.name = "upstream_tls_unreadable", .text = ORIGINATE TO_APP "upstreams: [{name: app, endpoints: [\"127.0.0.1:8080\"], tls: yes}]\n", .told = "6 upstreams[0].tls: is a single value, but must be a mapping"},
      {.name = "tls_of_terminate", .text = ORIGINATE TLS TO_APP SECURE("server_ca: file:ca.pem"), .told = "5 listeners[0].tls: is for mode: terminate; here clients talk plaintext"},
      {.name = "rules_of_terminate", .text = ORIGINATE TO_APP RULES SECURE("server_ca: file:ca.pem"), .told = "6 listeners[0].rules: is for mode: terminate; plaintext has no names to choose by"},
      {.name = "answers", .text = ORIGINATE TO_APP "  refuse_with: alert\n  no_upstream: alert\n" SECURE("server_ca: file:ca.pem"), .told = "6 listeners[0].refuse_with: is for mode: terminate; here clients have no TLS with us\n7 listeners[0].no_upstream: is for mode: terminate; here clients have no TLS with us"},
      {.name = "upstream_in_terminate", .text = LISTENER LISTEN TLS RULES TO_APP UPSTREAM, .told = "6 listeners[0].upstream: is for mode: originate; here rules choose the upstream"},
      {.name = "rule_to_tls", .text = LISTENER LISTEN TLS RULES SECURE("server_ca: file:ca.pem"), .told = "5 listeners[0].rules[0].upstream: upstream 'app' has tls: not in this version for mode: terminate"},
      {.name = "unused_upstream_with_tls", .text = WITH_UPSTREAM("{name: app, endpoints: [\"127.0.0.1:1\"]}, {name: b, endpoints: [\"127.0.0.1:2\"], tls: {server_ca: file:ca.pem}}"), .told = ""},
      {.name = "require_on_unix_endpoint", .text = ORIGINATE TO_APP "  offload: require\nupstreams: [{name: app, endpoints: [unix:/run/u], tls: {server_ca: file:ca.pem, server_name: a.example}}]\n", .told = "5 listeners[0].upstream: upstream 'app' has a unix socket, the kernel has TLS for TCP only, and offload is require"},
      {.name = "ca_missing", .text = ORIGINATE TO_APP SECURE("min_version: '1.3'"), .told = "6 upstreams[0].tls.server_ca: is missing"},
      {.name = "ca_is_none", .text = ORIGINATE TO_APP SECURE("server_ca: file:server.pem"), .told = "6 upstreams[0].tls.server_ca: file:server.pem: the certificate of CN=server is not a CA"},
      {.name = "ca_not_there", .text = ORIGINATE TO_APP SECURE("server_ca: file:no.pem"), .told = "6 upstreams[0].tls.server_ca: file:no.pem: No such file or directory"},
      {.name = "key_missing", .text = WITH_SERVER(", certificate: {chain: file:client.pem}"), .told = "6 upstreams[0].tls.certificate.key: is missing"},
      {.name = "chain_missing", .text = WITH_SERVER(", certificate: {key: file:client.key}"), .told = "6 upstreams[0].tls.certificate.chain: is missing"},
      {.name = "key_not_there", .text = WITH_SERVER(", certificate: {chain: file:client.pem, key: file:no.key}"), .told = "6 upstreams[0].tls.certificate.key: file:no.key: No such file or directory"},
      {.name = "key_of_another", .text = WITH_SERVER(", certificate: {chain: file:client.pem, key: file:other.key}"), .told = "6 upstreams[0].tls.certificate.key: file:other.key: the private key does not belong to the first certificate, of CN=client"},
      {.name = "min_version", .text = WITH_SERVER(", min_version: '1.1'"), .told = "6 upstreams[0].tls.min_version: '1.1' is not a possible value"},
      {.name = "name_dns", .text = WITH_SERVER(", server_name: app.example"), .told = ""},
      {.name = "name_v4", .text = WITH_SERVER(", server_name: 192.0.2.1"), .told = ""},
      {.name = "name_v6", .text = WITH_SERVER(", server_name: '2001:db8::1'"), .told = ""},
      {.name = "name_spiffe", .text = WITH_SERVER(", server_name: spiffe://prod.example/ns/x"), .told = ""},
      {.name = "name_urn", .text = WITH_SERVER(", server_name: 'urn:app'"), .told = ""},
      {.name = "name_empty", .text = WITH_SERVER(", server_name: ''"), .told = SERVER_NAME_MISTAKE("")},
      {.name = "name_with_port", .text = WITH_SERVER(", server_name: 'app.example:443'"), .told = SERVER_NAME_MISTAKE("app.example:443")},
      {.name = "name_wildcard", .text = WITH_SERVER(", server_name: '*.example'"), .told = SERVER_NAME_MISTAKE("*.example")},
      {.name = "name_wildcard_uri", .text = WITH_SERVER(", server_name: 'spiffe://a/*'"), .told = SERVER_NAME_MISTAKE("spiffe://a/*")},
      {.name = "name_slipped_v4", .text = WITH_SERVER(", server_name: 192.0.2.300"), .told = SERVER_NAME_MISTAKE("192.0.2.300")},
      {.name = "name_v6_in_brackets", .text = WITH_SERVER(", server_name: '[::1]'"), .told = SERVER_NAME_MISTAKE("[::1]")},
      {.name = "name_dot_behind", .text = WITH_SERVER(", server_name: app.example."), .told = SERVER_NAME_MISTAKE("app.example.")},
      {.name = "name_missing_on_unix", .text = ORIGINATE TO_APP "upstreams: [{name: app, endpoints: [\"127.0.0.1:1\", unix:/run/u], tls: {server_ca: file:ca.pem}}]\n", .told = "6 upstreams[0].tls.server_name: is missing: a unix socket has no address that a certificate could be for"},
      {.name = "sni", .text = WITH_SERVER(", sni: front.example"), .told = ""},
      {.name = "sni_ip", .text = WITH_SERVER(", sni: 192.0.2.1"), .told = "6 upstreams[0].tls.sni: '192.0.2.1' is not a DNS name"},
      {.name = "sni_empty", .text = WITH_SERVER(", sni: ''"), .told = "6 upstreams[0].tls.sni: '' is not a DNS name"},
      {.name = "alpn", .text = WITH_SERVER(", alpn: [h2, http/1.1]"), .told = ""},
      {.name = "alpn_empty", .text = WITH_SERVER(", alpn: [h2, '']"), .told = "6 upstreams[0].tls.alpn[1]: is empty"},
      {.name = "alpn_none", .text = WITH_SERVER(", alpn: []"), .told = "6 upstreams[0].tls.alpn: is an empty list"},
      {.name = "alpn_too_many", .text = WITH_SERVER(", alpn: [a, b, c, d, e, f, g, h, i]"), .told = "6 upstreams[0].tls.alpn: has too many protocols"},
      {.name = "unknown_key", .text = WITH_SERVER(", client_ca: file:ca.pem"), .told = "6 upstreams[0].tls.client_ca: unknown key"});

#define NO_EFFECT "has no effect: mode: passthrough leaves TLS as it is"
#define NO_CERTIFICATE "can never match: mode: passthrough sees no certificate"

CASES(struct config_case, passthrough,
      {.name = "upstream", .text = PASSTHROUGH TO_APP UPSTREAM, .told = ""},
      {.name = "rules", .text = ROUTES("{name: a, match: {sni: [a.example, \"*.apps.example\"]}, upstream: app}, {name: b, upstream: app}"), .told = ""},
      {.name = "deny", .text = ROUTES("{name: a, match: {sni: [a.example]}, action: deny}, {name: b, upstream: app}"), .told = ""},
      {.name = "unix", .text = LISTENER "  listen: [unix:/run/a]\n  mode: passthrough\n" TO_APP UPSTREAM, .told = ""},
      {.name = "neither", .text = PASSTHROUGH UPSTREAM, .told = "2 listeners[0].upstream: is missing"},
      {.name = "both", .text = PASSTHROUGH TO_APP "  rules: [{name: a, upstream: app}]\n" UPSTREAM, .told = "5 listeners[0].upstream: is for listeners without rules"},
      {.name = "upstream_unknown", .text = PASSTHROUGH "  upstream: ap\n" UPSTREAM, .told = "5 listeners[0].upstream: there is no upstream 'ap'"},
      {.name = "upstream_with_tls", .text = PASSTHROUGH TO_APP SECURE("server_ca: file:ca.pem"), .told = "5 listeners[0].upstream: upstream 'app' has tls, but here clients bring their own"},
      {.name = "rule_to_tls", .text = PASSTHROUGH "  rules: [{name: a, upstream: app}]\n" SECURE("server_ca: file:ca.pem"), .told = "5 listeners[0].rules[0].upstream: upstream 'app' has tls, but here clients bring their own"},
      {.name = "rule_without_upstream", .text = ROUTES("{name: a, match: {sni: [a.example]}}"), .told = "5 listeners[0].rules[0].upstream: is missing"},
      {.name = "deny_with_upstream", .text = ROUTES("{name: a, action: deny, upstream: app}"), .told = "5 listeners[0].rules[0].upstream: has no effect: the rule denies"},
      {.name = "never_asked", .text = ROUTES("{name: a, upstream: app}, {name: b, match: {sni: [a.example]}, upstream: app}"), .remark = true, .told = "5 listeners[0].rules[1]: warning: is never asked: rule 'a' before it takes every client"},
      {.name = "tls", .text = PASSTHROUGH TLS TO_APP UPSTREAM, .told = "5 listeners[0].tls: " NO_EFFECT},
      {.name = "offload", .text = PASSTHROUGH "  offload: auto\n" TO_APP UPSTREAM, .told = "5 listeners[0].offload: " NO_EFFECT},
      {.name = "offload_after", .text = PASSTHROUGH "  offload_after: {bytes: 0}\n" TO_APP UPSTREAM, .told = "5 listeners[0].offload_after: " NO_EFFECT},
      {.name = "engine", .text = PASSTHROUGH "  engine: splice\n" TO_APP UPSTREAM, .told = "5 listeners[0].engine: " NO_EFFECT},
      {.name = "on_truncation", .text = PASSTHROUGH "  on_truncation: reset\n" TO_APP UPSTREAM, .told = "5 listeners[0].on_truncation: " NO_EFFECT},
      {.name = "respond", .text = ROUTES("{name: a, action: deny, respond: reset}"), .told = "5 listeners[0].rules[0].respond: is for mode: terminate; here TLS does not end"},
      {.name = "match_cn", .text = ROUTE("sni: [a.example], cn: [a]"), .told = "5 listeners[0].rules[0].match.cn: " NO_CERTIFICATE},
      {.name = "match_dns", .text = ROUTE("dns: [a.example]"), .told = "5 listeners[0].rules[0].match.dns: " NO_CERTIFICATE},
      {.name = "match_uri", .text = ROUTE("uri: [\"urn:x\"]"), .told = "5 listeners[0].rules[0].match.uri: " NO_CERTIFICATE},
      {.name = "match_anonymous", .text = ROUTE("anonymous: true"), .told = "5 listeners[0].rules[0].match.anonymous: " NO_CERTIFICATE},
      {.name = "match_empty", .text = ROUTE(""), .told = "5 listeners[0].rules[0].match: is empty"},
      {.name = "sni_none", .text = ROUTE("sni: []"), .told = "5 listeners[0].rules[0].match.sni: is an empty list"},
      {.name = "sni_empty", .text = ROUTE("sni: [a.example, '']"), .told = "5 listeners[0].rules[0].match.sni[1]: is empty"},
      {.name = "sni_star_in_label", .text = ROUTE("sni: [\"a*.example\"]"), .told = "5 listeners[0].rules[0].match.sni[0]: 'a*.example' is not a DNS name"},
      {.name = "sni_final_dot", .text = ROUTE("sni: [a.example.]"), .told = "5 listeners[0].rules[0].match.sni[0]: 'a.example.' is not a DNS name"},
      {.name = "unknown_key", .text = ROUTE("host: [a.example]"), .told = "5 listeners[0].rules[0].match.host: unknown key"});

CASES(struct config_case, upstreams,
      {.name = "missing", .text = LISTENER LISTEN TLS RULES, .told = "1 upstreams: is missing"},
      {.name = "name_missing", .text = WITH_UPSTREAM("{endpoints: [\"127.0.0.1:1\"]}"), .told = "6 upstreams[0].name: is missing"},
      {.name = "names_twice", .text = WITH_UPSTREAM("{name: app, endpoints: [\"127.0.0.1:1\"]}, {name: app, endpoints: [\"127.0.0.1:2\"]}"), .told = "6 upstreams[1].name: there is another upstream 'app'"},
      {.name = "endpoints_missing", .text = WITH_UPSTREAM("{name: app}"), .told = "6 upstreams[0].endpoints: is missing"},
      {.name = "endpoint_name", .text = WITH_UPSTREAM("{name: app, endpoints: [\"127.0.0.1:1\", \"app.example:80\"]}"), .told = "6 upstreams[0].endpoints[1]: 'app.example:80' is not an address"},
      {.name = "loop", .text = WITH_UPSTREAM("{name: app, endpoints: [\"127.0.0.1:1\", \"127.0.0.1:8443\"]}"), .told = "6 upstreams[0].endpoints[1]: 127.0.0.1:8443 is where listener 'web' listens"},
      {.name = "loop_on_unix", .text = LISTENER "  listen: [unix:/run/x]\n" TLS RULES "upstreams: [{name: app, endpoints: [unix:/run/x]}]\n", .told = "6 upstreams[0].endpoints[0]: unix:/run/x is where listener 'web' listens"},
      {.name = "loop_by_any_address", .text = LISTENER "  listen: [\"0.0.0.0:8080\"]\n" TLS RULES UPSTREAM, .told = "6 upstreams[0].endpoints[0]: 127.0.0.1:8080 is where listener 'web' listens"},
      {.name = "loop_by_any_v6_address", .text = LISTENER "  listen: [\"[::]:1\"]\n" TLS RULES "upstreams: [{name: app, endpoints: [\"[::1]:1\"]}]\n", .told = "6 upstreams[0].endpoints[0]: [::1]:1 is where listener 'web' listens"},
      {.name = "loop_to_any_address", .text = LISTENER LISTEN TLS RULES "upstreams: [{name: app, endpoints: [\"0.0.0.0:8443\"]}]\n", .told = "6 upstreams[0].endpoints[0]: 0.0.0.0:8443 is where listener 'web' listens"},
      {.name = "other_port_is_no_loop", .text = LISTENER "  listen: [\"0.0.0.0:8443\", \"[::]:8080\"]\n" TLS RULES UPSTREAM, .told = ""},
      {.name = "other_host_is_no_loop", .text = LISTENER "  listen: [\"0.0.0.0:8443\"]\n" TLS RULES "upstreams: [{name: app, endpoints: [\"192.0.2.1:8443\"]}]\n", .told = ""},
      {.name = "other_loopback_is_no_loop", .text = LISTENER LISTEN TLS RULES "upstreams: [{name: app, endpoints: [\"127.0.0.2:8443\"]}]\n", .told = ""});
/* clang-format on */

static void write_expired(enum tls_pki_usage usage, const char *name)
{
	struct tls_pki_entity _cleanup_pki_entity_ *entity =
		material_issue(usage, TLS_PKI_ECDSA_P256, name, -3, -1, NULL);

	material_write_entity(name, entity);
}

/* What @text names. */
static void write_all(const char *text)
{
	material_write_all();
	if (strstr(text, "file:old.pem"))
		write_expired(TLS_PKI_SERVER, "old");
	if (strstr(text, "file:oldca.pem"))
		write_expired(TLS_PKI_ROOT_CA, "oldca");
}

static void check(const struct config_case *variant)
{
	char _cleanup_free_ *text = NULL;
	struct report report;
	struct bundle *bundle;
	struct config *config;
	bool good = !variant->told[0] || variant->remark;

	write_all(variant->text);
	report_init(&report);
	CHECK_EQ(material_load(variant->text, &report, &bundle, &config), good ? 0 : -EINVAL);
	CHECK_EQ(config != NULL, good);
	CHECK_EQ(report.n_mistakes == 0, good);
	text = material_told(&report);
	if (variant->remark && strlen(text) > strlen(variant->told))
		text[strlen(variant->told)] = '\0'; /* a date is behind it */
	CHECK_STR(text, variant->told);
	config_free(config);
	bundle_free(bundle);
	report_done(&report);
}

TEST_CASES(the_whole, wholes)
{
	check(variant);
}

TEST_CASES(a_listener, listeners)
{
	check(variant);
}

TEST_CASES(its_tls, tls)
{
	check(variant);
}

TEST_CASES(its_rules, rules)
{
	check(variant);
}

TEST_CASES(names_in_a_match, names)
{
	check(variant);
}

TEST_CASES(mode_originate, originate)
{
	check(variant);
}

TEST_CASES(mode_passthrough, passthrough)
{
	check(variant);
}

TEST_CASES(an_upstream, upstreams)
{
	check(variant);
}

static struct config *load_good(const char *text)
{
	char _cleanup_free_ *told = NULL;
	struct report report;
	struct bundle *bundle;
	struct config *config;

	write_all(text);
	report_init(&report);
	MUST_EQ(material_load(text, &report, &bundle, &config), 0);
	told = material_told(&report);
	CHECK_STR(told, "");
	bundle_free(bundle); /* the configuration stands without it */
	report_done(&report);
	return config;
}

TEST(what_nobody_says_has_a_default)
{
	struct config *config = load_good(GOOD);
	const struct config_listener *listener = &config->listeners[0];

	CHECK_EQ(config->timeouts.handshake_ms, 10000);
	CHECK_EQ(config->timeouts.connect_ms, 5000);
	CHECK_EQ(config->timeouts.idle_ms, 3600000);
	CHECK_EQ(config->timeouts.half_closed_ms, 0);
	CHECK_EQ(config->timeouts.unacked_ms, 900000);
	CHECK_EQ(config->session.max_age_ms, 0);
	CHECK_EQ(config->timeouts.drain_ms, 30000);
	CHECK_EQ(config->limits.connections, 10000);
	CHECK_EQ(config->limits.handshakes, 1000);
	CHECK_EQ(config->limits.key_updates, 100);
	CHECK_EQ(config->admin.len, 0);
	CHECK_EQ(config->workers, 0);
	CHECK_STR(config->user, NULL);
	CHECK_EQ(config->log_format, CONFIG_LOG_KEY_VALUE);
	CHECK_EQ(listener->tls_version, TLS_1_2_UP);
	CHECK_EQ(listener->client_auth, CLIENT_AUTH_REQUIRE);
	CHECK_EQ(listener->offload, OFFLOAD_AUTO);
	CHECK_EQ(listener->on_truncation, TRUNCATION_RESET);
	CHECK_EQ(listener->n_alpn, 0);
	CHECK_EQ(listener->refuse_with, RESPOND_ALERT);
	CHECK_EQ(listener->no_upstream, NO_UPSTREAM_ALERT);
	CHECK_EQ(listener->rules[0].respond, RESPOND_AS_LISTENER);
	CHECK_EQ(listener->rules[0].action, ACTION_ALLOW);
	CHECK_STR(listener->client_ca.source, "file:ca.pem");
	CHECK(strstr(listener->certificates[0].key.data, "PRIVATE KEY"));
	config_free(config);
}

static bool has(const struct config_rule *rule, enum match_key key, const char *entry)
{
	return rule->match && rule->match->sets[key] &&
	       match_set_has(rule->match->sets[key], entry, strlen(entry), NULL);
}

TEST(what_somebody_says_is_so)
{
	struct config *config = load_good(
		"listeners:\n"
		"- {name: a, listen: [\"127.0.0.1:1\", \"unix:/run/l\"], offload: off, on_truncation: "
		"accept, mode: terminate, refuse_with: http-403, no_upstream: http-503,\n"
		"   tls: {" PAIR
		", client_auth: optional, client_ca: file:ca.pem, min_version: '1.3', alpn: [a, http/1.1]},\n"
		"   rules: [{name: no, action: deny, respond: reset, match: {cn: [x, y]}},\n"
		"           {name: two, match: {dns: [d.example], uri: ['urn:u']}, upstream: two},\n"
		"           {name: one, action: allow, upstream: one},\n"
		"           {name: visitors, action: deny, match: {anonymous: true}}]}\n"
		"upstreams: [{name: one, endpoints: [\"127.0.0.1:2\"]}, {name: two, endpoints: "
		"[\"[::1]:3\", \"unix:/run/u\"]}]\n"
		"timeouts: {handshake: 1ms, connect: 2s, idle: 0, half_closed: 3m, unacked: 4s, "
		"drain: 1h}\n"
		"session: {max_age: 5h}\n"
		"limits: {connections: 7, handshakes: 8, key_updates: 9}\n"
		"admin: {listen: unix:/run/admin}\n"
		"log: {format: json}\n"
		"workers: 3\n"
		"user: proxy\n");
	const struct config_listener *listener = &config->listeners[0];

	CHECK_EQ(listener->n_addrs, 2);
	CHECK(addr_is_unix(&listener->addrs[1]));
	CHECK_EQ(listener->offload, OFFLOAD_OFF);
	CHECK_EQ(listener->on_truncation, TRUNCATION_ACCEPT);
	MUST_EQ(listener->n_alpn, 2);
	CHECK_STR(listener->alpn[1], "http/1.1");
	CHECK_EQ(listener->refuse_with, RESPOND_HTTP_403);
	CHECK_EQ(listener->no_upstream, NO_UPSTREAM_HTTP_503);
	CHECK_EQ(listener->rules[0].respond, RESPOND_RESET);
	CHECK_EQ(listener->rules[1].respond, RESPOND_AS_LISTENER);
	CHECK_EQ(listener->client_auth, CLIENT_AUTH_OPTIONAL);
	CHECK_EQ(listener->tls_version, TLS_1_3_ONLY);
	MUST_EQ(listener->n_rules, 4);
	CHECK_EQ(listener->rules[0].action, ACTION_DENY);
	CHECK(has(&listener->rules[0], MATCH_CN, "x") && has(&listener->rules[0], MATCH_CN, "y"));
	CHECK(!has(&listener->rules[0], MATCH_CN, "z"));
	CHECK_EQ(listener->rules[1].upstream, 1);
	CHECK(has(&listener->rules[1], MATCH_URI, "urn:u"));
	CHECK_EQ(listener->rules[2].upstream, 0);
	CHECK_EQ(listener->rules[2].anonymous, false);
	CHECK_EQ(listener->rules[3].anonymous, true);
	CHECK_EQ(config->upstreams[1].n_endpoints, 2);
	CHECK_EQ(config->timeouts.handshake_ms, 1);
	CHECK_EQ(config->timeouts.idle_ms, 0);
	CHECK_EQ(config->timeouts.half_closed_ms, 180000);
	CHECK_EQ(config->timeouts.unacked_ms, 4000);
	CHECK_EQ(config->session.max_age_ms, 18000000);
	CHECK_EQ(config->timeouts.drain_ms, 3600000);
	CHECK_EQ(config->limits.connections, 7);
	CHECK_EQ(config->limits.key_updates, 9);
	CHECK(addr_is_unix(&config->admin));
	CHECK_EQ(config->log_format, CONFIG_LOG_JSON);
	CHECK_EQ(config->workers, 3);
	CHECK_STR(config->user, "proxy");
	config_free(config);
}

TEST(what_is_for_the_upstream_has_a_default)
{
	struct config *config = load_good(WITH_SERVER(""));
	const struct config_listener *listener = &config->listeners[0];
	const struct config_upstream_tls *to = config->upstreams[0].tls;

	CHECK_EQ(listener->mode, MODE_ORIGINATE);
	CHECK_EQ(listener->client_auth, CLIENT_AUTH_OFF);
	MUST_EQ(listener->n_rules, 1);
	CHECK_EQ(listener->rules[0].action, ACTION_ALLOW);
	CHECK_EQ(listener->rules[0].upstream, 0);
	CHECK_STR(listener->rules[0].name, NULL);
	MUST(to);
	CHECK(!to->certificate.chain.data);
	CHECK_STR(to->server_ca.source, "file:ca.pem");
	CHECK_EQ(to->server_kind, SERVER_IP);
	CHECK_STR(to->server_name, NULL);
	CHECK_STR(to->sni, NULL);
	CHECK_EQ(to->n_alpn, 0);
	CHECK_EQ(to->tls_version, TLS_1_2_UP);
	config_free(config);
	config = load_good(WITH_SERVER(", server_name: app.example"));
	CHECK_EQ(config->upstreams[0].tls->server_kind, SERVER_DNS);
	CHECK_STR(config->upstreams[0].tls->sni, "app.example");
	config_free(config);
}

TEST(what_is_for_the_upstream_is_so)
{
	struct config *config =
		load_good(WITH_SERVER(", certificate: {chain: file:client.pem, key: "
				      "file:client.key}, server_name: 'spiffe://a/b', sni: "
				      "c.example, alpn: [h2, x], min_version: '1.3'"));
	struct config_upstream_tls *to = config->upstreams[0].tls;

	CHECK(strstr(to->certificate.key.data, "PRIVATE KEY"));
	CHECK_EQ(to->server_kind, SERVER_URI);
	CHECK_STR(to->server_name, "spiffe://a/b");
	CHECK_STR(to->sni, "c.example");
	MUST_EQ(to->n_alpn, 2);
	CHECK_STR(to->alpn[1], "x");
	CHECK_EQ(to->tls_version, TLS_1_3_ONLY);
	config_wipe_keys(config);
	CHECK(!to->certificate.key.data);
	CHECK(to->certificate.chain.data);
	config_free(config);
}

TEST(what_is_passed_through_is_so)
{
	struct config *config = load_good(
		PASSTHROUGH "  rules: [{name: a, match: {sni: [a.example, \"*.b.example\"]}, "
			    "upstream: b}, {name: c, action: deny}]\n"
			    "upstreams:\n"
			    "- {name: a, endpoints: [\"127.0.0.1:1\"]}\n"
			    "- {name: b, endpoints: [\"127.0.0.1:2\"]}\n");
	const struct config_listener *listener = &config->listeners[0];

	CHECK_EQ(listener->mode, MODE_PASSTHROUGH);
	CHECK_EQ(listener->client_auth, CLIENT_AUTH_OFF);
	MUST_EQ(listener->n_rules, 2);
	CHECK(has(&listener->rules[0], MATCH_SNI, "a.example"));
	CHECK(has(&listener->rules[0], MATCH_SNI, "*.b.example"));
	CHECK_EQ(listener->rules[0].upstream, 1);
	CHECK(!listener->rules[1].match);
	CHECK_EQ(listener->rules[1].action, ACTION_DENY);
	config_free(config);
}

TEST(every_mistake_is_told_at_once)
{
	check(&(struct config_case){
		.text = "listeners:\n"
			"- name: a\n"
			"  listn: [x]\n"
			"  listen: [\"127.0.0.1:1\", nowhere]\n"
			"  tls:\n"
			"    certificates:\n"
			"    - {chain: file:server.pem, key: file:other.key}\n"
			"    - {chain: file:gone.pem, key: file:server.key}\n"
			"    client_auth: sometimes\n"
			"  rules:\n"
			"  - {name: r, match: {dns: [a..b]}, upstream: nobody}\n"
			"- name: a\n"
			"  listen: [\"127.0.0.1:1\"]\n"
			"upstreams:\n"
			"- {name: u, endpoints: [\"127.0.0.1:1\"]}\n"
			"timeouts: {idle: soon}\n"
			"user: ${SLUICE_TEST_NOT_SET}\n",
		.told = "3 listeners[0].listn: unknown key\n"
			"4 listeners[0].listen[1]: 'nowhere' is not an address\n"
			"7 listeners[0].tls.certificates[0].key: file:other.key: the private key does "
			"not belong to the first certificate, of CN=server\n"
			"8 listeners[0].tls.certificates[1].chain: file:gone.pem: No such file or "
			"directory\n"
			"9 listeners[0].tls.client_auth: 'sometimes' is not a possible value\n"
			"11 listeners[0].rules[0].upstream: there is no upstream 'nobody'\n"
			"11 listeners[0].rules[0].match.dns[0]: 'a..b' is not a DNS name\n"
			"12 listeners[1].name: there is another listener 'a'\n"
			"12 listeners[1].tls: is missing: a listener terminates TLS\n"
			"12 listeners[1].rules: is missing: without a rule everybody is refused\n"
			"13 listeners[1].listen[0]: 127.0.0.1:1 is listened on twice; see line 4\n"
			"15 upstreams[0].endpoints[0]: 127.0.0.1:1 is where listener 'a' listens\n"
			"16 timeouts.idle: 'soon' is not a duration\n"
			"17 user: ${SLUICE_TEST_NOT_SET} is not set in the environment"});
}

/* The hint names what there is, unless a name that could not be read may be the one. */
TEST(a_hint_does_not_guess)
{
	struct report report;
	struct bundle *bundle;
	struct config *config;

	write_all("");
	report_init(&report);
	CHECK_EQ(material_load(WITH_RULES("{name: a, upstream: x}"), &report, &bundle, &config),
		 -EINVAL);
	MUST_EQ(report.count, 1);
	CHECK_STR(report.items[0].hint, "upstreams are: app");
	report_done(&report);
	bundle_free(bundle);
	report_init(&report);
	CHECK_EQ(material_load(LISTENER LISTEN TLS "  rules: [{name: a, upstream: x}]\n"
						   "upstreams: [{nam: x, endpoints: [unix:/u]}]\n",
			       &report, &bundle, &config),
		 -EINVAL);
	for (size_t i = 0; i < report.count; i++)
		CHECK(strstr(report.items[i].field, "upstreams[0]"), "%s: %s",
		      report.items[i].field, report.items[i].message);
	report_done(&report);
	bundle_free(bundle);
}
