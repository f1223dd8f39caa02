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
	struct ticket_keys _cleanup_ticket_keys_ keys = {};
	struct tls_ticket_secret secrets[TICKET_KEYS_MAX];
	struct tls_ticket_params tickets;
	struct tls_ctx_params params = {
		.pairs = pairs,
		.n_pairs = from->n_certificates,
		.client_ca = from->client_ca.data,
		.client_ca_len = from->client_ca.len,
		.client_auth = auth[from->client_auth],
		.alpn = from->alpn,
		.n_alpn = from->n_alpn,
		.tls13_only = from->tls_version == TLS_1_3_ONLY,
	};

	if (!pairs)
		return -ENOMEM;
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
	struct tls_client_params params = {
		.pair = pair.chain ? &pair : NULL,
		.server_ca = from->server_ca.data,
		.server_ca_len = from->server_ca.len,
		.alpn = from->alpn,
		.n_alpn = from->n_alpn,
		.tls13_only = from->tls_version == TLS_1_3_ONLY,
	};

	return tls_ctx_new_client(&params, ret_ctx);
}
