/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire when the kernel has the keys: what every engine there has to do about records that are not
 * data, changes of keys, and the end. -EIO always comes with relay->fault set.
 */
#ifndef SLUICE_PROXY_KTLS_WIRE_H
#define SLUICE_PROXY_KTLS_WIRE_H

#include "proxy/relay.h"

/**
 * ktls_wire_read() - take data of one or more records, or one record of another type.
 * Returns: bytes in @buf, 0 at a clean end, -EAGAIN, -EINPROGRESS (it carried nothing), -EIO.
 */
ssize_t ktls_wire_read(struct relay *relay, void *buf, size_t len);

/**
 * ktls_wire_take_data() - data was read with @result, in at most @records: may it come now?
 * Returns: @result, -EIO.
 */
ssize_t ktls_wire_take_data(struct relay *relay, ssize_t result, size_t records);

/**
 * ktls_wire_flush() - @flush to the wire, under new keys when those are due; it makes at most @records.
 * Returns: as a verb.
 */
ssize_t ktls_wire_flush(struct relay *relay, relay_flush *flush, size_t records);

/** ktls_wire_fail() - reading failed with @error: an alert where one is due. Returns: -EIO. */
int ktls_wire_fail(struct relay *relay, int error);

/** ktls_wire_finish(), ktls_wire_reject() - verbs of an engine. */
int ktls_wire_finish(struct relay *relay, enum relay_direction direction);
int ktls_wire_reject(struct relay *relay);

#endif
