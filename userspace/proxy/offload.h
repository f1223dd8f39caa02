/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hand-over of a connection from OpenSSL to the kernel: check, commit, settle.
 */
#ifndef SLUICE_PROXY_OFFLOAD_H
#define SLUICE_PROXY_OFFLOAD_H

#include "sys/ktls.h"

struct feature_set;
struct tls_conn;

/** Why a connection is not in the kernel; OFFLOAD_OK: it is. */
enum offload_reason {
	OFFLOAD_OK,
	OFFLOAD_NOT_YET,       /* offload_after has not been reached */
	OFFLOAD_BY_CONFIG,     /* offload: off */
	OFFLOAD_NOT_TCP,       /* a unix listener */
	OFFLOAD_NO_KERNEL_TLS, /* no `tls` module */
	OFFLOAD_CIPHER,	       /* this kernel cannot do version and cipher */
	OFFLOAD_RECORD_LIMIT, /* max_fragment_length was negotiated: the kernel would not keep it */
	OFFLOAD_PENDING_BYTES, /* OpenSSL has part of a record: not before its end */
	OFFLOAD_ENDING,	       /* a direction has ended before the hand-over was due */
	OFFLOAD_FIN_RECEIVED,  /* its FIN was here before the keys: the kernel takes none then */
	OFFLOAD_KEYS,	       /* derivation failed */
	OFFLOAD_INSTALL,       /* the kernel refused the keys */
	OFFLOAD_PASSTHROUGH,   /* no TLS ends here */
	OFFLOAD_REASONS
} __attribute__((packed));

const char *offload_reason_name(enum offload_reason reason);

/**
 * offload_check() - can this connection be handed over in this turn? Changes nothing.
 * @kernel: what a trial at the start of the worker found. @tls: established. @fd: its socket.
 */
enum offload_reason offload_check(const struct feature_set *kernel, const struct tls_conn *tls,
				  int fd);

/**
 * offload_commit() - hand both directions to the kernel; offload_check() must have said OK.
 *
 * There is no way back: afterwards the socket takes plaintext from us and puts records on the wire.
 *
 * Returns: 0, *@ret_mark is set; -EOPNOTSUPP with *@ret_reason if nothing was installed (the copy
 *          engine can go on); -EIO if one direction was installed and the other not: the caller
 *          must abort the connection.
 */
int offload_commit(const struct tls_conn *tls, int fd, struct ktls_tx_mark *ret_mark,
		   enum offload_reason *ret_reason);

/** offload_settle() - free the SSL object and what it knew; *@tls is NULL afterwards. */
void offload_settle(struct tls_conn **tls);

#endif
