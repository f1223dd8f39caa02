/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a verified peer is: typed names with explicit lengths, as the bytes in the certificate.
 * Never a printed distinguished name: those can be forged with separators and escapes.
 */
#ifndef SLUICE_MODEL_IDENTITY_H
#define SLUICE_MODEL_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum identity_kind { IDENTITY_CN, IDENTITY_DNS, IDENTITY_URI };

struct identity_name {
	enum identity_kind kind;
	size_t len;
	char bytes[]; /* not NUL-terminated */
};

struct identity {
	struct identity_name **names; /* owned */
	uint32_t n_names;
	bool has_certificate;
};

#define IDENTITY_NAMES_MAX 64	/* a certificate with more names is somebody's experiment */
#define IDENTITY_NAME_MAX  2048 /* bytes; the SPIFFE limit for a URI */

/**
 * identity_add() - append a name, copied.
 * Returns: 0; -ENOMEM; -EINVAL for a name that is empty, too long, or has a NUL or control byte;
 *          -E2BIG for more than IDENTITY_NAMES_MAX.
 */
int identity_add(struct identity *identity, enum identity_kind kind, const void *bytes, size_t len);
void identity_done(struct identity *identity);

/** identity_primary() - the name to show for a peer: URI, else DNS, else CN; NULL when none. */
const struct identity_name *identity_primary(const struct identity *identity);

/** identity_count() - number of names of @kind. */
size_t identity_count(const struct identity *identity, enum identity_kind kind);

#endif
