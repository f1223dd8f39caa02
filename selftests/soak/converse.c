// SPDX-License-Identifier: Apache-2.0
#include "selftests/soak/soak.h"

#include "base/fd.h"
#include "selftests/harness/harness.h"
#include "selftests/lib/rawtls.h"
#include "selftests/lib/upstream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 20000
#define LOG_MS	   2000

/** A conversation that is being held. */
struct hold {
	const struct soak *soak;
	unsigned int slot;
	const struct conversation *c;
	char *problem;
	char sni[32];
	struct addr to;
	struct tlsserver tls_server;
	struct tlsclient tls;
	struct rawtls raw;
	struct peer client;
	struct upstream_server *upstream;
};

static int failed(struct hold *hold, const char *who, const char *words)
{
	snprintf(hold->problem, SOAK_PROBLEM_MAX, "%s%s", who, words);
	return -1;
}

static struct tlsclient_options client_options(const struct hold *hold)
{
	return (struct tlsclient_options){
		/* Then the ClientHello leaves behind the last look at what has come, or a fast server
		 * could be through with its handshake before the client is gone. */
		.first_data = hold->c->gone ? "" : NULL,
		.cert = soak_client_path(hold->soak, hold->slot, "pem"),
		.key = soak_client_path(hold->soak, hold->slot, "key"),
		.ca = soak_path(hold->soak, "ca.pem"),
		.sni = hold->sni,
		.version = hold->c->version,
		.suite = hold->c->suite,
	};
}

/* --- the client --- */

static int connect_tls(struct hold *hold, int timeout_ms)
{
	const struct tlsclient_options options = client_options(hold);

	return tlsclient_connect(&hold->tls, &hold->to, &options, timeout_ms);
}

static int connect_plain(struct hold *hold)
{
	hold->tls.fd = MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	return connect(hold->tls.fd, &hold->to.sa, hold->to.len) < 0 ? -errno : 0;
}

static in_port_t local_port(int fd)
{
	struct addr local = {.len = sizeof(local.in6)};

	return getsockname(fd, &local.sa, &local.len) == 0 ? (in_port_t)addr_port(&local) : 0;
}

/* A client that is gone before the handshake is over. */
static int be_gone(struct hold *hold)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	int r;

	if (hold->c->gone == GONE_BEFORE_HELLO)
		r = connect_plain(hold);
	else
		r = connect_tls(hold, 0) == -ETIMEDOUT ? 0 : -EPROTO;
	if (r == 0 && hold->c->gone_by_reset)
		MUST_OK(setsockopt(hold->tls.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	return r;
}

static int meet(struct hold *hold)
{
	int r;

	if (!soak_client_tls(hold->c->link)) {
		r = connect_plain(hold);
		peer_init_plain_client(&hold->client, hold->tls.fd);
	} else {
		r = connect_tls(hold, (int)test_scaled_ms(CONNECT_MS));
		peer_init_client(&hold->client, &hold->tls);
	}
	if (r == 0 && hold->c->raw) {
		rawtls_take(&hold->raw, &hold->tls);
		hold->client.raw = &hold->raw;
	}
	hold->client.gate = &hold->upstream->gate;
	return r;
}

static int talk(struct hold *hold, in_port_t *ret_port)
{
	const struct conversation *c = hold->c;
	int r = c->gone ? be_gone(hold) : meet(hold);

	*ret_port = local_port(hold->tls.fd);
	if (r < 0)
		return failed(hold, "the client cannot connect: ",
			      hold->tls.error[0] ? hold->tls.error : strerror(-r));
	if (!c->gone && peer_run(&hold->client, c->client.steps) < 0)
		return failed(hold, "", hold->client.problem);
	return 0;
}

/* --- both --- */

static int open_upstream(struct hold *hold)
{
	const struct conversation *c = hold->c;
	const struct tlsserver_options options = {
		.cert = soak_path(hold->soak, "server.pem"),
		.key = soak_path(hold->soak, "server.key"),
		.client_ca = soak_path(hold->soak, "ca.pem"),
		.version = c->version,
		.suite = c->suite,
	};
	char address[ADDR_TEXT_MAX];

	snprintf(address, sizeof(address), "127.0.0.1:%u", soak_upstream_port(hold->slot));
	if (soak_upstream_tls(c->link) && !c->no_handshake) {
		MUST_EQ(tlsserver_open(&hold->tls_server, &options), 0);
		hold->upstream->tls = &hold->tls_server;
	}
	return upstream_server_start(hold->upstream, address, c->upstream.steps);
}

static int hear_upstream(struct hold *hold)
{
	const char *words = "";

	if (hold->c->gone)
		return atomic_load(&hold->upstream->accepted) == 0
			       ? 0
			       : failed(hold, "the upstream was told of a client that is gone", "");
	return upstream_server_result(hold->upstream, 0, &words) == 0 ? 0 : failed(hold, "", words);
}

int conversation_hold(const struct soak *soak, unsigned int slot, const struct conversation *c,
		      char problem[SOAK_PROBLEM_MAX], in_port_t *ret_port)
{
	static struct upstream_server upstream;
	struct hold hold = {.soak = soak,
			    .slot = slot,
			    .c = c,
			    .problem = problem,
			    .tls = {.fd = -1},
			    .upstream = &upstream};
	char address[ADDR_TEXT_MAX];
	int r;

	memset(&upstream, 0, sizeof(upstream));
	snprintf(hold.sni, sizeof(hold.sni), "slot-%u.example", slot);
	snprintf(address, sizeof(address), "127.0.0.1:%u", soak_port(c->link, slot));
	MUST_EQ(addr_parse(address, &hold.to), 0);
	r = open_upstream(&hold);
	if (r < 0)
		return failed(&hold, "no upstream: ", strerror(-r));
	r = talk(&hold, ret_port);
	/* The client's end is a part of what the upstream waits for. */
	if (hold.client.fd < 0 && !c->gone)
		hold.tls.fd = -1;
	tlsclient_close(&hold.tls);
	if (r == 0)
		r = hear_upstream(&hold);
	upstream_server_stop(&upstream);
	tlsserver_close(&hold.tls_server);
	atomic_fetch_add(&soak->shared->bytes, hold.client.sent + hold.client.received);
	if (c->damages)
		atomic_fetch_add(&soak->shared->damaged, 1);
	return r;
}

/* --- the report --- */

static void print_script(FILE *out, const char *who, const struct soak_script *script)
{
	fprintf(out, "    %-9s", who);
	for (size_t i = 0; i < script->n; i++) {
		char text[PEER_STEP_TEXT_MAX];

		peer_step_format(&script->steps[i], text);
		fprintf(out, "%s%s", i ? ", " : "", text);
	}
	fprintf(out, "\n");
}

static void print_protocol(FILE *out, const struct conversation *c)
{
	static const char *const suites[] = {
		[SUITE_ANY] = "any",
		[SUITE_AES_128] = "AES-128-GCM",
		[SUITE_AES_256] = "AES-256-GCM",
		[SUITE_CHACHA20] = "ChaCha20-Poly1305",
	};
	static const char *const gone[] = {
		[GONE_NOT] = "",
		[GONE_BEFORE_HELLO] = " before its ClientHello",
		[GONE_BEHIND_HELLO] = " behind its ClientHello",
	};

	fprintf(out, "    link      %s", c->link->name);
	if (soak_client_tls(c->link) || soak_upstream_tls(c->link))
		fprintf(out, ", TLS 1.%d, %s", c->version == TLS1_3_VERSION ? 3 : 2,
			suites[c->suite]);
	fprintf(out, "%s\n    ending    %s%s%s\n", c->raw ? ", records made by the client" : "",
		c->ending, gone[c->gone], c->gone_by_reset ? ", by a reset" : "");
}

static void print_session(FILE *out, const struct daemon *daemon, in_port_t port)
{
	struct log_entry line;
	char peer[32];

	snprintf(peer, sizeof(peer), "127.0.0.1:%u", port);
	if (port && daemon_wait_log(daemon, "session", "peer", peer, 0, LOG_MS, &line))
		fprintf(out, "    log       %s\n", line.text);
}

static void print_again(FILE *out, uint64_t index)
{
	const char *kernel = getenv("SLUICE_VM_KERNEL"), *root = getenv("SLUICE_VM_ROOT");

	fprintf(out, "    again     make ");
	if (kernel && root)
		fprintf(out, "vm-soak KERNEL=%s ROOT=%s", kernel, root);
	else
		fprintf(out, "soak");
	fprintf(out, " SEED=%" PRIu64 " ONLY=%" PRIu64 "\n", test_seed(), index);
}

void conversation_print(const struct soak *soak, const struct conversation *c, const char *headline,
			in_port_t client_port)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	MUST(out != NULL);
	fprintf(out, "%s\n", headline);
	print_protocol(out, c);
	print_script(out, "client", &c->client);
	print_script(out, "upstream", &c->upstream);
	print_session(out, soak_daemon(soak, c->link), client_port);
	print_again(out, c->index);
	MUST_EQ(fclose(out), 0);
	MUST_EQ(write(STDOUT_FILENO, text, len), (ssize_t)len);
	free(text);
}
