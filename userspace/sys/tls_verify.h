/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is believed, and why somebody is not. Wraps OpenSSL's verification, for both sides of TLS, at
 * the handshake and later; docs/VERIFICATION.md has the table of reasons and alerts.
 *
 * Files: tls_verify.c (the decision), tls_trust.c (CAs, CRLs and settings), tls_refusal.c (reasons),
 * tls_svid.c (SPIFFE), tls_cache.c (what was decided before).
 */
#ifndef SLUICE_SYS_TLS_VERIFY_H
#define SLUICE_SYS_TLS_VERIFY_H

#include "sys/tls_chain.h"

#include <stdbool.h>
#include <stddef.h>

struct tls_ctx;
struct tls_failure;
struct tls_server;

/* name as in the log (reason=…) and in the counters (refused_…) */
#define TLS_REFUSALS(X)                                                                            \
	X(EXPIRED, "expired")                                                                      \
	X(NOT_YET_VALID, "not_yet_valid")                                                          \
	X(UNKNOWN_CA, "unknown_ca")                                                                \
	X(REVOKED, "revoked")                                                                      \
	X(CRL_MISSING, "crl_missing") /* of an issuer in the path */                               \
	X(CRL_EXPIRED, "crl_expired")                                                              \
	X(CRL_INVALID, "crl_invalid") /* wrong signature, not yet valid, issuer may not sign it */ \
	X(EKU, "eku")		      /* it has extended key usages, and this one is not there */  \
	X(PURPOSE, "purpose")	      /* key usage, or an issuer that is no CA */                  \
	X(NAME_CONSTRAINT, "name_constraint")                                                      \
	X(DEPTH, "depth")	  /* ours, or the path length of a CA */                           \
	X(WEAK, "weak")		  /* key or digest below the security level */                     \
	X(SIGNATURE, "signature") /* does not verify */                                            \
	X(EXTENSION, "extension") /* critical, and unknown */                                      \
	X(TRUST_DOMAIN, "trust_domain")                                                            \
	X(SVID, "svid") /* SPIFFE in its name, but not after the standard */                       \
	X(MALFORMED, "malformed")                                                                  \
	X(NAME, "name_mismatch") /* not the server that was wanted */                              \
	X(OTHER, "other")

enum tls_refusal {
	TLS_REFUSAL_NONE,
#define X(id, name) TLS_REFUSAL_##id,
	TLS_REFUSALS(X)
#undef X
		TLS_REFUSAL_COUNT
} __attribute__((packed));

/** tls_refusal_name() - "expired", …; "none" for TLS_REFUSAL_NONE. */
const char *tls_refusal_name(enum tls_refusal refusal);

enum tls_crl_mode { TLS_CRL_OFF, TLS_CRL_LEAF, TLS_CRL_CHAIN };

/** Bytes that are borrowed during tls_ctx_new*() only. */
struct tls_bytes {
	const char *data;
	size_t len;
};

/** Peers with a SPIFFE ID of the domain @name are signed by @ca and by nobody else. */
struct tls_trust_domain {
	const char *name;
	struct tls_bytes ca; /* PEM */
};

struct tls_verify_params {
	struct tls_bytes *crls; /* PEM or DER, each one or more CRLs */
	size_t n_crls;
	enum tls_crl_mode crl_mode;
	bool allow_crl_missing, allow_crl_expired;
	unsigned int depth;	     /* intermediate CAs at most */
	unsigned int security_level; /* OpenSSL's 0 to 5, of the peer's certificates */
	/* Not empty: who shows a SPIFFE ID of another domain is refused. */
	struct tls_trust_domain *domains;
	size_t n_domains;
	/* Server's side: the CAs whose names are sent; NULL: those of the CAs. */
	const struct tls_bytes *ca_names; /* len 0: none */
};

/*
 * Nobody has more than two or three intermediate CAs. Level 2 is 112 bits: no RSA below 2048 bits, no
 * SHA-1; a forged certificate is as good as a stolen one, and our own are held to the same.
 */
#define TLS_VERIFY_DEPTH	  8
#define TLS_VERIFY_SECURITY_LEVEL 2

/**
 * tls_chain_verify() - would the peer that has shown @chain be believed now, with the CAs, CRLs,
 * settings and clock of @ctx?
 * @server: what the certificate has to be for, on the client's side; NULL: a client.
 * @chain: the cache of @ctx may keep a reference.
 * @ret_failure: of -EACCES; its subject stands until the next call with @ctx.
 * Returns: 0; -EACCES: no; -ENOMEM: nobody knows.
 */
int tls_chain_verify(struct tls_ctx *ctx, struct tls_chain *chain, const struct tls_server *server,
		     struct tls_failure *ret_failure);

#endif
