// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "base/addr_range.h"
#include "base/crc32c.h"

#include <string.h>

SUITE("addr_range");

struct text_case {
	VARIANT;
	const char *text;
	int result;
};

/* clang-format off */
CASES(struct text_case, texts,
      {.name = "v4", .text = "10.0.0.0/8"},
      {.name = "v4_all", .text = "0.0.0.0/0"},
      {.name = "v4_one", .text = "192.0.2.1"},
      {.name = "v4_one_with_prefix", .text = "192.0.2.1/32"},
      {.name = "v6", .text = "2001:db8::/29"},
      {.name = "v6_all", .text = "::/0"},
      {.name = "v6_one", .text = "::1"},
      {.name = "unix", .text = "unix"},
      {.name = "empty", .text = "", .result = -EINVAL},
      {.name = "a_name", .text = "localhost", .result = -EINVAL},
      {.name = "with_port", .text = "10.0.0.0:80", .result = -EINVAL},
      {.name = "in_brackets", .text = "[::1]", .result = -EINVAL},
      {.name = "short_address", .text = "10.0/16", .result = -EINVAL},
      {.name = "octal", .text = "010.0.0.0/8", .result = -EINVAL},
      {.name = "mask", .text = "10.0.0.0/255.0.0.0", .result = -EINVAL},
      {.name = "no_prefix", .text = "10.0.0.0/", .result = -EINVAL},
      {.name = "prefix_with_zero", .text = "10.0.0.0/08", .result = -EINVAL},
      {.name = "prefix_negative", .text = "10.0.0.0/-8", .result = -EINVAL},
      {.name = "prefix_blank", .text = "10.0.0.0/ 8", .result = -EINVAL},
      {.name = "long_text", .text = "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/8", .result = -EINVAL},
      {.name = "v4_too_long", .text = "10.0.0.0/33", .result = -ERANGE},
      {.name = "v6_too_long", .text = "::/129", .result = -ERANGE},
      {.name = "huge", .text = "10.0.0.0/99999999999999999999", .result = -ERANGE},
      {.name = "v4_bits_behind", .text = "10.0.0.1/8", .result = -EDOM},
      {.name = "v4_last_bit_behind", .text = "10.0.0.1/31", .result = -EDOM},
      {.name = "v6_bits_behind", .text = "2001:db8::1/32", .result = -EDOM});
/* clang-format on */

TEST_CASES(a_text_is_a_range_or_not, texts)
{
	struct addr_range range;

	CHECK_EQ(addr_range_parse(variant->text, &range), variant->result);
}

struct member_case {
	VARIANT;
	const char *range, *peer;
	bool in;
};

/* clang-format off */
CASES(struct member_case, members,
      {.name = "first", .range = "10.0.0.0/8", .peer = "10.0.0.0:1", .in = true},
      {.name = "last", .range = "10.0.0.0/8", .peer = "10.255.255.255:65535", .in = true},
      {.name = "before", .range = "10.0.0.0/8", .peer = "9.255.255.255:1"},
      {.name = "behind", .range = "10.0.0.0/8", .peer = "11.0.0.0:1"},
      {.name = "odd_prefix", .range = "192.0.2.128/25", .peer = "192.0.2.128:1", .in = true},
      {.name = "odd_prefix_before", .range = "192.0.2.128/25", .peer = "192.0.2.127:1"},
      {.name = "one", .range = "192.0.2.1", .peer = "192.0.2.1:1", .in = true},
      {.name = "another", .range = "192.0.2.1", .peer = "192.0.2.0:1"},
      {.name = "all", .range = "0.0.0.0/0", .peer = "192.0.2.0:1", .in = true},
      {.name = "all_v4_is_not_v6", .range = "0.0.0.0/0", .peer = "[::1]:1"},
      {.name = "all_v6_is_not_v4", .range = "::/0", .peer = "10.0.0.0:1"},
      {.name = "v6", .range = "2001:db8::/33", .peer = "[2001:db8:7fff::1]:1", .in = true},
      {.name = "v6_behind", .range = "2001:db8::/33", .peer = "[2001:db8:8000::]:1"},
      {.name = "mapped_is_v6", .range = "10.0.0.0/8", .peer = "[::ffff:10.0.0.1]:1"},
      {.name = "unix", .range = "unix", .peer = "unix:/run/a", .in = true},
      {.name = "unix_is_not_v4", .range = "unix", .peer = "10.0.0.0:1"},
      {.name = "v4_is_not_unix", .range = "0.0.0.0/0", .peer = "unix:/run/a"});
/* clang-format on */

TEST_CASES(an_address_is_in_it_or_not, members)
{
	struct addr_range range;
	struct addr peer, none = {};

	MUST_EQ(addr_range_parse(variant->range, &range), 0);
	MUST_EQ(addr_parse(variant->peer, &peer), 0);
	CHECK_EQ(addr_range_has(&range, &peer), variant->in);
	CHECK(!addr_range_has(&range, &none));
}

TEST(short_addresses_are_as_long_ones)
{
	static const char *const wholes[] = {"192.0.2.1:1", "[2001:db8::7]:65535", "unix:"};
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < 3; i++) {
		struct addr addr = {.len = sizeof(sa_family_t), .sa.sa_family = AF_UNIX};
		struct addr_short little;

		if (i < 2)
			MUST_EQ(addr_parse(wholes[i], &addr), 0);
		little = addr_shorten(&addr);
		addr = addr_lengthen(&little);
		CHECK_STR(addr_format(&addr, text), wholes[i]);
	}
}

/* RFC 3720 B.4 and the check value of the catalogues. */
TEST(crc32c_is_that_of_its_rfc)
{
	uint8_t bytes[32] = {};

	CHECK_EQ(crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, 32);
	CHECK_EQ(crc32c(0, bytes, 32), 0x62a8ab43);
	CHECK_EQ(crc32c(0, "123456789", 9), 0xe3069283);
	CHECK_EQ(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
	CHECK_EQ(crc32c(0, bytes, 0), 0);
}
