/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to the admin socket: one document put together from the workers' parts. */
#ifndef SLUICE_DAEMON_COLLECT_H
#define SLUICE_DAEMON_COLLECT_H

struct collect;
struct loop;
struct reload;
struct workers;

/**
 * collect_open() - serve the admin socket, the listening socket @admin_fd (stays the caller's).
 * Returns: 0, -ENOMEM, -EIO.
 */
int collect_open(struct loop *loop, int admin_fd, struct workers *workers, struct reload *reload,
		 const char *config_path, struct collect **ret_collect);
void collect_close(struct collect *collect);

#endif
