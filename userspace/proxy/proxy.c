// SPDX-License-Identifier: Apache-2.0
#include "proxy/proxy.h"

#include "base/fd.h"
#include "proxy/context.h"
#include "proxy/listener.h"
#include "proxy/session.h"
#include "sys/tls.h"

static int build_contexts(struct proxy *proxy)
{
	const struct config *config = proxy->config;
	int r = 0;

	proxy->tls = calloc(config->n_listeners, sizeof(struct tls_ctx *));
	proxy->upstream_tls = calloc(config->n_upstreams + 1, sizeof(struct tls_ctx *));
	if (!proxy->tls || !proxy->upstream_tls)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < config->n_listeners; i++) {
		if (config->listeners[i].mode == MODE_TERMINATE)
			r = context_for_clients(config, &config->listeners[i], &proxy->tls[i]);
	}
	for (size_t i = 0; r == 0 && i < config->n_upstreams; i++) {
		if (config->upstreams[i].tls)
			r = context_for_upstream(config->upstreams[i].tls, &proxy->upstream_tls[i]);
	}
	return r;
}

int proxy_new(struct loop *loop, const struct config *config, struct stats *stats, size_t worker,
	      struct proxy **ret_proxy)
{
	struct proxy *proxy = calloc(1, sizeof(*proxy));
	int r = 0;

	if (!proxy)
		return -ENOMEM;
	proxy->loop = loop;
	proxy->config = config;
	proxy->stats = stats;
	list_init(&proxy->sessions);
	relay_pools_init(&proxy->pools, (uint32_t)config->limits.records_per_key);
	feature_probe_ktls(&proxy->kernel);
	proxy->rotations = calloc(config->n_upstreams + 1, sizeof(*proxy->rotations));
	if (!proxy->rotations)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < config->n_upstreams; i++)
		proxy->rotations[i].next = worker;
	if (r == 0)
		r = build_contexts(proxy);
	if (r < 0) {
		proxy_free(proxy);
		return r;
	}
	*ret_proxy = proxy;
	return 0;
}

void proxy_free(struct proxy *proxy)
{
	if (!proxy)
		return;
	for (size_t i = 0; i < proxy->n_listeners; i++) {
		listener_pause(&proxy->listeners[i]);
		fd_close(&proxy->listeners[i].source.fd);
	}
	loop_disarm(proxy->loop, &proxy->accept_again);
	for (size_t i = 0; proxy->tls && i < proxy->config->n_listeners; i++)
		tls_ctx_free(proxy->tls[i]);
	for (size_t i = 0; proxy->upstream_tls && i < proxy->config->n_upstreams; i++)
		tls_ctx_free(proxy->upstream_tls[i]);
	relay_pools_done(&proxy->pools);
	feature_done(&proxy->kernel);
	free(proxy->tls);
	free(proxy->upstream_tls);
	free(proxy->rotations);
	free(proxy->listeners);
	free(proxy);
}

int proxy_listen(struct proxy *proxy, const int *fds, size_t n_fds)
{
	size_t next = 0, expected = 0;

	for (size_t i = 0; i < proxy->config->n_listeners; i++)
		expected += proxy->config->listeners[i].n_addrs;
	if (n_fds == 0 || n_fds != expected)
		return -EINVAL;
	proxy->listeners = calloc(n_fds, sizeof(*proxy->listeners));
	if (!proxy->listeners)
		return -ENOMEM;
	proxy->accepting = true;
	for (size_t i = 0; i < proxy->config->n_listeners; i++) {
		for (size_t a = 0; a < proxy->config->listeners[i].n_addrs; a++, next++) {
			struct listener *listener = &proxy->listeners[next];
			int r;

			listener->proxy = proxy;
			listener->index = i;
			listener->source.fd = fds[next];
			proxy->n_listeners = next + 1;
			r = listener_watch(listener);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

bool proxy_may_accept(const struct proxy *proxy)
{
	return proxy->n_sessions < proxy->config->limits.connections &&
	       proxy->n_handshakes < proxy->config->limits.handshakes;
}

void proxy_resume_accepting(struct proxy *proxy)
{
	if (proxy->accepting || proxy->draining || !proxy_may_accept(proxy))
		return;
	loop_disarm(proxy->loop, &proxy->accept_again);
	proxy->accepting = true;
	for (size_t i = 0; i < proxy->n_listeners; i++)
		(void)listener_watch(&proxy->listeners[i]);
}

void proxy_session_gone(struct proxy *proxy)
{
	proxy->n_sessions--;
	if (proxy->draining && proxy->n_sessions == 0)
		proxy->on_drained(proxy);
	else
		proxy_resume_accepting(proxy);
}

void proxy_drain(struct proxy *proxy, void (*on_drained)(struct proxy *proxy))
{
	proxy->draining = true;
	proxy->on_drained = on_drained;
	for (size_t i = 0; i < proxy->n_listeners; i++)
		listener_finish(&proxy->listeners[i]);
	proxy->accepting = false;
	loop_disarm(proxy->loop, &proxy->accept_again);
	if (proxy->n_sessions == 0)
		on_drained(proxy);
}

void proxy_cut(struct proxy *proxy)
{
	struct list *node, *following;

	list_for_each_safe (node, following, &proxy->sessions)
		proxy->n_cut += session_cut(session_of(node));
}

void proxy_report_sessions(const struct proxy *proxy, struct json *array)
{
	struct list *node;

	list_for_each (node, &proxy->sessions)
		session_report(session_of(node), array);
}
