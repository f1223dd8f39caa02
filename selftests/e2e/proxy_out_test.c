// SPDX-License-Identifier: Apache-2.0
/* The PROXY protocol with upstreams: they are told who the client is before its first byte. */
#include "selftests/e2e/e2e.h"

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
