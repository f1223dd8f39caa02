// SPDX-License-Identifier: Apache-2.0
/* Who moved the bytes: what the kernel, the log and the counters say. */
#include "selftests/e2e/e2e.h"

#include "sys/ktls.h"
#include "sys/netlink.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIVE_MS 5000
#define LOG_MS	10000

/* 0 is any port. */
static const struct netlink_tcp *find_socket(const struct netlink_diag *diag, unsigned int src,
					     unsigned int dst)
{
	for (size_t i = 0; i < netlink_diag_count(diag); i++) {
		const struct netlink_tcp *tcp = netlink_diag_at(diag, i);

		if ((src == 0 || addr_port(&tcp->src) == src) &&
		    (dst == 0 || addr_port(&tcp->dst) == dst))
			return tcp;
	}
	return NULL;
}

static enum tls_suite suite_of(const SSL *ssl)
{
	const char *name = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl));

	if (strstr(name, "AES128") || strstr(name, "AES_128"))
		return SUITE_AES_128;
	return strstr(name, "CHACHA20") ? SUITE_CHACHA20 : SUITE_AES_256;
}

static bool is_suite(enum tls_suite suite, enum ktls_cipher cipher)
{
	if (suite == SUITE_ANY)
		return true;
	switch (cipher) {
	case KTLS_AES_128_GCM:
		return suite == SUITE_AES_128;
	case KTLS_AES_256_GCM:
		return suite == SUITE_AES_256;
	default:
		return suite == SUITE_CHACHA20;
	}
}

/** The daemon's socket at the wire, and what it must say. */
struct wire {
	unsigned int src, dst;
	int version;
	enum tls_suite suite;
};

/* Words for the report; "" when the socket is as it must be. */
static const char *wrong(struct e2e *e, const struct wire *wire)
{
	struct netlink_diag _cleanup_netlink_diag_ *diag = NULL;
	const struct netlink_tcp *tcp;
	enum ktls_cipher cipher;

	if (netlink_diag_dump(&diag) < 0)
		return "no sock_diag";
	tcp = find_socket(diag, wire->src, wire->dst);
	if (!tcp)
		return "sock_diag does not list the daemon's socket";
	if (e->engine == E2E_COPY)
		return tcp->ulp[0] ? "the socket has a ULP" : "";
	if (!tcp->has_tls || strcmp(tcp->ulp, "tls") != 0)
		return "the ULP is not tls";
	if (tcp->txconf != KTLS_CONF_SW || tcp->rxconf != KTLS_CONF_SW)
		return "not both directions are in software";
	if (tcp->tls_version != wire->version)
		return "another TLS version";
	if (ktls_cipher_by_kernel_number(tcp->tls_cipher, &cipher) < 0 ||
	    !is_suite(wire->suite, cipher))
		return "another cipher";
	return "";
}

static void prove(struct e2e *e, const struct wire *wire)
{
	const char *words = "";

	/* The keys are installed once the upstream is connected, which the client does not see. */
	E2E_MUST(e, UNTIL((words = wrong(e, wire))[0] == '\0', LIVE_MS), "%s", words);
}

void e2e_prove_live(struct e2e *e, const struct tlsclient *client)
{
	prove(e, &(struct wire){.src = e->port,
				.dst = client->port,
				.version = SSL_version(client->ssl),
				.suite = suite_of(client->ssl)});
}

void e2e_prove_program(struct e2e *e, const struct e2e_case *c)
{
	prove(e, &(struct wire){.src = e->port, .version = c->version, .suite = SUITE_ANY});
}

void e2e_prove_originated(struct e2e *e, const struct e2e_case *c)
{
	prove(e, &(struct wire){.dst = addr_port(&e->upstream.addr),
				.version = c->version,
				.suite = c->suite});
}

static uint64_t grown(const struct e2e *e, const struct tlsstat *now, const char *name)
{
	return tlsstat_get(now, name) - tlsstat_get(&e->tls_stat, name);
}

/* A recvmsg(2) that has data from before a damaged record gives that, and the next one meets it again. */
static void prove_decrypt_errors(struct e2e *e, uint64_t errors)
{
	uint64_t most = e->engine == E2E_KTLS_COPY ? 2 * e->damaged : e->damaged;

	if (e->engine == E2E_COPY)
		E2E_MUST(e, errors == 0);
	else
		E2E_MUST(e, errors >= e->damaged && errors <= most, "%llu",
			 (unsigned long long)errors);
}

static void prove_tls_stat(struct e2e *e)
{
	struct tlsstat now = {};
	bool kernel = e->engine != E2E_COPY;

	if (tlsstat_read(&now) < 0) {
		E2E_MUST(e, !kernel, "no tls_stat");
		return;
	}
	E2E_MUST(e, (grown(e, &now, "TlsTxSw") > 0) == kernel);
	E2E_MUST(e, (grown(e, &now, "TlsRxSw") > 0) == kernel);
	prove_decrypt_errors(e, grown(e, &now, "TlsDecryptError"));
}

/* What an engine is called, and the counters that are not its. */
static const struct {
	const char *name, *reason, *others[5];
} engines[] = {
	[E2E_COPY] = {"copy",
		      "configured_off",
		      {"bytes_in_splice", "bytes_out_splice", "bytes_in_ktls_copy",
		       "bytes_out_ktls_copy", "sessions_kernel"}},
	[E2E_SPLICE] = {"splice",
			"none",
			{"bytes_in_copy", "bytes_out_copy", "bytes_in_ktls_copy",
			 "bytes_out_ktls_copy", "sessions_copy"}},
	[E2E_KTLS_COPY] = {"ktls-copy",
			   "none",
			   {"bytes_in_copy", "bytes_out_copy", "bytes_in_splice",
			    "bytes_out_splice", "sessions_copy"}},
};

static void prove_counters(struct e2e *e)
{
	for (size_t i = 0; i < 5; i++) {
		const char *other = engines[e->engine].others[i];
		uint64_t n = daemon_counter(&e->daemon, other);

		E2E_MUST(e, n == 0, "%s is %llu", other, (unsigned long long)n);
	}
}

struct log_entry e2e_prove_session(struct e2e *e, size_t nth, const char *close_reason)
{
	const char *engine = engines[e->engine].name;
	struct log_entry line = {};

	E2E_MUST(e, daemon_wait_log(&e->daemon, "session", NULL, NULL, nth, LOG_MS, &line),
		 "no session in the log");
	E2E_MUST(e, log_entry_is(&line, "close", close_reason), "not %s: %s", close_reason,
		 line.text);
	E2E_MUST(e, log_entry_is(&line, "engine_in", engine), "%s", line.text);
	E2E_MUST(e, log_entry_is(&line, "engine_out", engine), "%s", line.text);
	E2E_MUST(e, log_entry_is(&line, "offload_reason", engines[e->engine].reason), "%s",
		 line.text);
	prove_counters(e);
	prove_tls_stat(e);
	return line;
}

struct log_entry e2e_prove_passthrough(struct e2e *e, size_t nth, const char *close_reason)
{
	static const char *const others[] = {"bytes_in_copy",	   "bytes_out_copy",
					     "bytes_in_ktls_copy", "bytes_out_ktls_copy",
					     "sessions_copy",	   "sessions_kernel"};
	struct tlsstat now = {};
	struct log_entry line = {};

	E2E_MUST(e, daemon_wait_log(&e->daemon, "session", NULL, NULL, nth, LOG_MS, &line),
		 "no session in the log");
	E2E_MUST(e, log_entry_is(&line, "close", close_reason), "not %s: %s", close_reason,
		 line.text);
	E2E_MUST(e, log_entry_is(&line, "engine_in", "splice"), "%s", line.text);
	E2E_MUST(e, log_entry_is(&line, "engine_out", "splice"), "%s", line.text);
	E2E_MUST(e, log_entry_is(&line, "offload_reason", "passthrough"), "%s", line.text);
	E2E_MUST(e, log_entry_is(&line, "tls", "-"), "%s", line.text);
	E2E_MUST(e,
		 log_entry_u64(&line, "spliced_in") == log_entry_u64(&line, "bytes_in") &&
			 log_entry_u64(&line, "spliced_out") == log_entry_u64(&line, "bytes_out"),
		 "%s", line.text);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		E2E_MUST(e, daemon_counter(&e->daemon, others[i]) == 0, "%s", others[i]);
	E2E_MUST(e, tlsstat_read(&now) < 0 ||
			    grown(e, &now, "TlsTxSw") + grown(e, &now, "TlsRxSw") == 0);
	return line;
}

struct log_entry e2e_refused(struct e2e *e, const char *check, const char *subject_part)
{
	char subject[DAEMON_VALUE_MAX];
	struct log_entry line = {};

	E2E_MUST(e, daemon_wait_log(&e->daemon, "refused", NULL, NULL, 0, LOG_MS, &line),
		 "no refusal in the log");
	E2E_MUST(e, log_entry_is(&line, "check", check), "not %s: %s", check, line.text);
	log_entry_get(&line, "subject", subject);
	E2E_MUST(e, strstr(subject, subject_part), "another subject: %s", line.text);
	E2E_MUST(e, daemon_count_log(&e->daemon, "refused", NULL, NULL) == 1);
	E2E_MUST(e, daemon_count_log(&e->daemon, "session", NULL, NULL) == 0);
	E2E_MUST(e, atomic_load(&e->upstream.accepted) == 0, "the upstream saw a connection");
	return line;
}
