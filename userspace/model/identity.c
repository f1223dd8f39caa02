// SPDX-License-Identifier: Apache-2.0
#include "model/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_clean(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] < ' ' || bytes[i] == 0x7f)
			return false;
	}
	return true;
}

int identity_add(struct identity *identity, enum identity_kind kind, const void *bytes, size_t len)
{
	struct identity_name *name;
	struct identity_name **grown;

	if (len == 0 || len > IDENTITY_NAME_MAX || !is_clean(bytes, len))
		return -EINVAL;
	if (identity->n_names == IDENTITY_NAMES_MAX)
		return -E2BIG;
	grown = reallocarray(identity->names, identity->n_names + 1,
			     sizeof(struct identity_name *));
	if (!grown)
		return -ENOMEM;
	identity->names = grown;
	name = malloc(sizeof(*name) + len);
	if (!name)
		return -ENOMEM;
	name->kind = kind;
	name->len = len;
	memcpy(name->bytes, bytes, len);
	identity->names[identity->n_names++] = name;
	return 0;
}

void identity_done(struct identity *identity)
{
	for (size_t i = 0; i < identity->n_names; i++)
		free(identity->names[i]);
	free(identity->names);
	*identity = (struct identity){};
}

const struct identity_name *identity_primary(const struct identity *identity)
{
	const struct identity_name *best = NULL;

	for (size_t i = 0; i < identity->n_names; i++) {
		if (!best || identity->names[i]->kind > best->kind)
			best = identity->names[i];
	}
	return best;
}

size_t identity_count(const struct identity *identity, enum identity_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < identity->n_names; i++)
		count += identity->names[i]->kind == kind;
	return count;
}
