// SPDX-License-Identifier: Apache-2.0
#include "selftests/fault/fault.h"

#include "base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WARM_UP	      5
#define LIMIT_MS      8000 /* for what is not a hang */
#define BAD_MAX	      20   /* then it is enough */
#define LEAK_REPEATS  3
#define CLIENT_BYTES  UINT64_C(40000)
#define UPSTREAM_HEAD UINT64_C(40000)
#define UPSTREAM_TAIL UINT64_C(20000)

/* The client is through first, and what is behind its end must still arrive. */
static const struct peer_step client_script[] = {BOTH(CLIENT_BYTES, UPSTREAM_HEAD),
						 FINISH,
						 RECV(UPSTREAM_TAIL),
						 RECV_END,
						 {.verb = PEER_DONE}};
static const struct peer_step upstream_script[] = {BOTH(UPSTREAM_HEAD, CLIENT_BYTES),
						   RECV_END,
						   SEND(UPSTREAM_TAIL),
						   FINISH,
						   {.verb = PEER_DONE}};

/* --- the bench --- */

static void share_page(struct fault_bench *b, enum inject_role role)
{
	const char *path = e2e_path(&b->e, "faults");
	int _cleanup_fd_ fd = MUST_OK(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));

	MUST_OK(ftruncate(fd, sizeof(*b->page)));
	b->page = mmap(NULL, sizeof(*b->page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(b->page != MAP_FAILED);
	b->page->role = role;
	MUST_OK(setenv(INJECT_VARIABLE, path, 1));
}

/* BUILD/sluice -> BUILD/selftests/inject/sluice */
static void use_failing_daemon(void)
{
	char path[512];
	const char *ours = daemon_program();

	(void)snprintf(path, sizeof(path), "%.*s/selftests/inject/sluice",
		       (int)(strrchr(ours, '/') - ours), ours);
	MUST_OK(setenv("SLUICE", path, 1));
}

void fault_prepare(struct fault_bench *b, const struct fault_way *way, enum inject_role role)
{
	b->way = way;
	b->e.script = upstream_script;
	b->e.engine = way->with.engine;
	b->e.quiet_offload = way->offload;
	b->e.listener = way->offload;
	if (way->mode == FAULT_ORIGINATE)
		e2e_set_case(&b->e, &way->with);
	if (way->introduced) {
		b->e.listener = "    proxy_protocol: {from: [\"127.0.0.0/8\"]}\n";
		b->e.app = "proxy_protocol: v2";
		b->e.upstream.introduced = true;
	}
	b->e.passthrough = b->e.plain_server = way->mode == FAULT_PASSTHROUGH;
	e2e_prepare(&b->e);
	use_failing_daemon();
	share_page(b, role);
}

static size_t count_fds(pid_t pid)
{
	char path[32];
	size_t n = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	if (dir)
		(void)closedir(dir);
	return n;
}

static pid_t worker_of(struct fault_bench *b)
{
	pid_t pid = 0;

	return daemon_workers(&b->e.daemon, &pid, 1) == 1 ? pid : 0;
}

/* The worker has nothing to do, and no more descriptors than it had. */
static bool is_at_rest(struct fault_bench *b)
{
	return atomic_load(&b->page->waiting) && count_fds(b->worker) <= b->n_fds;
}

/* --- one session --- */

/* The header that comes before the client's own bytes. */
static const struct introduction_out *introduction(void)
{
	static struct introduction_out out;

	introduction_begin(&out, 0x21, 0x11, introduction_ip4_addresses,
			   sizeof(introduction_ip4_addresses));
	introduction_tlv(&out, 0x05, "id", 2);
	introduction_end(&out, true);
	return &out;
}

static bool bad(struct fault_session *s, const char *what, const char *detail)
{
	(void)snprintf(s->problem, sizeof(s->problem), "%s%s%.340s", what, *detail ? ": " : "",
		       detail);
	return false;
}

static int run_tls_client(struct fault_bench *b, struct fault_session *s)
{
	struct tlsclient_options options = e2e_client_options(&b->e, &b->way->with);
	struct addr addr = e2e_address(&b->e);
	struct tlsclient client;
	int r;

	options.tap = &b->tap;
	if (b->way->introduced) {
		options.preamble = introduction()->bytes;
		options.preamble_len = introduction()->len;
	}
	r = tlsclient_connect(&client, &addr, &options, (int)test_scaled_ms(LIMIT_MS));
	peer_init_client(&s->client, &client);
	s->client.timeout_ms = (int)test_scaled_ms(LIMIT_MS);
	if (r < 0) {
		s->client.end = r;
		(void)snprintf(s->client.problem, sizeof(s->client.problem), "%s", client.error);
	} else {
		r = peer_run(&s->client, client_script);
	}
	if (client.fd >= 0)
		wiretap_drain(&b->tap, client.fd);
	tlsclient_close(&client);
	return r;
}

static int run_plain_client(struct fault_bench *b, struct fault_session *s)
{
	struct addr addr = e2e_address(&b->e);
	int _cleanup_fd_ fd = MUST_OK(socket(addr.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));

	peer_init_plain_client(&s->client, fd);
	s->client.timeout_ms = (int)test_scaled_ms(LIMIT_MS);
	if (connect(fd, &addr.sa, addr.len) == 0) {
		if (b->way->introduced)
			(void)send(fd, introduction()->bytes, introduction()->len, MSG_NOSIGNAL);
		return peer_run(&s->client, client_script);
	}
	/* The daemon may be faster than this call's way back. */
	s->client.end = -errno;
	(void)snprintf(s->client.problem, sizeof(s->client.problem), "connect: %s",
		       strerror(errno));
	return -1;
}

/* Who was cut must know it. */
static bool judge_end(struct fault_session *s, const struct peer *peer)
{
	if (peer->end == 0)
		return bad(s, "a stream that was cut ended cleanly", peer->problem);
	if (peer->end == -ETIMEDOUT || peer->end == -EAGAIN)
		return bad(s, "hangs", peer->problem);
	if (peer->end > 0)
		return bad(s, "not what was sent", peer->problem);
	return true;
}

static bool judge(struct fault_bench *b, struct fault_session *s, int client, int upstream)
{
	s->served = client == 0 && s->upstream_reached && upstream == 0;
	if (b->tap.fault[0])
		return bad(s, "the wire", b->tap.fault);
	if (client < 0 && !judge_end(s, &s->client))
		return false;
	if (s->upstream_reached && upstream < 0 && !judge_end(s, &s->upstream))
		return false;
	if (client == 0 && !s->served)
		return bad(s, "the client was served, the upstream not", s->upstream.problem);
	return true;
}

/* A connection that was opened is in the listener's queue before the daemon goes on. */
static int upstream_result(struct fault_bench *b, struct fault_session *s, unsigned int before)
{
	struct upstream_server *upstream = &b->e.upstream;
	uint64_t opened = atomic_load(&b->page->calls[INJECT_CONNECT]);
	const char *words = "";
	int r;

	if (b->page->kind == INJECT_CONNECT && s->fired)
		opened--;
	E2E_MUST(&b->e, UNTIL(atomic_load(&upstream->accepted) >= before + opened, LIMIT_MS),
		 "with call %llu the upstream has not %llu connections;%s",
		 (unsigned long long)b->page->nth, (unsigned long long)opened, b->page->where);
	s->upstream_reached = opened > 0;
	if (opened == 0)
		return 0;
	r = upstream_server_result(upstream, before, &words);
	s->upstream = upstream->conns[before].peer;
	return r;
}

void fault_session(struct fault_bench *b, struct fault_session *ret_session)
{
	struct fault_session *s = ret_session;
	unsigned int before = atomic_load(&b->e.upstream.accepted);
	struct payload plain[WIRETAP_STREAMS];
	struct peer any;
	int client, upstream;

	*s = (struct fault_session){};
	peer_init_plain_client(&any, -1);
	plain[0] = any.in;
	plain[1] = any.out;
	wiretap_init(&b->tap, plain);
	b->e.tls_server.tap = &b->tap;
	client = b->way->mode == FAULT_TERMINATE ? run_tls_client(b, s) : run_plain_client(b, s);
	if (!UNTIL(is_at_rest(b), LIMIT_MS))
		(void)bad(s, worker_of(b) == b->worker ? "a descriptor is left" : "the worker died",
			  "");
	fault_disarm(b);
	s->fired = atomic_load(&b->page->fired);
	/* The worker that comes after one that died makes calls of its own, and they are counted. */
	if (s->problem[0])
		return;
	upstream = upstream_result(b, s, before);
	(void)judge(b, s, client, upstream);
}

/* Its connections are threads of ours and their number is limited. */
static void renew_upstream(struct fault_bench *b)
{
	struct upstream_server *upstream = &b->e.upstream;
	struct tlsserver *tls = upstream->tls;
	char address[ADDR_TEXT_MAX];

	if (atomic_load(&upstream->accepted) + 8 < UPSTREAM_CONNECTIONS_MAX)
		return;
	(void)snprintf(address, sizeof(address), "%s", upstream->text);
	upstream_server_stop(upstream);
	memset(upstream, 0, sizeof(*upstream));
	upstream->tls = tls;
	upstream->introduced = b->way->introduced;
	MUST_EQ(upstream_server_start(upstream, address, upstream_script), 0);
}

static void healthy(struct fault_bench *b, struct fault_session *ret_session)
{
	renew_upstream(b);
	fault_arm(b, INJECT_ALLOC, 0, 0);
	fault_session(b, ret_session);
	if (ret_session->problem[0] == '\0' && !ret_session->served)
		(void)bad(ret_session, "the next session is not served",
			  ret_session->client.problem);
}

/* --- many --- */

/* The worker as it is now is what the next session is compared with. */
static void take_stock(struct fault_bench *b)
{
	struct fault_session s;

	MUST(UNTIL((b->worker = worker_of(b)) > 0, LIMIT_MS));
	b->n_fds = SIZE_MAX;
	for (int i = 0; i < WARM_UP; i++) {
		healthy(b, &s);
		E2E_MUST(&b->e, s.problem[0] == '\0', "%s", s.problem);
	}
	b->n_fds = count_fds(b->worker);
	b->blocks = atomic_load(&b->page->blocks);
}

void fault_open(struct fault_bench *b, const struct fault_way *way)
{
	fault_prepare(b, way, INJECT_WORKER);
	e2e_start(&b->e);
	take_stock(b);
}

void fault_close(struct fault_bench *b)
{
	E2E_MUST(&b->e, daemon_count_log(&b->e.daemon, "bug", NULL, NULL) == 0);
	e2e_stop(&b->e);
}

void fault_arm(struct fault_bench *b, enum inject_kind kind, uint64_t nth, int error)
{
	struct inject_page *page = b->page;

	for (int i = 0; i < INJECT_KINDS; i++)
		atomic_store(&page->calls[i], 0);
	page->kind = kind;
	page->nth = nth;
	page->error = error;
	page->where[0] = '\0';
	atomic_store(&page->fired, false);
	atomic_store(&page->armed, true);
}

void fault_disarm(struct fault_bench *b)
{
	atomic_store(&b->page->armed, false);
}

uint64_t fault_calls(struct fault_bench *b, enum inject_kind kind)
{
	struct fault_session s;

	healthy(b, &s);
	E2E_MUST(&b->e, s.problem[0] == '\0', "%s", s.problem);
	return atomic_load(&b->page->calls[kind]);
}

uint64_t fault_step(uint64_t calls, uint64_t points, uint64_t *ret_first)
{
	const char *text = getenv("FAULT_POINTS");
	uint64_t step;

	if (text)
		points = strtoull(text, NULL, 10);
	step = points > 0 && points < calls ? calls / points : 1;
	*ret_first = test_seed() % step + 1;
	return step;
}

/* One fault and what comes behind it. Returns: false with s->problem. */
static bool survives(struct fault_bench *b, const struct fault_call *call, uint64_t nth, int error,
		     struct fault_session *s)
{
	struct fault_session next;

	renew_upstream(b);
	fault_arm(b, call->kind, nth, error);
	fault_session(b, s);
	b->n_tried++;
	b->n_fired += s->fired;
	b->n_served += s->served;
	if (s->problem[0])
		return false;
	if (worker_of(b) != b->worker)
		return bad(s, "the worker died", "");
	if (daemon_counter(&b->e.daemon, "connections") != 0 ||
	    daemon_counter(&b->e.daemon, "handshakes") != 0)
		return bad(s, "the session is still counted", "");
	healthy(b, &next);
	return next.problem[0] ? bad(s, "behind it", next.problem) : true;
}

/* A cache may grow once. What grows every time is a leak. */
static bool leaks(struct fault_bench *b, const struct fault_call *call, uint64_t nth, int error,
		  struct fault_session *s)
{
	for (int i = 0; i < LEAK_REPEATS; i++) {
		int64_t before = b->blocks;

		b->blocks = atomic_load(&b->page->blocks);
		if (b->blocks <= before)
			return false;
		if (!survives(b, call, nth, error, s))
			return true;
	}
	return !bad(s, "memory is left each time", "");
}

static void try_fault(struct fault_bench *b, const struct fault_call *call, uint64_t nth, int error)
{
	static struct fault_session s;
	char where[sizeof(b->page->where)];

	if (survives(b, call, nth, error, &s) && !leaks(b, call, nth, error, &s))
		return;
	(void)snprintf(where, sizeof(where), "%s", b->page->where);
	CHECK(!"it survives", "%s %llu, %s: %s;%s", call->name, (unsigned long long)nth,
	      error ? strerrorname_np(error) : "short", s.problem, where);
	if (worker_of(b) != b->worker)
		daemon_print_log(&b->e.daemon);
	MUST(++b->n_bad < BAD_MAX, "%u faults that did harm are enough", b->n_bad);
	take_stock(b);
}

void fault_each(struct fault_bench *b, const struct fault_call *call)
{
	uint64_t calls = fault_calls(b, call->kind), first, step = fault_step(calls, 0, &first);

	MUST(calls > 0, "a session makes no such call");
	for (size_t i = 0; i < FAULT_ERRORS_MAX && call->errors[i]; i++) {
		for (uint64_t nth = first; nth <= calls; nth += step)
			try_fault(b, call, nth, call->errors[i]);
	}
	for (uint64_t nth = first; call->may_be_short && nth <= calls; nth += step)
		try_fault(b, call, nth, 0);
	NOTE("%llu such calls in a session; of %u sessions %u had the fault, %u were served",
	     (unsigned long long)calls, b->n_tried, b->n_fired, b->n_served);
	/* A session need not make as many calls as the one that was counted. */
	MUST_GE(b->n_fired * 4, b->n_tried);
}
