/* SPDX-License-Identifier: Apache-2.0 */
/* How many sessions the limit of open files allows: accepting stops before descriptors are gone. */
#ifndef SLUICE_DAEMON_DESCRIPTORS_H
#define SLUICE_DAEMON_DESCRIPTORS_H

#include "model/config.h"

/** descriptors_allow() - sessions of one worker that may open @n_fds descriptors; at least 1. */
size_t descriptors_allow(const struct config *config, size_t n_fds);

/**
 * descriptors_clamp() - lower limits.connections to what RLIMIT_NOFILE allows.
 * Returns: true when it was lowered.
 */
bool descriptors_clamp(struct config *config);

#endif
