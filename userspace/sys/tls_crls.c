// SPDX-License-Identifier: Apache-2.0
/*
 * Which CRL counts. OpenSSL takes an old one that is in date before a new one that is not, and would
 * forget whom the new one names. It is shown one CRL for each scope instead: the newest that has begun
 * and that the issuer's certificate fits. Asked each time, since one that is there already may begin.
 */
#include "sys/tls_verify_internal.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

int tls_crls_add(struct tls_verifier *verifier, X509_CRL *crl)
{
	int scope = X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point, -1);
	struct tls_crl *grown;

	if (tls_crl_is_partial(crl))
		return -EINVAL;
	grown = reallocarray(verifier->crls, verifier->n_crls + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	verifier->crls = grown;
	if (X509_CRL_up_ref(crl) != 1)
		return -ENOMEM;
	grown[verifier->n_crls++] = (struct tls_crl){
		.crl = crl,
		.signer = X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL),
		.scope = scope < 0 ? NULL : X509_EXTENSION_get_data(X509_CRL_get_ext(crl, scope)),
		.number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL),
		.from = tls_time_of(X509_CRL_get0_lastUpdate(crl), 0),
		.until = tls_time_of(X509_CRL_get0_nextUpdate(crl), 0),
	};
	return 0;
}

static int compare_scope(const struct tls_crl *a, const struct tls_crl *b)
{
	int order = X509_NAME_cmp(X509_CRL_get_issuer(a->crl), X509_CRL_get_issuer(b->crl));

	if (order != 0)
		return order;
	if (!a->scope || !b->scope)
		return (a->scope != NULL) - (b->scope != NULL);
	return ASN1_OCTET_STRING_cmp(a->scope, b->scope);
}

/* Two of one second differ by their numbers (RFC 5280 5.2.3). */
static int compare(const void *left, const void *right)
{
	const struct tls_crl *a = left, *b = right;
	int order = compare_scope(a, b);

	if (order == 0)
		order = (a->from < b->from) - (a->from > b->from);
	if (order == 0 && a->number && b->number)
		order = ASN1_INTEGER_cmp(b->number, a->number);
	return order;
}

void tls_crls_seal(struct tls_verifier *verifier)
{
	if (verifier->n_crls > 1)
		qsort(verifier->crls, verifier->n_crls, sizeof(*verifier->crls), compare);
}

void tls_crls_done(struct tls_verifier *verifier)
{
	for (size_t i = 0; i < verifier->n_crls; i++) {
		X509_CRL_free(verifier->crls[i].crl);
		AUTHORITY_KEYID_free(verifier->crls[i].signer);
		ASN1_INTEGER_free(verifier->crls[i].number);
	}
	free(verifier->crls);
}

bool tls_crls_has(const struct tls_verifier *verifier, const X509_NAME *issuer)
{
	for (size_t i = 0; i < verifier->n_crls; i++) {
		if (X509_NAME_cmp(X509_CRL_get_issuer(verifier->crls[i].crl), issuer) == 0)
			return true;
	}
	return false;
}

enum worth { WORTH_NOTHING = 0, OF_THE_NAME = 1, OF_THE_ISSUER = 2, HAS_BEGUN = 4 };

/*
 * For the certificate that is looked up: by its issuer, or by another one of that name further up in
 * the path, as a CA has it that changes its key. OpenSSL takes both.
 */
static unsigned int worth_of(const struct tls_crl *crl, const X509_STORE_CTX *store_ctx)
{
	STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(store_ctx);
	int at = X509_STORE_CTX_get_error_depth(store_ctx), n = sk_X509_num(path);
	int64_t now = X509_VERIFY_PARAM_get_time(X509_STORE_CTX_get0_param(store_ctx));
	unsigned int begun = crl->from <= now ? HAS_BEGUN : 0;
	const X509_NAME *name = X509_CRL_get_issuer(crl->crl);
	int issuer = at + 1 < n ? at + 1 : at;

	for (int i = issuer; i < n; i++) {
		const X509 *signer = sk_X509_value(path, i);

		if (X509_NAME_cmp(X509_get_subject_name(signer), name) == 0 &&
		    X509_check_akid(signer, crl->signer) == X509_V_OK)
			return begun + (i == issuer ? OF_THE_ISSUER : OF_THE_NAME);
	}
	return WORTH_NOTHING;
}

/* Adds the one that counts of those from @first on with its scope. Returns: where the next scope begins. */
static size_t add_newest(STACK_OF(X509_CRL) * found, const struct tls_verifier *verifier,
			 size_t first, const X509_STORE_CTX *store_ctx)
{
	X509_CRL *newest = NULL;
	unsigned int best = WORTH_NOTHING;
	size_t i;

	for (i = first; i < verifier->n_crls; i++) {
		const struct tls_crl *crl = &verifier->crls[i];
		unsigned int worth;

		if (compare_scope(&verifier->crls[first], crl) != 0)
			break;
		worth = worth_of(crl, store_ctx);
		if (worth <= best)
			continue;
		best = worth;
		newest = crl->crl;
	}
	/* Without memory there is none: refused. */
	if (newest && X509_CRL_up_ref(newest) == 1 && sk_X509_CRL_push(found, newest) <= 0)
		X509_CRL_free(newest);
	return i;
}

STACK_OF(X509_CRL) * tls_crls_lookup(const X509_STORE_CTX *store_ctx, const X509_NAME *issuer)
{
	const struct tls_verifier *verifier = X509_STORE_CTX_get_app_data(store_ctx);
	STACK_OF(X509_CRL) *found = sk_X509_CRL_new_null();
	size_t i = 0;

	while (found && i < verifier->n_crls) {
		if (X509_NAME_cmp(X509_CRL_get_issuer(verifier->crls[i].crl), issuer) == 0)
			i = add_newest(found, verifier, i, store_ctx);
		else
			i++;
	}
	return found;
}
