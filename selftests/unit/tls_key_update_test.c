// SPDX-License-Identifier: Apache-2.0
/* KeyUpdates and ends that find no room on the wire. */
#include "selftests/harness/harness.h"
#include "selftests/unit/tls_pair.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

SUITE("tls_key_update");

#define DATA_RECORD	  23 /* of one byte */
#define KEY_UPDATE_RECORD 27

/* What the server sends goes over here before it comes to the client: so many bytes fit. */
struct wire {
	struct tls_pair pair;
	BIO *near, *far;
};

static void open_wire(struct wire *wire, size_t room)
{
	tls_pair_open(&wire->pair, &(struct tls_pair_options){.version = TLS1_3_VERSION,
							      .suite = "TLS_AES_128_GCM_SHA256"});
	MUST_EQ(BIO_new_bio_pair(&wire->near, room, &wire->far, room), 1);
	MUST_EQ(BIO_up_ref(wire->near), 1);
	SSL_set0_wbio(wire->pair.conn->ssl, wire->near);
	wire->pair.conn->tx_boundary = 0;
}

static void close_wire(struct wire *wire)
{
	tls_pair_close(&wire->pair);
	BIO_free(wire->near);
	BIO_free(wire->far);
}

/* The client reads. */
static void pass(struct wire *wire)
{
	char bytes[1024];
	int n;

	while ((n = BIO_read(wire->far, bytes, sizeof(bytes))) > 0)
		MUST_EQ(write(wire->pair.server_fd, bytes, (size_t)n), n);
}

static void client_updates(struct wire *wire)
{
	MUST_EQ(SSL_key_update(wire->pair.client, SSL_KEY_UPDATE_REQUESTED), 1);
	MUST_EQ(SSL_do_handshake(wire->pair.client), 1);
}

/* The client has got one byte and a clean end. */
static void check_client_is_done(struct wire *wire)
{
	char bytes[8];

	MUST_EQ(SSL_read(wire->pair.client, bytes, sizeof(bytes)), 1);
	CHECK_EQ(SSL_read(wire->pair.client, bytes, sizeof(bytes)), 0);
	CHECK_EQ(SSL_get_error(wire->pair.client, 0), SSL_ERROR_ZERO_RETURN);
}

TEST(an_end_behind_a_key_update_that_is_half_sent)
{
	struct wire wire = {};

	open_wire(&wire, DATA_RECORD + KEY_UPDATE_RECORD - 1);
	MUST_EQ(tls_write(wire.pair.conn, "x", 1), 1);
	/* Of a key that is good for one record. */
	MUST_EQ(tls_refresh_keys(wire.pair.conn, 1), 0);
	CHECK_EQ(tls_send_close_notify(wire.pair.conn), -EAGAIN);
	pass(&wire);
	CHECK_EQ(tls_send_close_notify(wire.pair.conn), 0);
	CHECK_EQ(tls_send_close_notify(wire.pair.conn), 0);
	pass(&wire);
	check_client_is_done(&wire);
	close_wire(&wire);
}

/* OpenSSL would answer the first when it reads the second, and the end is half sent. */
TEST(answers_are_asked_for_while_an_end_waits)
{
	struct wire wire = {};
	char bytes[8];

	open_wire(&wire, DATA_RECORD + 10);
	MUST_EQ(tls_write(wire.pair.conn, "x", 1), 1);
	MUST_EQ(tls_send_close_notify(wire.pair.conn), -EAGAIN);
	client_updates(&wire);
	client_updates(&wire);
	MUST_EQ(SSL_write(wire.pair.client, "hello", 5), 5);
	CHECK_EQ(tls_read(wire.pair.conn, bytes, sizeof(bytes)), -EINPROGRESS);
	CHECK_EQ(tls_read(wire.pair.conn, bytes, sizeof(bytes)), -EAGAIN);
	pass(&wire);
	CHECK_EQ(tls_read(wire.pair.conn, bytes, sizeof(bytes)), -EINPROGRESS);
	CHECK_EQ(tls_read(wire.pair.conn, bytes, sizeof(bytes)), 5);
	CHECK_EQ(tls_send_close_notify(wire.pair.conn), 0);
	CHECK_EQ(tls_key_updates(wire.pair.conn), 2);
	pass(&wire);
	check_client_is_done(&wire);
	close_wire(&wire);
}

struct room_case {
	VARIANT;
	size_t room;
	bool fits; /* at once */
};

CASES(struct room_case, rooms, {.name = "room", .room = 1024, .fits = true},
      {.name = "half", .room = KEY_UPDATE_RECORD / 2});

/* OpenSSL keeps an answer for its next write, which may never come. */
TEST_CASES(an_answer_does_not_wait_for_data, rooms)
{
	struct wire wire = {};
	char bytes[8];

	open_wire(&wire, variant->room);
	client_updates(&wire);
	MUST_EQ(tls_read(wire.pair.conn, bytes, sizeof(bytes)), -EINPROGRESS);
	MUST_EQ(tls_read(wire.pair.conn, bytes, sizeof(bytes)), -EAGAIN);
	MUST(!tls_at_record_boundary(wire.pair.conn));
	CHECK_EQ(tls_answer_key_update(wire.pair.conn), 0);
	CHECK_EQ(tls_at_record_boundary(wire.pair.conn), variant->fits);
	/* In parts, where it is in parts. */
	for (int i = 0; i < 3; i++) {
		pass(&wire);
		CHECK_EQ(tls_read(wire.pair.conn, bytes, sizeof(bytes)), -EAGAIN);
	}
	CHECK(tls_at_record_boundary(wire.pair.conn));
	CHECK_EQ(BIO_number_written(wire.near), KEY_UPDATE_RECORD);
	CHECK_EQ(SSL_read(wire.pair.client, bytes, sizeof(bytes)), -1);
	CHECK_EQ(SSL_get_error(wire.pair.client, -1), SSL_ERROR_WANT_READ);
	close_wire(&wire);
}

/* Behind a record that is half sent it has to wait, and behind our end there is none. */
TEST(an_answer_keeps_its_place)
{
	struct wire wire = {};
	char bytes[8];

	open_wire(&wire, DATA_RECORD - 1);
	client_updates(&wire);
	MUST_EQ(tls_write(wire.pair.conn, "x", 1), -EAGAIN);
	MUST_EQ(tls_read(wire.pair.conn, bytes, sizeof(bytes)), -EINPROGRESS);
	CHECK_EQ(tls_answer_key_update(wire.pair.conn), 0);
	pass(&wire);
	MUST_EQ(tls_write(wire.pair.conn, "x", 1), 1);
	CHECK_EQ(BIO_number_written(wire.near), DATA_RECORD);
	pass(&wire);
	MUST_EQ(tls_send_close_notify(wire.pair.conn), -EAGAIN);
	CHECK_EQ(tls_answer_key_update(wire.pair.conn), 0);
	pass(&wire);
	MUST_EQ(tls_send_close_notify(wire.pair.conn), 0);
	CHECK_EQ(tls_answer_key_update(wire.pair.conn), 0);
	pass(&wire);
	check_client_is_done(&wire);
	close_wire(&wire);
}
