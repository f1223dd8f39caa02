// SPDX-License-Identifier: Apache-2.0
/*
 * The peer's KeyUpdate (RFC 8446 4.6.3): the last record under the old key, read as a handshake
 * record. What follows it depends on whether this kernel takes keys a second time.
 */
#include "selftests/contract/contract.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

SUITE("rekey");

static const uint8_t key_update[] = {24, 0, 0, 1, 0};

/* A receiver with a KeyUpdate and a record under the next key in its queue. */
struct updated {
	struct ktls_end end;
	struct ktls_keys next; /* of the raw end */
	int pipe_fd[2];
	uint8_t data[KTLS_RECORD_MAX];
	uint8_t type;
};

static void update(struct updated *u)
{
	uint8_t wire[2 * RECORD_WIRE_MAX];
	size_t n;

	ktls_end_open(&u->end, &ktls_modes[0], 0);
	pipe_open(u->pipe_fd);
	u->next = ktls_fixed_keys(&ktls_modes[0], 1, 1);
	n = record_seal(&u->end.out, KTLS_RECORD_HANDSHAKE, key_update, sizeof(key_update), 0,
			wire);
	u->end.out.keys = u->next;
	n += record_seal(&u->end.out, KTLS_RECORD_DATA, "next key", 8, 0, wire + n);
	raw_write(u->end.raw_fd, wire, n);
	MUST(UNTIL(poll_now(u->end.fd) & POLLIN, CONTRACT_PATIENCE_MS));
}

/* The same on every kernel: splice refuses it, recvmsg names it. */
static void read_update(struct updated *u)
{
	CHECK_EQ(splice_now(u->end.fd, u->pipe_fd[1], 65536), -EINVAL);
	MUST_EQ(ktls_read_record(u->end.fd, u->data, sizeof(u->data), &u->type),
		sizeof(key_update));
	CHECK_EQ(u->type, KTLS_RECORD_HANDSHAKE);
	CHECK_EQ(u->data[0], key_update[0]);
}

static ssize_t read_data(struct updated *u)
{
	return ktls_read_record(u->end.fd, u->data, sizeof(u->data), &u->type);
}

static void done(struct updated *u)
{
	ktls_end_close(&u->end);
	fd_pair_close(u->pipe_fd);
}

TEST(reading_stops_until_new_keys, NEEDS(NEED_KTLS_REKEY))
{
	static struct updated u;
	int polled;

	update(&u);
	read_update(&u);
	CHECK_EQ(splice_now(u.end.fd, u.pipe_fd[1], 65536), -EKEYEXPIRED);
	CHECK_EQ(read_data(&u), -EKEYEXPIRED);
	polled = poll_now(u.end.fd);
	CHECK(!(polled & POLLIN), "poll: %#x", (unsigned int)polled);
	MUST_EQ(ktls_install_rx(u.end.fd, &u.next), 0);
	CHECK(UNTIL(poll_now(u.end.fd) & POLLIN, CONTRACT_PATIENCE_MS));
	CHECK_EQ(read_data(&u), 8);
	CHECK_MEM(u.data, "next key", 8);
	done(&u);
}

TEST(sending_goes_on_under_new_keys, NEEDS(NEED_KTLS_REKEY))
{
	struct ktls_keys next = ktls_fixed_keys(&ktls_modes[0], 0, 1);
	uint8_t data[KTLS_RECORD_MAX + 1], type = 0;
	static struct ktls_end end;
	struct ktls_tx_mark mark;
	ssize_t n = 0;

	ktls_end_open(&end, &ktls_modes[0], 0);
	MUST_EQ(ktls_send_record(end.fd, KTLS_RECORD_DATA, "old", 3), 3);
	MUST_EQ(ktls_send_record(end.fd, KTLS_RECORD_HANDSHAKE, key_update, sizeof(key_update)),
		sizeof(key_update));
	MUST_EQ(ktls_install_tx(end.fd, &next), 0);
	MUST_EQ(ktls_tx_mark_init(end.fd, &next, &mark), 0);
	MUST_EQ(ktls_send_record(end.fd, KTLS_RECORD_DATA, "new", 3), 3);
	CHECK_EQ(ktls_tx_queued(end.fd, &mark, 3), 0);
	MUST(UNTIL((n = ktls_end_receive(&end, &type, data)) != -EAGAIN, CONTRACT_PATIENCE_MS));
	CHECK_EQ(n, 3);
	MUST(UNTIL((n = ktls_end_receive(&end, &type, data)) != -EAGAIN, CONTRACT_PATIENCE_MS));
	CHECK_EQ(type, KTLS_RECORD_HANDSHAKE);
	end.in.keys = next;
	MUST(UNTIL((n = ktls_end_receive(&end, &type, data)) != -EAGAIN, CONTRACT_PATIENCE_MS));
	CHECK_EQ(n, 3);
	CHECK_MEM(data, "new", 3);
	ktls_end_close(&end);
}

/* So the daemon must end the session at the KeyUpdate; going on would end in EBADMSG. */
TEST(old_kernels_cannot_follow, NEEDS(NEED_NO_REKEY))
{
	static struct updated u;

	update(&u);
	read_update(&u);
	CHECK_EQ(ktls_install_rx(u.end.fd, &u.next), -EBUSY);
	CHECK_EQ(read_data(&u), -EBADMSG);
	done(&u);
}
