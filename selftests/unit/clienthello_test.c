// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "model/clienthello.h"
#include "selftests/lib/hello.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SUITE("clienthello");

#define NO_TLS	    "this is no TLS handshake"
#define BAD_LENGTHS "the lengths in the hello do not add up"
#define BAD_RECORD  "a record of the hello has an impossible length"
#define BAD_NAME    "the server name is none"
#define TWO_NAMES   "the hello has two server names, or a broken one"

/* A copy of exactly its size, so that a sanitizer sees a read behind it. */
static enum clienthello_result parse(const void *bytes, size_t len, struct clienthello *ret_hello)
{
	uint8_t *copy = malloc(len + !len);
	enum clienthello_result result;

	MUST(copy);
	memcpy(copy, bytes, len);
	result = clienthello_parse(copy, len, ret_hello);
	free(copy);
	return result;
}

static void check_done(const struct hello *hello, const char *sni)
{
	struct clienthello got;

	MUST_EQ(parse(hello->bytes, hello->len, &got), CLIENTHELLO_DONE, "%s",
		got.problem ? got.problem : "more");
	CHECK_STR(got.sni, sni);
}

static void check_bad(const struct hello *hello, const char *problem)
{
	struct clienthello got;

	MUST_EQ(parse(hello->bytes, hello->len, &got), CLIENTHELLO_BAD);
	CHECK_STR(got.problem, problem);
}

/* --- what real clients send --- */

struct real_case {
	VARIANT;
	int version;
	const char *sni;
};

/* clang-format off */
CASES(struct real_case, real,
      {.name = "1.2", .version = TLS1_2_VERSION, .sni = "app.example"},
      {.name = "1.3", .version = TLS1_3_VERSION, .sni = "app.example"},
      {.name = "any", .sni = "a-rather_long.name.of.a.host.in.some.internal.zone.example"},
      {.name = "1.2_without", .version = TLS1_2_VERSION},
      {.name = "1.3_without", .version = TLS1_3_VERSION});
/* clang-format on */

static const char *or_none(const char *sni)
{
	return sni ? sni : "";
}

TEST_CASES(byte_after_byte, real)
{
	static struct hello hello;
	struct clienthello got;

	hello_make(&hello, variant->version, variant->sni);
	for (size_t len = 0; len < hello.len; len++)
		CHECK_EQ(parse(hello.bytes, len, &got), CLIENTHELLO_MORE, "%zu bytes", len);
	check_done(&hello, or_none(variant->sni));
}

TEST_CASES(in_two_records, real)
{
	static struct hello whole, hello;

	hello_make(&whole, variant->version, variant->sni);
	for (size_t at = 1; at < whole.len - 5; at++) {
		hello = whole;
		hello_fragment(&hello, at, SIZE_MAX);
		check_done(&hello, or_none(variant->sni));
	}
}

TEST_CASES(in_small_records, real)
{
	static struct hello whole, hello;
	struct clienthello got;

	hello_make(&whole, variant->version, variant->sni);
	for (size_t each = 1; each < 40; each++) {
		hello = whole;
		hello_fragment(&hello, each, each);
		check_done(&hello, or_none(variant->sni));
		for (size_t len = 0; len < hello.len; len++)
			CHECK_EQ(parse(hello.bytes, len, &got), CLIENTHELLO_MORE);
	}
}

/* Early data and whatever a client sends without waiting is for the upstream. */
TEST_CASES(what_follows_is_not_looked_at, real)
{
	static struct hello hello;

	hello_make(&hello, variant->version, variant->sni);
	memset(hello.bytes + hello.len, 0xff, 100);
	hello.len += 100;
	check_done(&hello, or_none(variant->sni));
}

/* --- one byte of it is wrong --- */

/* server_name with "app.example", then extended_master_secret: offsets from 52 on. */
static const uint8_t extensions[] = {0,	  0,   0,   16,	 0,   14,  0,	0,   11, 'a',  'p', 'p',
				     '.', 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0,	 0x17, 0,   0};

struct byte_case {
	VARIANT;
	size_t offset;
	uint8_t value;
	const char *problem; /* NULL: it is not wrong */
};

/* clang-format off */
CASES(struct byte_case, places,
      {.name = "nothing", .offset = 0, .value = 22},
      {.name = "alert", .offset = 0, .value = 21, .problem = NO_TLS},
      {.name = "data", .offset = 0, .value = 23, .problem = NO_TLS},
      {.name = "record_version_2", .offset = 1, .value = 2, .problem = NO_TLS},
      {.name = "record_version_4", .offset = 1, .value = 4, .problem = NO_TLS},
      {.name = "record_version_minor", .offset = 2, .value = 0xff},
      {.name = "record_too_long", .offset = 3, .value = 0x41, .problem = BAD_RECORD},
      {.name = "server_hello", .offset = 5, .value = 2, .problem = NO_TLS},
      {.name = "hello_request", .offset = 5, .value = 0, .problem = NO_TLS},
      {.name = "message_too_long", .offset = 6, .value = 1, .problem = "the hello is longer than 16 KiB"},
      {.name = "message_ends_in_extension", .offset = 8, .value = 66, .problem = BAD_LENGTHS},
      {.name = "message_ends_in_random", .offset = 8, .value = 33, .problem = BAD_LENGTHS},
      {.name = "message_ends_behind_random", .offset = 8, .value = 34, .problem = BAD_LENGTHS},
      {.name = "message_is_empty", .offset = 8, .value = 0, .problem = BAD_LENGTHS},
      {.name = "version_2", .offset = 9, .value = 2, .problem = NO_TLS},
      {.name = "version_dtls", .offset = 9, .value = 0xfe, .problem = NO_TLS},
      {.name = "session_id_too_long", .offset = 43, .value = 33, .problem = BAD_LENGTHS},
      {.name = "session_id_takes_all", .offset = 43, .value = 32, .problem = BAD_LENGTHS},
      {.name = "no_cipher_suite", .offset = 45, .value = 0, .problem = BAD_LENGTHS},
      {.name = "half_a_cipher_suite", .offset = 45, .value = 3, .problem = BAD_LENGTHS},
      {.name = "cipher_suites_beyond", .offset = 44, .value = 1, .problem = BAD_LENGTHS},
      {.name = "no_compression_method", .offset = 48, .value = 0, .problem = BAD_LENGTHS},
      {.name = "extensions_too_short", .offset = 51, .value = 23, .problem = BAD_LENGTHS},
      {.name = "extensions_too_long", .offset = 51, .value = 25, .problem = BAD_LENGTHS},
      {.name = "extensions_much_too_long", .offset = 50, .value = 0xff, .problem = BAD_LENGTHS},
      {.name = "server_name_too_short", .offset = 55, .value = 15, .problem = TWO_NAMES},
      {.name = "server_name_too_long", .offset = 55, .value = 17, .problem = TWO_NAMES},
      {.name = "server_name_beyond", .offset = 54, .value = 1, .problem = BAD_LENGTHS},
      {.name = "server_name_is_empty", .offset = 55, .value = 0, .problem = BAD_LENGTHS},
      {.name = "list_too_short", .offset = 57, .value = 13, .problem = TWO_NAMES},
      {.name = "list_too_long", .offset = 57, .value = 15, .problem = TWO_NAMES},
      {.name = "list_is_empty", .offset = 57, .value = 0, .problem = TWO_NAMES},
      {.name = "type_of_name", .offset = 58, .value = 1, .problem = BAD_NAME},
      {.name = "name_too_short", .offset = 60, .value = 10, .problem = TWO_NAMES},
      {.name = "name_too_long", .offset = 60, .value = 12, .problem = TWO_NAMES},
      {.name = "last_extension_beyond", .offset = 75, .value = 1, .problem = BAD_LENGTHS});
/* clang-format on */

TEST_CASES(a_byte_is_wrong, places)
{
	static struct hello hello;

	hello_forge(&hello, extensions, sizeof(extensions));
	hello.bytes[variant->offset] = variant->value;
	if (variant->problem)
		check_bad(&hello, variant->problem);
	else
		check_done(&hello, "app.example");
}

/* --- extensions --- */

/* Adds one server_name with that name. Returns: its length. */
static size_t put_server_name(uint8_t *to, const void *name, size_t len)
{
	const size_t lengths[] = {len + 5, len + 3};

	memset(to, 0, 9);
	for (size_t i = 0; i < 2; i++) {
		to[2 + 2 * i] = (uint8_t)(lengths[i] >> 8);
		to[3 + 2 * i] = (uint8_t)lengths[i];
	}
	to[7] = (uint8_t)(len >> 8);
	to[8] = (uint8_t)len;
	memcpy(to + 9, name, len);
	return 9 + len;
}

struct name_case {
	VARIANT;
	const char *text;
	size_t len;	  /* 0: of the text */
	const char *want; /* NULL: it is none */
};

#define LABELS_50  "abcdefghi.abcdefghi.abcdefghi.abcdefghi.abcdefghi."
#define LABELS_250 LABELS_50 LABELS_50 LABELS_50 LABELS_50 LABELS_50

/* clang-format off */
CASES(struct name_case, names,
      {.name = "one_letter", .text = "a", .want = "a"},
      {.name = "case_stays", .text = "App.EXAMPLE", .want = "App.EXAMPLE"},
      {.name = "final_dot", .text = "app.example.", .want = "app.example"},
      {.name = "punycode", .text = "xn--bcher-kva.example", .want = "xn--bcher-kva.example"},
      {.name = "255_bytes", .text = LABELS_250 "abcde", .want = LABELS_250 "abcde"},
      {.name = "256_bytes", .text = LABELS_250 "abcdef"},
      {.name = "only_a_dot", .text = "."},
      {.name = "nul_behind", .text = "app.example", .len = 12},
      {.name = "nul_inside", .text = "app\0.example", .len = 12},
      {.name = "nul_alone", .text = "", .len = 1},
      {.name = "line_break", .text = "app\n.example"},
      {.name = "blank", .text = "app example"},
      {.name = "delete", .text = "app\x7f.example"},
      {.name = "utf8", .text = "b\xc3\xbc" "cher.example"});
/* clang-format on */

TEST_CASES(a_name, names)
{
	size_t len = variant->len ? variant->len : strlen(variant->text);
	static struct hello hello;
	uint8_t extension[300];

	hello_forge(&hello, extension, put_server_name(extension, variant->text, len));
	if (variant->want)
		check_done(&hello, variant->want);
	else
		check_bad(&hello, BAD_NAME);
}

TEST(an_empty_name_is_none)
{
	static struct hello hello;
	uint8_t extension[16];

	hello_forge(&hello, extension, put_server_name(extension, "", 0));
	check_bad(&hello, BAD_NAME);
}

TEST(two_names_are_refused)
{
	/* Once as two extensions, once as two entries of one list. */
	static const uint8_t list[] = {0, 0, 0, 10, 0, 8, 0, 0, 1, 'a', 0, 0, 1, 'b'};
	static struct hello hello;
	uint8_t two[64];
	size_t len = put_server_name(two, "a.example", 9);

	len += put_server_name(two + len, "b.example", 9);
	hello_forge(&hello, two, len);
	check_bad(&hello, "the hello has two server names");
	hello_forge(&hello, list, sizeof(list));
	check_bad(&hello, TWO_NAMES);
}

TEST(without_extensions)
{
	static struct hello hello;

	hello_forge(&hello, "", 0);
	check_done(&hello, "");
	/* Not even their length: as clients of TLS 1.0 did. */
	hello.len -= 2;
	hello.bytes[4] = (uint8_t)(hello.len - 5);
	hello.bytes[8] = (uint8_t)(hello.len - 9);
	check_done(&hello, "");
}

TEST(the_name_comes_last)
{
	static struct hello hello;
	uint8_t both[64] = {0, 0x17, 0, 0, 0x33, 0x33, 0, 3, 1, 2, 3};

	hello_forge(&hello, both, 11 + put_server_name(both + 11, "last.example", 12));
	check_done(&hello, "last.example");
}

TEST(a_record_without_bytes_is_refused)
{
	static struct hello hello;

	hello_forge(&hello, extensions, sizeof(extensions));
	hello_fragment(&hello, 20, SIZE_MAX);
	memmove(hello.bytes + 30, hello.bytes + 25, hello.len - 25);
	memcpy(hello.bytes + 25, "\x16\x03\x01\0", 5);
	hello.len += 5;
	check_bad(&hello, BAD_RECORD);
}

TEST(a_record_of_another_type_in_the_middle_is_refused)
{
	static struct hello hello;

	hello_forge(&hello, extensions, sizeof(extensions));
	hello_fragment(&hello, 20, SIZE_MAX);
	hello.bytes[25] = 21;
	check_bad(&hello, NO_TLS);
}

/* --- limits --- */

TEST(the_longest_message)
{
	static struct hello hello;

	hello_forge_long(&hello, CLIENTHELLO_BYTES_MAX);
	check_done(&hello, "");
	hello_forge_long(&hello, CLIENTHELLO_BYTES_MAX + 1);
	hello.len = 9;
	hello_fragment(&hello, 2, 2); /* the record itself must not be what is too long */
	check_bad(&hello, "the hello is longer than 16 KiB");
}

TEST(the_most_records)
{
	static struct hello hello;

	hello_forge_long(&hello, CLIENTHELLO_BYTES_MAX);
	hello_fragment(&hello, 6, 6);
	MUST_LE(hello.len, CLIENTHELLO_WIRE_MAX);
	check_done(&hello, "");
	hello_forge_long(&hello, CLIENTHELLO_BYTES_MAX);
	hello_fragment(&hello, 1, 1);
	check_bad(&hello, "the hello is in too many records");
	/* What is peeked at is never more than the limit: that must be enough to know. */
	hello.len = CLIENTHELLO_WIRE_MAX;
	check_bad(&hello, "the hello is in too many records");
}

/* --- no TLS --- */

struct stranger_case {
	VARIANT;
	const char *text;
	size_t len; /* 0: of the text */
	size_t known_after;
};

/* clang-format off */
CASES(struct stranger_case, strangers,
      {.name = "http", .text = "GET / HTTP/1.1\r\n", .known_after = 1},
      {.name = "ssh", .text = "SSH-2.0-OpenSSH_9.2\r\n", .known_after = 1},
      {.name = "proxy_protocol", .text = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", .known_after = 1},
      {.name = "line_break", .text = "\n", .known_after = 1},
      {.name = "nul", .text = "", .len = 1, .known_after = 1},
      {.name = "ssl2_hello", .text = "\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10", .len = 11, .known_after = 1},
      {.name = "syn_and_garbage", .text = "\x16\x16\x16\x16", .known_after = 3});
/* clang-format on */

TEST_CASES(no_tls, strangers)
{
	size_t len = variant->len ? variant->len : strlen(variant->text);
	struct clienthello got;

	for (size_t i = 0; i <= len; i++)
		CHECK_EQ(parse(variant->text, i, &got),
			 i < variant->known_after ? CLIENTHELLO_MORE : CLIENTHELLO_BAD, "%zu bytes",
			 i);
	CHECK_STR(got.problem, NO_TLS);
}
