/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of ticket keys that the hosts of a fleet share: a key a line, 64 or 80 random bytes in
 * base64 or hex. Blank lines and lines that begin with # count for nothing. The first key seals new
 * tickets, all of them open old ones, so a new key goes to the end first, and to the top when every
 * host has it.
 */
#ifndef SLUICE_MODEL_TICKET_KEYS_H
#define SLUICE_MODEL_TICKET_KEYS_H

#include <stddef.h>
#include <stdint.h>

#define TICKET_KEYS_MAX	     16
#define TICKET_KEY_MAX_BYTES 80

struct ticket_key {
	uint8_t bytes[TICKET_KEY_MAX_BYTES];
	size_t len;
};

struct ticket_keys {
	struct ticket_key list[TICKET_KEYS_MAX];
	size_t n;
};

/**
 * ticket_keys_parse() - @ret_line: on a mistake its line, from 1.
 * Returns: 0; -ENODATA (no key); -EINVAL (neither base64 nor hex); -ERANGE (another length); -EEXIST
 *          (a key stands twice); -E2BIG (more than TICKET_KEYS_MAX). Then no key is left in @ret_keys.
 */
int ticket_keys_parse(const char *text, size_t len, struct ticket_keys *ret_keys,
		      unsigned int *ret_line);

/** ticket_keys_wipe() - struct ticket_keys _cleanup_ticket_keys_ keys: when the scope ends. */
void ticket_keys_wipe(struct ticket_keys *keys);
#define _cleanup_ticket_keys_ __attribute__((cleanup(ticket_keys_wipe)))

#endif
