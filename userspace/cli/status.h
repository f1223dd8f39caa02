/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice status`: the document of daemon/admin.h as tables. */
#ifndef SLUICE_CLI_STATUS_H
#define SLUICE_CLI_STATUS_H

#include <stdio.h>

struct json;

/** status_print() - all of @status for people; a member that is missing is shown as "-". */
void status_print(const struct json *status, FILE *out);

#endif
