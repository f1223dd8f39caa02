// SPDX-License-Identifier: Apache-2.0
#include "daemon/user.h"

#include "base/log.h"
#include "daemon/confload.h"

#include <errno.h>
#include <unistd.h>

#define DEFAULT_USER "sluice"
#define NOBODY_ID    65534 /* where not even "nobody" has a name */

void user_check(const struct config *config, const struct bundle *bundle, struct report *report)
{
	struct process_user user;
	int r;

	if (!config->user)
		return;
	r = process_find_user(config->user, &user);
	if (r == -ENOENT)
		report_add_mistake(report, confload_line(bundle, "user"), "user",
				   "'useradd --system' makes one; or leave it out",
				   "there is no user '%s'", config->user);
	else if (r < 0)
		report_add_mistake(report, confload_line(bundle, "user"), "user",
				   "'getent passwd' asks the same", "'%s' cannot be looked up",
				   config->user);
	else if (user.uid == 0)
		report_add_mistake(report, confload_line(bundle, "user"), "user",
				   "name one without privileges; what needs root is done before",
				   "workers do not run as root");
}

int user_choose(const struct config *config, struct process_user *ret_user)
{
	if (geteuid() != 0) {
		log_event(LOG_WARN, "not_root",
			  "workers run as the same user; the tls module cannot be loaded, ports "
			  "below 1024 not be opened; start as root for both");
		*ret_user = (struct process_user){.uid = geteuid(), .gid = getegid()};
		return 0;
	}
	if (config->user)
		return process_find_user(config->user, ret_user);
	if (process_find_user(DEFAULT_USER, ret_user) == 0)
		return 0;
	if (process_find_user("nobody", ret_user) < 0)
		*ret_user = (struct process_user){.uid = NOBODY_ID, .gid = NOBODY_ID};
	log_event(LOG_WARN, "no_user",
		  "there is no user '" DEFAULT_USER "': workers run as nobody");
	return 0;
}
