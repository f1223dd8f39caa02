// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/nobody.h"

#include "selftests/harness/harness.h"

#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

void become_nobody(void)
{
	const struct passwd *nobody = getpwnam("nobody");

	MUST(nobody);
	MUST_OK(setgroups(0, NULL));
	MUST_OK(setgid(nobody->pw_gid));
	MUST_OK(setuid(nobody->pw_uid));
}

void as_nobody(void (*body)(void *arg), void *arg)
{
	int status = 0;
	pid_t pid = (pid_t)MUST_OK(fork());

	if (pid == 0) {
		become_nobody();
		body(arg);
		_exit(0);
	}
	MUST_OK(waitpid(pid, &status, 0));
	MUST_EQ(status, 0);
}
