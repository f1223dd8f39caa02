/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS records made and read in userspace, so that a test can send what no TLS library would:
 * empty, padded and damaged records, control records in the middle of data, parts of records.
 */
#ifndef SELFTESTS_LIB_RECORD_H
#define SELFTESTS_LIB_RECORD_H

#include "sys/ktls.h"

#define RECORD_WIRE_MAX (KTLS_RECORD_MAX + 256 + 5)

/** One direction: keys, and the number of the next record in keys.rec_seq. */
struct record_stream {
	struct ktls_keys keys;
};

/**
 * record_seal() - one record of @type with @padding zero bytes (TLS 1.3), header included.
 * @wire: room for RECORD_WIRE_MAX bytes. Returns: its length on the wire.
 */
size_t record_seal(struct record_stream *stream, uint8_t type, const void *data, size_t len,
		   size_t padding, uint8_t *wire);

/**
 * record_open() - read the record at the start of @wire.
 * @ret_used: its length on the wire; set on success. @data: room for KTLS_RECORD_MAX + 1 bytes.
 * Returns: plaintext bytes; -EAGAIN (not all of it is there); -EBADMSG.
 */
ssize_t record_open(struct record_stream *stream, const uint8_t *wire, size_t len,
		    uint8_t *ret_type, uint8_t *data, size_t *ret_used);

/** record_overhead() - bytes on the wire beyond the plaintext, without padding. */
size_t record_overhead(const struct ktls_keys *keys);

#endif
