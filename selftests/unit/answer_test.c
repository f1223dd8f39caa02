// SPDX-License-Identifier: Apache-2.0
/* What a client is told: who decides that, where its request ends, and the text. */
#include "selftests/harness/harness.h"

#include "model/answer.h"

#include <string.h>

SUITE("answer");

/* --- who decides --- */

struct choice_case {
	VARIANT;
	enum config_respond rule, listener;
	const char *alpn;
	enum answer answer;
	bool no_rule;
};

/* clang-format off */
CASES(struct choice_case, choices,
      {.name = "listener", .listener = RESPOND_HTTP_403, .answer = ANSWER_HTTP_403},
      {.name = "listener_without_rule", .no_rule = true, .listener = RESPOND_RESET, .answer = ANSWER_RESET},
      {.name = "rule", .rule = RESPOND_ALERT, .listener = RESPOND_HTTP_403, .answer = ANSWER_ALERT},
      {.name = "rule_reset", .rule = RESPOND_RESET, .listener = RESPOND_ALERT, .answer = ANSWER_RESET},
      {.name = "rule_http", .rule = RESPOND_HTTP_403, .listener = RESPOND_ALERT, .answer = ANSWER_HTTP_403},
      {.name = "http_1.1", .rule = RESPOND_HTTP_403, .alpn = "http/1.1", .answer = ANSWER_HTTP_403},
      {.name = "http_1.0", .rule = RESPOND_HTTP_403, .alpn = "http/1.0", .answer = ANSWER_HTTP_403},
      {.name = "h2", .rule = RESPOND_HTTP_403, .alpn = "h2", .answer = ANSWER_ALERT},
      {.name = "h2_reset", .rule = RESPOND_RESET, .alpn = "h2", .answer = ANSWER_RESET},
      {.name = "http_1", .rule = RESPOND_HTTP_403, .alpn = "http/1.", .answer = ANSWER_ALERT},
      {.name = "http_1.11", .rule = RESPOND_HTTP_403, .alpn = "http/1.11", .answer = ANSWER_ALERT});
/* clang-format on */

TEST_CASES(to_a_refusal, choices)
{
	const struct config_rule rule = {.respond = variant->rule};
	const struct config_listener listener = {.refuse_with = variant->listener};

	CHECK_EQ(answer_to_refusal(&listener, variant->no_rule ? NULL : &rule, variant->alpn,
				   variant->alpn ? strlen(variant->alpn) : 0),
		 variant->answer);
}

TEST(without_upstream)
{
	struct config_listener listener = {.refuse_with = RESPOND_HTTP_403};

	CHECK_EQ(answer_without_upstream(&listener, NULL, 0), ANSWER_ALERT);
	listener.no_upstream = NO_UPSTREAM_HTTP_503;
	CHECK_EQ(answer_without_upstream(&listener, NULL, 0), ANSWER_HTTP_503);
	CHECK_EQ(answer_without_upstream(&listener, "http/1.1", 8), ANSWER_HTTP_503);
	CHECK_EQ(answer_without_upstream(&listener, "h2", 2), ANSWER_ALERT);
}

/* --- where a request ends --- */

struct head_case {
	VARIANT;
	const char *text;
	size_t end; /* 0: it does not */
	bool no_body;
};

/* clang-format off */
CASES(struct head_case, heads,
      {.name = "get", .text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n", .end = 27},
      {.name = "without_fields", .text = "GET / HTTP/1.0\r\n\r\n", .end = 18},
      {.name = "line_feeds", .text = "GET / HTTP/1.0\n\n", .end = 16},
      {.name = "body_behind", .text = "POST / HTTP/1.1\r\n\r\nabc\r\n\r\n", .end = 19},
      {.name = "head", .text = "HEAD / HTTP/1.1\r\n\r\n", .end = 19, .no_body = true},
      {.name = "empty_lines_before", .text = "\r\n\n\r\nHEAD / HTTP/1.1\r\n\r\n", .end = 24, .no_body = true},
      {.name = "header_is_no_method", .text = "HEADER / HTTP/1.1\r\n\r\n", .end = 21},
      {.name = "hea", .text = "HEA / HTTP/1.1\r\n\r\n", .end = 18},
      {.name = "head_alone", .text = "HEAD\n\n", .end = 6},
      {.name = "lower_case_is_another_method", .text = "head / HTTP/1.1\r\n\r\n", .end = 19},
      {.name = "head_in_a_field", .text = "GET / HTTP/1.1\r\nHEAD x\r\n\r\n", .end = 26},
      {.name = "returns_alone", .text = "GET / HTTP/1.1\r\r\n\r\r\n", .end = 0},
      {.name = "cut", .text = "GET / HTTP/1.1\r\nHost: a\r\n\r", .end = 0},
      {.name = "no_request", .text = "\r\n\r\n\r\n\r\n", .end = 0},
      {.name = "nothing", .text = "", .end = 0});
/* clang-format on */

TEST_CASES(a_head_ends, heads)
{
	size_t len = strlen(variant->text);

	/* In two pieces, cut everywhere. */
	for (size_t cut = 0; cut <= len; cut++) {
		struct answer_head head = {};
		bool first = answer_head_ends(&head, variant->text, cut);

		CHECK_EQ(first, variant->end > 0 && cut >= variant->end, "cut at %zu", cut);
		if (!first)
			CHECK_EQ(answer_head_ends(&head, variant->text + cut, len - cut),
				 variant->end > 0, "cut at %zu", cut);
		CHECK_EQ(answer_head_wants_body(&head), !variant->no_body, "cut at %zu", cut);
	}
}

/* --- the text --- */

TEST(a_response_is_complete)
{
	char text[ANSWER_TEXT_MAX];

	CHECK_EQ(answer_write(ANSWER_HTTP_403, true, text), strlen(text));
	CHECK_STR(text,
		  "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n"
		  "Connection: close\r\n\r\n403 Forbidden\n");
	CHECK_EQ(answer_write(ANSWER_HTTP_503, true, text), strlen(text));
	CHECK_STR(text, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
			"Content-Length: 24\r\nConnection: close\r\n\r\n503 Service Unavailable\n");
}

TEST(the_answer_to_head_has_the_same_length_and_no_body)
{
	char text[ANSWER_TEXT_MAX];

	CHECK_EQ(answer_write(ANSWER_HTTP_403, false, text), strlen(text));
	CHECK_STR(text,
		  "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n"
		  "Connection: close\r\n\r\n");
}

TEST(every_answer_has_a_name)
{
	static const char *const names[] = {"alert", "reset", "http-403", "http-503"};

	for (int a = 0; a < ANSWERS; a++)
		CHECK_STR(answer_name(a), names[a]);
}
