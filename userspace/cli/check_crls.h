/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_CHECK_CRLS_H
#define SLUICE_CLI_CHECK_CRLS_H

#include <stdio.h>

struct config;
struct json;

/** check_crls_print() - a table of all CRLs that @config names. */
void check_crls_print(const struct config *config, FILE *out);

/** check_crls_json() - {source, issuer, this_update, next_update, revoked} of each, into @array. */
void check_crls_json(const struct config *config, struct json *array);

#endif
