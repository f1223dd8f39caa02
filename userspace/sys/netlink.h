/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel says about TCP sockets (sock_diag) and network cards (ethtool). Wraps libmnl.
 */
#ifndef SLUICE_SYS_NETLINK_H
#define SLUICE_SYS_NETLINK_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One TCP socket of this network namespace. */
struct netlink_tcp {
	uint64_t cookie; /* getsockopt(SO_COOKIE) gives the same; never reused */
	struct addr src, dst;
	uint8_t state;		/* TCP_ESTABLISHED… of <netinet/tcp.h> */
	bool has_tls;		/* the ULP is "tls" and said the fields below */
	char ulp[16];		/* "" none, or not shown to us (kernel: CAP_NET_ADMIN only) */
	uint8_t txconf, rxconf; /* enum ktls_conf; 0 when has_tls is false */
	uint16_t tls_version;	/* 0x0303, 0x0304; 0: no keys yet */
	uint16_t tls_cipher;	/* the kernel's TLS_CIPHER_… number; 0: no keys yet */
	bool has_info;
	uint32_t rtt_us; /* the rest from struct tcp_info, 0 when has_info is false */
	uint32_t total_retrans;
	uint64_t bytes_acked, bytes_received;
};

/** All TCP sockets at one moment, IPv4 and IPv6, without TIME_WAIT and listeners. */
struct netlink_diag;

/**
 * netlink_diag_dump() - Returns: 0; -ENOENT (the kernel has no tcp_diag); -EPERM; -ENOMEM, -EIO.
 * Without CAP_NET_ADMIN sockets are listed, but kernels below 7 leave their ULP out (K-34).
 */
int netlink_diag_dump(struct netlink_diag **ret_diag);
void netlink_diag_free(struct netlink_diag *diag);

static inline void netlink_diag_free_at(struct netlink_diag **diag)
{
	netlink_diag_free(*diag);
	*diag = NULL;
}
#define _cleanup_netlink_diag_ __attribute__((cleanup(netlink_diag_free_at)))

/** netlink_diag_by_cookie() - NULL when there is no such socket; binary search. */
const struct netlink_tcp *netlink_diag_by_cookie(const struct netlink_diag *diag, uint64_t cookie);

size_t netlink_diag_count(const struct netlink_diag *diag);
/** netlink_diag_at() - by index below the count; order of cookies. */
const struct netlink_tcp *netlink_diag_at(const struct netlink_diag *diag, size_t index);

enum netlink_feature { NETLINK_FEATURE_OFF, NETLINK_FEATURE_ON, NETLINK_FEATURE_ABSENT };

/** TLS offload of one network card; ABSENT: the driver cannot switch it on. */
struct netlink_nic {
	char name[16];
	enum netlink_feature tls_tx, tls_rx, tls_record; /* tls-hw-{tx,rx}-offload, tls-hw-record */
};

/**
 * netlink_nics() - every interface but loopback; *@ret_nics is freed by the caller.
 * Returns: 0; -EOPNOTSUPP (no ethtool netlink, kernel < 5.6); -ENOMEM, -EIO.
 */
int netlink_nics(struct netlink_nic **ret_nics, size_t *ret_count);

#endif
