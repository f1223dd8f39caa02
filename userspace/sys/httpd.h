/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP server for the admin socket: GET and POST without a body, no threads, driven by the
 * caller's loop.
 * Wraps libmicrohttpd.
 *
 * Watch httpd_epoll_fd() for input and call httpd_run() when it is readable, when
 * httpd_timeout_ms() has passed, and after httpd_answer() outside of httpd_run().
 */
#ifndef SLUICE_SYS_HTTPD_H
#define SLUICE_SYS_HTTPD_H

#include <stddef.h>

#define HTTPD_MAX_CONNECTIONS 16 /* people and one scraper; a full server makes others wait */
#define HTTPD_TIMEOUT_S	      10 /* silence of a client until its connection is closed */

struct httpd;
struct httpd_request;

enum httpd_method { HTTPD_GET, HTTPD_POST };

/**
 * A request for @path (no query) came. The handler answers with httpd_answer(), at once or later; it
 * owes exactly one answer. @path lives until then.
 */
typedef void httpd_handler(void *arg, enum httpd_method method, const char *path,
			   struct httpd_request *request);

/**
 * httpd_new() - serve on @listen_fd (listening, non-blocking; stays the caller's, who closes it
 * after httpd_free()).
 * Returns: 0, -ENOMEM, -EIO (libmicrohttpd refused; it says no more).
 */
int httpd_new(int listen_fd, httpd_handler *handler, void *arg, struct httpd **ret_httpd);

/** httpd_free() - cut all connections; requests without an answer are gone. NULL is fine. */
void httpd_free(struct httpd *httpd);

int httpd_epoll_fd(const struct httpd *httpd);

/** httpd_run() - accept, read, write what is possible now; calls the handler. */
void httpd_run(struct httpd *httpd);

/** httpd_timeout_ms() - when to call httpd_run() at the latest; -1: no need. */
int httpd_timeout_ms(struct httpd *httpd);

/**
 * httpd_answer() - @status with @body of @len bytes, which was malloc'd and is given away; NULL is
 * an empty body. @content_type is a literal. The client may be gone meanwhile: no error.
 */
void httpd_answer(struct httpd_request *request, unsigned int status, const char *content_type,
		  char *body, size_t len);

#endif
