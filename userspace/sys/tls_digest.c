// SPDX-License-Identifier: Apache-2.0
#include "sys/tls_internal.h"
#include "sys/tls_ticket.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct tls_digest {
	EVP_MD_CTX *ctx;
	bool failed;
};

struct tls_digest *tls_digest_new(void)
{
	struct tls_digest *digest = calloc(1, sizeof(*digest));

	if (!digest)
		return NULL;
	digest->ctx = EVP_MD_CTX_new();
	digest->failed = !digest->ctx || EVP_DigestInit_ex(digest->ctx, EVP_sha256(), NULL) != 1;
	return digest;
}

void tls_digest_add(struct tls_digest *digest, const void *bytes, size_t len)
{
	uint8_t size[8];

	for (size_t i = 0; i < sizeof(size); i++)
		size[i] = (uint8_t)((uint64_t)len >> (8 * i));
	if (!digest->failed)
		digest->failed = EVP_DigestUpdate(digest->ctx, size, sizeof(size)) != 1 ||
				 EVP_DigestUpdate(digest->ctx, bytes, len) != 1;
}

int tls_digest_end(struct tls_digest *digest, uint8_t ret_sum[TLS_TICKET_BINDING_LEN])
{
	int r = -ENOMEM;

	if (!digest)
		return r;
	if (!digest->failed && EVP_DigestFinal_ex(digest->ctx, ret_sum, NULL) == 1)
		r = 0;
	EVP_MD_CTX_free(digest->ctx);
	free(digest);
	ERR_clear_error();
	return r;
}
