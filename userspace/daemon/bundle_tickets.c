// SPDX-License-Identifier: Apache-2.0
/* Keys for tickets: of a file, or random ones where nobody has written any down. */
#include "daemon/bundle_internal.h"

#include "base/lockmem.h"
#include "base/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define RANDOM_BYTES 64

static int add_random_keys(struct bundle *bundle)
{
	uint8_t random[RANDOM_BYTES];
	size_t len = 2 * sizeof(random);
	char *text;

	if (bundle_items_find(&bundle->secrets, BUNDLE_RANDOM_KEYS))
		return 0;
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	text = lockmem_new(len + 1);
	for (size_t i = 0; text && i < sizeof(random); i++)
		(void)snprintf(text + 2 * i, 3, "%02x", random[i]);
	secret_wipe_mem(random, sizeof(random));
	return text ? bundle_items_add(&bundle->secrets, BUNDLE_RANDOM_KEYS, text, len, 0)
		    : -ENOMEM;
}

int bundle_tickets_collect(struct bundle *bundle, struct report *report)
{
	const struct confile_root *root = confile_root(bundle->confile);
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < root->n_listeners; i++) {
		const struct confile_tls *tls = root->listeners[i].tls;
		char field[CONFILE_FIELD_MAX];

		if (!tls || !tls->resumption || strcmp(tls->resumption, "tickets") != 0)
			continue;
		snprintf(field, sizeof(field), "listeners[%u].tls.ticket_keys", i);
		r = tls->ticket_keys ? bundle_collect(bundle, report, bundle->confile, field,
						      tls->ticket_keys, BUNDLE_FILE)
				     : add_random_keys(bundle);
	}
	return r;
}

static struct bundle_item *random_keys_of(struct bundle *bundle)
{
	for (size_t i = 0; i < bundle->secrets.count; i++) {
		if (strcmp(bundle->secrets.list[i].name, BUNDLE_RANDOM_KEYS) == 0)
			return &bundle->secrets.list[i];
	}
	return NULL;
}

int bundle_keep_random_keys(struct bundle *bundle, int before_fd)
{
	struct bundle_item *mine = random_keys_of(bundle), *old = NULL, swap;
	struct bundle *before = NULL;
	int r;

	if (!mine || before_fd < 0)
		return 0;
	r = bundle_from_fd(before_fd, &before);
	if (r < 0)
		return r;
	old = random_keys_of(before);
	if (old) {
		swap = *mine;
		*mine = *old;
		*old = swap;
	}
	bundle_free(before);
	return 0;
}
