// SPDX-License-Identifier: Apache-2.0
/* How peers are verified: the same for clients and for the servers of an upstream. */
#include "daemon/confload_internal.h"

#include "base/spiffe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CRLS_MAX    64
#define DOMAINS_MAX 64

static struct confload_field field_of(const struct confload_verify *what, const char *key)
{
	return confload_field("%.200s.%s", what->tls, key);
}

/* --- trust domains --- */

static int load_domain(struct confload *load, const struct confload_verify *what, size_t index,
		       const struct confile_trust_domain *from, struct config_verify *to)
{
	struct config_trust_domain *domain = &to->trust_domains[index];
	struct confload_field field =
		confload_field("%.200s.trust_domains[%zu].name", what->tls, index);

	if (confload_need(load, &field, from->name, "as in prod.example")) {
		if (!spiffe_is_domain(from->name, strlen(from->name)))
			confload_mistake(load, &field,
					 "lower case letters, digits, '.', '-' and '_', without "
					 "spiffe://",
					 "'%s' is not the name of a trust domain", from->name);
		for (size_t i = 0; i < index; i++) {
			const char *other = to->trust_domains[i].name;

			if (other && strcmp(other, from->name) == 0)
				confload_mistake(load, &field,
						 "put all of its CAs into one file or directory",
						 "there is another trust domain '%s'", other);
		}
		domain->name = strdup(from->name);
		if (!domain->name)
			return -ENOMEM;
	}
	field = confload_field("%.200s.trust_domains[%zu].ca", what->tls, index);
	return confload_ca(load, &field, from->ca, &domain->ca);
}

static int load_domains(struct confload *load, const struct confload_verify *what,
			const struct confile_verify *from, struct config_verify *to)
{
	struct confload_field field = field_of(what, "trust_domains");
	int r = 0;

	if (from->n_trust_domains > DOMAINS_MAX) {
		confload_mistake(load, &field, "at most 64", "has too many trust domains");
		return 0;
	}
	to->trust_domains = calloc((size_t)from->n_trust_domains + 1, sizeof(*to->trust_domains));
	if (!to->trust_domains)
		return -ENOMEM;
	to->n_trust_domains = from->n_trust_domains;
	for (size_t i = 0; r == 0 && i < to->n_trust_domains; i++)
		r = load_domain(load, what, i, &from->trust_domains[i], to);
	return r;
}

/* --- CRLs --- */

/* The CAs that can have signed a CRL. */
static size_t list_cas(const struct config_blob *ca, const struct config_verify *to,
		       struct tls_bytes cas[DOMAINS_MAX + 1])
{
	size_t n = 0;

	if (ca->data)
		cas[n++] = (struct tls_bytes){ca->data, ca->len};
	for (size_t i = 0; i < to->n_trust_domains; i++) {
		if (to->trust_domains[i].ca.data)
			cas[n++] = (struct tls_bytes){to->trust_domains[i].ca.data,
						      to->trust_domains[i].ca.len};
	}
	return n;
}

static int load_crls(struct confload *load, const struct confload_verify *what,
		     const struct confile_verify *from, const struct config_blob *ca,
		     struct config_verify *to)
{
	struct confload_field field = field_of(what, what->crl_key);
	struct tls_bytes cas[DOMAINS_MAX + 1];
	size_t n_cas = list_cas(ca, to, cas);
	struct tls_cert_verdict verdict;
	int r = 0;

	if (from->n_crls > CRLS_MAX) {
		confload_mistake(load, &field, "put them into a directory",
				 "has more than %d files", CRLS_MAX);
		return 0;
	}
	to->crls = calloc((size_t)from->n_crls + 1, sizeof(*to->crls));
	if (!to->crls)
		return -ENOMEM;
	to->n_crls = from->n_crls;
	for (size_t i = 0; r == 0 && i < to->n_crls; i++) {
		struct config_blob *crl = &to->crls[i];

		field = confload_field("%.200s.%s[%zu]", what->tls, what->crl_key, i);
		r = confload_blob(load, &field, from->crls[i], crl);
		/* Without CAs it is they that are told of. */
		if (r < 0 || !crl->data || n_cas == 0)
			continue;
		/* A file of another PKI is no CRL of anybody: where that is allowed nobody notices. */
		tls_cert_check_crl((struct tls_bytes){crl->data, crl->len}, cas, n_cas,
				   to->allow_crl_missing, &verdict);
		(void)confload_tell(load, &field, crl->source, &verdict);
	}
	return r;
}

static bool allows(struct confload *load, const struct confload_verify *what, const char *key,
		   const char *text)
{
	static const char *const choices[] = {"refuse", "allow", NULL};
	struct confload_field field = field_of(what, key);

	return confload_choice(load, &field, text, choices) == 1;
}

static void load_crl_mode(struct confload *load, const struct confload_verify *what,
			  const struct confile_verify *from, struct config_verify *to)
{
	static const char *const modes[] = {"chain", "leaf", "off", NULL};
	static const enum config_crl_mode mode_of[] = {CRL_MODE_CHAIN, CRL_MODE_LEAF, CRL_MODE_OFF};
	struct confload_field field = field_of(what, "crl_mode");

	to->crl_mode = CRL_MODE_OFF;
	if (from->crl_mode || from->n_crls > 0)
		to->crl_mode = mode_of[confload_choice(load, &field, from->crl_mode, modes)];
	to->allow_crl_missing = allows(load, what, "crl_missing", from->crl_missing);
	to->allow_crl_expired = allows(load, what, "crl_expired", from->crl_expired);
	if (to->crl_mode == CRL_MODE_OFF) {
		if (from->n_crls > 0)
			confload_remark(load, &field, "chain, or leaf",
					"the CRLs are not used: who is revoked is not refused");
		return;
	}
	if (from->n_crls == 0)
		confload_mistake(load, &field, "name the files, or leave this out",
				 "needs %s: without a CRL everybody would be refused",
				 what->crl_key);
}

static void check_lonely(struct confload *load, const struct confload_verify *what, const char *key,
			 const char *text)
{
	struct confload_field field = field_of(what, key);

	if (text)
		confload_mistake(load, &field, "remove it", "has no effect without %s",
				 what->crl_key);
}

/* --- */

int confload_verify(struct confload *load, const struct confload_verify *what,
		    const struct confile_verify *from, const struct config_blob *ca,
		    struct config_verify *to)
{
	static const struct confload_range depths = {TLS_VERIFY_DEPTH, 0, 32,
						     "0 to 32 intermediate CAs"};
	static const struct confload_range levels = {TLS_VERIFY_SECURITY_LEVEL, 0, 5,
						     "0 to 5, as OpenSSL's"};
	struct confload_field field = field_of(what, "verify_depth");
	int r;

	to->depth = (unsigned int)confload_number(load, &field, from->verify_depth, &depths);
	field = field_of(what, "security_level");
	to->security_level =
		(unsigned int)confload_number(load, &field, from->security_level, &levels);
	if (to->security_level < TLS_VERIFY_SECURITY_LEVEL)
		confload_remark(load, &field, "2 is the default",
				"certificates with weak keys or signatures are accepted, which "
				"can be forged");
	load_crl_mode(load, what, from, to);
	if (from->n_crls == 0) {
		check_lonely(load, what, "crl_missing", from->crl_missing);
		check_lonely(load, what, "crl_expired", from->crl_expired);
	}
	r = load_domains(load, what, from, to);
	return r == 0 ? load_crls(load, what, from, ca, to) : r;
}

void confload_verify_unused(struct confload *load, const struct confload_verify *what,
			    const struct confile_verify *from, const char *because)
{
	const struct {
		const char *key;
		bool there;
	} keys[] = {
		{what->crl_key, from->n_crls > 0},
		{"crl_mode", from->crl_mode},
		{"crl_missing", from->crl_missing},
		{"crl_expired", from->crl_expired},
		{"verify_depth", from->verify_depth},
		{"security_level", from->security_level},
		{"trust_domains", from->n_trust_domains > 0},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct confload_field field = field_of(what, keys[i].key);

		if (keys[i].there)
			confload_mistake(load, &field, "remove it", "has no effect: %s", because);
	}
}
