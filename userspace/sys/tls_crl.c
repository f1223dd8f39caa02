// SPDX-License-Identifier: Apache-2.0
#include "sys/tls_verify_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

struct tls_crl_reader tls_crl_open(struct tls_bytes text)
{
	return (struct tls_crl_reader){.left = text};
}

void tls_crl_close(struct tls_crl_reader *reader)
{
	BIO_free(reader->pem);
	reader->pem = NULL;
}

/* A SEQUENCE of more than 127 bytes: no text has a byte like the second one there. */
static bool is_der(const struct tls_bytes *left)
{
	return left->len > 2 && left->data[0] == 0x30 && ((unsigned char)left->data[1] & 0x80) != 0;
}

static int next_der(struct tls_crl_reader *reader, X509_CRL **ret_crl)
{
	const unsigned char *at = (const unsigned char *)reader->left.data;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)reader->left.len);

	if (!crl)
		return -EINVAL;
	reader->left.len -= (size_t)((const char *)at - reader->left.data);
	reader->left.data = (const char *)at;
	*ret_crl = crl;
	return 1;
}

static int next_pem(struct tls_crl_reader *reader, X509_CRL **ret_crl)
{
	unsigned long error;

	if (!reader->pem)
		reader->pem = tls_pem_bio(reader->left.data, reader->left.len);
	if (!reader->pem)
		return -EINVAL;
	ERR_clear_error();
	*ret_crl = PEM_read_bio_X509_CRL(reader->pem, NULL, tls_no_password, NULL);
	if (*ret_crl)
		return 1;
	error = ERR_peek_last_error();
	return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE
		       ? 0
		       : -EINVAL;
}

int tls_crl_next(struct tls_crl_reader *reader, X509_CRL **ret_crl)
{
	struct tls_bytes *left = &reader->left;

	while (!reader->pem && left->len > 0 && (left->data[0] == '\n' || left->data[0] == '\r')) {
		left->data++;
		left->len--;
	}
	if (!reader->pem && left->len == 0)
		return 0;
	if (!reader->pem && is_der(left))
		return next_der(reader, ret_crl);
	return next_pem(reader, ret_crl);
}

/* OpenSSL does not tell one that cannot be read from one that is not there. */
static bool has_readable_signer(X509_CRL *crl)
{
	int critical = -1;
	AUTHORITY_KEYID *signer =
		X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, &critical, NULL);
	bool readable = signer || critical == -1;

	AUTHORITY_KEYID_free(signer);
	return readable;
}

const char *tls_crl_is_partial(X509_CRL *crl)
{
	const char *why = NULL;
	int critical = -1;
	ISSUING_DIST_POINT *part;

	if (!has_readable_signer(crl))
		return "has an authority key identifier that is damaged";
	if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0)
		return "is a delta CRL: it has only what changed since another one";
	part = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &critical, NULL);
	if (!part)
		return critical == -1 ? NULL : "has an issuing distribution point that is damaged";
	if (part->indirectCRL > 0)
		why = "is an indirect CRL: it speaks for other issuers too";
	else if (part->onlysomereasons)
		why = "has revocations for some reasons only";
	else if (part->onlyattr > 0)
		why = "is for attribute certificates only";
	else if (part->onlyuser > 0 && part->onlyCA > 0)
		why = "is for users' certificates only and for those of CAs only, which is for none";
	ISSUING_DIST_POINT_free(part);
	return why;
}

int64_t tls_time_of(const ASN1_TIME *time, int64_t otherwise)
{
	struct tm tm;

	return time && ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : otherwise;
}
