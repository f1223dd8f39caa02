// SPDX-License-Identifier: Apache-2.0
#include "model/config.h"

#include "base/lockmem.h"
#include "model/match.h"

#include <stdlib.h>

static void free_texts(char **texts, size_t n)
{
	for (size_t i = 0; texts && i < n; i++)
		free(texts[i]);
	free(texts);
}

static void blob_done(struct config_blob *blob)
{
	free(blob->source);
	lockmem_free(blob->data, blob->len + 1);
	*blob = (struct config_blob){};
}

static void certificate_done(struct config_certificate *certificate)
{
	blob_done(&certificate->chain);
	blob_done(&certificate->key);
}

static void verify_done(struct config_verify *verify)
{
	for (size_t i = 0; verify->crls && i < verify->n_crls; i++)
		blob_done(&verify->crls[i]);
	free(verify->crls);
	for (size_t i = 0; verify->trust_domains && i < verify->n_trust_domains; i++) {
		free(verify->trust_domains[i].name);
		blob_done(&verify->trust_domains[i].ca);
	}
	free(verify->trust_domains);
}

static void rule_done(struct config_rule *rule)
{
	free(rule->name);
	match_free(rule->match);
}

static void listener_done(struct config_listener *listener)
{
	free(listener->name);
	free(listener->addrs);
	if (listener->proxy_in)
		free(listener->proxy_in->from);
	free(listener->proxy_in);
	for (size_t i = 0; listener->certificates && i < listener->n_certificates; i++)
		certificate_done(&listener->certificates[i]);
	free(listener->certificates);
	free_texts(listener->alpn, listener->n_alpn);
	blob_done(&listener->client_ca);
	blob_done(&listener->client_ca_names);
	verify_done(&listener->verify);
	blob_done(&listener->tickets.keys);
	for (size_t i = 0; listener->rules && i < listener->n_rules; i++)
		rule_done(&listener->rules[i]);
	free(listener->rules);
}

static void upstream_done(struct config_upstream *upstream)
{
	struct config_upstream_tls *tls = upstream->tls;

	free(upstream->name);
	free(upstream->endpoints);
	if (!tls)
		return;
	certificate_done(&tls->certificate);
	blob_done(&tls->server_ca);
	verify_done(&tls->verify);
	free(tls->server_name);
	free(tls->sni);
	free_texts(tls->alpn, tls->n_alpn);
	free(tls);
}

void config_wipe_keys(struct config *config)
{
	for (size_t i = 0; i < config->n_listeners; i++) {
		struct config_listener *listener = &config->listeners[i];

		for (size_t c = 0; c < listener->n_certificates; c++)
			blob_done(&listener->certificates[c].key);
		blob_done(&listener->tickets.keys);
	}
	for (size_t i = 0; i < config->n_upstreams; i++) {
		if (config->upstreams[i].tls)
			blob_done(&config->upstreams[i].tls->certificate.key);
	}
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; config->listeners && i < config->n_listeners; i++)
		listener_done(&config->listeners[i]);
	free(config->listeners);
	for (size_t i = 0; config->upstreams && i < config->n_upstreams; i++)
		upstream_done(&config->upstreams[i]);
	free(config->upstreams);
	free(config->user);
	free(config);
}
