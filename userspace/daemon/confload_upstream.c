// SPDX-License-Identifier: Apache-2.0
/* Where sessions go, and what an upstream that talks TLS is shown and asked for. */
#include "daemon/confload_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_ip(const char *text)
{
	struct in6_addr any;

	return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

/* "app.example:443" has the form of a URI, and is a host with a port that does not belong there. */
static bool looks_like_uri(const char *text)
{
	return strstr(text, "://") || strncmp(text, "urn:", 4) == 0;
}

static bool is_host(const char *text)
{
	/* 192.0.2.300 is nobody's name. */
	return text[strspn(text, "0123456789.")] != '\0' && confload_is_dns(text);
}

/* Without a name the certificate must be for the endpoint's address, which a path is not. */
static void check_nameless(struct confload *load, const struct confload_field *field,
			   const struct config_upstream *to)
{
	for (size_t i = 0; i < to->n_endpoints; i++) {
		if (!addr_is_unix(&to->endpoints[i]))
			continue;
		confload_mistake(load, field, "the name that its certificate is for",
				 "is missing: a unix socket has no address that a certificate "
				 "could be for");
		return;
	}
}

static int load_server_name(struct confload *load, size_t index, const char *from,
			    struct config_upstream *to)
{
	struct confload_field field = confload_field("upstreams[%zu].tls.server_name", index);

	if (!from) {
		to->tls->server_kind = SERVER_IP;
		check_nameless(load, &field, to);
		return 0;
	}
	if (is_ip(from))
		to->tls->server_kind = SERVER_IP;
	else if (looks_like_uri(from) && confload_is_uri(from) && !strchr(from, '*'))
		to->tls->server_kind = SERVER_URI;
	else if (is_host(from))
		to->tls->server_kind = SERVER_DNS;
	else
		confload_mistake(load, &field,
				 "a name without wildcard or port, as app.example, 192.0.2.1, "
				 "2001:db8::1 or spiffe://prod.example/billing",
				 "'%s' is no name of a server", from);
	to->tls->server_name = strdup(from);
	return to->tls->server_name ? 0 : -ENOMEM;
}

static int load_sni(struct confload *load, size_t index, const char *from,
		    struct config_upstream_tls *to)
{
	struct confload_field field = confload_field("upstreams[%zu].tls.sni", index);

	if (from && !is_host(from))
		confload_mistake(load, &field, "a name as app.example", "'%s' is not a DNS name",
				 from);
	if (!from && to->server_name && to->server_kind == SERVER_DNS)
		from = to->server_name;
	if (!from)
		return 0;
	to->sni = strdup(from);
	return to->sni ? 0 : -ENOMEM;
}

static int load_verify(struct confload *load, size_t index, const struct confile_upstream_tls *from,
		       struct config_upstream_tls *to)
{
	struct confload_field tls = confload_field("upstreams[%zu].tls", index);
	struct confload_field field = confload_field("upstreams[%zu].tls.server_ca", index);
	const struct confload_verify what = {
		.tls = tls.path, .ca_key = "server_ca", .crl_key = "server_crl"};
	int r = 0;

	if (from->server_ca || from->verify.n_trust_domains == 0)
		r = confload_ca(load, &field, from->server_ca, &to->server_ca);
	return r == 0 ? confload_verify(load, &what, &from->verify, &to->server_ca, &to->verify)
		      : r;
}

static int load_tls(struct confload *load, size_t index, const struct confile_upstream_tls *from,
		    struct config_upstream *upstream)
{
	struct confload_field field = confload_field("upstreams[%zu].tls.certificate", index);
	struct config_upstream_tls *to = calloc(1, sizeof(*to));
	int r = 0;

	if (!to)
		return -ENOMEM;
	upstream->tls = to;
	if (from->certificate)
		r = confload_certificate(load, &field, TLS_CERT_AS_CLIENT, from->certificate,
					 &to->certificate);
	if (r == 0)
		r = load_verify(load, index, from, to);
	if (r == 0)
		r = load_server_name(load, index, from->server_name, upstream);
	if (r == 0)
		r = load_sni(load, index, from->sni, to);
	field = confload_field("upstreams[%zu].tls.min_version", index);
	to->tls_version = confload_min_version(load, &field, from->min_version);
	field = confload_field("upstreams[%zu].tls.alpn", index);
	return r == 0 ? confload_alpn(load, &field, from->alpn, from->n_alpn, &to->alpn,
				      &to->n_alpn)
		      : r;
}

static int load_upstream(struct confload *load, size_t index)
{
	const struct confile_upstream *from = &load->root->upstreams[index];
	struct config_upstream *to = &load->config->upstreams[index];
	struct confload_field field = confload_field("upstreams[%zu].name", index);
	int r = confload_name(load, &field, from->name, &to->name);

	for (size_t i = 0; to->name && i < index; i++) {
		const char *other = load->config->upstreams[i].name;

		if (other && strcmp(other, to->name) == 0)
			confload_mistake(load, &field, "names must differ: rules choose by them",
					 "there is another upstream '%s'", to->name);
	}
	field = confload_field("upstreams[%zu].endpoints", index);
	if (from->n_endpoints == 0)
		confload_mistake(load, &field, "as in endpoints: [\"127.0.0.1:8080\"]",
				 "is missing");
	to->endpoints = calloc((size_t)from->n_endpoints + 1, sizeof(*to->endpoints));
	if (r < 0 || !to->endpoints)
		return -ENOMEM;
	to->n_endpoints = from->n_endpoints;
	for (size_t i = 0; i < from->n_endpoints; i++) {
		field = confload_field("upstreams[%zu].endpoints[%zu]", index, i);
		confload_addr(load, &field, from->endpoints[i], &to->endpoints[i]);
	}
	confload_proxy_out(load, index, to);
	return from->tls ? load_tls(load, index, from->tls, to) : 0;
}

int confload_upstreams(struct confload *load)
{
	const struct confload_field field = confload_field("upstreams");
	int r = 0;

	if (load->root->n_upstreams == 0)
		confload_mistake(load, &field, "say where admitted clients go; see docs/examples",
				 "is missing");
	load->config->upstreams =
		calloc((size_t)load->root->n_upstreams + 1, sizeof(struct config_upstream));
	if (!load->config->upstreams)
		return -ENOMEM;
	load->config->n_upstreams = load->root->n_upstreams;
	for (size_t i = 0; r == 0 && i < load->config->n_upstreams; i++)
		r = load_upstream(load, i);
	return r;
}
