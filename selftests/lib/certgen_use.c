// SPDX-License-Identifier: Apache-2.0
/* What is done with certificates of lib/certgen: to show them, and to revoke them. */
#include "selftests/lib/certgen.h"

#include "selftests/harness/harness.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_S 3600
#define DAY_S  (24 * HOUR_S)

/* --- what a peer shows --- */

static void free_bytes(void *parent, void *bytes, CRYPTO_EX_DATA *ad, int index, long argl,
		       void *argp)
{
	(void)parent, (void)ad, (void)index, (void)argl, (void)argp;
	free(bytes);
}

struct written {
	size_t len;
	uint8_t bytes[];
};

/* Of an X509: the struct written that goes out in its place. */
static int written_index(void)
{
	static int index = -1;

	if (index < 0)
		index = X509_get_ex_new_index(0, NULL, NULL, NULL, free_bytes);
	return index;
}

/*
 * In the place of libcrypto's, for libssl as well: a certificate that is only the cover for other
 * bytes is written as those. There is no other way to make OpenSSL send what it cannot read.
 */
int i2d_X509(const X509 *x509, unsigned char **out)
{
	const struct written *instead = x509 ? X509_get_ex_data(x509, written_index()) : NULL;

	if (!instead)
		return ASN1_item_i2d((const ASN1_VALUE *)x509, out, ASN1_ITEM_rptr(X509));
	if (out && !*out) {
		*out = OPENSSL_memdup(instead->bytes, instead->len);
		return *out ? (int)instead->len : -1;
	}
	if (out) {
		memcpy(*out, instead->bytes, instead->len);
		*out += instead->len;
	}
	return (int)instead->len;
}

/* What OpenSSL takes it for: something with the right key. */
static X509 *cover_for(const struct certgen_cert *cert, EVP_PKEY *key)
{
	X509 *x509 = X509_new();
	struct written *written = malloc(sizeof(*written) + cert->len);

	MUST(x509 && written && X509_set_pubkey(x509, key) == 1);
	written->len = cert->len;
	memcpy(written->bytes, cert->der, cert->len);
	MUST_EQ(X509_set_ex_data(x509, written_index(), written), 1);
	return x509;
}

void certgen_use(SSL_CTX *ctx, const struct certgen_chain *chain)
{
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
	for (size_t i = 0; i < chain->n_certs; i++) {
		const struct certgen_cert *cert = chain->certs[i];
		EVP_PKEY *key = i == 0 && chain->key ? chain->key : cert->key;
		X509 *cover = cover_for(cert, key);

		if (i == 0)
			MUST(SSL_CTX_use_certificate(ctx, cover) == 1 &&
			     SSL_CTX_use_PrivateKey(ctx, key) == 1);
		else
			MUST_EQ(SSL_CTX_add1_chain_cert(ctx, cover), 1);
		X509_free(cover);
	}
}

/* --- revocation --- */

static void add_revoked(X509_CRL *crl, const char *hex)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_INTEGER *serial;
	ASN1_TIME *when = X509_gmtime_adj(NULL, -HOUR_S);
	BIGNUM *number = NULL;

	MUST(revoked && when && BN_hex2bn(&number, hex) > 0);
	serial = BN_to_ASN1_INTEGER(number, NULL);
	MUST(serial && X509_REVOKED_set_serialNumber(revoked, serial) == 1 &&
	     X509_REVOKED_set_revocationDate(revoked, when) == 1 &&
	     X509_CRL_add0_revoked(crl, revoked) == 1);
	ASN1_INTEGER_free(serial);
	ASN1_TIME_free(when);
	BN_free(number);
}

static void set_crl_numbers(X509_CRL *crl, const struct certgen_crl *from)
{
	ASN1_INTEGER *number = ASN1_INTEGER_new();

	MUST(number && ASN1_INTEGER_set(number, from->number) == 1);
	MUST_EQ(X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0), 1);
	if (from->delta)
		MUST_EQ(X509_CRL_add1_ext_i2d(crl, NID_delta_crl, number, 1, 0), 1);
	ASN1_INTEGER_free(number);
}

void certgen_write_crl(const struct certgen_crl *from, const struct certgen_cert *issuer,
		       const char *path)
{
	ASN1_TIME *this_update = X509_gmtime_adj(NULL, from->from_s ? from->from_s : -HOUR_S);
	ASN1_TIME *next_update = X509_gmtime_adj(NULL, from->until_s ? from->until_s : DAY_S);
	EVP_PKEY *signer =
		from->signed_by ? certgen_key(issuer->from->key, from->signed_by) : issuer->key;
	const char *digest = from->digest ? from->digest : "SHA256";
	X509_CRL *crl = X509_CRL_new();
	FILE *file = fopen(path, "ae");

	MUST(this_update && next_update && crl && file);
	MUST(X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
	     X509_CRL_set_issuer_name(crl, issuer->subject) == 1 &&
	     X509_CRL_set1_lastUpdate(crl, this_update) == 1 &&
	     X509_CRL_set1_nextUpdate(crl, next_update) == 1);
	for (size_t i = 0; i < CERTGEN_LIST_MAX && from->serials[i]; i++)
		add_revoked(crl, from->serials[i]);
	set_crl_numbers(crl, from);
	MUST(X509_CRL_sort(crl) == 1 &&
	     X509_CRL_sign(crl, signer, EVP_get_digestbyname(digest)) > 0);
	MUST_EQ(PEM_write_X509_CRL(file, crl), 1);
	MUST_EQ(fclose(file), 0);
	X509_CRL_free(crl);
	ASN1_TIME_free(this_update);
	ASN1_TIME_free(next_update);
}
