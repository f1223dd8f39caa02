/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the end-to-end tests share: one daemon, one PKI, one upstream, and the proof of the engine.
 *
 *	struct e2e e = {.engine = variant->engine, .script = upstream_script};
 *
 *	e2e_start(&e);
 *	e2e_connect(&e, &client, &(struct tlsclient_options){...});
 *	e2e_run(&e, &client, client_script);
 *	e2e_prove_live(&e, &client);
 *	...
 *	e2e_prove_session(&e, 0, "done");
 *	e2e_stop(&e);
 *
 * Every function stops the test when something is not as it must be, and shows the daemon's log.
 */
#ifndef SELFTESTS_E2E_E2E_H
#define SELFTESTS_E2E_E2E_H

#include "selftests/harness/harness.h"
#include "selftests/lib/daemon.h"
#include "selftests/lib/peer.h"
#include "selftests/lib/tlsclient.h"
#include "selftests/lib/upstream.h"
#include "sys/tlsstat.h"

enum e2e_engine { E2E_COPY, E2E_SPLICE, E2E_KTLS_COPY };

/** One way to carry a connection: engine, protocol version, cipher, type of the server's key. */
struct e2e_case {
	VARIANT;
	enum e2e_engine engine;
	int version;
	enum tls_suite suite;
	const char *key; /* NULL: ecdsa-p256 */
};

/* clang-format off */
#define E2E_ROW(label, which, tls_version, tls_suite, ...)                                         \
	{.name = label, .needs = (which) == E2E_COPY ? 0 : NEED_KTLS, .engine = (which),         \
	 .version = (tls_version), .suite = (tls_suite), ##__VA_ARGS__}

/** OpenSSL and kernel TLS with both versions: for what is over before an engine moves bytes. */
#define E2E_CRYPTOS                                                                                \
	E2E_ROW("copy-1.2", E2E_COPY, TLS1_2_VERSION, SUITE_AES_128),                              \
	E2E_ROW("copy-1.3", E2E_COPY, TLS1_3_VERSION, SUITE_AES_256),                              \
	E2E_ROW("splice-1.2", E2E_SPLICE, TLS1_2_VERSION, SUITE_AES_128),                          \
	E2E_ROW("splice-1.3", E2E_SPLICE, TLS1_3_VERSION, SUITE_AES_256)

/** And every engine: enough where the cipher does not matter. */
#define E2E_ENGINES                                                                                \
	E2E_CRYPTOS, E2E_ROW("ktls-copy-1.3", E2E_KTLS_COPY, TLS1_3_VERSION, SUITE_AES_256)

/** Where a KeyUpdate is followed: the kernel has to take keys a second time. */
#define E2E_ENGINES_THAT_FOLLOW                                                                    \
	E2E_ROW("copy", E2E_COPY, TLS1_3_VERSION, SUITE_AES_256),                                  \
	{.name = "splice", .needs = NEED_KTLS | NEED_KTLS_REKEY, .engine = E2E_SPLICE,             \
	 .version = TLS1_3_VERSION, .suite = SUITE_AES_256}
/* clang-format on */

#define E2E_CLIENTS_MAX 64

struct e2e {
	/* Set before e2e_start(). */
	enum e2e_engine engine;
	const struct peer_step *script; /* of the upstream */
	const char *upstream_address;	/* default "127.0.0.1:0" */
	const char *listen;	 /* default "127.0.0.1:PORT"; @port is free on all addresses */
	const char *key;	 /* type of the server's key; default ecdsa-p256 */
	const char *endpoints;	 /* default the upstream's address */
	const char *rules;	 /* default: client-a is allowed, all else is not */
	const char *tls;	 /* more lines of `tls:`, with ten blanks */
	const char *listener;	 /* more lines of the listener, with four blanks */
	const char *app;	 /* more of the upstream's entry, as "proxy_protocol: v2" */
	const char *upstreams;	 /* more entries of `upstreams:`, with two blanks */
	const char *top;	 /* more lines of the top level */
	const char *client_auth; /* default "require" */
	const char *client_ca;	 /* source; default the PKI's ca.pem; "": none */
	unsigned int workers;	 /* default 1 */
	bool quiet_offload;	 /* no line of `offload:` and `engine:` */
	unsigned int damaged;	 /* records that the client will damage */
	/*
	 * mode: originate: plaintext in, and the upstream has TLS. @tls: more lines of its `tls:`,
	 * with six blanks, default the server's name.
	 */
	bool originate;
	/*
	 * mode: passthrough, to an upstream that has TLS unless it is @plain_server. @rules: NULL is
	 * `upstream: app`.
	 */
	bool passthrough;
	bool no_certificate;		 /* we have none to show */
	bool demand_certificate;	 /* the server wants one */
	bool plain_server;		 /* it talks no TLS at all */
	const char *server_ca;		 /* file of the PKI; default "ca.pem" */
	const char *server_cert;	 /* file of the PKI without its ending; default "server" */
	struct tlsserver_options server; /* files are set by e2e_prepare() */
	void (*more_pki)(struct e2e *e); /* adds to the PKI before anything is started */
	const char *subdir;		 /* of the test's directory, for a second daemon */
	/* Set by it. */
	unsigned int port;
	struct daemon daemon;
	struct upstream_server upstream;
	struct tlsserver tls_server;
	struct tlsstat tls_stat; /* before the first connection */
	char yaml[8192];
};

/** E2E_MUST() - like MUST(), and the daemon's log is shown. */
#define E2E_MUST(e, cond, ...)                                                                     \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			daemon_print_log(&(e)->daemon);                                            \
			MUST(!#cond, ##__VA_ARGS__);                                               \
		}                                                                                  \
	} while (0)

/** e2e_prepare() - PKI, port, upstream and e->yaml; the daemon is not started yet. */
void e2e_prepare(struct e2e *e);

/** e2e_write_yaml() - e->yaml once more, when something of it has changed. */
void e2e_write_yaml(struct e2e *e);

/** e2e_start() - e2e_prepare() when that was not done, and the daemon. */
void e2e_start(struct e2e *e);

/** e2e_stop() - stop the daemon, which must end with exit code 0, and the upstream. */
void e2e_stop(struct e2e *e);

/** e2e_pki() - run `sluice pki -o DIR/pki ARG…`, ended by NULL. */
void e2e_pki(struct e2e *e, ...) __attribute__((sentinel));

/** e2e_path() - DIR/@name, in one of a few static buffers. */
const char *e2e_path(const struct e2e *e, const char *name);

/** e2e_client_options() - client-a with the version and suite of @c (NULL: any). */
struct tlsclient_options e2e_client_options(const struct e2e *e, const struct e2e_case *c);

/** e2e_address() - 127.0.0.1 and the daemon's port. */
struct addr e2e_address(const struct e2e *e);

/** e2e_try() - connect to the daemon. Returns: as tlsclient_connect(). */
int e2e_try(struct e2e *e, struct tlsclient *client, const struct tlsclient_options *options);

/** e2e_connect() - the same, and it must work. */
void e2e_connect(struct e2e *e, struct tlsclient *client, const struct tlsclient_options *options);

/** e2e_connect_plain() - a plaintext client, at @listen ("unix:…") or, NULL, the daemon's port. */
int e2e_connect_plain(struct e2e *e, const char *listen);

/** e2e_set_case() - mode: originate, with the engine of @c and a server that does what @c says. */
void e2e_set_case(struct e2e *e, const struct e2e_case *c);

/** e2e_begin_plain() - the same, started, and a plaintext client. */
void e2e_begin_plain(struct e2e *e, const struct e2e_case *c, struct peer *client);

/** e2e_end_plain() - nothing is left of the client, and e2e_stop(). */
void e2e_end_plain(struct e2e *e, struct peer *client);

/** e2e_run() - @script must go well with a new peer on @client. */
void e2e_run(struct e2e *e, struct peer *peer, const struct peer_step *script);

/** e2e_connect_echo() - client-a, to an upstream that echoes; the first 1000 bytes have come back. */
void e2e_connect_echo(struct e2e *e, struct tlsclient *client, struct peer *peer);

/** e2e_await_reset() - the next that @client hears, within @ms, is a reset. */
void e2e_await_reset(struct e2e *e, struct tlsclient *client, uint64_t ms);

/** e2e_listen() - at any free port of 127.0.0.1; its address comes in @ret_addr. Returns: the socket. */
int e2e_listen(int backlog, struct addr *ret_addr);

/** e2e_end_echo() - another 1000 bytes, then both ends, cleanly. */
void e2e_end_echo(struct e2e *e, struct tlsclient *client, struct peer *peer);

/** e2e_upstream() - the script of the upstream's connection @index must have gone well. */
void e2e_upstream(struct e2e *e, unsigned int index);

/**
 * e2e_prove_live() - the kernel says of the daemon's socket what the engine demands: keys of this
 * version and cipher both ways in software, or no ULP at all.
 */
void e2e_prove_live(struct e2e *e, const struct tlsclient *client);

/** e2e_prove_program() - the same for the only client, a program of which we know the version alone. */
void e2e_prove_program(struct e2e *e, const struct e2e_case *c);

/** e2e_prove_originated() - the same of the socket to e->upstream, with what @c demands. */
void e2e_prove_originated(struct e2e *e, const struct e2e_case *c);

/**
 * e2e_prove_session() - the log line of the @nth session with that close reason names the engine,
 * counters have bytes of the other engine nowhere, and tls_stat has grown, or has not.
 * Returns the line.
 */
struct log_entry e2e_prove_session(struct e2e *e, size_t nth, const char *close_reason);

/**
 * e2e_prove_passthrough() - the same in mode: passthrough: every byte was spliced, and the kernel had
 * no keys. Returns the line.
 */
struct log_entry e2e_prove_passthrough(struct e2e *e, size_t nth, const char *close_reason);

/** e2e_refused() - the line of the only refusal; no session and no upstream connection exists. */
struct log_entry e2e_refused(struct e2e *e, const char *check, const char *subject_part);

#endif
