/* SPDX-License-Identifier: Apache-2.0 */
/* The first message of a TLS client as bytes on the wire: made by OpenSSL, or by hand. */
#ifndef SELFTESTS_LIB_HELLO_H
#define SELFTESTS_LIB_HELLO_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#define HELLO_WIRE_MAX 131072 /* 16 KiB in records of one byte, and more */

struct hello {
	uint8_t bytes[HELLO_WIRE_MAX];
	size_t len;
};

/** hello_take() - what @ssl, a client that has not begun, sends first. Failures end the test. */
void hello_take(struct hello *hello, SSL *ssl);

/** hello_make() - the same of a client with this version (0: any) and, unless NULL, this SNI. */
void hello_make(struct hello *hello, int version, const char *sni);

/**
 * hello_forge() - by hand, with these extensions: every byte has its place.
 * record header 0, message header 5, version 9, random 11, session ID 43 (none), cipher suites 44
 * (one), compression methods 48 (one), extensions 50.
 */
void hello_forge(struct hello *hello, const void *extensions, size_t len);

/** hello_forge_long() - the same, padded (RFC 7685): the message with its header has @bytes. */
void hello_forge_long(struct hello *hello, size_t bytes);

/** hello_fragment() - the same message in records: @first bytes of it, then @each bytes. */
void hello_fragment(struct hello *hello, size_t first, size_t each);

#endif
