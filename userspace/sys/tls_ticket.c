// SPDX-License-Identifier: Apache-2.0
/*
 * OpenSSL seals and opens tickets with our keys (RFC 5077 4: AES-256-CBC, then HMAC-SHA-256) and asks
 * what to do with what it has opened. Its own part of a ticket has secrets, version, cipher and the
 * leaf; ours, the "application data", is
 *
 *	version (1)  binding (32)  time (8)  certificate...
 *
 * with the time of the handshake in full in seconds of the Unix epoch, big-endian, and the
 * certificates that the peer showed above its leaf.
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
#define TIME_BYTES   8
#define HEADER_BYTES (1 + TLS_TICKET_BINDING_LEN + TIME_BYTES)

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
	struct tls_ctx *ctx; /* that they are for; borrowed */
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

static void put_time(uint8_t out[TIME_BYTES], uint64_t seconds)
{
	for (size_t i = TIME_BYTES; i-- > 0; seconds >>= 8)
		out[i] = (uint8_t)seconds;
}

static uint64_t get_time(const uint8_t in[TIME_BYTES])
{
	uint64_t seconds = 0;

	for (size_t i = 0; i < TIME_BYTES; i++)
		seconds = seconds << 8 | in[i];
	return seconds;
}

/* Behind its leaf. Returns: NULL and 0 bytes of nobody's. */
static const uint8_t *above_leaf(SSL *ssl, size_t *ret_len)
{
	const struct tls_chain *chain = tls_conn_of(ssl)->chain;
	int leaf_len = chain ? i2d_X509(SSL_get0_peer_certificate(ssl), NULL) : 0;
	const uint8_t *der = NULL;

	*ret_len = 0;
	if (leaf_len > 0) {
		der = tls_chain_der(chain, ret_len) + leaf_len;
		*ret_len -= (size_t)leaf_len;
	}
	return der;
}

static bool is_withheld(SSL *ssl)
{
	const struct tls_chain *chain = tls_conn_of(ssl)->chain;
	size_t len = 0;

	/* Without it, a session of TLS 1.2 can be carried to another server (RFC 7627 5.3). */
	if (SSL_version(ssl) == TLS1_2_VERSION && !state_of(ssl)->extended)
		return true;
	if (!chain)
		return SSL_get0_peer_certificate(ssl) != NULL;
	(void)tls_chain_der(chain, &len);
	return len > TLS_TICKET_CHAIN_MAX;
}

/* Returns: false when there is no memory. */
static bool fill(SSL *ssl)
{
	struct tls_ticket_state *state = state_of(ssl);
	const uint8_t *above;
	uint8_t *data;
	size_t len;
	bool ok;

	/* What came with the old ticket goes into the new one, its time as well. */
	if (SSL_session_reused(ssl))
		return true;
	state->withheld = is_withheld(ssl);
	if (state->withheld)
		return true;
	above = above_leaf(ssl, &len);
	data = malloc(HEADER_BYTES + len);
	if (!data)
		return false;
	data[0] = DATA_VERSION;
	memcpy(data + 1, state->binding, TLS_TICKET_BINDING_LEN);
	put_time(data + 1 + TLS_TICKET_BINDING_LEN, (uint64_t)time(NULL));
	if (len > 0)
		memcpy(data + HEADER_BYTES, above, len);
	ok = SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data, HEADER_BYTES + len) == 1;
	free(data);
	return ok;
}

/* Of TLS 1.2, in the middle of the handshake; for TLS 1.3 it is done at its end. */
static int before_sealing(SSL *ssl, void *arg)
{
	(void)arg;
	if (SSL_version(ssl) == TLS1_2_VERSION && !fill(ssl))
		state_of(ssl)->withheld = true;
	return 1;
}

void tls_ticket_remember(struct tls_conn *conn)
{
	struct tls_ticket_state *state = &conn->ticket;

	if (!state->tickets)
		return;
	if (SSL_session_reused(conn->ssl)) {
		tls_chain_unref(conn->chain);
		conn->chain = state->chain;
		state->chain = NULL;
	}
	if (SSL_version(conn->ssl) == TLS1_3_VERSION && !fill(conn->ssl))
		state->withheld = true;
}

void tls_ticket_forget(struct tls_conn *conn)
{
	tls_chain_unref(conn->ticket.chain);
}

/* --- a ticket comes back --- */

/* The chain as it was shown. Returns: NULL: no memory. */
static struct tls_chain *take_chain(X509 *leaf, const uint8_t *above, size_t above_len)
{
	struct tls_chain *chain = NULL;
	unsigned char *der = NULL;
	int leaf_len = i2d_X509(leaf, &der);
	uint8_t *all = leaf_len > 0 ? malloc((size_t)leaf_len + above_len) : NULL;

	if (all) {
		memcpy(all, der, (size_t)leaf_len);
		memcpy(all + leaf_len, above, above_len);
		chain = tls_chain_new(all, (size_t)leaf_len + above_len);
	}
	OPENSSL_free(der);
	free(all);
	return chain;
}

/* What this context trusts now decides. */
static bool verifies(SSL *ssl, X509 *leaf, const uint8_t *above, size_t above_len)
{
	struct tls_ticket_state *state = state_of(ssl);
	struct tls_chain *chain = take_chain(leaf, above, above_len);
	struct tls_failure failure;

	if (!chain || tls_chain_verify(state->tickets->ctx, chain, NULL, &failure) < 0) {
		tls_chain_unref(chain);
		return false;
	}
	tls_chain_unref(state->chain);
	state->chain = chain;
	return true;
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
	void *appdata = NULL;
	const uint8_t *data;
	size_t len = 0;

	if (SSL_SESSION_get0_ticket_appdata(session, &appdata, &len) != 1 || len < HEADER_BYTES)
		return false;
	data = appdata;
	if (data[0] != DATA_VERSION ||
	    CRYPTO_memcmp(data + 1, state->binding, TLS_TICKET_BINDING_LEN) != 0 ||
	    !is_of_age(state->tickets, get_time(data + 1 + TLS_TICKET_BINDING_LEN)))
		return false;
	if (!leaf)
		return !state->tickets->peer_required;
	return verifies(ssl, leaf, data + HEADER_BYTES, len - HEADER_BYTES);
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

static void add_bytes(struct tls_digest *digest, const char *bytes, size_t len)
{
	tls_digest_add(digest, len > 0 ? bytes : "", len);
}

static void add_verification(struct tls_digest *digest, const struct tls_verify_params *verify)
{
	const uint8_t settings[] = {
		(uint8_t)verify->crl_mode,	 verify->allow_crl_missing,
		verify->allow_crl_expired,	 (uint8_t)verify->depth,
		(uint8_t)verify->security_level, (uint8_t)verify->n_crls,
		(uint8_t)(verify->n_crls >> 8),
	};

	tls_digest_add(digest, settings, sizeof(settings));
	for (size_t i = 0; i < verify->n_crls; i++)
		add_bytes(digest, verify->crls[i].data, verify->crls[i].len);
	for (size_t i = 0; i < verify->n_domains; i++) {
		add_bytes(digest, verify->domains[i].name, strlen(verify->domains[i].name));
		add_bytes(digest, verify->domains[i].ca.data, verify->domains[i].ca.len);
	}
}

static int bind_to(struct tls_tickets *tickets, const struct tls_ctx_params *params)
{
	const uint8_t kind[] = {DATA_VERSION, (uint8_t)params->client_auth};
	struct tls_digest *digest = tls_digest_new();

	if (!digest)
		return -ENOMEM;
	tls_digest_add(digest, kind, sizeof(kind));
	tls_digest_add(digest, params->tickets->binding, TLS_TICKET_BINDING_LEN);
	add_bytes(digest, params->client_ca, params->client_ca_len);
	if (params->verify)
		add_verification(digest, params->verify);
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
	tickets->ctx = ctx;
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
