/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a verified peer is: typed values with explicit lengths, as the bytes in the certificate.
 * Never a printed distinguished name: those can be forged with separators and escapes.
 *
 * One allocation, of which a session keeps one, so that the policy can be asked again. What cannot be
 * used (a NUL or control byte in a name, an extension that cannot be read, more than fits) is not kept,
 * but remembered by kind: a rule that looks at that kind cannot be decided (model/match).
 */
#ifndef SLUICE_MODEL_IDENTITY_H
#define SLUICE_MODEL_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum identity_kind {
	/* Names, as UTF-8 or ASCII. */
	IDENTITY_CN,
	IDENTITY_O,
	IDENTITY_OU,
	IDENTITY_DNS,
	IDENTITY_URI,
	IDENTITY_EMAIL,
	IDENTITY_TRUST_DOMAIN, /* of a valid X.509-SVID; there is one, or none */
	/* Bytes. */
	IDENTITY_IP,	  /* 4 or 16 */
	IDENTITY_SUBJECT, /* canonical DER, see sys/tls_name */
	IDENTITY_ISSUER,
	IDENTITY_SERIAL, /* magnitude without leading zeros */
	IDENTITY_CERT_SHA256,
	IDENTITY_SPKI_SHA256,
	IDENTITY_KINDS
};

struct identity {
	int64_t not_before, not_after; /* seconds since 1970 */
	uint32_t unusable;	       /* one bit for each kind */
	uint16_t n_names;	       /* of those that have a limit: names and addresses */
	uint16_t used, room;	       /* bytes of records */
	unsigned char records[];
};

/** One value, borrowed from its identity. */
struct identity_name {
	enum identity_kind kind;
	size_t len;
	const char *bytes; /* not NUL-terminated */
};

#define IDENTITY_NAMES_MAX 64	/* a certificate with more names is somebody's experiment */
#define IDENTITY_NAME_MAX  2048 /* bytes; the SPIFFE limit for a URI */
#define IDENTITY_BYTES_MAX 8192 /* of all values: what a session may cost */

/** identity_new() - nobody yet. Returns: NULL without memory. */
struct identity *identity_new(void);
void identity_free(struct identity *identity);

static inline void identity_free_at(struct identity **identity)
{
	identity_free(*identity);
	*identity = NULL;
}
#define _cleanup_identity_ __attribute__((cleanup(identity_free_at)))

/**
 * identity_add() - a value, copied; *@identity may move. One that cannot be used marks its kind: a name
 * that is empty, longer than IDENTITY_NAME_MAX or with a NUL or control byte, one too many, and
 * @bytes NULL (there is one, and nobody can read it).
 * Returns: 0, -ENOMEM.
 */
int identity_add(struct identity **identity, enum identity_kind kind, const void *bytes,
		 size_t len);

/**
 * identity_finish() - behind the last value: the trust domain, and no spare memory.
 * @svid_usage: its basic constraints and key usage are those of an X.509-SVID for a workload.
 * Returns: 0, -ENOMEM.
 */
int identity_finish(struct identity **identity, bool svid_usage);

/** identity_is_unusable() - the certificate has a value of that kind that was not kept. */
bool identity_is_unusable(const struct identity *identity, enum identity_kind kind);

/** identity_next() - the value behind *@at, which is 0 for the first one. Returns: false at the end. */
bool identity_next(const struct identity *identity, size_t *at, struct identity_name *ret_name);

/** identity_find() - the first one of @kind. Returns: false when there is none. */
bool identity_find(const struct identity *identity, enum identity_kind kind,
		   struct identity_name *ret_name);

/** identity_count() - number of usable values of @kind. */
size_t identity_count(const struct identity *identity, enum identity_kind kind);

/**
 * identity_primary() - the name to show for a peer: URI, else DNS, CN, email. @identity may be NULL.
 * Returns: false when there is none.
 */
bool identity_primary(const struct identity *identity, struct identity_name *ret_name);

#endif
