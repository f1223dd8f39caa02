// SPDX-License-Identifier: Apache-2.0
#include "proxy/listener.h"

#include "base/fd.h"
#include "base/log.h"
#include "proxy/generation.h"
#include "proxy/proxy.h"
#include "proxy/session.h"

#include <string.h>
#include <sys/socket.h>

#define ACCEPTS_PER_TURN 64
#define BACK_OFF_MS	 100 /* when descriptors or memory are out: sessions end meanwhile */

static void resume(struct loop_timer *timer)
{
	proxy_resume_accepting(container_of(timer, struct proxy, accept_again));
}

static void pause_all(struct proxy *proxy)
{
	proxy->accepting = false;
	for (size_t i = 0; i < proxy->listeners.n; i++)
		listener_pause(&proxy->listeners.list[i]);
}

void listeners_back_off(struct proxy *proxy, int error)
{
	stats_add(proxy->stats, STAT_ACCEPT_FAILED, 1);
	log_event(LOG_WARN, "accept_failed", "%s; trying again in %d ms", strerror(error),
		  BACK_OFF_MS);
	pause_all(proxy);
	proxy->accept_again.fire = resume;
	/* If even the timer has no memory, the next session that ends resumes. */
	(void)loop_arm(proxy->loop, &proxy->accept_again, BACK_OFF_MS);
}

/* Returns: true when there may be more to accept. */
static bool accept_one(struct listener *listener)
{
	struct proxy *proxy = listener->proxy;
	struct addr peer = {.len = sizeof(peer.un)};
	int fd = accept4(listener->source.fd, &peer.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		stats_add(proxy->stats, STAT_ACCEPTED, 1);
		session_begin(proxy, listener->index, fd, &peer);
		return true;
	}
	/* These are about the connection that was to be accepted, not about us (accept(2)). */
	if (errno == ECONNABORTED || errno == EPROTO || errno == EINTR || errno == EPERM)
		return true;
	if (errno != EAGAIN)
		listeners_back_off(proxy, errno);
	return false;
}

static void on_ready(struct loop_source *source, uint32_t events)
{
	struct listener *listener = container_of(source, struct listener, source);

	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		/* An event of this turn may come after another listener reached the limit. */
		if (!listener->proxy->accepting)
			return;
		if (!proxy_may_accept(listener->proxy)) {
			pause_all(listener->proxy);
			return;
		}
		if (!accept_one(listener))
			return;
	}
}

static int watch(struct listener *listener)
{
	int r;

	listener->source.ready = on_ready;
	r = loop_add(listener->proxy->loop, &listener->source, EPOLLIN);
	return r == -EEXIST ? 0 : r;
}

void listener_pause(struct listener *listener)
{
	loop_remove(listener->proxy->loop, &listener->source);
}

void listener_finish(struct listener *listener)
{
	while (listener->source.fd >= 0 && listener->proxy->accepting &&
	       proxy_may_accept(listener->proxy) && accept_one(listener))
		;
	listener_pause(listener);
	fd_close(&listener->source.fd);
}

/* --- all of them --- */

static size_t count_addresses(const struct config *config)
{
	size_t n = 0;

	for (size_t i = 0; i < config->n_listeners; i++)
		n += config->listeners[i].n_addrs;
	return n;
}

/* Returns: the socket that serves @addr now; -1: none does. */
static int present_fd(const struct proxy *proxy, const struct addr *addr)
{
	const struct config *config = proxy->generation->config;
	size_t at = 0;

	for (size_t i = 0; i < config->n_listeners; i++) {
		for (size_t a = 0; a < config->listeners[i].n_addrs; a++, at++) {
			if (at < proxy->listeners.n &&
			    addr_equal(&config->listeners[i].addrs[a], addr))
				return proxy->listeners.list[at].source.fd;
		}
	}
	return -1;
}

int listeners_plan(struct proxy *proxy, const struct generation *generation, const int *fresh,
		   size_t n_fresh, struct listeners *ret_listeners)
{
	const struct config *config = generation->config;
	struct listeners planned = {.n = count_addresses(config)};
	size_t at = 0, used = 0;

	planned.list = calloc(planned.n + 1, sizeof(*planned.list));
	if (!planned.list)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_listeners; i++) {
		for (size_t a = 0; a < config->listeners[i].n_addrs; a++, at++) {
			struct listener *listener = &planned.list[at];

			listener->proxy = proxy;
			listener->index = i;
			listener->source.fd = present_fd(proxy, &config->listeners[i].addrs[a]);
			if (listener->source.fd < 0 && used < n_fresh)
				listener->source.fd = fresh[used++];
			else if (listener->source.fd < 0)
				used = n_fresh + 1;
		}
	}
	if (at == 0 || used != n_fresh) {
		free(planned.list);
		return -EINVAL;
	}
	*ret_listeners = planned;
	return 0;
}

static bool is_among(const struct listeners *listeners, int fd)
{
	for (size_t i = 0; i < listeners->n; i++) {
		if (listeners->list[i].source.fd == fd)
			return true;
	}
	return false;
}

void listeners_adopt(struct proxy *proxy, struct listeners *planned)
{
	for (size_t i = 0; i < proxy->listeners.n; i++) {
		struct listener *listener = &proxy->listeners.list[i];

		listener_pause(listener);
		if (!is_among(planned, listener->source.fd))
			fd_close(&listener->source.fd);
	}
	free(proxy->listeners.list);
	proxy->listeners = *planned;
	*planned = (struct listeners){};
	proxy->accepting = false;
}

int listeners_watch(struct proxy *proxy)
{
	proxy->accepting = true;
	for (size_t i = 0; i < proxy->listeners.n; i++) {
		int r = watch(&proxy->listeners.list[i]);

		/* A socket that nobody watches still gets its share of the clients. */
		if (r < 0) {
			pause_all(proxy);
			return r;
		}
	}
	return 0;
}

void listeners_close(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->n; i++) {
		listener_pause(&listeners->list[i]);
		fd_close(&listeners->list[i].source.fd);
	}
	free(listeners->list);
	*listeners = (struct listeners){};
}
