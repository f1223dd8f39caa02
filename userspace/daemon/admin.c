// SPDX-License-Identifier: Apache-2.0
#include "daemon/admin.h"

#include "base/fd.h"
#include "sys/httpd.h"
#include "sys/json.h"
#include "sys/ktls.h"
#include "sys/loop.h"
#include "sys/netlink.h"
#include "sys/tlsstat.h"

#include <string.h>

struct admin {
	struct loop *loop;
	struct loop_source source;
	struct loop_timer timer;
	struct httpd *httpd;
	struct admin_handlers handlers;
	struct list queries;
	bool closing;
};

struct admin_query {
	struct list node;
	struct admin *admin;
	struct httpd_request *request;
};

static void add_session_kernel(struct json *session, const struct netlink_tcp *tcp)
{
	enum ktls_cipher cipher;
	struct json *kernel;

	if (!tcp) {
		json_add_null(session, "kernel");
		return;
	}
	kernel = json_add_object(session, "kernel");
	json_add_str(kernel, "ulp", tcp->ulp);
	json_add_str(kernel, "version",
		     tcp->tls_version ? ktls_version_name(tcp->tls_version) : "");
	json_add_str(kernel, "cipher",
		     ktls_cipher_by_kernel_number(tcp->tls_cipher, &cipher) == 0
			     ? ktls_cipher_name(cipher)
			     : "");
	json_add_str(kernel, "txconf", ktls_conf_name(tcp->txconf));
	json_add_str(kernel, "rxconf", ktls_conf_name(tcp->rxconf));
}

static void add_workers_kernel(struct json *status, const struct netlink_diag *diag)
{
	struct json *workers = json_get_array(status, "workers");

	for (size_t w = 0; w < json_count(workers); w++) {
		struct json *sessions = json_get_array(json_at(workers, w), "sessions");

		for (size_t s = 0; s < json_count(sessions); s++) {
			struct json *session = json_at(sessions, s);
			uint64_t cookie = json_get_u64(session, "cookie", 0);

			add_session_kernel(session, netlink_diag_by_cookie(diag, cookie));
		}
	}
}

static void add_tls_stat(struct json *kernel)
{
	struct tlsstat stat;
	struct json *object;

	if (tlsstat_read(&stat) < 0) {
		json_add_null(kernel, "tls_stat");
		return;
	}
	object = json_add_object(kernel, "tls_stat");
	for (size_t i = 0; i < stat.n; i++)
		json_add_u64(object, stat.entries[i].name, stat.entries[i].value);
}

void admin_add_kernel(struct json *status)
{
	struct netlink_diag _cleanup_netlink_diag_ *diag = NULL;
	int r = netlink_diag_dump(&diag);
	struct json *kernel = json_add_object(status, "kernel");

	json_add_str(kernel, "sock_diag", r < 0 ? strerror(-r) : "ok");
	json_add_u64(kernel, "sockets", diag ? netlink_diag_count(diag) : 0);
	add_tls_stat(kernel);
	add_workers_kernel(status, diag);
}

/* Let libmicrohttpd work, and come back when it wants to. */
static void turn(struct admin *admin)
{
	int ms;

	httpd_run(admin->httpd);
	ms = httpd_timeout_ms(admin->httpd);
	if (ms < 0)
		loop_disarm(admin->loop, &admin->timer);
	else
		(void)loop_arm(admin->loop, &admin->timer, (uint64_t)ms);
}

static void on_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	turn(container_of(source, struct admin, source));
}

static void on_timer(struct loop_timer *timer)
{
	turn(container_of(timer, struct admin, timer));
}

static void on_request(void *arg, enum httpd_method method, const char *path,
		       struct httpd_request *request)
{
	static const char where[] = "try GET /status or POST /reload\n";
	struct admin *admin = arg;
	bool status = method == HTTPD_GET && strcmp(path, "/status") == 0;
	bool reload = method == HTTPD_POST && strcmp(path, "/reload") == 0;
	struct admin_query *query;

	if (!status && !reload) {
		httpd_answer(request, 404, "text/plain", strdup(where), sizeof(where) - 1);
		return;
	}
	query = admin->closing ? NULL : calloc(1, sizeof(*query));
	if (!query) {
		httpd_answer(request, 503, "text/plain", NULL, 0);
		return;
	}
	query->admin = admin;
	query->request = request;
	list_add_tail(&admin->queries, &query->node);
	if (status)
		admin->handlers.status(admin->handlers.arg, query);
	else
		admin->handlers.reload(admin->handlers.arg, query);
}

/* @answer is given away. */
static void answer_query(struct admin_query *query, unsigned int status, struct json *answer)
{
	struct admin *admin = query->admin;
	char *text = json_text(answer, JSON_ONE_LINE);

	json_free(answer);
	if (text)
		httpd_answer(query->request, status, "application/json", text, strlen(text));
	else
		httpd_answer(query->request, 503, "text/plain", NULL, 0);
	list_del(&query->node);
	free(query);
	/* Not httpd_run() here: this may be inside of it. */
	(void)loop_arm(admin->loop, &admin->timer, 0);
}

void admin_answer(struct admin_query *query, struct json *status)
{
	admin_add_kernel(status);
	answer_query(query, 200, status);
}

void admin_answer_reload(struct admin_query *query, bool ok, struct json *answer)
{
	answer_query(query, ok ? 200 : 409, answer);
}

int admin_open(struct loop *loop, int listen_fd, const struct admin_handlers *handlers,
	       struct admin **ret_admin)
{
	struct admin *admin = calloc(1, sizeof(*admin));
	int r;

	if (!admin)
		return -ENOMEM;
	admin->loop = loop;
	admin->handlers = *handlers;
	list_init(&admin->queries);
	r = httpd_new(listen_fd, on_request, admin, &admin->httpd);
	if (r == 0) {
		admin->source.fd = httpd_epoll_fd(admin->httpd);
		admin->source.ready = on_ready;
		admin->timer.fire = on_timer;
		r = loop_add(loop, &admin->source, EPOLLIN);
	}
	if (r < 0) {
		httpd_free(admin->httpd);
		free(admin);
		return r;
	}
	*ret_admin = admin;
	return 0;
}

void admin_close(struct admin *admin)
{
	struct list *node, *following;

	if (!admin)
		return;
	/* What was answered in this turn is still to be written. */
	admin->closing = true;
	httpd_run(admin->httpd);
	loop_disarm(admin->loop, &admin->timer);
	loop_remove(admin->loop, &admin->source);
	httpd_free(admin->httpd);
	list_for_each_safe (node, following, &admin->queries)
		free(container_of(node, struct admin_query, node));
	free(admin);
}
