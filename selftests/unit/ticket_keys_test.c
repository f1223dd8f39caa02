// SPDX-License-Identifier: Apache-2.0
/* The file of ticket keys: two encodings, two lengths, and nothing in between. */
#include "selftests/harness/harness.h"

#include "model/ticket_keys.h"

#include <string.h>

SUITE("ticket_keys");

/* 64 and 80 bytes: 0, 1, 2…, as openssl writes them. */
#define HEX_16(digit)                                                                              \
	digit "0" digit "1" digit "2" digit "3" digit "4" digit "5" digit "6" digit "7" digit      \
	      "8" digit "9" digit "a" digit "b" digit "c" digit "d" digit "e" digit "f"
#define HEX_64 HEX_16("0") HEX_16("1") HEX_16("2") HEX_16("3")
#define HEX_80 HEX_64 HEX_16("4")
#define B64_48 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v"
#define B64_64 B64_48 "MDEyMzQ1Njc4OTo7PD0+Pw=="
#define B64_80 B64_48 "MDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk8="

struct keys_case {
	VARIANT;
	const char *text;
	int result;
	unsigned int line;
	size_t len, more_len; /* of the first and the second key; 0: there is none */
};

/* clang-format off */
CASES(struct keys_case, cases,
      {.name = "hex_64", .text = HEX_64 "\n", .len = 64},
      {.name = "hex_80", .text = HEX_80 "\n", .len = 80},
      {.name = "base64_64", .text = B64_64 "\n", .len = 64},
      {.name = "base64_80", .text = B64_80 "\n", .len = 80},
      {.name = "base64_without_padding", .text = B64_48 "MDEyMzQ1Njc4OTo7PD0+Pw\n", .len = 64},
      {.name = "no_newline", .text = HEX_64, .len = 64},
      {.name = "crlf_and_blanks", .text = " " HEX_64 "\t\r\n\r\n  \n", .len = 64},
      {.name = "comments", .text = "# the new one\n" B64_80 "\n  # the old one\n" HEX_64 "\n", .len = 80, .more_len = 64},
      {.name = "nothing", .text = "", .result = -ENODATA},
      {.name = "only_comments", .text = "# none\n\n", .result = -ENODATA, .line = 2},
      {.name = "twice", .text = HEX_64 "\n" HEX_64 "\n", .result = -EEXIST, .line = 2},
      {.name = "twice_in_two_ways", .text = HEX_64 "\n\n" B64_64 "\n", .result = -EEXIST, .line = 3},
      {.name = "short", .text = HEX_64 "\n" B64_48 "\n", .result = -ERANGE, .line = 2},
      {.name = "one_byte_short", .text = B64_48 "MDEyMzQ1Njc4OTo7PD0+\n", .result = -ERANGE, .line = 1},
      {.name = "between", .text = B64_64 "AAAA\n", .result = -EINVAL, .line = 1},
      {.name = "long", .text = B64_48 B64_48 "\n", .result = -ERANGE, .line = 1},
      {.name = "hex_of_another_length", .text = HEX_64 "00\n", .result = -ERANGE, .line = 1},
      {.name = "hex_with_a_letter_too_far", .text = "g" HEX_16("0") HEX_16("1") HEX_16("2") HEX_16("3"), .result = -ERANGE, .line = 1},
      {.name = "not_hex", .text = "zz" HEX_16("1") HEX_16("2") HEX_16("3") "000102030405060708090a0b0c0d0e", .result = -ERANGE, .line = 1},
      {.name = "bits_behind_the_last_byte", .text = B64_48 "MDEyMzQ1Njc4OTo7PD0+Px==\n", .result = -EINVAL, .line = 1},
      {.name = "padding_of_another_length", .text = B64_48 "MDEyMzQ1Njc4OTo7PD0+Pw=\n", .result = -EINVAL, .line = 1},
      {.name = "padding_in_the_middle", .text = B64_48 "MDEyMzQ1Njc4OTo7PD0+Pw==AAAA\n", .result = -EINVAL, .line = 1},
      {.name = "words", .text = "key = secret\n", .result = -EINVAL, .line = 1},
      {.name = "pem", .text = "-----BEGIN CERTIFICATE-----\n", .result = -EINVAL, .line = 1});
/* clang-format on */

static void check_key(const struct ticket_key *key, size_t len)
{
	uint8_t want[TICKET_KEY_MAX_BYTES];

	for (size_t i = 0; i < sizeof(want); i++)
		want[i] = (uint8_t)i;
	CHECK_EQ(key->len, len);
	CHECK_MEM(key->bytes, want, len);
}

TEST_CASES(a_text_is_keys_or_a_mistake, cases)
{
	struct ticket_keys keys;
	unsigned int line;

	CHECK_EQ(ticket_keys_parse(variant->text, strlen(variant->text), &keys, &line),
		 variant->result);
	if (variant->result < 0)
		CHECK_EQ(line, variant->line);
	MUST_EQ(keys.n, (variant->len > 0) + (variant->more_len > 0));
	if (variant->len)
		check_key(&keys.list[0], variant->len);
	if (variant->more_len)
		check_key(&keys.list[1], variant->more_len);
}

TEST(there_are_at_most_sixteen)
{
	char text[TICKET_KEYS_MAX + 1][129];
	struct ticket_keys keys;
	unsigned int line;

	for (int i = 0; i <= TICKET_KEYS_MAX; i++) {
		memset(text[i], '0', 128);
		text[i][0] = (char)('a' + i % 6);
		text[i][1] = (char)('0' + i % 10);
		text[i][128] = '\n';
	}
	CHECK_EQ(ticket_keys_parse(text[0], TICKET_KEYS_MAX * sizeof(text[0]), &keys, &line), 0);
	CHECK_EQ(keys.n, TICKET_KEYS_MAX);
	CHECK_EQ(ticket_keys_parse(text[0], sizeof(text), &keys, &line), -E2BIG);
	CHECK_EQ(line, TICKET_KEYS_MAX + 1);
	CHECK_EQ(keys.n, 0);
}

TEST(a_nul_is_no_end)
{
	char text[] = HEX_64 "\n\0\n";
	struct ticket_keys keys;
	unsigned int line;

	CHECK_EQ(ticket_keys_parse(text, sizeof(text) - 1, &keys, &line), -EINVAL);
	CHECK_EQ(line, 2);
}
