/* SPDX-License-Identifier: Apache-2.0 */
/* Between draw.c and endings.c: a conversation that is being drawn. */
#ifndef SELFTESTS_SOAK_DRAW_H
#define SELFTESTS_SOAK_DRAW_H

#include "selftests/lib/rng.h"
#include "selftests/soak/soak.h"

/** One end of it. */
struct draw_side {
	struct soak_script *script;
	bool tls, raw, serves;
	bool ended;	   /* has said its last word */
	unsigned int idle; /* records without data since the last data */
};

struct draw {
	struct rng rng;
	const struct soak_features *features;
	struct conversation *c;
	struct draw_side client, upstream;
	uint64_t bytes_max;    /* of a phase and direction */
	bool updates_followed; /* a KeyUpdate does not end the session */
};

/** draw_ending - chosen before the rest, because some need what the rest has to provide. */
struct draw_ending {
	const char *name;
	unsigned int weight; /* of all */
	unsigned int modes;  /* that have it; 0: all */
	bool alone;	     /* there is nothing before it */
	bool raw;	     /* needs a client that makes its records itself */
	bool ends_update;    /* needs a kernel that cannot follow a KeyUpdate */
	void (*draw)(struct draw *draw);
};

const struct draw_ending *draw_choose_ending(struct draw *draw);

/** draw_step() - append to a script. */
void draw_step(struct draw_side *side, struct peer_step step);

/** draw_bytes() - how much: 0 to draw->bytes_max. */
uint64_t draw_bytes(struct draw *draw);

/** draw_transfer() - @side sends and receives so much, in parts, with pauses and records between. */
void draw_transfer(struct draw *draw, struct draw_side *side, uint64_t send, uint64_t receive);

/**
 * draw_exchange() - a byte each way: from here on both ends know that there is a session, and nothing
 * of @first is under way that its reset could destroy.
 */
void draw_exchange(struct draw_side *first, struct draw_side *second);

#endif
