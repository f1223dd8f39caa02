// SPDX-License-Identifier: Apache-2.0
/*
 * From OpenSSL's secrets to the keys that the kernel takes.
 *
 * TLS 1.3: traffic secrets from the keylog callback, key and iv by HKDF-Expand-Label
 * (RFC 8446 7.3), which follow every KeyUpdate that OpenSSL sends or takes. TLS 1.2: key block by the PRF from the master key (RFC 5246 6.3). No OpenSSL
 * built with kTLS is needed for either.
 */
#include "base/hex.h"
#include "base/unconst.h"
#include "sys/ktls.h"
#include "sys/tls_internal.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <stdlib.h>
#include <string.h>

struct cipher_map {
	uint32_t id; /* IANA number, low 16 bits of OpenSSL's */
	enum ktls_cipher cipher;
	const char *digest;
	size_t key_len;
	size_t fixed_iv_len; /* taken from the key block in TLS 1.2 */
};

static const struct cipher_map ciphers[] = {
	{0x1301, KTLS_AES_128_GCM, "SHA256", 16, 0},
	{0x1302, KTLS_AES_256_GCM, "SHA384", 32, 0},
	{0x1303, KTLS_CHACHA20_POLY1305, "SHA256", 32, 0},
	{0xc02b, KTLS_AES_128_GCM, "SHA256", 16, 4},
	{0xc02f, KTLS_AES_128_GCM, "SHA256", 16, 4},
	{0xc02c, KTLS_AES_256_GCM, "SHA384", 32, 4},
	{0xc030, KTLS_AES_256_GCM, "SHA384", 32, 4},
	{0xcca8, KTLS_CHACHA20_POLY1305, "SHA256", 32, 12},
	{0xcca9, KTLS_CHACHA20_POLY1305, "SHA256", 32, 12},
};

static const struct cipher_map *find_cipher(const SSL *ssl)
{
	const SSL_CIPHER *current = SSL_get_current_cipher(ssl);
	uint32_t id = current ? SSL_CIPHER_get_id(current) & 0xffff : 0;

	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		if (ciphers[i].id == id)
			return &ciphers[i];
	}
	return NULL;
}

static void secret_from_hex(struct secret *secret, const char *hex)
{
	size_t len = 0;

	while (len < SECRET_MAX_BYTES && hex_value(hex[0]) >= 0 && hex_value(hex[1]) >= 0) {
		secret->bytes[len++] = (uint8_t)(hex_value(hex[0]) << 4 | hex_value(hex[1]));
		hex += 2;
	}
	secret->len = len;
}

/* A keylog line is "LABEL client_random secret", all but the label in lower-case hex. */
void tls_keys_collect(const SSL *ssl, const char *line)
{
	static const char client[] = "CLIENT_TRAFFIC_SECRET_0 ";
	static const char server[] = "SERVER_TRAFFIC_SECRET_0 ";
	struct tls_conn *conn = tls_conn_of(ssl);
	const char *hex = strrchr(line, ' ');

	if (!conn || !hex)
		return;
	if (strncmp(line, client, sizeof(client) - 1) == 0)
		secret_from_hex(&conn->client_secret, hex + 1);
	else if (strncmp(line, server, sizeof(server) - 1) == 0)
		secret_from_hex(&conn->server_secret, hex + 1);
}

static int kdf(const char *name, const OSSL_PARAM *params, uint8_t *out, size_t len)
{
	EVP_KDF *algorithm = EVP_KDF_fetch(NULL, name, NULL);
	EVP_KDF_CTX *ctx = algorithm ? EVP_KDF_CTX_new(algorithm) : NULL;
	int r = ctx && EVP_KDF_derive(ctx, out, len, params) == 1 ? 0 : -EIO;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(algorithm);
	return r;
}

static OSSL_PARAM octets(const char *key, const void *value, size_t len)
{
	return OSSL_PARAM_construct_octet_string(key, unconst(value), len);
}

static int expand_label(const struct cipher_map *map, const struct secret *secret,
			const char *label, uint8_t *out, size_t len)
{
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, unconst(map->digest), 0),
		octets(OSSL_KDF_PARAM_KEY, secret->bytes, secret->len),
		octets(OSSL_KDF_PARAM_PREFIX, "tls13 ", 6),
		octets(OSSL_KDF_PARAM_LABEL, label, strlen(label)),
		OSSL_PARAM_construct_end(),
	};

	return kdf("TLS13-KDF", params, out, len);
}

static int derive_tls13(const struct cipher_map *map, const struct secret *secret,
			struct ktls_keys *keys)
{
	int r;

	if (secret->len == 0)
		return -EIO;
	r = expand_label(map, secret, "key", keys->key, map->key_len);
	return r < 0 ? r : expand_label(map, secret, "iv", keys->iv, sizeof(keys->iv));
}

static int key_block(const SSL *ssl, const struct cipher_map *map, uint8_t *block, size_t len)
{
	struct secret _cleanup_secret_ master = {};
	uint8_t client_random[SSL3_RANDOM_SIZE], server_random[SSL3_RANDOM_SIZE];
	OSSL_PARAM params[6];

	master.len = SSL_SESSION_get_master_key(SSL_get0_session(ssl), master.bytes,
						sizeof(master.bytes));
	if (master.len == 0 ||
	    SSL_get_client_random(ssl, client_random, sizeof(client_random)) != SSL3_RANDOM_SIZE ||
	    SSL_get_server_random(ssl, server_random, sizeof(server_random)) != SSL3_RANDOM_SIZE)
		return -EIO;
	params[0] =
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, unconst(map->digest), 0);
	params[1] = octets(OSSL_KDF_PARAM_SECRET, master.bytes, master.len);
	/* The PRF's seed is the concatenation of everything given as seed, in this order. */
	params[2] = octets(OSSL_KDF_PARAM_SEED, "key expansion", 13);
	params[3] = octets(OSSL_KDF_PARAM_SEED, server_random, sizeof(server_random));
	params[4] = octets(OSSL_KDF_PARAM_SEED, client_random, sizeof(client_random));
	params[5] = OSSL_PARAM_construct_end();
	return kdf("TLS1-PRF", params, block, len);
}

static void put_seq(uint8_t out[8], uint64_t seq)
{
	for (int i = 7; i >= 0; i--, seq >>= 8)
		out[i] = (uint8_t)seq;
}

static int derive_tls12(const SSL *ssl, const struct cipher_map *map, struct ktls_keys *client,
			struct ktls_keys *server)
{
	uint8_t block[2 * 32 + 2 * 12];
	size_t key_len = map->key_len, iv_len = map->fixed_iv_len;
	int r = key_block(ssl, map, block, 2 * key_len + 2 * iv_len);

	if (r == 0) {
		memcpy(client->key, block, key_len);
		memcpy(server->key, block + key_len, key_len);
		memcpy(client->iv, block + 2 * key_len, iv_len);
		memcpy(server->iv, block + 2 * key_len + iv_len, iv_len);
		/*
		 * GCM's explicit nonce may be anything unique: the sequence number is. OpenSSL's
		 * own record used a random one, which it meets with a chance of 2^-64.
		 */
		if (iv_len == 4) {
			memcpy(client->iv + 4, client->rec_seq, 8);
			memcpy(server->iv + 4, server->rec_seq, 8);
		}
	}
	secret_wipe_mem(block, sizeof(block));
	return r;
}

int tls_export_keys(const struct tls_conn *conn, struct ktls_keys *ret_tx, struct ktls_keys *ret_rx)
{
	const struct cipher_map *map = find_cipher(conn->ssl);
	int version = SSL_version(conn->ssl);
	struct ktls_keys *client, *server;
	int r;

	if (!map || (version != TLS1_3_VERSION && version != TLS1_2_VERSION))
		return -EOPNOTSUPP;
	memset(ret_tx, 0, sizeof(*ret_tx));
	ret_tx->version = (uint16_t)version;
	ret_tx->cipher = map->cipher;
	*ret_rx = *ret_tx;
	put_seq(ret_tx->rec_seq, conn->tx_records);
	put_seq(ret_rx->rec_seq, conn->rx_records);
	client = SSL_is_server(conn->ssl) ? ret_rx : ret_tx;
	server = SSL_is_server(conn->ssl) ? ret_tx : ret_rx;
	if (version == TLS1_3_VERSION) {
		r = derive_tls13(map, &conn->server_secret, server);
		if (r == 0)
			r = derive_tls13(map, &conn->client_secret, client);
	} else {
		r = derive_tls12(conn->ssl, map, client, server);
	}
	ERR_clear_error();
	if (r < 0) {
		ktls_keys_wipe(ret_tx);
		ktls_keys_wipe(ret_rx);
	}
	return r;
}

/* --- next generations --- */

/* @secret becomes that of the next generation. Returns: 0, -EIO. */
static int step_secret(const struct cipher_map *map, struct secret *secret)
{
	struct secret _cleanup_secret_ next = {.len = secret->len};
	int r = expand_label(map, secret, "traffic upd", next.bytes, next.len);

	if (r == 0)
		*secret = next;
	return r;
}

static void step_keys(struct tls_conn *conn, bool ours)
{
	const struct cipher_map *map = find_cipher(conn->ssl);
	bool server = SSL_is_server(conn->ssl);
	struct secret *secret = ours == server ? &conn->server_secret : &conn->client_secret;

	if (ours) {
		conn->tx_records = 0;
	} else {
		conn->rx_records = 0;
		conn->update_asked = false;
	}
	/* Without the next secret nothing can be exported. */
	if (!map || step_secret(map, secret) < 0)
		secret_wipe(secret);
}

static void count_record(struct tls_conn *conn, bool written, const uint8_t header[5])
{
	uint64_t bytes = SSL3_RT_HEADER_LENGTH + ((uint64_t)header[3] << 8 | header[4]);

	if (written) {
		conn->tx_records++;
		conn->tx_boundary += bytes;
	} else {
		conn->rx_records++;
		conn->rx_boundary += bytes;
	}
}

/* The callback for a message comes behind those for its records, which are the last of their key. */
void tls_keys_count(int write_p, int version, int content_type, const void *buf, size_t len,
		    SSL *ssl, void *arg)
{
	struct tls_conn *conn = tls_conn_of(ssl);
	const uint8_t *bytes = buf;

	(void)version;
	(void)arg;
	if (!conn || !conn->established || len == 0)
		return;
	if (content_type == SSL3_RT_HEADER && len == SSL3_RT_HEADER_LENGTH)
		count_record(conn, write_p, bytes);
	if (content_type != SSL3_RT_HANDSHAKE)
		return;
	if (!write_p) {
		conn->messages++;
		conn->tickets += bytes[0] == SSL3_MT_NEWSESSION_TICKET;
		conn->key_updates += bytes[0] == SSL3_MT_KEY_UPDATE;
	}
	if (bytes[0] == SSL3_MT_KEY_UPDATE)
		step_keys(conn, write_p);
}

static const struct cipher_map *tls13_cipher(enum ktls_cipher cipher)
{
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		if (ciphers[i].cipher == cipher && ciphers[i].fixed_iv_len == 0)
			return &ciphers[i];
	}
	return NULL;
}

void tls_export_traffic(const struct tls_conn *conn, struct tls_traffic *ret_traffic)
{
	const struct cipher_map *map = find_cipher(conn->ssl);

	*ret_traffic = (struct tls_traffic){};
	if (!map || SSL_version(conn->ssl) != TLS1_3_VERSION)
		return;
	ret_traffic->cipher = map->cipher;
	ret_traffic->tx = SSL_is_server(conn->ssl) ? conn->server_secret : conn->client_secret;
	ret_traffic->rx = SSL_is_server(conn->ssl) ? conn->client_secret : conn->server_secret;
}

int tls_traffic_next(const struct tls_traffic *traffic, struct secret *secret,
		     struct ktls_keys *ret_keys)
{
	const struct cipher_map *map = tls13_cipher(traffic->cipher);
	int r;

	if (secret->len == 0 || !map)
		return -EOPNOTSUPP;
	*ret_keys = (struct ktls_keys){.version = TLS1_3_VERSION, .cipher = map->cipher};
	r = step_secret(map, secret);
	if (r == 0)
		r = derive_tls13(map, secret, ret_keys);
	ERR_clear_error();
	if (r < 0)
		ktls_keys_wipe(ret_keys);
	return r;
}

void tls_traffic_free(struct tls_traffic *traffic)
{
	if (traffic)
		secret_wipe_mem(traffic, sizeof(*traffic));
	free(traffic);
}
