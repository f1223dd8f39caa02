// SPDX-License-Identifier: Apache-2.0
#include "sys/json.h"

#include "base/fd.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

/* struct json is never defined: it is jansson's json_t under a name of ours. */
static json_t *inner(const struct json *json)
{
	union {
		const struct json *ours;
		json_t *theirs;
	} u = {.ours = json};

	return u.theirs;
}

static struct json *outer(json_t *json)
{
	return (struct json *)(void *)json;
}

struct json *json_new_object(void)
{
	return outer(json_object());
}

struct json *json_new_array(void)
{
	return outer(json_array());
}

void json_free(struct json *root)
{
	json_decref(inner(root));
}

/*
 * Length of the well-formed UTF-8 character at @s (Unicode 15, table 3-7), 0 when there is none.
 * The second byte's range depends on the first: no overlong form, no surrogate, none past 10FFFF.
 */
static size_t utf8_char(const uint8_t *s, size_t len)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t need;

	if (s[0] < 0x80)
		return s[0] != 0;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	need = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (len < need || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++) {
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	}
	return need;
}

static json_t *text_of_bytes(const void *bytes, size_t len)
{
	static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
	const uint8_t *in = bytes;
	char _cleanup_free_ *out = NULL;
	size_t used = 0;

	if (len > SIZE_MAX / 3)
		return NULL;
	out = malloc(len * 3 + 1);
	if (!out)
		return NULL;
	for (size_t i = 0; i < len;) {
		size_t n = utf8_char(in + i, len - i);

		memcpy(out + used, n ? (const void *)(in + i) : replacement, n ? n : 3);
		used += n ? n : 3;
		i += n ? n : 1;
	}
	return json_stringn_nocheck(out, used);
}

static json_t *text_of(const char *value)
{
	return value ? text_of_bytes(value, strlen(value)) : json_null();
}

/* Keys are ours or, in a parsed document, already UTF-8. Steals @value in every case. */
static void add(struct json *object, const char *key, json_t *value)
{
	(void)json_object_set_new(inner(object), key, value);
}

void json_add_str(struct json *object, const char *key, const char *value)
{
	add(object, key, text_of(value));
}

void json_add_bytes(struct json *object, const char *key, const void *value, size_t len)
{
	add(object, key, text_of_bytes(value, len));
}

void json_add_u64(struct json *object, const char *key, uint64_t value)
{
	add(object, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

void json_add_i64(struct json *object, const char *key, int64_t value)
{
	add(object, key, json_integer(value));
}

void json_add_bool(struct json *object, const char *key, bool value)
{
	add(object, key, json_boolean(value));
}

void json_add_null(struct json *object, const char *key)
{
	add(object, key, json_null());
}

/* The tree keeps the child alive; the caller only borrows it. */
static struct json *add_child(struct json *object, const char *key, json_t *child)
{
	return json_object_set_new(inner(object), key, child) == 0 ? outer(child) : NULL;
}

struct json *json_add_object(struct json *object, const char *key)
{
	return add_child(object, key, json_object());
}

struct json *json_add_array(struct json *object, const char *key)
{
	return add_child(object, key, json_array());
}

void json_add_take(struct json *object, const char *key, struct json *value)
{
	add(object, key, inner(value));
}

void json_append_str(struct json *array, const char *value)
{
	(void)json_array_append_new(inner(array), text_of(value));
}

void json_append_u64(struct json *array, uint64_t value)
{
	(void)json_array_append_new(
		inner(array), json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

struct json *json_append_object(struct json *array)
{
	json_t *child = json_object();

	return json_array_append_new(inner(array), child) == 0 ? outer(child) : NULL;
}

void json_append_take(struct json *array, struct json *value)
{
	(void)json_array_append_new(inner(array), inner(value));
}

int json_parse(const char *text, size_t len, struct json **ret_root)
{
	json_error_t error;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	if (!root)
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EINVAL;
	*ret_root = outer(root);
	return 0;
}

const char *json_get_str(const struct json *object, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(inner(object), key));

	return text ? text : otherwise;
}

uint64_t json_get_u64(const struct json *object, const char *key, uint64_t otherwise)
{
	const json_t *value = json_object_get(inner(object), key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return otherwise;
	return (uint64_t)json_integer_value(value);
}

int64_t json_get_i64(const struct json *object, const char *key, int64_t otherwise)
{
	const json_t *value = json_object_get(inner(object), key);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool json_get_bool(const struct json *object, const char *key, bool otherwise)
{
	const json_t *value = json_object_get(inner(object), key);

	return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

struct json *json_get_object(const struct json *object, const char *key)
{
	json_t *value = json_object_get(inner(object), key);

	return json_is_object(value) ? outer(value) : NULL;
}

struct json *json_get_array(const struct json *object, const char *key)
{
	json_t *value = json_object_get(inner(object), key);

	return json_is_array(value) ? outer(value) : NULL;
}

size_t json_count(const struct json *json)
{
	return json_is_array(inner(json)) ? json_array_size(inner(json))
					  : json_object_size(inner(json));
}

struct json *json_at(const struct json *array, size_t index)
{
	return outer(json_array_get(inner(array), index));
}

void json_each_u64(const struct json *object,
		   void (*each)(void *arg, const char *key, uint64_t value), void *arg)
{
	const char *key;
	json_t *value;

	if (!object)
		return;
	json_object_foreach(inner(object), key, value)
	{
		if (json_is_integer(value) && json_integer_value(value) >= 0)
			each(arg, key, (uint64_t)json_integer_value(value));
	}
}

char *json_text(const struct json *root, enum json_layout layout)
{
	return json_dumps(inner(root), layout == JSON_INDENTED ? JSON_INDENT(2) : JSON_COMPACT);
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int json_write_fd(const struct json *root, int fd, enum json_layout layout)
{
	char _cleanup_free_ *text = json_text(root, layout);
	size_t len;

	if (!text)
		return -ENOMEM;
	len = strlen(text);
	text[len] = '\n'; /* in place of the NUL */
	return write_all(fd, text, len + 1);
}
