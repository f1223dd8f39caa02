// SPDX-License-Identifier: Apache-2.0
#include "sys/process.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

int process_find_user(const char *name, struct process_user *ret_user)
{
	const struct passwd *entry;

	errno = 0;
	entry = getpwnam(name);
	if (!entry)
		return errno == 0 || errno == ENOENT ? -ENOENT : -EIO;
	*ret_user = (struct process_user){.uid = entry->pw_uid, .gid = entry->pw_gid};
	return 0;
}

static int drop_root(const struct process_user *user)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_BOUNDS) < 0)
		return -EPERM;
	if (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	return 0;
}

int process_hide(void)
{
	const struct rlimit no_core = {0, 0};

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
		return -errno;
	return 0;
}

int process_restrict(const struct process_user *user)
{
	if (geteuid() == 0) {
		int r = drop_root(user);

		if (r < 0)
			return r;
	}
	/* Also for a process with some capabilities and another user than root. */
	capng_clear(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT);
	if (capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT) < 0)
		return -EPERM;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return process_hide();
}

bool process_lock_memory(void)
{
	struct rlimit locked;

	return getrlimit(RLIMIT_MEMLOCK, &locked) == 0 && locked.rlim_cur == RLIM_INFINITY &&
	       mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}

void process_raise_limits(void)
{
	struct rlimit fds;
	const struct rlimit locked = {RLIM_INFINITY, RLIM_INFINITY};

	if (getrlimit(RLIMIT_NOFILE, &fds) == 0) {
		fds.rlim_cur = fds.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &fds);
	}
	(void)setrlimit(RLIMIT_MEMLOCK, &locked);
}

size_t process_limit_fds(void)
{
	struct rlimit fds;

	return getrlimit(RLIMIT_NOFILE, &fds) == 0 ? fds.rlim_cur : 1024;
}

size_t process_heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

size_t process_cpus(void)
{
	cpu_set_t set;
	int count;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	count = CPU_COUNT(&set);
	return count > 0 ? (size_t)count : 1;
}
