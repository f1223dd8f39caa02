// SPDX-License-Identifier: Apache-2.0
#include "proxy/relay.h"

#include "base/clock.h"
#include "sys/stream.h"

#include <errno.h>
#include <sys/epoll.h>

void relay_start(struct relay *relay, struct relay_pools *pools, struct tls_conn *tls, int wire_fd,
		 int local_fd)
{
	relay->pools = pools;
	relay->tls = tls;
	relay->crypto = tls ? RELAY_OPENSSL : RELAY_NOBODY;
	relay->wire_fd = wire_fd;
	relay->local_fd = local_fd;
	for (int i = 0; i < RELAY_DIRECTIONS; i++) {
		relay->flow[i] = (struct relay_flow){
			.engine = tls ? &relay_engine_copy : &relay_engine_plain,
			.pipe = {.read_fd = -1, .write_fd = -1},
			.source_ready = true,
			.sink_ready = true,
		};
	}
}

bool relay_is_ending(const struct relay *relay)
{
	for (int i = 0; i < RELAY_DIRECTIONS; i++) {
		const struct relay_flow *flow = &relay->flow[i];

		if (flow->source_ended || flow->sink_failed || flow->dead)
			return true;
	}
	return relay->spent;
}

void relay_enter_kernel(struct relay *relay)
{
	relay->crypto = RELAY_KERNEL;
	relay->tls = NULL;
	relay->single_records = false;
	/* Edges that were seen on the way through OpenSSL say nothing about the kernel's records. */
	for (int i = 0; i < RELAY_DIRECTIONS; i++) {
		struct relay_flow *flow = &relay->flow[i];

		/* A fill that took a message without bytes has left its buffer behind. */
		if (flow->held == 0)
			flow->engine->release(relay, i, false);
		flow->engine = &relay_engine_ktls_copy;
		/* Named before its first byte, because there may never be one. */
		if (flow->held == 0)
			flow->engine = relay_choose(relay, i);
		flow->source_ready = true;
		flow->sink_ready = true;
	}
}

void relay_stop(struct relay *relay)
{
	for (int i = 0; relay->pools && i < RELAY_DIRECTIONS; i++)
		relay->flow[i].engine->release(relay, i, relay->flow[i].held > 0);
	tls_traffic_free(relay->traffic);
	relay->traffic = NULL;
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
	case ECONNABORTED:
		return relay_fail(relay, RELAY_WIRE_ALERT);
	default:
		return relay_fail(relay,
				  stream_is_lost(error) ? RELAY_WIRE_LOST : RELAY_WIRE_RESET);
	}
}

int relay_fail_local(struct relay *relay, int error)
{
	if (error == -EMFILE || error == -ENFILE || error == -ENOMEM)
		return relay_fail(relay, RELAY_NO_RESOURCES);
	if (stream_is_lost(error))
		return relay_fail(relay, RELAY_LOCAL_LOST);
	return relay_fail(relay, RELAY_LOCAL_RESET);
}

int relay_end_without_notify(struct relay *relay)
{
	relay->truncated = true;
	return relay->accept_truncation ? 0 : relay_fail(relay, RELAY_TRUNCATED);
}

int relay_note_key_update(struct relay *relay)
{
	uint64_t now_ms = clock_now_ms();

	relay->key_updates++;
	if (relay->updates_paid_ms < now_ms)
		relay->updates_paid_ms = now_ms;
	relay->updates_paid_ms += relay->pools->key_update_ms;
	if (relay->updates_paid_ms - now_ms > RELAY_KEY_UPDATES_AHEAD_MS)
		return relay_fail(relay, RELAY_KEY_UPDATE);
	return 0;
}

static enum relay_status finish_flow(struct relay *relay, enum relay_direction direction)
{
	struct relay_flow *flow = &relay->flow[direction];
	int r;

	if (flow->finished)
		return RELAY_ENDED;
	if (!flow->sink_ready)
		return RELAY_BLOCKED;
	r = flow->engine->finish(relay, direction);
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
		flow->dead = true;
		return RELAY_BROKEN;
	}
}

static void charge(size_t *budget, size_t bytes)
{
	size_t cost = bytes > RELAY_ROUND_BYTES ? bytes : RELAY_ROUND_BYTES;

	*budget -= cost < *budget ? cost : *budget;
}

/* Returns: RELAY_AGAIN when a flush moved bytes, else what the direction waits for. */
static enum relay_status flush_flow(struct relay *relay, enum relay_direction direction,
				    size_t *budget)
{
	struct relay_flow *flow = &relay->flow[direction];
	ssize_t moved;

	if (!flow->sink_ready)
		return RELAY_BLOCKED;
	moved = flow->engine->flush(relay, direction);
	if (moved == -EAGAIN) {
		flow->sink_ready = false;
		return RELAY_BLOCKED;
	}
	if (moved < 0) {
		flow->dead = true;
		return RELAY_BROKEN;
	}
	flow->offset += (uint32_t)moved;
	flow->held -= (uint32_t)moved;
	flow->bytes += (uint64_t)moved;
	charge(budget, (size_t)moved);
	if (flow->held == 0)
		flow->engine->release(relay, direction, false);
	return RELAY_AGAIN;
}

/* Returns: 0, or -EIO with relay->fault set. */
static int take_holder(struct relay *relay, enum relay_direction direction)
{
	struct relay_flow *flow = &relay->flow[direction];
	const struct relay_engine *next = relay_choose(relay, direction);
	int r;

	/* Only the engine that took a holder gives it back, and a fill without bytes has kept it. */
	if (next != flow->engine)
		flow->engine->release(relay, direction, false);
	flow->engine = next;
	r = flow->engine->acquire(relay, direction);
	if (r < 0 && flow->engine->spare) {
		relay->pools->pipes_missed++;
		flow->trend = 0;
		flow->engine = flow->engine->spare;
		r = flow->engine->acquire(relay, direction);
	}
	return r < 0 ? relay_fail(relay, RELAY_NO_RESOURCES) : 0;
}

static ssize_t fill_charged(struct relay *relay, enum relay_direction direction, size_t *budget)
{
	const struct relay_engine *engine = relay->flow[direction].engine;
	uint64_t start_ns;
	ssize_t got;

	if (!engine->joins)
		return engine->fill(relay, direction);
	start_ns = clock_now_ns();
	got = engine->fill(relay, direction);
	charge(budget, (clock_now_ns() - start_ns) * RELAY_TURN_BYTES / RELAY_TURN_NS);
	return got;
}

/* Returns: RELAY_AGAIN when something was taken, else what the direction waits for. */
static enum relay_status fill_flow(struct relay *relay, enum relay_direction direction,
				   size_t *budget)
{
	struct relay_flow *flow = &relay->flow[direction];
	uint64_t key_updates = relay->key_updates;
	ssize_t got;

	if (!flow->source_ready)
		return RELAY_BLOCKED;
	if (take_holder(relay, direction) < 0)
		return RELAY_BROKEN;
	got = fill_charged(relay, direction, budget);
	if (got > 0) {
		relay_note_fill(flow, (size_t)got);
		flow->offset = 0;
		flow->held = (uint32_t)got;
		flow->idle_records = 0;
		return RELAY_AGAIN;
	}
	if (got == -EINPROGRESS) {
		charge(budget, 0);
		/* A KeyUpdate carries nothing either, but has a limit of its own. */
		if (relay->key_updates != key_updates ||
		    ++flow->idle_records <= RELAY_IDLE_RECORDS_MAX)
			return RELAY_AGAIN;
		got = flow->engine->reject(relay);
	}
	flow->engine->release(relay, direction, got < 0 && got != -EAGAIN);
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
	size_t budget = relay->single_records ? 1 : RELAY_TURN_BYTES;

	/* Behind a clean end nobody reads that socket any more, and maybe nobody writes to it. */
	if (flow->sink_failed && relay->flow[!direction].source_ended && !flow->finished) {
		flow->dead = true;
		(void)relay_fail(relay,
				 direction == RELAY_IN ? RELAY_LOCAL_RESET : RELAY_WIRE_RESET);
	}
	if (flow->dead)
		return RELAY_BROKEN;
	while (status == RELAY_AGAIN && budget > 0) {
		if (flow->held > 0)
			status = flush_flow(relay, direction, &budget);
		else if (flow->source_ended)
			return finish_flow(relay, direction);
		else if (relay->spent)
			return RELAY_SOON;
		else
			status = fill_flow(relay, direction, &budget);
	}
	return status;
}

/* The sink of @dead is gone; is the way out of that socket still delivering up to its clean end? */
static bool owes_a_tail(const struct relay *relay, enum relay_direction dead)
{
	const struct relay_flow *other = &relay->flow[!dead];
	int sink_fd = dead == RELAY_IN ? relay->wire_fd : relay->local_fd;

	if (!relay->flow[dead].dead || other->dead || !other->source_ended)
		return false;
	/* The reset that follows would overtake what TCP has not delivered. */
	return !other->finished || stream_undelivered(sink_fd);
}

/* Has all that was taken reached the other side? Then the reset destroys nothing. */
static bool is_drained(const struct relay *relay)
{
	int64_t queued = 0;

	if (relay->flow[RELAY_IN].held > 0 || relay->flow[RELAY_OUT].held > 0)
		return false;
	if (relay->crypto == RELAY_KERNEL)
		queued = ktls_tx_queued(relay->wire_fd, &relay->tx_mark, relay->wire_sent);
	return queued <= 0 && queued != -EAGAIN && !stream_undelivered(relay->wire_fd) &&
	       !stream_undelivered(relay->local_fd);
}

enum relay_status relay_pump(struct relay *relay)
{
	enum relay_status in = pump_flow(relay, RELAY_IN);
	enum relay_status out = RELAY_BLOCKED;

	if (in != RELAY_BROKEN || owes_a_tail(relay, RELAY_IN))
		out = pump_flow(relay, RELAY_OUT);
	if (in == RELAY_BROKEN)
		return !owes_a_tail(relay, RELAY_IN) ? RELAY_BROKEN
		       : out == RELAY_ENDED	     ? RELAY_SOON
						     : out;
	if (out == RELAY_BROKEN)
		return !owes_a_tail(relay, RELAY_OUT) ? RELAY_BROKEN
		       : in == RELAY_ENDED	      ? RELAY_SOON
						      : in;
	if (in == RELAY_ENDED && out == RELAY_ENDED)
		return RELAY_ENDED;
	if (relay->spent && is_drained(relay)) {
		(void)relay_fail(relay, RELAY_RECORD_LIMIT);
		return RELAY_BROKEN;
	}
	if (in == RELAY_AGAIN || out == RELAY_AGAIN)
		return RELAY_AGAIN;
	return in == RELAY_SOON || out == RELAY_SOON ? RELAY_SOON : RELAY_BLOCKED;
}

static void note_events(struct relay *relay, enum relay_direction from, uint32_t events)
{
	struct relay_flow *out_of = &relay->flow[from], *into = &relay->flow[!from];
	/* With an error or a hang-up both ways have something to say: the next call tells what. */
	bool all = events & (EPOLLERR | EPOLLHUP);

	if (all || events & (EPOLLIN | EPOLLRDHUP))
		out_of->source_ready = true;
	if (all || events & EPOLLOUT)
		into->sink_ready = true;
	if (events & EPOLLERR)
		into->sink_failed = true;
}

void relay_wire_event(struct relay *relay, uint32_t events)
{
	/* OpenSSL may have to write before it can read, and the other way round. */
	if (relay->tls && events & (EPOLLIN | EPOLLOUT))
		events |= EPOLLIN | EPOLLOUT;
	note_events(relay, RELAY_IN, events);
}

void relay_local_event(struct relay *relay, uint32_t events)
{
	note_events(relay, RELAY_OUT, events);
}

const char *relay_fault_name(enum relay_fault fault, enum relay_wire wire)
{
	static const char *const names[][2] = {
		[RELAY_FAULT_NONE] = {"done", "done"},
		[RELAY_WIRE_RESET] = {"client_reset", "upstream_reset"},
		[RELAY_LOCAL_RESET] = {"upstream_reset", "client_reset"},
		[RELAY_WIRE_LOST] = {"client_lost", "upstream_lost"},
		[RELAY_LOCAL_LOST] = {"upstream_lost", "client_lost"},
		[RELAY_TRUNCATED] = {"truncated", "truncated"},
		[RELAY_TLS_ERROR] = {"tls_error", "tls_error"},
		[RELAY_WIRE_ALERT] = {"client_alert", "upstream_alert"},
		[RELAY_KEY_UPDATE] = {"key_update", "key_update"},
		[RELAY_RECORD_LIMIT] = {"record_limit", "record_limit"},
		[RELAY_UNEXPECTED_RECORD] = {"unexpected_record", "unexpected_record"},
		[RELAY_NO_RESOURCES] = {"no_resources", "no_resources"},
	};

	return names[fault][wire];
}
