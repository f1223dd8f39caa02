// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/rawtls.h"

#include "selftests/harness/harness.h"
#include "sys/tls_internal.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void rawtls_take(struct rawtls *raw, const struct tlsclient *client)
{
	struct tls_conn conn = {
		.ssl = client->ssl,
		.client_secret = client->client_secret,
		.server_secret = client->server_secret,
		/* TLS 1.2 has sent Finished under these keys. */
		.rx_records = SSL_version(client->ssl) == TLS1_2_VERSION,
		.tx_records = SSL_version(client->ssl) == TLS1_2_VERSION,
	};

	*raw = (struct rawtls){.fd = client->fd};
	MUST_EQ(tls_export_keys(&conn, &raw->out.keys, &raw->in.keys), 0);
	tls_export_traffic(&conn, &raw->traffic);
}

static int write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		struct pollfd writable = {.fd = fd, .events = POLLOUT};
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			MUST_EQ(poll(&writable, 1, (int)test_scaled_ms(5000)), 1);
			continue;
		}
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

int rawtls_send(struct rawtls *raw, const struct rawtls_record *records, size_t n)
{
	size_t room = 1, len = 0;
	uint8_t *wire;
	int r;

	for (size_t i = 0; i < n; i++)
		room += records[i].len + records[i].padding + 64;
	wire = malloc(room);
	MUST(wire != NULL);
	for (size_t i = 0; i < n; i++) {
		len += record_seal(&raw->out, records[i].type, records[i].data, records[i].len,
				   records[i].padding, wire + len);
		if (records[i].damaged)
			wire[len - 1] ^= 1;
		if (records[i].last_of_key)
			MUST_EQ(tls_traffic_next(&raw->traffic, &raw->traffic.tx, &raw->out.keys),
				0);
	}
	MUST_LE(len, room);
	r = write_all(raw->fd, wire, len);
	free(wire);
	return r;
}

ssize_t rawtls_receive(struct rawtls *raw, uint8_t *ret_type, uint8_t *data, int timeout_ms)
{
	for (;;) {
		struct pollfd readable = {.fd = raw->fd, .events = POLLIN};
		size_t used = 0;
		ssize_t n = record_open(&raw->in, raw->wire, raw->wire_len, ret_type, data, &used);

		if (n > 0 && *ret_type == KTLS_RECORD_HANDSHAKE && data[0] == 24)
			MUST_EQ(tls_traffic_next(&raw->traffic, &raw->traffic.rx, &raw->in.keys),
				0);
		if (n != -EAGAIN) {
			memmove(raw->wire, raw->wire + used, raw->wire_len - used);
			raw->wire_len -= used;
			return n;
		}
		if (poll(&readable, 1, timeout_ms) <= 0)
			return -ETIMEDOUT;
		n = recv(raw->fd, raw->wire + raw->wire_len, sizeof(raw->wire) - raw->wire_len, 0);
		if (n <= 0)
			return n == 0 ? -EPIPE : -errno;
		raw->wire_len += (size_t)n;
	}
}
