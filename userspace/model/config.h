/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checked configuration: what the file says after defaults, units and file contents.
 *
 * Built by daemon/confload from one bundle and not changed by who serves it. Everything is owned by
 * struct config and freed by config_free(), which wipes private keys. Indexes instead of pointers
 * join a rule to its upstream, so the tables can be moved.
 */
#ifndef SLUICE_MODEL_CONFIG_H
#define SLUICE_MODEL_CONFIG_H

#include "base/addr.h"
#include "base/addr_range.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct match;

enum config_mode { MODE_TERMINATE, MODE_ORIGINATE, MODE_PASSTHROUGH };
enum config_client_auth { CLIENT_AUTH_REQUIRE, CLIENT_AUTH_OPTIONAL, CLIENT_AUTH_OFF };
enum config_resumption { RESUMPTION_OFF, RESUMPTION_TICKETS };
enum config_offload { OFFLOAD_AUTO, OFFLOAD_REQUIRE, OFFLOAD_OFF };
enum config_engine { ENGINE_AUTO, ENGINE_SPLICE, ENGINE_KTLS_COPY } __attribute__((packed));
enum config_truncation { TRUNCATION_RESET, TRUNCATION_ACCEPT };
enum config_action { ACTION_ALLOW, ACTION_DENY };
/** What a client is told that is refused; see model/answer. */
enum config_respond { RESPOND_AS_LISTENER, RESPOND_ALERT, RESPOND_HTTP_403, RESPOND_RESET };
enum config_no_upstream { NO_UPSTREAM_ALERT, NO_UPSTREAM_HTTP_503 };
enum config_tls_version { TLS_1_2_UP, TLS_1_3_ONLY };
enum config_crl_mode { CRL_MODE_OFF, CRL_MODE_LEAF, CRL_MODE_CHAIN };
enum config_server_kind { SERVER_DNS, SERVER_IP, SERVER_URI };
enum config_log_format { CONFIG_LOG_KEY_VALUE, CONFIG_LOG_JSON };

/** Content of a file that the configuration names; NUL-terminated for the PEM readers. */
struct config_blob {
	char *source; /* as written in the configuration: "file:/etc/…" or "env:NAME" */
	char *data;   /* PEM text, data[len] == '\0'; base/lockmem, len + 1 bytes */
	size_t len;   /* bytes without the NUL */
};

struct config_certificate {
	struct config_blob chain; /* leaf first, then intermediates */
	struct config_blob key;
};

/** SPIFFE: peers of the domain @name are signed by @ca and by nobody else. */
struct config_trust_domain {
	char *name;
	struct config_blob ca;
};

/** How certificates of peers are verified, beside the CAs that are believed. */
struct config_verify {
	struct config_blob *crls; /* PEM or DER */
	size_t n_crls;
	enum config_crl_mode crl_mode;
	bool allow_crl_missing, allow_crl_expired;
	unsigned int depth;	     /* intermediate CAs at most */
	unsigned int security_level; /* OpenSSL's */
	struct config_trust_domain *trust_domains;
	size_t n_trust_domains;
};

#define CONFIG_DIGEST_BYTES 32

/** Whether clients may come back without a handshake in full. */
struct config_tickets {
	enum config_resumption resumption;
	struct config_blob keys; /* see model/ticket_keys; data == NULL exactly when it is OFF */
	uint64_t lifetime_ms;
	uint8_t policy[CONFIG_DIGEST_BYTES]; /* of the rules as they are written */
};

/**
 * A rule takes the peers that its match agrees with, and of them those with a verified certificate; with
 * `anonymous` those without one. See model/policy and model/match.
 */
struct config_rule {
	char *name;
	struct match *match; /* NULL: all of them */
	bool anonymous;
	bool audit; /* only told, never decided by */
	enum config_action action;
	enum config_respond respond; /* only of ACTION_DENY anything but RESPOND_AS_LISTENER */
	size_t upstream;	     /* index in config.upstreams; meaningless for ACTION_DENY */
};

/** When a session's keys go to the kernel, whichever comes first; 0 bytes: at once. */
struct config_offload_after {
	uint64_t bytes; /* delivered, of both directions */
	uint64_t age_ms;
};

enum config_proxy_version { PROXY_OFF, PROXY_V1, PROXY_V2 };

/** Who may say, in a PROXY header, for which client he connects; he has to, and nobody else can. */
struct config_proxy_in {
	struct addr_range *from;
	size_t n_from;
	bool v1, v2;
	uint64_t timeout_ms; /* from accept until the header is complete */
	size_t max_bytes;    /* of a header of version 2 */
};

/** What a PROXY header of version 2 tells an upstream beside the addresses. */
enum config_proxy_tlvs {
	PROXY_TELL_ALPN = 1 << 0,
	PROXY_TELL_AUTHORITY = 1 << 1,
	PROXY_TELL_UNIQUE_ID = 1 << 2,
	PROXY_TELL_CRC32C = 1 << 3,
	PROXY_TELL_SSL = 1 << 4,	 /* the client's TLS, and its CN */
	PROXY_TELL_CERTIFICATE = 1 << 5, /* inside of it */
	PROXY_TELL_OTHERS = 1 << 6,	 /* what came in a header and has no name here */
};

/**
 * MODE_ORIGINATE: clients talk plaintext and all go to one upstream that has TLS, so there are no
 * certificates, client_auth is OFF, and the only rule has no name and no match.
 * MODE_PASSTHROUGH: clients bring their own TLS, or anything else. As MODE_ORIGINATE, to an upstream
 * without TLS; or the rules choose the upstream by SNI, address and time.
 */
struct config_listener {
	char *name;
	enum config_mode mode;
	struct addr *addrs;
	size_t n_addrs;
	struct config_proxy_in *proxy_in;	 /* NULL: no headers are read */
	struct config_certificate *certificates; /* the first serves clients without a known SNI */
	size_t n_certificates;
	enum config_tls_version tls_version;
	char **alpn; /* by our preference; none: it is not looked at */
	size_t n_alpn;
	enum config_client_auth client_auth;
	/* data == NULL when client_auth is OFF, or when there are none but those of trust domains. */
	struct config_blob client_ca;
	struct config_blob client_ca_names; /* data == NULL: those of client_ca, or */
	bool announces_no_ca;		    /* none */
	struct config_verify verify;
	struct config_tickets tickets;
	struct config_rule *rules;
	size_t n_rules;
	enum config_offload offload;
	struct config_offload_after offload_after;
	enum config_engine engine;
	enum config_truncation on_truncation;
	enum config_respond refuse_with; /* where no rule says it; never RESPOND_AS_LISTENER */
	enum config_no_upstream no_upstream;
};

/** What we show and demand where an upstream talks TLS. */
struct config_upstream_tls {
	struct config_certificate certificate; /* chain.data == NULL: none to show */
	struct config_blob server_ca;	       /* data == NULL: none but those of trust domains */
	struct config_verify verify;
	enum config_server_kind server_kind;
	char *server_name; /* NULL: the IP address of the endpoint, whichever it is */
	char *sni;	   /* NULL: none */
	char **alpn;
	size_t n_alpn;
	enum config_tls_version tls_version;
};

struct config_upstream {
	char *name;
	struct addr *endpoints;
	size_t n_endpoints;
	struct config_upstream_tls *tls; /* NULL: plaintext */
	enum config_proxy_version proxy_out;
	unsigned int proxy_tlvs; /* enum config_proxy_tlvs; of PROXY_V2 */
};

struct config_timeouts {
	uint64_t handshake_ms;	 /* whole handshake, from accept */
	uint64_t connect_ms;	 /* one endpoint */
	uint64_t idle_ms;	 /* no byte in either direction; 0 is no limit */
	uint64_t half_closed_ms; /* no byte once one direction ended; 0: as idle */
	uint64_t unacked_ms;	 /* a peer acknowledges nothing; 0: as long as the kernel tries */
	uint64_t drain_ms;	 /* from SIGTERM until sessions are cut */
};

struct config_session {
	uint64_t max_age_ms;	   /* from accept; 0 is no limit */
	bool end_with_certificate; /* of who is at the wire */
};

struct config_limits {
	size_t connections;	  /* per worker, all states */
	size_t handshakes;	  /* per worker, not yet admitted */
	uint64_t records_per_key; /* AES-GCM; RFC 8446 5.5 allows 2^24.5 */
	uint64_t key_updates;	  /* of a peer, per second */
};

struct config {
	struct config_listener *listeners;
	size_t n_listeners;
	struct config_upstream *upstreams;
	size_t n_upstreams;
	struct config_timeouts timeouts;
	struct config_session session;
	struct config_limits limits;
	struct addr admin; /* len == 0: no admin socket */
	size_t workers;	   /* 0: one per CPU */
	char *user;	   /* NULL: the built-in choice, see daemon/supervisor */
	enum config_log_format log_format;
	bool watch; /* a file that changes is a reload */
};

/** config_wipe_keys() - wipe and free private and ticket keys, which nobody needs once they are loaded. */
void config_wipe_keys(struct config *config);

/** config_free() - free everything and wipe the private keys; NULL is fine. */
void config_free(struct config *config);

#endif
