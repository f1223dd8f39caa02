// SPDX-License-Identifier: Apache-2.0
#include "selftests/unit/verify_lab.h"

#include "selftests/harness/harness.h"
#include "selftests/unit/material.h"

#include "base/fd.h"

#include <string.h>

const struct forge_spec lab_root = {.cn = "root", IN_TIME, .extensions = {CA_EXTENSIONS}};
const struct forge_spec lab_other_root = {
	.cn = "other root", IN_TIME, .extensions = {CA_EXTENSIONS}};
const struct forge_spec lab_sub = {.cn = "sub", IN_TIME, .extensions = {CA_EXTENSIONS}};
const struct forge_spec lab_leaf = {.cn = "leaf", IN_TIME, .extensions = {LEAF_EXTENSIONS}};

struct tls_chain *lab_chain(X509 *leaf, X509 *above)
{
	unsigned char *der = NULL, *more = NULL, both[8192];
	int len = i2d_X509(leaf, &der), more_len = above ? i2d_X509(above, &more) : 0;
	struct tls_chain *chain;

	MUST(len > 0 && more_len >= 0 && len + more_len <= (int)sizeof(both));
	memcpy(both, der, (size_t)len);
	if (above)
		memcpy(both + len, more, (size_t)more_len);
	OPENSSL_free(der);
	OPENSSL_free(more);
	chain = tls_chain_new(both, (size_t)len + (size_t)more_len);
	MUST(chain);
	return chain;
}

struct tls_ctx *lab_ctx(const char *ca, const struct tls_verify_params *verify)
{
	struct tls_pki_entity _cleanup_pki_entity_ *server =
		material_issue(TLS_PKI_SERVER, TLS_PKI_ECDSA_P256, "server", -1, 1, NULL);
	char _cleanup_free_ *chain = tls_pki_cert_pem(server);
	char _cleanup_free_ *key = tls_pki_key_pem(server);
	struct tls_pem_pair pem = {chain, strlen(chain), key, strlen(key)};
	struct tls_ctx_params params = {
		.pairs = &pem,
		.n_pairs = 1,
		.client_auth = TLS_CLIENT_AUTH_REQUIRE,
		.client_ca = ca,
		.client_ca_len = ca ? strlen(ca) : 0,
		.verify = verify,
	};
	struct tls_ctx *ctx = NULL;

	MUST_EQ(tls_ctx_new(&params, &ctx), 0);
	return ctx;
}
