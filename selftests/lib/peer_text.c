// SPDX-License-Identifier: Apache-2.0
/* Scripts as they are written in the source. */
#include "selftests/lib/peer.h"

#include <inttypes.h>
#include <stdio.h>

/** A macro of peer.h. */
struct word {
	const char *name;
	unsigned int arguments;
};

static const struct word words[] = {
	[PEER_DONE] = {"DONE", 0},
	[PEER_SEND] = {"SEND", 1},
	[PEER_RECV] = {"RECV", 1},
	[PEER_BOTH] = {"BOTH", 2},
	[PEER_ECHO] = {"ECHO_ALL", 0},
	[PEER_HELLO_SEND] = {"HELLO_SEND", 1},
	[PEER_HELLO_RECV] = {"HELLO_RECV", 0},
	[PEER_STREAMS] = {"STREAMS", 1},
	[PEER_FINISH] = {"FINISH", 0},
	[PEER_FIN] = {"FIN", 0},
	[PEER_RECV_END] = {"RECV_END", 0},
	[PEER_RECV_ALL] = {"RECV_ALL", 0},
	[PEER_SEND_CUT] = {"SEND_CUT", 0},
	[PEER_SEND_TRY] = {"SEND_TRY", 1},
	[PEER_RECV_RESET] = {"RECV_RESET", 0},
	[PEER_RECV_CUT] = {"RECV_CUT", 0},
	[PEER_RECV_RACE] = {"RECV_RACE", 1},
	[PEER_RESET] = {"RESET", 0},
	[PEER_TICKETS] = {"TICKETS", 1},
	[PEER_KEY_UPDATE] = {"KEY_UPDATE", 1},
	[PEER_PADDING] = {"PADDING", 1},
	[PEER_EMPTY] = {"EMPTY", 1},
	[PEER_DAMAGED] = {"DAMAGED", 0},
	[PEER_FLOOD] = {"FLOOD", 1},
	[PEER_SLOW_RECV] = {"SLOW_RECV", 2},
	[PEER_CHUNKS] = {"CHUNKS", 2},
	[PEER_PAUSES] = {"PAUSES", 2},
	[PEER_BUFFERS] = {"BUFFERS", 2},
	[PEER_SLEEP] = {"SLEEP", 1},
	[PEER_GATE] = {"GATE", 1},
	[PEER_PASS] = {"PASS", 1},
};

void peer_step_format(const struct peer_step *step, char text[PEER_STEP_TEXT_MAX])
{
	const struct word *word = &words[step->verb];

	if (word->arguments == 0)
		snprintf(text, PEER_STEP_TEXT_MAX, "%s", word->name);
	else if (word->arguments == 1)
		snprintf(text, PEER_STEP_TEXT_MAX, "%s(%" PRIu64 ")", word->name, step->n);
	else
		snprintf(text, PEER_STEP_TEXT_MAX, "%s(%" PRIu64 ", %" PRIu64 ")", word->name,
			 step->n, step->m);
}
