// SPDX-License-Identifier: Apache-2.0
/*
 * A cursor walks over the message where it lies, stepping over the headers of records, so that
 * nothing is joined or copied but the name. Every function that reads returns false where it cannot
 * go on, and cursor.result says why; `left` is what remains of the structure that is being read.
 */
#include "model/clienthello.h"

#include <stdbool.h>
#include <string.h>

enum { RECORD_HANDSHAKE = 22, RECORD_HEADER_BYTES = 5, RECORD_FRAGMENT_MAX = 16384 };
enum { VERSION_MAJOR = 3 }; /* of SSL 3 and of every TLS */
enum { MESSAGE_CLIENT_HELLO = 1, MESSAGE_HEADER_BYTES = 4 };
enum { RANDOM_BYTES = 32, SESSION_ID_MAX = 32 };
enum { EXTENSION_SERVER_NAME = 0, NAME_TYPE_HOST = 0 };

#define NO_TLS	    "this is no TLS handshake"
#define BAD_LENGTHS "the lengths in the hello do not add up"
#define BAD_NAME    "the server name is none"

struct cursor {
	const uint8_t *at, *end;
	size_t wire_bytes;    /* passed or asked for */
	size_t fragment_left; /* of the record that `at` is in */
	enum clienthello_result result;
	struct clienthello *hello;
};

static bool malformed(struct cursor *cursor, const char *problem)
{
	cursor->result = CLIENTHELLO_BAD;
	cursor->hello->problem = problem;
	return false;
}

/* @n bytes of the wire. Returns: NULL when they are not there. */
static const uint8_t *wire(struct cursor *cursor, size_t n)
{
	const uint8_t *bytes = cursor->at;

	cursor->wire_bytes += n;
	if (cursor->wire_bytes > CLIENTHELLO_WIRE_MAX) {
		malformed(cursor, "the hello is in too many records");
		return NULL;
	}
	if (n > (size_t)(cursor->end - bytes)) {
		cursor->result = CLIENTHELLO_MORE;
		return NULL;
	}
	cursor->at += n;
	return bytes;
}

/* The first bytes of a stranger are told apart early: who talks another protocol may wait for us. */
static bool next_record(struct cursor *cursor)
{
	const uint8_t *type = wire(cursor, 1);
	const uint8_t *version, *length;

	if (type && *type != RECORD_HANDSHAKE)
		return malformed(cursor, NO_TLS);
	version = type ? wire(cursor, 2) : NULL;
	if (version && version[0] != VERSION_MAJOR)
		return malformed(cursor, NO_TLS);
	length = version ? wire(cursor, 2) : NULL;
	if (!length)
		return false;
	cursor->fragment_left = (size_t)length[0] << 8 | length[1];
	if (cursor->fragment_left == 0 || cursor->fragment_left > RECORD_FRAGMENT_MAX)
		return malformed(cursor, "a record of the hello has an impossible length");
	return true;
}

/* The next @n bytes of the message, which have to be within @left. @to: NULL skips them. */
static bool take(struct cursor *cursor, size_t *left, size_t n, uint8_t *to)
{
	if (n > *left)
		return malformed(cursor, BAD_LENGTHS);
	*left -= n;
	while (n > 0) {
		const uint8_t *bytes;
		size_t part;

		if (cursor->fragment_left == 0 && !next_record(cursor))
			return false;
		part = n < cursor->fragment_left ? n : cursor->fragment_left;
		bytes = wire(cursor, part);
		if (!bytes)
			return false;
		if (to) {
			memcpy(to, bytes, part);
			to += part;
		}
		cursor->fragment_left -= part;
		n -= part;
	}
	return true;
}

static bool take_number(struct cursor *cursor, size_t *left, size_t n_bytes, size_t *ret_number)
{
	uint8_t bytes[4];

	if (!take(cursor, left, n_bytes, bytes))
		return false;
	*ret_number = 0;
	for (size_t i = 0; i < n_bytes; i++)
		*ret_number = *ret_number << 8 | bytes[i];
	return true;
}

/* A list that nobody looks into: its length in bytes, then so many. */
struct opaque {
	size_t length_bytes, entry_bytes, least, most;
};

static bool skip_opaque(struct cursor *cursor, size_t *left, const struct opaque *list)
{
	size_t len;

	if (!take_number(cursor, left, list->length_bytes, &len))
		return false;
	if (len < list->least || len > list->most || len % list->entry_bytes != 0)
		return malformed(cursor, BAD_LENGTHS);
	return take(cursor, left, len, NULL);
}

static bool check_name(struct cursor *cursor, size_t len)
{
	char *name = cursor->hello->sni;

	for (size_t i = 0; i < len; i++) {
		if (name[i] <= ' ' || name[i] > '~')
			return malformed(cursor, BAD_NAME);
	}
	/* A final dot is against RFC 6066 3, and harmless: the name is the same. */
	if (name[len - 1] == '.')
		len--;
	name[len] = '\0';
	return len > 0 || malformed(cursor, BAD_NAME);
}

/*
 * RFC 6066 3 allows other types of names in the list. There are none, and OpenSSL takes exactly one
 * host_name as well.
 */
static bool take_server_name(struct cursor *cursor, size_t left)
{
	size_t list, type, len;

	if (cursor->hello->sni[0])
		return malformed(cursor, "the hello has two server names");
	if (!take_number(cursor, &left, 2, &list) || !take_number(cursor, &left, 1, &type) ||
	    !take_number(cursor, &left, 2, &len))
		return false;
	if (list != len + 3 || left != len)
		return malformed(cursor, "the hello has two server names, or a broken one");
	if (type != NAME_TYPE_HOST || len == 0 || len > CLIENTHELLO_SNI_MAX)
		return malformed(cursor, BAD_NAME);
	return take(cursor, &left, len, (uint8_t *)cursor->hello->sni) && check_name(cursor, len);
}

static bool take_extensions(struct cursor *cursor, size_t left)
{
	size_t total, type, len;

	if (!take_number(cursor, &left, 2, &total))
		return false;
	if (total != left)
		return malformed(cursor, BAD_LENGTHS);
	while (left > 0) {
		if (!take_number(cursor, &left, 2, &type) || !take_number(cursor, &left, 2, &len))
			return false;
		if (type == EXTENSION_SERVER_NAME && len <= left) {
			if (!take_server_name(cursor, len))
				return false;
			left -= len;
		} else if (!take(cursor, &left, len, NULL)) {
			return false;
		}
	}
	return true;
}

static bool take_body(struct cursor *cursor, size_t left)
{
	static const struct opaque session_id = {1, 1, 0, SESSION_ID_MAX};
	static const struct opaque cipher_suites = {2, 2, 2, UINT16_MAX};
	static const struct opaque compression_methods = {1, 1, 1, UINT8_MAX};
	size_t major;

	if (!take_number(cursor, &left, 1, &major))
		return false;
	if (major != VERSION_MAJOR)
		return malformed(cursor, NO_TLS);
	if (!take(cursor, &left, 1 + RANDOM_BYTES, NULL) ||
	    !skip_opaque(cursor, &left, &session_id) ||
	    !skip_opaque(cursor, &left, &cipher_suites) ||
	    !skip_opaque(cursor, &left, &compression_methods))
		return false;
	/* Without extensions it ends here (TLS 1.2 and before). */
	return left == 0 || take_extensions(cursor, left);
}

static bool take_message(struct cursor *cursor)
{
	size_t header = MESSAGE_HEADER_BYTES;
	size_t type, len;

	if (!take_number(cursor, &header, 1, &type))
		return false;
	if (type != MESSAGE_CLIENT_HELLO)
		return malformed(cursor, NO_TLS);
	if (!take_number(cursor, &header, 3, &len))
		return false;
	if (len > CLIENTHELLO_BYTES_MAX - MESSAGE_HEADER_BYTES)
		return malformed(cursor, "the hello is longer than 16 KiB");
	return take_body(cursor, len);
}

enum clienthello_result clienthello_parse(const void *bytes, size_t len,
					  struct clienthello *ret_hello)
{
	struct cursor cursor = {.at = bytes, .hello = ret_hello, .result = CLIENTHELLO_DONE};

	cursor.end = cursor.at + len;
	*ret_hello = (struct clienthello){};
	(void)take_message(&cursor);
	return cursor.result;
}
