// SPDX-License-Identifier: Apache-2.0
/*
 * Input: what comes from a proxy first. What was said of its beginning stays true when more comes, and
 * a header that is written from what was read says the same again.
 */
#include "selftests/fuzz/fuzz.h"

#include "model/proxy_header.h"

#include <string.h>

static const struct proxy_header_limits limits = {.v1 = true, .v2 = true, .max_bytes = 4096};

static bool same_addr(const struct addr *a, const struct addr *b)
{
	return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

static void check_header(enum proxy_header_result result, const struct proxy_header *header,
			 const uint8_t *data, size_t size)
{
	MUST_HOLD((result == PROXY_HEADER_BAD) == (header->problem != NULL));
	if (result != PROXY_HEADER_DONE)
		return;
	MUST_HOLD(header->len <= size && header->len > 0);
	MUST_HOLD(header->version == 2 ? header->len <= limits.max_bytes
				       : header->len <= PROXY_HEADER_V1_MAX);
	MUST_HOLD((header->source.len > 0) == (header->destination.len > 0));
	MUST_HOLD(header->source.len == 0 ||
		  addr_is_unix(&header->source) == addr_is_unix(&header->destination));
	MUST_HOLD(header->tlvs.len == 0 ||
		  (header->tlvs.bytes >= data &&
		   header->tlvs.bytes + header->tlvs.len == data + header->len));
}

static void check_beginning(enum proxy_header_result whole, const struct proxy_header *header,
			    const uint8_t *data, size_t size)
{
	struct proxy_header part;
	enum proxy_header_result result = proxy_header_parse(data, size, &limits, &part);

	check_header(result, &part, data, size);
	if (result == PROXY_HEADER_MORE)
		return;
	MUST_HOLD(result == whole && part.len == header->len && part.problem == header->problem);
	MUST_HOLD(same_addr(&part.source, &header->source));
}

static void add(struct proxy_writer *writer, const struct proxy_tlv *tlv)
{
	const uint8_t *at = tlv->value.bytes;
	struct proxy_span rest = {at + 5, tlv->value.len - 5};
	struct proxy_tlv inner;
	size_t opened;

	if (tlv->type != PROXY_TLV_SSL) {
		proxy_header_add(writer, tlv->type, at, tlv->value.len);
		return;
	}
	MUST_HOLD(tlv->value.len >= 5);
	opened = proxy_header_open_ssl(writer, at[0], memcmp(at + 1, "\0\0\0\0", 4) == 0);
	while (proxy_tlv_next(&rest, &inner))
		proxy_header_add(writer, inner.type, inner.value.bytes, inner.value.len);
	MUST_HOLD(rest.len == 0);
	proxy_header_close(writer, opened);
}

/* Returns: how many there are. */
static size_t compare(struct proxy_span a, struct proxy_span b)
{
	struct proxy_tlv mine, theirs;
	size_t n = 0;

	while (proxy_tlv_next(&a, &mine)) {
		if (mine.type == PROXY_TLV_CRC32C)
			continue;
		n++;
		do {
			MUST_HOLD(proxy_tlv_next(&b, &theirs));
		} while (theirs.type == PROXY_TLV_CRC32C);
		MUST_HOLD(mine.type == theirs.type && mine.value.len == theirs.value.len);
		/* All but the number behind "not verified" is the same. */
		if (mine.type != PROXY_TLV_SSL && mine.value.len > 0)
			MUST_HOLD(memcmp(mine.value.bytes, theirs.value.bytes, mine.value.len) ==
				  0);
	}
	return n;
}

static void write_again(const struct proxy_header *header)
{
	uint8_t bytes[8192];
	struct proxy_span rest = header->tlvs;
	struct proxy_writer writer;
	struct proxy_header again;
	const struct proxy_header_limits all = {.v2 = true, .max_bytes = sizeof(bytes)};
	struct proxy_tlv tlv;
	int len;

	proxy_header_begin(&writer, bytes, sizeof(bytes), &header->source, &header->destination);
	while (proxy_tlv_next(&rest, &tlv)) {
		if (tlv.type != PROXY_TLV_CRC32C)
			add(&writer, &tlv);
	}
	len = proxy_header_end(&writer, true);
	MUST_HOLD(len > 0);
	MUST_HOLD(proxy_header_parse(bytes, (size_t)len, &all, &again) == PROXY_HEADER_DONE);
	MUST_HOLD(compare(header->tlvs, again.tlvs) == compare(again.tlvs, header->tlvs));
	if (header->source.len > sizeof(sa_family_t))
		MUST_HOLD(same_addr(&header->source, &again.source) &&
			  same_addr(&header->destination, &again.destination));
	else
		MUST_HOLD(again.source.len == 0);
}

static void write_line_again(const struct proxy_header *header)
{
	struct proxy_header again;
	char line[PROXY_HEADER_V1_MAX];
	size_t len = proxy_header_line(line, &header->source, &header->destination);

	MUST_HOLD(proxy_header_parse(line, len, &limits, &again) == PROXY_HEADER_DONE);
	MUST_HOLD(again.version == 1 && again.len == len);
	if (header->source.len > sizeof(sa_family_t))
		MUST_HOLD(same_addr(&header->source, &again.source) &&
			  same_addr(&header->destination, &again.destination));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header header;
	enum proxy_header_result result = proxy_header_parse(data, size, &limits, &header);

	check_header(result, &header, data, size);
	MUST_HOLD(result != PROXY_HEADER_MORE || size < limits.max_bytes);
	for (size_t len = 0; len < size; len += 1 + size / 64)
		check_beginning(result, &header, data, len);
	if (result == PROXY_HEADER_DONE) {
		write_again(&header);
		write_line_again(&header);
	}
	return 0;
}
