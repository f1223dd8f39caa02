/* SPDX-License-Identifier: Apache-2.0 */
/* SPIFFE IDs, as the SPIFFE-ID standard writes them (sections 2.1 to 2.4). */
#ifndef SLUICE_MODEL_SPIFFE_H
#define SLUICE_MODEL_SPIFFE_H

#include <stdbool.h>
#include <stddef.h>

/** spiffe_is_uri() - it has the scheme, in whatever case, so it claims to be one. */
bool spiffe_is_uri(const char *uri, size_t len);

/**
 * spiffe_parse() - the ID of a workload: a trust domain and a path, without port, query, fragment,
 * empty segments, "." and "..". *@ret_domain_len: bytes of the trust domain behind "spiffe://".
 * Returns: false when it is none.
 */
bool spiffe_parse(const char *uri, size_t len, size_t *ret_domain_len);

/** spiffe_is_domain() - a trust domain alone: lower case letters, digits, '.', '-' and '_'. */
bool spiffe_is_domain(const char *name, size_t len);

#define SPIFFE_SCHEME	  "spiffe://"
#define SPIFFE_DOMAIN_MAX 255  /* bytes */
#define SPIFFE_ID_MAX	  2048 /* bytes, of the whole URI */

#endif
