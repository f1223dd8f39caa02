// SPDX-License-Identifier: Apache-2.0
#include "model/flow.h"

#define ABORT                                                                                      \
	{                                                                                          \
		FLOW_CLOSED, FLOW_DO_ABORT                                                         \
	}
#define CLOSE                                                                                      \
	{                                                                                          \
		FLOW_CLOSED, FLOW_DO_CLOSE                                                         \
	}

/* An empty entry is {FLOW_PROXY_IN, FLOW_DO_NOTHING}: flow_next() turns it into FLOW_DO_BUG. */
static const struct flow_step table[FLOW_STATES][FLOW_EVENTS] =
	{
		[FLOW_PROXY_IN] =
			{
				[FLOW_ON_INTRODUCED] = {FLOW_HANDSHAKE, FLOW_DO_OPEN},
				[FLOW_ON_REFUSED] = ABORT,
				[FLOW_ON_FAILED] = CLOSE,
				[FLOW_ON_TIMEOUT] = ABORT,
				[FLOW_ON_CUT] = ABORT,
			},
		[FLOW_HANDSHAKE] =
			{
				[FLOW_ON_ADMITTED] = {FLOW_CONNECT, FLOW_DO_CONNECT},
				[FLOW_ON_REFUSED] = {FLOW_LINGER, FLOW_DO_LINGER},
				[FLOW_ON_SHUT_OUT] = ABORT,
				[FLOW_ON_TO_ANSWER] = {FLOW_ANSWER, FLOW_DO_ANSWER},
				[FLOW_ON_FAILED] = CLOSE,
				[FLOW_ON_TIMEOUT] = ABORT,
				[FLOW_ON_CUT] = ABORT,
			},
		[FLOW_PEEK] =
			{
				[FLOW_ON_ADMITTED] = {FLOW_CONNECT, FLOW_DO_CONNECT},
				[FLOW_ON_REFUSED] = {FLOW_LINGER, FLOW_DO_LINGER},
				[FLOW_ON_FAILED] = CLOSE,
				[FLOW_ON_TIMEOUT] = ABORT,
				[FLOW_ON_CUT] = ABORT,
			},
		[FLOW_CONNECT] =
			{
				[FLOW_ON_ACCEPTED] = {FLOW_PROXY_OUT, FLOW_DO_ANNOUNCE},
				[FLOW_ON_CONNECTED] = {FLOW_RELAY, FLOW_DO_RELAY},
				[FLOW_ON_REACHED] = {FLOW_UPSTREAM_TLS, FLOW_DO_GREET},
				[FLOW_ON_NO_UPSTREAM] = {FLOW_LINGER, FLOW_DO_ALERT},
				[FLOW_ON_TO_ANSWER] = {FLOW_ANSWER, FLOW_DO_ANSWER},
				[FLOW_ON_FAILED] = ABORT,
				[FLOW_ON_CUT] = ABORT,
			},
		[FLOW_PROXY_OUT] =
			{
				[FLOW_ON_CONNECTED] = {FLOW_RELAY, FLOW_DO_RELAY},
				[FLOW_ON_REACHED] = {FLOW_UPSTREAM_TLS, FLOW_DO_GREET},
				[FLOW_ON_ENDPOINT_FAILED] = {FLOW_CONNECT, FLOW_DO_RETRY},
				[FLOW_ON_FAILED] = ABORT,
				[FLOW_ON_CUT] = ABORT,
			},
		[FLOW_UPSTREAM_TLS] =
			{
				[FLOW_ON_PROVED] = {FLOW_RELAY, FLOW_DO_RELAY},
				[FLOW_ON_ENDPOINT_FAILED] = {FLOW_CONNECT, FLOW_DO_RETRY},
				[FLOW_ON_FAILED] = ABORT,
				[FLOW_ON_CUT] = ABORT,
			},
		[FLOW_RELAY] =
			{
				[FLOW_ON_REFUSED] = {FLOW_LINGER, FLOW_DO_ALERT},
				[FLOW_ON_ENDED] = CLOSE,
				[FLOW_ON_BROKEN] = ABORT,
				[FLOW_ON_TIMEOUT] = ABORT,
				[FLOW_ON_CUT] = ABORT,
			},
		[FLOW_ANSWER] =
			{
				[FLOW_ON_ANSWERED] = {FLOW_LINGER, FLOW_DO_LINGER},
				[FLOW_ON_FAILED] = CLOSE,
				[FLOW_ON_TIMEOUT] = ABORT,
				[FLOW_ON_CUT] = ABORT,
			},
		[FLOW_LINGER] =
			{
				[FLOW_ON_PEER_CLOSED] = CLOSE,
				[FLOW_ON_TIMEOUT] = CLOSE,
				[FLOW_ON_CUT] = CLOSE,
			},
};

struct flow_step flow_next(enum flow_state state, enum flow_event event)
{
	struct flow_step step = table[state][event];

	if (step.action == FLOW_DO_NOTHING)
		return (struct flow_step){.next = state, .action = FLOW_DO_BUG};
	return step;
}

const char *flow_state_name(enum flow_state state)
{
	static const char *const names[FLOW_STATES] = {
		[FLOW_PROXY_IN] = "proxy_in",	[FLOW_HANDSHAKE] = "handshake",
		[FLOW_PEEK] = "peek",		[FLOW_CONNECT] = "connect",
		[FLOW_PROXY_OUT] = "proxy_out", [FLOW_UPSTREAM_TLS] = "upstream_tls",
		[FLOW_RELAY] = "relay",		[FLOW_ANSWER] = "answer",
		[FLOW_LINGER] = "linger",	[FLOW_CLOSED] = "closed",
	};

	return names[state];
}
