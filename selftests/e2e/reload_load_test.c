// SPDX-License-Identifier: Apache-2.0
/*
 * Handshakes while one reload follows the other. `make bench-reload` runs it with more of everything and
 * shows what it measures: nobody judges the times here, only that no handshake is lost.
 *
 * HANDSHAKERS=n: so many processes shake hands, one after the other.  ENTRIES=n: of a list that every
 * generation loads.  RELOADS=n.
 */
#include "selftests/e2e/e2e_reload.h"

#include "base/clock.h"
#include "base/fd.h"
#include "sys/stream.h"

#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

SUITE("reload_load", .deadline_ms = 120000);

#define HANDSHAKERS_MAX 256
#define LONGEST_MS	5000

enum phase { QUIET, RELOADING, PHASES };

/** What the processes that shake hands have seen; shared. */
struct tally {
	_Atomic bool stop;
	_Atomic unsigned int phase;
	_Atomic uint64_t lost;
	_Atomic uint64_t done[PHASES];
	_Atomic uint64_t took[PHASES][LONGEST_MS + 1]; /* milliseconds -> handshakes */
};

static unsigned int wanted(const char *variable, unsigned int otherwise)
{
	const char *text = getenv(variable);

	return text ? (unsigned int)strtoul(text, NULL, 10) : otherwise;
}

static SSL_CTX *client_context(const struct e2e *e)
{
	const struct tlsclient_options options = e2e_client_options(e, NULL);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	MUST(ctx);
	MUST_EQ(SSL_CTX_use_certificate_chain_file(ctx, options.cert), 1);
	MUST_EQ(SSL_CTX_use_PrivateKey_file(ctx, options.key, SSL_FILETYPE_PEM), 1);
	MUST_EQ(SSL_CTX_load_verify_locations(ctx, options.ca, NULL), 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

/* Returns: whether a byte went to the upstream and came back. */
static bool shake_hands(SSL_CTX *ctx, const struct addr *to)
{
	int _cleanup_fd_ fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *ssl = SSL_new(ctx);
	char byte = 'x';
	bool ok;

	stream_tune(fd);
	ok = ssl && fd >= 0 && connect(fd, &to->sa, to->len) == 0 && SSL_set_fd(ssl, fd) == 1 &&
	     SSL_connect(ssl) == 1 && SSL_write(ssl, &byte, 1) == 1 && SSL_read(ssl, &byte, 1) == 1;

	SSL_free(ssl);
	return ok;
}

static void shake_hands_until_told(const struct e2e *e, struct tally *tally)
{
	SSL_CTX *ctx = client_context(e);
	const struct addr to = e2e_address(e);

	while (!atomic_load(&tally->stop)) {
		unsigned int phase = atomic_load(&tally->phase);
		uint64_t start_ms = clock_now_ms(), took_ms;

		if (!shake_hands(ctx, &to))
			atomic_fetch_add(&tally->lost, 1);
		took_ms = clock_now_ms() - start_ms;
		atomic_fetch_add(&tally->done[phase], 1);
		atomic_fetch_add(&tally->took[phase][took_ms < LONGEST_MS ? took_ms : LONGEST_MS],
				 1);
	}
	SSL_CTX_free(ctx);
}

static void serve_bytes(int listen_fd)
{
	for (;;) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		char byte;

		if (recv(fd, &byte, 1, 0) == 1)
			(void)send(fd, &byte, 1, MSG_NOSIGNAL);
		(void)close(fd);
	}
}

/* An upstream for any number of connections: each gets its first byte back. Returns: the process. */
static pid_t start_byte_echo(char endpoint[64])
{
	struct addr here = {};
	int listen_fd = e2e_listen(1000, &here);
	pid_t pid;

	snprintf(endpoint, 64, "\"127.0.0.1:%u\"", addr_port(&here));
	pid = MUST_OK(fork());
	if (pid == 0)
		serve_bytes(listen_fd);
	MUST_OK(close(listen_fd));
	return pid;
}

/* Nobody of the list comes: it is there to be loaded. */
static void write_list(const struct e2e *e, unsigned int entries)
{
	FILE *file = fopen(e2e_path(e, "list.txt"), "we");

	MUST(file);
	fprintf(file, "nobody\n");
	for (unsigned int i = 0; i < entries; i++)
		fprintf(file, "customer-%u\n", i);
	MUST_EQ(fclose(file), 0);
}

static void show(const struct tally *tally, enum phase phase, const char *name, uint64_t ms)
{
	uint64_t all = atomic_load(&tally->done[phase]), passed = 0;
	unsigned int median = 0, most = 0, longest = 0;

	for (unsigned int i = 0; i <= LONGEST_MS; i++) {
		uint64_t n = atomic_load(&tally->took[phase][i]);

		if (n == 0)
			continue;
		if (passed * 2 < all)
			median = i;
		if (passed * 1000 < all * 999)
			most = i;
		longest = i;
		passed += n;
	}
	printf("# %-9s %6llu handshakes a second; took in ms: median %u, 99.9 %% %u, longest %u\n",
	       name, (unsigned long long)(all * 1000 / (ms + 1)), median, most, longest);
}

static void reload_often(struct e2e *e, const struct tally *tally, unsigned int reloads)
{
	char generation[24];

	for (unsigned int i = 0; i < reloads; i++) {
		uint64_t before = atomic_load(&tally->done[RELOADING]);

		e2e_edit(e, i % 2 ? "name: other" : "name: known",
			 i % 2 ? "name: known" : "name: other");
		e2e_put(e, "sluice.yaml", e->yaml);
		snprintf(generation, sizeof(generation), "%u", i + 2);
		e2e_await_generation(e, generation);
		E2E_MUST(e, UNTIL(atomic_load(&tally->done[RELOADING]) > before, 5000));
	}
}

TEST(no_handshake_is_lost)
{
	static char endpoint[64];
	static struct e2e e = {
		.workers = 2,
		.endpoints = endpoint,
		.rules = "      - name: listed\n"
			 "        match: {include: {cn: [\"file:list.txt\"]}}\n"
			 "        action: deny\n"
			 "      - {name: known, match: {cn: [client-a]}, upstream: app}\n",
	};
	const unsigned int n = wanted("HANDSHAKERS", 4), reloads = wanted("RELOADS", 8);
	struct tally *tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[HANDSHAKERS_MAX];
	uint64_t start_ms, reload_ms;
	pid_t echo;

	MUST(tally != MAP_FAILED);
	MUST(n <= HANDSHAKERS_MAX);
	echo = start_byte_echo(endpoint);
	e2e_prepare(&e);
	write_list(&e, wanted("ENTRIES", 100));
	e2e_start(&e);
	start_ms = clock_now_ms();
	for (unsigned int i = 0; i < n; i++) {
		pids[i] = MUST_OK(fork());
		if (pids[i] == 0) {
			shake_hands_until_told(&e, tally);
			_exit(0);
		}
	}
	E2E_MUST(&e, UNTIL(atomic_load(&tally->done[QUIET]) >= 100 * (uint64_t)n, 60000));
	atomic_store(&tally->phase, RELOADING);
	reload_ms = clock_now_ms();
	reload_often(&e, tally, reloads);
	show(tally, QUIET, "quiet", reload_ms - start_ms);
	show(tally, RELOADING, "reloading", clock_now_ms() - reload_ms);
	atomic_store(&tally->stop, true);
	for (unsigned int i = 0; i < n; i++)
		MUST_EQ(waitpid(pids[i], NULL, 0), pids[i]);
	printf("# %u reloads, %u workers, %u clients\n", reloads, e.workers, n);
	MUST_EQ(atomic_load(&tally->lost), 0);
	MUST_EQ(daemon_counter(&e.daemon, "revoked"), 0);
	e2e_stop(&e);
	MUST_OK(kill(echo, SIGKILL));
	MUST_EQ(waitpid(echo, NULL, 0), echo);
}
