/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of a connection as a table: state and event give the next state and one action.
 *
 *	HANDSHAKE --admitted--> CONNECT --connected-----------------------> RELAY --both ended--> CLOSED
 *	    |                    |  | ^                                     ^  |
 *	    | refused            |  | | endpoint failed              proved |  | error, cut
 *	    |                    |  | +-----------------+                   |  v
 *	    |        no upstream |  +---reached---> UPSTREAM_TLS -----------+ CLOSED
 *	    v                    v
 *	  LINGER <---------------+
 *	    +--eof, timeout--> CLOSED
 *
 *	HANDSHAKE, CONNECT --is told in HTTP--> ANSWER --request read, timeout--> LINGER
 *	HANDSHAKE --is shut out--> CLOSED
 *
 * With the PROXY protocol there is a state before it, in which a proxy that may speak for others says
 * who the client is, and one behind CONNECT, in which an endpoint is told so before anything else:
 *
 *	PROXY_IN --introduced--> HANDSHAKE
 *
 *	CONNECT --accepted--> PROXY_OUT --connected--> RELAY
 *	            ^            |  +-----reached----> UPSTREAM_TLS
 *	            +------------+ endpoint failed
 *
 * A client that talks TLS with us (mode: terminate) begins with its handshake. One that talks
 * plaintext (mode: originate) is admitted at once; then it is the upstream that has to prove who it is.
 * One whose bytes are passed on as they come (mode: passthrough) begins with PEEK in the place of
 * HANDSHAKE: where a rule asks for its name, its first message is looked at.
 *
 * ANSWER: the client was refused, or no endpoint is there for it, and it gets an answer in HTTP. That is
 * sent when its request's head has been read.
 *
 * LINGER: an answer or a fatal alert was sent, if the peer knows what that is, and what it still sends is
 * read and thrown away until it closes; a close with unread bytes would be a reset, which destroys what
 * is on its way.
 */
#ifndef SLUICE_MODEL_FLOW_H
#define SLUICE_MODEL_FLOW_H

enum flow_state {
	FLOW_PROXY_IN,	/* who is the client? */
	FLOW_HANDSHAKE, /* with the client */
	FLOW_PEEK,	/* which way is it to go? */
	FLOW_CONNECT,
	FLOW_PROXY_OUT,	   /* the endpoint is told who the client is */
	FLOW_UPSTREAM_TLS, /* the handshake with an endpoint */
	FLOW_RELAY,
	FLOW_ANSWER, /* until it has asked */
	FLOW_LINGER,
	FLOW_CLOSED,
	FLOW_STATES
} __attribute__((packed));

enum flow_event {
	FLOW_ON_INTRODUCED, /* the PROXY header was read */
	FLOW_ON_ADMITTED,   /* policy said yes, behind the handshake where there is one */
	FLOW_ON_REFUSED,  /* handshake or policy said no, and the alert is sent; or the hand-over */
	FLOW_ON_SHUT_OUT, /* policy said no, and a reset is all it gets */
	FLOW_ON_TO_ANSWER,	 /* policy said no, or every endpoint failed: an answer is due */
	FLOW_ON_ANSWERED,	 /* it was sent */
	FLOW_ON_FAILED,		 /* the client is gone or talks no TLS: nothing to tell it */
	FLOW_ON_ACCEPTED,	 /* an endpoint took the connection, and is to be told for whom */
	FLOW_ON_CONNECTED,	 /* an endpoint took the connection, and knows what it has to */
	FLOW_ON_REACHED,	 /* the same, and it has to prove who it is */
	FLOW_ON_PROVED,		 /* it did: handshake done */
	FLOW_ON_ENDPOINT_FAILED, /* it did not: the next one */
	FLOW_ON_NO_UPSTREAM,	 /* every endpoint failed, and the client can be told */
	FLOW_ON_ENDED,		 /* both directions ended cleanly */
	FLOW_ON_BROKEN,		 /* reset, truncation or protocol error on either side */
	FLOW_ON_PEER_CLOSED,	 /* end of file while lingering */
	FLOW_ON_TIMEOUT,	 /* the state's own time limit */
	FLOW_ON_CUT,		 /* drain deadline, or the worker stops */
	FLOW_EVENTS
};

enum flow_action {
	FLOW_DO_NOTHING,
	FLOW_DO_OPEN, /* what the client itself says comes next */
	FLOW_DO_CONNECT,
	FLOW_DO_ANNOUNCE, /* send the PROXY header */
	FLOW_DO_GREET,	  /* begin the handshake with the endpoint */
	FLOW_DO_RETRY,	  /* connect to the next endpoint */
	FLOW_DO_RELAY,
	FLOW_DO_ANSWER, /* read the request, then answer */
	FLOW_DO_LINGER,
	FLOW_DO_CLOSE, /* both sides ended: a plain close */
	FLOW_DO_ABORT, /* resets on both sides */
	FLOW_DO_ALERT, /* fatal internal_error to the client, then linger */
	FLOW_DO_BUG,   /* this event cannot happen in this state */
};

struct flow_step {
	enum flow_state next;
	enum flow_action action;
};

struct flow_step flow_next(enum flow_state state, enum flow_event event);

const char *flow_state_name(enum flow_state state);

#endif
