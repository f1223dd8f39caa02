// SPDX-License-Identifier: Apache-2.0
#include "proxy/recheck.h"

#include "base/clock.h"
#include "proxy/proxy.h"
#include "proxy/session.h"

/* Verifying a chain takes a fraction of a millisecond: so long may a turn of ours be. */
#define SLICE_NS (5 * NS_PER_MS)

/* Those that are to be looked at are in front: a session that was goes to the end of the list. */
static struct session *next_unchecked(const struct proxy *proxy)
{
	struct session *s =
		list_is_empty(&proxy->sessions) ? NULL : session_of(proxy->sessions.next);

	return s && s->unchecked ? s : NULL;
}

static void slice(struct loop_task *task)
{
	struct proxy *proxy = container_of(task, struct proxy, recheck.slice);
	uint64_t until_ns = clock_now_ns() + SLICE_NS;
	struct session *s;

	while ((s = next_unchecked(proxy)) && clock_now_ns() < until_ns) {
		s->unchecked = false;
		list_del(&s->node);
		list_add_tail(&proxy->sessions, &s->node);
		(void)session_recheck(s);
	}
	if (s) {
		loop_defer(proxy->loop, task);
	} else {
		void (*done)(void *arg) = proxy->recheck.done;

		proxy->recheck.done = NULL;
		done(proxy->recheck.arg);
	}
}

void recheck_begin(struct proxy *proxy, void (*done)(void *arg), void *arg)
{
	struct list *node;

	list_for_each (node, &proxy->sessions)
		session_of(node)->unchecked = true;
	if (!proxy->recheck.done) {
		list_init(&proxy->recheck.slice.node);
		proxy->recheck.slice.run = slice;
		loop_defer(proxy->loop, &proxy->recheck.slice);
	}
	proxy->recheck.done = done;
	proxy->recheck.arg = arg;
}

void recheck_cancel(struct proxy *proxy)
{
	if (proxy->recheck.done)
		list_del(&proxy->recheck.slice.node);
	proxy->recheck.done = NULL;
}
