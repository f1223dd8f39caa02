/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PROXY protocol for tests, written a second time from its specification: a receiver that takes
 * nothing but what a sender must send, and a hand to write headers, right or wrong ones.
 */
#ifndef SELFTESTS_LIB_INTRODUCTION_H
#define SELFTESTS_LIB_INTRODUCTION_H

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

#define INTRODUCTION_MAX (16 + 65535)

/** A TLV; at == NULL: it is not there. */
struct introduction_value {
	const uint8_t *at;
	size_t len;
};

struct introduction {
	int version; /* 0: none has come */
	bool local;
	char source[ADDR_TEXT_MAX], destination[ADDR_TEXT_MAX]; /* "-": unknown */
	struct introduction_value tlv[256];			/* those of SSL too */
	uint8_t ssl_flags;
	uint32_t ssl_verify;
	size_t len;
	int end; /* -errno of the connection, -ENODATA for its end, when the header was cut; else 0 */
	char problem[200];
	uint8_t bytes[INTRODUCTION_MAX];
};

/**
 * introduction_receive() - read a header from @fd, and not a byte more.
 * Returns: 0; -1 with in->problem.
 */
int introduction_receive(int fd, int timeout_ms, struct introduction *in);

/** introduction_is() - the value of @type is @text. */
bool introduction_is(const struct introduction *in, uint8_t type, const char *text);

/** A header that is being written. */
struct introduction_out {
	size_t len;
	uint8_t bytes[INTRODUCTION_MAX];
};

/** introduction_begin() - of version 2: command 0x20 or 0x21, family as 0x11, addresses as they are sent. */
void introduction_begin(struct introduction_out *out, uint8_t command, uint8_t family,
			const void *addresses, size_t len);
void introduction_tlv(struct introduction_out *out, uint8_t type, const void *value, size_t len);
/** introduction_end() - the length, and a checksum when @checksum. */
void introduction_end(struct introduction_out *out, bool checksum);

/** introduction_ip4() - 192.0.2.7:4711 that connected to 198.51.100.1:443, without TLVs. */
void introduction_ip4(struct introduction_out *out);

/** The addresses of introduction_ip4(), as they are sent. */
extern const uint8_t introduction_ip4_addresses[12];

#endif
