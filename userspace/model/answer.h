/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client is told that may not pass, or that nobody is there for: an alert, a reset, or an
 * answer in HTTP/1.1 for those who are used to one. Which of them, its text, and where the client's
 * request ends: an answer that comes before that may be destroyed by the reset that unread bytes cause.
 */
#ifndef SLUICE_MODEL_ANSWER_H
#define SLUICE_MODEL_ANSWER_H

#include "model/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum answer { ANSWER_ALERT, ANSWER_RESET, ANSWER_HTTP_403, ANSWER_HTTP_503, ANSWERS };

/**
 * answer_to_refusal() - what @rule of @listener wants, or, when it is NULL or does not say, @listener.
 * answer_without_upstream() - every endpoint failed.
 * @alpn: what TLS has agreed on, @alpn_len bytes; NULL: nothing. Whoever talks another protocol than
 * HTTP/1 would not understand its answers, and gets the alert.
 */
enum answer answer_to_refusal(const struct config_listener *listener,
			      const struct config_rule *rule, const char *alpn, size_t alpn_len);
enum answer answer_without_upstream(const struct config_listener *listener, const char *alpn,
				    size_t alpn_len);

/** answer_name() - for the log, as in the configuration. */
const char *answer_name(enum answer answer);

/** How far the head of a request has come; all zero at its beginning. */
struct answer_head {
	uint8_t state;
};

/**
 * answer_head_ends() - the next @len bytes of the request. Any bytes will do: what is no HTTP ends
 * where its first empty line is, or never.
 * Returns: true when the empty line was among them; more must not be given then.
 */
bool answer_head_ends(struct answer_head *head, const char *bytes, size_t len);

/** answer_head_wants_body() - false for HEAD, whose answer has none. */
bool answer_head_wants_body(const struct answer_head *head);

#define ANSWER_TEXT_MAX 256

/**
 * answer_write() - the whole response of @answer, one of those in HTTP.
 * Returns: its bytes; there is a NUL behind them.
 */
size_t answer_write(enum answer answer, bool body, char text[ANSWER_TEXT_MAX]);

#endif
