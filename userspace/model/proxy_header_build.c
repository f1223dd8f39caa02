// SPDX-License-Identifier: Apache-2.0
#include "model/proxy_header.h"

#include "base/crc32c.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { HEAD_BYTES = 16, LENGTH_AT = 14, TLV_HEAD_BYTES = 3 };

/* The signature, and "version 2, PROXY" behind it. */
static const uint8_t head[13] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a,
				 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21};

static void put(struct proxy_writer *writer, const void *bytes, size_t len)
{
	if (writer->full || len > writer->size - writer->len) {
		writer->full = true;
		return;
	}
	if (len > 0)
		memcpy(writer->bytes + writer->len, bytes, len);
	writer->len += len;
}

static void put_number(struct proxy_writer *writer, size_t number, size_t n_bytes)
{
	uint8_t bytes[4];

	for (size_t i = 0; i < n_bytes; i++)
		bytes[i] = (uint8_t)(number >> 8 * (n_bytes - 1 - i));
	put(writer, bytes, n_bytes);
}

/* Into what was written before. */
static void set_length(struct proxy_writer *writer, size_t at, size_t len)
{
	if (writer->full || len > UINT16_MAX) {
		writer->full = true;
		return;
	}
	writer->bytes[at] = (uint8_t)(len >> 8);
	writer->bytes[at + 1] = (uint8_t)len;
}

/** The addresses as a header has them: both of one family, AF_UNSPEC when it has none for them. */
struct ends {
	sa_family_t family;
	struct addr source, destination;
};

static bool is_ip(const struct addr *a)
{
	return a->len > 0 && (a->sa.sa_family == AF_INET || a->sa.sa_family == AF_INET6);
}

/* ::ffff:192.0.2.7, which is how HAProxy writes an IPv4 address beside one of IPv6. */
static void map(struct addr *a)
{
	struct addr in6 = {.len = sizeof(in6.in6), .in6.sin6_family = AF_INET6};

	if (a->sa.sa_family != AF_INET)
		return;
	in6.in6.sin6_port = a->in4.sin_port;
	in6.in6.sin6_addr.s6_addr[10] = in6.in6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&in6.in6.sin6_addr.s6_addr[12], &a->in4.sin_addr, sizeof(a->in4.sin_addr));
	*a = in6;
}

static struct ends ends_of(const struct addr *source, const struct addr *destination)
{
	struct ends ends = {.family = AF_UNSPEC, .source = *source, .destination = *destination};

	if (!is_ip(source) || !is_ip(destination))
		return ends;
	if (source->sa.sa_family != destination->sa.sa_family) {
		map(&ends.source);
		map(&ends.destination);
	}
	ends.family = ends.source.sa.sa_family;
	return ends;
}

void proxy_header_begin(struct proxy_writer *writer, uint8_t *buf, size_t size,
			const struct addr *source, const struct addr *destination)
{
	const struct ends ends = ends_of(source, destination);

	*writer = (struct proxy_writer){.bytes = buf, .size = size};
	put(writer, head, sizeof(head));
	if (ends.family == AF_INET) {
		put_number(writer, 0x11, 1);
		put_number(writer, 0, 2);
		put(writer, &ends.source.in4.sin_addr, 4);
		put(writer, &ends.destination.in4.sin_addr, 4);
		put(writer, &ends.source.in4.sin_port, 2);
		put(writer, &ends.destination.in4.sin_port, 2);
	} else if (ends.family == AF_INET6) {
		put_number(writer, 0x21, 1);
		put_number(writer, 0, 2);
		put(writer, &ends.source.in6.sin6_addr, 16);
		put(writer, &ends.destination.in6.sin6_addr, 16);
		put(writer, &ends.source.in6.sin6_port, 2);
		put(writer, &ends.destination.in6.sin6_port, 2);
	} else {
		/* Not LOCAL: a receiver throws away what comes with that, the identity too. */
		put_number(writer, 0x00, 1);
		put_number(writer, 0, 2);
	}
}

void proxy_header_add(struct proxy_writer *writer, uint8_t type, const void *value, size_t len)
{
	if (len > UINT16_MAX) {
		writer->full = true;
		return;
	}
	put_number(writer, type, 1);
	put_number(writer, len, 2);
	put(writer, value, len);
}

size_t proxy_header_open_ssl(struct proxy_writer *writer, uint8_t flags, bool verified)
{
	size_t opened = writer->len;

	put_number(writer, PROXY_TLV_SSL, 1);
	put_number(writer, 0, 2);
	put_number(writer, flags, 1);
	put_number(writer, verified ? 0 : 1, 4);
	return opened;
}

void proxy_header_close(struct proxy_writer *writer, size_t opened)
{
	set_length(writer, opened + 1, writer->len - opened - TLV_HEAD_BYTES);
}

int proxy_header_end(struct proxy_writer *writer, bool with_crc32c)
{
	static const uint8_t zeros[4];
	size_t at = writer->len + TLV_HEAD_BYTES;
	uint32_t crc;

	if (with_crc32c)
		proxy_header_add(writer, PROXY_TLV_CRC32C, zeros, sizeof(zeros));
	set_length(writer, LENGTH_AT, writer->len - HEAD_BYTES);
	if (writer->full)
		return -EMSGSIZE;
	if (with_crc32c) {
		crc = htonl(crc32c(0, writer->bytes, writer->len));
		memcpy(writer->bytes + at, &crc, sizeof(crc));
	}
	return (int)writer->len;
}

size_t proxy_header_line(char line[PROXY_HEADER_V1_MAX], const struct addr *source,
			 const struct addr *destination)
{
	static const char unknown[] = "PROXY UNKNOWN\r\n";
	const struct ends ends = ends_of(source, destination);
	char from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX], text[PROXY_HEADER_V1_MAX + 1];
	int len;

	if (ends.family == AF_UNSPEC) {
		memcpy(line, unknown, sizeof(unknown) - 1);
		return sizeof(unknown) - 1;
	}
	len = snprintf(text, sizeof(text), "PROXY TCP%c %s %s %u %u\r\n",
		       ends.family == AF_INET ? '4' : '6', addr_format_host(&ends.source, from),
		       addr_format_host(&ends.destination, to), addr_port(source),
		       addr_port(destination));
	memcpy(line, text, (size_t)len);
	return (size_t)len;
}
