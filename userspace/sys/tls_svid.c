// SPDX-License-Identifier: Apache-2.0
/*
 * SPIFFE (X.509-SVID standard): the trust domain in a leaf's name says who may have signed it, and
 * nobody else's word counts for it. Only where trust domains are configured.
 */
#include "sys/tls_verify_internal.h"

#include "base/spiffe.h"

#include <openssl/x509v3.h>
#include <string.h>

/* The URI names of a leaf. */
struct uris {
	unsigned int count, claims;  /* all; those of the scheme spiffe */
	const ASN1_IA5STRING *claim; /* one of them */
};

static struct uris find_uris(const GENERAL_NAMES *names)
{
	struct uris found = {};

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const ASN1_IA5STRING *uri;

		if (name->type != GEN_URI)
			continue;
		found.count++;
		uri = name->d.uniformResourceIdentifier;
		if (!spiffe_is_claimed((const char *)ASN1_STRING_get0_data(uri),
				       (size_t)ASN1_STRING_length(uri)))
			continue;
		found.claims++;
		found.claim = uri;
	}
	return found;
}

static const struct tls_trust *refuse(struct tls_verdict *verdict, enum tls_refusal refusal,
				      const char *detail)
{
	verdict->refusal = refusal;
	verdict->detail = detail;
	return NULL;
}

/* Sections 4.1 and 4.3. Returns: what is wrong, or NULL. */
static const char *leaf_mistake(X509 *leaf)
{
	uint32_t flags = X509_get_extension_flags(leaf), usage = X509_get_key_usage(leaf);

	if ((flags & EXFLAG_CA) != 0)
		return "a SPIFFE leaf must not be a CA";
	if ((flags & EXFLAG_KUSAGE) == 0 || (usage & KU_DIGITAL_SIGNATURE) == 0)
		return "a SPIFFE leaf must have the key usage digitalSignature";
	if ((usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0)
		return "a SPIFFE leaf must not have the key usages keyCertSign and cRLSign";
	return NULL;
}

static const struct tls_trust *find_domain(const struct tls_verifier *verifier, const char *name,
					   size_t len)
{
	for (size_t i = 1; i < verifier->n_trusts; i++) {
		const struct tls_trust *trust = &verifier->trusts[i];

		if (trust->domain_len == len && memcmp(trust->domain, name, len) == 0)
			return trust;
	}
	return NULL;
}

static const struct tls_trust *choose(const struct tls_verifier *verifier, X509 *leaf,
				      const struct uris *uris, struct tls_verdict *verdict)
{
	const char *text, *domain = NULL;
	size_t len, domain_len = 0;
	const struct tls_trust *trust;

	if (uris->claims == 0)
		return &verifier->trusts[0];
	if (uris->count != 1)
		return refuse(verdict, TLS_REFUSAL_SVID,
			      "a SPIFFE leaf must have exactly one URI name");
	text = (const char *)ASN1_STRING_get0_data(uris->claim);
	len = (size_t)ASN1_STRING_length(uris->claim);
	if (!spiffe_parse(text, len, &domain, &domain_len))
		return refuse(verdict, TLS_REFUSAL_SVID, "its URI name is not a SPIFFE ID");
	if (strlen("spiffe://") + domain_len == len)
		return refuse(verdict, TLS_REFUSAL_SVID,
			      "the SPIFFE ID of a leaf must have a path");
	verdict->detail = leaf_mistake(leaf);
	if (verdict->detail)
		return refuse(verdict, TLS_REFUSAL_SVID, verdict->detail);
	trust = find_domain(verifier, domain, domain_len);
	return trust ? trust
		     : refuse(verdict, TLS_REFUSAL_TRUST_DOMAIN,
			      "its trust domain is not one of trust_domains");
}

const struct tls_trust *tls_svid_choose(const struct tls_verifier *verifier, X509 *leaf,
					struct tls_verdict *verdict)
{
	const struct tls_trust *trust;
	GENERAL_NAMES *names;
	struct uris uris;
	int critical = -1;

	if (verifier->n_trusts == 1)
		return &verifier->trusts[0];
	names = X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, NULL);
	/* -1 is "absent"; -2 (twice) and others mean that it cannot be read. */
	if (!names && critical != -1)
		return refuse(verdict, TLS_REFUSAL_MALFORMED,
			      "its subject alternative names cannot be read");
	uris = names ? find_uris(names) : (struct uris){};
	trust = choose(verifier, leaf, &uris, verdict);
	GENERAL_NAMES_free(names);
	return trust;
}
