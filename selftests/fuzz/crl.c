// SPDX-License-Identifier: Apache-2.0
/* Input: a file of CRLs. What `sluice check` takes can be served, and what it refuses has words. */
#include "selftests/fuzz/fuzz.h"
#include "selftests/fuzz/fuzz_pki.h"

#include "sys/tls_cert.h"
#include "sys/tls_verify_internal.h"

#include <openssl/err.h>

static const struct tls_bytes ca = {FUZZ_CA, sizeof(FUZZ_CA) - 1};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	return 0;
}

static int serve(struct tls_bytes text)
{
	const struct tls_verify_params params = {
		.depth = TLS_VERIFY_DEPTH,
		.security_level = TLS_VERIFY_SECURITY_LEVEL,
		.crls = &text,
		.n_crls = 1,
		.crl_mode = TLS_CRL_CHAIN,
	};
	const struct tls_verifier_params of_clients = {.ca = ca, .more = &params};
	struct tls_verifier *verifier = NULL;
	int r = tls_verifier_new(&of_clients, &verifier);

	MUST_HOLD(r < 0 || verifier->n_crls > 0);
	tls_verifier_free(verifier);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_bytes text = {(const char *)data, size};
	struct tls_cert_verdict verdict;

	tls_cert_check_crl(text, &ca, 1, true, &verdict);
	MUST_HOLD(ERR_peek_error() == 0);
	MUST_HOLD((verdict.mistake.result == TLS_CERT_OK) == (verdict.mistake.text[0] == '\0'));
	MUST_HOLD((verdict.warning.result == TLS_CERT_OK) == (verdict.warning.text[0] == '\0'));
	if (verdict.mistake.result == TLS_CERT_OK)
		MUST_HOLD(serve(text) == 0);
	MUST_HOLD(ERR_peek_error() == 0);
	return 0;
}
