// SPDX-License-Identifier: Apache-2.0
#include "daemon/confload_internal.h"

#include "base/lockmem.h"
#include "sys/tls_cert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *hint_for(enum tls_cert_result result)
{
	switch (result) {
	case TLS_CERT_NO_CERTIFICATE:
	case TLS_CERT_NO_KEY:
		return "are certificate and key in each other's place?";
	case TLS_CERT_BAD_CERTIFICATE:
	case TLS_CERT_BAD_KEY:
		return "copy the file again; check it with openssl";
	case TLS_CERT_KEY_ENCRYPTED:
		return "give its password: file:PATH or env:NAME; nobody is there to type it";
	case TLS_CERT_KEY_TYPE:
		return "use RSA with 2048 bits or more, ECDSA P-256 or P-384, or Ed25519";
	case TLS_CERT_MISMATCH:
		return "use the key that the certificate was requested with";
	case TLS_CERT_NOT_A_CA:
		return "it has the CAs that sign the others' certificates, not those";
	case TLS_CERT_EXPIRED:
	case TLS_CERT_NOT_YET_VALID:
		return "get a new one, or set the clock";
	case TLS_CERT_NO_CRL:
	case TLS_CERT_BAD_CRL:
		return "fetch the CRL again; check it with openssl crl";
	case TLS_CERT_PARTIAL_CRL:
		return "use the CA's complete CRL";
	case TLS_CERT_CRL_SIGNATURE:
		return "fetch the CRL of the CA that is trusted here";
	case TLS_CERT_CRL_ISSUER:
		return "right only for a sub-CA that peers bring themselves: with crl_missing: allow "
		       "nobody would notice";
	case TLS_CERT_CRL_EXPIRED:
		return "fetch a new one: unless crl_expired is allow, everybody of this CA is refused";
	case TLS_CERT_NO_ROOT:
		return "add its issuers, up to the root";
	default:
		return "";
	}
}

bool confload_tell(struct confload *load, const struct confload_field *field, const char *source,
		   const struct tls_cert_verdict *verdict)
{
	const struct tls_cert_finding *mistake = &verdict->mistake, *warning = &verdict->warning;

	if (mistake->result != TLS_CERT_OK)
		confload_mistake(load, field, hint_for(mistake->result), "%s: %s", source,
				 mistake->text);
	else if (warning->result != TLS_CERT_OK)
		confload_remark(load, field, hint_for(warning->result), "%s: %s", source,
				warning->text);
	return mistake->result == TLS_CERT_OK;
}

int confload_blob(struct confload *load, const struct confload_field *field, const char *source,
		  struct config_blob *to)
{
	size_t len = 0;
	const char *data;

	if (!confload_need(load, field, source, "as in file:/etc/sluice/it.pem, or env:NAME"))
		return 0;
	data = bundle_secret(load->bundle, source, &len);
	/* Told by whoever read the disk; again only in case that nobody did. */
	if (!data) {
		confload_mistake(load, field, "", "%s: cannot be read", source);
		return 0;
	}
	to->source = strdup(source);
	to->data = lockmem_text(data, len);
	to->len = len;
	return to->source && to->data ? 0 : -ENOMEM;
}

/* Both are PEM texts behind it, whatever they came from. */
static int load_pair(struct confload *load, const struct confload_field *field,
		     const struct confile_certificate *from, struct config_certificate *to)
{
	struct confload_field chain_field = confload_field("%.200s.chain", field->path);
	struct confload_field key_field = confload_field("%.200s.key", field->path);
	int r;

	if (from->pkcs12)
		return confload_unlock_pkcs12(load, field, from, to);
	r = confload_blob(load, &chain_field, from->chain, &to->chain);
	if (r == 0)
		r = confload_blob(load, &key_field, from->key, &to->key);
	return r == 0 && from->password ? confload_unlock_key(load, field, from, &to->key) : r;
}

int confload_certificate(struct confload *load, const struct confload_field *field,
			 enum tls_cert_role role, const struct confile_certificate *from,
			 struct config_certificate *to)
{
	struct confload_field chain_field =
		confload_field("%.200s.%s", field->path, from->pkcs12 ? "pkcs12" : "chain");
	struct confload_field key_field =
		confload_field("%.200s.%s", field->path, from->pkcs12 ? "pkcs12" : "key");
	struct tls_cert_verdict verdict;
	bool ok = true;
	int r = load_pair(load, field, from, to);

	if (r < 0)
		return r;
	if (to->chain.data) {
		tls_cert_check_chain(to->chain.data, to->chain.len, role, &verdict);
		ok &= confload_tell(load, &chain_field, to->chain.source, &verdict);
	}
	if (to->key.data) {
		tls_cert_check_key(to->key.data, to->key.len, &verdict);
		ok &= confload_tell(load, &key_field, to->key.source, &verdict);
	}
	if (ok && to->chain.data && to->key.data) {
		tls_cert_check_pair(to->chain.data, to->chain.len, to->key.data, to->key.len,
				    &verdict);
		(void)confload_tell(load, &key_field, to->key.source, &verdict);
	}
	return 0;
}

int confload_ca(struct confload *load, const struct confload_field *field, const char *source,
		struct config_blob *to)
{
	struct tls_cert_verdict verdict;
	int r = confload_blob(load, field, source, to);

	if (r < 0 || !to->data)
		return r;
	tls_cert_check_ca(to->data, to->len, &verdict);
	(void)confload_tell(load, field, to->source, &verdict);
	return 0;
}

enum config_tls_version confload_min_version(struct confload *load,
					     const struct confload_field *field, const char *text)
{
	static const char *const versions[] = {"1.2", "1.3", NULL};
	static const enum config_tls_version version_of[] = {TLS_1_2_UP, TLS_1_3_ONLY};

	return version_of[confload_choice(load, field, text, versions)];
}

static int load_certificates(struct confload *load, size_t index, const struct confile_tls *from,
			     struct config_listener *to)
{
	struct confload_field field = confload_field("listeners[%zu].tls.certificates", index);
	int r = 0;

	if (from->n_certificates == 0)
		confload_mistake(load, &field, "as in [{chain: file:PATH, key: file:PATH}]",
				 "is missing");
	to->certificates = calloc((size_t)from->n_certificates + 1, sizeof(*to->certificates));
	if (!to->certificates)
		return -ENOMEM;
	to->n_certificates = from->n_certificates;
	for (size_t i = 0; r == 0 && i < to->n_certificates; i++) {
		field = confload_field("listeners[%zu].tls.certificates[%zu]", index, i);
		r = confload_certificate(load, &field, TLS_CERT_AS_SERVER, &from->certificates[i],
					 &to->certificates[i]);
	}
	return r;
}

static int load_client_ca(struct confload *load, size_t index, const struct confile_tls *from,
			  struct config_listener *to)
{
	struct confload_field auth = confload_field("listeners[%zu].tls.client_auth", index);
	struct confload_field field = confload_field("listeners[%zu].tls.client_ca", index);

	/* A client_auth that was not understood says nothing about client_ca. */
	if (report_covers(load->report, auth.path) && !from->client_ca)
		return 0;
	if (!from->client_ca && to->client_auth != CLIENT_AUTH_OFF) {
		if (from->verify.n_trust_domains == 0)
			confload_mistake(load, &field,
					 "the file with the CAs whose clients are trusted; or "
					 "client_auth: off",
					 "is missing, and client_auth is %s",
					 from->client_auth ? from->client_auth
							   : "require (the default)");
		return 0;
	}
	if (!from->client_ca)
		return 0;
	if (to->client_auth == CLIENT_AUTH_OFF) {
		confload_mistake(load, &field, "remove it, or remove client_auth: off",
				 "has no effect: client_auth is off");
		return 0;
	}
	return confload_ca(load, &field, from->client_ca, &to->client_ca);
}

/* Default: those of client_ca; but not a system's hundreds, which would only make a long message. */
static int load_ca_names(struct confload *load, size_t index, const struct confile_tls *from,
			 struct config_listener *to)
{
	struct confload_field field = confload_field("listeners[%zu].tls.client_ca_names", index);

	to->announces_no_ca = from->client_ca && strcmp(from->client_ca, "system") == 0;
	if (!from->client_ca_names)
		return 0;
	if (to->client_auth == CLIENT_AUTH_OFF) {
		confload_mistake(load, &field, "remove it, or remove client_auth: off",
				 "has no effect: client_auth is off");
		return 0;
	}
	to->announces_no_ca = strcmp(from->client_ca_names, "none") == 0;
	if (to->announces_no_ca)
		return 0;
	return confload_ca(load, &field, from->client_ca_names, &to->client_ca_names);
}

static int load_client_verify(struct confload *load, size_t index, const struct confile_tls *from,
			      struct config_listener *to)
{
	struct confload_field field = confload_field("listeners[%zu].tls", index);
	const struct confload_verify what = {
		.tls = field.path, .ca_key = "client_ca", .crl_key = "client_crl"};
	int r = load_client_ca(load, index, from, to);

	if (r == 0)
		r = load_ca_names(load, index, from, to);
	if (r == 0 && to->client_auth != CLIENT_AUTH_OFF)
		r = confload_verify(load, &what, &from->verify, &to->client_ca, &to->verify);
	else if (r == 0)
		confload_verify_unused(load, &what, &from->verify, "client_auth is off");
	return r;
}

int confload_tls(struct confload *load, size_t index, struct config_listener *to)
{
	static const char *const auths[] = {"require", "optional", "off", NULL};
	static const enum config_client_auth auth_of[] = {CLIENT_AUTH_REQUIRE, CLIENT_AUTH_OPTIONAL,
							  CLIENT_AUTH_OFF};
	const struct confile_tls *from = load->root->listeners[index].tls;
	struct confload_field field = confload_field("listeners[%zu].tls", index);
	int r;

	if (!from) {
		confload_mistake(load, &field, "it has certificates and client_ca",
				 "is missing: a listener terminates TLS");
		return 0;
	}
	field = confload_field("listeners[%zu].tls.min_version", index);
	to->tls_version = confload_min_version(load, &field, from->min_version);
	field = confload_field("listeners[%zu].tls.client_auth", index);
	to->client_auth = auth_of[confload_choice(load, &field, from->client_auth, auths)];
	field = confload_field("listeners[%zu].tls.alpn", index);
	r = confload_alpn(load, &field, from->alpn, from->n_alpn, &to->alpn, &to->n_alpn);
	if (r == 0)
		r = load_certificates(load, index, from, to);
	if (r == 0)
		r = load_client_verify(load, index, from, to);
	return r == 0 ? confload_tickets(load, index, to) : r;
}
