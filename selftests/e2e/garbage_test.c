// SPDX-License-Identifier: Apache-2.0
/* Bytes that are no record, in the middle of a session: both sides are reset at once. */
#include "selftests/e2e/e2e.h"

#include <string.h>
#include <sys/socket.h>

SUITE("garbage", NEEDS(NEED_NETNS), .deadline_ms = 30000);

CASES(struct e2e_case, engines, E2E_ENGINES);

struct garbage_case {
	VARIANT;
	uint8_t header[5]; /* of a record; 64 bytes follow */
};

CASES(struct garbage_case, garbage, {.name = "wrong-version", .header = {23, 127, 3, 0, 64}},
      {.name = "too-long", .header = {23, 3, 3, 127, 255}});

TEST_MATRIX(resets, garbage, engines)
{
	const struct peer_step *upstream = STEPS(RECV(1), RECV_RESET);
	const struct peer_step *before = STEPS(SEND(1));
	uint8_t bytes[5 + 64] = {};
	static struct e2e e;
	struct tlsclient_options options;
	struct tlsclient client;
	struct peer peer;

	e.engine = column->engine;
	e.script = upstream;
	e2e_start(&e);
	options = e2e_client_options(&e, column);
	e2e_connect(&e, &client, &options);
	e2e_prove_live(&e, &client);
	peer_init_client(&peer, &client);
	e2e_run(&e, &peer, before);
	memcpy(bytes, row->header, sizeof(row->header));
	MUST_EQ(send(client.fd, bytes, sizeof(bytes), MSG_NOSIGNAL), sizeof(bytes));
	e2e_upstream(&e, 0);
	(void)e2e_prove_session(&e, 0, "tls_error");
	tlsclient_close(&client);
	e2e_stop(&e);
}
