/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice probe`: two ways to show one struct feature_set. */
#ifndef SLUICE_CLI_PROBE_H
#define SLUICE_CLI_PROBE_H

#include <stdbool.h>
#include <stdio.h>

struct feature_set;

/** probe_usable() - kernel TLS in both directions for at least one cipher. */
bool probe_usable(const struct feature_set *set);

/** probe_print_text() - for people: what is there, what will be used, what to do. */
void probe_print_text(const struct feature_set *set, FILE *out);

/** probe_print_json() - on stdout. Returns: 0 or a negative errno. */
int probe_print_json(const struct feature_set *set);

#endif
