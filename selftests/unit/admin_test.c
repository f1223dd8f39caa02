// SPDX-License-Identifier: Apache-2.0
/* The admin socket from both ends: httpd in this process's loop, httpc in a child. */
#include "selftests/harness/harness.h"

#include "base/fd.h"
#include "daemon/admin.h"
#include "sys/httpc.h"
#include "sys/httpd.h"
#include "sys/json.h"
#include "sys/loop.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

SUITE("admin");

struct server {
	struct loop *loop;
	struct admin *admin;
	struct loop_timer answer_later, watch_client;
	struct admin_query *query;
	uint64_t cookie;
	int listen_fd, client_status;
	struct addr addr;
	pid_t client;
};

static struct server server;

static void watch(struct loop_timer *timer)
{
	if (waitpid(server.client, &server.client_status, WNOHANG) == server.client)
		loop_stop(server.loop);
	else
		MUST_EQ(loop_arm(server.loop, timer, 5), 0);
}

static void serve(void (*collect)(void *arg, struct admin_query *query))
{
	char path[108];

	(void)snprintf(path, sizeof(path), "unix:%.90s/admin.sock", test_tmpdir());
	MUST_EQ(addr_parse(path, &server.addr), 0);
	server.listen_fd = MUST_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	MUST_OK(bind(server.listen_fd, &server.addr.sa, server.addr.len));
	MUST_OK(listen(server.listen_fd, 16));
	MUST_EQ(loop_new(&server.loop), 0);
	MUST_EQ(admin_open(server.loop, server.listen_fd,
			   &(struct admin_handlers){.status = collect, .arg = &server},
			   &server.admin),
		0);
}

static void run_with_client(void (*client)(void))
{
	server.client = MUST_OK(fork());
	if (server.client == 0) {
		client();
		_exit(0);
	}
	server.watch_client.fire = watch;
	watch(&server.watch_client);
	MUST_EQ(loop_run(server.loop), 0);
	CHECK_EQ(server.client_status, 0);
	loop_disarm(server.loop, &server.answer_later);
	admin_close(server.admin);
	loop_free(server.loop);
	MUST_OK(close(server.listen_fd)); /* still ours */
}

static struct json *document(void)
{
	struct json *status = json_new_object();
	struct json *worker = json_append_object(json_add_array(status, "workers"));
	struct json *sessions = json_add_array(worker, "sessions");

	json_add_u64(json_append_object(sessions), "cookie", server.cookie);
	json_add_u64(json_append_object(sessions), "cookie", UINT64_MAX >> 1);
	return status;
}

static void collect_now(void *arg, struct admin_query *query)
{
	(void)arg;
	admin_answer(query, document());
}

static void get_status(void)
{
	struct httpc_reply reply;
	struct json _cleanup_json_ *status = NULL;
	const struct json *sessions;

	MUST_EQ(httpc_get(&server.addr, "/status", 3000, &reply), 0);
	MUST_EQ(reply.status, 200);
	MUST_EQ(json_parse(reply.body, reply.len, &status), 0);
	httpc_reply_done(&reply);
	MUST_STR(json_get_str(json_get_object(status, "kernel"), "sock_diag", ""), "ok");
	sessions = json_get_array(json_at(json_get_array(status, "workers"), 0), "sessions");
	MUST_EQ(json_count(sessions), 2);
	MUST_STR(json_get_str(json_get_object(json_at(sessions, 0), "kernel"), "ulp", "?"), "");
	MUST(!json_get_object(json_at(sessions, 1), "kernel"));
}

/* A connection to ourselves, whose cookie the document has. */
static int open_wire(int *ret_listener)
{
	struct addr here = {};
	socklen_t len = sizeof(server.cookie);
	int fd = MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	MUST_EQ(addr_parse("127.0.0.1:1", &here), 0);
	here.in4.sin_port = 0;
	*ret_listener = MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST_OK(bind(*ret_listener, &here.sa, here.len));
	MUST_OK(listen(*ret_listener, 1));
	MUST_OK(getsockname(*ret_listener, &here.sa, &here.len));
	MUST_OK(connect(fd, &here.sa, here.len));
	MUST_OK(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &server.cookie, &len));
	return fd;
}

TEST(sessions_get_the_kernels_view, NEEDS(NEED_SOCK_DIAG))
{
	int _cleanup_fd_ listener = -1;
	int _cleanup_fd_ wire = open_wire(&listener);

	MUST_GE(wire, 0);

	serve(collect_now);
	run_with_client(get_status);
}

static void answer_later(struct loop_timer *timer)
{
	admin_answer(container_of(timer, struct server, answer_later)->query, document());
}

static void collect_later(void *arg, struct admin_query *query)
{
	struct server *s = arg;

	s->query = query;
	s->answer_later.fire = answer_later;
	MUST_EQ(loop_arm(s->loop, &s->answer_later, 100), 0);
}

TEST(an_answer_may_come_later, NEEDS(NEED_SOCK_DIAG))
{
	int _cleanup_fd_ listener = -1;
	int _cleanup_fd_ wire = open_wire(&listener);

	MUST_GE(wire, 0);

	serve(collect_later);
	run_with_client(get_status);
}

static void collect_never(void *arg, struct admin_query *query)
{
	(void)arg;
	(void)query;
}

static void give_up(void)
{
	struct httpc_reply reply;

	MUST_EQ(httpc_get(&server.addr, "/status", 200, &reply), -ETIMEDOUT);
}

TEST(an_answer_may_never_come)
{
	serve(collect_never);
	run_with_client(give_up);
}

static void collect_without_memory(void *arg, struct admin_query *query)
{
	(void)arg;
	admin_answer(query, NULL);
}

static void get_503(void)
{
	struct httpc_reply reply;

	MUST_EQ(httpc_get(&server.addr, "/status", 3000, &reply), 0);
	MUST_EQ(reply.status, 503);
	httpc_reply_done(&reply);
}

TEST(without_a_document_the_answer_is_503)
{
	serve(collect_without_memory);
	run_with_client(get_503);
}

static void ask_raw(const char *request, const char *want)
{
	char line[64] = "";
	int fd = MUST_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	MUST_OK(connect(fd, &server.addr.sa, server.addr.len));
	MUST_OK(send(fd, request, strlen(request), MSG_NOSIGNAL));
	MUST_OK(recv(fd, line, strlen("HTTP/1.1 405"), MSG_WAITALL));
	MUST_STR(line, want);
	MUST_OK(close(fd));
}

static void ask_wrongly(void)
{
	struct httpc_reply reply;

	MUST_EQ(httpc_get(&server.addr, "/other", 3000, &reply), 0);
	MUST_EQ(reply.status, 404);
	httpc_reply_done(&reply);
	ask_raw("POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 404");
	ask_raw("GET /reload HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404");
	ask_raw("DELETE /status HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405");
}

TEST(only_get_of_status_is_served)
{
	serve(collect_now);
	run_with_client(ask_wrongly);
}

static void many_at_once(void)
{
	int fds[2 * HTTPD_MAX_CONNECTIONS];
	char line[16];
	static const char request[] = "GET /status HTTP/1.0\r\n\r\n";

	/* All are answered although only half of them fit at the same time. */
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		fds[i] = MUST_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
		MUST_OK(connect(fds[i], &server.addr.sa, server.addr.len));
		MUST_OK(send(fds[i], request, sizeof(request) - 1, MSG_NOSIGNAL));
	}
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		MUST_EQ(recv(fds[i], line, 12, MSG_WAITALL), 12);
		MUST_OK(close(fds[i]));
	}
}

TEST(too_many_clients_wait)
{
	serve(collect_now);
	run_with_client(many_at_once);
}

TEST(nobody_there_is_said)
{
	struct httpc_reply reply;
	struct addr addr;

	MUST_EQ(addr_parse("unix:/nonexistent/admin.sock", &addr), 0);
	CHECK_EQ(httpc_get(&addr, "/status", 1000, &reply), -ENOENT);
}

struct answer_case {
	VARIANT;
	const char *text;
	int result;
	const char *body;
};

CASES(struct answer_case, answers,
      {.name = "whole", .text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", .body = "hi"},
      {.name = "no_length", .text = "HTTP/1.0 200 OK\r\n\r\nhello", .body = "hello"},
      {.name = "cut", .text = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi", .result = -EPROTO},
      {.name = "not_http", .text = "220 mail ready\r\n\r\n", .result = -EPROTO},
      {.name = "no_header_end", .text = "HTTP/1.1 200 OK\r\n", .result = -EPROTO},
      {.name = "nothing", .text = "", .result = -EPROTO});

TEST_CASES(the_client_reads_strictly, answers)
{
	struct httpc_reply reply = {};
	struct addr addr = {.len = sizeof(addr.un), .un = {.sun_family = AF_UNIX}};
	int _cleanup_fd_ listener = MUST_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	pid_t child;

	(void)snprintf(addr.un.sun_path, sizeof(addr.un.sun_path), "%.90s/s", test_tmpdir());
	MUST_OK(bind(listener, &addr.sa, addr.len));
	MUST_OK(listen(listener, 1));
	child = MUST_OK(fork());
	if (child == 0) {
		char request[256];
		int fd = MUST_OK(accept4(listener, NULL, NULL, SOCK_CLOEXEC));

		MUST_OK(recv(fd, request, sizeof(request), 0));
		MUST_EQ(send(fd, variant->text, strlen(variant->text), 0), strlen(variant->text));
		_exit(0);
	}
	CHECK_EQ(httpc_get(&addr, "/", 3000, &reply), variant->result);
	if (variant->body)
		CHECK_STR(reply.body, variant->body);
	httpc_reply_done(&reply);
	MUST_EQ(waitpid(child, NULL, 0), child);
}
