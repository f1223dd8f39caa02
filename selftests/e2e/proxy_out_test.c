// SPDX-License-Identifier: Apache-2.0
/* The PROXY protocol with upstreams: they are told who the client is before its first byte. */
#include "selftests/e2e/e2e.h"

#include "sys/json.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

SUITE("proxy_out", NEEDS(NEED_NETNS), .deadline_ms = 30000);

#define ALERT_INTERNAL_ERROR 80

#define EVERYTHING                                                                                 \
	"proxy_protocol: v2, proxy_protocol_tlvs: [alpn, authority, unique_id, crc32c, ssl, "      \
	"certificate, others]"

CASES(struct e2e_case, engines, E2E_ENGINES);

/* The client speaks first, at once with its handshake where it can: the header has to be before that. */
#define ANSWER STEPS(RECV(100000), SEND(200000), RECV_END, FINISH)
#define ASK    STEPS(SEND(100000), RECV(200000), FINISH, RECV_END)

static const struct introduction *told(struct e2e *e, unsigned int index)
{
	e2e_upstream(e, index);
	return e->upstream.conns[index].introduction;
}

/* One session of client-a, or of @options, up to its line in the log. */
static struct log_entry talk(struct e2e *e, struct tlsclient_options *options,
			     unsigned int *ret_port)
{
	struct tlsclient client;
	struct peer peer;

	e2e_connect(e, &client, options);
	*ret_port = client.port;
	peer_init_client(&peer, &client);
	e2e_run(e, &peer, ASK);
	tlsclient_close(&client);
	e2e_upstream(e, 0);
	return e2e_prove_session(e, 0, "done");
}

static void check_address(struct e2e *e, const char *text, unsigned int port)
{
	char wanted[ADDR_TEXT_MAX];

	snprintf(wanted, sizeof(wanted), "127.0.0.1:%u", port);
	E2E_MUST(e, strcmp(text, wanted) == 0, "%s, not %s", text, wanted);
}

static void check_addresses(struct e2e *e, const struct introduction *in, unsigned int client)
{
	check_address(e, in->source, client);
	check_address(e, in->destination, e->port);
}

static bool is_certificate(const struct introduction_value *value, const char *file)
{
	unsigned char *der = NULL;
	FILE *pem = fopen(file, "re");
	X509 *certificate = pem ? PEM_read_X509(pem, NULL, NULL, NULL) : NULL;
	int len = certificate ? i2d_X509(certificate, &der) : -1;
	bool same = len > 0 && value->at && value->len == (size_t)len &&
		    memcmp(value->at, der, value->len) == 0;

	if (pem)
		(void)fclose(pem);
	X509_free(certificate);
	OPENSSL_free(der);
	return same;
}

TEST_CASES(everything_is_told, engines)
{
	static struct e2e e;
	const struct introduction *in;
	struct tlsclient_options options;
	struct log_entry line;
	unsigned int port;
	char id[DAEMON_VALUE_MAX], cipher[DAEMON_VALUE_MAX];

	e.engine = variant->engine;
	e.script = ANSWER;
	e.app = EVERYTHING;
	e.upstream.introduced = true;
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	line = talk(&e, &options, &port);
	in = told(&e, 0);
	CHECK_EQ(in->version, 2);
	check_addresses(&e, in, port);
	CHECK(introduction_is(in, 0x02, "localhost"));
	CHECK(!in->tlv[0x01].at);
	CHECK(in->tlv[0x03].at);
	CHECK(log_entry_get(&line, "unique_id", id) && introduction_is(in, 0x05, id), "%s",
	      line.text);
	CHECK_EQ(in->tlv[0x05].len, 32);
	CHECK_EQ(in->ssl_flags, 7);
	CHECK_EQ(in->ssl_verify, 0);
	CHECK(introduction_is(in, 0x21,
			      variant->version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2"));
	CHECK(introduction_is(in, 0x22, "client-a"));
	log_entry_get(&line, "cipher", cipher);
	CHECK(introduction_is(in, 0x23, cipher));
	CHECK(introduction_is(in, 0x24, "ecdsa-with-SHA256"));
	CHECK(introduction_is(in, 0x25, "EC256"));
	CHECK(is_certificate(&in->tlv[0x28], options.cert));
	CHECK(log_entry_is(&line, "via", "-"), "%s", line.text);
	e2e_stop(&e);
}

TEST_CASES(a_line, engines)
{
	static struct e2e e;
	struct tlsclient_options options;
	const struct introduction *in;
	unsigned int port;

	e.engine = variant->engine;
	e.script = ANSWER;
	e.app = "proxy_protocol: v1";
	e.upstream.introduced = true;
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	(void)talk(&e, &options, &port);
	in = told(&e, 0);
	CHECK_EQ(in->version, 1);
	check_addresses(&e, in, port);
	e2e_stop(&e);
}

/* --- what is chosen --- */

struct choice_case {
	VARIANT;
	const char *app;
	const char *told; /* types that are there, and no others */
};

/* clang-format off */
CASES(struct choice_case, choices,
      {.name = "default", .app = "proxy_protocol: v2", .told = "\x02\x03\x05\x20\x21\x22\x23\x24\x25"},
      {.name = "none", .app = "proxy_protocol: v2, proxy_protocol_tlvs: [none]", .told = ""},
      {.name = "ssl", .app = "proxy_protocol: v2, proxy_protocol_tlvs: [ssl]", .told = "\x20\x21\x22\x23\x24\x25"},
      {.name = "certificate", .app = "proxy_protocol: v2, proxy_protocol_tlvs: [ssl, certificate]", .told = "\x20\x21\x22\x23\x24\x25\x28"},
      {.name = "unique_id", .app = "proxy_protocol: v2, proxy_protocol_tlvs: [unique_id]", .told = "\x05"},
      {.name = "authority_and_checksum", .app = "proxy_protocol: v2, proxy_protocol_tlvs: [authority, crc32c]", .told = "\x02\x03"});
/* clang-format on */

TEST_CASES(what_is_chosen_is_told, choices)
{
	static struct e2e e;
	struct tlsclient_options options;
	const struct introduction *in;
	unsigned int port;

	e.script = ANSWER;
	e.app = variant->app;
	e.upstream.introduced = true;
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	(void)talk(&e, &options, &port);
	in = told(&e, 0);
	check_addresses(&e, in, port);
	for (int type = 1; type < 256; type++)
		CHECK_EQ(in->tlv[type].at != NULL, strchr(variant->told, type) != NULL, "type %#x",
			 type);
	e2e_stop(&e);
}

/* Verified is only who has shown something. */
TEST(a_client_without_certificate_is_told_as_one)
{
	static struct e2e e;
	struct tlsclient_options options;
	const struct introduction *in;
	unsigned int port;

	e.script = ANSWER;
	e.app = EVERYTHING;
	e.client_auth = "optional";
	e.rules = "      - {name: anybody, match: {anonymous: true}, upstream: app}\n";
	e.upstream.introduced = true;
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	options.cert = options.key = NULL;
	(void)talk(&e, &options, &port);
	in = told(&e, 0);
	CHECK_EQ(in->ssl_flags, 1);
	CHECK_NE(in->ssl_verify, 0);
	CHECK(in->tlv[0x21].at && in->tlv[0x23].at);
	CHECK(!in->tlv[0x22].at && !in->tlv[0x28].at);
	e2e_stop(&e);
}

/* --- identities that do not fit --- */

/* PKI/odd.pem and .key, by the CA of the clients; @subject as openssl takes it, @more of its extensions. */
static void make_odd_client(const struct e2e *e, const char *subject, const char *more)
{
	char command[1024];
	FILE *file = fopen(e2e_path(e, "pki/odd.ext"), "we");

	MUST(file);
	(void)fprintf(file, "extendedKeyUsage=clientAuth\nsubjectAltName=DNS:odd.example\n%s",
		      more);
	(void)fclose(file);
	snprintf(
		command, sizeof(command),
		"cd %s/pki && { openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
		"-utf8 -subj '%s' -keyout odd.key -out odd.csr && openssl x509 -req -in odd.csr -CA "
		"sub-ca.pem -CAkey sub-ca.key -CAcreateserial -days 1 -extfile odd.ext -out odd.leaf; "
		"} 2>openssl.log && cat odd.leaf sub-ca.pem >odd.pem",
		e->daemon.dir, subject);
	MUST_EQ(system(command), 0); /* NOLINT(cert-env33-c) */
}

static char *long_extension(size_t bytes)
{
	static const char head[] = "1.2.3.4=ASN1:UTF8String:";
	char *text = malloc(sizeof(head) + bytes + 1);

	MUST(text);
	memcpy(text, head, sizeof(head) - 1);
	memset(text + sizeof(head) - 1, 'x', bytes);
	memcpy(text + sizeof(head) - 1 + bytes, "\n", 2);
	return text;
}

struct odd_case {
	VARIANT;
	const char *subject;
	size_t extension; /* bytes; 0: none */
	const char *app;
	const char *reason; /* NULL: it fits */
	const char *cn;	    /* that is told then; NULL: none */
};

#define WITHOUT ", and proxy_protocol_tlvs is without certificate"
#define SSL	"proxy_protocol: v2, proxy_protocol_tlvs: [ssl]"
#define WHOLE	"proxy_protocol: v2, proxy_protocol_tlvs: [ssl, certificate]"

/* clang-format off */
CASES(struct odd_case, odds,
      {.name = "no_cn", .subject = "/O=Odd", .app = SSL, .reason = "the certificate has no CN" WITHOUT},
      {.name = "no_cn_by_default", .subject = "/O=Odd", .app = "proxy_protocol: v2", .reason = "the certificate has no CN" WITHOUT},
      {.name = "no_cn_and_certificate", .subject = "/O=Odd", .app = WHOLE},
      {.name = "no_cn_and_addresses", .subject = "/O=Odd", .app = "proxy_protocol: v2, proxy_protocol_tlvs: [none]"},
      {.name = "no_cn_and_a_line", .subject = "/O=Odd", .app = "proxy_protocol: v1"},
      {.name = "two_cns", .subject = "/CN=one/CN=two", .app = SSL, .reason = "the certificate has several CNs" WITHOUT},
      {.name = "two_cns_and_certificate", .subject = "/CN=one/CN=two", .app = WHOLE},
      {.name = "cn_in_utf8", .subject = "/CN=J\xc3\xbcrgen, O=x", .app = SSL, .cn = "J\xc3\xbcrgen, O=x"},
      {.name = "large_certificate", .subject = "/CN=odd", .extension = 60000, .app = WHOLE, .cn = "odd"},
      {.name = "too_large_certificate", .subject = "/CN=odd", .extension = 65500, .app = WHOLE, .reason = "the client's identity does not fit into a PROXY header"},
      {.name = "too_large_certificate_untold", .subject = "/CN=odd", .extension = 65500, .app = SSL, .cn = "odd"});
/* clang-format on */

static void start_for_odd(struct e2e *e, const struct odd_case *odd,
			  struct tlsclient_options *ret_options)
{
	char *more = odd->extension ? long_extension(odd->extension) : NULL;

	e->app = odd->app;
	e->rules = "      - {name: odd, match: {dns: [odd.example]}, upstream: app}\n";
	e->upstream.introduced = true;
	e2e_prepare(e);
	make_odd_client(e, odd->subject, more ? more : "");
	free(more);
	e2e_start(e);
	*ret_options = e2e_client_options(e, NULL);
	ret_options->cert = e2e_path(e, "pki/odd.pem");
	ret_options->key = e2e_path(e, "pki/odd.key");
}

static void expect_refusal(struct e2e *e, const struct tlsclient_options *options,
			   const char *reason)
{
	struct tlsclient client;
	struct log_entry line;
	int alert;

	e2e_connect(e, &client, options);
	alert = tlsclient_alert(&client, (int)test_scaled_ms(5000));
	E2E_MUST(e, alert == ALERT_INTERNAL_ERROR, "alert %d", alert);
	tlsclient_close(&client);
	line = e2e_refused(e, "proxy_header", "");
	E2E_MUST(e, log_entry_is(&line, "reason", reason), "%s", line.text);
	E2E_MUST(e, log_entry_is(&line, "rule", "odd"), "%s", line.text);
	E2E_MUST(e, daemon_counter(&e->daemon, "refused_proxy_header") == 1);
	E2E_MUST(e, daemon_counter(&e->daemon, "admitted") == 0);
}

TEST_CASES(an_identity_is_told_whole_or_refused, odds, PROGRAMS("openssl"))
{
	static struct e2e e;
	struct tlsclient_options options;
	const struct introduction *in;
	unsigned int port;

	e.script = ANSWER;
	start_for_odd(&e, variant, &options);
	if (variant->reason) {
		expect_refusal(&e, &options, variant->reason);
		e2e_stop(&e);
		return;
	}
	(void)talk(&e, &options, &port);
	in = told(&e, 0);
	check_addresses(&e, in, port);
	if (variant->cn)
		CHECK(introduction_is(in, 0x22, variant->cn));
	else
		CHECK(!in->tlv[0x22].at);
	CHECK_EQ(is_certificate(&in->tlv[0x28], options.cert),
		 strstr(variant->app, "certificate") != NULL);
	e2e_stop(&e);
}

/* --- upstreams --- */

TEST_CASES(before_the_hello_of_an_originated_session, engines)
{
	static struct e2e e = {.app = "proxy_protocol: v2", .demand_certificate = true};
	const struct introduction *in;
	struct addr local = {.len = sizeof(local.in4)};
	struct log_entry line;
	struct peer client;
	char id[DAEMON_VALUE_MAX];

	e.script = STEPS(RECV(100000), SEND(200000), RECV_END, FINISH);
	e.upstream.introduced = true;
	e2e_begin_plain(&e, variant, &client);
	MUST_OK(getsockname(client.fd, &local.sa, &local.len));
	e2e_run(&e, &client, STEPS(SEND(100000), RECV(200000)));
	e2e_prove_originated(&e, variant);
	e2e_run(&e, &client, STEPS(FINISH, RECV_END));
	in = told(&e, 0);
	check_addresses(&e, in, addr_port(&local));
	/* The client has no TLS and no name, whatever we have. */
	CHECK(!in->tlv[0x20].at && !in->tlv[0x02].at);
	line = e2e_prove_session(&e, 0, "done");
	CHECK(log_entry_get(&line, "unique_id", id) && introduction_is(in, 0x05, id), "%s",
	      line.text);
	e2e_end_plain(&e, &client);
}

TEST(before_the_clients_own_hello)
{
	static struct e2e e = {.passthrough = true, .app = "proxy_protocol: v2"};
	struct tlsclient_options options;
	const struct introduction *in;
	struct tlsclient client;
	struct peer peer;

	e.rules = "      - {name: by-name, match: {sni: [localhost]}, upstream: app}\n";
	e.script = ANSWER;
	e.upstream.introduced = true;
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, ASK);
	in = told(&e, 0);
	check_addresses(&e, in, client.port);
	CHECK(introduction_is(in, 0x02, "localhost"));
	CHECK(!in->tlv[0x20].at);
	tlsclient_close(&client);
	(void)e2e_prove_passthrough(&e, 0, "done");
	e2e_stop(&e);
}

struct version_case {
	VARIANT;
	const char *app;
	int version;
};

CASES(struct version_case, versions, {.name = "v1", .app = "proxy_protocol: v1", .version = 1},
      {.name = "v2", .app = "proxy_protocol: v2", .version = 2});

/* Neither the client of a unix socket nor the socket have an address that could be told. */
TEST_CASES(from_unix_to_unix, versions)
{
	static struct e2e e = {.passthrough = true, .plain_server = true};
	static char listen[ADDR_TEXT_MAX + 2], front[ADDR_TEXT_MAX], back[ADDR_TEXT_MAX];
	const struct introduction *in;
	struct peer client;

	daemon_init(&e.daemon);
	MUST_OK(chmod(e.daemon.dir, 0755));
	snprintf(front, sizeof(front), "unix:%s/front.sock", e.daemon.dir);
	snprintf(back, sizeof(back), "unix:%s/back.sock", e.daemon.dir);
	snprintf(listen, sizeof(listen), "\"%s\"", front);
	e.listen = listen;
	e.upstream_address = back;
	e.app = variant->app;
	e.script = ANSWER;
	e.upstream.introduced = true;
	e2e_prepare(&e);
	e2e_start(&e);
	peer_init_plain_client(&client, e2e_connect_plain(&e, front));
	e2e_run(&e, &client, ASK);
	in = told(&e, 0);
	CHECK_EQ(in->version, variant->version);
	CHECK(!in->local);
	CHECK_STR(in->source, "-");
	CHECK_EQ(in->tlv[0x05].len, variant->version == 2 ? 32 : 0);
	e2e_end_plain(&e, &client);
}

TEST(the_next_endpoint_is_told_too)
{
	static char endpoints[256];
	static struct e2e e = {.app = "proxy_protocol: v2", .upstream_address = "127.0.0.1:18080"};
	struct tlsclient_options options;

	e.script = ANSWER;
	e.upstream.introduced = true;
	snprintf(endpoints, sizeof(endpoints), "\"127.0.0.1:%u\", \"127.0.0.1:18080\"",
		 daemon_free_port());
	e.endpoints = endpoints;
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	for (unsigned int i = 0; i < 2; i++) {
		struct tlsclient client;
		struct peer peer;

		e2e_connect(&e, &client, &options);
		peer_init_client(&peer, &client);
		e2e_run(&e, &peer, ASK);
		check_addresses(&e, told(&e, i), client.port);
		tlsclient_close(&client);
	}
	E2E_MUST(&e, daemon_counter(&e.daemon, "upstream_retried") == 1);
	e2e_stop(&e);
}

static bool has_state(struct e2e *e, const char *state)
{
	struct json _cleanup_json_ *status = daemon_status(&e->daemon);
	struct json *worker = json_at(json_get_array(status, "workers"), 0);
	struct json *session = json_at(json_get_array(worker, "sessions"), 0);

	return strcmp(json_get_str(session, "state", ""), state) == 0;
}

/* A socket that takes little, and an upstream that does not read before the gate is open. */
static void start_with_little_room(struct e2e *e, struct tlsclient_options *ret_options)
{
	static const struct odd_case odd = {.subject = "/CN=odd", .extension = 60000, .app = WHOLE};

	e->upstream.introduced_gate = 1;
	e->upstream.receive_buffer = 2048;
	start_for_odd(e, &odd, ret_options);
	MUST_EQ(system("sysctl -q net.ipv4.tcp_wmem='4096 4096 4096'"), /* NOLINT(cert-env33-c) */
		0);
}

TEST(a_header_goes_in_parts, PROGRAMS("openssl sysctl"))
{
	static struct e2e e;
	struct tlsclient_options options;
	const struct introduction *in;
	struct tlsclient client;
	struct peer peer;

	e.script = STEPS(RECV(1000), SEND(2000), RECV_END, FINISH);
	start_with_little_room(&e, &options);
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, STEPS(SEND(1000)));
	E2E_MUST(&e, UNTIL(has_state(&e, "proxy_out"), 5000));
	atomic_store(&e.upstream.gate, 1);
	e2e_run(&e, &peer, STEPS(RECV(2000), FINISH, RECV_END));
	in = told(&e, 0);
	CHECK(is_certificate(&in->tlv[0x28], options.cert));
	tlsclient_close(&client);
	(void)e2e_prove_session(&e, 0, "done");
	e2e_stop(&e);
}

TEST(an_endpoint_that_does_not_take_the_header_is_given_up, PROGRAMS("openssl sysctl"))
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	int alert;

	e.script = STEPS(RECV_ALL);
	e.top = "timeouts: {connect: 200ms}\n";
	start_with_little_room(&e, &options);
	e2e_connect(&e, &client, &options);
	alert = tlsclient_alert(&client, (int)test_scaled_ms(5000));
	E2E_MUST(&e, alert == ALERT_INTERNAL_ERROR, "alert %d", alert);
	tlsclient_close(&client);
	E2E_MUST(&e, daemon_find_log(&e.daemon, "endpoint_failed", NULL, NULL, 0, &line));
	CHECK(strstr(line.text, "Connection timed out"), "%s", line.text);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "connections") == 0, 5000));
	e2e_stop(&e);
}

TEST(a_client_that_goes_meanwhile, PROGRAMS("openssl sysctl"))
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	e.script = STEPS(RECV_ALL);
	start_with_little_room(&e, &options);
	e2e_connect(&e, &client, &options);
	E2E_MUST(&e, UNTIL(has_state(&e, "proxy_out"), 5000));
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, STEPS(RESET));
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "connections") == 0, 5000));
	tlsclient_close(&client);
	E2E_MUST(&e, daemon_find_log(&e.daemon, "session", "close", "client_reset", 0, &line));
	e2e_stop(&e);
}

/* --- on the way from another proxy --- */

#define LISTED "    proxy_protocol: {from: [\"127.0.0.0/8\"]}\n"

static const struct introduction_out *from_another(void)
{
	static const uint8_t ssl[] = "\7\0\0\0\0\x21\0\7TLSv1.3\x22\0\5other";
	static struct introduction_out out;

	introduction_begin(&out, 0x21, 0x11, introduction_ip4_addresses, 12);
	introduction_tlv(&out, 0x01, "h2", 2);
	introduction_tlv(&out, 0x02, "app.example", 11);
	introduction_tlv(&out, 0x04, "padding", 7);
	introduction_tlv(&out, 0x05, "\0\1\2\3", 4);
	introduction_tlv(&out, 0x20, ssl, sizeof(ssl) - 1);
	introduction_tlv(&out, 0xea, "\1vpce-1", 7);
	introduction_end(&out, true);
	return &out;
}

static void check_passed_on(const struct introduction *in)
{
	CHECK_STR(in->source, "192.0.2.7:4711");
	CHECK_STR(in->destination, "198.51.100.1:443");
	CHECK(in->tlv[0x05].len == 4 && memcmp(in->tlv[0x05].at, "\0\1\2\3", 4) == 0);
	CHECK(introduction_is(in, 0xea, "\1vpce-1"));
	CHECK(!in->tlv[0x04].at);
	CHECK(in->tlv[0x03].at);
}

/* Where no TLS ends here the other proxy knows better, and all goes on as it came. */
TEST(what_another_proxy_said_goes_on)
{
	static struct e2e e = {.passthrough = true,
			       .plain_server = true,
			       .app = "proxy_protocol: v2",
			       .listener = LISTED};
	const struct introduction_out *header = from_another();
	const struct introduction *in;
	struct peer client;

	e.script = ANSWER;
	e.upstream.introduced = true;
	e2e_start(&e);
	peer_init_plain_client(&client, e2e_connect_plain(&e, NULL));
	MUST_EQ(send(client.fd, header->bytes, header->len, MSG_NOSIGNAL), header->len);
	e2e_run(&e, &client, ASK);
	in = told(&e, 0);
	check_passed_on(in);
	CHECK(introduction_is(in, 0x01, "h2"));
	CHECK(introduction_is(in, 0x02, "app.example"));
	CHECK(introduction_is(in, 0x22, "other"));
	CHECK_EQ(in->ssl_flags, 7);
	e2e_end_plain(&e, &client);
}

/* Where it does, who has proved himself here is who is told. */
TEST_CASES(what_was_proved_here_counts, engines)
{
	static struct e2e e = {.app = "proxy_protocol: v2", .listener = LISTED};
	const struct introduction_out *header = from_another();
	struct tlsclient_options options;
	const struct introduction *in;
	unsigned int port;

	e.engine = variant->engine;
	e.script = ANSWER;
	e.upstream.introduced = true;
	e2e_start(&e);
	options = e2e_client_options(&e, variant);
	options.preamble = header->bytes;
	options.preamble_len = header->len;
	(void)talk(&e, &options, &port);
	in = told(&e, 0);
	check_passed_on(in);
	CHECK(introduction_is(in, 0x02, "localhost"));
	CHECK(introduction_is(in, 0x22, "client-a"));
	CHECK(!in->tlv[0x01].at);
	e2e_stop(&e);
}
