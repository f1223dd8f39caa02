// SPDX-License-Identifier: Apache-2.0
/*
 * Invariants
 *  - A draw depends on the seed and the index alone; features only leave out what cannot be.
 *  - Scripts cannot wait for each other: in a phase both ends have sent and received in the same
 *    proportion after each of their parts, however many parts they have.
 *  - No end sends more records in a row without data than sluice takes.
 */
#include "selftests/soak/draw.h"

#include "selftests/harness/harness.h"

#include <string.h>

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

#define PHASES_MAX     12
#define PARTS_MAX      4
#define CHUNK_MAX      (64 * KIB)
#define CHUNKS_MAX     600   /* in a transfer: more would be many bytes one by one */
#define PAUSE_TOTAL_US 60000 /* of a transfer and direction */
#define IDLE_MAX       24    /* of the 32 that both engines take */
#define NARROW_BYTES   4096  /* the kernel makes its minimum of less: 4608 and 2304 */
#define BUFFER_MAX     (64 * KIB)
#define RAW_MAX	       (256 * KIB)

void draw_step(struct draw_side *side, struct peer_step step)
{
	MUST(side->script->n < SOAK_STEPS_MAX);
	side->script->steps[side->script->n++] = step;
}

uint64_t draw_bytes(struct draw *draw)
{
	uint64_t bytes = rng_log(&draw->rng, draw->bytes_max);

	return rng_one_in(&draw->rng, 16) ? 0 : bytes;
}

/* --- a phase --- */

static uint64_t draw_chunk(struct rng *rng, uint64_t bytes)
{
	uint64_t chunk = rng_log(rng, CHUNK_MAX);

	return chunk < bytes / CHUNKS_MAX ? bytes / CHUNKS_MAX : chunk;
}

static uint64_t draw_pause_us(struct rng *rng, uint64_t bytes, uint64_t chunk)
{
	uint64_t total_us = rng_log(rng, PAUSE_TOTAL_US);

	return rng_one_in(rng, 3) ? total_us / (bytes / chunk + 1) : 0;
}

static void draw_pace(struct draw *draw, struct draw_side *side, uint64_t send, uint64_t receive)
{
	uint64_t send_chunk = draw_chunk(&draw->rng, send);
	uint64_t receive_chunk = draw_chunk(&draw->rng, receive);
	uint64_t send_us = draw_pause_us(&draw->rng, send, send_chunk);
	uint64_t receive_us = draw_pause_us(&draw->rng, receive, receive_chunk);

	draw_step(side, (struct peer_step)CHUNKS(send_chunk, receive_chunk));
	draw_step(side, (struct peer_step)PAUSES(send_us, receive_us));
}

/* What an ending sends is not to be held up by the pauses of the phase before. */
static void draw_common_pace(struct draw_side *side)
{
	draw_step(side, (struct peer_step)CHUNKS(0, 0));
	draw_step(side, (struct peer_step)PAUSES(0, 0));
}

static void add_idle(struct draw_side *side, struct peer_step step, uint64_t records)
{
	if (side->ended || side->idle + records > IDLE_MAX)
		return;
	side->idle += (unsigned int)records;
	draw_step(side, step);
}

/* What TLS has beside data. Everything is drawn, whether it can be used or not. */
static void draw_records(struct draw *draw, struct draw_side *side)
{
	struct rng *rng = &draw->rng;
	bool update = rng_one_in(rng, 3), tickets = rng_one_in(rng, 6), empty = rng_one_in(rng, 3),
	     pad = rng_one_in(rng, 3);
	uint64_t request = rng_below(rng, 2), n_tickets = 1 + rng_below(rng, 3);
	uint64_t n_empty = 1 + rng_below(rng, 4), padding = rng_log(rng, 1024) - 1;
	bool is_1_3 = draw->c->version == TLS1_3_VERSION;

	if (!side->tls)
		return;
	/* From end to end the other one has to answer: not where it has ended or makes its records. */
	request = draw->c->link->mode == SOAK_PASS_TLS ? 0 : request;
	if (update && is_1_3 && draw->updates_followed)
		add_idle(side, (struct peer_step)KEY_UPDATE(request), 1);
	if (tickets && is_1_3 && side->serves)
		add_idle(side, (struct peer_step)TICKETS(n_tickets), n_tickets);
	if (empty && side->raw)
		add_idle(side, (struct peer_step)EMPTY(n_empty), n_empty);
	if (pad && side->raw && is_1_3)
		draw_step(side, (struct peer_step)PADDING(padding));
}

void draw_transfer(struct draw *draw, struct draw_side *side, uint64_t send, uint64_t receive)
{
	uint64_t parts = 1 + rng_below(&draw->rng, PARTS_MAX);

	draw_pace(draw, side, send, receive);
	for (uint64_t i = 0; i < parts; i++) {
		uint64_t sends = send * (i + 1) / parts - send * i / parts;
		uint64_t receives = receive * (i + 1) / parts - receive * i / parts;
		uint64_t sleep_ms = 1 + rng_below(&draw->rng, 15);

		if (rng_one_in(&draw->rng, 4))
			draw_step(side, (struct peer_step)SLEEP(sleep_ms));
		draw_records(draw, side);
		if (sends + receives > 0)
			draw_step(side, (struct peer_step)BOTH(sends, receives));
		side->idle = sends > 0 ? 0 : side->idle;
	}
}

static void draw_both(struct draw *draw, uint64_t up, uint64_t down)
{
	draw_transfer(draw, &draw->client, up, down);
	draw_transfer(draw, &draw->upstream, down, up);
}

static void draw_phase(struct draw *draw)
{
	uint64_t up = draw_bytes(draw), down = draw_bytes(draw);

	switch (rng_below(&draw->rng, 4)) {
	case 0: /* upload */
		draw_both(draw, up, 0);
		break;
	case 1: /* download */
		draw_both(draw, 0, down);
		break;
	case 2: /* question and answer */
		draw_both(draw, up, 0);
		draw_both(draw, 0, down);
		break;
	default:
		draw_both(draw, up, down);
	}
}

void draw_exchange(struct draw_side *first, struct draw_side *second)
{
	draw_step(first, (struct peer_step)SEND(1));
	draw_step(second, (struct peer_step)RECV(1));
	draw_step(second, (struct peer_step)SEND(1));
	draw_step(first, (struct peer_step)RECV(1));
	first->idle = second->idle = 0;
}

/* --- the conversation --- */

static void draw_protocol(struct draw *draw)
{
	static const enum tls_suite suites[] = {SUITE_AES_128, SUITE_AES_256, SUITE_CHACHA20};
	struct conversation *c = draw->c;

	c->link = &soak_links[rng_below(&draw->rng, SOAK_LINKS)];
	c->version = rng_one_in(&draw->rng, 3) ? TLS1_2_VERSION : TLS1_3_VERSION;
	c->suite = suites[rng_below(&draw->rng, 3)];
	c->raw = rng_one_in(&draw->rng, 4) && soak_client_tls(c->link);
	/* A late hand-over may come before a KeyUpdate or behind it: none of those then. */
	draw->updates_followed =
		c->link->handover == STAYS_OUT || !draw->features->ktls || draw->features->rekey;
}

/*
 * Where a receive buffer is smaller than a segment of the loopback, the sender waits for its timer
 * (200 ms) before it fills what room there is: such a conversation must be short.
 */
static uint64_t bytes_max_with(uint64_t bytes_max, uint64_t receive_buffer)
{
	uint64_t most = receive_buffer < NARROW_BYTES ? 4 * NARROW_BYTES : 4 * receive_buffer;

	return most < bytes_max ? most : bytes_max;
}

static void draw_buffers(struct draw *draw, struct draw_side *side)
{
	bool narrow_send = rng_one_in(&draw->rng, 5), narrow_receive = rng_one_in(&draw->rng, 5);
	uint64_t send_bytes = rng_log(&draw->rng, BUFFER_MAX);
	uint64_t receive_bytes = rng_log(&draw->rng, BUFFER_MAX);

	if (!narrow_send && !narrow_receive)
		return;
	draw_step(side, (struct peer_step)BUFFERS(narrow_send ? send_bytes : 0,
						  narrow_receive ? receive_bytes : 0));
	if (narrow_receive)
		draw->bytes_max = bytes_max_with(draw->bytes_max, receive_bytes);
}

static void draw_ends(struct draw *draw)
{
	struct conversation *c = draw->c;

	draw->client = (struct draw_side){
		.script = &c->client, .tls = soak_client_tls(c->link), .raw = c->raw};
	draw->upstream = (struct draw_side){
		.script = &c->upstream, .tls = soak_upstream_tls(c->link), .serves = true};
	draw->bytes_max = c->raw ? RAW_MAX : 2 * MIB;
	draw_step(&draw->client, (struct peer_step)STREAMS(c->index));
	draw_step(&draw->upstream, (struct peer_step)STREAMS(c->index));
	draw_buffers(draw, &draw->client);
	draw_buffers(draw, &draw->upstream);
}

void conversation_draw(struct conversation *c, uint64_t index, const struct soak_features *features)
{
	struct draw draw = {.features = features, .c = c};
	const struct draw_ending *ending;
	uint64_t phases;

	memset(c, 0, sizeof(*c));
	c->index = index;
	rng_init(&draw.rng, test_seed() + index);
	draw_protocol(&draw);
	ending = draw_choose_ending(&draw);
	c->ending = ending->name;
	c->raw |= ending->raw;
	draw_ends(&draw);
	phases = rng_log(&draw.rng, PHASES_MAX) - rng_below(&draw.rng, 2);
	for (uint64_t i = 0; i < phases && !ending->alone; i++)
		draw_phase(&draw);
	draw_common_pace(&draw.client);
	draw_common_pace(&draw.upstream);
	ending->draw(&draw);
}
