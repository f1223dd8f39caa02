// SPDX-License-Identifier: Apache-2.0
/* ALPN (RFC 7301): what we offer as a client, and what we choose as a server. */
#include "sys/tls_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 255  /* one byte of length */
#define LIST_MAX_BYTES 4096 /* confload takes 8 names */

/* Names as they are on the wire, each behind its length. Returns: their bytes, or -EINVAL. */
static int write_list(char *const *names, size_t n, unsigned char list[LIST_MAX_BYTES])
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		size_t name_len = strlen(names[i]);

		if (name_len == 0 || name_len > NAME_MAX_BYTES ||
		    len + 1 + name_len > LIST_MAX_BYTES)
			return -EINVAL;
		list[len++] = (unsigned char)name_len;
		memcpy(list + len, names[i], name_len);
		len += name_len;
	}
	return (int)len;
}

int tls_alpn_offer(SSL_CTX *ssl_ctx, char *const *names, size_t n)
{
	unsigned char list[LIST_MAX_BYTES];
	int len = write_list(names, n, list);

	if (len <= 0)
		return len;
	/* 0 is success here. */
	return SSL_CTX_set_alpn_protos(ssl_ctx, list, (unsigned int)len) == 0 ? 0 : -ENOMEM;
}

/* Ours first; the client's order does not count. Not called for a client that offers nothing. */
static int choose(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		  const unsigned char *in, unsigned int in_len, void *arg)
{
	const struct tls_ctx *ctx = arg;
	unsigned char *chosen;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, out_len, ctx->alpn, (unsigned int)ctx->alpn_len, in,
				  in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; /* no_application_protocol */
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

int tls_alpn_serve(struct tls_ctx *ctx, char *const *names, size_t n)
{
	unsigned char list[LIST_MAX_BYTES];
	int len = write_list(names, n, list);

	if (len <= 0)
		return len;
	ctx->alpn = malloc((size_t)len);
	if (!ctx->alpn)
		return -ENOMEM;
	memcpy(ctx->alpn, list, (size_t)len);
	ctx->alpn_len = (size_t)len;
	SSL_CTX_set_alpn_select_cb(ctx->ssl_ctx, choose, ctx);
	return 0;
}

const char *tls_alpn(const struct tls_conn *conn, size_t *ret_len)
{
	const unsigned char *name = NULL;
	unsigned int len = 0;

	SSL_get0_alpn_selected(conn->ssl, &name, &len);
	*ret_len = len;
	return len > 0 ? (const char *)name : NULL;
}
