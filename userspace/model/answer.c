// SPDX-License-Identifier: Apache-2.0
#include "model/answer.h"

#include <stdio.h>
#include <string.h>

static bool understands_http1(const char *alpn, size_t len)
{
	return !alpn || (len == 8 && (memcmp(alpn, "http/1.1", len) == 0 ||
				      memcmp(alpn, "http/1.0", len) == 0));
}

enum answer answer_to_refusal(const struct config_listener *listener,
			      const struct config_rule *rule, const char *alpn, size_t alpn_len)
{
	enum config_respond respond = rule ? rule->respond : RESPOND_AS_LISTENER;

	if (respond == RESPOND_AS_LISTENER)
		respond = listener->refuse_with;
	if (respond == RESPOND_RESET)
		return ANSWER_RESET;
	if (respond == RESPOND_HTTP_403 && understands_http1(alpn, alpn_len))
		return ANSWER_HTTP_403;
	return ANSWER_ALERT;
}

enum answer answer_without_upstream(const struct config_listener *listener, const char *alpn,
				    size_t alpn_len)
{
	if (listener->no_upstream == NO_UPSTREAM_HTTP_503 && understands_http1(alpn, alpn_len))
		return ANSWER_HTTP_503;
	return ANSWER_ALERT;
}

const char *answer_name(enum answer answer)
{
	static const char *const names[ANSWERS] = {
		[ANSWER_ALERT] = "alert",
		[ANSWER_RESET] = "reset",
		[ANSWER_HTTP_403] = "http-403",
		[ANSWER_HTTP_503] = "http-503",
	};

	return names[answer];
}

/* --- the request's head --- */

/* Up to IN_METHOD_END: so many letters of "HEAD" have come. */
enum {
	AT_START,
	IN_METHOD_END = 4,
	IN_LINE,
	BEHIND_LINE,
	BEHIND_LINE_CR,
	AT_END,
	STATE_MASK = 0x0f,
	METHOD_IS_HEAD = 0x10, /* beside the state */
};

/* Returns: the state behind @c, METHOD_IS_HEAD with it when that has become clear. */
static int next_state(int state, char c)
{
	static const char method[] = "HEAD";

	/* Empty lines before a request are no part of it (RFC 9112 2.2). */
	if (state == AT_START && (c == '\r' || c == '\n'))
		return AT_START;
	if (state < IN_METHOD_END && c == method[state])
		return state + 1;
	if (state == IN_METHOD_END && c == ' ')
		return IN_LINE | METHOD_IS_HEAD;
	if (c == '\n')
		return state == BEHIND_LINE || state == BEHIND_LINE_CR ? AT_END : BEHIND_LINE;
	return state == BEHIND_LINE && c == '\r' ? BEHIND_LINE_CR : IN_LINE;
}

bool answer_head_ends(struct answer_head *head, const char *bytes, size_t len)
{
	int state = head->state & STATE_MASK, flags = head->state & METHOD_IS_HEAD;

	for (size_t i = 0; i < len && state != AT_END; i++) {
		state = next_state(state, bytes[i]);
		flags |= state & METHOD_IS_HEAD;
		state &= STATE_MASK;
	}
	head->state = (uint8_t)(state | flags);
	return state == AT_END;
}

bool answer_head_wants_body(const struct answer_head *head)
{
	return !(head->state & METHOD_IS_HEAD);
}

/* --- the response --- */

size_t answer_write(enum answer answer, bool body, char text[ANSWER_TEXT_MAX])
{
	const char *status =
		answer == ANSWER_HTTP_403 ? "403 Forbidden" : "503 Service Unavailable";
	/* The body is the status and a line feed; it fits by far. */
	int len = snprintf(text, ANSWER_TEXT_MAX,
			   "HTTP/1.1 %s\r\n"
			   "Content-Type: text/plain\r\n"
			   "Content-Length: %zu\r\n"
			   "Connection: close\r\n"
			   "\r\n"
			   "%s%s",
			   status, strlen(status) + 1, body ? status : "", body ? "\n" : "");

	return len > 0 ? (size_t)len : 0;
}
