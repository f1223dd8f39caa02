// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "base/fd.h"
#include "sys/json.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

SUITE("json");

struct text_case {
	VARIANT;
	const char *bytes;
	size_t len;
	const char *json; /* {"k":…} */
};

#define BYTES(literal) .bytes = (literal), .len = sizeof(literal) - 1
#define BAD	       "\xef\xbf\xbd"

CASES(struct text_case, texts, {.name = "ascii", BYTES("a/b"), .json = "\"a/b\""},
      {.name = "escaped", BYTES("\"\n\\"), .json = "\"\\\"\\n\\\\\""},
      {.name = "empty", BYTES(""), .json = "\"\""},
      {.name = "two_bytes", BYTES("\xc3\xa9"), .json = "\"\xc3\xa9\""},
      {.name = "three_bytes", BYTES("\xe2\x82\xac"), .json = "\"\xe2\x82\xac\""},
      {.name = "four_bytes", BYTES("\xf0\x9f\x98\x80"), .json = "\"\xf0\x9f\x98\x80\""},
      {.name = "lone_continuation", BYTES("a\x80z"), .json = "\"a" BAD "z\""},
      {.name = "cut_at_the_end", BYTES("\xe2\x82"), .json = "\"" BAD BAD "\""},
      {.name = "cut_in_the_middle", BYTES("\xe2\x82z"), .json = "\"" BAD BAD "z\""},
      {.name = "overlong_slash", BYTES("\xc0\xaf"), .json = "\"" BAD BAD "\""},
      {.name = "overlong_three", BYTES("\xe0\x80\xaf"), .json = "\"" BAD BAD BAD "\""},
      {.name = "surrogate", BYTES("\xed\xa0\x80"), .json = "\"" BAD BAD BAD "\""},
      {.name = "past_the_last", BYTES("\xf4\x90\x80\x80"), .json = "\"" BAD BAD BAD BAD "\""},
      {.name = "ff", BYTES("\xff"), .json = "\"" BAD "\""},
      {.name = "nul", BYTES("a\0b"), .json = "\"a" BAD "b\""});

TEST_CASES(bytes_of_a_stranger_become_valid_text, texts)
{
	struct json _cleanup_json_ *root = json_new_object();
	struct json _cleanup_json_ *again = NULL;
	char _cleanup_free_ *text = NULL;
	char want[128];

	json_add_bytes(root, "k", variant->bytes, variant->len);
	text = json_text(root, JSON_ONE_LINE);
	(void)snprintf(want, sizeof(want), "{\"k\":%s}", variant->json);
	MUST_STR(text, want);
	CHECK_EQ(json_parse(text, strlen(text), &again), 0);
}

TEST(a_document_is_read_back_as_written)
{
	struct json _cleanup_json_ *root = json_new_object();
	struct json _cleanup_json_ *again = NULL;
	char _cleanup_free_ *text = NULL;
	struct json *array, *inner;

	json_add_str(root, "text", "one");
	json_add_str(root, "nothing", NULL);
	json_add_u64(root, "number", UINT64_C(1) << 62);
	json_add_u64(root, "too_big", UINT64_MAX);
	json_add_i64(root, "negative", -5);
	json_add_bool(root, "yes", true);
	array = json_add_array(root, "array");
	json_append_u64(array, 7);
	json_append_str(array, "eight");
	inner = json_append_object(array);
	json_add_u64(inner, "nine", 9);
	text = json_text(root, JSON_INDENTED);
	MUST(text);
	MUST_EQ(json_parse(text, strlen(text), &again), 0);

	CHECK_STR(json_get_str(again, "text", "?"), "one");
	CHECK_STR(json_get_str(again, "nothing", "?"), "?");
	CHECK_STR(json_get_str(again, "number", "?"), "?");
	CHECK_EQ(json_get_u64(again, "number", 0), 1LL << 62);
	CHECK_EQ(json_get_u64(again, "too_big", 0), INT64_MAX);
	CHECK_EQ(json_get_u64(again, "negative", 3), 3);
	CHECK_EQ(json_get_u64(again, "text", 3), 3);
	CHECK(json_get_bool(again, "yes", false));
	CHECK(json_get_bool(again, "absent", true));
	CHECK(!json_get_object(again, "array"));
	CHECK_EQ(json_count(json_get_array(again, "array")), 3);
	CHECK_EQ(json_get_u64(json_at(json_get_array(again, "array"), 2), "nine", 0), 9);
	CHECK(!json_at(json_get_array(again, "array"), 3));
}

TEST(null_is_nothing_everywhere)
{
	json_add_str(NULL, "k", "v");
	json_add_take(NULL, "k", json_new_object()); /* freed, or the leak check reports it */
	json_append_take(NULL, json_new_array());
	CHECK(!json_add_object(NULL, "k"));
	CHECK(!json_append_object(NULL));
	CHECK_STR(json_get_str(NULL, "k", "none"), "none");
	CHECK(!json_get_object(NULL, "k"));
	CHECK_EQ(json_count(NULL), 0);
	CHECK(!json_text(NULL, JSON_ONE_LINE));
	json_each_u64(NULL, NULL, NULL);
	json_free(NULL);
}

struct bad_case {
	VARIANT;
	const char *text;
};

CASES(struct bad_case, bad_documents, {.name = "empty", .text = ""},
      {.name = "cut", .text = "{\"a\":1"}, {.name = "behind", .text = "{} x"},
      {.name = "scalar", .text = "5"}, {.name = "twice", .text = "{\"a\":1,\"a\":2}"},
      {.name = "not_utf8", .text = "{\"a\":\"\xff\"}"});

TEST_CASES(what_is_not_json_is_refused, bad_documents)
{
	struct json *root = NULL;

	CHECK_EQ(json_parse(variant->text, strlen(variant->text), &root), -EINVAL);
	CHECK(!root);
}

static void add_up(void *arg, const char *key, uint64_t value)
{
	uint64_t *sum = arg;

	*sum += value * strlen(key);
}

TEST(numbers_of_an_object_are_visited)
{
	struct json _cleanup_json_ *root = json_new_object();
	uint64_t sum = 0;

	json_add_u64(root, "a", 1);
	json_add_str(root, "text", "2");
	json_add_u64(root, "bb", 10);
	json_each_u64(root, add_up, &sum);
	CHECK_EQ(sum, 21);
}

TEST(a_document_goes_to_a_descriptor_with_a_newline)
{
	struct json _cleanup_json_ *root = json_new_object();
	int _cleanup_fd_ fd = MUST_OK(memfd_create("document", MFD_CLOEXEC));
	char text[32] = "";

	json_add_u64(root, "a", 1);
	CHECK_EQ(json_write_fd(root, fd, JSON_ONE_LINE), 0);
	CHECK_EQ(pread(fd, text, sizeof(text) - 1, 0), 8);
	CHECK_STR(text, "{\"a\":1}\n");
	CHECK_EQ(json_write_fd(root, -1, JSON_ONE_LINE), -EBADF);
}
