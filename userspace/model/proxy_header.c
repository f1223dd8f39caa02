// SPDX-License-Identifier: Apache-2.0
#include "model/proxy_header.h"

#include "base/crc32c.h"

#include <arpa/inet.h>
#include <string.h>

#define NO_HEADER   "this is no PROXY header"
#define BAD_LINE    "the PROXY line is malformed"
#define BAD_LENGTHS "the lengths in the PROXY header do not add up"
#define TWICE	    "a type stands twice in the PROXY header"

enum { V2_HEAD_BYTES = 16, TLV_HEAD_BYTES = 3, SSL_HEAD_BYTES = 5, CRC32C_BYTES = 4 };
enum { IN4_BYTES = 12, IN6_BYTES = 36, UNIX_BYTES = 216 };

static const char line_start[] = {'P', 'R', 'O', 'X', 'Y', ' '};
static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
				      0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

static enum proxy_header_result bad(struct proxy_header *header, const char *problem)
{
	*header = (struct proxy_header){.problem = problem};
	return PROXY_HEADER_BAD;
}

static size_t lesser(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t number16(const uint8_t *bytes)
{
	return (size_t)bytes[0] << 8 | bytes[1];
}

/* --- addresses --- */

static bool is_mapped(const struct addr *a)
{
	return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr);
}

static void unmap(struct addr *a)
{
	struct addr in4 = {.len = sizeof(in4.in4), .in4.sin_family = AF_INET};

	in4.in4.sin_port = a->in6.sin6_port;
	memcpy(&in4.in4.sin_addr, &a->in6.sin6_addr.s6_addr[12], sizeof(in4.in4.sin_addr));
	*a = in4;
}

/* HAProxy writes one that is IPv4 beside one that is not in this form. */
static void unmap_both(struct proxy_header *header)
{
	if (is_mapped(&header->source))
		unmap(&header->source);
	if (is_mapped(&header->destination))
		unmap(&header->destination);
}

/* @port: two bytes in network order. */
static struct addr address(sa_family_t family, const void *ip, const void *port)
{
	struct addr a = {.sa.sa_family = family};

	if (family == AF_INET) {
		a.len = sizeof(a.in4);
		memcpy(&a.in4.sin_addr, ip, sizeof(a.in4.sin_addr));
		memcpy(&a.in4.sin_port, port, sizeof(a.in4.sin_port));
	} else {
		a.len = sizeof(a.in6);
		memcpy(&a.in6.sin6_addr, ip, sizeof(a.in6.sin6_addr));
		memcpy(&a.in6.sin6_port, port, sizeof(a.in6.sin6_port));
	}
	return a;
}

/* --- version 1 --- */

/* The words of a line, each with the single blank before it. */
struct words {
	const char *at, *end;
};

/* The next word as a text; "" when there is none, or one that is too long for any. */
static const char *next_word(struct words *words, char text[INET6_ADDRSTRLEN])
{
	const char *start = words->at + 1, *end = start;

	text[0] = '\0';
	if (words->at >= words->end || *words->at != ' ')
		return text;
	while (end < words->end && *end != ' ')
		end++;
	words->at = end;
	if (end - start >= INET6_ADDRSTRLEN || memchr(start, '\0', (size_t)(end - start)))
		return text;
	memcpy(text, start, (size_t)(end - start));
	text[end - start] = '\0';
	return text;
}

static bool read_ip(struct words *words, sa_family_t family, uint8_t ip[16])
{
	char text[INET6_ADDRSTRLEN];

	return inet_pton(family, next_word(words, text), ip) == 1;
}

static bool read_port(struct words *words, in_port_t *ret_port)
{
	char text[INET6_ADDRSTRLEN] = "";
	size_t len = strlen(next_word(words, text));
	unsigned int port = 0;

	if (len == 0 || len > 5 || (len > 1 && text[0] == '0') || strspn(text, "0123456789") != len)
		return false;
	for (size_t i = 0; i < len; i++)
		port = port * 10 + (unsigned int)(text[i] - '0');
	*ret_port = htons((in_port_t)port);
	return port <= 65535;
}

static enum proxy_header_result read_line(struct words words, struct proxy_header *header)
{
	uint8_t source[16], destination[16];
	char protocol[INET6_ADDRSTRLEN];
	in_port_t from, to;
	sa_family_t family;

	next_word(&words, protocol);
	/* Whatever stands behind it is to be ignored. */
	if (strcmp(protocol, "UNKNOWN") == 0)
		return PROXY_HEADER_DONE;
	if (strcmp(protocol, "TCP4") != 0 && strcmp(protocol, "TCP6") != 0)
		return bad(header, BAD_LINE);
	family = strcmp(protocol, "TCP4") == 0 ? AF_INET : AF_INET6;
	if (!read_ip(&words, family, source) || !read_ip(&words, family, destination) ||
	    !read_port(&words, &from) || !read_port(&words, &to) || words.at != words.end)
		return bad(header, BAD_LINE);
	header->source = address(family, source, &from);
	header->destination = address(family, destination, &to);
	unmap_both(header);
	return PROXY_HEADER_DONE;
}

static enum proxy_header_result parse_v1(const char *bytes, size_t len, struct proxy_header *header)
{
	size_t seen = lesser(len, PROXY_HEADER_V1_MAX);
	struct words words = {.at = bytes + sizeof(line_start) - 1};

	if (len < sizeof(line_start))
		return PROXY_HEADER_MORE;
	for (size_t i = sizeof(line_start); i < seen; i++) {
		if (bytes[i] == '\n')
			return bad(header, BAD_LINE);
		if (bytes[i] != '\r')
			continue;
		if (i + 1 == PROXY_HEADER_V1_MAX)
			break;
		if (i + 1 == len)
			return PROXY_HEADER_MORE;
		if (bytes[i + 1] != '\n')
			return bad(header, BAD_LINE);
		header->len = i + 2;
		words.end = bytes + i;
		return read_line(words, header);
	}
	return seen < PROXY_HEADER_V1_MAX ? PROXY_HEADER_MORE
					  : bad(header, "the PROXY line is longer than 107 bytes");
}

/* --- version 2 --- */

bool proxy_tlv_next(struct proxy_span *rest, struct proxy_tlv *ret_tlv)
{
	size_t len;

	if (rest->len < TLV_HEAD_BYTES)
		return false;
	len = number16(rest->bytes + 1);
	if (len > rest->len - TLV_HEAD_BYTES)
		return false;
	ret_tlv->type = rest->bytes[0];
	ret_tlv->value = (struct proxy_span){rest->bytes + TLV_HEAD_BYTES, len};
	rest->bytes += TLV_HEAD_BYTES + len;
	rest->len -= TLV_HEAD_BYTES + len;
	return true;
}

struct proxy_span proxy_tlv_find(struct proxy_span tlvs, uint8_t type)
{
	struct proxy_tlv tlv;

	while (proxy_tlv_next(&tlvs, &tlv)) {
		if (tlv.type == type)
			return tlv.value;
	}
	return (struct proxy_span){};
}

/* Which types have been seen; those that everybody may use as he likes may stand there twice. */
struct seen {
	bool type[256];
};

static bool is_new(struct seen *seen, uint8_t type)
{
	bool again = seen->type[type];

	seen->type[type] = true;
	return !again || type == PROXY_TLV_NOOP || type >= 0xe0;
}

/* What C programs, logs and rules take for text must not have a second reading in it. */
static bool is_text(struct proxy_span value)
{
	for (size_t i = 0; i < value.len; i++) {
		if (value.bytes[i] < 0x20 || value.bytes[i] == 0x7f)
			return false;
	}
	return true;
}

/* Returns: NULL, or what is wrong. */
static const char *check_ssl(struct proxy_span value)
{
	struct seen seen = {};
	struct proxy_tlv tlv;

	if (value.len < SSL_HEAD_BYTES)
		return BAD_LENGTHS;
	value.bytes += SSL_HEAD_BYTES;
	value.len -= SSL_HEAD_BYTES;
	while (proxy_tlv_next(&value, &tlv)) {
		if (!is_new(&seen, tlv.type))
			return TWICE;
		if (tlv.type >= PROXY_TLV_SSL_VERSION && tlv.type < PROXY_TLV_SSL_CLIENT_CERT &&
		    !is_text(tlv.value))
			return "a text in the PROXY header has control characters";
	}
	return value.len > 0 ? BAD_LENGTHS : NULL;
}

/* @whole: with the checksum in it, for which zeros stand in while it is computed. */
static bool is_intact(struct proxy_span whole, struct proxy_span checksum)
{
	static const uint8_t zeros[CRC32C_BYTES];
	size_t before = (size_t)(checksum.bytes - whole.bytes), behind = before + CRC32C_BYTES;
	uint32_t crc, said;

	crc = crc32c(0, whole.bytes, before);
	crc = crc32c(crc, zeros, sizeof(zeros));
	crc = crc32c(crc, whole.bytes + behind, whole.len - behind);
	memcpy(&said, checksum.bytes, sizeof(said));
	return crc == ntohl(said);
}

static const char *check_tlv(struct proxy_span whole, const struct proxy_tlv *tlv)
{
	switch (tlv->type) {
	case PROXY_TLV_CRC32C:
		if (tlv->value.len != CRC32C_BYTES)
			return BAD_LENGTHS;
		return is_intact(whole, tlv->value) ? NULL
						    : "the PROXY header does not fit its checksum";
	case PROXY_TLV_UNIQUE_ID:
		return tlv->value.len <= PROXY_UNIQUE_ID_MAX ? NULL : BAD_LENGTHS;
	case PROXY_TLV_ALPN:
	case PROXY_TLV_AUTHORITY:
		if (tlv->value.len > PROXY_AUTHORITY_MAX)
			return BAD_LENGTHS;
		return is_text(tlv->value) ? NULL
					   : "a text in the PROXY header has control characters";
	case PROXY_TLV_SSL:
		return check_ssl(tlv->value);
	default:
		return NULL;
	}
}

static const char *check_tlvs(struct proxy_span whole, struct proxy_span rest)
{
	struct seen seen = {};
	const char *problem = NULL;
	struct proxy_tlv tlv;

	while (!problem && proxy_tlv_next(&rest, &tlv))
		problem = is_new(&seen, tlv.type) ? check_tlv(whole, &tlv) : TWICE;
	if (problem)
		return problem;
	return rest.len > 0 ? BAD_LENGTHS : NULL;
}

/*
 * Bytes of the addresses. Datagrams are no business of ours: the protocol wants such a header to be
 * taken as one that does not tell the addresses. Returns: false for a family that there is none of.
 */
static bool read_family(uint8_t family, size_t *ret_bytes)
{
	switch (family) {
	case 0x00:
		*ret_bytes = 0;
		return true;
	case 0x11:
	case 0x12:
		*ret_bytes = IN4_BYTES;
		return true;
	case 0x21:
	case 0x22:
		*ret_bytes = IN6_BYTES;
		return true;
	case 0x31:
	case 0x32:
		*ret_bytes = UNIX_BYTES;
		return true;
	default:
		return false;
	}
}

static void read_addresses(uint8_t family, const uint8_t *at, struct proxy_header *header)
{
	switch (family) {
	case 0x11:
		header->source = address(AF_INET, at, at + 8);
		header->destination = address(AF_INET, at + 4, at + 10);
		break;
	case 0x21:
		header->source = address(AF_INET6, at, at + 32);
		header->destination = address(AF_INET6, at + 16, at + 34);
		unmap_both(header);
		break;
	case 0x31:
		/* Whoever connects to a unix socket has no name there as a rule. */
		header->source = header->destination =
			(struct addr){.len = sizeof(sa_family_t), .sa.sa_family = AF_UNIX};
		break;
	default: /* UNSPEC */
		break;
	}
}

static enum proxy_header_result read_v2(struct proxy_span whole, struct proxy_header *header)
{
	const uint8_t *at = whole.bytes + V2_HEAD_BYTES;
	uint8_t command = whole.bytes[12], family = whole.bytes[13];
	const char *problem;
	size_t bytes = 0;

	header->len = whole.len;
	if (command == 0x20) /* LOCAL: what follows is to be ignored, the family too */
		return PROXY_HEADER_DONE;
	if (!read_family(family, &bytes))
		return bad(header, "the PROXY header has an unknown family of addresses");
	if (bytes > whole.len - V2_HEAD_BYTES)
		return bad(header, BAD_LENGTHS);
	read_addresses(family, at, header);
	header->tlvs = (struct proxy_span){at + bytes, whole.len - V2_HEAD_BYTES - bytes};
	problem = check_tlvs(whole, header->tlvs);
	return problem ? bad(header, problem) : PROXY_HEADER_DONE;
}

static enum proxy_header_result parse_v2(const uint8_t *bytes, size_t len,
					 const struct proxy_header_limits *limits,
					 struct proxy_header *header)
{
	size_t whole;

	if (len > 12 && bytes[12] != 0x20 && bytes[12] != 0x21)
		return bad(header, "the PROXY header has an unknown version or command");
	if (len < V2_HEAD_BYTES)
		return PROXY_HEADER_MORE;
	whole = V2_HEAD_BYTES + number16(bytes + 14);
	if (whole > limits->max_bytes)
		return bad(header, "the PROXY header is longer than proxy_protocol.max_size");
	if (len < whole)
		return PROXY_HEADER_MORE;
	return read_v2((struct proxy_span){bytes, whole}, header);
}

/* --- */

enum proxy_header_result proxy_header_parse(const void *bytes, size_t len,
					    const struct proxy_header_limits *limits,
					    struct proxy_header *ret_header)
{
	*ret_header = (struct proxy_header){};
	if (len == 0)
		return PROXY_HEADER_MORE;
	/* The first byte tells the two apart. */
	if (limits->v1 && memcmp(bytes, line_start, lesser(len, sizeof(line_start))) == 0) {
		ret_header->version = 1;
		return parse_v1(bytes, len, ret_header);
	}
	if (limits->v2 && memcmp(bytes, signature, lesser(len, sizeof(signature))) == 0) {
		ret_header->version = 2;
		return parse_v2(bytes, len, limits, ret_header);
	}
	return bad(ret_header, NO_HEADER);
}
