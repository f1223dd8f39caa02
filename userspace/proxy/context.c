// SPDX-License-Identifier: Apache-2.0
#include "proxy/context.h"

#include "base/clock.h"
#include "base/fd.h"
#include "model/ticket_keys.h"
#include "sys/tls.h"
#include "sys/tls_ticket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct tls_pem_pair pair_of(const struct config_certificate *certificate)
{
	return (struct tls_pem_pair){
		.chain = certificate->chain.data,
		.chain_len = certificate->chain.len,
		.key = certificate->key.data,
		.key_len = certificate->key.len,
	};
}

/** Lists for struct tls_verify_params, freed with it. */
struct verify_lists {
	struct tls_bytes *crls;
	struct tls_trust_domain *domains;
};

static void verify_lists_done(struct verify_lists *lists)
{
	free(lists->crls);
	free(lists->domains);
}

#define _cleanup_lists_ __attribute__((cleanup(verify_lists_done)))

static struct tls_bytes bytes_of(const struct config_blob *blob)
{
	return (struct tls_bytes){blob->data, blob->len};
}

static int verify_of(const struct config_verify *from, struct verify_lists *lists,
		     struct tls_verify_params *to)
{
	static const enum tls_crl_mode modes[] = {
		[CRL_MODE_OFF] = TLS_CRL_OFF,
		[CRL_MODE_LEAF] = TLS_CRL_LEAF,
		[CRL_MODE_CHAIN] = TLS_CRL_CHAIN,
	};

	lists->crls = calloc(from->n_crls + 1, sizeof(*lists->crls));
	lists->domains = calloc(from->n_trust_domains + 1, sizeof(*lists->domains));
	if (!lists->crls || !lists->domains)
		return -ENOMEM;
	for (size_t i = 0; i < from->n_crls; i++)
		lists->crls[i] = bytes_of(&from->crls[i]);
	for (size_t i = 0; i < from->n_trust_domains; i++)
		lists->domains[i] = (struct tls_trust_domain){
			.name = from->trust_domains[i].name,
			.ca = bytes_of(&from->trust_domains[i].ca),
		};
	*to = (struct tls_verify_params){
		.crls = lists->crls,
		.n_crls = from->n_crls,
		.crl_mode = modes[from->crl_mode],
		.allow_crl_missing = from->allow_crl_missing,
		.allow_crl_expired = from->allow_crl_expired,
		.depth = from->depth,
		.security_level = from->security_level,
		.domains = lists->domains,
		.n_domains = from->n_trust_domains,
	};
	return 0;
}

/* To the listener's name and to its rules; the rest is in TLS material. */
static int bind_to(const struct config_listener *from, uint8_t binding[TLS_TICKET_BINDING_LEN])
{
	struct tls_digest *digest = tls_digest_new();

	if (!digest)
		return -ENOMEM;
	tls_digest_add(digest, from->name, strlen(from->name));
	tls_digest_add(digest, from->tickets.policy, sizeof(from->tickets.policy));
	return tls_digest_end(digest, binding);
}

/* @params has what stands in @keys and @secrets. */
static int tickets_of(const struct config_listener *from, struct ticket_keys *keys,
		      struct tls_ticket_secret *secrets, struct tls_ticket_params *params)
{
	unsigned int line;
	int r = ticket_keys_parse(from->tickets.keys.data, from->tickets.keys.len, keys, &line);

	if (r < 0)
		return -EINVAL;
	for (size_t i = 0; i < keys->n; i++)
		secrets[i] = (struct tls_ticket_secret){keys->list[i].bytes, keys->list[i].len};
	*params = (struct tls_ticket_params){
		.secrets = secrets,
		.n_secrets = keys->n,
		.lifetime_s = from->tickets.lifetime_ms / MS_PER_SEC,
	};
	return bind_to(from, params->binding);
}

int context_for_clients(const struct config_listener *from, struct tls_ctx **ret_ctx)
{
	static const enum tls_client_auth auth[] = {
		[CLIENT_AUTH_REQUIRE] = TLS_CLIENT_AUTH_REQUIRE,
		[CLIENT_AUTH_OPTIONAL] = TLS_CLIENT_AUTH_OPTIONAL,
		[CLIENT_AUTH_OFF] = TLS_CLIENT_AUTH_OFF,
	};
	struct tls_pem_pair _cleanup_free_ *pairs = calloc(from->n_certificates, sizeof(*pairs));
	struct tls_bytes ca_names = bytes_of(&from->client_ca_names);
	struct verify_lists _cleanup_lists_ lists = {};
	struct tls_verify_params verify;
	struct ticket_keys _cleanup_ticket_keys_ keys = {};
	struct tls_ticket_secret secrets[TICKET_KEYS_MAX];
	struct tls_ticket_params tickets;
	struct tls_ctx_params params = {
		.pairs = pairs,
		.n_pairs = from->n_certificates,
		.client_ca = from->client_ca.data,
		.client_ca_len = from->client_ca.len,
		.verify = &verify,
		.client_auth = auth[from->client_auth],
		.alpn = from->alpn,
		.n_alpn = from->n_alpn,
		.tls13_only = from->tls_version == TLS_1_3_ONLY,
	};

	if (!pairs || verify_of(&from->verify, &lists, &verify) < 0)
		return -ENOMEM;
	if (from->announces_no_ca || ca_names.data)
		verify.ca_names = &ca_names;
	for (size_t i = 0; i < from->n_certificates; i++)
		pairs[i] = pair_of(&from->certificates[i]);
	if (from->tickets.resumption == RESUMPTION_TICKETS) {
		int r = tickets_of(from, &keys, secrets, &tickets);

		if (r < 0)
			return r;
		params.tickets = &tickets;
	}
	return tls_ctx_new(&params, ret_ctx);
}

int context_for_upstream(const struct config_upstream_tls *from, struct tls_ctx **ret_ctx)
{
	struct tls_pem_pair pair = pair_of(&from->certificate);
	struct verify_lists _cleanup_lists_ lists = {};
	struct tls_verify_params verify;
	struct tls_client_params params = {
		.pair = pair.chain ? &pair : NULL,
		.server_ca = from->server_ca.data,
		.server_ca_len = from->server_ca.len,
		.verify = &verify,
		.alpn = from->alpn,
		.n_alpn = from->n_alpn,
		.tls13_only = from->tls_version == TLS_1_3_ONLY,
	};

	if (verify_of(&from->verify, &lists, &verify) < 0)
		return -ENOMEM;
	return tls_ctx_new_client(&params, ret_ctx);
}
