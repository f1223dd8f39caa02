// SPDX-License-Identifier: Apache-2.0
#include "selftests/interop/interop.h"

#include "base/fd.h"
#include "base/units.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_MS 10000
#define LITTLE 1000		   /* bytes in the direction that is not measured */
#define HELLO  8		   /* bytes that go up before the payload */
#define LEAST  (UINT64_C(1) << 20) /* room for packets between KeyUpdates */

/* A program that takes commands reads at least this much at once; GnuTLS does not read more. */
#define PACKET_BYTES ((size_t)4000)

struct interop {
	struct e2e e;
	const struct interop_peer *peer;
	const struct interop_rekey *rekey; /* NULL: none */
	uint64_t bytes;			   /* of the direction that is measured */
	uint64_t client;		   /* number of the payload's streams */
	pid_t pid;
	/* Our ends of the program's stdin and stdout. */
	struct peer typist, reader;
};

static bool is_typed(const struct interop *t)
{
	return t->rekey && t->rekey->command;
}

static uint64_t size_from_environment(void)
{
	const char *text = getenv("SIZE");
	uint64_t bytes = UINT64_C(64) << 20;

	MUST(!text || units_parse_bytes(text, &bytes) == 0, "SIZE=%s is no size", text);
	MUST(bytes >= LEAST, "SIZE is at least 1MiB");
	return bytes;
}

/* --- the program --- */

static const char *program_path(const struct interop_peer *peer)
{
	static char path[PATH_MAX + 64];
	char tree[PATH_MAX];

	/* The program under test is TREE/build/sluice. */
	snprintf(tree, sizeof(tree), "%s", daemon_program());
	snprintf(path, sizeof(path), "%s/selftests/interop/peers/%s", dirname(dirname(tree)),
		 peer->file);
	return path;
}

/* In the child: never returns. */
static void exec_program(const struct interop *t, const struct e2e_case *c, int in_fd, int out_fd)
{
	const char *version = c->version == TLS1_2_VERSION ? "1.2" : "1.3";
	bool limited = t->rekey && !t->rekey->command;
	char port[16], limit[24];

	snprintf(port, sizeof(port), "%u", t->e.port);
	if (limited)
		snprintf(limit, sizeof(limit), "%llu",
			 (unsigned long long)(t->bytes / t->rekey->times));
	(void)signal(SIGPIPE, SIG_DFL);
	if (dup2(in_fd, 0) < 0 || dup2(out_fd, 1) < 0)
		_exit(126);
	execl(program_path(t->peer), t->peer->file, port, e2e_path(&t->e, "pki"), version,
	      limited ? limit : NULL, NULL);
	_exit(127);
}

/* A typed line is a command when the program reads it alone, so packets for one that is typed to. */
static void start_program(struct interop *t, const struct e2e_case *c)
{
	int type = t->peer->typed ? SOCK_SEQPACKET : SOCK_STREAM;
	int in[2], out[2];

	MUST_OK(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, in));
	MUST_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out));
	t->pid = MUST_OK(fork());
	if (t->pid == 0)
		exec_program(t, c, in[1], out[1]);
	MUST_OK(close(in[1]));
	MUST_OK(close(out[1]));
	peer_init_plain_client(&t->typist, in[0]);
	peer_init_plain_client(&t->reader, out[0]);
	t->typist.timeout_ms = t->reader.timeout_ms = (int)test_scaled_ms(INTEROP_DEADLINE_MS);
}

/* Returns: what waitpid() says of the program, which has to end on its own. */
static int end_program(struct interop *t)
{
	int status = -1;

	E2E_MUST(&t->e, UNTIL(waitpid(t->pid, &status, WNOHANG) == t->pid, END_MS),
		 "%s does not end", t->peer->file);
	MUST_OK(close(t->typist.fd));
	MUST_OK(close(t->reader.fd));
	return status;
}

/* --- its input --- */

/* What s_client and gnutls-cli take for a command at the beginning of what they read. */
static bool is_command(char first)
{
	return first && strchr("QCRkK^", first);
}

/*
 * A number of streams with which nothing is taken for a command that is none: the payload begins with
 * no letter of a command, and its number, which goes before it, ends as a line does.
 */
static uint64_t harmless_client(void)
{
	for (uint64_t client = '\n';; client += 256) {
		struct peer peer;
		char first;

		peer_init_plain_client(&peer, -1);
		peer_be_client(&peer, client);
		payload_fill(&peer.out, &first, 1);
		if (!is_command(first))
			return client;
	}
}

/* Whole lines, and the next one does not look like a command. */
static size_t packet_len(const char *buf, size_t len)
{
	for (size_t n = len - 1; n > 0; n--) {
		if (buf[n - 1] == '\n' && !is_command(buf[n]))
			return n;
	}
	MUST(!"there is a line to end a packet with");
	return 0;
}

static bool send_packet(struct interop *t, const char *bytes, size_t len)
{
	return send(t->typist.fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* With so many bytes between them there is a command after each part but the last. */
static uint64_t part_bytes(const struct interop *t)
{
	return is_typed(t) ? t->bytes / (t->rekey->times + 1) : t->bytes;
}

static bool send_command(struct interop *t)
{
	return send_packet(t, t->rekey->command, strlen(t->rekey->command));
}

/* Payload, and between its parts the command. Returns: false when the program is gone. */
static bool type_payload(struct interop *t)
{
	uint64_t part = part_bytes(t), next_command = part;
	struct peer *typist = &t->typist;

	while (typist->sent < t->bytes) {
		char buf[PACKET_BYTES + 1];
		size_t len = PACKET_BYTES;

		typist->out.position = typist->sent;
		payload_fill(&typist->out, buf, sizeof(buf));
		if (t->bytes - typist->sent <= len)
			len = (size_t)(t->bytes - typist->sent);
		else
			len = packet_len(buf, sizeof(buf));
		if (!send_packet(t, buf, len))
			return false;
		typist->sent += len;
		if (!is_typed(t) || typist->sent < next_command || typist->sent == t->bytes)
			continue;
		if (!send_command(t))
			return false;
		next_command += part;
	}
	return true;
}

/*
 * A peer that counts its records asks for new keys with every one that it reads until the answer has
 * come past all that is on its way. With large buffers that is all it ever does: a flood.
 */
static void shorten_the_way(void)
{
	static const char *const limits[] = {"/proc/sys/net/ipv4/tcp_rmem",
					     "/proc/sys/net/ipv4/tcp_wmem"};

	for (size_t i = 0; i < 2; i++) {
		int _cleanup_fd_ fd = MUST_OK(open(limits[i], O_WRONLY | O_CLOEXEC));

		/* Of this network namespace. */
		MUST_OK(dprintf(fd, "4096 65536 131072\n"));
	}
}

/* --- a conversation --- */

static void begin(struct interop *t, const struct e2e_case *c, const struct peer_step *upstream)
{
	t->client = harmless_client();
	t->e.engine = c->engine;
	t->e.script = upstream;
	/* A Java machine in an emulated computer takes its time. */
	t->e.top = "timeouts: {handshake: 10m}\n";
	e2e_start(&t->e);
	start_program(t, c);
	peer_be_client(&t->reader, t->client);
	e2e_run(&t->e, &t->typist, STEPS(HELLO_SEND(t->client)));
}

static void send_up(struct interop *t)
{
	if (t->peer->typed)
		E2E_MUST(&t->e, type_payload(t), "%s is gone", t->peer->file);
	else
		e2e_run(&t->e, &t->typist, STEPS(SEND(t->bytes)));
	e2e_run(&t->e, &t->reader, STEPS(RECV(LITTLE)));
}

static void receive_down(struct interop *t)
{
	for (unsigned int i = 0; is_typed(t) && i < t->rekey->times; i++) {
		e2e_run(&t->e, &t->reader, STEPS(RECV(part_bytes(t))));
		E2E_MUST(&t->e, send_command(t), "%s is gone", t->peer->file);
	}
	e2e_run(&t->e, &t->reader, STEPS(RECV(t->bytes - t->reader.received)));
}

static void end(struct interop *t)
{
	int status;

	e2e_run(&t->e, &t->typist, STEPS(FINISH));
	e2e_run(&t->e, &t->reader, STEPS(RECV_END));
	status = end_program(t);
	E2E_MUST(&t->e, status == 0, "%s: status %#x", t->peer->file, (unsigned int)status);
	e2e_upstream(&t->e, 0);
}

/* --- sha256 --- */

struct sha256 {
	char hex[2 * 32 + 1];
};

static EVP_MD_CTX *sha256_new(void)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();

	MUST(digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1);
	return digest;
}

static struct sha256 sha256_end(EVP_MD_CTX *digest)
{
	unsigned char bytes[32];
	struct sha256 sum = {};

	MUST(EVP_DigestFinal_ex(digest, bytes, NULL) == 1);
	EVP_MD_CTX_free(digest);
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(sum.hex + 2 * i, 3, "%02x", bytes[i]);
	return sum;
}

/* Of the first @bytes of a stream: what its sender has sent. */
static struct sha256 sha256_of(const struct payload *stream, uint64_t bytes)
{
	struct payload payload = {.start = stream->start};
	EVP_MD_CTX *digest = sha256_new();
	static char buf[65536];

	while (bytes > 0) {
		size_t len = bytes < sizeof(buf) ? (size_t)bytes : sizeof(buf);

		payload_fill(&payload, buf, len);
		MUST(EVP_DigestUpdate(digest, buf, len) == 1);
		bytes -= len;
	}
	return sha256_end(digest);
}

/* --- jobs --- */

static struct interop new_job(const struct interop_peer *peer, const struct interop_rekey *rekey)
{
	return (struct interop){.peer = peer, .rekey = rekey, .bytes = size_from_environment()};
}

static void transfer(struct interop *t, enum interop_direction direction, const struct e2e_case *c)
{
	bool up = direction == INTEROP_UP;
	const struct peer_step *upstream =
		up ? STEPS(HELLO_RECV, RECV(t->bytes), SEND(LITTLE), RECV_END, FINISH)
		   : STEPS(HELLO_RECV, SEND(t->bytes), RECV_END, FINISH);
	EVP_MD_CTX *digest = sha256_new();
	struct sha256 sent, received;
	struct log_entry line;

	t->e.upstream.digest = up ? digest : NULL;
	begin(t, c, upstream);
	t->reader.digest = up ? NULL : digest;
	up ? send_up(t) : receive_down(t);
	e2e_prove_program(&t->e, c);
	end(t);
	line = e2e_prove_session(&t->e, 0, "done");
	CHECK_EQ(log_entry_u64(&line, up ? "bytes_in" : "bytes_out"), t->bytes + (up ? HELLO : 0));
	sent = sha256_of(up ? &t->typist.out : &t->reader.in, t->bytes);
	received = sha256_end(digest);
	NOTE("%llu bytes, sha256 %s", (unsigned long long)t->bytes, received.hex);
	CHECK_STR(received.hex, sent.hex);
}

void interop_transfer(const struct interop_peer *peer, enum interop_direction direction,
		      const struct e2e_case *c)
{
	static struct interop t;

	t = new_job(peer, NULL);
	transfer(&t, direction, c);
	e2e_stop(&t.e);
}

void interop_rekey(const struct interop_peer *peer, enum interop_direction direction,
		   const struct e2e_case *c, const struct interop_rekey *rekey)
{
	static struct interop t;
	uint64_t updates;

	t = new_job(peer, rekey);
	if (!is_typed(&t))
		shorten_the_way();
	transfer(&t, direction, c);
	updates = daemon_counter(&t.e.daemon, "key_updates");
	/* What counts its records itself does so in its own way. */
	E2E_MUST(&t.e, is_typed(&t) ? updates == rekey->times : updates >= rekey->times / 2,
		 "%llu KeyUpdates", (unsigned long long)updates);
	e2e_stop(&t.e);
}

void interop_rekey_cuts(const struct interop_peer *peer, enum interop_direction direction,
			const struct interop_rekey *rekey)
{
	static const struct e2e_case splice = {.engine = E2E_SPLICE, .version = TLS1_3_VERSION};
	bool up = direction == INTEROP_UP;
	static struct interop t;

	t = new_job(peer, rekey);
	/* gnutls-cli does not look at its input while something comes from the server. */
	begin(&t, &splice,
	      up	     ? STEPS(HELLO_RECV, RECV_RESET)
	      : is_typed(&t) ? STEPS(HELLO_RECV, SEND(part_bytes(&t)), RECV_RESET)
			     : STEPS(HELLO_RECV, SEND_CUT));
	if (!up) {
		e2e_run(&t.e, &t.reader, STEPS(RECV(is_typed(&t) ? part_bytes(&t) : LITTLE)));
		if (is_typed(&t))
			E2E_MUST(&t.e, send_command(&t), "%s is gone", t.peer->file);
	} else if (is_typed(&t)) {
		(void)type_payload(&t);
	} else {
		e2e_run(&t.e, &t.typist, STEPS(SEND_CUT));
	}
	e2e_run(&t.e, &t.reader, STEPS(RECV_ALL));
	(void)end_program(&t);
	e2e_upstream(&t.e, 0);
	(void)e2e_prove_session(&t.e, 0, "key_update");
	e2e_stop(&t.e);
}

void interop_upstream_ends(const struct interop_peer *peer, const struct e2e_case *c)
{
	static struct interop t;

	t = new_job(peer, NULL);
	/* Which end it hears of first, the server's or that of its input, is a race. */
	if (peer->impolite)
		t.e.listener = "    on_truncation: accept\n";
	begin(&t, c, STEPS(HELLO_RECV, SEND(LITTLE), GATE(1), FINISH, RECV_END));
	e2e_run(&t.e, &t.reader, STEPS(RECV(LITTLE)));
	e2e_prove_program(&t.e, c);
	atomic_store(&t.e.upstream.gate, 1);
	end(&t);
	(void)e2e_prove_session(&t.e, 0, "done");
	e2e_stop(&t.e);
}
