// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/record.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES = 5, TAG_BYTES = 16, NONCE_BYTES = 12, EXPLICIT_BYTES = 8, AAD_MAX_BYTES = 13 };

static bool is_13(const struct ktls_keys *keys)
{
	return keys->version == KTLS_VERSION_1_3;
}

/* TLS 1.2 GCM sends 8 bytes of its nonce with every record. */
static size_t explicit_bytes(const struct ktls_keys *keys)
{
	return is_13(keys) || keys->cipher == KTLS_CHACHA20_POLY1305 ? 0 : EXPLICIT_BYTES;
}

size_t record_overhead(const struct ktls_keys *keys)
{
	return HEADER_BYTES + explicit_bytes(keys) + (is_13(keys) ? 1 : 0) + TAG_BYTES;
}

static const EVP_CIPHER *cipher_of(const struct ktls_keys *keys)
{
	switch (keys->cipher) {
	case KTLS_AES_128_GCM:
		return EVP_aes_128_gcm();
	case KTLS_AES_256_GCM:
		return EVP_aes_256_gcm();
	default:
		return EVP_chacha20_poly1305();
	}
}

/* @on_wire: the explicit part as sent, only looked at where there is one. */
static void make_nonce(const struct ktls_keys *keys, const uint8_t *on_wire,
		       uint8_t nonce[NONCE_BYTES])
{
	memcpy(nonce, keys->iv, NONCE_BYTES);
	if (explicit_bytes(keys)) {
		memcpy(nonce + 4, on_wire, EXPLICIT_BYTES);
		return;
	}
	for (int i = 0; i < 8; i++)
		nonce[4 + i] ^= keys->rec_seq[i];
}

static size_t make_aad(const struct ktls_keys *keys, const uint8_t *header, size_t plain_len,
		       uint8_t aad[AAD_MAX_BYTES])
{
	if (is_13(keys)) {
		memcpy(aad, header, HEADER_BYTES);
		return HEADER_BYTES;
	}
	memcpy(aad, keys->rec_seq, 8);
	memcpy(aad + 8, header, 3);
	aad[11] = (uint8_t)(plain_len >> 8);
	aad[12] = (uint8_t)plain_len;
	return 13;
}

static void next_record(struct ktls_keys *keys)
{
	for (int i = 7; i >= 0 && ++keys->rec_seq[i] == 0; i--)
		;
}

static void seal(const struct ktls_keys *keys, const uint8_t *nonce, const uint8_t *aad,
		 size_t aad_len, uint8_t *text, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	if (!ctx || !EVP_EncryptInit_ex(ctx, cipher_of(keys), NULL, keys->key, nonce) ||
	    !EVP_EncryptUpdate(ctx, NULL, &n, aad, (int)aad_len) ||
	    !EVP_EncryptUpdate(ctx, text, &n, text, (int)len) ||
	    !EVP_EncryptFinal_ex(ctx, text + n, &n) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, text + len))
		abort();
	EVP_CIPHER_CTX_free(ctx);
}

static bool unseal(const struct ktls_keys *keys, const uint8_t *nonce, const uint8_t *aad,
		   size_t aad_len, const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t tag[TAG_BYTES];
	bool good;
	int n;

	memcpy(tag, in + len, TAG_BYTES);
	good = ctx && EVP_DecryptInit_ex(ctx, cipher_of(keys), NULL, keys->key, nonce) &&
	       EVP_DecryptUpdate(ctx, NULL, &n, aad, (int)aad_len) &&
	       EVP_DecryptUpdate(ctx, out, &n, in, (int)len) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) &&
	       EVP_DecryptFinal_ex(ctx, out + n, &n);
	EVP_CIPHER_CTX_free(ctx);
	return good;
}

size_t record_seal(struct record_stream *stream, uint8_t type, const void *data, size_t len,
		   size_t padding, uint8_t *wire)
{
	struct ktls_keys *keys = &stream->keys;
	size_t explicit_len = explicit_bytes(keys);
	size_t inner = len + (is_13(keys) ? 1 + padding : 0);
	size_t body = explicit_len + inner + TAG_BYTES;
	uint8_t *text = wire + HEADER_BYTES + explicit_len;
	uint8_t nonce[NONCE_BYTES], aad[AAD_MAX_BYTES];

	wire[0] = is_13(keys) ? KTLS_RECORD_DATA : type;
	wire[1] = 3;
	wire[2] = 3;
	wire[3] = (uint8_t)(body >> 8);
	wire[4] = (uint8_t)body;
	memcpy(wire + HEADER_BYTES, keys->rec_seq, explicit_len);
	if (len)
		memcpy(text, data, len);
	if (is_13(keys)) {
		text[len] = type;
		memset(text + len + 1, 0, padding);
	}
	make_nonce(keys, wire + HEADER_BYTES, nonce);
	seal(keys, nonce, aad, make_aad(keys, wire, inner, aad), text, inner);
	next_record(keys);
	return HEADER_BYTES + body;
}

ssize_t record_open(struct record_stream *stream, const uint8_t *wire, size_t len,
		    uint8_t *ret_type, uint8_t *data, size_t *ret_used)
{
	struct ktls_keys *keys = &stream->keys;
	size_t explicit_len = explicit_bytes(keys), body, inner;
	uint8_t nonce[NONCE_BYTES], aad[AAD_MAX_BYTES];

	if (len < HEADER_BYTES)
		return -EAGAIN;
	body = (size_t)wire[3] << 8 | wire[4];
	if (len < HEADER_BYTES + body)
		return -EAGAIN;
	if (body < explicit_len + TAG_BYTES || body + HEADER_BYTES > RECORD_WIRE_MAX)
		return -EBADMSG;
	inner = body - explicit_len - TAG_BYTES;
	make_nonce(keys, wire + HEADER_BYTES, nonce);
	if (inner > KTLS_RECORD_MAX + 1 ||
	    !unseal(keys, nonce, aad, make_aad(keys, wire, inner, aad),
		    wire + HEADER_BYTES + explicit_len, inner, data))
		return -EBADMSG;
	next_record(keys);
	*ret_used = HEADER_BYTES + body;
	*ret_type = wire[0];
	if (!is_13(keys))
		return (ssize_t)inner;
	while (inner > 0 && data[inner - 1] == 0)
		inner--;
	if (inner == 0)
		return -EBADMSG;
	*ret_type = data[--inner];
	return (ssize_t)inner;
}
