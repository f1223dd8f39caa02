// SPDX-License-Identifier: Apache-2.0
#include "proxy/proxy.h"

#include "proxy/session.h"

#include <errno.h>
#include <stdlib.h>

int proxy_new(struct loop *loop, struct generation *generation, struct stats *stats,
	      struct proxy **ret_proxy)
{
	struct proxy *proxy = calloc(1, sizeof(*proxy));

	if (!proxy) {
		generation_release(generation);
		return -ENOMEM;
	}
	proxy->loop = loop;
	proxy->generation = generation;
	proxy->stats = stats;
	list_init(&proxy->sessions);
	relay_pools_init(&proxy->pools, &generation->config->limits);
	feature_probe_ktls(&proxy->kernel);
	*ret_proxy = proxy;
	return 0;
}

void proxy_free(struct proxy *proxy)
{
	if (!proxy)
		return;
	listeners_close(&proxy->listeners);
	loop_disarm(proxy->loop, &proxy->accept_again);
	recheck_cancel(proxy);
	relay_pools_done(&proxy->pools);
	feature_done(&proxy->kernel);
	generation_release(proxy->generation);
	free(proxy);
}

int proxy_listen(struct proxy *proxy, const int *fds, size_t n_fds)
{
	struct listeners listeners;
	int r = listeners_plan(proxy, proxy->generation, fds, n_fds, &listeners);

	if (r < 0)
		return r;
	listeners_adopt(proxy, &listeners);
	return listeners_watch(proxy);
}

void proxy_switch(struct proxy *proxy, struct generation *generation, struct listeners *listeners,
		  void (*on_rechecked)(void *arg), void *arg)
{
	listeners_adopt(proxy, listeners);
	generation_release(proxy->generation);
	proxy->generation = generation;
	relay_pools_limit(&proxy->pools, &generation->config->limits);
	proxy_resume_accepting(proxy);
	recheck_begin(proxy, on_rechecked, arg);
}

bool proxy_may_accept(const struct proxy *proxy)
{
	return proxy->n_sessions < proxy_config(proxy)->limits.connections &&
	       proxy->n_handshakes < proxy_config(proxy)->limits.handshakes;
}

void proxy_resume_accepting(struct proxy *proxy)
{
	int r;

	if (proxy->accepting || proxy->draining || !proxy_may_accept(proxy))
		return;
	loop_disarm(proxy->loop, &proxy->accept_again);
	r = listeners_watch(proxy);
	if (r < 0)
		listeners_back_off(proxy, -r);
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
	for (size_t i = 0; i < proxy->listeners.n; i++)
		listener_finish(&proxy->listeners.list[i]);
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
