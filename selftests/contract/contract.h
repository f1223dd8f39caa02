/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this suite share. A test here is one fact about the kernel that userspace/
 * relies on; docs/KERNEL.md names it. Where a fact changed with a kernel, the table's row has the
 * first kernel of today's behaviour and what the ones below it do.
 */
#ifndef SELFTESTS_CONTRACT_H
#define SELFTESTS_CONTRACT_H

#include "selftests/harness/harness.h"
#include "selftests/lib/ktls_pair.h"
#include "selftests/lib/nobody.h"

/* libc's headers are older than these on some systems. */
#ifndef SOL_TLS
#define SOL_TLS 282
#endif

/** For a row: .since = {6, 12}, .below = what was before. {0, 0}: all kernels do the same. */
struct kernel_since {
	int major, minor;
};

static inline bool kernel_is_below(struct kernel_since since)
{
	return since.major && !test_kernel_at_least(since.major, since.minor);
}

/** contract_value() - the row's @today, or @below on a kernel before @since. */
#define contract_value(row, today, below) (kernel_is_below((row)->since) ? (below) : (today))

#define CONTRACT_PATIENCE_MS 5000 /* for what must come, however slow the machine is */

/** splice_now() - @len bytes with the daemon's flags. Returns: bytes or -errno. */
ssize_t splice_now(int from_fd, int to_fd, size_t len);

/** fd_pair_close() - of a pipe or of sockets. */
void fd_pair_close(const int fd[2]);

/** add_word() - @text behind what @answer holds, with a space between. */
__attribute__((format(printf, 3, 4))) void add_word(char *answer, size_t room, const char *format,
						    ...);

#endif
