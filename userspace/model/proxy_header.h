/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PROXY protocol, versions 1 (a line) and 2 (binary): who a proxy says that its client is. As in
 * HAProxy's proxy-protocol.txt, with the client certificate of its edition of January 2026 (0x28).
 *
 * What is read here names a client in the log and in rules, and somebody else may read it again. So
 * everything that could be read in two ways is malformed: lengths that do not add up, a type that
 * stands twice, numbers with leading zeros, an IPv4 address beside one of IPv6.
 *
 * An IPv4 client of an IPv6 socket (::ffff:192.0.2.1) becomes an IPv4 one: rules mean the same by both.
 */
#ifndef SLUICE_MODEL_PROXY_HEADER_H
#define SLUICE_MODEL_PROXY_HEADER_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROXY_HEADER_V1_MAX 107		 /* bytes of a line, CR and LF included */
#define PROXY_HEADER_V2_MAX (16 + 65535) /* what its length can say */

#define PROXY_UNIQUE_ID_MAX 128
#define PROXY_AUTHORITY_MAX 255

/* Types of version 2. Those from 0x21 to 0x28 stand inside of SSL. */
enum proxy_tlv_type {
	PROXY_TLV_ALPN = 0x01,
	PROXY_TLV_AUTHORITY = 0x02,
	PROXY_TLV_CRC32C = 0x03,
	PROXY_TLV_NOOP = 0x04,
	PROXY_TLV_UNIQUE_ID = 0x05,
	PROXY_TLV_SSL = 0x20,
	PROXY_TLV_SSL_VERSION = 0x21,
	PROXY_TLV_SSL_CN = 0x22,
	PROXY_TLV_SSL_CIPHER = 0x23,
	PROXY_TLV_SSL_SIG_ALG = 0x24, /* of the certificate that the client was shown */
	PROXY_TLV_SSL_KEY_ALG = 0x25, /* the same, its key */
	PROXY_TLV_SSL_GROUP = 0x26,
	PROXY_TLV_SSL_SIG_SCHEME = 0x27,
	PROXY_TLV_SSL_CLIENT_CERT = 0x28, /* DER */
	PROXY_TLV_NETNS = 0x30,
};

/* The first byte of SSL. */
enum proxy_ssl_flags {
	PROXY_SSL_TLS = 1 << 0,
	PROXY_SSL_CERT_CONN = 1 << 1, /* the client has shown a certificate on this connection */
	PROXY_SSL_CERT_SESS = 1 << 2, /* or on the one that it resumes */
};

/** Bytes of somebody else; bytes == NULL: there are none. */
struct proxy_span {
	const uint8_t *bytes;
	size_t len;
};

/* --- reading --- */

enum proxy_header_result {
	PROXY_HEADER_MORE, /* what is there is right, and not all of it */
	PROXY_HEADER_BAD,  /* no header, malformed, or not one that is taken here */
	PROXY_HEADER_DONE,
};

/** Which headers are taken. */
struct proxy_header_limits {
	bool v1, v2;
	size_t max_bytes; /* of version 2 */
};

struct proxy_header {
	unsigned int version; /* 1 or 2 */
	size_t len;	      /* DONE: the header's; what is behind it is the client's */
	/* len == 0: not told (LOCAL, UNKNOWN, UNSPEC): the sender's own address is the client's. */
	struct addr source, destination;
	struct proxy_span tlvs; /* of version 2 and not LOCAL, in the bytes that were parsed */
	const char *problem;	/* BAD: in words; static text */
};

/**
 * proxy_header_parse() - @bytes: everything that has come so far, from the first byte on; what comes
 * behind the header is not looked at. Every TLV has been checked when it is DONE.
 */
enum proxy_header_result proxy_header_parse(const void *bytes, size_t len,
					    const struct proxy_header_limits *limits,
					    struct proxy_header *ret_header);

/** One TLV of a header that was parsed. */
struct proxy_tlv {
	uint8_t type;
	struct proxy_span value;
};

/** proxy_tlv_next() - take the first one off @rest. Returns: false at the end. */
bool proxy_tlv_next(struct proxy_span *rest, struct proxy_tlv *ret_tlv);

/** proxy_tlv_find() - the value of @type; bytes == NULL when it is not there. */
struct proxy_span proxy_tlv_find(struct proxy_span tlvs, uint8_t type);

/* --- writing --- */

/** A header of version 2 that grows. What does not fit is not written, and proxy_header_end() says so. */
struct proxy_writer {
	uint8_t *bytes;
	size_t size, len;
	bool full;
};

/**
 * proxy_header_begin() - with the client's address and the one that it connected to; without any when
 * they are not both IPv4 or both IPv6, for a unix client that is. @buf: PROXY_HEADER_V2_MAX is always
 * enough, and never too much.
 */
void proxy_header_begin(struct proxy_writer *writer, uint8_t *buf, size_t size,
			const struct addr *source, const struct addr *destination);

void proxy_header_add(struct proxy_writer *writer, uint8_t type, const void *value, size_t len);

/**
 * proxy_header_open_ssl() - what is added from here to proxy_header_close() is inside of SSL.
 * @flags: enum proxy_ssl_flags; @verified: the certificate was. Returns: for proxy_header_close().
 */
size_t proxy_header_open_ssl(struct proxy_writer *writer, uint8_t flags, bool verified);
void proxy_header_close(struct proxy_writer *writer, size_t opened);

/** proxy_header_end() - fill in the lengths. Returns: the header's, or -EMSGSIZE: it did not fit. */
int proxy_header_end(struct proxy_writer *writer, bool with_crc32c);

/** proxy_header_line() - version 1, without a NUL. Returns: its length. */
size_t proxy_header_line(char line[PROXY_HEADER_V1_MAX], const struct addr *source,
			 const struct addr *destination);

#endif
