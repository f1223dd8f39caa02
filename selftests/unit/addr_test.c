// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "base/addr.h"

#include <string.h>

SUITE("addr");

#define PATH_107                                                                                    \
	"/2345678901234567890123456789012345678901234567890123456789012345678901234567890123456789" \
	"012345678901234567"

struct parse_case {
	VARIANT;
	const char *text;
	int result;
	const char *printed; /* NULL: as it was written */
	unsigned int port;
};

CASES(struct parse_case, texts, {.name = "v4", .text = "127.0.0.1:80", .port = 80},
      {.name = "v4_any", .text = "0.0.0.0:65535", .port = 65535},
      {.name = "v6", .text = "[::1]:8443", .port = 8443},
      {.name = "v6_long_form", .text = "[0:0::0:1]:1", .printed = "[::1]:1", .port = 1},
      {.name = "v6_mapped", .text = "[::ffff:192.0.2.1]:9", .port = 9},
      {.name = "leading_zeros", .text = "127.0.0.1:0080", .printed = "127.0.0.1:80", .port = 80},
      {.name = "unix", .text = "unix:/run/x.sock"},
      {.name = "unix_with_colon", .text = "unix:/run/a:1"},
      {.name = "unix_longest", .text = "unix:" PATH_107},
      {.name = "unix_too_long", .text = "unix:" PATH_107 "8", .result = -ENAMETOOLONG},
      {.name = "unix_relative", .text = "unix:run/x", .result = -EINVAL},
      {.name = "unix_empty", .text = "unix:", .result = -EINVAL},
      {.name = "unix_abstract", .text = "unix:@x", .result = -EINVAL},
      {.name = "empty", .text = "", .result = -EINVAL},
      {.name = "no_port", .text = "127.0.0.1", .result = -EINVAL},
      {.name = "empty_port", .text = "127.0.0.1:", .result = -EINVAL},
      {.name = "port_zero", .text = "127.0.0.1:0", .result = -ERANGE},
      {.name = "port_too_high", .text = "127.0.0.1:65536", .result = -ERANGE},
      {.name = "port_huge", .text = "127.0.0.1:99999999999999999999", .result = -ERANGE},
      {.name = "port_negative", .text = "127.0.0.1:-1", .result = -EINVAL},
      {.name = "port_signed", .text = "127.0.0.1:+80", .result = -EINVAL},
      {.name = "port_blank", .text = "127.0.0.1: 80", .result = -EINVAL},
      {.name = "port_tail", .text = "127.0.0.1:80x", .result = -EINVAL},
      {.name = "port_hex", .text = "127.0.0.1:0x50", .result = -EINVAL},
      {.name = "host_name", .text = "localhost:80", .result = -EINVAL},
      {.name = "no_host", .text = ":80", .result = -EINVAL},
      {.name = "v4_short", .text = "127.1:80", .result = -EINVAL},
      {.name = "v4_out_of_range", .text = "127.0.0.256:80", .result = -EINVAL},
      {.name = "v4_in_brackets", .text = "[127.0.0.1]:80", .result = -EINVAL},
      {.name = "v6_bare", .text = "::1:80", .result = -EINVAL},
      {.name = "v6_open", .text = "[::1:80", .result = -EINVAL},
      {.name = "v6_without_port", .text = "[::1]", .result = -EINVAL},
      {.name = "v6_with_zone", .text = "[fe80::1%lo]:80", .result = -EINVAL},
      {.name = "brackets_empty", .text = "[]:80", .result = -EINVAL},
      {.name = "bracket_alone", .text = "[:80", .result = -EINVAL},
      {.name = "host_too_long",
       .text = "[00000000000000000000000000000000000000000000000000000::1]:80",
       .result = -EINVAL});

TEST_CASES(a_text_is_an_address_or_not, texts)
{
	struct addr addr, untouched;
	char text[ADDR_TEXT_MAX];

	memset(&untouched, 0xa5, sizeof(untouched));
	addr = untouched;
	MUST_EQ(addr_parse(variant->text, &addr), variant->result);
	if (variant->result < 0) {
		CHECK_MEM(&addr, &untouched, sizeof(addr));
		return;
	}
	CHECK_STR(addr_format(&addr, text), variant->printed ? variant->printed : variant->text);
	CHECK_EQ(addr_port(&addr), variant->port);
	CHECK_EQ(addr_is_unix(&addr), strncmp(variant->text, "unix:", 5) == 0);
}

/* What the kernel returns for a client's socket, and what nobody filled. */
TEST(nameless_sockets_have_a_text_too)
{
	struct addr none = {}, client = {.len = sizeof(sa_family_t), .un.sun_family = AF_UNIX};
	struct addr abstract = {.len = offsetof(struct sockaddr_un, sun_path) + 3,
				.un = {.sun_family = AF_UNIX, .sun_path = "\0ab"}};
	char text[ADDR_TEXT_MAX];

	CHECK_STR(addr_format(&none, text), "-");
	CHECK_EQ(addr_port(&none), 0);
	CHECK(!addr_is_unix(&none));
	CHECK_STR(addr_format(&client, text), "unix:");
	CHECK(addr_is_unix(&client));
	CHECK_STR(addr_format(&abstract, text), "unix:");
}

/* The kernel may use all 108 bytes, without a NUL. */
TEST(a_path_without_nul_is_printed_whole)
{
	struct addr addr = {.len = sizeof(struct sockaddr_un), .un.sun_family = AF_UNIX};
	char text[ADDR_TEXT_MAX];

	memset(addr.un.sun_path, 'p', sizeof(addr.un.sun_path));
	CHECK_EQ(strlen(addr_format(&addr, text)), strlen("unix:") + sizeof(addr.un.sun_path));
}
