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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_mode { MODE_TERMINATE, MODE_ORIGINATE, MODE_PASSTHROUGH };
enum config_client_auth { CLIENT_AUTH_REQUIRE, CLIENT_AUTH_OPTIONAL, CLIENT_AUTH_OFF };
enum config_resumption { RESUMPTION_OFF, RESUMPTION_TICKETS };
enum config_offload { OFFLOAD_AUTO, OFFLOAD_REQUIRE, OFFLOAD_OFF };
enum config_engine { ENGINE_AUTO, ENGINE_SPLICE, ENGINE_KTLS_COPY } __attribute__((packed));
enum config_truncation { TRUNCATION_RESET, TRUNCATION_ACCEPT };
enum config_action { ACTION_ALLOW, ACTION_DENY };
enum config_tls_version { TLS_1_2_UP, TLS_1_3_ONLY };
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

/** Whether clients may come back without a handshake in full. */
struct config_tickets {
	enum config_resumption resumption;
	struct config_blob keys; /* see model/ticket_keys; data == NULL exactly when it is OFF */
	uint64_t lifetime_ms;
};

/**
 * A rule matches when every list that is not empty has an entry equal to a name of the peer, and the
 * peer has a verified certificate; with `anonymous` when the peer has none. In MODE_PASSTHROUGH only
 * `sni` can be there. See model/policy.
 */
struct config_rule {
	char *name;
	char **cn, **dns, **uri, **sni;
	size_t n_cn, n_dns, n_uri, n_sni;
	bool anonymous; /* then there are no lists */
	enum config_action action;
	size_t upstream; /* index in config.upstreams; meaningless for ACTION_DENY */
};

/** When a session's keys go to the kernel, whichever comes first; 0 bytes: at once. */
struct config_offload_after {
	uint64_t bytes; /* delivered, of both directions */
	uint64_t age_ms;
};

/**
 * MODE_ORIGINATE: clients talk plaintext and all go to one upstream that has TLS, so there are no
 * certificates, client_auth is OFF, and the only rule has no name and no match.
 * MODE_PASSTHROUGH: clients bring their own TLS, or anything else. As MODE_ORIGINATE, to an upstream
 * without TLS; or the rules choose the upstream by SNI.
 */
struct config_listener {
	char *name;
	enum config_mode mode;
	struct addr *addrs;
	size_t n_addrs;
	struct config_certificate *certificates; /* the first serves clients without a known SNI */
	size_t n_certificates;
	enum config_tls_version tls_version;
	enum config_client_auth client_auth;
	struct config_blob client_ca; /* data == NULL exactly when client_auth is OFF */
	struct config_tickets tickets;
	struct config_rule *rules;
	size_t n_rules;
	enum config_offload offload;
	struct config_offload_after offload_after;
	enum config_engine engine;
	enum config_truncation on_truncation;
};

/** What we show and demand where an upstream talks TLS. */
struct config_upstream_tls {
	struct config_certificate certificate; /* chain.data == NULL: none to show */
	struct config_blob server_ca;
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
	uint64_t max_age_ms; /* from accept; 0 is no limit */
};

struct config_limits {
	size_t connections;	  /* per worker, all states */
	size_t handshakes;	  /* per worker, not yet admitted */
	uint64_t records_per_key; /* AES-GCM; RFC 8446 5.5 allows 2^24.5 */
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
};

/** config_wipe_keys() - wipe and free private and ticket keys, which nobody needs once they are loaded. */
void config_wipe_keys(struct config *config);

/** config_free() - free everything and wipe the private keys; NULL is fine. */
void config_free(struct config *config);

#endif
