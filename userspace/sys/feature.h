/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this machine can do, found by trying it on loopback sockets, not by version numbers.
 *
 * Trying leaves nothing behind, but may load kernel modules (tls, tcp_diag, crypto algorithms).
 */
#ifndef SLUICE_SYS_FEATURE_H
#define SLUICE_SYS_FEATURE_H

#include "sys/bpf.h"
#include "sys/kernel_version.h"
#include "sys/ktls.h"
#include "sys/netlink.h"

#include <stdbool.h>
#include <stdint.h>

enum feature_state { FEATURE_UNTRIED, FEATURE_WORKS, FEATURE_FAILS };

struct feature {
	enum feature_state state;
	int error; /* negative errno of what failed; 0 otherwise */
};

enum feature_version { FEATURE_TLS_1_2, FEATURE_TLS_1_3, FEATURE_N_VERSIONS };
enum feature_direction { FEATURE_TX, FEATURE_RX, FEATURE_N_DIRECTIONS };

struct feature_set {
	char kernel_release[65]; /* utsname.release */
	char kernel_build[65];	 /* utsname.version */
	struct kernel_version kernel;
	enum kernel_verdict faults[KERNEL_N_FAULTS];

	struct feature loopback;  /* a TCP connection to ourselves; all that follows needs it */
	struct feature ulp;	  /* the tls ULP */
	bool ulp_loaded_by_probe; /* the module was not there before */
	/* keys installed and one record passed with the right content, against the other side */
	struct feature tls[FEATURE_N_VERSIONS][KTLS_N_CIPHERS][FEATURE_N_DIRECTIONS];
	struct feature rekey;	      /* second keys on TLS 1.3, and a record under them */
	struct feature expect_no_pad; /* TLS_RX_EXPECT_NO_PAD */
	struct feature zerocopy;      /* TLS_TX_ZEROCOPY_RO */
	struct feature sock_diag;     /* the dump lists our socket */
	struct feature diag_ulp;      /* … with its ULP, version and cipher */
	struct feature tls_stat;      /* /proc/net/tls_stat */
	struct feature bpf;	      /* load */
	struct feature sockmap;	      /* attach and insert */
	enum bpf_step sockmap_step;   /* where it stopped */
	/* keys on a socket that is in a sockmap: FAILS is the good case, see KERNEL_FAULT_SOCKMAP */
	struct feature sockmap_with_tls;

	char gcm_driver[64]; /* of gcm(aes), the one the kernel takes; "" unknown */
	bool cpu_aes, cpu_vaes, cpu_avx512;
	uint64_t pipe_max_bytes, pipe_user_pages_soft; /* 0: unknown */
	uint64_t memlock_bytes;			       /* UINT64_MAX: no limit */

	struct feature nics_known;
	struct netlink_nic *nics; /* freed by feature_done() */
	size_t n_nics;
	const char *tls_library;
};

/** feature_probe() - fill everything; a thing that cannot be tried says so in its own field. */
void feature_probe(struct feature_set *ret_set);
void feature_done(struct feature_set *set);

/** feature_probe_ktls() - only loopback, ulp, tls_stat, tls and rekey, the rest stays untried. */
void feature_probe_ktls(struct feature_set *ret_set);

/** feature_has_ktls() - both directions of at least one cipher work for @version. */
bool feature_has_ktls(const struct feature_set *set, enum feature_version version);

/**
 * feature_refuses_ktls() - it was tried with @version (KTLS_VERSION_…) and @cipher, and failed.
 * What could not be tried is not refused: the socket itself will tell.
 */
bool feature_refuses_ktls(const struct feature_set *set, uint16_t version, enum ktls_cipher cipher);

/** feature_parse_crypto() - name the best "gcm(aes)" driver in the text of /proc/crypto. */
void feature_parse_crypto(const char *text, char *ret_driver, size_t size);

#endif
