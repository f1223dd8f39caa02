/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening sockets: one set per worker, so that each has its own SO_REUSEPORT group member,
 * kept by the supervisor, so that a queue outlives the worker that serves it.
 */
#ifndef SLUICE_DAEMON_LISTENING_H
#define SLUICE_DAEMON_LISTENING_H

#include "model/config.h"
#include "sys/sock.h"

struct listening {
	const struct config *config; /* borrowed */
	size_t n_workers, n_addrs;
	int *fds;		 /* n_workers sets of n_addrs each */
	struct sock_file *files; /* per address */
	size_t *was; /* listening_follow(): slot of the same address before; NONE: new */
};

#define LISTENING_NEW SIZE_MAX

/**
 * listening_open() - every address of @config for every worker; failures are logged.
 * Returns: 0, -EADDRINUSE, -EACCES, -ENOMEM and what else bind(2) has; listening_close() always.
 */
int listening_open(const struct config *config, size_t n_workers, struct listening *ret_listening);

/**
 * listening_follow() - the sockets for @config after @before: an address that @before has keeps its
 * sockets, which both sets show until listening_adopt() or listening_abandon().
 * Returns: as listening_open().
 */
int listening_follow(const struct listening *before, const struct config *config,
		     struct listening *ret_listening);

/** listening_is_new() - the address in @slot has sockets of its own. */
bool listening_is_new(const struct listening *listening, size_t slot);

/** listening_adopt() - @next takes the place of @listening; addresses that are in it no more close. */
void listening_adopt(struct listening *listening, struct listening *next);

/** listening_abandon() - close what only @next has. */
void listening_abandon(struct listening *next);

/** listening_set() - the descriptors of one worker, n_addrs of them. */
const int *listening_set(const struct listening *listening, size_t worker);

/**
 * listening_close() - remove our unix sockets' files and close everything; safe to repeat. What
 * only we had open is reset, with the connections that wait in its queue.
 */
void listening_close(struct listening *listening);

#endif
