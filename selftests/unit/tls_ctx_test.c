// SPDX-License-Identifier: Apache-2.0
/* Material is taken as a whole or not at all. */
#include "selftests/harness/harness.h"
#include "selftests/unit/material.h"

#include "base/fd.h"
#include "sys/tls.h"

#include <string.h>

SUITE("tls_ctx");

struct tail_case {
	VARIANT;
	const char *tail; /* behind the first certificate */
	int result;
};

/* clang-format off */
CASES(struct tail_case, tails,
      {.name = "nothing", .tail = "", .result = 0},
      {.name = "text", .tail = "no certificate\n", .result = 0},
      {.name = "damaged", .tail = MATERIAL_BLOCK("CERTIFICATE", "AAAA"), .result = -EINVAL},
      {.name = "without_end", .tail = "-----BEGIN CERTIFICATE-----\nAAAA\n", .result = -EINVAL});
/* clang-format on */

static int open_ctx(const char *chain_tail, const char *ca_tail)
{
	struct tls_pki_entity _cleanup_pki_entity_ *server =
		material_issue(TLS_PKI_SERVER, TLS_PKI_ECDSA_P256, "server", -1, 1, NULL);
	struct tls_pki_entity _cleanup_pki_entity_ *ca =
		material_issue(TLS_PKI_ROOT_CA, TLS_PKI_ECDSA_P256, "ca", -1, 1, NULL);
	char _cleanup_free_ *leaf = tls_pki_cert_pem(server);
	char _cleanup_free_ *key = tls_pki_key_pem(server);
	char _cleanup_free_ *ca_pem = tls_pki_cert_pem(ca);
	char _cleanup_free_ *chain = material_joined(leaf, chain_tail);
	char _cleanup_free_ *cas = material_joined(ca_pem, ca_tail);
	const struct tls_pem_pair pair = {
		.chain = chain, .chain_len = strlen(chain), .key = key, .key_len = strlen(key)};
	struct tls_ctx *ctx = NULL;
	int r;

	r = tls_ctx_new(&(struct tls_ctx_params){.pairs = &pair,
						 .n_pairs = 1,
						 .client_auth = TLS_CLIENT_AUTH_REQUIRE,
						 .client_ca = cas,
						 .client_ca_len = strlen(cas)},
			&ctx);
	tls_ctx_free(ctx);
	return r;
}

TEST_CASES(a_chain_is_not_cut_short, tails)
{
	CHECK_EQ(open_ctx(variant->tail, ""), variant->result);
}

TEST_CASES(a_list_of_cas_is_not_cut_short, tails)
{
	CHECK_EQ(open_ctx("", variant->tail), variant->result);
}
