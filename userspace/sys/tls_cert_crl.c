// SPDX-License-Identifier: Apache-2.0
/* CRLs as sluice check sees them, and where a system has its CAs. */
#include "sys/tls_cert_internal.h"
#include "sys/tls_verify_internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

enum signer { SIGNER_IS_NOT_THERE, SIGNER_IS_ANOTHER, SIGNER_IS_RENEWED, SIGNER_IS_RIGHT };

/* Signed with the key of @ca: but does it also mean this certificate of that key? */
static enum signer compare_signer(X509_CRL *crl, X509 *ca)
{
	AUTHORITY_KEYID *meant =
		X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL);
	bool fits = X509_check_akid(ca, meant) == X509_V_OK;

	AUTHORITY_KEYID_free(meant);
	return fits ? SIGNER_IS_RIGHT : SIGNER_IS_RENEWED;
}

static enum signer find_signer(X509_CRL *crl, STACK_OF(X509) * cas)
{
	enum signer found = SIGNER_IS_NOT_THERE;

	for (int i = 0; found != SIGNER_IS_RIGHT && i < sk_X509_num(cas); i++) {
		X509 *ca = sk_X509_value(cas, i);

		if (X509_NAME_cmp(X509_get_subject_name(ca), X509_CRL_get_issuer(crl)) != 0)
			continue;
		if (X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1)
			found = compare_signer(crl, ca);
		else if (found == SIGNER_IS_NOT_THERE)
			found = SIGNER_IS_ANOTHER;
	}
	return found;
}

static void check_dates(X509_CRL *crl, const char *issuer, struct tls_cert_finding *warning)
{
	const ASN1_TIME *until = X509_CRL_get0_nextUpdate(crl);
	const ASN1_TIME *from = X509_CRL_get0_lastUpdate(crl);
	char date[40];

	/* A date that cannot be compared (0) counts as gone by. */
	if (until && X509_cmp_current_time(until) <= 0) {
		tls_cert_date(until, date, sizeof(date));
		tls_cert_find(warning, TLS_CERT_CRL_EXPIRED,
			      "the CRL of %s is out of date since %s", issuer, date);
	} else if (X509_cmp_current_time(from) >= 0) {
		tls_cert_date(from, date, sizeof(date));
		tls_cert_find(warning, TLS_CERT_NOT_YET_VALID,
			      "the CRL of %s is not valid before %s", issuer, date);
	}
}

static void check_one(X509_CRL *crl, STACK_OF(X509) * cas, bool all_known,
		      struct tls_cert_verdict *verdict)
{
	const char *partial = tls_crl_is_partial(crl);
	char text[160];
	const char *issuer = tls_cert_name(X509_CRL_get_issuer(crl), text, sizeof(text));

	if (partial) {
		tls_cert_find(&verdict->mistake, TLS_CERT_PARTIAL_CRL, "the CRL of %s %s", issuer,
			      partial);
		return;
	}
	switch (find_signer(crl, cas)) {
	case SIGNER_IS_ANOTHER:
		tls_cert_find(&verdict->mistake, TLS_CERT_CRL_SIGNATURE,
			      "the CRL of %s is signed by another key than its CA's", issuer);
		break;
	case SIGNER_IS_RENEWED:
		tls_cert_find(&verdict->mistake, TLS_CERT_CRL_SIGNATURE,
			      "the CRL of %s is for another certificate of its CA: its authority "
			      "key identifier does not fit",
			      issuer);
		break;
	case SIGNER_IS_NOT_THERE:
		if (all_known)
			tls_cert_find(&verdict->warning, TLS_CERT_CRL_ISSUER,
				      "%s, whose CRL this is, is not among the CAs", issuer);
		break;
	case SIGNER_IS_RIGHT:
		break;
	}
	check_dates(crl, issuer, &verdict->warning);
}

static void check_all(struct tls_bytes text, STACK_OF(X509) * cas, bool all_known,
		      struct tls_cert_verdict *verdict)
{
	struct tls_cert_finding *mistake = &verdict->mistake;
	struct tls_crl_reader reader = tls_crl_open(text);
	X509_CRL *crl;
	int n = 0, more;

	while ((more = tls_crl_next(&reader, &crl)) > 0) {
		n++;
		check_one(crl, cas, all_known, verdict);
		X509_CRL_free(crl);
	}
	if (more < 0)
		tls_cert_find(mistake, TLS_CERT_BAD_CRL, "CRL number %d is damaged: %s", n + 1,
			      reader.problem ? reader.problem : tls_cert_openssl_reason());
	else if (n == 0)
		tls_cert_find(mistake, TLS_CERT_NO_CRL,
			      "has no CRL, neither in PEM nor in DER form");
	tls_crl_close(&reader);
}

void tls_cert_check_crl(struct tls_bytes crl, const struct tls_bytes *cas, size_t n_cas,
			bool all_known, struct tls_cert_verdict *ret_verdict)
{
	STACK_OF(X509) *all = sk_X509_new_null();

	*ret_verdict = (struct tls_cert_verdict){};
	for (size_t i = 0; all && i < n_cas; i++) {
		struct tls_cert_finding told = {}; /* where the CAs themselves are checked */
		STACK_OF(X509) *some = tls_cert_read_all(cas[i].data, cas[i].len, &told);

		while (some && sk_X509_num(some) > 0) {
			X509 *ca = sk_X509_pop(some);

			if (!sk_X509_push(all, ca))
				X509_free(ca);
		}
		sk_X509_free(some);
	}
	check_all(crl, all, all_known, ret_verdict);
	sk_X509_pop_free(all, X509_free);
	ERR_clear_error();
}

void tls_cert_each_crl(struct tls_bytes text,
		       void (*each)(void *arg, const struct tls_cert_crl *crl), void *arg)
{
	struct tls_crl_reader reader = tls_crl_open(text);
	X509_CRL *crl;

	while (tls_crl_next(&reader, &crl) > 0) {
		const ASN1_TIME *until = X509_CRL_get0_nextUpdate(crl);
		STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(crl);
		struct tls_cert_crl about = {
			.revoked = list ? (size_t)sk_X509_REVOKED_num(list) : 0,
		};

		(void)tls_cert_name(X509_CRL_get_issuer(crl), about.issuer, sizeof(about.issuer));
		tls_cert_date(X509_CRL_get0_lastUpdate(crl), about.from, sizeof(about.from));
		if (until)
			tls_cert_date(until, about.until, sizeof(about.until));
		each(arg, &about);
		X509_CRL_free(crl);
	}
	tls_crl_close(&reader);
	ERR_clear_error();
}

bool tls_cert_first_crl_end(struct tls_bytes text, struct tls_cert_end *ret_end)
{
	struct tls_crl_reader reader = tls_crl_open(text);
	bool found = false;
	X509_CRL *crl;

	while (tls_crl_next(&reader, &crl) > 0) {
		if (tls_cert_ends_first(X509_CRL_get0_lastUpdate(crl),
					X509_CRL_get0_nextUpdate(crl), found, ret_end)) {
			found = true;
			(void)tls_cert_name(X509_CRL_get_issuer(crl), ret_end->subject,
					    sizeof(ret_end->subject));
		}
		X509_CRL_free(crl);
	}
	tls_crl_close(&reader);
	ERR_clear_error();
	return found;
}

const char *tls_cert_system_ca_path(void)
{
	static const char *const known[] = {
		"/etc/ssl/certs/ca-certificates.crt", /* Debian */
		"/etc/pki/tls/certs/ca-bundle.crt",   /* Amazon Linux, Fedora */
		"/etc/ssl/ca-bundle.pem",	      /* SUSE */
	};
	const char *path = secure_getenv(X509_get_default_cert_file_env());

	if (path && *path)
		return path;
	path = X509_get_default_cert_file();
	for (size_t i = 0; access(path, R_OK) != 0 && i < sizeof(known) / sizeof(known[0]); i++)
		path = known[i];
	return path;
}
