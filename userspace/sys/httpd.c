// SPDX-License-Identifier: Apache-2.0
/*
 * A request's life: the first call of libmicrohttpd makes it, the second gives it to the handler.
 * If the handler has not answered when it returns, the connection is suspended; the answer resumes
 * it and libmicrohttpd calls a third time. libmicrohttpd ends every request with on_completed(),
 * which frees it, so a client that goes away while we collect costs nothing.
 */
#include "sys/httpd.h"

#include "base/fd.h"
#include "base/list.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <string.h>

#define REQUEST_MEMORY_BYTES ((size_t)16 << 10) /* headers and reply buffer of one connection */

struct httpd {
	struct MHD_Daemon *daemon;
	httpd_handler *handler;
	void *arg;
	struct list requests;
};

enum request_state { REQUEST_NEW, REQUEST_ASKED, REQUEST_SUSPENDED, REQUEST_ANSWERED };

struct httpd_request {
	struct list node;
	struct MHD_Connection *connection;
	enum request_state state;
	char *path;
	unsigned int status;
	const char *content_type;
	char *body;
	size_t len;
};

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned int status,
			     const char *content_type, char *body, size_t len)
{
	static char empty[1];
	struct MHD_Response *response = MHD_create_response_from_buffer(
		body ? len : 0, body ? body : empty,
		body ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	enum MHD_Result r;

	if (!response) {
		free(body);
		return MHD_NO;
	}
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	r = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result begin(struct httpd *httpd, struct MHD_Connection *connection,
			     const char *path, void **context)
{
	struct httpd_request *request = calloc(1, sizeof(*request));

	if (!request)
		return MHD_NO;
	request->path = strdup(path);
	if (!request->path) {
		free(request);
		return MHD_NO;
	}
	request->connection = connection;
	list_add_tail(&httpd->requests, &request->node);
	*context = request;
	return MHD_YES;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *connection, const char *path,
				 const char *method, const char *version, const char *upload,
				 size_t *upload_len, void **context)
{
	static const char neither[] = "only GET and POST are served here\n";
	bool post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
	struct httpd_request *request = *context;
	struct httpd *httpd = arg;
	char *body;

	(void)version;
	(void)upload;
	if (!post && strcmp(method, MHD_HTTP_METHOD_GET) != 0)
		return reply(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", strdup(neither),
			     sizeof(neither) - 1);
	if (!request)
		return begin(httpd, connection, path, context);
	if (*upload_len > 0) { /* a body: not looked at */
		*upload_len = 0;
		return MHD_YES;
	}
	if (request->state == REQUEST_NEW) {
		request->state = REQUEST_ASKED;
		httpd->handler(httpd->arg, post ? HTTPD_POST : HTTPD_GET, request->path, request);
		if (request->state == REQUEST_ASKED) {
			request->state = REQUEST_SUSPENDED;
			MHD_suspend_connection(connection);
		}
	}
	if (request->state != REQUEST_ANSWERED)
		return MHD_YES;
	body = request->body;
	request->body = NULL;
	return reply(connection, request->status, request->content_type, body, request->len);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode code)
{
	struct httpd_request *request = *context;

	(void)arg;
	(void)connection;
	(void)code;
	if (!request)
		return;
	list_del(&request->node);
	free(request->path);
	free(request->body);
	free(request);
	*context = NULL;
}

int httpd_new(int listen_fd, httpd_handler *handler, void *arg, struct httpd **ret_httpd)
{
	struct httpd *httpd = calloc(1, sizeof(*httpd));

	if (!httpd)
		return -ENOMEM;
	httpd->handler = handler;
	httpd->arg = arg;
	list_init(&httpd->requests);
	httpd->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, httpd,
		MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
		httpd, MHD_OPTION_CONNECTION_LIMIT, (unsigned int)HTTPD_MAX_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)HTTPD_TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, REQUEST_MEMORY_BYTES, MHD_OPTION_END);
	if (!httpd->daemon) {
		free(httpd);
		return -EIO;
	}
	*ret_httpd = httpd;
	return 0;
}

void httpd_free(struct httpd *httpd)
{
	struct httpd_request *request;
	struct list *node;

	if (!httpd)
		return;
	/* libmicrohttpd aborts when it is stopped with suspended connections. */
	list_for_each (node, &httpd->requests) {
		request = container_of(node, struct httpd_request, node);
		if (request->state == REQUEST_SUSPENDED)
			MHD_resume_connection(request->connection);
	}
	/* Takes the listening socket back, which MHD_stop_daemon() would close. */
	(void)MHD_quiesce_daemon(httpd->daemon);
	MHD_stop_daemon(httpd->daemon);
	free(httpd);
}

int httpd_epoll_fd(const struct httpd *httpd)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(httpd->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	return info ? info->epoll_fd : -1;
}

void httpd_run(struct httpd *httpd)
{
	(void)MHD_run(httpd->daemon);
}

int httpd_timeout_ms(struct httpd *httpd)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(httpd->daemon, &ms) != MHD_YES)
		return -1;
	return ms > HTTPD_TIMEOUT_S * 1000 ? HTTPD_TIMEOUT_S * 1000 : (int)ms;
}

void httpd_answer(struct httpd_request *request, unsigned int status, const char *content_type,
		  char *body, size_t len)
{
	bool suspended = request->state == REQUEST_SUSPENDED;

	request->status = status;
	request->content_type = content_type;
	request->body = body;
	request->len = len;
	request->state = REQUEST_ANSWERED;
	if (suspended)
		MHD_resume_connection(request->connection);
}
