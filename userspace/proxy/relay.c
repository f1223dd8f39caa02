// SPDX-License-Identifier: Apache-2.0
#include "proxy/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

void relay_pools_init(struct relay_pools *pools)
{
	pipe_pool_init(&pools->pipes);
	pools->buffers = NULL;
	pools->n_buffers = 0;
}

void relay_pools_done(struct relay_pools *pools)
{
	pipe_pool_done(&pools->pipes);
	while (pools->buffers) {
		struct relay_buffer *buffer = pools->buffers;

		pools->buffers = buffer->next;
		free(buffer);
	}
}

void relay_start(struct relay *relay, const struct relay_engine *engine, struct relay_pools *pools,
		 int wire_fd, int local_fd)
{
	relay->engine = engine;
	relay->pools = pools;
	relay->wire_fd = wire_fd;
	relay->local_fd = local_fd;
	for (int i = 0; i < RELAY_DIRECTIONS; i++) {
		relay->flow[i] = (struct relay_flow){
			.pipe = {.read_fd = -1, .write_fd = -1},
			.source_ready = true,
			.sink_ready = true,
		};
	}
}

void relay_stop(struct relay *relay)
{
	for (int i = 0; relay->engine && i < RELAY_DIRECTIONS; i++)
		relay->engine->release(relay, i, relay->flow[i].held > 0);
}

int relay_fail(struct relay *relay, enum relay_fault fault)
{
	if (relay->fault == RELAY_FAULT_NONE)
		relay->fault = fault;
	return -EIO;
}

int relay_fail_wire(struct relay *relay, int error)
{
	switch (-error) {
	case EBADMSG:
	case EPROTO:
	case EMSGSIZE:
	case EINVAL:
		return relay_fail(relay, RELAY_TLS_ERROR);
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return relay_fail(relay, RELAY_NO_RESOURCES);
	case EKEYEXPIRED:
		return relay_fail(relay, RELAY_KEY_UPDATE);
	default:
		return relay_fail(relay, RELAY_CLIENT_RESET);
	}
}

int relay_fail_local(struct relay *relay, int error)
{
	if (error == -EMFILE || error == -ENFILE || error == -ENOMEM)
		return relay_fail(relay, RELAY_NO_RESOURCES);
	return relay_fail(relay, RELAY_UPSTREAM_RESET);
}

int relay_end_without_notify(struct relay *relay)
{
	relay->truncated = true;
	return relay->accept_truncation ? 0 : relay_fail(relay, RELAY_TRUNCATED);
}

static enum relay_status finish_flow(struct relay *relay, enum relay_direction direction)
{
	struct relay_flow *flow = &relay->flow[direction];
	int r;

	if (flow->finished)
		return RELAY_ENDED;
	if (!flow->sink_ready)
		return RELAY_BLOCKED;
	r = relay->engine->finish(relay, direction);
	switch (r) {
	case 0:
		flow->finished = true;
		return RELAY_ENDED;
	case -EAGAIN:
		flow->sink_ready = false;
		return RELAY_BLOCKED;
	case -EINPROGRESS:
		return RELAY_SOON;
	default:
		return RELAY_BROKEN;
	}
}

/* Returns: RELAY_AGAIN when a flush moved bytes, else what the direction waits for. */
static enum relay_status flush_flow(struct relay *relay, enum relay_direction direction,
				    size_t *budget)
{
	struct relay_flow *flow = &relay->flow[direction];
	ssize_t moved;

	if (!flow->sink_ready)
		return RELAY_BLOCKED;
	moved = relay->engine->flush(relay, direction);
	if (moved == -EAGAIN) {
		flow->sink_ready = false;
		return RELAY_BLOCKED;
	}
	if (moved < 0)
		return RELAY_BROKEN;
	flow->offset += (uint32_t)moved;
	flow->held -= (uint32_t)moved;
	flow->bytes += (uint64_t)moved;
	*budget -= (size_t)moved < *budget ? (size_t)moved : *budget;
	if (flow->held == 0)
		relay->engine->release(relay, direction, false);
	return RELAY_AGAIN;
}

static enum relay_status fill_flow(struct relay *relay, enum relay_direction direction)
{
	struct relay_flow *flow = &relay->flow[direction];
	ssize_t got;

	if (!flow->source_ready)
		return RELAY_BLOCKED;
	got = relay->engine->fill(relay, direction);
	if (got > 0) {
		flow->offset = 0;
		flow->held = (uint32_t)got;
		return RELAY_AGAIN;
	}
	relay->engine->release(relay, direction, got < 0 && got != -EAGAIN);
	if (got == 0) {
		flow->source_ended = true;
		return RELAY_AGAIN;
	}
	if (got == -EAGAIN) {
		flow->source_ready = false;
		return RELAY_BLOCKED;
	}
	return RELAY_BROKEN;
}

static enum relay_status pump_flow(struct relay *relay, enum relay_direction direction)
{
	struct relay_flow *flow = &relay->flow[direction];
	enum relay_status status = RELAY_AGAIN;
	size_t budget = RELAY_TURN_BYTES;

	while (status == RELAY_AGAIN && budget > 0) {
		if (flow->held > 0)
			status = flush_flow(relay, direction, &budget);
		else if (flow->source_ended)
			return finish_flow(relay, direction);
		else
			status = fill_flow(relay, direction);
	}
	return status;
}

enum relay_status relay_pump(struct relay *relay)
{
	enum relay_status in = pump_flow(relay, RELAY_IN);
	enum relay_status out;

	if (in == RELAY_BROKEN)
		return RELAY_BROKEN;
	out = pump_flow(relay, RELAY_OUT);
	if (out == RELAY_BROKEN)
		return RELAY_BROKEN;
	if (in == RELAY_ENDED && out == RELAY_ENDED)
		return RELAY_ENDED;
	if (in == RELAY_AGAIN || out == RELAY_AGAIN)
		return RELAY_AGAIN;
	return in == RELAY_SOON || out == RELAY_SOON ? RELAY_SOON : RELAY_BLOCKED;
}

static void note_events(struct relay_flow *from, struct relay_flow *to, uint32_t events)
{
	/* With an error or a hang-up both ways have something to say: the next call tells what. */
	bool all = events & (EPOLLERR | EPOLLHUP);

	if (all || events & (EPOLLIN | EPOLLRDHUP))
		from->source_ready = true;
	if (all || events & EPOLLOUT)
		to->sink_ready = true;
}

void relay_wire_event(struct relay *relay, uint32_t events)
{
	note_events(&relay->flow[RELAY_IN], &relay->flow[RELAY_OUT], events);
}

void relay_local_event(struct relay *relay, uint32_t events)
{
	note_events(&relay->flow[RELAY_OUT], &relay->flow[RELAY_IN], events);
}

const char *relay_fault_name(enum relay_fault fault)
{
	static const char *const names[] = {
		[RELAY_FAULT_NONE] = "done",
		[RELAY_CLIENT_RESET] = "client_reset",
		[RELAY_UPSTREAM_RESET] = "upstream_reset",
		[RELAY_TRUNCATED] = "truncated",
		[RELAY_TLS_ERROR] = "tls_error",
		[RELAY_CLIENT_ALERT] = "client_alert",
		[RELAY_KEY_UPDATE] = "key_update",
		[RELAY_UNEXPECTED_RECORD] = "unexpected_record",
		[RELAY_NO_RESOURCES] = "no_resources",
	};

	return names[fault];
}
