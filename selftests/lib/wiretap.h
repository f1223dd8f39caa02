/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one end of a TLS connection receives, before TLS has seen it: are these records and nothing
 * else, and is no word of the payload among them?
 */
#ifndef SELFTESTS_LIB_WIRETAP_H
#define SELFTESTS_LIB_WIRETAP_H

#include "selftests/lib/payload.h"

#include <openssl/bio.h>

#define WIRETAP_STREAMS 2

struct wiretap {
	struct payload plain[WIRETAP_STREAMS]; /* must not be seen, in neither direction */
	uint8_t header[5];		       /* of the record that is being read */
	size_t header_len;
	size_t left;   /* of its body */
	uint64_t last; /* the last eight bytes, as a word of memory */
	uint64_t bytes;
	char fault[120]; /* the first thing that was wrong, "" if nothing was */
};

/** wiretap_init() - @plain: the streams that both ends send. */
void wiretap_init(struct wiretap *tap, const struct payload plain[WIRETAP_STREAMS]);

/** wiretap_take() - the next @len bytes of the wire. */
void wiretap_take(struct wiretap *tap, const void *bytes, size_t len);

/** wiretap_attach() - everything that is read from @bio, a socket, from now on; @tap outlives it. */
void wiretap_attach(struct wiretap *tap, BIO *bio);

/** wiretap_drain() - what TLS has not read of @fd, a non-blocking socket. */
void wiretap_drain(struct wiretap *tap, int fd);

#endif
