// SPDX-License-Identifier: Apache-2.0
/* A record is a byte with the kind, two with the length, as the machine has them, and the value. */
#include "model/identity.h"

#include "base/spiffe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEAD	   3
#define ROOM_FIRST 512 /* most certificates */

struct identity *identity_new(void)
{
	struct identity *identity = malloc(sizeof(*identity) + ROOM_FIRST);

	if (identity)
		*identity = (struct identity){.room = ROOM_FIRST};
	return identity;
}

void identity_free(struct identity *identity)
{
	free(identity);
}

static bool is_name(enum identity_kind kind)
{
	return kind <= IDENTITY_TRUST_DOMAIN;
}

static bool is_clean(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] < ' ' || bytes[i] == 0x7f)
			return false;
	}
	return true;
}

static bool is_usable(enum identity_kind kind, const void *bytes, size_t len)
{
	if (!bytes || len == 0 || len > IDENTITY_NAME_MAX)
		return false;
	if (kind == IDENTITY_IP)
		return len == 4 || len == 16;
	return !is_name(kind) || is_clean(bytes, len);
}

static int resize(struct identity **identity, size_t room)
{
	struct identity *moved = realloc(*identity, sizeof(*moved) + room);

	if (!moved)
		return -ENOMEM;
	moved->room = (uint16_t)room;
	*identity = moved;
	return 0;
}

int identity_add(struct identity **identity, enum identity_kind kind, const void *bytes, size_t len)
{
	struct identity *to = *identity;
	uint16_t short_len = (uint16_t)len;
	size_t used = (size_t)to->used + HEAD + len;
	bool counts = is_name(kind) || kind == IDENTITY_IP;

	if (!is_usable(kind, bytes, len) || (counts && to->n_names == IDENTITY_NAMES_MAX) ||
	    used > IDENTITY_BYTES_MAX) {
		to->unusable |= 1U << kind;
		return 0;
	}
	if (used > to->room) {
		int r = resize(identity, used + ROOM_FIRST);

		if (r < 0)
			return r;
		to = *identity;
	}
	to->records[to->used] = (unsigned char)kind;
	memcpy(to->records + to->used + 1, &short_len, sizeof(short_len));
	memcpy(to->records + to->used + HEAD, bytes, len);
	to->used = (uint16_t)used;
	to->n_names += counts;
	return 0;
}

/* Exactly one URI, a SPIFFE ID. Whoever claims to have one, but is no SVID, has an unusable one. */
static int add_trust_domain(struct identity **identity, bool svid_usage)
{
	bool one = svid_usage && !identity_is_unusable(*identity, IDENTITY_URI) &&
		   identity_count(*identity, IDENTITY_URI) == 1;
	bool claims = identity_is_unusable(*identity, IDENTITY_URI);
	char domain[SPIFFE_DOMAIN_MAX];
	struct identity_name name;
	const char *in_uri;
	size_t domain_len;

	for (size_t at = 0; identity_next(*identity, &at, &name);) {
		if (name.kind != IDENTITY_URI)
			continue;
		claims |= spiffe_is_claimed(name.bytes, name.len);
		if (!one || !spiffe_parse(name.bytes, name.len, &in_uri, &domain_len) ||
		    in_uri + domain_len == name.bytes + name.len) /* a workload has a path */
			continue;
		/* The bytes move with the identity. */
		memcpy(domain, in_uri, domain_len);
		return identity_add(identity, IDENTITY_TRUST_DOMAIN, domain, domain_len);
	}
	return claims ? identity_add(identity, IDENTITY_TRUST_DOMAIN, NULL, 0) : 0;
}

int identity_finish(struct identity **identity, bool svid_usage)
{
	int r = add_trust_domain(identity, svid_usage);

	return r < 0 ? r : resize(identity, (*identity)->used);
}

bool identity_is_unusable(const struct identity *identity, enum identity_kind kind)
{
	return identity->unusable >> kind & 1;
}

bool identity_next(const struct identity *identity, size_t *at, struct identity_name *ret_name)
{
	const unsigned char *record = identity->records + *at;
	uint16_t len;

	if (*at >= identity->used)
		return false;
	memcpy(&len, record + 1, sizeof(len));
	*ret_name = (struct identity_name){
		.kind = record[0], .len = len, .bytes = (const char *)record + HEAD};
	*at += HEAD + (size_t)len;
	return true;
}

bool identity_find(const struct identity *identity, enum identity_kind kind,
		   struct identity_name *ret_name)
{
	struct identity_name name;

	for (size_t at = 0; identity_next(identity, &at, &name);) {
		if (name.kind != kind)
			continue;
		*ret_name = name;
		return true;
	}
	return false;
}

size_t identity_count(const struct identity *identity, enum identity_kind kind)
{
	struct identity_name name;
	size_t count = 0;

	for (size_t at = 0; identity_next(identity, &at, &name);)
		count += name.kind == kind;
	return count;
}

bool identity_primary(const struct identity *identity, struct identity_name *ret_name)
{
	static const enum identity_kind shown[] = {IDENTITY_URI, IDENTITY_DNS, IDENTITY_CN,
						   IDENTITY_EMAIL};

	for (size_t i = 0; identity && i < sizeof(shown) / sizeof(shown[0]); i++) {
		if (identity_find(identity, shown[i], ret_name))
			return true;
	}
	return false;
}
