/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters of one worker, in memory that it shares with the supervisor, so that they outlive the
 * worker. One writer (the worker), any reader; each counter is exact, together they may differ by
 * what happened meanwhile.
 */
#ifndef SLUICE_MODEL_STATS_H
#define SLUICE_MODEL_STATS_H

#include <stdatomic.h>
#include <stdint.h>

/* Verification of the peer, clients and endpoints: the reasons of sys/tls_verify.h. */
#define STATS_VERIFY_LIST(X)                                                                       \
	X(REFUSED_EXPIRED, "refused_expired")                                                      \
	X(REFUSED_NOT_YET_VALID, "refused_not_yet_valid")                                          \
	X(REFUSED_UNKNOWN_CA, "refused_unknown_ca")                                                \
	X(REFUSED_REVOKED, "refused_revoked")                                                      \
	X(REFUSED_CRL_MISSING, "refused_crl_missing")                                              \
	X(REFUSED_CRL_EXPIRED, "refused_crl_expired")                                              \
	X(REFUSED_CRL_INVALID, "refused_crl_invalid")                                              \
	X(REFUSED_EKU, "refused_eku")                                                              \
	X(REFUSED_PURPOSE, "refused_purpose")                                                      \
	X(REFUSED_NAME_CONSTRAINT, "refused_name_constraint")                                      \
	X(REFUSED_DEPTH, "refused_depth")                                                          \
	X(REFUSED_WEAK, "refused_weak")                                                            \
	X(REFUSED_SIGNATURE, "refused_signature")                                                  \
	X(REFUSED_EXTENSION, "refused_extension")                                                  \
	X(REFUSED_TRUST_DOMAIN, "refused_trust_domain")                                            \
	X(REFUSED_SVID, "refused_svid")                                                            \
	X(REFUSED_MALFORMED, "refused_malformed")                                                  \
	X(REFUSED_NAME, "refused_name_mismatch")                                                   \
	X(REFUSED_OTHER, "refused_other")                                                          \
	X(VERIFY_CACHE_HITS, "verify_cache_hits") /* chains that were verified before */           \
	X(VERIFY_CACHE_MISSES, "verify_cache_misses")

/* name as shown by `sluice status`; gauges go down again, all others only grow */
#define STATS_LIST(X)                                                                              \
	X(ACCEPTED, "accepted")                                                                    \
	X(ACCEPT_FAILED, "accept_failed")                                                          \
	X(CONNECTIONS, "connections") /* gauge */                                                  \
	X(HANDSHAKES, "handshakes")   /* gauge: in flight */                                       \
	X(ADMITTED, "admitted")                                                                    \
	X(REFUSED_NO_CERTIFICATE, "refused_no_certificate")                                        \
	STATS_VERIFY_LIST(X)                                                                       \
	X(REFUSED_POLICY, "refused_policy")                                                        \
	X(REFUSED_OFFLOAD, "refused_offload")                                                      \
	X(REFUSED_PROXY_HEADER, "refused_proxy_header") /* ours or theirs */                       \
	X(TICKETS_ISSUED, "tickets_issued")		/* to clients */                           \
	X(RESUMED, "resumed")                                                                      \
	X(RESUMPTION_REFUSED, "resumption_refused") /* a handshake in full instead */              \
	X(HANDSHAKE_FAILED, "handshake_failed")                                                    \
	X(HANDSHAKE_TIMEOUT, "handshake_timeout")                                                  \
	X(UPSTREAM_FAILED, "upstream_failed")                                                      \
	X(UPSTREAM_RETRIED, "upstream_retried")                                                    \
	X(UPSTREAM_TLS_FAILED, "upstream_tls_failed") /* endpoints, each try */                    \
	X(TICKETS_DROPPED, "tickets_dropped")                                                      \
	X(KEY_UPDATES, "key_updates")	      /* of the peer at the wire */                        \
	X(SESSIONS_KERNEL, "sessions_kernel") /* handed over, at once or later */                  \
	X(SESSIONS_COPY, "sessions_copy")     /* began on OpenSSL */                               \
	X(SESSIONS_PASSTHROUGH, "sessions_passthrough")                                            \
	X(BYTES_IN_SPLICE, "bytes_in_splice")                                                      \
	X(BYTES_OUT_SPLICE, "bytes_out_splice")                                                    \
	X(BYTES_IN_KTLS_COPY, "bytes_in_ktls_copy")                                                \
	X(BYTES_OUT_KTLS_COPY, "bytes_out_ktls_copy")                                              \
	X(BYTES_IN_COPY, "bytes_in_copy")                                                          \
	X(BYTES_OUT_COPY, "bytes_out_copy")                                                        \
	X(HELD_IN, "held_in")	/* gauge: bytes that the relay has taken and not yet given */      \
	X(HELD_OUT, "held_out") /* gauge */                                                        \
	X(PIPES_MISSED, "pipes_missed") /* no pipe for splice, a buffer instead */                 \
	X(TRUNCATED, "truncated")                                                                  \
	X(RESETS, "resets")                                                                        \
	X(IDLE_TIMEOUTS, "idle_timeouts")                                                          \
	X(HALF_CLOSED_TIMEOUTS, "half_closed_timeouts")                                            \
	X(PEERS_LOST, "peers_lost")		  /* acknowledged nothing any more */              \
	X(CERTIFICATE_ENDED, "certificate_ended") /* session.end_with_certificate */               \
	X(MAX_AGE_ENDED, "max_age_ended")                                                          \
	X(REVOKED, "revoked") /* admitted, and not any more after a reload */                      \
	X(DRAIN_CUT, "drain_cut")

enum stats_id {
#define X(id, name) STAT_##id,
	STATS_LIST(X)
#undef X
		STAT_COUNT
};

struct stats {
	_Atomic uint64_t value[STAT_COUNT];
};

const char *stats_name(enum stats_id stat);

static inline void stats_add(struct stats *stats, enum stats_id stat, uint64_t amount)
{
	atomic_fetch_add_explicit(&stats->value[stat], amount, memory_order_relaxed);
}

static inline void stats_sub(struct stats *stats, enum stats_id stat, uint64_t amount)
{
	atomic_fetch_sub_explicit(&stats->value[stat], amount, memory_order_relaxed);
}

static inline uint64_t stats_get(const struct stats *stats, enum stats_id stat)
{
	return atomic_load_explicit(&stats->value[stat], memory_order_relaxed);
}

/** stats_is_gauge() - true for what describes the present: reset when a worker is replaced. */
static inline _Bool stats_is_gauge(enum stats_id stat)
{
	return stat == STAT_CONNECTIONS || stat == STAT_HANDSHAKES || stat == STAT_HELD_IN ||
	       stat == STAT_HELD_OUT;
}

#endif
