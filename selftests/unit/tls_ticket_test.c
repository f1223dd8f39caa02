// SPDX-License-Identifier: Apache-2.0
/* Tickets between a server connection and a client: what resumes, what does not, and the records. */
#include "selftests/harness/harness.h"

#include "selftests/lib/certgen.h"
#include "selftests/lib/record.h"
#include "selftests/unit/tls_pair.h"

#include "base/fd.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

SUITE("tls_ticket", .deadline_ms = 20000);

struct version_case {
	VARIANT;
	int version;
};

CASES(struct version_case, versions, {.name = "1.2", .version = TLS1_2_VERSION},
      {.name = "1.3", .version = TLS1_3_VERSION});

static const char key_a[64] = "a", key_b[64] = "b";
static const struct tls_ticket_secret only_a[] = {{key_a, sizeof(key_a)}};
static const struct tls_ticket_secret only_b[] = {{key_b, sizeof(key_b)}};
static const struct tls_ticket_secret b_and_a[] = {{key_b, sizeof(key_b)}, {key_a, sizeof(key_a)}};

static const struct tls_ticket_params params_a = {
	.secrets = only_a, .n_secrets = 1, .lifetime_s = 60, .binding = {1}};

/* A client with a certificate of certgen, and the CA of its own that the server trusts. */
struct party {
	struct certgen_cert *root, *leaf;
	X509 *x509;
	char *ca;
};

static const struct certgen root = {.cn = "a root", .ca = true};
static const struct certgen plain_leaf = {.cn = "client-a"};

static char *pem_of(const struct certgen_cert *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long len;

	MUST(bio && PEM_write_bio(bio, "CERTIFICATE", "", cert->der, (long)cert->len) > 0);
	len = BIO_get_mem_data(bio, &data);
	text = strndup(data, (size_t)len);
	BIO_free(bio);
	return text;
}

static void party_open(struct party *party, const struct certgen *leaf)
{
	const unsigned char *der;

	party->root = certgen_issue(&root, NULL, 1);
	party->leaf = certgen_issue(leaf, party->root, 0);
	der = party->leaf->der;
	party->x509 = d2i_X509(NULL, &der, (long)party->leaf->len);
	party->ca = pem_of(party->root);
	MUST(party->x509 && party->ca);
}

static void party_close(struct party *party)
{
	X509_free(party->x509);
	free(party->ca);
	certgen_free(party->root);
	certgen_free(party->leaf);
}

static struct tls_pair_options options_of(const struct party *party, int version)
{
	return (struct tls_pair_options){
		.version = version,
		.cert = party->x509,
		.key = party->leaf->key,
		.client_ca = party->ca,
		.tickets = &params_a,
		.sni = "a.example",
	};
}

/* Returns: the client's session when the ticket has come. */
static SSL_SESSION *take_ticket(struct tls_pair *pair)
{
	char nothing;

	/* In TLS 1.3 it is behind the handshake. */
	CHECK_LE(SSL_read(pair->client, &nothing, 1), 0);
	ERR_clear_error();
	return SSL_get1_session(pair->client);
}

/* A pair that stays open, because it has the context, and its client's session. */
static SSL_SESSION *first(struct tls_pair *pair, const struct tls_pair_options *options)
{
	SSL_SESSION *session;

	tls_pair_open(pair, options);
	CHECK_EQ(tls_resumption(pair->conn), TLS_NOT_RESUMED);
	MUST_EQ(tls_send_ticket(pair->conn), 1);
	CHECK_EQ(ERR_peek_error(), 0);
	CHECK(tls_at_record_boundary(pair->conn));
	session = take_ticket(pair);
	MUST(SSL_SESSION_has_ticket(session));
	return session;
}

/* What becomes of @session with @options. */
static enum tls_resumption again(const struct tls_pair_options *options, SSL_SESSION *session)
{
	struct tls_pair_options with = *options;
	enum tls_resumption result;
	struct tls_pair pair;

	/* A client may use its ticket for as long as it likes. */
	with.session = SSL_SESSION_dup(session);
	MUST(with.session);
	tls_pair_open(&pair, &with);
	result = tls_resumption(pair.conn);
	CHECK_EQ(SSL_session_reused(pair.client), result == TLS_RESUMED);
	CHECK(SSL_get0_peer_certificate(pair.conn->ssl) || !options->cert);
	tls_pair_close(&pair);
	SSL_SESSION_free(with.session);
	return result;
}

TEST_CASES(a_client_comes_back, versions)
{
	struct tls_pair_options options;
	struct party party;
	struct tls_pair pair;
	SSL_SESSION *session;
	char subject[64];

	party_open(&party, &plain_leaf);
	options = options_of(&party, variant->version);
	session = first(&pair, &options);
	options.ctx = pair.ctx;
	CHECK_EQ(again(&options, session), TLS_RESUMED);
	CHECK_EQ(again(&options, session), TLS_RESUMED);
	tls_peer_subject(pair.conn, subject, sizeof(subject));
	CHECK_STR(subject, "CN=client-a");
	SSL_SESSION_free(session);
	tls_pair_close(&pair);
	party_close(&party);
}

TEST_CASES(without_keys_nobody_gets_a_ticket, versions)
{
	struct tls_pair_options options;
	struct party party;
	struct tls_pair pair;
	SSL_SESSION *session;

	party_open(&party, &plain_leaf);
	options = options_of(&party, variant->version);
	options.tickets = NULL;
	tls_pair_open(&pair, &options);
	CHECK_EQ(tls_send_ticket(pair.conn), 0);
	session = take_ticket(&pair);
	CHECK(!SSL_SESSION_has_ticket(session));
	SSL_SESSION_free(session);
	tls_pair_close(&pair);
	party_close(&party);
}

/* The ticket is a record under the application keys, so what follows it has number 1. */
TEST_CASES(records_are_counted, versions)
{
	static const uint8_t one[8] = {0, 0, 0, 0, 0, 0, 0, 1};
	uint8_t wire[RECORD_WIRE_MAX];
	struct record_stream tx, rx;
	struct tls_pair_options options;
	struct party party;
	struct tls_pair pair;
	char data[8];
	size_t len;

	party_open(&party, &plain_leaf);
	options = options_of(&party, variant->version);
	SSL_SESSION_free(first(&pair, &options));
	MUST_EQ(tls_export_keys(pair.conn, &tx.keys, &rx.keys), 0);
	CHECK_MEM(tx.keys.rec_seq, one, sizeof(one));
	/* As the kernel would go on. */
	len = record_seal(&tx, KTLS_RECORD_DATA, "next", 4, 0, wire);
	MUST_EQ(write(pair.server_fd, wire, len), len);
	MUST_EQ(SSL_read(pair.client, data, sizeof(data)), 4);
	CHECK_MEM(data, "next", 4);
	tls_pair_close(&pair);
	party_close(&party);
}

/* And of a session that was resumed. */
TEST_CASES(records_are_counted_again, versions)
{
	uint8_t wire[RECORD_WIRE_MAX], body[KTLS_RECORD_MAX + 1], type = 0;
	struct record_stream tx, rx;
	struct tls_pair_options options;
	struct tls_pair pair, resumed;
	struct party party;
	char data[8];
	size_t len, used;

	party_open(&party, &plain_leaf);
	options = options_of(&party, variant->version);
	options.session = first(&pair, &options);
	options.ctx = pair.ctx;
	tls_pair_open(&resumed, &options);
	CHECK_EQ(tls_resumption(resumed.conn), TLS_RESUMED);
	CHECK_EQ(tls_send_ticket(resumed.conn), variant->version == TLS1_3_VERSION);
	SSL_SESSION_free(take_ticket(&resumed));
	MUST_EQ(tls_export_keys(resumed.conn, &tx.keys, &rx.keys), 0);
	len = record_seal(&tx, KTLS_RECORD_DATA, "next", 4, 0, wire);
	MUST_EQ(write(resumed.server_fd, wire, len), len);
	MUST_EQ(SSL_read(resumed.client, data, sizeof(data)), 4);
	MUST_EQ(SSL_write(resumed.client, "back", 4), 4);
	len = tls_pair_wire(resumed.server_fd, wire, sizeof(wire));
	CHECK_EQ(record_open(&rx, wire, len, &type, body, &used), 4);
	SSL_SESSION_free(options.session);
	tls_pair_close(&resumed);
	tls_pair_close(&pair);
	party_close(&party);
}

struct bound_case {
	VARIANT;
	const struct tls_ticket_params params;
	const char *sni; /* "": none */
	enum client_auth_of { SAME_AUTH, NO_AUTH } auth;
	bool other_ca;
	enum tls_resumption result;
};

#define PARAMS(of, number)                                                                         \
	{                                                                                          \
		.secrets = (of), .n_secrets = sizeof(of) / sizeof((of)[0]), .lifetime_s = 60,      \
		.binding = {                                                                       \
			number                                                                     \
		}                                                                                  \
	}

/* clang-format off */
CASES(struct bound_case, bounds,
      {.name = "the_same", .params = PARAMS(only_a, 1), .sni = "a.example", .result = TLS_RESUMED},
      {.name = "name", .params = PARAMS(only_a, 1), .sni = "b.example", .result = TLS_RESUMPTION_REFUSED},
      {.name = "name_in_capitals", .params = PARAMS(only_a, 1), .sni = "A.example", .result = TLS_RESUMPTION_REFUSED},
      {.name = "no_name", .params = PARAMS(only_a, 1), .sni = "", .result = TLS_RESUMPTION_REFUSED},
      {.name = "listener_or_rules", .params = PARAMS(only_a, 2), .sni = "a.example", .result = TLS_RESUMPTION_REFUSED},
      {.name = "ca", .params = PARAMS(only_a, 1), .sni = "a.example", .other_ca = true, .result = TLS_RESUMPTION_REFUSED},
      {.name = "client_auth", .params = PARAMS(only_a, 1), .sni = "a.example", .auth = NO_AUTH, .result = TLS_RESUMPTION_REFUSED},
      {.name = "key_dropped", .params = PARAMS(only_b, 1), .sni = "a.example", .result = TLS_RESUMPTION_REFUSED},
      {.name = "key_rotated", .params = PARAMS(b_and_a, 1), .sni = "a.example", .result = TLS_RESUMED});
/* clang-format on */

/* Another context with the same keys, as of another listener, another host, or the next start. */
TEST_MATRIX(it_is_bound, bounds, versions)
{
	char _cleanup_free_ *both = NULL, _cleanup_free_ *more = NULL;
	struct tls_pair_options options;
	struct certgen_cert *other;
	struct party party;
	struct tls_pair pair;
	SSL_SESSION *session;

	party_open(&party, &plain_leaf);
	options = options_of(&party, column->version);
	session = first(&pair, &options);
	options.tickets = &row->params;
	options.sni = row->sni[0] ? row->sni : NULL;
	if (row->auth == NO_AUTH)
		options.cert = NULL;
	if (row->other_ca) {
		/* One more: the client would be verified as before. */
		other = certgen_issue(&root, NULL, 2);
		more = pem_of(other);
		MUST(asprintf(&both, "%s%s", party.ca, more) > 0);
		options.client_ca = both;
		certgen_free(other);
	}
	CHECK_EQ(again(&options, session), row->result);
	SSL_SESSION_free(session);
	tls_pair_close(&pair);
	party_close(&party);
}

/* Resuming does not make it younger: the client of TLS 1.3 has a new ticket each time. */
TEST_CASES(it_is_good_for_its_lifetime, versions)
{
	struct tls_ticket_params brief = params_a;
	struct tls_pair_options options;
	struct tls_pair pair, resumed;
	struct party party;
	SSL_SESSION *session, *renewed;

	brief.lifetime_s = 2;
	party_open(&party, &plain_leaf);
	options = options_of(&party, variant->version);
	options.tickets = &brief;
	session = first(&pair, &options);
	options.ctx = pair.ctx;
	options.session = session;
	tls_pair_open(&resumed, &options);
	CHECK_EQ(tls_resumption(resumed.conn), TLS_RESUMED);
	CHECK_GE(tls_send_ticket(resumed.conn), 0);
	renewed = take_ticket(&resumed);
	/* OpenSSL's client has an own idea of when a session is over. */
	SSL_SESSION_set_timeout(renewed, 3600);
	CHECK(UNTIL(again(&options, renewed) != TLS_RESUMED, 10000));
	CHECK_EQ(again(&options, renewed), TLS_RESUMPTION_REFUSED);
	SSL_SESSION_free(session);
	SSL_SESSION_free(renewed);
	tls_pair_close(&resumed);
	tls_pair_close(&pair);
	party_close(&party);
}

/* The certificate is verified each time, although the client does not show it. */
TEST_CASES(a_chain_that_is_over_is_not_taken, versions)
{
	static const struct certgen brief = {.cn = "client-a", .until_s = 2};
	struct tls_pair_options options;
	struct tls_pair pair, refused;
	struct party party;
	SSL_SESSION *session;

	party_open(&party, &brief);
	options = options_of(&party, variant->version);
	session = first(&pair, &options);
	options.ctx = pair.ctx;
	CHECK_EQ(again(&options, session), TLS_RESUMED);
	CHECK(UNTIL(X509_cmp_current_time(X509_get0_notAfter(party.x509)) < 0, 10000));
	options.session = session;
	CHECK_EQ(tls_pair_try(&refused, &options), TLS_STEP_REFUSED);
	CHECK_EQ(tls_resumption(refused.conn), TLS_RESUMPTION_REFUSED);
	CHECK_STR(tls_conn_failure(refused.conn)->check, "chain");
	ERR_clear_error();
	SSL_SESSION_free(session);
	tls_pair_close(&refused);
	tls_pair_close(&pair);
	party_close(&party);
}

#define X16(x) x x x x x x x x x x x x x x x x
#define LONG   X16(X16(X16("00:00:00:00:"))) "00"

TEST_CASES(a_long_chain_gets_no_ticket, versions)
{
	static const struct certgen big = {.cn = "client-a", .exts = {{"1.2.3.4.5", "DER:" LONG}}};
	struct tls_pair_options options;
	struct party party;
	struct tls_pair pair;
	SSL_SESSION *session;
	char data[8];

	party_open(&party, &big);
	MUST_GE(party.leaf->len, TLS_TICKET_CHAIN_MAX);
	options = options_of(&party, variant->version);
	tls_pair_open(&pair, &options);
	CHECK_EQ(tls_send_ticket(pair.conn), 0);
	session = take_ticket(&pair);
	CHECK(!SSL_SESSION_has_ticket(session));
	MUST_EQ(tls_write(pair.conn, "data", 4), 4);
	CHECK_EQ(SSL_read(pair.client, data, sizeof(data)), 4);
	SSL_SESSION_free(session);
	tls_pair_close(&pair);
	party_close(&party);
}

TEST(no_ticket_without_extended_master_secret)
{
	struct tls_pair_options options;
	struct party party;
	struct tls_pair pair;
	SSL_SESSION *session;

	party_open(&party, &plain_leaf);
	options = options_of(&party, TLS1_2_VERSION);
	options.client_options = SSL_OP_NO_EXTENDED_MASTER_SECRET;
	tls_pair_open(&pair, &options);
	CHECK_EQ(tls_send_ticket(pair.conn), 0);
	session = take_ticket(&pair);
	CHECK(!SSL_SESSION_has_ticket(session));
	SSL_SESSION_free(session);
	tls_pair_close(&pair);
	party_close(&party);
}

/* What a client has sent before it went is read, although its ticket cannot be sent any more. */
TEST(a_client_that_is_gone)
{
	struct tls_pair_options options;
	struct party party;
	struct tls_pair pair;
	char data[8];

	(void)signal(SIGPIPE, SIG_IGN);
	party_open(&party, &plain_leaf);
	options = options_of(&party, TLS1_3_VERSION);
	tls_pair_open(&pair, &options);
	MUST_EQ(SSL_write(pair.client, "last", 4), 4);
	MUST_OK(close(pair.client_fd));
	CHECK_GE(tls_send_ticket(pair.conn), 0);
	CHECK_EQ(ERR_peek_error(), 0);
	/* Its keys are not for the kernel: nobody knows what of the record has gone. */
	CHECK(!tls_at_record_boundary(pair.conn));
	MUST_EQ(tls_read(pair.conn, data, sizeof(data)), 4);
	CHECK_MEM(data, "last", 4);
	pair.client_fd = MUST_OK(dup(pair.server_fd));
	tls_pair_close(&pair);
	party_close(&party);
}
