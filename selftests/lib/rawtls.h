/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS client, or server, that has shaken hands by OpenSSL and from then on makes its records itself, so that
 * it can send what no library would. Failures end the test.
 */
#ifndef SELFTESTS_LIB_RAWTLS_H
#define SELFTESTS_LIB_RAWTLS_H

#include "selftests/lib/record.h"
#include "selftests/lib/tlsclient.h"
#include "sys/tls.h"

struct rawtls {
	int fd;
	struct record_stream out, in;
	struct tls_traffic traffic;
	uint8_t wire[2 * RECORD_WIRE_MAX];
	size_t wire_len; /* what was read and not opened */
};

/** rawtls_take() - @client has sent no data yet, in TLS 1.3 no ticket either; it is only to be closed afterwards. */
void rawtls_take(struct rawtls *raw, const struct tlsclient *client);

/** rawtls_send() - @n records in one piece. Returns: 0, -EPIPE, -ECONNRESET. */
struct rawtls_record {
	uint8_t type;
	const void *data;
	size_t len, padding;
	bool damaged;
	bool last_of_key; /* a KeyUpdate: the next record is under the next keys */
};

int rawtls_send(struct rawtls *raw, const struct rawtls_record *records, size_t n);

/**
 * rawtls_receive() - next record; behind a KeyUpdate the next keys are used. @data: KTLS_RECORD_MAX + 1 bytes.
 * Returns: bytes; -ETIMEDOUT; -EPIPE at FIN; -EBADMSG; what recv(2) said.
 */
ssize_t rawtls_receive(struct rawtls *raw, uint8_t *ret_type, uint8_t *data, int timeout_ms);

#endif
