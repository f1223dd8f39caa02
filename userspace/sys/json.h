/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON documents, written and read. Wraps jansson.
 *
 * One root owns its whole tree; only the root is freed. Everything that json_add_object(),
 * json_get_…() and json_at() give is borrowed from that root.
 *
 * Adding never fails visibly: what memory does not suffice for is left out, and every function
 * takes NULL for "not there" (adding to it does nothing, reading from it finds nothing).
 */
#ifndef SLUICE_SYS_JSON_H
#define SLUICE_SYS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;

/** A new root. Returns: NULL when memory is out. */
struct json *json_new_object(void);
struct json *json_new_array(void);

/** json_free() - free a root and all below it; NULL is fine. */
void json_free(struct json *root);

static inline void json_free_at(struct json **root)
{
	json_free(*root);
	*root = NULL;
}

/** struct json _cleanup_json_ *j = NULL: freed when the scope ends, unless json_take()n. */
#define _cleanup_json_ __attribute__((cleanup(json_free_at)))

static inline struct json *json_take(struct json **root)
{
	struct json *taken = *root;

	*root = NULL;
	return taken;
}

/*
 * Members of an object; an existing @key is replaced. Text may come from a stranger: NUL and what
 * is not UTF-8 become U+FFFD. A NULL @value is null.
 */
void json_add_str(struct json *object, const char *key, const char *value);
void json_add_bytes(struct json *object, const char *key, const void *value, size_t len);
void json_add_u64(struct json *object, const char *key, uint64_t value); /* up to 2^63 - 1 */
void json_add_i64(struct json *object, const char *key, int64_t value);
void json_add_bool(struct json *object, const char *key, bool value);
void json_add_null(struct json *object, const char *key);
struct json *json_add_object(struct json *object, const char *key);
struct json *json_add_array(struct json *object, const char *key);

/** json_add_take() - put the root @value under @key; it belongs to @object from now on. */
void json_add_take(struct json *object, const char *key, struct json *value);

/* Elements at the end of an array. */
void json_append_str(struct json *array, const char *value);
void json_append_u64(struct json *array, uint64_t value);
struct json *json_append_object(struct json *array);
void json_append_take(struct json *array, struct json *value);

/** json_parse() - read one document of @len bytes. Returns: 0, -EINVAL (not JSON), -ENOMEM. */
int json_parse(const char *text, size_t len, struct json **ret_root);

/** json_get_str() - text of member @key; @otherwise when it is absent or not text. */
const char *json_get_str(const struct json *object, const char *key, const char *otherwise);
/** json_get_u64() - number of member @key; @otherwise when absent, not a number or negative. */
uint64_t json_get_u64(const struct json *object, const char *key, uint64_t otherwise);
int64_t json_get_i64(const struct json *object, const char *key, int64_t otherwise);
bool json_get_bool(const struct json *object, const char *key, bool otherwise);
/** json_get_object(), json_get_array() - NULL when absent or of another type. */
struct json *json_get_object(const struct json *object, const char *key);
struct json *json_get_array(const struct json *object, const char *key);

/** json_count() - elements of an array, members of an object, 0 for all else. */
size_t json_count(const struct json *json);
/** json_at() - element @index of an array; NULL behind its end. */
struct json *json_at(const struct json *array, size_t index);

/** json_each_u64() - call @each for every member of @object that is a number, in order. */
void json_each_u64(const struct json *object,
		   void (*each)(void *arg, const char *key, uint64_t value), void *arg);

enum json_layout { JSON_ONE_LINE, JSON_INDENTED };

/** json_text() - the document without a newline at its end; freed by the caller. NULL: no memory. */
char *json_text(const struct json *root, enum json_layout layout);

/** json_write_fd() - document and newline to @fd, all of it. Returns: 0, -ENOMEM, write's errno. */
int json_write_fd(const struct json *root, int fd, enum json_layout layout);

#endif
