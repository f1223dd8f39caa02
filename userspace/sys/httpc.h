/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of httpd: one blocking request, HTTP/1.0. */
#ifndef SLUICE_SYS_HTTPC_H
#define SLUICE_SYS_HTTPC_H

#include "base/addr.h"

#include <stddef.h>

#define HTTPC_BODY_MAX ((size_t)64 << 20) /* 100,000 sessions of 600 bytes */

struct httpc_reply {
	unsigned int status;
	char *body; /* NUL behind its end; freed by httpc_reply_done() */
	size_t len;
};

/**
 * httpc_get() - ask @server for @path and wait at most @timeout_ms in all.
 * httpc_post() - the same as POST, without a body.
 * Returns: 0 (any status); -ENOENT, -ECONNREFUSED, -EACCES (connect); -ETIMEDOUT;
 *          -EPROTO (not HTTP, or cut short); -EFBIG; -ENOMEM; other errno of the socket.
 */
int httpc_get(const struct addr *server, const char *path, int timeout_ms,
	      struct httpc_reply *ret_reply);
int httpc_post(const struct addr *server, const char *path, int timeout_ms,
	       struct httpc_reply *ret_reply);
void httpc_reply_done(struct httpc_reply *reply);

#endif
