// SPDX-License-Identifier: Apache-2.0
#include "daemon/listening.h"

#include "base/fd.h"
#include "base/log.h"

#include <fcntl.h>
#include <string.h>

#define BACKLOG 4096 /* the kernel lowers it to net.core.somaxconn */

static int open_one(struct listening *listening, const struct addr *addr, size_t worker,
		    size_t slot)
{
	int *fd = &listening->fds[worker * listening->n_addrs + slot];
	int r;

	if (!addr_is_unix(addr))
		return sock_listen(addr, SOCK_LISTEN_REUSEPORT, BACKLOG, fd);
	/* A path has one queue, which all workers serve. */
	if (worker > 0) {
		*fd = fcntl(listening->fds[slot], F_DUPFD_CLOEXEC, 0);
		return *fd < 0 ? -errno : 0;
	}
	r = sock_listen(addr, 0, BACKLOG, fd);
	if (r == 0)
		sock_file_note(addr, &listening->files[slot]);
	return r;
}

static int open_address(struct listening *listening, const struct config_listener *listener,
			const struct addr *addr, size_t slot)
{
	char text[ADDR_TEXT_MAX];
	int r = 0;

	for (size_t w = 0; r == 0 && w < listening->n_workers; w++)
		r = open_one(listening, addr, w, slot);
	if (r < 0)
		log_event(LOG_ERROR, "listen_failed", "listener %s, address %s: %s", listener->name,
			  addr_format(addr, text), strerror(-r));
	return r;
}

static int make_room(const struct config *config, size_t n_workers, struct listening *listening)
{
	size_t n_fds;

	*listening = (struct listening){.config = config, .n_workers = n_workers};
	for (size_t i = 0; i < config->n_listeners; i++)
		listening->n_addrs += config->listeners[i].n_addrs;
	if (listening->n_addrs == 0)
		return -EINVAL;
	n_fds = n_workers * listening->n_addrs;
	listening->fds = calloc(n_fds, sizeof(int));
	for (size_t i = 0; listening->fds && i < n_fds; i++)
		listening->fds[i] = -1;
	listening->files = calloc(listening->n_addrs, sizeof(struct sock_file));
	listening->was = calloc(listening->n_addrs, sizeof(size_t));
	for (size_t i = 0; listening->was && i < listening->n_addrs; i++)
		listening->was[i] = LISTENING_NEW;
	return listening->fds && listening->files && listening->was ? 0 : -ENOMEM;
}

/* The address in slot @slot of @before, or LISTENING_NEW. */
static size_t find_address(const struct listening *before, const struct addr *addr)
{
	const struct config *config = before->config;
	size_t slot = 0;

	for (size_t i = 0; i < config->n_listeners; i++) {
		for (size_t a = 0; a < config->listeners[i].n_addrs; a++, slot++) {
			if (addr_equal(&config->listeners[i].addrs[a], addr))
				return slot;
		}
	}
	return LISTENING_NEW;
}

static void share(struct listening *listening, size_t slot, const struct listening *before,
		  size_t was)
{
	listening->was[slot] = was;
	listening->files[slot] = before->files[was];
	for (size_t w = 0; w < listening->n_workers; w++)
		listening->fds[w * listening->n_addrs + slot] =
			before->fds[w * before->n_addrs + was];
}

/* @before: NULL when there is nothing to share. */
static int open_all(struct listening *listening, const struct listening *before)
{
	const struct config *config = listening->config;
	size_t slot = 0;
	int r = 0;

	for (size_t i = 0; i < config->n_listeners; i++) {
		const struct config_listener *listener = &config->listeners[i];

		for (size_t a = 0; r == 0 && a < listener->n_addrs; a++, slot++) {
			size_t was =
				before ? find_address(before, &listener->addrs[a]) : LISTENING_NEW;

			if (was == LISTENING_NEW)
				r = open_address(listening, listener, &listener->addrs[a], slot);
			else
				share(listening, slot, before, was);
		}
	}
	return r;
}

int listening_open(const struct config *config, size_t n_workers, struct listening *ret_listening)
{
	int r = make_room(config, n_workers, ret_listening);

	return r < 0 ? r : open_all(ret_listening, NULL);
}

int listening_follow(const struct listening *before, const struct config *config,
		     struct listening *ret_listening)
{
	int r = make_room(config, before->n_workers, ret_listening);

	if (r == 0)
		r = open_all(ret_listening, before);
	if (r < 0)
		listening_abandon(ret_listening);
	return r;
}

bool listening_is_new(const struct listening *listening, size_t slot)
{
	return listening->was[slot] == LISTENING_NEW;
}

static void forget(struct listening *listening, size_t slot)
{
	listening->files[slot] = (struct sock_file){};
	for (size_t w = 0; w < listening->n_workers; w++)
		listening->fds[w * listening->n_addrs + slot] = -1;
}

void listening_adopt(struct listening *listening, struct listening *next)
{
	for (size_t slot = 0; slot < next->n_addrs; slot++) {
		if (next->was[slot] != LISTENING_NEW)
			forget(listening, next->was[slot]);
		next->was[slot] = LISTENING_NEW;
	}
	listening_close(listening);
	*listening = *next;
	*next = (struct listening){};
}

void listening_abandon(struct listening *next)
{
	for (size_t slot = 0; next->fds && next->files && next->was && slot < next->n_addrs;
	     slot++) {
		if (next->was[slot] != LISTENING_NEW)
			forget(next, slot);
	}
	listening_close(next);
}

const int *listening_set(const struct listening *listening, size_t worker)
{
	return &listening->fds[worker * listening->n_addrs];
}

static void remove_files(struct listening *listening)
{
	const struct config *config = listening->config;
	size_t slot = 0;

	for (size_t i = 0; i < config->n_listeners; i++) {
		for (size_t a = 0; a < config->listeners[i].n_addrs; a++, slot++)
			sock_file_remove(&config->listeners[i].addrs[a], &listening->files[slot]);
	}
}

void listening_close(struct listening *listening)
{
	if (listening->files)
		remove_files(listening);
	for (size_t i = 0; listening->fds && i < listening->n_workers * listening->n_addrs; i++)
		fd_close(&listening->fds[i]);
	free(listening->fds);
	free(listening->files);
	free(listening->was);
	listening->fds = NULL;
	listening->files = NULL;
	listening->was = NULL;
}
