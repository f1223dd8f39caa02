/* SPDX-License-Identifier: Apache-2.0 */
/* What a process may do: users, capabilities, limits. Wraps libcap-ng. */
#ifndef SLUICE_SYS_PROCESS_H
#define SLUICE_SYS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process_user {
	uid_t uid;
	gid_t gid;
};

/** process_find_user() - Returns: 0, -ENOENT (no such user), -EIO. */
int process_find_user(const char *name, struct process_user *ret_user);

/**
 * process_restrict() - process_hide(), and no new privileges; as root also another user, no groups
 * and no capabilities. There is no way back.
 * Returns: 0 or -errno; on error the caller must exit.
 */
int process_restrict(const struct process_user *user);

/** process_hide() - no core dump, not traceable by another process of the same user. */
int process_hide(void);

/**
 * process_lock_memory() - nothing of this process is ever swapped: keys are not only where we put
 * them, but also inside of OpenSSL. Only pages that are touched count, so memory does not grow.
 * Returns: false when RLIMIT_MEMLOCK is not infinite: a limit would make allocations fail later.
 */
bool process_lock_memory(void);

/** process_raise_limits() - descriptors to the hard limit, locked memory if allowed. */
void process_raise_limits(void);

/** process_limit_fds() - the soft limit of open descriptors. */
size_t process_limit_fds(void);

/** process_heap_bytes() - what malloc() has given out and nobody has freed. */
size_t process_heap_bytes(void);

/** process_cpus() - CPUs this process may run on, at least 1. */
size_t process_cpus(void);

#endif
