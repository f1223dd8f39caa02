// SPDX-License-Identifier: Apache-2.0
/* The keys for the kernel, against published vectors, a second derivation, and records on the wire. */
#include "selftests/harness/harness.h"

#include "selftests/lib/record.h"
#include "selftests/unit/tls_pair.h"

#include <openssl/err.h>
#include <openssl/hmac.h>
#include <string.h>
#include <unistd.h>

SUITE("tls_keys");

struct suite_case {
	VARIANT;
	int version;
	const char *suite;
	enum ktls_cipher cipher;
};

/* clang-format off */
#define SUITES_1_2 \
      {.name = "1.2_aes128", .version = TLS1_2_VERSION, .suite = "ECDHE-ECDSA-AES128-GCM-SHA256", .cipher = KTLS_AES_128_GCM}, \
      {.name = "1.2_aes256", .version = TLS1_2_VERSION, .suite = "ECDHE-ECDSA-AES256-GCM-SHA384", .cipher = KTLS_AES_256_GCM}, \
      {.name = "1.2_chacha20", .version = TLS1_2_VERSION, .suite = "ECDHE-ECDSA-CHACHA20-POLY1305", .cipher = KTLS_CHACHA20_POLY1305}

CASES(struct suite_case, suites,
      {.name = "1.3_aes128", .version = TLS1_3_VERSION, .suite = "TLS_AES_128_GCM_SHA256", .cipher = KTLS_AES_128_GCM},
      {.name = "1.3_aes256", .version = TLS1_3_VERSION, .suite = "TLS_AES_256_GCM_SHA384", .cipher = KTLS_AES_256_GCM},
      {.name = "1.3_chacha20", .version = TLS1_3_VERSION, .suite = "TLS_CHACHA20_POLY1305_SHA256", .cipher = KTLS_CHACHA20_POLY1305},
      SUITES_1_2);

CASES(struct suite_case, suites_1_2, SUITES_1_2);
/* clang-format on */

static void open_pair(struct tls_pair *pair, int version, const char *suite)
{
	tls_pair_open(pair, &(struct tls_pair_options){.version = version, .suite = suite});
}

/* RFC 8448 section 3, "derive write traffic keys for application data". */
static const uint8_t rfc_server_secret[32] = {0xa1, 0x1a, 0xf9, 0xf0, 0x55, 0x31, 0xf8, 0x56,
					      0xad, 0x47, 0x11, 0x6b, 0x45, 0xa9, 0x50, 0x32,
					      0x82, 0x04, 0xb4, 0xf4, 0x4b, 0xfb, 0x6b, 0x3a,
					      0x4b, 0x4f, 0x1f, 0x3f, 0xcb, 0x63, 0x16, 0x43};
static const uint8_t rfc_server_key[16] = {0x9f, 0x02, 0x28, 0x3b, 0x6c, 0x9c, 0x07, 0xef,
					   0xc2, 0x6b, 0xb9, 0xf2, 0xac, 0x92, 0xe3, 0x56};
static const uint8_t rfc_server_iv[12] = {0xcf, 0x78, 0x2b, 0x88, 0xdd, 0x83,
					  0x54, 0x9a, 0xad, 0xf1, 0xe9, 0x84};
static const uint8_t rfc_client_secret[32] = {0x9e, 0x40, 0x64, 0x6c, 0xe7, 0x9a, 0x7f, 0x9d,
					      0xc0, 0x5a, 0xf8, 0x88, 0x9b, 0xce, 0x65, 0x52,
					      0x87, 0x5a, 0xfa, 0x0b, 0x06, 0xdf, 0x00, 0x87,
					      0xf7, 0x92, 0xeb, 0xb7, 0xc1, 0x75, 0x04, 0xa5};
static const uint8_t rfc_client_key[16] = {0x17, 0x42, 0x2d, 0xda, 0x59, 0x6e, 0xd5, 0xd9,
					   0xac, 0xd8, 0x90, 0xe3, 0xc6, 0x3f, 0x50, 0x51};
static const uint8_t rfc_client_iv[12] = {0x5b, 0x78, 0x92, 0x3d, 0xee, 0x08,
					  0x57, 0x90, 0x33, 0xe5, 0x23, 0xd9};

TEST(tls13_keys_are_those_of_rfc_8448)
{
	struct ktls_keys tx, rx;
	struct tls_pair pair;

	open_pair(&pair, TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256");
	MUST_EQ(pair.conn->server_secret.len, sizeof(rfc_server_secret));
	MUST_EQ(pair.conn->client_secret.len, sizeof(rfc_client_secret));
	memcpy(pair.conn->server_secret.bytes, rfc_server_secret, sizeof(rfc_server_secret));
	memcpy(pair.conn->client_secret.bytes, rfc_client_secret, sizeof(rfc_client_secret));
	MUST_EQ(tls_export_keys(pair.conn, &tx, &rx), 0);
	CHECK_MEM(tx.key, rfc_server_key, sizeof(rfc_server_key));
	CHECK_MEM(tx.iv, rfc_server_iv, sizeof(rfc_server_iv));
	CHECK_MEM(rx.key, rfc_client_key, sizeof(rfc_client_key));
	CHECK_MEM(rx.iv, rfc_client_iv, sizeof(rfc_client_iv));
	tls_pair_close(&pair);
}

/* P_hash of RFC 5246 section 5, by the letter and with nothing but HMAC. */
static void p_hash(const EVP_MD *md, const uint8_t *secret, size_t secret_len, const uint8_t *seed,
		   size_t seed_len, uint8_t *out, size_t len)
{
	uint8_t a[EVP_MAX_MD_SIZE + 256], block[EVP_MAX_MD_SIZE];
	unsigned int n;

	MUST_LE(seed_len, 256);
	MUST(HMAC(md, secret, (int)secret_len, seed, seed_len, a, &n));
	while (len > 0) {
		size_t take;

		memcpy(a + n, seed, seed_len);
		MUST(HMAC(md, secret, (int)secret_len, a, n + seed_len, block, &n));
		take = len < n ? len : n;
		memcpy(out, block, take);
		out += take;
		len -= take;
		memcpy(block, a, n);
		MUST(HMAC(md, secret, (int)secret_len, block, n, a, &n));
	}
}

/* The vector that the working group's list has for TLS 1.2's PRF with SHA-256. */
TEST(our_second_derivation_is_right)
{
	static const uint8_t secret[] = {0x9b, 0xbe, 0x43, 0x6b, 0xa9, 0x40, 0xf0, 0x17,
					 0xb1, 0x76, 0x52, 0x84, 0x9a, 0x71, 0xdb, 0x35};
	static const uint8_t seed[] = {'t',  'e',  's',	 't',  ' ',  'l',  'a',	 'b',  'e',
				       'l',  0xa0, 0xba, 0x9f, 0x93, 0x6c, 0xda, 0x31, 0x18,
				       0x27, 0xa6, 0xf7, 0x96, 0xff, 0xd5, 0x19, 0x8c};
	static const uint8_t want[] = {0xe3, 0xf2, 0x29, 0xba, 0x72, 0x7b, 0xe1, 0x7b,
				       0x8d, 0x12, 0x26, 0x20, 0x55, 0x7c, 0xd4, 0x53,
				       0xc2, 0xaa, 0xb2, 0x1d, 0x07, 0xc3, 0xd4, 0x95,
				       0x32, 0x9b, 0x52, 0xd4, 0xe6, 0x1e, 0xdb, 0x5a};
	uint8_t got[sizeof(want)];

	p_hash(EVP_sha256(), secret, sizeof(secret), seed, sizeof(seed), got, sizeof(got));
	CHECK_MEM(got, want, sizeof(want));
}

TEST_CASES(tls12_keys_are_those_of_the_key_block, suites_1_2)
{
	const size_t key_len = variant->cipher == KTLS_AES_128_GCM ? 16 : 32;
	const size_t iv_len = variant->cipher == KTLS_CHACHA20_POLY1305 ? 12 : 4;
	uint8_t master[48], seed[13 + 64] = "key expansion", block[2 * 32 + 2 * 12];
	struct ktls_keys tx, rx;
	struct tls_pair pair;

	open_pair(&pair, variant->version, variant->suite);
	/* From the client's side, which knows the same. */
	MUST_EQ(SSL_SESSION_get_master_key(SSL_get0_session(pair.client), master, 48), 48);
	MUST_EQ(SSL_get_server_random(pair.client, seed + 13, 32), 32);
	MUST_EQ(SSL_get_client_random(pair.client, seed + 45, 32), 32);
	p_hash(variant->cipher == KTLS_AES_256_GCM ? EVP_sha384() : EVP_sha256(), master,
	       sizeof(master), seed, sizeof(seed), block, 2 * (key_len + iv_len));
	MUST_EQ(tls_export_keys(pair.conn, &tx, &rx), 0);
	CHECK_MEM(rx.key, block, key_len);
	CHECK_MEM(tx.key, block + key_len, key_len);
	CHECK_MEM(rx.iv, block + 2 * key_len, iv_len);
	CHECK_MEM(tx.iv, block + 2 * key_len + iv_len, iv_len);
	tls_pair_close(&pair);
}

static uint64_t number(const uint8_t seq[8])
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | seq[i];
	return n;
}

/* After some records each way: what is exported opens the next record of OpenSSL, both ways. */
TEST_CASES(the_next_record_opens_with_what_is_exported, suites)
{
	const unsigned int finished = variant->version == TLS1_2_VERSION ? 1 : 0;
	uint8_t wire[RECORD_WIRE_MAX], data[KTLS_RECORD_MAX + 1], type;
	struct record_stream tx, rx;
	struct tls_pair pair;
	size_t len, used;

	open_pair(&pair, variant->version, variant->suite);
	for (int i = 0; i < 3; i++) {
		MUST_EQ(tls_write(pair.conn, "server", 6), 6);
		MUST_EQ(SSL_read(pair.client, data, sizeof(data)), 6);
		MUST_EQ(SSL_write(pair.client, "client", 6), 6);
		MUST_EQ(tls_read(pair.conn, data, sizeof(data)), 6);
	}
	MUST_EQ(SSL_write(pair.client, "again", 5), 5);
	MUST_EQ(tls_read(pair.conn, data, sizeof(data)), 5);
	MUST_EQ(tls_export_keys(pair.conn, &tx.keys, &rx.keys), 0);
	CHECK_EQ(tx.keys.version, variant->version);
	CHECK_EQ(tx.keys.cipher, variant->cipher);
	CHECK_EQ(rx.keys.cipher, variant->cipher);
	CHECK_EQ(number(tx.keys.rec_seq), finished + 3);
	CHECK_EQ(number(rx.keys.rec_seq), finished + 4);

	MUST_EQ(tls_write(pair.conn, "to the client", 13), 13);
	len = tls_pair_wire(pair.client_fd, wire, sizeof(wire));
	MUST_EQ(record_open(&tx, wire, len, &type, data, &used), 13);
	CHECK_EQ(used, len);
	CHECK_EQ(type, KTLS_RECORD_DATA);
	CHECK_MEM(data, "to the client", 13);

	MUST_EQ(SSL_write(pair.client, "to the server", 13), 13);
	len = tls_pair_wire(pair.server_fd, wire, sizeof(wire));
	MUST_EQ(record_open(&rx, wire, len, &type, data, &used), 13);
	CHECK_MEM(data, "to the server", 13);
	tls_pair_close(&pair);
}

/* The other way round: OpenSSL opens what is sealed with the exported keys. */
TEST_CASES(the_client_opens_what_is_sealed, suites)
{
	uint8_t wire[RECORD_WIRE_MAX], data[64];
	struct record_stream tx, rx;
	struct tls_pair pair;
	size_t len;

	open_pair(&pair, variant->version, variant->suite);
	MUST_EQ(tls_export_keys(pair.conn, &tx.keys, &rx.keys), 0);
	for (int i = 0; i < 3; i++) {
		len = record_seal(&tx, KTLS_RECORD_DATA, "sealed", 6, 0, wire);
		MUST_EQ(write(pair.server_fd, wire, len), len);
		MUST_EQ(SSL_read(pair.client, data, sizeof(data)), 6);
		CHECK_MEM(data, "sealed", 6);
	}
	tls_pair_close(&pair);
}

TEST(there_are_no_keys_without_a_handshake)
{
	struct ktls_keys tx, rx;
	struct tls_pair pair;

	open_pair(&pair, TLS1_3_VERSION, NULL);
	tls_conn_free(pair.conn);
	MUST_EQ(tls_conn_new(pair.ctx, pair.server_fd, &pair.conn), 0);
	CHECK_EQ(tls_export_keys(pair.conn, &tx, &rx), -EOPNOTSUPP);
	tls_pair_close(&pair);
}

/* Without a secret there is an error, and nothing of the other direction's key stays. */
TEST(a_missing_secret_is_an_error_and_leaves_nothing)
{
	struct ktls_keys tx, rx, zero = {};
	struct tls_pair pair;

	open_pair(&pair, TLS1_3_VERSION, NULL);
	pair.conn->client_secret.len = 0;
	CHECK_EQ(tls_export_keys(pair.conn, &tx, &rx), -EIO);
	CHECK_MEM(tx.key, zero.key, sizeof(zero.key));
	CHECK_MEM(rx.key, zero.key, sizeof(zero.key));
	CHECK_EQ(ERR_peek_error(), 0);
	tls_pair_close(&pair);
}

struct keylog_case {
	VARIANT;
	const char *line;
	size_t client_len, server_len;
};

#define HEX_32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

CASES(struct keylog_case, keylog_lines,
      {.name = "client", .line = "CLIENT_TRAFFIC_SECRET_0 aa " HEX_32, .client_len = 32},
      {.name = "server", .line = "SERVER_TRAFFIC_SECRET_0 aa " HEX_32, .server_len = 32},
      {.name = "longest", .line = "SERVER_TRAFFIC_SECRET_0 aa " HEX_32 HEX_32, .server_len = 64},
      {.name = "too_long",
       .line = "SERVER_TRAFFIC_SECRET_0 aa " HEX_32 HEX_32 "ff",
       .server_len = 64},
      {.name = "handshake_secret", .line = "SERVER_HANDSHAKE_TRAFFIC_SECRET aa " HEX_32},
      {.name = "other_generation", .line = "SERVER_TRAFFIC_SECRET_1 aa " HEX_32},
      {.name = "tls12", .line = "CLIENT_RANDOM aa " HEX_32},
      {.name = "odd", .line = "CLIENT_TRAFFIC_SECRET_0 aa 00010", .client_len = 2},
      {.name = "no_hex", .line = "CLIENT_TRAFFIC_SECRET_0 aa xyz"},
      {.name = "no_blank", .line = "CLIENT_TRAFFIC_SECRET_0"}, {.name = "empty", .line = ""});

TEST_CASES(only_application_secrets_are_kept, keylog_lines)
{
	struct tls_pair pair;

	open_pair(&pair, TLS1_3_VERSION, NULL);
	secret_wipe(&pair.conn->client_secret);
	secret_wipe(&pair.conn->server_secret);
	tls_keys_collect(pair.conn->ssl, variant->line);
	CHECK_EQ(pair.conn->client_secret.len, variant->client_len);
	CHECK_EQ(pair.conn->server_secret.len, variant->server_len);
	if (variant->client_len + variant->server_len >= 32)
		CHECK_EQ((variant->client_len ? pair.conn->client_secret : pair.conn->server_secret)
				 .bytes[31],
			 0x1f);
	tls_pair_close(&pair);
}
