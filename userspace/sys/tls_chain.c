// SPDX-License-Identifier: Apache-2.0
#include "sys/tls_chain.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

struct tls_chain {
	size_t owners;
	size_t len;
	uint8_t hash[TLS_CHAIN_HASH_BYTES];
	uint8_t der[];
};

struct tls_chain *tls_chain_new(const void *der, size_t len)
{
	struct tls_chain *chain = malloc(sizeof(*chain) + len);

	if (!chain)
		return NULL;
	chain->owners = 1;
	chain->len = len;
	memcpy(chain->der, der, len);
	(void)SHA256(chain->der, len, chain->hash);
	return chain;
}

struct tls_chain *tls_chain_ref(struct tls_chain *chain)
{
	if (chain)
		chain->owners++;
	return chain;
}

void tls_chain_unref(struct tls_chain *chain)
{
	if (chain && --chain->owners == 0)
		free(chain);
}

const uint8_t *tls_chain_hash(const struct tls_chain *chain)
{
	return chain->hash;
}

const uint8_t *tls_chain_der(const struct tls_chain *chain, size_t *ret_len)
{
	*ret_len = chain->len;
	return chain->der;
}
