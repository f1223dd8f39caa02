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

/** ktls_wire_before_send() - change our keys when that is due. Returns: 0, -EAGAIN, -EIO. */
int ktls_wire_before_send(struct relay *relay);

/**
 * ktls_wire_count() - at most so many records were read or sent: before a key has made too many it is
 * changed, or relay->spent is set. Returns: 0, -EIO.
 */
int ktls_wire_count(struct relay *relay, size_t records);

/** ktls_wire_fail() - reading failed with @error: an alert where one is due. Returns: -EIO. */
int ktls_wire_fail(struct relay *relay, int error);

/** ktls_wire_finish(), ktls_wire_reject() - verbs of an engine. */
int ktls_wire_finish(struct relay *relay, enum relay_direction direction);
int ktls_wire_reject(struct relay *relay);

#endif
