/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay contract: two directions between the wire (TLS) and the local side (plaintext). In mode:
 * passthrough both sides are plain sockets, and the wire is the client's.
 *
 * An engine moves one direction with these verbs, and relay_pump() is the only loop around them:
 *
 *	acquire	take an empty holder (a pipe or a buffer) from the pool
 *	fill	source -> holder; only called when the holder is empty
 *	flush	holder -> sink
 *	release	give the holder back
 *	finish	pass the end of the stream on: close_notify and FIN to the wire, FIN to the local side
 *
 * Invariants
 *  - Because fill starts with an empty holder, EAGAIN of a fill always means "source empty".
 *  - A holder is taken when bytes are about to enter it and given back when they left it; a fill that
 *    took a record without bytes keeps it, empty. The engine of a direction changes only where no byte
 *    is held, and an empty holder goes back first: no byte can be passed by another one. The hand-over
 *    is the exception, because both engines around it hold bytes in a buffer.
 *  - Readiness is edge-triggered: a ready flag is set by the event and cleared only by EAGAIN.
 *  - An end is passed on only after everything before it was flushed, and only for a clean end.
 *  - What is charged to the budget is work, not bytes: a record of one byte costs a page.
 *  - When a sink dies, the direction out of the same socket may still deliver what it has read to
 *    its clean end; then the relay is broken.
 */
#ifndef SLUICE_PROXY_RELAY_H
#define SLUICE_PROXY_RELAY_H

#include "model/config.h"
#include "sys/ktls.h"
#include "sys/pipe.h"
#include "sys/tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct relay;

enum relay_direction {
	RELAY_IN,  /* wire to local */
	RELAY_OUT, /* local to wire */
	RELAY_DIRECTIONS
};

/** Who is at the wire; the other one is at the local side. */
enum relay_wire { RELAY_WIRE_CLIENT, RELAY_WIRE_UPSTREAM };

/** Who has the keys of the wire. */
enum relay_crypto { RELAY_OPENSSL, RELAY_KERNEL, RELAY_NOBODY } __attribute__((packed));

/** Why a relay broke. Anything but NONE means resets on both sides. */
enum relay_fault {
	RELAY_FAULT_NONE,
	RELAY_WIRE_RESET,
	RELAY_LOCAL_RESET,
	RELAY_WIRE_LOST, /* it acknowledges nothing any more */
	RELAY_LOCAL_LOST,
	RELAY_TRUNCATED,	 /* FIN without close_notify */
	RELAY_TLS_ERROR,	 /* a record that does not verify, or a protocol violation */
	RELAY_WIRE_ALERT,	 /* the peer at the wire sent a fatal alert */
	RELAY_KEY_UPDATE,	 /* it changed its key and the kernel cannot follow, or too often */
	RELAY_RECORD_LIMIT,	 /* as many records as a key is good for, and no way to a new one */
	RELAY_UNEXPECTED_RECORD, /* a record type that has no place after the handshake */
	RELAY_NO_RESOURCES,	 /* no descriptor or memory for a holder */
} __attribute__((packed));

/*
 * KeyUpdates of the peer: more are an attack, each costs key derivations and a system call or two. One
 * that has read enough under a key may ask for the next with every record until our answer is there
 * (Java), so that many come at once: 1000 (of 100 a second) stand for 16 MiB on their way.
 */
#define RELAY_KEY_UPDATES_AHEAD_MS 10000 /* so long a time's worth at once */

#define RELAY_BUFFER_BYTES 16384 /* one TLS record */
#define RELAY_PIPE_BYTES   65536 /* the default of a pipe; one call never asks for more */

/*
 * Bytes per direction and turn of the loop; then the others have their turn. One round costs at
 * least a page, so that a flood of tiny records gets 64 rounds.
 */
#define RELAY_TURN_BYTES  ((size_t)256 * 1024)
#define RELAY_ROUND_BYTES ((size_t)4096)

/* The same in time, for a call that may take thousands of records at once. */
#define RELAY_TURN_NS UINT64_C(1000000)

/* Records in a row that carry nothing (empty, warnings). OpenSSL takes 32 empty ones too. */
#define RELAY_IDLE_RECORDS_MAX 32

/** What the relays of one worker share: holders, scratch memory, a limit. */
struct relay_pools {
	struct pipe_pool pipes;
	struct relay_buffer *buffers; /* free list */
	size_t n_buffers;
	uint64_t pipes_missed;	  /* times that no pipe was to be had and a buffer did it */
	uint32_t records_per_key; /* of AES-GCM */
	uint32_t key_update_ms;	  /* that one of the peer's costs */
};

struct relay_buffer {
	struct relay_buffer *next;
	char bytes[RELAY_BUFFER_BYTES];
};

struct relay_flow {
	const struct relay_engine *engine;
	struct pipe_pair pipe;	     /* splice: holds `held` bytes */
	struct relay_buffer *buffer; /* the others: bytes [offset, offset + held) */
	uint32_t held;
	uint16_t offset;
	bool source_ready, sink_ready;
	bool source_ended;    /* a clean end was read */
	bool notified;	      /* finish: close_notify is sent */
	bool finished;	      /* the end was passed on */
	bool sink_failed;     /* epoll said so; a call that would say how may never come */
	bool dead;	      /* the sink is gone; relay->fault says how */
	uint8_t idle_records; /* in a row */
	int16_t trend;	  /* fills in a row that were big (> 0) or small (< 0): relay_choose() */
	uint64_t bytes;	  /* delivered to the sink */
	uint64_t spliced; /* of them, without entering this process */
};

/**
 * Tickets that the peer sends behind the handshake. But for the last, for the splice engine: where in
 * the handshake messages the stream of records stands.
 */
struct relay_tickets {
	bool expected;	     /* TLS 1.3, and the server is at the wire */
	uint8_t header[4];   /* of the message that is being read: type and length */
	uint8_t header_held; /* bytes of it */
	uint32_t left;	     /* of its body */
	uint32_t dropped;    /* whole messages */
};

struct relay {
	struct relay_pools *pools; /* NULL: not started */
	struct tls_conn *tls;	   /* RELAY_OPENSSL only; owned by the session */
	int wire_fd, local_fd;
	enum relay_crypto crypto;
	enum config_engine engine; /* what the listener wants of RELAY_KERNEL */
	enum relay_fault fault;
	bool accept_truncation : 1;
	bool truncated : 1;
	bool single_records : 1; /* end a turn behind one record: a hand-over is due */
	bool spent : 1; /* RELAY_RECORD_LIMIT: nothing more is taken, what was is delivered */
	bool key_update_due : 1;    /* RELAY_KERNEL: our keys are to be changed */
	bool peer_update_due : 1;   /* and the peer is to be asked to change its */
	bool peer_update_asked : 1; /* it was, and has not yet */
	uint32_t key_updates;	    /* of the peer */
	uint64_t updates_paid_ms;   /* when their rate is down to nothing again */
	struct relay_tickets tickets;
	/* RELAY_KERNEL. */
	struct ktls_tx_mark tx_mark; /* what the kernel must have sent */
	uint64_t wire_sent; /* plaintext that it took since the mark, control records too */
	struct tls_traffic *traffic; /* for the next keys, owned; NULL: this kernel takes none */
	uint32_t uncounted;	     /* records since the kernel was asked, at the most */
	struct relay_flow flow[RELAY_DIRECTIONS];
};

/** Returns: bytes moved (> 0), -EAGAIN, -EIO with relay->fault set. */
typedef ssize_t relay_flush(struct relay *relay, enum relay_direction direction);

struct relay_engine {
	const char *name;
	/* Take a holder unless there is one. Returns: 0, -ENOMEM, -EMFILE, -ENFILE, -ENOBUFS. */
	int (*acquire)(struct relay *relay, enum relay_direction direction);
	/*
	 * Returns: bytes now held (> 0), 0 at a clean end, -EAGAIN, -EINPROGRESS (a record that
	 * carries nothing was taken: ask again), -EIO with relay->fault set.
	 */
	ssize_t (*fill)(struct relay *relay, enum relay_direction direction);
	relay_flush *flush;
	/* Returns: 0, -EAGAIN (the sink is full), -EINPROGRESS (ask again soon), -EIO. */
	int (*finish)(struct relay *relay, enum relay_direction direction);
	/*
	 * A record came that has no place: tell the peer, if the protocol can. Returns: -EIO. NULL:
	 * there are no records.
	 */
	int (*reject)(struct relay *relay);
	/* Give back an empty holder; @dirty: it may hold bytes. */
	void (*release)(struct relay *relay, enum relay_direction direction, bool dirty);
	bool joins;			  /* a fill takes many records; its time is charged too */
	const struct relay_engine *spare; /* that goes on when acquire fails; NULL: none */
};

extern const struct relay_engine relay_engine_copy;	 /* OpenSSL, a buffer */
extern const struct relay_engine relay_engine_ktls_copy; /* kernel TLS, a buffer */
extern const struct relay_engine relay_engine_splice;	 /* kernel TLS, a pipe */
extern const struct relay_engine relay_engine_plain;	 /* no TLS, a pipe */
extern const struct relay_engine relay_engine_plain_copy;

void relay_pools_init(struct relay_pools *pools, const struct config_limits *limits);

/** relay_pools_limit() - other limits, for the relays that there are as well. */
void relay_pools_limit(struct relay_pools *pools, const struct config_limits *limits);
void relay_pools_done(struct relay_pools *pools);

/** relay_buffer_acquire(), relay_buffer_release() - the verbs of every engine that has a buffer. */
int relay_buffer_acquire(struct relay *relay, enum relay_direction direction);
void relay_buffer_release(struct relay *relay, enum relay_direction direction, bool dirty);

/** relay_pipe_acquire(), relay_pipe_release() - the same of every engine that has a pipe. */
int relay_pipe_acquire(struct relay *relay, enum relay_direction direction);
void relay_pipe_release(struct relay *relay, enum relay_direction direction, bool dirty);

/** Those to and from a socket that has no TLS; flush also where the kernel makes the records. */
ssize_t relay_buffer_fill(struct relay *relay, enum relay_direction direction);
ssize_t relay_buffer_flush(struct relay *relay, enum relay_direction direction);
ssize_t relay_pipe_fill(struct relay *relay, enum relay_direction direction);
ssize_t relay_pipe_flush(struct relay *relay, enum relay_direction direction);

/**
 * relay_start() - both directions begin with everything marked ready, by OpenSSL with @tls; NULL:
 * there is no TLS. Descriptors are borrowed.
 */
void relay_start(struct relay *relay, struct relay_pools *pools, struct tls_conn *tls, int wire_fd,
		 int local_fd);

/** relay_is_ending() - an end was read, or a sink has failed: a hand-over has come too late. */
bool relay_is_ending(const struct relay *relay);

/** relay_enter_kernel() - the keys have been handed over: go on with what is held; pump next. */
void relay_enter_kernel(struct relay *relay);

/**
 * relay_choose() - the engine for the next bytes of @direction. This is the whole rule of
 * `engine: auto`.
 */
const struct relay_engine *relay_choose(const struct relay *relay, enum relay_direction direction);

/** relay_note_fill() - what relay_choose() goes by: a fill brought so much. */
void relay_note_fill(struct relay_flow *flow, size_t bytes);

enum relay_status {
	RELAY_BLOCKED, /* waits for an event */
	RELAY_AGAIN,   /* the budget is used up: pump again next turn */
	RELAY_SOON,    /* no event may come: pump again after some ms, longer each time */
	RELAY_ENDED,   /* both directions ended cleanly */
	RELAY_BROKEN,  /* relay->fault says why */
};

/** relay_pump() - move what can be moved in both directions, RELAY_TURN_BYTES each at most. */
enum relay_status relay_pump(struct relay *relay);

/** relay_is_half_closed() - one direction's end was passed on, the other one goes on. */
static inline bool relay_is_half_closed(const struct relay *relay)
{
	return relay->flow[RELAY_IN].finished != relay->flow[RELAY_OUT].finished;
}

/** relay_wire_event()/relay_local_event() - note what epoll said of a side. */
void relay_wire_event(struct relay *relay, uint32_t events);
void relay_local_event(struct relay *relay, uint32_t events);

/** relay_stop() - drop what is held, wipe secrets; the descriptors stay the caller's. */
void relay_stop(struct relay *relay);

/** relay_fail() - note @fault (the first one counts). Returns: -EIO, for engines to pass on. */
int relay_fail(struct relay *relay, enum relay_fault fault);

/** relay_fail_io() - the fault that @error (-errno) on a side means. Returns: -EIO. */
int relay_fail_wire(struct relay *relay, int error);
int relay_fail_local(struct relay *relay, int error);

/** relay_note_key_update() - the peer has sent one. Returns: 0, -EIO when there are too many. */
int relay_note_key_update(struct relay *relay);

/** relay_send_fin() - end the sink of @direction on TCP. Returns: 0, or -EIO with relay->fault set. */
int relay_send_fin(struct relay *relay, enum relay_direction direction);

/** relay_end_without_notify() - FIN without close_notify: the policy for it. Returns: 0 or -EIO. */
int relay_end_without_notify(struct relay *relay);

/** relay_fault_name() - for the log, in words of client and upstream. */
const char *relay_fault_name(enum relay_fault fault, enum relay_wire wire);

#endif
