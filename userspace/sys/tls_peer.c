// SPDX-License-Identifier: Apache-2.0
#include "sys/tls_peer.h"

#include "sys/tls_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tls_peer_resumed(const struct tls_conn *conn)
{
	return SSL_session_reused(conn->ssl) == 1;
}

int tls_peer_certificate(const struct tls_conn *conn, uint8_t **ret_der, size_t *ret_len)
{
	X509 *leaf = SSL_get0_peer_certificate(conn->ssl);
	int len = leaf ? i2d_X509(leaf, NULL) : 0;
	uint8_t *der, *at;

	if (!leaf)
		return -ENOENT;
	at = der = len > 0 ? malloc((size_t)len) : NULL;
	if (!der || i2d_X509(leaf, &at) != len) {
		free(der);
		ERR_clear_error();
		return -ENOMEM;
	}
	*ret_der = der;
	*ret_len = (size_t)len;
	return 0;
}

static bool is_text(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] < 0x20 || bytes[i] == 0x7f)
			return false;
	}
	return len > 0;
}

int tls_peer_cn(const struct tls_conn *conn, char **ret_cn, size_t *ret_len)
{
	X509 *leaf = SSL_get0_peer_certificate(conn->ssl);
	const X509_NAME *subject = leaf ? X509_get_subject_name(leaf) : NULL;
	int at = subject ? X509_NAME_get_index_by_NID(subject, NID_commonName, -1) : -1;
	unsigned char *utf8 = NULL;
	int len, r = -EINVAL;

	if (at < 0)
		return 0;
	if (X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return -E2BIG;
	len = ASN1_STRING_to_UTF8(&utf8,
				  X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (len > 0 && is_text(utf8, (size_t)len)) {
		*ret_cn = malloc((size_t)len);
		r = *ret_cn ? 1 : -ENOMEM;
	}
	if (r == 1) {
		memcpy(*ret_cn, utf8, (size_t)len);
		*ret_len = (size_t)len;
	}
	OPENSSL_free(utf8);
	ERR_clear_error();
	return r;
}

const char *tls_own_signature_name(const struct tls_conn *conn)
{
	X509 *own = SSL_get_certificate(conn->ssl);

	return own ? OBJ_nid2sn(X509_get_signature_nid(own)) : "";
}

const char *tls_own_key_name(const struct tls_conn *conn, char text[TLS_KEY_NAME_MAX])
{
	X509 *own = SSL_get_certificate(conn->ssl);
	const EVP_PKEY *key = own ? X509_get0_pubkey(own) : NULL;
	int type = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;

	text[0] = '\0';
	if (type == EVP_PKEY_RSA || type == EVP_PKEY_EC)
		(void)snprintf(text, TLS_KEY_NAME_MAX, "%s%d", type == EVP_PKEY_RSA ? "RSA" : "EC",
			       EVP_PKEY_get_bits(key));
	else if (key)
		(void)snprintf(text, TLS_KEY_NAME_MAX, "%s", OBJ_nid2sn(type));
	ERR_clear_error();
	return text;
}
