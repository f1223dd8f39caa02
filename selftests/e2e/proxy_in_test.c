// SPDX-License-Identifier: Apache-2.0
/* The PROXY protocol with clients: who is listed has to say for whom he comes, and nobody else can. */
#include "selftests/e2e/e2e_reload.h"

#include "sys/json.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

SUITE("proxy_in", NEEDS(NEED_NETNS), .deadline_ms = 30000);

#define LISTED	   "    proxy_protocol: {from: [\"127.0.0.0/8\"]}\n"
#define NOT_LISTED "    proxy_protocol: {from: [\"192.0.2.0/24\"]}\n"
#define CLIENT	   "192.0.2.7:4711" /* of introduction_ip4() */

#define ANSWER STEPS(RECV(100000), SEND(200000), RECV_END, FINISH)
#define ASK    STEPS(SEND(100000), RECV(200000), FINISH, RECV_END)

CASES(struct e2e_case, engines, E2E_ENGINES);

static struct introduction_out *everything(void)
{
	static struct introduction_out out;

	introduction_begin(&out, 0x21, 0x11, introduction_ip4_addresses, 12);
	introduction_tlv(&out, 0x02, "app.example", 11);
	introduction_tlv(&out, 0x05, "id-of-another", 13);
	introduction_tlv(&out, 0xea, "\1vpce-1", 7);
	introduction_end(&out, true);
	return &out;
}

static struct tlsclient_options behind(const struct e2e *e, const struct e2e_case *c,
				       const void *header, size_t len)
{
	struct tlsclient_options options = e2e_client_options(e, c);

	options.preamble = header;
	options.preamble_len = len;
	return options;
}

/* What `sluice status` shows while it lives. */
static void check_status(struct e2e *e, unsigned int port)
{
	struct json _cleanup_json_ *status = daemon_status(&e->daemon);
	struct json *worker = json_at(json_get_array(status, "workers"), 0);
	struct json *session = json_at(json_get_array(worker, "sessions"), 0);
	char via[ADDR_TEXT_MAX];

	snprintf(via, sizeof(via), "127.0.0.1:%u", port);
	CHECK_STR(json_get_str(session, "peer", ""), CLIENT);
	CHECK_STR(json_get_str(session, "via", ""), via);
}

static void check_via(struct e2e *e, const struct log_entry *line, unsigned int port)
{
	char via[ADDR_TEXT_MAX];

	snprintf(via, sizeof(via), "127.0.0.1:%u", port);
	E2E_MUST(e, log_entry_is(line, "via", via), "%s", line->text);
}

/* Whatever the engine is, it begins with the first byte behind the header. */
TEST_CASES(the_client_is_named, engines)
{
	static struct e2e e;
	const struct introduction_out *header = everything();
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	e.engine = variant->engine;
	e.script = ANSWER;
	e.listener = LISTED;
	e2e_start(&e);
	options = behind(&e, variant, header->bytes, header->len);
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, STEPS(SEND(100000), RECV(200000)));
	e2e_prove_live(&e, &client);
	check_status(&e, client.port);
	e2e_run(&e, &peer, STEPS(FINISH, RECV_END));
	e2e_upstream(&e, 0);
	line = e2e_prove_session(&e, 0, "done");
	CHECK(log_entry_is(&line, "peer", CLIENT), "%s", line.text);
	CHECK(log_entry_is(&line, "unique_id", "id-of-another"), "%s", line.text);
	CHECK(log_entry_is(&line, "sni", "localhost"), "%s", line.text);
	check_via(&e, &line, client.port);
	tlsclient_close(&client);
	e2e_stop(&e);
}

TEST(a_header_that_comes_byte_by_byte)
{
	static struct e2e e;
	const struct introduction_out *header = everything();
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	e.script = ANSWER;
	e.listener = LISTED;
	e2e_start(&e);
	options = behind(&e, NULL, header->bytes, header->len);
	options.preamble_dribbles = true;
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, ASK);
	tlsclient_close(&client);
	line = e2e_prove_session(&e, 0, "done");
	CHECK(log_entry_is(&line, "peer", CLIENT), "%s", line.text);
	e2e_stop(&e);
}

/* --- every form of it --- */

struct form_case {
	VARIANT;
	const char *line;	 /* version 1; NULL: version 2 */
	uint8_t command, family; /* with addresses of zeros but for IPv4's */
	size_t len;
	const char *peer; /* NULL: who sent it */
};

/* clang-format off */
CASES(struct form_case, forms,
      {.name = "tcp4", .line = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n", .peer = CLIENT},
      {.name = "tcp6", .line = "PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", .peer = "[2001:db8::7]:4711"},
      {.name = "mapped", .line = "PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 4711 443\r\n", .peer = CLIENT},
      {.name = "unknown", .line = "PROXY UNKNOWN\r\n"},
      {.name = "v4", .command = 0x21, .family = 0x11, .len = 12, .peer = CLIENT},
      {.name = "v6", .command = 0x21, .family = 0x21, .len = 36, .peer = "[c000:207:c633:6401:1267:1bb::]:0"},
      {.name = "unix", .command = 0x21, .family = 0x31, .len = 216, .peer = "unix:"},
      {.name = "unspec", .command = 0x21, .family = 0x00},
      {.name = "local", .command = 0x20, .family = 0x00},
      {.name = "local_with_more", .command = 0x20, .family = 0x11, .len = 13});
/* clang-format on */

TEST_CASES(every_form_is_taken, forms)
{
	static struct introduction_out out;
	static struct e2e e;
	uint8_t addresses[216] = {};
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;
	char sender[ADDR_TEXT_MAX];

	e.script = ANSWER;
	e.listener = LISTED;
	e2e_start(&e);
	memcpy(addresses, introduction_ip4_addresses, 12);
	introduction_begin(&out, variant->command, variant->family, addresses, variant->len);
	introduction_end(&out, false);
	options = variant->line ? behind(&e, NULL, variant->line, strlen(variant->line))
				: behind(&e, NULL, out.bytes, out.len);
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, ASK);
	tlsclient_close(&client);
	line = e2e_prove_session(&e, 0, "done");
	snprintf(sender, sizeof(sender), "127.0.0.1:%u", client.port);
	CHECK(log_entry_is(&line, "peer", variant->peer ? variant->peer : sender), "%s", line.text);
	check_via(&e, &line, client.port);
	e2e_stop(&e);
}

/* --- a reload --- */

/* Who is named in a header is who its sender says, as long as he may say so. */
TEST_CASES(whose_sender_is_not_listed_any_more_is_reset, engines)
{
	static struct introduction_out header;
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	introduction_ip4(&header);
	e.listener = LISTED;
	e2e_start_echo(&e, variant);
	options = behind(&e, variant, header.bytes, header.len);
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_prove_live(&e, &client);
	e2e_edit(&e, "127.0.0.0/8", "127.0.0.0/8\", \"192.0.2.1");
	e2e_serve(&e, "2");
	MUST_EQ(daemon_counter(&e.daemon, "revoked"), 0);
	e2e_edit(&e, "127.0.0.0/8", "192.0.2.0/24");
	e2e_serve(&e, "3");
	E2E_MUST(&e,
		 daemon_wait_log(&e.daemon, "revoked", "check", "proxy_header", 0, 1000, &line));
	e2e_run(&e, &peer, STEPS(RECV_RESET));
	tlsclient_close(&client);
	e2e_stop(&e);
}

TEST(who_is_listed_now_has_to_send_a_header)
{
	static struct e2e e = {.listener = NOT_LISTED};
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	e2e_start_echo(&e, NULL);
	e2e_connect_echo(&e, &client, &peer);
	e2e_edit(&e, "192.0.2.0/24", "127.0.0.0/8");
	e2e_serve(&e, "2");
	E2E_MUST(&e,
		 daemon_wait_log(&e.daemon, "revoked", "check", "proxy_header", 0, 1000, &line));
	e2e_run(&e, &peer, STEPS(RECV_RESET));
	tlsclient_close(&client);
	e2e_stop(&e);
}

/* --- who is not listed --- */

TEST(who_is_not_listed_is_himself)
{
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;
	char sender[ADDR_TEXT_MAX];

	e.script = ANSWER;
	e.listener = NOT_LISTED;
	e2e_start(&e);
	options = e2e_client_options(&e, NULL);
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, ASK);
	tlsclient_close(&client);
	line = e2e_prove_session(&e, 0, "done");
	snprintf(sender, sizeof(sender), "127.0.0.1:%u", client.port);
	CHECK(log_entry_is(&line, "peer", sender), "%s", line.text);
	CHECK(!strstr(line.text, "via="), "%s", line.text);
	e2e_stop(&e);
}

/* What he says is no header, but what a client of TLS must not say. */
TEST(who_is_not_listed_cannot_be_another)
{
	static struct introduction_out header;
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	char sender[ADDR_TEXT_MAX];

	introduction_ip4(&header);
	e.script = STEPS(RECV_ALL);
	e.listener = NOT_LISTED;
	e2e_start(&e);
	options = behind(&e, NULL, header.bytes, header.len);
	E2E_MUST(&e, e2e_try(&e, &client, &options) < 0);
	tlsclient_close(&client);
	line = e2e_refused(&e, "protocol", "");
	snprintf(sender, sizeof(sender), "127.0.0.1:%u", client.port);
	CHECK(log_entry_is(&line, "peer", sender), "%s", line.text);
	e2e_stop(&e);
}

/* --- what is no header --- */

struct bad_case {
	VARIANT;
	const char *bytes;
	size_t len;
	const char *settings; /* of proxy_protocol, before from */
	bool ends;	      /* and then nothing comes any more */
	const char *reason;
};

#define BYTES(text) .bytes = (text), .len = sizeof(text) - 1
#define V2	    "\r\n\r\n\0\r\nQUIT\n"
#define V4	    "\xc0\0\2\7\xc6\x33\x64\1\x12\x67\1\xbb"

/* clang-format off */
CASES(struct bad_case, bads,
      {.name = "tls", BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), .reason = "this is no PROXY header"},
      {.name = "http", BYTES("GET / HTTP/1.1\r\n\r\n"), .reason = "this is no PROXY header"},
      {.name = "line_with_lf", BYTES("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\nGET"), .reason = "the PROXY line is malformed"},
      {.name = "line_without_end", BYTES("PROXY UNKNOWN aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), .reason = "the PROXY line is longer than 107 bytes"},
      {.name = "checksum", BYTES(V2 "\x21\x11\0\x13" V4 "\3\0\4abcd"), .reason = "the PROXY header does not fit its checksum"},
      {.name = "tlv_beyond", BYTES(V2 "\x21\x11\0\x10" V4 "\5\0\2x"), .reason = "the lengths in the PROXY header do not add up"},
      {.name = "twice", BYTES(V2 "\x21\x11\0\x14" V4 "\5\0\1x\5\0\1y"), .reason = "a type stands twice in the PROXY header"},
      {.name = "too_long", BYTES(V2 "\x21\x11\x10\0"), .reason = "the PROXY header is longer than proxy_protocol.max_size"},
      {.name = "v1_where_v2_is_wanted", BYTES("PROXY UNKNOWN\r\n"), .settings = "version: v2, ", .reason = "this is no PROXY header"},
      {.name = "v2_where_v1_is_wanted", BYTES(V2 "\x20\0\0\0"), .settings = "version: v1, ", .reason = "this is no PROXY header"},
      {.name = "nothing", BYTES(""), .ends = true, .reason = "the connection ended before its PROXY header was complete"},
      {.name = "cut_line", BYTES("PROXY TCP4 192.0.2.7 198."), .ends = true, .reason = "the connection ended before its PROXY header was complete"},
      {.name = "cut_in_v2", BYTES(V2 "\x21\x11\0\x0c" "\xc0\0\2"), .ends = true, .reason = "the connection ended before its PROXY header was complete"},
      {.name = "late", BYTES("PROXY TCP4 192.0.2.7 198."), .settings = "timeout: 100ms, ", .reason = "the PROXY header was not complete within proxy_protocol.timeout"},
      {.name = "silent", BYTES(""), .settings = "timeout: 100ms, ", .reason = "the PROXY header was not complete within proxy_protocol.timeout"});
/* clang-format on */

static int cut(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char byte;
	ssize_t got;

	if (poll(&p, 1, (int)test_scaled_ms(5000)) != 1)
		return -ETIMEDOUT;
	got = recv(fd, &byte, 1, 0);
	return got < 0 ? -errno : (int)got;
}

TEST_CASES(without_a_header_nobody_comes_in, bads)
{
	static char listener[200];
	static struct e2e e;
	struct log_entry line;
	int fd, r;

	snprintf(listener, sizeof(listener), "    proxy_protocol: {%sfrom: [\"127.0.0.0/8\"]}\n",
		 variant->settings ? variant->settings : "");
	e.script = STEPS(RECV_ALL);
	e.listener = listener;
	e2e_start(&e);
	fd = e2e_connect_plain(&e, NULL);
	MUST_EQ(send(fd, variant->bytes, variant->len, MSG_NOSIGNAL), variant->len);
	if (variant->ends)
		MUST_OK(shutdown(fd, SHUT_WR));
	/* A reset; whoever has gone himself gets an end. */
	r = cut(fd);
	E2E_MUST(&e, r == -ECONNRESET || (variant->ends && r == 0), "%d", r);
	MUST_OK(close(fd));
	line = e2e_refused(&e, "proxy_header", "");
	CHECK(log_entry_is(&line, "reason", variant->reason), "%s", line.text);
	CHECK_EQ(daemon_counter(&e.daemon, "refused_proxy_header"), 1);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "connections") == 0, 5000));
	CHECK_EQ(daemon_counter(&e.daemon, "handshakes"), 0);
	e2e_stop(&e);
}

/* Slow proxies count for limits.handshakes, and leave it again. */
TEST(silent_proxies_are_limited)
{
	static struct e2e e;
	struct introduction_out *header = everything();
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;
	int first, second;

	e.script = ANSWER;
	e.listener = LISTED;
	e.top = "limits: {handshakes: 2}\n";
	e2e_start(&e);
	first = e2e_connect_plain(&e, NULL);
	second = e2e_connect_plain(&e, NULL);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "handshakes") == 2, 5000));
	MUST_OK(close(first));
	MUST_OK(close(second));
	options = behind(&e, NULL, header->bytes, header->len);
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, ASK);
	tlsclient_close(&client);
	(void)e2e_prove_session(&e, 0, "done");
	E2E_MUST(&e, daemon_counter(&e.daemon, "handshakes") == 0);
	e2e_stop(&e);
}

/* --- the other modes --- */

/* Header and data in one segment: only the data goes on. */
static void send_both(int fd, const struct introduction_out *header, struct peer *client)
{
	static uint8_t bytes[INTRODUCTION_MAX + 1000];

	memcpy(bytes, header->bytes, header->len);
	peer_init_plain_client(client, fd);
	payload_fill(&client->out, (char *)bytes + header->len, 1000);
	client->sent = 1000;
	MUST_EQ(send(fd, bytes, header->len + 1000, MSG_NOSIGNAL), header->len + 1000);
}

TEST_CASES(originate, engines)
{
	static struct e2e e = {.listener = LISTED};
	struct log_entry line;
	struct peer client;

	e2e_set_case(&e, variant);
	e.script = STEPS(RECV(1000), SEND(2000), RECV_END, FINISH);
	e2e_start(&e);
	send_both(e2e_connect_plain(&e, NULL), everything(), &client);
	e2e_run(&e, &client, STEPS(RECV(2000)));
	e2e_prove_originated(&e, variant);
	e2e_run(&e, &client, STEPS(FINISH, RECV_END));
	e2e_upstream(&e, 0);
	line = e2e_prove_session(&e, 0, "done");
	CHECK(log_entry_is(&line, "peer", CLIENT), "%s", line.text);
	CHECK_EQ(log_entry_u64(&line, "bytes_in"), 1000);
	e2e_end_plain(&e, &client);
}

TEST(passthrough)
{
	static struct e2e e = {.passthrough = true, .plain_server = true, .listener = LISTED};
	struct log_entry line;
	struct peer client;

	e.script = STEPS(RECV(1000), SEND(2000), RECV_END, FINISH);
	e2e_start(&e);
	send_both(e2e_connect_plain(&e, NULL), everything(), &client);
	e2e_run(&e, &client, STEPS(RECV(2000), FINISH, RECV_END));
	e2e_upstream(&e, 0);
	line = e2e_prove_passthrough(&e, 0, "done");
	CHECK(log_entry_is(&line, "peer", CLIENT), "%s", line.text);
	CHECK_EQ(log_entry_u64(&line, "bytes_in"), 1000);
	e2e_end_plain(&e, &client);
}

TEST(passthrough_by_name)
{
	static struct e2e e = {.passthrough = true, .listener = LISTED};
	struct introduction_out *header = everything();
	struct tlsclient_options options;
	struct tlsclient client;
	struct log_entry line;
	struct peer peer;

	e.rules = "      - {name: by-name, match: {sni: [localhost]}, upstream: app}\n";
	e.script = ANSWER;
	e2e_start(&e);
	options = behind(&e, NULL, header->bytes, header->len);
	e2e_connect(&e, &client, &options);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, ASK);
	tlsclient_close(&client);
	line = e2e_prove_passthrough(&e, 0, "done");
	CHECK(log_entry_is(&line, "peer", CLIENT), "%s", line.text);
	CHECK(log_entry_is(&line, "rule", "by-name"), "%s", line.text);
	e2e_stop(&e);
}

TEST(a_unix_socket)
{
	static struct e2e e = {.passthrough = true, .plain_server = true};
	static char listen[ADDR_TEXT_MAX + 2], address[ADDR_TEXT_MAX];
	struct log_entry line;
	struct peer client;

	daemon_init(&e.daemon);
	snprintf(address, sizeof(address), "unix:%s/front.sock", e.daemon.dir);
	snprintf(listen, sizeof(listen), "\"%s\"", address);
	e.listen = listen;
	e.listener = "    proxy_protocol: {from: [unix]}\n";
	e.script = STEPS(RECV(1000), SEND(2000), RECV_END, FINISH);
	e2e_prepare(&e);
	e2e_start(&e);
	send_both(e2e_connect_plain(&e, address), everything(), &client);
	e2e_run(&e, &client, STEPS(RECV(2000), FINISH, RECV_END));
	line = e2e_prove_passthrough(&e, 0, "done");
	CHECK(log_entry_is(&line, "peer", CLIENT), "%s", line.text);
	CHECK(log_entry_is(&line, "via", "unix:"), "%s", line.text);
	e2e_end_plain(&e, &client);
}

TEST(a_session_that_waits_for_its_header_is_no_obstacle)
{
	static struct e2e e = {.listener = LISTED};
	int fd;

	e.script = STEPS(RECV_ALL);
	e.top = "timeouts: {drain: 100ms}\n";
	e2e_start(&e);
	fd = e2e_connect_plain(&e, NULL);
	E2E_MUST(&e, UNTIL(daemon_counter(&e.daemon, "connections") == 1, 5000));
	e2e_stop(&e);
	CHECK_EQ(cut(fd), -ECONNRESET);
	MUST_OK(close(fd));
}
