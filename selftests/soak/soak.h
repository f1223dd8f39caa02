/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The soak: many conversations at a time through the same daemons, each of them drawn from a seed of its
 * own, so that one that failed can be held again alone.
 *
 *	main.c		options, progress, sum
 *	setup.c		the daemons and their listeners
 *	draw.c		a conversation from its seed: scripts of both ends
 *	endings.c	how it ends, and what each end must see of that
 *	converse.c	one conversation, and the report of one that failed
 *	slots.c		processes that hold conversations side by side
 *	quiet.c		what must be true while nobody talks
 */
#ifndef SELFTESTS_SOAK_H
#define SELFTESTS_SOAK_H

#include "selftests/lib/daemon.h"
#include "selftests/lib/peer.h"
#include "selftests/lib/tlsclient.h"

#include <netinet/in.h>
#include <stdatomic.h>

#define SOAK_SLOTS_MAX	 64
#define SOAK_PROBLEM_MAX 1024

/* --- setup.c --- */

/** When a session leaves OpenSSL, and what moves its bytes then. */
enum soak_handover { STAYS_OUT, AT_ONCE, LATER };

/** What the daemons do with TLS; bits, so that an ending can name several. */
enum soak_mode {
	SOAK_TERMINATE = 1,
	SOAK_ORIGINATE = 2,
	SOAK_BACK_TO_BACK = 4, /* originate, and terminate behind that */
	SOAK_PASS_PLAIN = 8,
	SOAK_PASS_TLS = 16, /* from end to end, by the name in the hello */
};

/**
 * A way through the daemons. Where the client has TLS, the slots share a listener, which knows them by
 * their certificates or names; else every slot has one of its own.
 */
struct soak_link {
	const char *name;
	enum soak_mode mode;
	enum soak_handover handover; /* where there is kernel TLS */
	const char *engine;
};

#define SOAK_LINKS 17
extern const struct soak_link soak_links[SOAK_LINKS];

/* The second one originates to the first: a daemon takes no listener of its own for an upstream. */
enum { SOAK_INNER, SOAK_OUTER, SOAK_DAEMONS };

/** What this kernel can do. */
struct soak_features {
	bool ktls, rekey;
};

/** A place for conversations, one after the other, held by a process. */
struct soak_slot {
	atomic_bool busy;
	_Atomic uint64_t index; /* of the conversation, when it is busy */
};

/** What all processes of the soak share. */
struct soak_shared {
	_Atomic uint64_t next; /* index of the next conversation */
	uint64_t end;	       /* the first one that is not held */
	atomic_bool pause, stop;
	_Atomic uint64_t passed, failed, bytes;
	_Atomic uint64_t damaged; /* records that were made not to verify */
	struct soak_slot slots[SOAK_SLOTS_MAX];
};

struct soak {
	struct daemon daemons[SOAK_DAEMONS];
	struct soak_features features;
	unsigned int slots;
	bool verbose; /* print what is drawn */
	struct soak_shared *shared;
};

/** soak_start() - PKI, configurations and daemons. Stops the program when one does not start. */
void soak_start(struct soak *soak);

/** soak_daemon() - the one that clients of @link talk to. */
const struct daemon *soak_daemon(const struct soak *soak, const struct soak_link *link);

/** soak_stop() - Returns: how many daemons did not end as they should. */
unsigned int soak_stop(struct soak *soak);

/** Who talks TLS with us. */
bool soak_client_tls(const struct soak_link *link);
bool soak_upstream_tls(const struct soak_link *link);

/** soak_port() - of the listener for @link in @slot; soak_upstream_port() - where it leads to. */
in_port_t soak_port(const struct soak_link *link, unsigned int slot);
in_port_t soak_upstream_port(unsigned int slot);

/** soak_path() - DIR/pki/@name, in one of a few static buffers; soak_client_path() - of @slot. */
const char *soak_path(const struct soak *soak, const char *name);
const char *soak_client_path(const struct soak *soak, unsigned int slot, const char *ending);

/* --- draw.c --- */

#define SOAK_STEPS_MAX 256

struct soak_script {
	struct peer_step steps[SOAK_STEPS_MAX + 1]; /* PEER_DONE is 0 */
	size_t n;
};

/** What a client does that never ends its handshake. */
enum soak_gone { GONE_NOT, GONE_BEFORE_HELLO, GONE_BEHIND_HELLO };

struct conversation {
	uint64_t index;
	const struct soak_link *link;
	int version; /* where an end has TLS: of that */
	enum tls_suite suite;
	bool raw;	     /* the client makes its records itself */
	bool damages;	     /* and one of them does not verify */
	enum soak_gone gone; /* then there are no scripts, and the upstream hears nothing */
	bool gone_by_reset;
	bool no_handshake; /* the upstream closes instead of shaking hands */
	const char *ending;
	struct soak_script client, upstream;
};

/** conversation_draw() - the one with this index in the run of test_seed(). */
void conversation_draw(struct conversation *c, uint64_t index,
		       const struct soak_features *features);

/* --- converse.c --- */

/**
 * conversation_hold() - in @slot, which nobody else uses meanwhile.
 * Returns: 0, or -1 with words in @problem. *@ret_port is the client's.
 */
int conversation_hold(const struct soak *soak, unsigned int slot, const struct conversation *c,
		      char problem[SOAK_PROBLEM_MAX], in_port_t *ret_port);

/** conversation_print() - what was drawn, and how to do it again, in one write. */
void conversation_print(const struct soak *soak, const struct conversation *c, const char *headline,
			in_port_t client_port);

/* --- slots.c --- */

/** slots_start() - a process for every slot; they begin at once. */
void slots_start(struct soak *soak);

/** slots_mind() - count the conversations of processes that died, and start these anew. */
void slots_mind(struct soak *soak);

/** slots_pause() - wait until nobody talks. Returns: false when somebody does not come to an end. */
bool slots_pause(struct soak *soak);
void slots_resume(struct soak *soak);

/** slots_idle() - nobody talks now; slots_is_through() - and nobody will again. */
bool slots_idle(const struct soak *soak);
bool slots_is_through(const struct soak *soak);

/** slots_stop() - end the processes, with what they are doing. */
void slots_stop(struct soak *soak);

/* --- quiet.c --- */

/** quiet_begin() - remember how it was before the first conversation. */
void quiet_begin(struct soak *soak);

/** quiet_check() - nothing is left of any. Returns: how many things are not as they must be. */
unsigned int quiet_check(struct soak *soak);

/** quiet_end() - what can be said of the whole run. Returns: as quiet_check(). */
unsigned int quiet_end(struct soak *soak);

#endif
