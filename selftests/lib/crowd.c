// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/crowd.h"

#include "selftests/harness/harness.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 10000
#define QUIET_MS   500 /* nothing has moved anywhere for so long: everything is full */
#define STUCK_MS   20000

static char buf[PEER_CHUNK_BYTES];

/* --- life --- */

static void raise_descriptors(size_t sessions)
{
	struct rlimit limit;

	MUST_OK(getrlimit(RLIMIT_NOFILE, &limit));
	if (limit.rlim_cur >= 2 * sessions + 64)
		return;
	limit.rlim_cur = 2 * sessions + 64;
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	MUST_OK(setrlimit(RLIMIT_NOFILE, &limit));
}

void crowd_open(struct crowd *crowd, size_t room)
{
	struct addr addr;
	char text[ADDR_TEXT_MAX];

	*crowd = (struct crowd){.room = room};
	crowd->members = calloc(room, sizeof(*crowd->members));
	MUST(crowd->members);
	raise_descriptors(room);
	MUST_EQ(addr_parse("127.0.0.1:1", &addr), 0);
	addr.in4.sin_port = 0;
	crowd->listen_fd = MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST_OK(bind(crowd->listen_fd, &addr.sa, addr.len));
	MUST_OK(listen(crowd->listen_fd, 64));
	MUST_OK(getsockname(crowd->listen_fd, &addr.sa, &addr.len));
	snprintf(crowd->endpoint, sizeof(crowd->endpoint), "\"%s\"", addr_format(&addr, text));
}

static int accept_upstream(const struct crowd *crowd)
{
	struct pollfd p = {.fd = crowd->listen_fd, .events = POLLIN};

	MUST_EQ(poll(&p, 1, (int)test_scaled_ms(CONNECT_MS)), 1, "session %zu", crowd->n);
	return MUST_OK(accept4(crowd->listen_fd, NULL, NULL, SOCK_CLOEXEC));
}

void crowd_join(struct crowd *crowd, const struct addr *to, const struct tlsclient_options *options)
{
	struct crowd_member *m = &crowd->members[crowd->n];
	int r;

	MUST(crowd->n < crowd->room);
	r = tlsclient_connect(&m->tls, to, options, (int)test_scaled_ms(CONNECT_MS));
	MUST(r == 0, "session %zu: %s", crowd->n, m->tls.error);
	peer_init_client(&m->client, &m->tls);
	peer_init_upstream(&m->upstream, accept_upstream(crowd));
	MUST_EQ(peer_run(&m->client, STEPS(HELLO_SEND(crowd->n++))), 0, "%s", m->client.problem);
	MUST_EQ(peer_run(&m->upstream, STEPS(HELLO_RECV, SEND(1))), 0, "%s", m->upstream.problem);
	MUST_EQ(peer_run(&m->client, STEPS(RECV(1))), 0, "%s", m->client.problem);
}

void crowd_close(struct crowd *crowd)
{
	for (size_t i = 0; i < crowd->n; i++) {
		tlsclient_close(&crowd->members[i].tls);
		MUST_OK(close(crowd->members[i].upstream.fd));
	}
	MUST_OK(close(crowd->listen_fd));
	free(crowd->members);
}

/* --- bytes --- */

/* Returns: true when something moved. */
static bool push(struct peer *peer)
{
	int r = peer_push(peer, buf, UINT64_MAX);

	MUST(r >= 0, "%s", peer->problem);
	return r > 0;
}

/* What @from has sent and @to has not received; of a pending chunk nobody knows how much that is. */
static bool pull(struct peer *to, const struct peer *from)
{
	int r = peer_pull(to, buf, from->sent + (from->pending ? sizeof(buf) : 0));

	MUST(r >= 0, "%s", to->problem);
	return r > 0;
}

void crowd_flood(struct crowd *crowd)
{
	uint64_t moved_ms = test_now_ms();

	while (test_now_ms() - moved_ms < test_scaled_ms(QUIET_MS)) {
		bool moved = false;

		for (size_t i = 0; i < crowd->n; i++) {
			moved |= push(&crowd->members[i].client);
			moved |= push(&crowd->members[i].upstream);
		}
		if (moved)
			moved_ms = test_now_ms();
		else
			test_pause();
	}
}

/* A record that is half sent has to be sent as a whole, and then it has to arrive. */
static bool drain(struct crowd_member *m)
{
	bool moved = m->client.pending && push(&m->client);

	moved |= pull(&m->client, &m->upstream);
	moved |= pull(&m->upstream, &m->client);
	return moved;
}

static bool is_drained(const struct crowd_member *m)
{
	return !m->client.pending && m->client.received == m->upstream.sent &&
	       m->upstream.received == m->client.sent;
}

void crowd_drain(struct crowd *crowd)
{
	uint64_t moved_ms = test_now_ms();
	size_t drained = 0;

	while (drained < crowd->n) {
		drained = 0;
		for (size_t i = 0; i < crowd->n; i++) {
			if (drain(&crowd->members[i]))
				moved_ms = test_now_ms();
			drained += is_drained(&crowd->members[i]);
		}
		MUST(test_now_ms() - moved_ms < test_scaled_ms(STUCK_MS),
		     "%zu of %zu have everything", drained, crowd->n);
	}
}
