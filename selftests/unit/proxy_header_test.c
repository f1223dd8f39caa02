// SPDX-License-Identifier: Apache-2.0
/* Headers of the PROXY protocol, right and wrong ones, read; and written, for the tests' own reader. */
#include "selftests/harness/harness.h"

#include "model/proxy_header.h"
#include "selftests/lib/introduction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

SUITE("proxy_header");

#define NO_HEADER   "this is no PROXY header"
#define BAD_LINE    "the PROXY line is malformed"
#define LONG_LINE   "the PROXY line is longer than 107 bytes"
#define BAD_LENGTHS "the lengths in the PROXY header do not add up"
#define TWICE	    "a type stands twice in the PROXY header"
#define BAD_TEXT    "a text in the PROXY header has control characters"
#define BAD_FAMILY  "the PROXY header has an unknown family of addresses"

static const struct proxy_header_limits any = {.v1 = true, .v2 = true, .max_bytes = 4096};

/* A copy of exactly its size, so that a sanitizer sees a read behind it. */
static enum proxy_header_result parse(const void *bytes, size_t len,
				      const struct proxy_header_limits *limits,
				      struct proxy_header *ret_header)
{
	uint8_t *copy = malloc(len + !len);
	enum proxy_header_result result;

	MUST(copy);
	memcpy(copy, bytes, len);
	result = proxy_header_parse(copy, len, limits, ret_header);
	if (ret_header->tlvs.len > 0)
		ret_header->tlvs.bytes = (const uint8_t *)bytes + (ret_header->tlvs.bytes - copy);
	free(copy);
	return result;
}

static void check_address(const struct addr *addr, const char *text)
{
	char printed[ADDR_TEXT_MAX];

	CHECK_STR(addr_format(addr, printed), text);
}

/* Complete with its last byte and not before; what comes behind does not matter. */
static void check_whole(const uint8_t *bytes, size_t len, struct proxy_header *ret_header)
{
	static uint8_t more[INTRODUCTION_MAX + 1];
	struct proxy_header got;

	for (size_t i = 0; i < len; i++)
		MUST_EQ(parse(bytes, i, &any, &got), PROXY_HEADER_MORE, "%zu of %zu: %s", i, len,
			got.problem);
	memcpy(more, bytes, len);
	more[len] = '\n';
	MUST_EQ(parse(more, len + 1, &any, &got), PROXY_HEADER_DONE, "%s", got.problem);
	CHECK_EQ(got.len, len);
	MUST_EQ(parse(bytes, len, &any, ret_header), PROXY_HEADER_DONE, "%s", ret_header->problem);
	CHECK_EQ(ret_header->len, len);
}

/* --- version 1 --- */

struct line_case {
	VARIANT;
	const char *line;
	const char *source, *destination;
};

/* clang-format off */
CASES(struct line_case, lines,
      {.name = "v4", .line = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n", .source = "192.0.2.7:4711", .destination = "198.51.100.1:443"},
      {.name = "v4_shortest", .line = "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", .source = "0.0.0.0:0", .destination = "0.0.0.0:0"},
      {.name = "v4_longest", .line = "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", .source = "255.255.255.255:65535", .destination = "255.255.255.255:65535"},
      {.name = "v6", .line = "PROXY TCP6 2001:db8::7 ::1 4711 443\r\n", .source = "[2001:db8::7]:4711", .destination = "[::1]:443"},
      {.name = "v6_upper_case", .line = "PROXY TCP6 2001:DB8::A 2001:0db8:0000::1 1 2\r\n", .source = "[2001:db8::a]:1", .destination = "[2001:db8::1]:2"},
      {.name = "v6_longest", .line = "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", .source = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", .destination = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
      {.name = "mapped_is_v4", .line = "PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 4711 443\r\n", .source = "192.0.2.7:4711", .destination = "198.51.100.1:443"},
      {.name = "unknown", .line = "PROXY UNKNOWN\r\n", .source = "-", .destination = "-"},
      {.name = "unknown_with_anything", .line = "PROXY UNKNOWN  what \001 ever\r\n", .source = "-", .destination = "-"},
      {.name = "one_is_mapped", .line = "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 4711 443\r\n", .source = "192.0.2.7:4711", .destination = "[2001:db8::1]:443"},
      {.name = "unknown_longest", .line = "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", .source = "-", .destination = "-"});
/* clang-format on */

TEST_CASES(a_line_is_read, lines)
{
	struct proxy_header got;

	check_whole((const uint8_t *)variant->line, strlen(variant->line), &got);
	CHECK_EQ(got.version, 1);
	check_address(&got.source, variant->source);
	check_address(&got.destination, variant->destination);
	CHECK_EQ(got.tlvs.len, 0);
}

struct bad_line_case {
	VARIANT;
	const char *line, *problem;
};

/* clang-format off */
#define HUNDRED "                                                                                                    "
CASES(struct bad_line_case, bad_lines,
      {.name = "http", .line = "GET / HTTP/1.1\r\n", .problem = NO_HEADER},
      {.name = "post", .line = "POST / HTTP/1.1\r\n", .problem = NO_HEADER},
      {.name = "tls", .line = "\x16\x03\x01", .problem = NO_HEADER},
      {.name = "lower_case", .line = "proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n", .problem = NO_HEADER},
      {.name = "no_blank", .line = "PROXYTCP4 1.1.1.1 2.2.2.2 1 2\r\n", .problem = NO_HEADER},
      {.name = "two_blanks", .line = "PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n", .problem = BAD_LINE},
      {.name = "two_blanks_later", .line = "PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n", .problem = BAD_LINE},
      {.name = "blank_at_end", .line = "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n", .problem = BAD_LINE},
      {.name = "tab", .line = "PROXY\tTCP4 1.1.1.1 2.2.2.2 1 2\r\n", .problem = NO_HEADER},
      {.name = "nothing", .line = "PROXY \r\n", .problem = BAD_LINE},
      {.name = "udp", .line = "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n", .problem = BAD_LINE},
      {.name = "tcp5", .line = "PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n", .problem = BAD_LINE},
      {.name = "tcp44", .line = "PROXY TCP44 1.1.1.1 2.2.2.2 1 2\r\n", .problem = BAD_LINE},
      {.name = "unknown_and_more", .line = "PROXY UNKNOWNS\r\n", .problem = BAD_LINE},
      {.name = "other_family", .line = "PROXY TCP4 ::1 ::1 1 2\r\n", .problem = BAD_LINE},
      {.name = "families_differ", .line = "PROXY TCP6 ::1 1.1.1.1 1 2\r\n", .problem = BAD_LINE},
      {.name = "zeros_in_address", .line = "PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n", .problem = BAD_LINE},
      {.name = "three_numbers", .line = "PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n", .problem = BAD_LINE},
      {.name = "number_of_256", .line = "PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n", .problem = BAD_LINE},
      {.name = "scope", .line = "PROXY TCP6 fe80::1%lo ::1 1 2\r\n", .problem = BAD_LINE},
      {.name = "port_missing", .line = "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n", .problem = BAD_LINE},
      {.name = "port_empty", .line = "PROXY TCP4 1.1.1.1 2.2.2.2 1 \r\n", .problem = BAD_LINE},
      {.name = "port_zeros", .line = "PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n", .problem = BAD_LINE},
      {.name = "port_65536", .line = "PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n", .problem = BAD_LINE},
      {.name = "port_sign", .line = "PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n", .problem = BAD_LINE},
      {.name = "port_hex", .line = "PROXY TCP4 1.1.1.1 2.2.2.2 0x1 2\r\n", .problem = BAD_LINE},
      {.name = "more_words", .line = "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n", .problem = BAD_LINE},
      {.name = "lf_alone", .line = "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n", .problem = BAD_LINE},
      {.name = "cr_alone", .line = "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\rX", .problem = BAD_LINE},
      {.name = "too_long", .line = "PROXY UNKNOWN" HUNDRED "\r\n", .problem = LONG_LINE},
      {.name = "cr_at_the_limit", .line = "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 \r\n", .problem = LONG_LINE});
/* clang-format on */

TEST_CASES(a_line_is_malformed, bad_lines)
{
	struct proxy_header got;

	CHECK_EQ(parse(variant->line, strlen(variant->line), &any, &got), PROXY_HEADER_BAD);
	CHECK_STR(got.problem, variant->problem);
	CHECK_EQ(got.source.len, 0);
}

TEST(a_line_with_a_nul_is_malformed)
{
	static const char line[] = "PROXY TCP4 1.1.1.1\0 2.2.2.2 1 2\r\n";
	struct proxy_header got;

	CHECK_EQ(parse(line, sizeof(line) - 1, &any, &got), PROXY_HEADER_BAD);
	CHECK_STR(got.problem, BAD_LINE);
}

TEST(only_the_versions_that_are_wanted_are_taken)
{
	static const char line[] = "PROXY UNKNOWN\r\n";
	const struct proxy_header_limits v1 = {.v1 = true, .max_bytes = 4096};
	const struct proxy_header_limits v2 = {.v2 = true, .max_bytes = 4096};
	static struct introduction_out out;
	struct proxy_header got;

	introduction_ip4(&out);
	CHECK_EQ(parse(line, strlen(line), &v1, &got), PROXY_HEADER_DONE);
	CHECK_EQ(parse(line, strlen(line), &v2, &got), PROXY_HEADER_BAD);
	CHECK_EQ(parse(line, 1, &v2, &got), PROXY_HEADER_BAD);
	CHECK_EQ(parse(out.bytes, out.len, &v2, &got), PROXY_HEADER_DONE);
	CHECK_EQ(parse(out.bytes, out.len, &v1, &got), PROXY_HEADER_BAD);
	CHECK_EQ(parse(out.bytes, 1, &v1, &got), PROXY_HEADER_BAD);
}

/* --- version 2 --- */

struct family_case {
	VARIANT;
	uint8_t command, family;
	size_t len; /* of the addresses */
	const char *source, *destination;
	bool no_tlvs;
};

/* clang-format off */
CASES(struct family_case, families,
      {.name = "v4", .command = 0x21, .family = 0x11, .len = 12, .source = "1.2.3.4:2314", .destination = "5.6.7.8:2828"},
      {.name = "v6", .command = 0x21, .family = 0x21, .len = 36, .source = "[102:304:506:708:90a:b0c:d0e:f10]:8482", .destination = "[1112:1314:1516:1718:191a:1b1c:1d1e:1f20]:8996"},
      {.name = "unix", .command = 0x21, .family = 0x31, .len = 216, .source = "unix:", .destination = "unix:"},
      {.name = "unspec", .command = 0x21, .family = 0x00, .source = "-", .destination = "-"},
      {.name = "v4_datagram", .command = 0x21, .family = 0x12, .len = 12, .source = "-", .destination = "-"},
      {.name = "v6_datagram", .command = 0x21, .family = 0x22, .len = 36, .source = "-", .destination = "-"},
      {.name = "unix_datagram", .command = 0x21, .family = 0x32, .len = 216, .source = "-", .destination = "-"},
      {.name = "local", .command = 0x20, .family = 0x00, .source = "-", .destination = "-", .no_tlvs = true},
      {.name = "local_with_addresses", .command = 0x20, .family = 0x11, .len = 12, .source = "-", .destination = "-", .no_tlvs = true},
      {.name = "local_of_no_family", .command = 0x20, .family = 0xff, .len = 3, .source = "-", .destination = "-", .no_tlvs = true});
/* clang-format on */

TEST_CASES(a_family_is_read, families)
{
	static struct introduction_out out;
	struct proxy_header got;
	uint8_t addresses[216];

	for (size_t i = 0; i < sizeof(addresses); i++)
		addresses[i] = (uint8_t)(i + 1);
	introduction_begin(&out, variant->command, variant->family, addresses, variant->len);
	introduction_tlv(&out, PROXY_TLV_UNIQUE_ID, "id", 2);
	introduction_end(&out, false);
	check_whole(out.bytes, out.len, &got);
	CHECK_EQ(got.version, 2);
	check_address(&got.source, variant->source);
	check_address(&got.destination, variant->destination);
	CHECK_EQ(proxy_tlv_find(got.tlvs, PROXY_TLV_UNIQUE_ID).len, variant->no_tlvs ? 0 : 2);
	CHECK_EQ(got.tlvs.len, variant->no_tlvs ? 0 : 5);
}

TEST(a_mapped_client_is_one_of_v4)
{
	static const uint8_t addresses[36] = {[10] = 0xff, 0xff, 192, 0, 2, 7,	[26] = 0xff, 0xff,
					      198,	   51,	 100, 1, 0, 80, 1,	     0xbb};
	static const uint8_t one[36] = {[10] = 0xff, 0xff, 192, 0, 2, 7, [31] = 1, 0, 80, 1, 0xbb};
	static struct introduction_out out;
	struct proxy_header got;

	introduction_begin(&out, 0x21, 0x21, addresses, sizeof(addresses));
	introduction_end(&out, true);
	check_whole(out.bytes, out.len, &got);
	check_address(&got.source, "192.0.2.7:80");
	check_address(&got.destination, "198.51.100.1:443");
	introduction_begin(&out, 0x21, 0x21, one, sizeof(one));
	introduction_end(&out, true);
	check_whole(out.bytes, out.len, &got);
	check_address(&got.source, "192.0.2.7:80");
	check_address(&got.destination, "[::1]:443");
}

/* What is wrong behind an IPv4 header's addresses, or in its head. */
struct bad_case {
	VARIANT;
	int at; /* a byte of the head that is another one; 0: none */
	uint8_t byte;
	const char *tlvs;
	size_t len;
	bool checksum;
	const char *problem; /* NULL: it is good */
};

#define TLVS(text) .tlvs = (text), .len = sizeof(text) - 1
#define SSL_HEAD   "\x01\0\0\0\0"

/* clang-format off */
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
CASES(struct bad_case, bads,
      {.name = "good", .checksum = true},
      {.name = "signature", .at = 11, .byte = 'X', .problem = NO_HEADER},
      {.name = "version_1", .at = 12, .byte = 0x11, .problem = "the PROXY header has an unknown version or command"},
      {.name = "version_3", .at = 12, .byte = 0x31, .problem = "the PROXY header has an unknown version or command"},
      {.name = "command", .at = 12, .byte = 0x22, .problem = "the PROXY header has an unknown version or command"},
      {.name = "family", .at = 13, .byte = 0x41, .problem = BAD_FAMILY},
      {.name = "transport", .at = 13, .byte = 0x13, .problem = BAD_FAMILY},
      {.name = "family_without_transport", .at = 13, .byte = 0x10, .problem = BAD_FAMILY},
      {.name = "transport_without_family", .at = 13, .byte = 0x01, .problem = BAD_FAMILY},
      {.name = "too_short_for_v6", .at = 13, .byte = 0x21, .problem = BAD_LENGTHS},
      {.name = "half_a_tlv", TLVS("\x05"), .problem = BAD_LENGTHS},
      {.name = "tlv_without_value", TLVS("\x05\0\1"), .problem = BAD_LENGTHS},
      {.name = "tlv_beyond_the_end", TLVS("\x05\0\2x"), .problem = BAD_LENGTHS},
      {.name = "tlv_far_beyond_the_end", TLVS("\x05\xff\xffx"), .problem = BAD_LENGTHS},
      {.name = "tlv_empty", TLVS("\x01\0\0\x02\0\0\x05\0\0\x30\0\0")},
      {.name = "unknown", TLVS("\x99\0\1x\xf0\0\1x")},
      {.name = "unknown_twice", TLVS("\x99\0\1x\x99\0\1y"), .problem = TWICE},
      {.name = "custom_twice", TLVS("\xe4\0\1x\xe4\0\1y")},
      {.name = "noop_twice", TLVS("\x04\0\1x\x04\0\0")},
      {.name = "id_twice", TLVS("\x05\0\1x\x05\0\1x"), .problem = TWICE},
      {.name = "authority_twice", TLVS("\x02\0\1x\x02\0\1x"), .problem = TWICE},
      {.name = "checksum_twice", TLVS("\x03\0\4\0\0\0\0"), .checksum = true, .problem = "the PROXY header does not fit its checksum"},
      {.name = "checksum_wrong", TLVS("\x03\0\4\1\2\3\4"), .problem = "the PROXY header does not fit its checksum"},
      {.name = "checksum_short", TLVS("\x03\0\3\0\0\0"), .problem = BAD_LENGTHS},
      {.name = "id_of_128", TLVS("\x05\0\x80" A64 A64)},
      {.name = "id_of_129", TLVS("\x05\0\x81" A64 A64 "a"), .problem = BAD_LENGTHS},
      {.name = "authority_of_255", TLVS("\x02\0\xff" A64 A64 A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")},
      {.name = "authority_of_256", TLVS("\x02\1\0" A64 A64 A64 A64), .problem = BAD_LENGTHS},
      {.name = "authority_with_nul", TLVS("\x02\0\3a\0b"), .problem = BAD_TEXT},
      {.name = "authority_with_newline", TLVS("\x02\0\3a\nb"), .problem = BAD_TEXT},
      {.name = "authority_in_utf8", TLVS("\x02\0\4b\xc3\xbc!")},
      {.name = "alpn_with_nul", TLVS("\x01\0\3a\0b"), .problem = BAD_TEXT},
      {.name = "ssl", TLVS("\x20\0\x13" SSL_HEAD "\x21\0\1x\x22\0\1x\x28\0\3\0\1\2")},
      {.name = "ssl_short", TLVS("\x20\0\4\1\0\0\0"), .problem = BAD_LENGTHS},
      {.name = "ssl_inner_beyond", TLVS("\x20\0\x09" SSL_HEAD "\x22\0\2x" "\x05\0\0"), .problem = BAD_LENGTHS},
      {.name = "ssl_inner_half", TLVS("\x20\0\x06" SSL_HEAD "\x22"), .problem = BAD_LENGTHS},
      {.name = "ssl_cn_twice", TLVS("\x20\0\x0d" SSL_HEAD "\x22\0\1x\x22\0\1y"), .problem = TWICE},
      {.name = "ssl_cn_with_nul", TLVS("\x20\0\x0b" SSL_HEAD "\x22\0\3a\0b"), .problem = BAD_TEXT},
      {.name = "ssl_twice", TLVS("\x20\0\x05" SSL_HEAD "\x20\0\x05" SSL_HEAD), .problem = TWICE});
/* clang-format on */

TEST_CASES(version_2_is_malformed_or_not, bads)
{
	static struct introduction_out out;
	struct proxy_header got;

	introduction_begin(&out, 0x21, 0x11, introduction_ip4_addresses, 12);
	memcpy(out.bytes + out.len, variant->tlvs ? variant->tlvs : "", variant->len);
	out.len += variant->len;
	introduction_end(&out, variant->checksum);
	if (variant->at)
		out.bytes[variant->at] = variant->byte;
	if (!variant->problem) {
		check_whole(out.bytes, out.len, &got);
		check_address(&got.source, "192.0.2.7:4711");
		return;
	}
	CHECK_EQ(parse(out.bytes, out.len, &any, &got), PROXY_HEADER_BAD);
	CHECK_STR(got.problem, variant->problem);
	CHECK_EQ(got.source.len, 0);
}

TEST(every_damaged_bit_is_found_by_the_checksum)
{
	static struct introduction_out out;
	struct proxy_header got;

	introduction_begin(&out, 0x21, 0x11, introduction_ip4_addresses, 12);
	introduction_tlv(&out, PROXY_TLV_AUTHORITY, "app.example", 11);
	introduction_end(&out, true);
	for (size_t bit = 16 * 8; bit < out.len * 8; bit++) {
		out.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* But for the one that says that it is a checksum: its type, and the lengths. */
		if (parse(out.bytes, out.len, &any, &got) == PROXY_HEADER_DONE)
			CHECK(bit / 8 == out.len - 7, "byte %zu", bit / 8);
		out.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

TEST(the_longest_is_limited)
{
	static const uint8_t zeros[4096];
	static struct introduction_out out;
	struct proxy_header got;

	introduction_begin(&out, 0x21, 0x11, introduction_ip4_addresses, 12);
	introduction_tlv(&out, PROXY_TLV_NOOP, zeros, 4096 - 28 - 3);
	introduction_end(&out, false);
	CHECK_EQ(out.len, 4096);
	check_whole(out.bytes, out.len, &got);
	introduction_begin(&out, 0x21, 0x11, introduction_ip4_addresses, 12);
	introduction_tlv(&out, PROXY_TLV_NOOP, zeros, 4096 - 28 - 2);
	introduction_end(&out, false);
	/* At once, not when all of it has come. */
	CHECK_EQ(parse(out.bytes, 15, &any, &got), PROXY_HEADER_MORE);
	CHECK_EQ(parse(out.bytes, 16, &any, &got), PROXY_HEADER_BAD);
	CHECK_STR(got.problem, "the PROXY header is longer than proxy_protocol.max_size");
}

/* --- writing --- */

/* As the tests' reader sees it. */
static const struct introduction *read_back(const void *bytes, size_t len)
{
	static struct introduction in;
	int fds[2];

	MUST_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	MUST_OK(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &(int){1 << 20}, sizeof(int)));
	MUST_EQ(write(fds[0], bytes, len), len);
	MUST_OK(close(fds[0]));
	MUST_EQ(introduction_receive(fds[1], 1000, &in), 0, "%s", in.problem);
	CHECK_EQ(in.len, len);
	MUST_OK(close(fds[1]));
	return &in;
}

struct way_case {
	VARIANT;
	const char *source, *destination;
	const char *line;
	const char *read; /* the source as somebody else reads it; NULL: the same */
	bool told;
};

/* clang-format off */
CASES(struct way_case, ways,
      {.name = "v4", .source = "192.0.2.7:4711", .destination = "198.51.100.1:443", .told = true, .line = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"},
      {.name = "v6", .source = "[2001:db8::7]:4711", .destination = "[::1]:443", .told = true, .line = "PROXY TCP6 2001:db8::7 ::1 4711 443\r\n"},
      {.name = "unix", .source = "unix:/a", .destination = "unix:/b", .line = "PROXY UNKNOWN\r\n"},
      {.name = "mixed", .source = "192.0.2.7:4711", .destination = "[::1]:443", .read = "[::ffff:192.0.2.7]:4711", .told = true, .line = "PROXY TCP6 ::ffff:192.0.2.7 ::1 4711 443\r\n"},
      {.name = "nothing", .line = "PROXY UNKNOWN\r\n"});
/* clang-format on */

TEST_CASES(addresses_are_written, ways)
{
	static uint8_t bytes[PROXY_HEADER_V2_MAX];
	struct addr source = {}, destination = {};
	const struct introduction *in;
	struct proxy_writer writer;
	char line[PROXY_HEADER_V1_MAX];
	const char *told;
	size_t len;
	int n;

	if (variant->source) {
		MUST_EQ(addr_parse(variant->source, &source), 0);
		MUST_EQ(addr_parse(variant->destination, &destination), 0);
	}
	told = !variant->told ? "-" : variant->read ? variant->read : variant->source;
	len = proxy_header_line(line, &source, &destination);
	MUST_EQ(len, strlen(variant->line));
	CHECK_MEM(line, variant->line, len);
	in = read_back(line, len);
	CHECK_STR(in->source, told);
	proxy_header_begin(&writer, bytes, sizeof(bytes), &source, &destination);
	n = proxy_header_end(&writer, false);
	MUST(n > 0);
	in = read_back(bytes, (size_t)n);
	CHECK_EQ(in->version, 2);
	CHECK(!in->local);
	CHECK_STR(in->source, told);
	CHECK_STR(in->destination, variant->told ? variant->destination : "-");
}

TEST(what_is_written_is_read_again)
{
	static uint8_t bytes[PROXY_HEADER_V2_MAX];
	const struct addr none = {};
	const struct introduction *in;
	struct proxy_writer writer;
	struct proxy_header got;
	size_t opened;
	int len;

	proxy_header_begin(&writer, bytes, sizeof(bytes), &none, &none);
	proxy_header_add(&writer, PROXY_TLV_AUTHORITY, "app.example", 11);
	opened = proxy_header_open_ssl(&writer, PROXY_SSL_TLS | PROXY_SSL_CERT_SESS, true);
	proxy_header_add(&writer, PROXY_TLV_SSL_VERSION, "TLSv1.3", 7);
	proxy_header_add(&writer, PROXY_TLV_SSL_CN, "client", 6);
	proxy_header_close(&writer, opened);
	proxy_header_add(&writer, 0xea, "\0\1\2", 3);
	len = proxy_header_end(&writer, true);
	MUST(len > 0);
	in = read_back(bytes, (size_t)len);
	CHECK(introduction_is(in, PROXY_TLV_AUTHORITY, "app.example"));
	CHECK_EQ(in->ssl_flags, 5);
	CHECK_EQ(in->ssl_verify, 0);
	CHECK(introduction_is(in, PROXY_TLV_SSL_VERSION, "TLSv1.3"));
	CHECK(introduction_is(in, PROXY_TLV_SSL_CN, "client"));
	CHECK_EQ(in->tlv[0xea].len, 3);
	CHECK(in->tlv[PROXY_TLV_CRC32C].at);
	check_whole(bytes, (size_t)len, &got);
	CHECK_EQ(proxy_tlv_find(got.tlvs, PROXY_TLV_SSL).len, 5 + 10 + 9);
	CHECK(!proxy_tlv_find(got.tlvs, PROXY_TLV_ALPN).bytes);
}

/* @extra: bytes more than what fits in one header. */
static int write_full(size_t extra, uint8_t *bytes, size_t size)
{
	static const uint8_t zeros[65535];
	const struct addr none = {};
	struct proxy_writer writer;
	size_t opened;

	proxy_header_begin(&writer, bytes, size, &none, &none);
	opened = proxy_header_open_ssl(&writer, PROXY_SSL_TLS, false);
	proxy_header_add(&writer, PROXY_TLV_SSL_CLIENT_CERT, zeros, 65535 - 8 - 3 - 7 + extra);
	proxy_header_close(&writer, opened);
	return proxy_header_end(&writer, true);
}

TEST(what_does_not_fit_is_not_written)
{
	static uint8_t bytes[PROXY_HEADER_V2_MAX + 100];

	CHECK_EQ(write_full(0, bytes, sizeof(bytes)), PROXY_HEADER_V2_MAX);
	CHECK_EQ(write_full(1, bytes, sizeof(bytes)), -EMSGSIZE);
	CHECK_EQ(write_full(18, bytes, sizeof(bytes)), -EMSGSIZE);
	CHECK_EQ(write_full(0, bytes, 1000), -EMSGSIZE);
	CHECK_EQ(write_full(0, bytes, 0), -EMSGSIZE);
}
