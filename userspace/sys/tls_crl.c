// SPDX-License-Identifier: Apache-2.0
#include "sys/tls_cert.h"
#include "sys/tls_verify_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
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
bool tls_cert_is_der(const char *data, size_t len)
{
	return len > 2 && data[0] == 0x30 && ((unsigned char)data[1] & 0x80) != 0;
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

/* UTF-8 without control characters: DER is none from its second byte on. */
static bool is_text(const struct tls_bytes *text)
{
	const unsigned char *at = (const unsigned char *)text->data;

	for (size_t left = text->len; left > 0;) {
		unsigned long code = 0;
		int n = UTF8_getc(at, left > 4 ? 4 : (int)left, &code);

		if (n <= 0 || code < '\t' || (code > '\r' && code < ' '))
			return false;
		at += n;
		left -= (size_t)n;
	}
	return true;
}

static size_t count(const struct tls_bytes *text, const char *words)
{
	const char *at = text->data, *end = text->data + text->len;
	size_t n = 0;

	while ((at = memmem(at, (size_t)(end - at), words, strlen(words))) != NULL) {
		at += strlen(words);
		n++;
	}
	return n;
}

/*
 * OpenSSL's reader looks for the next line that begins a CRL and passes over all others, also over one
 * that is damaged. Certificates may stand between CRLs.
 */
static bool has_read_all(const struct tls_crl_reader *reader)
{
	size_t blocks = reader->n_pem + count(&reader->left, "-----BEGIN CERTIFICATE-----");

	return count(&reader->left, "--BEGIN ") == blocks &&
	       count(&reader->left, "--END ") == blocks;
}

static int begin_pem(struct tls_crl_reader *reader)
{
	if (!is_text(&reader->left)) {
		reader->problem = "it is neither DER nor text; DER has to come before PEM";
		return -EINVAL;
	}
	reader->pem = tls_pem_bio(reader->left.data, reader->left.len);
	return reader->pem ? 0 : -EINVAL;
}

static int next_pem(struct tls_crl_reader *reader, X509_CRL **ret_crl)
{
	unsigned long error;

	ERR_clear_error();
	if (!reader->pem && begin_pem(reader) < 0)
		return -EINVAL;
	*ret_crl = PEM_read_bio_X509_CRL(reader->pem, NULL, tls_no_password, NULL);
	if (*ret_crl) {
		reader->n_pem++;
		return 1;
	}
	error = ERR_peek_last_error();
	if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
		return -EINVAL;
	if (has_read_all(reader))
		return 0;
	reader->problem = "there is a BEGIN or END line that is not one of a CRL";
	return -EINVAL;
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
	if (!reader->pem && tls_cert_is_der(left->data, left->len))
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
