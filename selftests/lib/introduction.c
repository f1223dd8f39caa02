// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/introduction.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t magic[12] = "\r\n\r\n\0\r\nQUIT\n";

const uint8_t introduction_ip4_addresses[12] = {192, 0, 2, 7, 198, 51, 100, 1, 0x12, 0x67, 1, 0xbb};

__attribute__((format(printf, 2, 3))) static int wrong(struct introduction *in, const char *format,
						       ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(in->problem, sizeof(in->problem), format, args);
	va_end(args);
	return -1;
}

/* CRC-32/ISCSI as its definition has it: the highest bit first, every byte turned round. */
static uint32_t turned(uint32_t value, int bits)
{
	uint32_t result = 0;

	for (int i = 0; i < bits; i++)
		result |= (value >> i & 1) << (bits - 1 - i);
	return result;
}

static uint32_t checksum(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		sum ^= turned(bytes[i], 8) << 24;
		for (int bit = 0; bit < 8; bit++)
			sum = sum & 0x80000000 ? sum << 1 ^ 0x1edc6f41 : sum << 1;
	}
	return turned(~sum, 32);
}

/* --- receiving --- */

static int read_exactly(int fd, int timeout_ms, struct introduction *in, size_t n)
{
	while (n > 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t got;

		if (poll(&p, 1, timeout_ms) <= 0) {
			in->end = -ETIMEDOUT;
			return wrong(in, "%zu bytes of the header are missing", n);
		}
		got = recv(fd, in->bytes + in->len, n, 0);
		if (got <= 0) {
			in->end = got < 0 ? -errno : -ENODATA;
			return wrong(in, "the connection ended %zu bytes before the header did", n);
		}
		in->len += (size_t)got;
		n -= (size_t)got;
	}
	return 0;
}

/* A number as printf(3) would write it. */
static bool is_port(const char *text, unsigned int *ret_port)
{
	char again[8];

	*ret_port = (unsigned int)strtoul(text, NULL, 10);
	snprintf(again, sizeof(again), "%u", *ret_port & 0xffff);
	return strcmp(again, text) == 0;
}

static int read_line(struct introduction *in)
{
	char line[108], *words[7], *rest = line;
	bool six;
	unsigned int from, to;
	uint8_t ip[16];
	size_t n = 0;

	memcpy(line, in->bytes, in->len - 2);
	line[in->len - 2] = '\0';
	in->version = 1;
	if (strcmp(line, "PROXY UNKNOWN") == 0)
		return 0;
	while (n < 7 && (words[n] = strsep(&rest, " ")))
		n++;
	if (n != 6 || strcmp(words[0], "PROXY") != 0 || strncmp(words[1], "TCP", 3) != 0)
		return wrong(in, "not a line: %s", line);
	six = strcmp(words[1], "TCP6") == 0;
	if ((!six && strcmp(words[1], "TCP4") != 0) ||
	    inet_pton(six ? AF_INET6 : AF_INET, words[2], ip) != 1 ||
	    inet_pton(six ? AF_INET6 : AF_INET, words[3], ip) != 1 || !is_port(words[4], &from) ||
	    !is_port(words[5], &to))
		return wrong(in, "not the addresses of one protocol");
	snprintf(in->source, sizeof(in->source), six ? "[%s]:%u" : "%s:%u", words[2], from);
	snprintf(in->destination, sizeof(in->destination), six ? "[%s]:%u" : "%s:%u", words[3], to);
	return 0;
}

static int receive_line(int fd, int timeout_ms, struct introduction *in)
{
	while (in->len < 2 || memcmp(in->bytes + in->len - 2, "\r\n", 2) != 0) {
		if (in->len == 107)
			return wrong(in, "a line of more than 107 bytes");
		if (read_exactly(fd, timeout_ms, in, 1) < 0)
			return -1;
	}
	return memchr(in->bytes, '\0', in->len) ? wrong(in, "a line with a NUL") : read_line(in);
}

static int check_sum(struct introduction *in)
{
	const struct introduction_value *sum = &in->tlv[3];
	uint8_t *copy;
	uint32_t mine;
	bool same;

	if (!sum->at)
		return 0;
	if (sum->len != 4 || !(copy = malloc(in->len)))
		return wrong(in, "a checksum of %zu bytes", sum->len);
	memcpy(copy, in->bytes, in->len);
	memset(copy + (sum->at - in->bytes), 0, 4);
	mine = htonl(checksum(copy, in->len));
	same = memcmp(&mine, sum->at, 4) == 0;
	free(copy);
	return same ? 0 : wrong(in, "a wrong checksum");
}

/* Those that begin behind the head of SSL are inside of it. */
static int read_tlvs(struct introduction *in, const uint8_t *at, const uint8_t *end)
{
	bool inner = in->tlv[0x20].at && at == in->tlv[0x20].at + 5;

	while (at < end) {
		size_t len = end - at >= 3 ? (size_t)at[1] << 8 | at[2] : SIZE_MAX;
		uint8_t type = at[0];

		if (len > (size_t)(end - at - 3))
			return wrong(in, "type %#x is longer than what it is in", type);
		if (inner != (type > 0x20 && type < 0x30))
			return wrong(in, "type %#x does not belong there", type);
		if (in->tlv[type].at)
			return wrong(in, "type %#x stands twice", type);
		in->tlv[type] = (struct introduction_value){at + 3, len};
		at += 3 + len;
	}
	return 0;
}

static int read_ssl(struct introduction *in)
{
	const struct introduction_value *ssl = &in->tlv[0x20];

	if (!ssl->at)
		return 0;
	if (ssl->len < 5)
		return wrong(in, "an SSL block of %zu bytes", ssl->len);
	in->ssl_flags = ssl->at[0];
	memcpy(&in->ssl_verify, ssl->at + 1, 4);
	in->ssl_verify = ntohl(in->ssl_verify);
	if (read_tlvs(in, ssl->at + 5, ssl->at + ssl->len) < 0)
		return -1;
	if (!(in->ssl_flags & 1) || in->ssl_flags > 7 || !in->tlv[0x21].at)
		return wrong(in, "an SSL block without TLS or its version");
	if (!(in->ssl_flags & 6) && (in->ssl_verify == 0 || in->tlv[0x22].at || in->tlv[0x28].at))
		return wrong(in, "an identity without a certificate");
	return 0;
}

static void format(char *text, int family, const uint8_t *ip, const uint8_t *port)
{
	char host[INET6_ADDRSTRLEN];

	inet_ntop(family, ip, host, sizeof(host));
	snprintf(text, ADDR_TEXT_MAX, family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
		 (unsigned int)port[0] << 8 | port[1]);
}

static int receive_v2(int fd, int timeout_ms, struct introduction *in)
{
	const uint8_t *at = in->bytes + 16;

	if (read_exactly(fd, timeout_ms, in, 16 - in->len) < 0 ||
	    read_exactly(fd, timeout_ms, in, (size_t)in->bytes[14] << 8 | in->bytes[15]) < 0)
		return -1;
	in->version = 2;
	in->local = in->bytes[12] == 0x20;
	if (in->local)
		return in->bytes[13] == 0 && in->len == 16 ? 0 : wrong(in, "LOCAL, and more");
	if (in->bytes[12] != 0x21)
		return wrong(in, "version and command are %#x", in->bytes[12]);
	if (in->bytes[13] == 0x11 && in->len >= 28) {
		format(in->source, AF_INET, at, at + 8);
		format(in->destination, AF_INET, at + 4, at + 10);
		at += 12;
	} else if (in->bytes[13] == 0x21 && in->len >= 52) {
		format(in->source, AF_INET6, at, at + 32);
		format(in->destination, AF_INET6, at + 16, at + 34);
		at += 36;
	} else if (in->bytes[13] != 0) {
		return wrong(in, "the family is %#x", in->bytes[13]);
	}
	if (read_tlvs(in, at, in->bytes + in->len) < 0 || read_ssl(in) < 0)
		return -1;
	return check_sum(in);
}

int introduction_receive(int fd, int timeout_ms, struct introduction *in)
{
	*in = (struct introduction){.source = "-", .destination = "-"};
	if (read_exactly(fd, timeout_ms, in, 12) < 0)
		return -1;
	return memcmp(in->bytes, magic, 12) == 0 ? receive_v2(fd, timeout_ms, in)
						 : receive_line(fd, timeout_ms, in);
}

bool introduction_is(const struct introduction *in, uint8_t type, const char *text)
{
	const struct introduction_value *value = &in->tlv[type];

	return value->at && value->len == strlen(text) && memcmp(value->at, text, value->len) == 0;
}

/* --- writing --- */

static void append(struct introduction_out *out, const void *bytes, size_t len)
{
	if (len > sizeof(out->bytes) - out->len)
		abort();
	memcpy(out->bytes + out->len, bytes, len);
	out->len += len;
}

void introduction_begin(struct introduction_out *out, uint8_t command, uint8_t family,
			const void *addresses, size_t len)
{
	const uint8_t head[4] = {command, family, 0, 0};

	out->len = 0;
	append(out, magic, sizeof(magic));
	append(out, head, sizeof(head));
	append(out, addresses, len);
}

void introduction_tlv(struct introduction_out *out, uint8_t type, const void *value, size_t len)
{
	const uint8_t head[3] = {type, (uint8_t)(len >> 8), (uint8_t)len};

	append(out, head, sizeof(head));
	append(out, value, len);
}

void introduction_end(struct introduction_out *out, bool with_checksum)
{
	uint32_t sum = 0;

	if (with_checksum)
		introduction_tlv(out, 3, &sum, sizeof(sum));
	out->bytes[14] = (uint8_t)((out->len - 16) >> 8);
	out->bytes[15] = (uint8_t)(out->len - 16);
	if (!with_checksum)
		return;
	sum = htonl(checksum(out->bytes, out->len));
	memcpy(out->bytes + out->len - 4, &sum, 4);
}

void introduction_ip4(struct introduction_out *out)
{
	introduction_begin(out, 0x21, 0x11, introduction_ip4_addresses,
			   sizeof(introduction_ip4_addresses));
	introduction_end(out, false);
}
