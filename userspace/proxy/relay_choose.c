// SPDX-License-Identifier: Apache-2.0
/*
 * Which engine moves the next bytes of a direction.
 *
 * A pipe saves the two copies through this process and costs the same two system calls, the handling
 * of its pages, and records that end with a page's fragment: it pays on bulk. Through a buffer small
 * messages are cheaper, and several small records come with one call.
 *
 * So every direction begins with a buffer and is watched: RUN fills in a row that each brought at
 * least BIG bytes are bulk, RUN in a row of at most SMALL bytes are messages. What lies between says
 * nothing, and the run makes that a stream which varies does not change its engine all the time.
 */
#include "proxy/relay.h"

#define RUN   4
#define BIG   12288 /* three quarters of a record: a bulk sender fills them */
#define SMALL 2048

void relay_note_fill(struct relay_flow *flow, size_t bytes)
{
	int trend = flow->trend;

	if (bytes >= BIG)
		trend = trend > 0 ? trend + 1 : 1;
	else if (bytes <= SMALL)
		trend = trend < 0 ? trend - 1 : -1;
	if (trend <= RUN && trend >= -RUN)
		flow->trend = (int16_t)trend;
}

const struct relay_engine *relay_choose(const struct relay *relay, enum relay_direction direction)
{
	const struct relay_flow *flow = &relay->flow[direction];

	if (relay->crypto == RELAY_OPENSSL)
		return &relay_engine_copy;
	if (relay->crypto == RELAY_NOBODY)
		return &relay_engine_plain;
	switch (relay->engine) {
	case ENGINE_SPLICE:
		return &relay_engine_splice;
	case ENGINE_KTLS_COPY:
		return &relay_engine_ktls_copy;
	default:
		if (flow->trend == RUN)
			return &relay_engine_splice;
		return flow->trend == -RUN ? &relay_engine_ktls_copy : flow->engine;
	}
}
