/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Supervisor: everything that needs privileges or files, nothing that reads from the network.
 */
#ifndef SLUICE_DAEMON_SUPERVISOR_H
#define SLUICE_DAEMON_SUPERVISOR_H

/**
 * supervisor_run() - serve the configuration at @path until a signal ends it.
 * SIGTERM, SIGINT: drain; the second one cuts. SIGHUP: reload.
 * Returns: exit code: 0 no session was cut, 3 some were, 1 it could not start.
 */
int supervisor_run(const char *path);

#endif
