// SPDX-License-Identifier: Apache-2.0
/*
 * How a conversation ends. The steps say what each end must see; where a race is legal, a step takes
 * both outcomes, and the comment says which race.
 */
#include "selftests/soak/draw.h"

#include "selftests/harness/harness.h"

/* --- clean --- */

/* close_notify and, now and then, the FIN of the socket at once. */
static void finish(struct draw *draw, struct draw_side *side)
{
	bool fin = rng_one_in(&draw->rng, 3);

	draw_step(side, (struct peer_step)FINISH);
	if (fin && side->tls)
		draw_step(side, (struct peer_step)FIN);
	side->ended = true;
}

static void half_close(struct draw *draw, struct draw_side *first, struct draw_side *second)
{
	uint64_t more = draw_bytes(draw);

	finish(draw, first);
	draw_step(second, (struct peer_step)RECV_END);
	draw_transfer(draw, second, more, 0);
	draw_transfer(draw, first, 0, more);
	finish(draw, second);
	draw_step(first, (struct peer_step)RECV_END);
}

static void client_first(struct draw *draw)
{
	half_close(draw, &draw->client, &draw->upstream);
}

static void upstream_first(struct draw *draw)
{
	half_close(draw, &draw->upstream, &draw->client);
}

static void both_at_once(struct draw *draw)
{
	finish(draw, &draw->client);
	finish(draw, &draw->upstream);
	draw_step(&draw->client, (struct peer_step)RECV_END);
	draw_step(&draw->upstream, (struct peer_step)RECV_END);
}

/* --- not clean --- */

static void truncate_by(struct draw *draw, struct draw_side *from, struct draw_side *to)
{
	uint64_t bytes = draw_bytes(draw);

	draw_exchange(from, to);
	draw_step(from, (struct peer_step)SEND(bytes));
	draw_step(from, (struct peer_step)FIN);
	draw_step(from, (struct peer_step)RECV_RESET);
	draw_step(to, (struct peer_step)RECV_RESET);
}

static void truncated_by_client(struct draw *draw)
{
	truncate_by(draw, &draw->client, &draw->upstream);
}

static void truncated_by_upstream(struct draw *draw)
{
	truncate_by(draw, &draw->upstream, &draw->client);
}

static void reset_by(struct draw *draw, struct draw_side *from, struct draw_side *to)
{
	uint64_t bytes = draw_bytes(draw);

	draw_exchange(from, to);
	switch (rng_below(&draw->rng, 3)) {
	case 0: /* nothing under way */
		draw_step(to, (struct peer_step)RECV_RESET);
		break;
	case 1: /* in the middle of what it sends itself */
		draw_step(from, (struct peer_step)SEND(bytes));
		draw_step(to, (struct peer_step)RECV_RESET);
		break;
	default: /* in the middle of what it is sent */
		draw_step(from, (struct peer_step)RECV(bytes));
		draw_step(to, (struct peer_step)SEND_CUT);
	}
	draw_step(from, (struct peer_step)RESET);
}

static void reset_by_client(struct draw *draw)
{
	reset_by(draw, &draw->client, &draw->upstream);
}

static void reset_by_upstream(struct draw *draw)
{
	reset_by(draw, &draw->upstream, &draw->client);
}

/* Race: a reset that comes before sluice has read the clean end hides it, one that comes later not. */
static void reset_behind_end(struct draw *draw, struct draw_side *from, struct draw_side *to)
{
	uint64_t bytes = draw_bytes(draw);

	draw_exchange(from, to);
	draw_step(from, (struct peer_step)SEND(bytes));
	draw_step(from, (struct peer_step)FINISH);
	draw_step(from, (struct peer_step)RESET);
	draw_step(to, (struct peer_step)RECV_RACE(bytes));
}

static void client_resets_behind_end(struct draw *draw)
{
	reset_behind_end(draw, &draw->client, &draw->upstream);
}

static void upstream_resets_behind_end(struct draw *draw)
{
	reset_behind_end(draw, &draw->upstream, &draw->client);
}

/*
 * The upstream ends its side and closes, whatever comes. Race: the client's bytes meet a socket that
 * is closed, whose reset may come before or after the clean end has been passed on.
 */
static void upstream_at_once(struct draw *draw)
{
	uint64_t bytes = draw_bytes(draw);

	if (draw->upstream.tls)
		draw_step(&draw->upstream, (struct peer_step)FINISH);
	if (rng_one_in(&draw->rng, 2)) {
		draw_step(&draw->client, (struct peer_step)RECV_END);
		draw_step(&draw->client, (struct peer_step)FINISH);
		return;
	}
	draw_step(&draw->client, (struct peer_step)SEND_TRY(bytes));
	draw_step(&draw->client, (struct peer_step)RECV_RACE(0));
}

static void say_nothing(struct draw_side *side)
{
	side->script->n = 0;
	side->script->steps[0] = (struct peer_step){.verb = PEER_DONE};
}

/* An upstream that closes instead of shaking hands. */
static void no_handshake(struct draw *draw)
{
	uint64_t bytes = draw_bytes(draw);

	draw->c->no_handshake = true;
	say_nothing(&draw->upstream);
	draw_step(&draw->client, (struct peer_step)SEND_TRY(bytes));
	draw_step(&draw->client, (struct peer_step)RECV_RESET);
}

static void client_gone(struct draw *draw)
{
	draw->c->gone = rng_one_in(&draw->rng, 2) ? GONE_BEFORE_HELLO : GONE_BEHIND_HELLO;
	draw->c->gone_by_reset = rng_one_in(&draw->rng, 2);
	say_nothing(&draw->client);
	say_nothing(&draw->upstream);
}

/* An alert tells the client, or the reset behind it comes first. */
static void damaged(struct draw *draw)
{
	draw_exchange(&draw->client, &draw->upstream);
	draw->c->damages = true;
	draw_step(&draw->client, (struct peer_step)SEND(rng_below(&draw->rng, 100000)));
	draw_step(&draw->client, (struct peer_step)DAMAGED);
	draw_step(&draw->client, (struct peer_step)RECV_CUT);
	draw_step(&draw->upstream, (struct peer_step)RECV_RESET);
}

/* Where the kernel cannot follow. */
static void update_by(struct draw *draw, struct draw_side *from, struct draw_side *to)
{
	draw_exchange(from, to);
	draw_step(from, (struct peer_step)SEND(rng_below(&draw->rng, 100000)));
	draw_step(from, (struct peer_step)KEY_UPDATE(rng_below(&draw->rng, 2)));
	draw_step(from, (struct peer_step)RECV_CUT);
	draw_step(to, (struct peer_step)RECV_RESET);
}

static void client_updates(struct draw *draw)
{
	update_by(draw, &draw->client, &draw->upstream);
}

static void upstream_updates(struct draw *draw)
{
	update_by(draw, &draw->upstream, &draw->client);
}

/* clang-format off */
static const struct draw_ending endings[] = {
	{.name = "client first", .weight = 25, .draw = client_first},
	{.name = "upstream first", .weight = 20, .draw = upstream_first},
	{.name = "both at once", .weight = 10, .draw = both_at_once},
	{.name = "truncated by the client", .weight = 6, .modes = SOAK_TERMINATE, .draw = truncated_by_client},
	{.name = "truncated by the upstream", .weight = 6, .modes = SOAK_ORIGINATE, .draw = truncated_by_upstream},
	{.name = "reset by the client", .weight = 9, .draw = reset_by_client},
	{.name = "reset by the upstream", .weight = 9, .draw = reset_by_upstream},
	{.name = "the client resets behind its end", .weight = 3, .draw = client_resets_behind_end},
	{.name = "the upstream resets behind its end", .weight = 3, .draw = upstream_resets_behind_end},
	{.name = "the upstream closes at once", .weight = 5, .alone = true, .draw = upstream_at_once},
	{.name = "the upstream shakes no hands", .weight = 4, .modes = SOAK_ORIGINATE, .alone = true, .draw = no_handshake},
	{.name = "client gone in the handshake", .weight = 4, .modes = SOAK_TERMINATE, .alone = true, .draw = client_gone},
	{.name = "damaged record", .weight = 4, .modes = SOAK_TERMINATE, .raw = true, .draw = damaged},
	{.name = "the client's KeyUpdate", .weight = 3, .modes = SOAK_TERMINATE, .ends_update = true, .draw = client_updates},
	{.name = "the upstream's KeyUpdate", .weight = 3, .modes = SOAK_ORIGINATE, .ends_update = true, .draw = upstream_updates},
};
/* clang-format on */

#define N_ENDINGS (sizeof(endings) / sizeof(endings[0]))

static bool is_possible(const struct draw *draw, const struct draw_ending *ending)
{
	const struct conversation *c = draw->c;

	if (ending->ends_update && (draw->updates_followed || c->link->handover != AT_ONCE ||
				    c->version != TLS1_3_VERSION))
		return false;
	return !ending->modes || (ending->modes & c->link->mode);
}

const struct draw_ending *draw_choose_ending(struct draw *draw)
{
	unsigned int all = 0;
	uint64_t at;

	for (size_t i = 0; i < N_ENDINGS; i++)
		all += endings[i].weight;
	at = rng_below(&draw->rng, all);
	for (size_t i = 0; i < N_ENDINGS; i++) {
		if (at < endings[i].weight)
			return is_possible(draw, &endings[i]) ? &endings[i] : &endings[0];
		at -= endings[i].weight;
	}
	return &endings[0];
}
