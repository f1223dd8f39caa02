// SPDX-License-Identifier: Apache-2.0
/* Input: the certificates that a peer shows, DER behind DER, verified as a client's and as a server's. */
#include "selftests/fuzz/fuzz.h"
#include "selftests/fuzz/fuzz_pki.h"

#include "sys/tls_verify_internal.h"

#include <openssl/err.h>
#include <errno.h>
#include <string.h>

static struct tls_ctx clients, servers;
static struct tls_trust_domain domains[] = {
	{.name = "prod.example", .ca = {FUZZ_CA, sizeof(FUZZ_CA) - 1}},
};
static struct tls_bytes crls[] = {{FUZZ_CRLS, sizeof(FUZZ_CRLS) - 1}};
static const struct tls_verify_params params = {
	.depth = TLS_VERIFY_DEPTH,
	.security_level = TLS_VERIFY_SECURITY_LEVEL,
	.crls = crls,
	.n_crls = 1,
	.crl_mode = TLS_CRL_CHAIN,
	.domains = domains,
	.n_domains = 1,
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct tls_verifier_params of_clients = {.ca = domains[0].ca, .more = &params};
	const struct tls_verifier_params of_servers = {
		.of_server = true, .ca = domains[0].ca, .more = &params};

	(void)argc, (void)argv;
	MUST_HOLD(tls_verifier_new(&of_clients, &clients.verifier) == 0);
	MUST_HOLD(tls_verifier_new(&of_servers, &servers.verifier) == 0);
	return 0;
}

static int ask(struct tls_ctx *ctx, struct tls_chain *chain, const struct tls_server *server)
{
	struct tls_failure failure;
	int r = tls_chain_verify(ctx, chain, server, &failure);

	MUST_HOLD(ERR_peek_error() == 0);
	MUST_HOLD(r == 0 || r == -EACCES || r == -ENOMEM);
	if (r != -EACCES) {
		MUST_HOLD(failure.refusal == TLS_REFUSAL_NONE);
		return r;
	}
	MUST_HOLD(failure.refusal > TLS_REFUSAL_NONE && failure.refusal < TLS_REFUSAL_COUNT);
	MUST_HOLD(strcmp(failure.reason, tls_refusal_name(failure.refusal)) == 0);
	MUST_HOLD(failure.detail && failure.subject);
	for (const char *c = failure.subject; *c; c++)
		MUST_HOLD((unsigned char)*c >= 0x20 && *c != 0x7f);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct tls_server server = {.kind = TLS_SERVER_DNS, .name = "app.example"};
	struct tls_chain *chain = tls_chain_new(data, size);
	int r;

	MUST_HOLD(chain);
	/* Asked again, from memory or not, the answer is the same. */
	r = ask(&clients, chain, NULL);
	MUST_HOLD(ask(&clients, chain, NULL) == r);
	r = ask(&servers, chain, &server);
	MUST_HOLD(ask(&servers, chain, &server) == r);
	tls_chain_unref(chain);
	return 0;
}
