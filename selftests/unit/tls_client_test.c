// SPDX-License-Identifier: Apache-2.0
/* The client's side of sys/tls with its server's side: what one sends with the other receives with. */
#include "selftests/harness/harness.h"
#include "selftests/unit/material.h"

#include "base/fd.h"
#include "sys/ktls.h"
#include "sys/tls_internal.h"

#include <string.h>
#include <sys/socket.h>

SUITE("tls_client");

struct version_case {
	VARIANT;
	int version;
	uint64_t first; /* sequence number of the first record that carries data */
};

/* clang-format off */
CASES(struct version_case, versions,
      {.name = "1.2", .version = TLS1_2_VERSION, .first = 1},
      {.name = "1.3", .version = TLS1_3_VERSION, .first = 0});
/* clang-format on */

/** Both sides of one connection, in this process. */
struct couple {
	struct tls_ctx *server_ctx, *client_ctx;
	struct tls_conn *server, *client;
	int fds[2];
};

static void open_contexts(struct couple *couple)
{
	struct tls_pki_request request = {.cn = "x",
					  .dns = {"app.example"},
					  .usage = TLS_PKI_SERVER,
					  .not_before = time(NULL) - 1000,
					  .not_after = time(NULL) + 1000};
	struct tls_pki_entity _cleanup_pki_entity_ *ca =
		material_issue(TLS_PKI_ROOT_CA, TLS_PKI_ECDSA_P256, "ca", -1, 1, NULL);
	struct tls_pki_entity _cleanup_pki_entity_ *server = NULL;
	char _cleanup_free_ *ca_pem = tls_pki_cert_pem(ca);
	char _cleanup_free_ *chain = NULL;
	char _cleanup_free_ *key = NULL;
	struct tls_pem_pair pair;

	MUST_EQ(tls_pki_issue(&request, ca, &server), 0);
	chain = tls_pki_cert_pem(server);
	key = tls_pki_key_pem(server);
	pair = (struct tls_pem_pair){chain, strlen(chain), key, strlen(key)};
	MUST_EQ(tls_ctx_new(&(struct tls_ctx_params){.pairs = &pair,
						     .n_pairs = 1,
						     .client_auth = TLS_CLIENT_AUTH_OFF},
			    &couple->server_ctx),
		0);
	MUST_EQ(tls_ctx_new_client(&(struct tls_client_params){.server_ca = ca_pem,
							       .server_ca_len = strlen(ca_pem)},
				   &couple->client_ctx),
		0);
}

/* Returns: how the client's side ended. */
static enum tls_step couple_connect(struct couple *couple, int version,
				    const struct tls_server *wanted)
{
	enum tls_step server = TLS_STEP_WANT_READ, client = TLS_STEP_WANT_READ;

	MUST_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, couple->fds));
	MUST_EQ(tls_conn_new(couple->server_ctx, couple->fds[0], &couple->server), 0);
	MUST_EQ(tls_conn_new_client(couple->client_ctx, couple->fds[1], wanted, &couple->client),
		0);
	MUST_EQ(SSL_set_max_proto_version(couple->client->ssl, version), 1);
	for (int turn = 0; turn < 20 && client <= TLS_STEP_WANT_WRITE; turn++) {
		if (client != TLS_STEP_DONE)
			client = tls_conn_handshake(couple->client);
		if (server != TLS_STEP_DONE && client <= TLS_STEP_WANT_WRITE)
			server = tls_conn_handshake(couple->server);
		if (client == TLS_STEP_DONE && server == TLS_STEP_DONE)
			break;
	}
	return client;
}

static enum tls_step couple_open(struct couple *couple, int version,
				 const struct tls_server *wanted)
{
	open_contexts(couple);
	return couple_connect(couple, version, wanted);
}

static void couple_disconnect(struct couple *couple)
{
	tls_conn_free(couple->server);
	tls_conn_free(couple->client);
	MUST_OK(close(couple->fds[0]));
	MUST_OK(close(couple->fds[1]));
}

static void couple_close(struct couple *couple)
{
	couple_disconnect(couple);
	tls_ctx_free(couple->server_ctx);
	tls_ctx_free(couple->client_ctx);
}

static void move(struct tls_conn *from, struct tls_conn *to)
{
	char byte;

	MUST_EQ(tls_write(from, "x", 1), 1);
	MUST_EQ(tls_read(to, &byte, 1), 1);
}

static uint64_t sequence(const struct ktls_keys *keys)
{
	uint64_t value = 0;

	for (size_t i = 0; i < sizeof(keys->rec_seq); i++)
		value = value << 8 | keys->rec_seq[i];
	return value;
}

static void check_same(const struct ktls_keys *a, const struct ktls_keys *b)
{
	CHECK_EQ(a->version, b->version);
	CHECK_EQ(a->cipher, b->cipher);
	CHECK_EQ(memcmp(a->key, b->key, sizeof(a->key)), 0);
	CHECK_EQ(memcmp(a->iv, b->iv, sizeof(a->iv)), 0);
	CHECK_EQ(memcmp(a->rec_seq, b->rec_seq, sizeof(a->rec_seq)), 0);
}

TEST_CASES(what_one_sends_with_the_other_receives_with, versions)
{
	const struct tls_server wanted = {
		.kind = TLS_SERVER_DNS, .name = "app.example", .sni = "app.example"};
	struct ktls_keys _cleanup_ktls_keys_ server_tx = {}, _cleanup_ktls_keys_ server_rx = {};
	struct ktls_keys _cleanup_ktls_keys_ client_tx = {}, _cleanup_ktls_keys_ client_rx = {};
	struct couple couple;

	MUST_EQ(couple_open(&couple, variant->version, &wanted), TLS_STEP_DONE);
	CHECK_STR(tls_sni(couple.server), "app.example");
	CHECK(tls_at_record_boundary(couple.client));
	CHECK_EQ(tls_expects_tickets(couple.client), variant->version == TLS1_3_VERSION);
	CHECK_EQ(tls_expects_tickets(couple.server), false);
	for (int i = 0; i < 3; i++)
		move(couple.client, couple.server);
	for (int i = 0; i < 5; i++)
		move(couple.server, couple.client);
	MUST_EQ(tls_export_keys(couple.server, &server_tx, &server_rx), 0);
	MUST_EQ(tls_export_keys(couple.client, &client_tx, &client_rx), 0);
	check_same(&client_tx, &server_rx);
	check_same(&client_rx, &server_tx);
	CHECK_NE(memcmp(client_tx.key, client_rx.key, sizeof(client_tx.key)), 0);
	CHECK_EQ(sequence(&client_tx), variant->first + 3);
	CHECK_EQ(sequence(&client_rx), variant->first + 5);
	couple_close(&couple);
}

TEST_CASES(another_name_is_refused, versions)
{
	const struct tls_server wanted = {.kind = TLS_SERVER_DNS, .name = "other.example"};
	const struct tls_failure *failure;
	struct couple couple;

	MUST_EQ(couple_open(&couple, variant->version, &wanted), TLS_STEP_REFUSED);
	failure = tls_conn_failure(couple.client);
	CHECK_STR(failure->check, "name");
	CHECK_STR(failure->reason, "name_mismatch");
	CHECK_STR(failure->detail, "hostname mismatch");
	CHECK_STR(failure->subject, "CN=x");
	CHECK_EQ(failure->alert, SSL_AD_BAD_CERTIFICATE);
	couple_close(&couple);
}

TEST(a_name_that_is_none_is_an_error)
{
	const struct tls_server wanted = {.kind = TLS_SERVER_IP, .name = "app.example"};
	struct tls_conn *conn = NULL;
	struct couple couple;

	open_contexts(&couple);
	CHECK_EQ(tls_conn_new_client(couple.client_ctx, 0, &wanted, &conn), -EINVAL);
	CHECK(!conn);
	tls_ctx_free(couple.server_ctx);
	tls_ctx_free(couple.client_ctx);
}

/* What the peer has shown outlives the connection, and the next one has the same. */
TEST_CASES(what_was_shown_is_kept_once, versions)
{
	const struct tls_server wanted = {.kind = TLS_SERVER_DNS, .name = "app.example"};
	struct tls_chain *first, *second, *of_client;
	unsigned char *der = NULL;
	struct couple couple;
	size_t len = 0;
	int der_len;

	MUST_EQ(couple_open(&couple, variant->version, &wanted), TLS_STEP_DONE);
	CHECK_EQ(tls_conn_verified(couple.client), TLS_VERIFIED_NOW);
	first = tls_conn_chain(couple.client);
	MUST(first);
	der_len = i2d_X509(couple.server_ctx->identities[0].leaf, &der);
	MUST_GE(der_len, 1);
	CHECK_EQ(memcmp(tls_chain_der(first, &len), der, (size_t)der_len), 0);
	CHECK_EQ(len, der_len);
	OPENSSL_free(der);
	/* The server has asked for nothing. */
	of_client = tls_conn_chain(couple.server);
	CHECK(!of_client);
	CHECK_EQ(tls_conn_verified(couple.server), TLS_VERIFIED_NOT);
	couple_disconnect(&couple);
	MUST_EQ(couple_connect(&couple, variant->version, &wanted), TLS_STEP_DONE);
	CHECK_EQ(tls_conn_verified(couple.client), TLS_VERIFIED_BEFORE);
	second = tls_conn_chain(couple.client);
	CHECK_EQ((uintptr_t)second, (uintptr_t)first);
	couple_close(&couple);
	CHECK_EQ(tls_chain_der(first, &len)[0], 0x30);
	tls_chain_unref(first);
	tls_chain_unref(second);
}
