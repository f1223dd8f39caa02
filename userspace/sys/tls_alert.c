// SPDX-License-Identifier: Apache-2.0
/*
 * One sealed alert record.
 *
 * OpenSSL sends only the alerts that it decides on itself; access_denied is ours. The record is
 * built from the exported keys (RFC 8446 5.2 and 5.3, RFC 5288 3, RFC 7905 2) and written straight
 * to the socket, where OpenSSL has nothing queued after a finished handshake.
 */
#include "sys/ktls.h"
#include "sys/tls_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/socket.h>

#define RECORD_ALERT	   21
#define RECORD_APPLICATION 23
#define HEADER_BYTES	   5
#define TAG_BYTES	   16
#define EXPLICIT_BYTES	   8 /* GCM in TLS 1.2 sends half of its nonce */

static const EVP_CIPHER *algorithm_of(enum ktls_cipher cipher)
{
	switch (cipher) {
	case KTLS_AES_128_GCM:
		return EVP_aes_128_gcm();
	case KTLS_AES_256_GCM:
		return EVP_aes_256_gcm();
	case KTLS_CHACHA20_POLY1305:
		return EVP_chacha20_poly1305();
	default:
		return NULL;
	}
}

/* @text is encrypted in place and @tag filled. */
static int seal(const struct ktls_keys *keys, const uint8_t nonce[12], const uint8_t *aad,
		int aad_len, uint8_t *text, int text_len, uint8_t tag[TAG_BYTES])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len;
	int ok = ctx &&
		 EVP_EncryptInit_ex(ctx, algorithm_of(keys->cipher), NULL, keys->key, nonce) &&
		 EVP_EncryptUpdate(ctx, NULL, &len, aad, aad_len) &&
		 EVP_EncryptUpdate(ctx, text, &len, text, text_len) &&
		 EVP_EncryptFinal_ex(ctx, text + len, &len) &&
		 EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag);

	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

static void xor_nonce(const struct ktls_keys *keys, uint8_t nonce[12])
{
	memcpy(nonce, keys->iv, 12);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] ^= keys->rec_seq[i];
}

/* Returns: length of the record in @record, or -EIO. */
static int seal_tls13(const struct ktls_keys *keys, const uint8_t alert[2], uint8_t *record)
{
	const int text_len = 3; /* the alert and its inner content type */
	const int body_len = text_len + TAG_BYTES;
	uint8_t *text = record + HEADER_BYTES;
	uint8_t nonce[12];
	int r;

	memcpy(record, (const uint8_t[]){RECORD_APPLICATION, 3, 3, 0, (uint8_t)body_len},
	       HEADER_BYTES);
	memcpy(text, (const uint8_t[]){alert[0], alert[1], RECORD_ALERT}, 3);
	xor_nonce(keys, nonce);
	r = seal(keys, nonce, record, HEADER_BYTES, text, text_len, text + text_len);
	return r < 0 ? r : HEADER_BYTES + body_len;
}

static int seal_tls12(const struct ktls_keys *keys, const uint8_t alert[2], uint8_t *record)
{
	const int explicit_len = keys->cipher == KTLS_CHACHA20_POLY1305 ? 0 : EXPLICIT_BYTES;
	const int text_len = 2;
	const int body_len = explicit_len + text_len + TAG_BYTES;
	uint8_t *text = record + HEADER_BYTES + explicit_len;
	uint8_t nonce[12], aad[13];
	int r;

	memcpy(record, (const uint8_t[]){RECORD_ALERT, 3, 3, 0, (uint8_t)body_len}, HEADER_BYTES);
	memcpy(text, alert, 2);
	memcpy(aad, keys->rec_seq, 8);
	memcpy(aad + 8, (const uint8_t[]){RECORD_ALERT, 3, 3, 0, (uint8_t)text_len}, 5);
	if (explicit_len) {
		memcpy(nonce, keys->iv, 12);
		memcpy(record + HEADER_BYTES, keys->iv + 4, EXPLICIT_BYTES);
	} else {
		xor_nonce(keys, nonce);
	}
	r = seal(keys, nonce, aad, sizeof(aad), text, text_len, text + text_len);
	return r < 0 ? r : HEADER_BYTES + body_len;
}

int tls_send_alert(struct tls_conn *conn, enum tls_alert alert)
{
	const uint8_t body[2] = {2 /* fatal */, (uint8_t)alert};
	uint8_t record[HEADER_BYTES + EXPLICIT_BYTES + 3 + TAG_BYTES];
	struct ktls_keys _cleanup_ktls_keys_ tx = {}, _cleanup_ktls_keys_ rx = {};
	int r = tls_export_keys(conn, &tx, &rx);

	if (r < 0)
		return r;
	r = tx.version == TLS1_3_VERSION ? seal_tls13(&tx, body, record)
					 : seal_tls12(&tx, body, record);
	ERR_clear_error();
	if (r < 0)
		return r;
	conn->tx_records++;
	conn->broken = true;
	conn->failure.alert = alert;
	/* A few bytes on a connection that has sent nothing since its handshake: they fit. */
	if (send(SSL_get_fd(conn->ssl), record, (size_t)r, MSG_NOSIGNAL | MSG_DONTWAIT) != r)
		return -EAGAIN;
	return 0;
}
