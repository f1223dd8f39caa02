/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of the C library that fail when they are told to.
 *
 * inject.c defines them in front of the C library's own and is linked into a second daemon,
 * BUILD/selftests/inject/sluice. So the libraries that the daemon uses get them too, the product has
 * no hook for it, and the same works under AddressSanitizer. The driver and the daemon share one
 * page: a file, named by the environment.
 */
#ifndef SELFTESTS_INJECT_H
#define SELFTESTS_INJECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A worker keeps of its environment what loader and C library look at: names with this beginning. */
#define INJECT_VARIABLE "MALLOC_FAULTS"

/** What is counted, each on its own; a call may be of two kinds. */
enum inject_kind {
	INJECT_ALLOC, /* of the heap, OpenSSL's too */
	INJECT_FD,    /* every call that makes a descriptor */
	INJECT_ACCEPT,
	INJECT_EPOLL_ADD, /* to take one away cannot fail */
	INJECT_EPOLL_WAIT,
	INJECT_CONNECT,
	INJECT_READ,
	INJECT_WRITE,
	INJECT_RECV,
	INJECT_SEND,
	INJECT_RECVMSG,
	INJECT_SENDMSG,
	INJECT_SPLICE,
	INJECT_SHUTDOWN,
	INJECT_IOCTL,
	INJECT_SETSOCKOPT, /* but for the next three */
	INJECT_ULP,
	INJECT_TLS_TX, /* keys of a direction */
	INJECT_TLS_RX,
	INJECT_GETSOCKOPT, /* but for: */
	INJECT_TLS_SEQ,	   /* the next record's number */
	INJECT_KINDS
};

/** Of the daemon's processes the one that is meant. */
enum inject_role { INJECT_SUPERVISOR, INJECT_WORKER };

struct inject_page {
	/* Set by the driver; the role before the daemon starts, the others while it is not armed. */
	enum inject_role role;
	enum inject_kind kind;
	uint64_t nth; /* from 1; 0: none, calls are only counted */
	int error;    /* errno; 0: the call moves one byte */
	_Atomic bool armed;
	/* Set by the daemon. */
	_Atomic uint64_t calls[INJECT_KINDS]; /* while armed */
	_Atomic bool fired;
	char where[512];	/* the stack of the call that failed, for addr2line */
	_Atomic int64_t blocks; /* of the heap in use; their change means something */
	_Atomic bool waiting;	/* in epoll_wait(2) */
};

#endif
