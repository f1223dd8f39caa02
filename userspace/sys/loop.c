// SPDX-License-Identifier: Apache-2.0
#include "sys/loop.h"

#include "base/clock.h"
#include "base/fd.h"

#include <limits.h>

#define EVENTS_PER_TURN 256

struct loop {
	int epoll_fd;
	bool stopped;
	uint64_t now_ms;
	struct list tasks;
	/* Binary heap by deadline; heap[0] is not used, so that slot 0 can mean "not armed". */
	struct loop_timer **heap;
	size_t n_timers, heap_size;
};

int loop_new(struct loop **ret_loop)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		free(loop);
		return -errno;
	}
	list_init(&loop->tasks);
	loop->now_ms = clock_now_ms();
	*ret_loop = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	fd_close(&loop->epoll_fd);
	free(loop->heap);
	free(loop);
}

int loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) < 0 ? -errno : 0;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	/* Fails only for a descriptor that was not added; then there is nothing to undo. */
	if (source->fd >= 0)
		(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
}

static void heap_put(struct loop *loop, size_t slot, struct loop_timer *timer)
{
	loop->heap[slot] = timer;
	timer->heap_slot = slot;
}

static void heap_up(struct loop *loop, size_t slot)
{
	struct loop_timer *timer = loop->heap[slot];

	for (; slot > 1 && loop->heap[slot / 2]->deadline_ms > timer->deadline_ms; slot /= 2)
		heap_put(loop, slot, loop->heap[slot / 2]);
	heap_put(loop, slot, timer);
}

static void heap_down(struct loop *loop, size_t slot)
{
	struct loop_timer *timer = loop->heap[slot];
	size_t child;

	for (; (child = slot * 2) <= loop->n_timers; slot = child) {
		if (child < loop->n_timers &&
		    loop->heap[child + 1]->deadline_ms < loop->heap[child]->deadline_ms)
			child++;
		if (loop->heap[child]->deadline_ms >= timer->deadline_ms)
			break;
		heap_put(loop, slot, loop->heap[child]);
	}
	heap_put(loop, slot, timer);
}

static int heap_reserve(struct loop *loop)
{
	size_t size = loop->heap_size ? loop->heap_size * 2 : 64;
	struct loop_timer **grown;

	if (loop->n_timers + 1 < loop->heap_size)
		return 0;
	grown = reallocarray(loop->heap, size, sizeof(struct loop_timer *));
	if (!grown)
		return -ENOMEM;
	loop->heap = grown;
	loop->heap_size = size;
	return 0;
}

int loop_arm(struct loop *loop, struct loop_timer *timer, uint64_t delay_ms)
{
	int r;

	loop_disarm(loop, timer);
	r = heap_reserve(loop);
	if (r < 0)
		return r;
	timer->deadline_ms = clock_now_ms() + delay_ms;
	heap_put(loop, ++loop->n_timers, timer);
	heap_up(loop, loop->n_timers);
	return 0;
}

void loop_disarm(struct loop *loop, struct loop_timer *timer)
{
	size_t slot = timer->heap_slot;
	struct loop_timer *last;

	if (slot == 0)
		return;
	last = loop->heap[loop->n_timers--];
	timer->heap_slot = 0;
	if (last == timer)
		return;
	heap_put(loop, slot, last);
	heap_up(loop, slot);
	heap_down(loop, last->heap_slot);
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
	if (!list_is_linked(&task->node))
		list_add_tail(&loop->tasks, &task->node);
}

uint64_t loop_now_ms(const struct loop *loop)
{
	return loop->now_ms;
}

static int wait_ms(const struct loop *loop)
{
	uint64_t now;

	if (!list_is_empty(&loop->tasks))
		return 0;
	if (loop->n_timers == 0)
		return -1;
	now = clock_now_ms();
	if (loop->heap[1]->deadline_ms <= now)
		return 0;
	return loop->heap[1]->deadline_ms - now > INT_MAX ? INT_MAX
							  : (int)(loop->heap[1]->deadline_ms - now);
}

static void fire_timers(struct loop *loop)
{
	while (loop->n_timers > 0 && loop->heap[1]->deadline_ms <= loop->now_ms) {
		struct loop_timer *timer = loop->heap[1];

		loop_disarm(loop, timer);
		timer->fire(timer);
	}
}

static void run_tasks(struct loop *loop)
{
	struct list now;

	/* A task may queue itself again: that is for the next turn, or descriptors would starve. */
	list_init(&now);
	list_move_all(&loop->tasks, &now);
	while (!list_is_empty(&now)) {
		struct loop_task *task = container_of(now.next, struct loop_task, node);

		list_del(&task->node);
		task->run(task);
	}
}

int loop_run(struct loop *loop)
{
	struct epoll_event events[EVENTS_PER_TURN];

	while (!loop->stopped) {
		int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, wait_ms(loop));

		if (count < 0 && errno != EINTR)
			return -errno;
		loop->now_ms = clock_now_ms();
		for (int i = 0; i < count; i++) {
			struct loop_source *source = events[i].data.ptr;

			source->ready(source, events[i].events);
		}
		fire_timers(loop);
		run_tasks(loop);
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
