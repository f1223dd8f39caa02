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

int listening_open(const struct config *config, size_t n_workers, struct listening *ret_listening)
{
	struct listening *listening = ret_listening;
	size_t slot = 0;
	int r = 0;

	*listening = (struct listening){.config = config, .n_workers = n_workers};
	for (size_t i = 0; i < config->n_listeners; i++)
		listening->n_addrs += config->listeners[i].n_addrs;
	if (listening->n_addrs == 0)
		return -EINVAL;
	listening->fds = calloc(n_workers * listening->n_addrs, sizeof(int));
	for (size_t i = 0; listening->fds && i < n_workers * listening->n_addrs; i++)
		listening->fds[i] = -1;
	listening->files = calloc(listening->n_addrs, sizeof(struct sock_file));
	if (!listening->fds || !listening->files)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_listeners; i++) {
		const struct config_listener *listener = &config->listeners[i];

		for (size_t a = 0; r == 0 && a < listener->n_addrs; a++, slot++)
			r = open_address(listening, listener, &listener->addrs[a], slot);
	}
	return r;
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
	listening->fds = NULL;
	listening->files = NULL;
}
