/* SPDX-License-Identifier: Apache-2.0 */
/* How a SPIFFE ID is written (SPIFFE-ID standard, section 2). */
#ifndef SLUICE_BASE_SPIFFE_H
#define SLUICE_BASE_SPIFFE_H

#include <stdbool.h>
#include <stddef.h>

#define SPIFFE_ID_MAX	  2048 /* bytes */
#define SPIFFE_DOMAIN_MAX 255

/** spiffe_is_claimed() - a URI of this scheme, in whatever case and however it goes on. */
bool spiffe_is_claimed(const char *uri, size_t len);

/**
 * spiffe_parse() - is @uri a SPIFFE ID, byte for byte as the standard wants it?
 * *@ret_domain points into it. The path may be empty. Returns: true when it is one.
 */
bool spiffe_parse(const char *uri, size_t len, const char **ret_domain, size_t *ret_domain_len);

/** spiffe_is_domain() - can it be the name of a trust domain? */
bool spiffe_is_domain(const char *name, size_t len);

#endif
