// SPDX-License-Identifier: Apache-2.0
#include "proxy/listener.h"

#include "base/fd.h"
#include "base/log.h"
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
	for (size_t i = 0; i < proxy->n_listeners; i++)
		listener_pause(&proxy->listeners[i]);
}

static void back_off(struct proxy *proxy, int error)
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
		back_off(proxy, errno);
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

int listener_watch(struct listener *listener)
{
	listener->source.ready = on_ready;
	return loop_add(listener->proxy->loop, &listener->source, EPOLLIN);
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
