// SPDX-License-Identifier: Apache-2.0
#include "model/ticket_keys.h"

#include "base/hex.h"
#include "base/secret.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define HEX_64 128 /* characters of 64 bytes */
#define HEX_80 160

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* @bits of each character; what is left of the last byte must be zero. */
static int decode(const char *text, size_t len, unsigned int bits, int (*value_of)(char c),
		  struct ticket_key *key)
{
	unsigned int pending = 0, n_pending = 0;

	for (size_t i = 0; i < len; i++) {
		int value = value_of(text[i]);

		if (value < 0)
			return -EINVAL;
		pending = pending << bits | (unsigned int)value;
		n_pending += bits;
		if (n_pending < 8)
			continue;
		n_pending -= 8;
		if (key->len == TICKET_KEY_MAX_BYTES)
			return -ERANGE;
		key->bytes[key->len++] = (uint8_t)(pending >> n_pending);
		pending &= (1U << n_pending) - 1;
	}
	return pending == 0 ? 0 : -EINVAL;
}

static int decode_base64(const char *text, size_t len, struct ticket_key *key)
{
	size_t padding = 0;

	while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
		padding++;
	if (padding > 0 && len % 4 != 0)
		return -EINVAL;
	return decode(text, len - padding, 6, base64_value, key);
}

/* Base64 of either length has 86 to 108 characters, hex more: so it is clear which one it is. */
static bool is_hex(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (hex_value(text[i]) < 0)
			return false;
	}
	return len == HEX_64 || len == HEX_80;
}

static int parse_key(const char *text, size_t len, struct ticket_key *key)
{
	int r = is_hex(text, len) ? decode(text, len, 4, hex_value, key)
				  : decode_base64(text, len, key);

	if (r < 0)
		return r;
	return key->len == 64 || key->len == TICKET_KEY_MAX_BYTES ? 0 : -ERANGE;
}

static bool is_known(const struct ticket_keys *keys, const struct ticket_key *key)
{
	for (size_t i = 0; i < keys->n; i++) {
		if (keys->list[i].len == key->len &&
		    memcmp(keys->list[i].bytes, key->bytes, key->len) == 0)
			return true;
	}
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int parse_line(const char *line, size_t len, struct ticket_keys *keys)
{
	struct ticket_key key = {};
	int r;

	for (; len > 0 && is_blank(line[0]); len--)
		line++;
	while (len > 0 && is_blank(line[len - 1]))
		len--;
	if (len == 0 || line[0] == '#')
		return 0;
	r = parse_key(line, len, &key);
	if (r == 0 && keys->n == TICKET_KEYS_MAX)
		r = -E2BIG;
	if (r == 0 && is_known(keys, &key))
		r = -EEXIST;
	if (r == 0)
		keys->list[keys->n++] = key;
	secret_wipe_mem(&key, sizeof(key));
	return r;
}

int ticket_keys_parse(const char *text, size_t len, struct ticket_keys *ret_keys,
		      unsigned int *ret_line)
{
	const char *end = text + len;
	int r = 0;

	*ret_keys = (struct ticket_keys){};
	*ret_line = 0;
	while (r == 0 && text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline ? newline : end;

		++*ret_line;
		r = parse_line(text, (size_t)(line_end - text), ret_keys);
		text = newline ? newline + 1 : end;
	}
	if (r == 0 && ret_keys->n == 0)
		r = -ENODATA;
	if (r < 0)
		ticket_keys_wipe(ret_keys);
	return r;
}

void ticket_keys_wipe(struct ticket_keys *keys)
{
	secret_wipe_mem(keys, sizeof(*keys));
}
