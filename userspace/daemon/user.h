/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the workers run as. */
#ifndef SLUICE_DAEMON_USER_H
#define SLUICE_DAEMON_USER_H

#include "base/report.h"
#include "model/config.h"
#include "sys/process.h"

struct bundle;

/** user_check() - a user that the configuration names must exist and must not be root. */
void user_check(const struct config *config, const struct bundle *bundle, struct report *report);

/**
 * user_choose() - as root the configured user, else "sluice", else nobody with a warning; without
 * root the one that runs us. Returns: 0, or process_find_user()'s for a configured user.
 */
int user_choose(const struct config *config, struct process_user *ret_user);

#endif
