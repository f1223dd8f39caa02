/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin socket: GET /status, joined from the workers and the kernel's own view, and POST /reload.
 *
 * The supervisor hands in what the workers say; admin adds "kernel" to every session, by one
 * sock_diag dump and the cookie of the session's wire socket, and the tls_stat counters. Shape:
 *
 *	{
 *	  "version": "0.1.0", "pid": 1, "uptime_ms": 5, "state": "running" | "draining",
 *	  "config": "/etc/sluice.yaml",
 *	  "generation": {
 *	    "number": 3, "since": "2026-11-27T11:00:00Z",
 *	    "asked_by": "start" | "signal" | "command" | "files",
 *	    "files": ["/etc/sluice.yaml", …],
 *	    "certificates": [{"source": "file:server.pem", "kind": "certificate" | "crl",
 *	                      "subject": "CN=…" (of the one that ends first; of a CRL its issuer),
 *	                      "not_after": "2027-01-01T00:00:00Z", "days_left": 35}],
 *	    "last_failure": {"at": "…", "asked_by": "…", "report": "…"} | null   (since the last success)
 *	  },
 *	  "workers": [{
 *	    "index": 0, "generation": 3, "pid": 2, "uptime_ms": 4, "restarts": 0,
 *	    "memory": {"heap_bytes": 500000, "heap_at_start_bytes": 400000,
 *	               "per_session_bytes": 20000},    (of malloc(); missing without an answer)
 *	    "counters": {"accepted": 3, …any name: number…},
 *	    "sessions": [{
 *	      "id": 7, "listener": "orders", "peer": "192.0.2.1:4711",
 *	      "via": "10.0.0.2:5000" (with the PROXY protocol only: who named the peer; "-": nobody),
 *	      "sni": "…" | null,
 *	      "tls_version": "TLSv1.3", "cipher": "TLS_AES_128_GCM_SHA256", "alpn": "h2" | null,
 *	      "identity": "spiffe://…", "rule": "billing", "upstream": "app",
 *	      "state": "relay", "age_ms": 1200, "bytes_in": 10, "bytes_out": 20,
 *	      "engine_in": "splice" | "copy", "engine_out": "splice" | "copy",
 *	      "offload_reason": "…" (why not in the kernel; "" or null when it is),
 *	      "cookie": 4097,
 *	      "kernel": {"ulp": "tls" | "", "version": "1.3", "cipher": "aes-128-gcm",
 *	                 "txconf": "sw", "rxconf": "sw"} | null          (added by admin)
 *	    }]
 *	  }],
 *	  "kernel": {"sock_diag": "ok" | "why not", "sockets": 12,
 *	             "tls_stat": {"TlsCurrTxSw": 2, …} | null}           (added by admin)
 *	}
 *
 * The peer is the client, in mode: originate too, and in and out are seen from it: bytes_in came from
 * the client, in a session and in the counters. sni, tls_version, cipher, alpn, identity, cookie and kernel
 * are of the socket with TLS, which is the upstream's in mode: originate; identity is its server's
 * then, and rule is null. In mode: passthrough cookie and kernel are of the client's socket, sni is
 * what its hello asked for (null where no rule asks), and the rest of TLS is null. A session's kernel is null when
 * sock_diag lists no socket with its cookie (just closed, unix socket, or no sock_diag).
 *
 * The answer to /reload has status 200, or 409 when nothing has changed because of a mistake:
 *
 *	{"ok": true, "changed": true, "generation": 4, "report": "…mistakes and remarks, line by line…"}
 */
#ifndef SLUICE_DAEMON_ADMIN_H
#define SLUICE_DAEMON_ADMIN_H

#include <stdbool.h>

struct json;
struct loop;
struct admin;
struct admin_query;

/**
 * Somebody asks for the status, or for a reload. Start with it and call admin_answer(), or
 * admin_answer_reload(), when everything is there or its deadline has passed; at once is fine.
 */
struct admin_handlers {
	void (*status)(void *arg, struct admin_query *query);
	void (*reload)(void *arg, struct admin_query *query);
	void *arg;
};

/**
 * admin_open() - serve on @listen_fd (a listening non-blocking socket, stays the caller's).
 * Needs CAP_NET_ADMIN for the kernel's proof; without it "sock_diag" says so.
 * Returns: 0, -ENOMEM, -EIO.
 */
int admin_open(struct loop *loop, int listen_fd, const struct admin_handlers *handlers,
	       struct admin **ret_admin);

/** admin_close() - write what was answered, then cut all connections; queries without an answer are gone. NULL is fine. */
void admin_close(struct admin *admin);

/** admin_answer() - @status is the document above without the kernel's parts; given away. */
void admin_answer(struct admin_query *query, struct json *status);

/** admin_answer_reload() - @ok: status 200; @answer is the document above; given away. */
void admin_answer_reload(struct admin_query *query, bool ok, struct json *answer);

/** admin_add_kernel() - what admin_answer() does to the document; for tests. */
void admin_add_kernel(struct json *status);

#endif
