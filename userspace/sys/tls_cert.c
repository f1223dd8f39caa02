// SPDX-License-Identifier: Apache-2.0
#include "sys/tls_cert_internal.h"
#include "sys/tls_verify_internal.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CERTIFICATES_MAX 1000 /* public CA bundles have 150 */
#define RSA_BITS_MIN	 2048

void tls_cert_find(struct tls_cert_finding *finding, enum tls_cert_result result,
		   const char *format, ...)
{
	va_list args;

	if (finding->result != TLS_CERT_OK)
		return;
	finding->result = result;
	va_start(args, format);
	(void)vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

const char *tls_cert_openssl_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason ? reason : "unknown reason";
}

const char *tls_cert_name(const X509_NAME *name, char *text, int size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len = 0;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		len = BIO_read(bio, text, size - 1);
	text[len > 0 ? len : 0] = '\0';
	BIO_free(bio);
	return text[0] ? text : "no subject";
}

static const char *subject_of(X509 *certificate, char *text, int size)
{
	return tls_cert_name(X509_get_subject_name(certificate), text, size);
}

STACK_OF(X509) * tls_cert_read_all(const char *pem, size_t len, struct tls_cert_finding *mistake)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	BIO *bio = tls_pem_bio(pem, len);
	X509 *certificate;
	int n = 0, more = 0;

	if (!all || !bio)
		tls_cert_find(mistake, TLS_CERT_NO_MEMORY, "no memory");
	while (mistake->result == TLS_CERT_OK && (more = tls_pem_next(bio, &certificate)) > 0) {
		if (++n > CERTIFICATES_MAX)
			tls_cert_find(mistake, TLS_CERT_BAD_CERTIFICATE,
				      "has more than %d certificates", CERTIFICATES_MAX);
		if (!sk_X509_push(all, certificate)) {
			X509_free(certificate);
			tls_cert_find(mistake, TLS_CERT_NO_MEMORY, "no memory");
		}
	}
	if (mistake->result == TLS_CERT_OK && more < 0)
		tls_cert_find(mistake, TLS_CERT_BAD_CERTIFICATE,
			      "certificate number %d is damaged: %s", n + 1,
			      tls_cert_openssl_reason());
	if (mistake->result == TLS_CERT_OK && n == 0)
		tls_cert_find(mistake, TLS_CERT_NO_CERTIFICATE, "has no certificate in PEM form");
	ERR_clear_error();
	BIO_free(bio);
	if (mistake->result == TLS_CERT_OK)
		return all;
	sk_X509_pop_free(all, X509_free);
	return NULL;
}

void tls_cert_date(const ASN1_TIME *time, char *text, size_t size)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1 || strftime(text, size, "%F %T UTC", &tm) == 0)
		snprintf(text, size, "an unreadable date");
}

static void check_dates(X509 *certificate, struct tls_cert_finding *warning)
{
	const ASN1_TIME *from = X509_get0_notBefore(certificate);
	const ASN1_TIME *until = X509_get0_notAfter(certificate);
	char subject[160], date[40];

	subject_of(certificate, subject, sizeof(subject));
	/* A date that cannot be compared (0) counts as gone by. */
	if (X509_cmp_current_time(until) <= 0) {
		tls_cert_date(until, date, sizeof(date));
		tls_cert_find(warning, TLS_CERT_EXPIRED, "the certificate of %s expired at %s",
			      subject, date);
	} else if (X509_cmp_current_time(from) >= 0) {
		tls_cert_date(from, date, sizeof(date));
		tls_cert_find(warning, TLS_CERT_NOT_YET_VALID,
			      "the certificate of %s is not valid before %s", subject, date);
	}
}

static void check_key_type(EVP_PKEY *key, const char *whose, struct tls_cert_finding *mistake)
{
	char group[80] = "";
	int type = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;

	switch (type) {
	case EVP_PKEY_ED25519:
		return;
	case EVP_PKEY_RSA:
		if (EVP_PKEY_get_bits(key) >= RSA_BITS_MIN)
			return;
		tls_cert_find(mistake, TLS_CERT_KEY_TYPE,
			      "%s is RSA with %d bits, which is too short", whose,
			      EVP_PKEY_get_bits(key));
		return;
	case EVP_PKEY_EC:
		(void)EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
		if (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0 ||
		    strcmp(group, "secp384r1") == 0 || strcmp(group, "P-384") == 0)
			return;
		tls_cert_find(mistake, TLS_CERT_KEY_TYPE, "%s is on the curve %s", whose,
			      group[0] ? group : "without a name");
		return;
	default:
		tls_cert_find(mistake, TLS_CERT_KEY_TYPE, "%s is of the type %s", whose,
			      type > 0 && OBJ_nid2sn(type) ? OBJ_nid2sn(type) : "unknown");
	}
}

/* Each certificate should be signed by the next one; clients may cope when it is not. */
static void check_order(STACK_OF(X509) * chain, struct tls_cert_finding *warning)
{
	char subject[160], issuer[160];

	for (int i = 0; i + 1 < sk_X509_num(chain); i++) {
		X509 *one = sk_X509_value(chain, i), *next = sk_X509_value(chain, i + 1);

		if (X509_check_issued(next, one) == X509_V_OK)
			continue;
		tls_cert_find(warning, TLS_CERT_REFUSED,
			      "the certificate of %s is not signed by the next one, of %s",
			      subject_of(one, subject, sizeof(subject)),
			      subject_of(next, issuer, sizeof(issuer)));
	}
}

/* Would the library serve it? It has a security level of its own, set by the distribution. */
static void try_certificate(STACK_OF(X509) * chain, EVP_PKEY *key, struct tls_cert_finding *mistake)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	bool ok = ctx != NULL;

	if (!ok)
		tls_cert_find(mistake, TLS_CERT_NO_MEMORY, "no memory");
	for (int i = 0; ok && i < sk_X509_num(chain); i++) {
		X509 *certificate = sk_X509_value(chain, i);

		ok = i == 0 ? SSL_CTX_use_certificate(ctx, certificate) == 1
			    : SSL_CTX_add1_chain_cert(ctx, certificate) == 1;
	}
	if (ok && key)
		ok = SSL_CTX_use_PrivateKey(ctx, key) == 1;
	if (!ok)
		tls_cert_find(mistake, TLS_CERT_REFUSED, "OpenSSL refuses it: %s",
			      tls_cert_openssl_reason());
	SSL_CTX_free(ctx);
	ERR_clear_error();
}

static void check_role(X509 *leaf, enum tls_cert_role role, struct tls_cert_finding *warning)
{
	bool server = role == TLS_CERT_AS_SERVER;
	int purpose = server ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT;

	if (X509_check_purpose(leaf, purpose, 0) == 0)
		tls_cert_find(warning, TLS_CERT_REFUSED,
			      "its first certificate is not for TLS %s, %s will refuse it",
			      server ? "servers" : "clients", server ? "clients" : "servers");
}

void tls_cert_check_chain(const char *chain, size_t chain_len, enum tls_cert_role role,
			  struct tls_cert_verdict *ret_verdict)
{
	struct tls_cert_finding *mistake = &ret_verdict->mistake;
	STACK_OF(X509) * certificates;
	X509 *leaf;

	*ret_verdict = (struct tls_cert_verdict){};
	certificates = tls_cert_read_all(chain, chain_len, mistake);
	if (!certificates)
		return;
	leaf = sk_X509_value(certificates, 0);
	check_key_type(X509_get0_pubkey(leaf), "its key", mistake);
	if (mistake->result == TLS_CERT_OK)
		try_certificate(certificates, NULL, mistake);
	for (int i = 0; i < sk_X509_num(certificates); i++)
		check_dates(sk_X509_value(certificates, i), &ret_verdict->warning);
	check_role(leaf, role, &ret_verdict->warning);
	check_order(certificates, &ret_verdict->warning);
	ERR_clear_error();
	sk_X509_pop_free(certificates, X509_free);
}

/* Returns: the key; NULL after a finding. */
static EVP_PKEY *read_key(const char *pem, size_t len, struct tls_cert_finding *mistake)
{
	BIO *bio = tls_pem_bio(pem, len);
	EVP_PKEY *key = NULL;
	int asked = 0;

	ERR_clear_error();
	if (bio)
		key = PEM_read_bio_PrivateKey(bio, NULL, tls_no_password, &asked);
	if (!bio)
		tls_cert_find(mistake, TLS_CERT_NO_MEMORY, "no memory");
	else if (!key && asked)
		tls_cert_find(mistake, TLS_CERT_KEY_ENCRYPTED, "the private key is encrypted");
	else if (!key && !strstr(pem, "PRIVATE KEY-----"))
		tls_cert_find(mistake, TLS_CERT_NO_KEY, "has no private key in PEM form");
	else if (!key)
		tls_cert_find(mistake, TLS_CERT_BAD_KEY, "the private key is damaged: %s",
			      tls_cert_openssl_reason());
	ERR_clear_error();
	BIO_free(bio);
	return key;
}

void tls_cert_check_key(const char *key, size_t key_len, struct tls_cert_verdict *ret_verdict)
{
	EVP_PKEY *pkey;

	*ret_verdict = (struct tls_cert_verdict){};
	pkey = read_key(key, key_len, &ret_verdict->mistake);
	if (pkey)
		check_key_type(pkey, "the private key", &ret_verdict->mistake);
	ERR_clear_error();
	EVP_PKEY_free(pkey);
}

void tls_cert_check_pair(const char *chain, size_t chain_len, const char *key, size_t key_len,
			 struct tls_cert_verdict *ret_verdict)
{
	struct tls_cert_finding *mistake = &ret_verdict->mistake;
	STACK_OF(X509) * certificates;
	EVP_PKEY *pkey;
	char subject[160];

	*ret_verdict = (struct tls_cert_verdict){};
	certificates = tls_cert_read_all(chain, chain_len, mistake);
	pkey = read_key(key, key_len, mistake);
	if (certificates && pkey) {
		X509 *leaf = sk_X509_value(certificates, 0);

		if (X509_check_private_key(leaf, pkey) != 1)
			tls_cert_find(
				mistake, TLS_CERT_MISMATCH,
				"the private key does not belong to the first certificate, of %s",
				subject_of(leaf, subject, sizeof(subject)));
		else
			try_certificate(certificates, pkey, mistake);
	}
	ERR_clear_error();
	sk_X509_pop_free(certificates, X509_free);
	EVP_PKEY_free(pkey);
}

/* OpenSSL believes a CA for its own sake only when it is a root. */
static void check_roots(STACK_OF(X509) * certificates, struct tls_cert_finding *warning)
{
	char subject[160];

	for (int i = 0; i < sk_X509_num(certificates); i++) {
		X509 *certificate = sk_X509_value(certificates, i);
		bool found = false;

		for (int by = 0; !found && by < sk_X509_num(certificates); by++)
			found = X509_check_issued(sk_X509_value(certificates, by), certificate) ==
				X509_V_OK;
		if (!found)
			tls_cert_find(warning, TLS_CERT_NO_ROOT,
				      "%s is no root CA, and its issuer is not there: what it "
				      "signs is refused",
				      subject_of(certificate, subject, sizeof(subject)));
	}
}

void tls_cert_check_ca(const char *ca, size_t ca_len, struct tls_cert_verdict *ret_verdict)
{
	struct tls_cert_finding *mistake = &ret_verdict->mistake;
	STACK_OF(X509) * certificates;
	char subject[160];

	*ret_verdict = (struct tls_cert_verdict){};
	/* Behind it there may be PEM, and what is before it would silently not be believed. */
	if (tls_cert_is_der(ca, ca_len))
		tls_cert_find(mistake, TLS_CERT_NO_CERTIFICATE,
			      "begins with DER: CAs are read as PEM only");
	certificates = tls_cert_read_all(ca, ca_len, mistake);
	for (int i = 0; certificates && i < sk_X509_num(certificates); i++) {
		X509 *certificate = sk_X509_value(certificates, i);

		if (X509_check_ca(certificate) == 0)
			tls_cert_find(mistake, TLS_CERT_NOT_A_CA,
				      "the certificate of %s is not a CA",
				      subject_of(certificate, subject, sizeof(subject)));
		check_dates(certificate, &ret_verdict->warning);
	}
	if (certificates && mistake->result == TLS_CERT_OK)
		check_roots(certificates, &ret_verdict->warning);
	ERR_clear_error();
	sk_X509_pop_free(certificates, X509_free);
}

bool tls_cert_ends_first(const ASN1_TIME *from, const ASN1_TIME *until, bool found,
			 struct tls_cert_end *end)
{
	int64_t not_before = tls_time_of(from, INT64_MIN),
		not_after = tls_time_of(until, INT64_MIN);

	if (not_before == INT64_MIN || not_after == INT64_MIN ||
	    (found && not_after >= end->not_after))
		return false;
	end->not_before = not_before;
	end->not_after = not_after;
	return true;
}

bool tls_cert_first_end(const char *pem, size_t len, struct tls_cert_end *ret_end)
{
	struct tls_cert_finding mistake = {};
	STACK_OF(X509) *certificates = tls_cert_read_all(pem, len, &mistake);
	bool found = false;

	for (int i = 0; certificates && i < sk_X509_num(certificates); i++) {
		X509 *certificate = sk_X509_value(certificates, i);

		if (!tls_cert_ends_first(X509_get0_notBefore(certificate),
					 X509_get0_notAfter(certificate), found, ret_end))
			continue;
		found = true;
		subject_of(certificate, ret_end->subject, sizeof(ret_end->subject));
	}
	ERR_clear_error();
	sk_X509_pop_free(certificates, X509_free);
	return found;
}
