/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a proxied connection that follows a script: a client or an upstream, either with TLS.
 *
 * Bytes are payload and checked by position, so that loss, repetition and reordering
 * are told apart. A script stops at the first step that goes wrong; peer->problem says how.
 */
#ifndef SELFTESTS_LIB_PEER_H
#define SELFTESTS_LIB_PEER_H

#include "selftests/lib/payload.h"

#include <openssl/types.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct rawtls;
struct tlsclient;

/** What a step does; the macros below write them. */
enum peer_verb {
	PEER_DONE,	 /* end of the script */
	PEER_SEND,	 /* n bytes */
	PEER_RECV,	 /* exactly n bytes */
	PEER_BOTH,	 /* send n and receive m at the same time */
	PEER_ECHO,	 /* send back what comes until its clean end; then the script goes on */
	PEER_HELLO_SEND, /* n as eight bytes: from now on both streams are those of client n */
	PEER_HELLO_RECV, /* the other end of it */
	PEER_STREAMS,	 /* the same, known to both without a word */
	PEER_FINISH,	 /* end our direction: close_notify, or FIN on plain TCP */
	PEER_FIN,	 /* end our direction with a FIN alone, also under TLS */
	PEER_RECV_END,	 /* the clean end of the other direction, nothing before it */
	PEER_RECV_ALL,	 /* everything up to the clean end */
	PEER_SEND_CUT,	 /* send until the connection breaks */
	PEER_SEND_TRY,	 /* send n bytes, or fewer when the connection breaks */
	PEER_RECV_RESET, /* a reset, whatever comes before it */
	PEER_RECV_CUT,	 /* any end that is not clean, whatever comes before it */
	PEER_RECV_RACE,	 /* n bytes and a clean end, or a part of them and a reset */
	PEER_RESET,	 /* abort: RST, the script ends */
	PEER_TICKETS,	 /* a server of TLS 1.3: n of them */
	PEER_KEY_UPDATE, /* TLS 1.3: new keys; with n, the other side is asked for new ones too */
	PEER_PADDING,	 /* peer->raw, TLS 1.3: n zero bytes in every record of data from now on */
	PEER_EMPTY,	 /* peer->raw: n records of data without any */
	PEER_DAMAGED,	 /* peer->raw: a record that does not verify */
	PEER_FLOOD,	 /* send until nothing was taken for n ms; peer->sent tells how much */
	PEER_SLOW_RECV,	 /* receive n bytes, sleeping m microseconds after every 16 KiB */
	PEER_CHUNKS,	 /* one call sends n bytes at most and receives m; 0: the default again */
	PEER_PAUSES,	 /* n microseconds after each chunk sent, m after each received */
	PEER_BUFFERS,	 /* SO_SNDBUF n, SO_RCVBUF m; 0: as it is */
	PEER_SLEEP,	 /* n ms */
	PEER_GATE,	 /* wait until *peer->gate is at least n */
	PEER_PASS,	 /* set *peer->gate to n */
};

struct peer_step {
	enum peer_verb verb;
	uint64_t n, m;
};

/** STEPS(SEND(100), FINISH, RECV_END) - a script that lives as long as the block it stands in. */
#define STEPS(...) ((const struct peer_step[]){__VA_ARGS__, {.verb = PEER_DONE}})

/* clang-format off */
#define SEND(bytes)          {.verb = PEER_SEND, .n = (bytes)}
#define RECV(bytes)          {.verb = PEER_RECV, .n = (bytes)}
#define BOTH(send, receive)  {.verb = PEER_BOTH, .n = (send), .m = (receive)}
#define ECHO_ALL             {.verb = PEER_ECHO}
#define HELLO_SEND(number)   {.verb = PEER_HELLO_SEND, .n = (number)}
#define HELLO_RECV           {.verb = PEER_HELLO_RECV}
#define STREAMS(number)      {.verb = PEER_STREAMS, .n = (number)}
#define FINISH               {.verb = PEER_FINISH}
#define FIN                  {.verb = PEER_FIN}
#define RECV_END             {.verb = PEER_RECV_END}
#define RECV_ALL             {.verb = PEER_RECV_ALL}
#define SEND_CUT             {.verb = PEER_SEND_CUT}
#define SEND_TRY(bytes)      {.verb = PEER_SEND_TRY, .n = (bytes)}
#define RECV_RESET           {.verb = PEER_RECV_RESET}
#define RECV_CUT             {.verb = PEER_RECV_CUT}
#define RECV_RACE(bytes)     {.verb = PEER_RECV_RACE, .n = (bytes)}
#define RESET                {.verb = PEER_RESET}
#define TICKETS(count)       {.verb = PEER_TICKETS, .n = (count)}
#define KEY_UPDATE(request)  {.verb = PEER_KEY_UPDATE, .n = (request)}
#define PADDING(bytes)       {.verb = PEER_PADDING, .n = (bytes)}
#define EMPTY(count)         {.verb = PEER_EMPTY, .n = (count)}
#define DAMAGED              {.verb = PEER_DAMAGED}
#define CHUNKS(send, receive) {.verb = PEER_CHUNKS, .n = (send), .m = (receive)}
#define PAUSES(send_us, receive_us) {.verb = PEER_PAUSES, .n = (send_us), .m = (receive_us)}
#define BUFFERS(send, receive) {.verb = PEER_BUFFERS, .n = (send), .m = (receive)}
#define FLOOD(quiet_ms)      {.verb = PEER_FLOOD, .n = (quiet_ms)}
#define SLOW_RECV(bytes, us) {.verb = PEER_SLOW_RECV, .n = (bytes), .m = (us)}
#define SLEEP(ms)            {.verb = PEER_SLEEP, .n = (ms)}
#define GATE(number)         {.verb = PEER_GATE, .n = (number)}
#define PASS(number)         {.verb = PEER_PASS, .n = (number)}
/* clang-format on */

#define PEER_NO_END 1

struct peer {
	int fd;
	const char *name;      /* client or upstream */
	struct tlsclient *tls; /* NULL: plain; borrowed */
	struct rawtls *raw; /* what is sent goes through it, not through tls; NULL: not; borrowed */
	uint32_t stream_out, stream_in;
	struct payload out, in;
	uint64_t sent, received; /* payload bytes so far */
	_Atomic uint64_t *gate;	 /* for PEER_GATE and PEER_PASS; may be NULL otherwise */
	bool pending;		 /* TLS: a record is half sent, it has to go first */
	bool cut;		 /* a send was told of the reset: nobody is told twice */
	size_t send_chunk, recv_chunk;
	uint32_t send_pause_us, recv_pause_us;
	size_t padding;
	int timeout_ms;	    /* of one step without progress */
	EVP_MD_CTX *digest; /* of the payload received; NULL: nobody asks; borrowed */
	/*
	 * How the connection had ended for a step that went wrong: 0 cleanly, -ENODATA, -ECONNRESET,
	 * -ETIMEDOUT (not at all)…; PEER_NO_END: that was not the problem.
	 */
	ssize_t end;
	char problem[320];
};

/**
 * peer_init_client(), peer_init_upstream() - each direction has a stream of its own; descriptors are
 * borrowed. A client has TLS and an upstream none in mode: terminate; the others are for originate.
 */
void peer_init_client(struct peer *peer, struct tlsclient *tls);
void peer_init_upstream(struct peer *peer, int fd);
void peer_init_plain_client(struct peer *peer, int fd);
void peer_init_tls_upstream(struct peer *peer, struct tlsclient *tls);

/** peer_be_client() - both streams are those of client @number, as behind PEER_HELLO_SEND. */
void peer_be_client(struct peer *peer, uint64_t number);

/** peer_expect_echo() - what comes back is what @peer sends. */
void peer_expect_echo(struct peer *peer);

/** peer_client_payload(), peer_upstream_payload() - the first @len bytes that it sends. */
void peer_client_payload(void *buf, size_t len);
void peer_upstream_payload(void *buf, size_t len);

#define PEER_CHUNK_BYTES ((size_t)64 * 1024)

/**
 * peer_push(), peer_pull() - send, or receive and check, at most @buf (PEER_CHUNK_BYTES) of payload
 * without waiting, for those who run many peers in one thread. @until: of peer->sent, ->received.
 * Returns: 1 something moved, 0 the socket has no room or bytes now, -1 with peer->problem.
 */
int peer_push(struct peer *peer, char *buf, uint64_t until);
int peer_pull(struct peer *peer, char *buf, uint64_t until);

/** peer_step_format() - a step as the macros above write it, e.g. "SEND(100)". */
#define PEER_STEP_TEXT_MAX 64
void peer_step_format(const struct peer_step *step, char text[PEER_STEP_TEXT_MAX]);

/** peer_run() - follow @script to PEER_DONE. Returns: 0, or -1 with peer->problem. */
int peer_run(struct peer *peer, const struct peer_step *script);

#endif
