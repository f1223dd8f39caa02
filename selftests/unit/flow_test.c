// SPDX-License-Identifier: Apache-2.0
/* The life of a connection, written out a second time: every state with every event. */
#include "selftests/harness/harness.h"

#include "model/flow.h"

#include <string.h>

SUITE("flow");

/* clang-format off */
#define NO      {FLOW_STATES, FLOW_DO_BUG}
#define CLOSE   {FLOW_CLOSED, FLOW_DO_CLOSE}
#define ABORT   {FLOW_CLOSED, FLOW_DO_ABORT}

#define RELAY   {FLOW_RELAY, FLOW_DO_RELAY}
#define ALERT   {FLOW_LINGER, FLOW_DO_ALERT}

#define ANSWER  {FLOW_ANSWER, FLOW_DO_ANSWER}
#define HELLO   {FLOW_HANDSHAKE, FLOW_DO_OPEN}
#define GO      {FLOW_CONNECT, FLOW_DO_CONNECT}
#define AGAIN   {FLOW_CONNECT, FLOW_DO_RETRY}
#define TELL    {FLOW_PROXY_OUT, FLOW_DO_ANNOUNCE}
#define GREET   {FLOW_UPSTREAM_TLS, FLOW_DO_GREET}
#define LINGER  {FLOW_LINGER, FLOW_DO_LINGER}

static const struct flow_step want[FLOW_STATES][FLOW_EVENTS] = {
	/*                    introduced admitted refused  shut out to answer answered failed   accepted connected reached  proved   endp. failed no upstream ended    broken   peer closed timeout  cut */
	[FLOW_PROXY_IN] =     {HELLO,     NO,      ABORT,   NO,      NO,       NO,      CLOSE,   NO,      NO,       NO,      NO,      NO,          NO,         NO,      NO,      NO,         ABORT,   ABORT},
	[FLOW_HANDSHAKE] =    {NO,        GO,      LINGER,  ABORT,   ANSWER,   NO,      CLOSE,   NO,      NO,       NO,      NO,      NO,          NO,         NO,      NO,      NO,         ABORT,   ABORT},
	[FLOW_PEEK] =         {NO,        GO,      LINGER,  NO,      NO,       NO,      CLOSE,   NO,      NO,       NO,      NO,      NO,          NO,         NO,      NO,      NO,         ABORT,   ABORT},
	[FLOW_CONNECT] =      {NO,        NO,      NO,      NO,      ANSWER,   NO,      ABORT,   TELL,    RELAY,    GREET,   NO,      NO,          ALERT,      NO,      NO,      NO,         NO,      ABORT},
	[FLOW_PROXY_OUT] =    {NO,        NO,      NO,      NO,      NO,       NO,      ABORT,   NO,      RELAY,    GREET,   NO,      AGAIN,       NO,         NO,      NO,      NO,         NO,      ABORT},
	[FLOW_UPSTREAM_TLS] = {NO,        NO,      NO,      NO,      NO,       NO,      ABORT,   NO,      NO,       NO,      RELAY,   AGAIN,       NO,         NO,      NO,      NO,         NO,      ABORT},
	[FLOW_RELAY] =        {NO,        NO,      ALERT,   NO,      NO,       NO,      NO,      NO,      NO,       NO,      NO,      NO,          NO,         CLOSE,   ABORT,   NO,         ABORT,   ABORT},
	[FLOW_ANSWER] =       {NO,        NO,      NO,      NO,      NO,       LINGER,  CLOSE,   NO,      NO,       NO,      NO,      NO,          NO,         NO,      NO,      NO,         ABORT,   ABORT},
	[FLOW_LINGER] =       {NO,        NO,      NO,      NO,      NO,       NO,      NO,      NO,      NO,       NO,      NO,      NO,          NO,         NO,      NO,      CLOSE,      CLOSE,   CLOSE},
	[FLOW_CLOSED] =       {NO,        NO,      NO,      NO,      NO,       NO,      NO,      NO,      NO,       NO,      NO,      NO,          NO,         NO,      NO,      NO,         NO,      NO},
};
/* clang-format on */

TEST(every_pair_does_what_the_table_says)
{
	for (int s = 0; s < FLOW_STATES; s++) {
		for (int e = 0; e < FLOW_EVENTS; e++) {
			struct flow_step got = flow_next(s, e);

			CHECK_EQ(got.action, want[s][e].action, "state %d event %d", s, e);
			/* An event that cannot happen moves nothing. */
			CHECK_EQ(got.next,
				 want[s][e].action == FLOW_DO_BUG ? s : (int)want[s][e].next,
				 "state %d event %d", s, e);
		}
	}
}

/* The events that each state must take: proxy/session.c reports them there. */
struct reach_case {
	VARIANT;
	enum flow_state state;
	enum flow_event events[7];
	size_t n;
};

/* clang-format off */
CASES(struct reach_case, reachable,
      {.name = "proxy_in", .state = FLOW_PROXY_IN, .n = 5,
       .events = {FLOW_ON_INTRODUCED, FLOW_ON_REFUSED, FLOW_ON_FAILED, FLOW_ON_TIMEOUT, FLOW_ON_CUT}},
      {.name = "handshake", .state = FLOW_HANDSHAKE, .n = 7,
       .events = {FLOW_ON_ADMITTED, FLOW_ON_REFUSED, FLOW_ON_SHUT_OUT, FLOW_ON_TO_ANSWER, FLOW_ON_FAILED,
		  FLOW_ON_TIMEOUT, FLOW_ON_CUT}},
      {.name = "peek", .state = FLOW_PEEK, .n = 5,
       .events = {FLOW_ON_ADMITTED, FLOW_ON_REFUSED, FLOW_ON_FAILED, FLOW_ON_TIMEOUT, FLOW_ON_CUT}},
      {.name = "connect", .state = FLOW_CONNECT, .n = 7,
       .events = {FLOW_ON_ACCEPTED, FLOW_ON_CONNECTED, FLOW_ON_REACHED, FLOW_ON_NO_UPSTREAM, FLOW_ON_TO_ANSWER,
		  FLOW_ON_FAILED, FLOW_ON_CUT}},
      {.name = "proxy_out", .state = FLOW_PROXY_OUT, .n = 5,
       .events = {FLOW_ON_CONNECTED, FLOW_ON_REACHED, FLOW_ON_ENDPOINT_FAILED, FLOW_ON_FAILED, FLOW_ON_CUT}},
      {.name = "upstream_tls", .state = FLOW_UPSTREAM_TLS, .n = 4,
       .events = {FLOW_ON_PROVED, FLOW_ON_ENDPOINT_FAILED, FLOW_ON_FAILED, FLOW_ON_CUT}},
      {.name = "relay", .state = FLOW_RELAY, .n = 5,
       .events = {FLOW_ON_REFUSED, FLOW_ON_ENDED, FLOW_ON_BROKEN, FLOW_ON_TIMEOUT, FLOW_ON_CUT}},
      {.name = "answer", .state = FLOW_ANSWER, .n = 4,
       .events = {FLOW_ON_ANSWERED, FLOW_ON_FAILED, FLOW_ON_TIMEOUT, FLOW_ON_CUT}},
      {.name = "linger", .state = FLOW_LINGER, .n = 3,
       .events = {FLOW_ON_PEER_CLOSED, FLOW_ON_TIMEOUT, FLOW_ON_CUT}});
/* clang-format on */

TEST_CASES(no_reachable_pair_is_a_bug, reachable)
{
	for (size_t i = 0; i < variant->n; i++) {
		enum flow_action action = flow_next(variant->state, variant->events[i]).action;

		CHECK(action != FLOW_DO_BUG && action != FLOW_DO_NOTHING, "event %d",
		      variant->events[i]);
	}
}

/* Not even with events in the most unlikely order does a connection live for ever, or relay unasked. */
TEST(all_ways_end_and_only_one_leads_to_the_relay)
{
	for (int s = 0; s < FLOW_STATES; s++) {
		for (int e = 0; e < FLOW_EVENTS; e++) {
			struct flow_step got = flow_next(s, e);

			if (got.action == FLOW_DO_BUG)
				continue;
			CHECK_NE(got.next, s, "state %d event %d comes back", s, e);
			/* Back only to the next endpoint, and there is an end of them. */
			CHECK(got.next > (enum flow_state)s || got.action == FLOW_DO_RETRY,
			      "state %d event %d goes back", s, e);
			if (got.next == FLOW_RELAY)
				CHECK(((s == FLOW_CONNECT || s == FLOW_PROXY_OUT) &&
				       e == FLOW_ON_CONNECTED) ||
				      (s == FLOW_UPSTREAM_TLS && e == FLOW_ON_PROVED));
			if (got.next == FLOW_CONNECT)
				CHECK(((s == FLOW_HANDSHAKE || s == FLOW_PEEK) &&
				       e == FLOW_ON_ADMITTED) ||
				      ((s == FLOW_PROXY_OUT || s == FLOW_UPSTREAM_TLS) &&
				       e == FLOW_ON_ENDPOINT_FAILED));
		}
	}
}

TEST(every_state_has_a_name)
{
	static const char *const names[] = {"proxy_in",	 "handshake",	 "peek",  "connect",
					    "proxy_out", "upstream_tls", "relay", "answer",
					    "linger",	 "closed"};

	for (int s = 0; s < FLOW_STATES; s++)
		CHECK_STR(flow_state_name(s), names[s]);
}
