// SPDX-License-Identifier: Apache-2.0
/*
 * OpenSSL seals and opens tickets with our keys (RFC 5077 4: AES-256-CBC, then HMAC-SHA-256) and asks
 * what to do with what it has opened. Its own part of a ticket has secrets, version, cipher and the
 * leaf; ours, the "application data", is
 *
 *	version (1)  binding (32)  time (8)  { length (3)  certificate (length) }...
 *
 * with the time of the handshake in full in seconds of the Unix epoch, and the certificates that the
 * peer showed above its leaf. Numbers are big-endian.
 */
#include "sys/tls_ticket.h"

#include "sys/tls_internal.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DATA_VERSION 1
#define HEADER_BYTES (1 + TLS_TICKET_BINDING_LEN + 8)
#define LENGTH_BYTES 3

#define KEY_NAME_BYTES 16 /* OpenSSL's choice */
#define IV_BYTES       16

/* Hosts of a fleet do not agree to the second. */
#define CLOCKS_DIFFER_S 60

struct ticket_key {
	uint8_t name[KEY_NAME_BYTES];
	uint8_t cipher[32];
	uint8_t mac[32];
};

struct tls_tickets {
	struct ticket_key keys[TLS_TICKET_KEYS_MAX];
	size_t n_keys;
	uint64_t lifetime_s;
	bool peer_required; /* a session without certificate is not to be resumed */
	uint8_t binding[TLS_TICKET_BINDING_LEN];
};

static struct tls_ticket_state *state_of(const SSL *ssl)
{
	return &tls_conn_of(ssl)->ticket;
}

/* --- keys --- */

static bool derive(const struct tls_ticket_secret *secret, const char *label, uint8_t *out,
		   size_t len)
{
	uint8_t sum[32] = {};
	size_t sum_len = 0;
	bool ok = EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret->bytes, secret->len,
			    (const unsigned char *)label, strlen(label), sum, sizeof(sum),
			    &sum_len) &&
		  sum_len == sizeof(sum);

	memcpy(out, sum, len);
	secret_wipe_mem(sum, sizeof(sum));
	return ok;
}

static int load_keys(struct tls_tickets *tickets, const struct tls_ticket_params *params)
{
	if (params->n_secrets == 0 || params->n_secrets > TLS_TICKET_KEYS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < params->n_secrets; i++) {
		const struct tls_ticket_secret *secret = &params->secrets[i];
		struct ticket_key *key = &tickets->keys[i];

		if (secret->len < TLS_TICKET_KEY_BYTES)
			return -EINVAL;
		if (!derive(secret, "sluice ticket name", key->name, sizeof(key->name)) ||
		    !derive(secret, "sluice ticket cipher", key->cipher, sizeof(key->cipher)) ||
		    !derive(secret, "sluice ticket mac", key->mac, sizeof(key->mac)))
			return -ENOMEM;
	}
	tickets->n_keys = params->n_secrets;
	return 0;
}

static bool key_the_mac(EVP_MAC_CTX *mac, struct ticket_key *key)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int seal(SSL *ssl, struct ticket_key *key, unsigned char *name, unsigned char *iv,
		EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	struct tls_ticket_state *state = state_of(ssl);

	/* TLS 1.2 has promised a ticket already: it will be an empty one. */
	if (state->withheld)
		return 0;
	memcpy(name, key->name, sizeof(key->name));
	if (RAND_bytes(iv, IV_BYTES) != 1 ||
	    EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), key->cipher, iv, NULL) != 1 ||
	    !key_the_mac(mac, key))
		return -1;
	state->sent = true;
	return 1;
}

static int open_with(struct ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac)
{
	return EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), key->cipher, iv, NULL) == 1 &&
	       key_the_mac(mac, key);
}

/* Returns: 1 go on; 2 go on, and give a new ticket; 0 without; -1 fatal. */
static int use_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		   EVP_MAC_CTX *mac, int sealing)
{
	struct tls_tickets *tickets = state_of(ssl)->tickets;

	if (sealing)
		return seal(ssl, &tickets->keys[0], name, iv, cipher, mac);
	for (size_t i = 0; i < tickets->n_keys; i++) {
		struct ticket_key *key = &tickets->keys[i];

		if (memcmp(name, key->name, sizeof(key->name)) != 0)
			continue;
		if (!open_with(key, iv, cipher, mac))
			return -1;
		return i == 0 ? 1 : 2;
	}
	return 0;
}

/* --- what a ticket is bound to --- */

static bool has_extension(SSL *ssl, unsigned int type, const unsigned char **ret_body,
			  size_t *ret_len)
{
	*ret_len = 0;
	return SSL_client_hello_get0_ext(ssl, type, ret_body, ret_len) == 1;
}

/* The body of server_name as it came: who resumes asks for the same name in the same bytes. */
static int note_hello(SSL *ssl, int *alert, void *arg)
{
	struct tls_ticket_state *state = state_of(ssl);
	struct tls_digest *digest = tls_digest_new();
	const unsigned char *body = NULL;
	size_t len;

	(void)arg;
	state->wanted = has_extension(ssl, TLSEXT_TYPE_psk_kex_modes, &body, &len);
	state->extended = has_extension(ssl, TLSEXT_TYPE_extended_master_secret, &body, &len);
	if (digest) {
		tls_digest_add(digest, state->tickets->binding, TLS_TICKET_BINDING_LEN);
		if (has_extension(ssl, TLSEXT_TYPE_server_name, &body, &len))
			tls_digest_add(digest, body, len);
	}
	if (tls_digest_end(digest, state->binding) == 0)
		return SSL_CLIENT_HELLO_SUCCESS;
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_CLIENT_HELLO_ERROR;
}

/* So that OpenSSL remembers the name of a session that is resumed in TLS 1.2. */
static int take_name(SSL *ssl, int *alert, void *arg)
{
	(void)ssl, (void)alert, (void)arg;
	return SSL_TLSEXT_ERR_OK;
}

/* --- our part of a ticket --- */

static void put_number(uint8_t *out, uint64_t number, size_t len)
{
	for (size_t i = len; i-- > 0; number >>= 8)
		out[i] = (uint8_t)number;
}

static uint64_t get_number(const uint8_t *in, size_t len)
{
	uint64_t number = 0;

	for (size_t i = 0; i < len; i++)
		number = number << 8 | in[i];
	return number;
}

/* Bytes that @leaf and @above take as DER; SIZE_MAX when that is no number. */
static size_t chain_len(X509 *leaf, STACK_OF(X509) * above)
{
	int one = leaf ? i2d_X509(leaf, NULL) : 0;
	size_t all = one < 0 ? SIZE_MAX : (size_t)one;

	for (int i = 0; above && i < sk_X509_num(above) && all <= TLS_TICKET_CHAIN_MAX; i++) {
		one = i2d_X509(sk_X509_value(above, i), NULL);
		all = one < 0 ? SIZE_MAX : all + (size_t)one + LENGTH_BYTES;
	}
	return all;
}

static size_t put_chain(uint8_t *out, STACK_OF(X509) * above)
{
	uint8_t *at = out;

	for (int i = 0; above && i < sk_X509_num(above); i++) {
		unsigned char *der = at + LENGTH_BYTES;
		int len = i2d_X509(sk_X509_value(above, i), &der);

		put_number(at, (uint64_t)len, LENGTH_BYTES);
		at += LENGTH_BYTES + len;
	}
	return (size_t)(at - out);
}

static bool is_withheld(SSL *ssl)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);

	/* Without it, a session of TLS 1.2 can be carried to another server (RFC 7627 5.3). */
	if (SSL_version(ssl) == TLS1_2_VERSION && !state_of(ssl)->extended)
		return true;
	return chain_len(leaf, SSL_get_peer_cert_chain(ssl)) > TLS_TICKET_CHAIN_MAX;
}

/* Returns: false when there is no memory. */
static bool fill(SSL *ssl)
{
	struct tls_ticket_state *state = state_of(ssl);
	uint8_t *data;
	size_t len;
	bool ok;

	/* What came with the old ticket goes into the new one, its time as well. */
	if (SSL_session_reused(ssl))
		return true;
	state->withheld = is_withheld(ssl);
	if (state->withheld)
		return true;
	data = malloc(HEADER_BYTES + TLS_TICKET_CHAIN_MAX);
	if (!data)
		return false;
	data[0] = DATA_VERSION;
	memcpy(data + 1, state->binding, TLS_TICKET_BINDING_LEN);
	put_number(data + 1 + TLS_TICKET_BINDING_LEN, (uint64_t)time(NULL), 8);
	len = HEADER_BYTES + put_chain(data + HEADER_BYTES, SSL_get_peer_cert_chain(ssl));
	ok = SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data, len) == 1;
	free(data);
	return ok;
}

/* Of TLS 1.2, in the middle of the handshake; for TLS 1.3 it was done at its end. */
static int before_sealing(SSL *ssl, void *arg)
{
	(void)arg;
	if (SSL_version(ssl) == TLS1_2_VERSION && !fill(ssl))
		state_of(ssl)->withheld = true;
	return 1;
}

void tls_ticket_remember(struct tls_conn *conn)
{
	if (conn->ticket.tickets && SSL_version(conn->ssl) == TLS1_3_VERSION && !fill(conn->ssl))
		conn->ticket.withheld = true;
}

/* --- a ticket comes back --- */

/* Returns: bytes of @data that were used; 0: it is not what put_chain() wrote, or no memory. */
static size_t take_one(const uint8_t *data, size_t len, STACK_OF(X509) * above)
{
	const unsigned char *der = data + LENGTH_BYTES;
	X509 *certificate;
	size_t one;

	if (len < LENGTH_BYTES)
		return 0;
	one = get_number(data, LENGTH_BYTES);
	if (one > len - LENGTH_BYTES)
		return 0;
	certificate = d2i_X509(NULL, &der, (long)one);
	if (certificate && sk_X509_push(above, certificate) > 0)
		return LENGTH_BYTES + one;
	X509_free(certificate);
	return 0;
}

static STACK_OF(X509) * take_chain(const uint8_t *data, size_t len)
{
	STACK_OF(X509) *above = sk_X509_new_null();
	size_t used = 1;

	for (; above && len > 0 && used > 0; data += used, len -= used)
		used = take_one(data, len, above);
	if (used > 0)
		return above;
	sk_X509_pop_free(above, X509_free);
	return NULL;
}

/* As OpenSSL does in a handshake, with what this context trusts now. */
static bool verifies(SSL *ssl, X509 *leaf, STACK_OF(X509) * above)
{
	X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	bool ok = ctx && X509_STORE_CTX_init(ctx, store, leaf, above) == 1;

	if (ok) {
		param = X509_STORE_CTX_get0_param(ctx);
		X509_VERIFY_PARAM_set_auth_level(param, SSL_get_security_level(ssl));
		ok = X509_STORE_CTX_set_default(ctx, "ssl_client") == 1 &&
		     X509_VERIFY_PARAM_set1(param, SSL_get0_param(ssl)) == 1 &&
		     X509_verify_cert(ctx) == 1;
	}
	X509_STORE_CTX_free(ctx);
	return ok;
}

static bool is_of_age(const struct tls_tickets *tickets, uint64_t since)
{
	uint64_t now = (uint64_t)time(NULL);

	return since <= now + CLOCKS_DIFFER_S &&
	       (since >= now || now - since < tickets->lifetime_s);
}

static bool is_good(SSL *ssl, SSL_SESSION *session)
{
	const struct tls_ticket_state *state = state_of(ssl);
	X509 *leaf = SSL_SESSION_get0_peer(session);
	STACK_OF(X509) * above;
	void *appdata = NULL;
	const uint8_t *data;
	size_t len = 0;
	bool ok;

	if (SSL_SESSION_get0_ticket_appdata(session, &appdata, &len) != 1 || len < HEADER_BYTES)
		return false;
	data = appdata;
	if (data[0] != DATA_VERSION ||
	    CRYPTO_memcmp(data + 1, state->binding, TLS_TICKET_BINDING_LEN) != 0 ||
	    !is_of_age(state->tickets, get_number(data + 1 + TLS_TICKET_BINDING_LEN, 8)))
		return false;
	if (!leaf)
		return !state->tickets->peer_required;
	above = take_chain(data + HEADER_BYTES, len - HEADER_BYTES);
	ok = above && verifies(ssl, leaf, above);
	sk_X509_pop_free(above, X509_free);
	return ok;
}

/* RENEW: TLS 1.2 gives a new ticket in this handshake. */
static SSL_TICKET_RETURN judge(SSL *ssl, SSL_SESSION *session, const unsigned char *key_name,
			       size_t key_name_len, SSL_TICKET_STATUS status, void *arg)
{
	bool ok;

	(void)key_name, (void)key_name_len, (void)arg;
	if (status == SSL_TICKET_EMPTY)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	state_of(ssl)->offered = true;
	ok = (status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW) &&
	     is_good(ssl, session);
	ERR_clear_error();
	if (!ok)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

enum tls_resumption tls_resumption(const struct tls_conn *conn)
{
	if (SSL_session_reused(conn->ssl))
		return TLS_RESUMED;
	return conn->ticket.offered ? TLS_RESUMPTION_REFUSED : TLS_NOT_RESUMED;
}

/* --- sending --- */

int tls_send_ticket(struct tls_conn *conn)
{
	const struct tls_ticket_state *state = &conn->ticket;
	int r = 0;

	if (!state->tickets)
		return 0;
	if (SSL_version(conn->ssl) == TLS1_3_VERSION && state->wanted && !state->withheld) {
		ERR_clear_error();
		if (SSL_new_session_ticket(conn->ssl) == 1)
			r = tls_conn_flush(conn);
	}
	ERR_clear_error();
	/* It was for this; an idle session can do without. */
	if (SSL_is_init_finished(conn->ssl))
		(void)SSL_SESSION_set1_ticket_appdata(SSL_get_session(conn->ssl), NULL, 0);
	return r < 0 ? r : state->sent;
}

/* --- contexts --- */

static int bind_to(struct tls_tickets *tickets, const struct tls_ctx_params *params)
{
	const uint8_t kind[] = {DATA_VERSION, (uint8_t)params->client_auth};
	struct tls_digest *digest = tls_digest_new();

	if (!digest)
		return -ENOMEM;
	tls_digest_add(digest, kind, sizeof(kind));
	tls_digest_add(digest, params->tickets->binding, TLS_TICKET_BINDING_LEN);
	tls_digest_add(digest, params->client_ca ? params->client_ca : "", params->client_ca_len);
	return tls_digest_end(digest, tickets->binding);
}

static int offer(SSL_CTX *ctx, const struct tls_tickets *tickets)
{
	SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_timeout(ctx, (long)tickets->lifetime_s);
	SSL_CTX_set_client_hello_cb(ctx, note_hello, NULL);
	SSL_CTX_set_tlsext_servername_callback(ctx, take_name);
	if (SSL_CTX_set_session_id_context(ctx, tickets->binding, TLS_TICKET_BINDING_LEN) != 1 ||
	    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, use_key) != 1 ||
	    SSL_CTX_set_session_ticket_cb(ctx, before_sealing, judge, NULL) != 1)
		return -EINVAL;
	return 0;
}

int tls_tickets_new(struct tls_ctx *ctx, const struct tls_ctx_params *params)
{
	struct tls_tickets *tickets = calloc(1, sizeof(*tickets));
	int r;

	if (!tickets)
		return -ENOMEM;
	ctx->tickets = tickets;
	tickets->lifetime_s = params->tickets->lifetime_s;
	tickets->peer_required = params->client_auth == TLS_CLIENT_AUTH_REQUIRE;
	r = load_keys(tickets, params->tickets);
	if (r == 0)
		r = bind_to(tickets, params);
	return r == 0 ? offer(ctx->ssl_ctx, tickets) : r;
}

void tls_tickets_free(struct tls_tickets *tickets)
{
	if (tickets)
		secret_wipe_mem(tickets, sizeof(*tickets));
	free(tickets);
}
