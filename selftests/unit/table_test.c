// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "base/fd.h"
#include "cli/status.h"
#include "cli/table.h"
#include "sys/json.h"

#include <stdio.h>
#include <string.h>

SUITE("table");

/* What @print writes, as a string that the caller frees. */
static char *printed(void (*print)(const void *what, FILE *out), const void *what)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	MUST(out);
	print(what, out);
	MUST_EQ(fclose(out), 0);
	return text;
}

static void print_table(const void *what, FILE *out)
{
	table_print(what, out);
}

static void print_status(const void *what, FILE *out)
{
	status_print(what, out);
}

TEST(columns_are_as_wide_as_needed_and_strangers_are_escaped)
{
	static const char *const headers[] = {"A", "B"};
	struct table _cleanup_table_ t;
	char _cleanup_free_ *text = NULL;

	table_init(&t, headers, 2);
	table_add(&t, "\x1b[2J\n");
	table_addf(&t, "%d", 5);
	table_add(&t, "");
	table_add(&t, NULL);
	text = printed(print_table, &t);
	CHECK_STR(text, "A            B\n"
			"\\x1b[2J\\x0a  5\n"
			"-            -\n");
}

TEST(a_long_cell_is_cut)
{
	static const char *const headers[] = {"A"};
	struct table _cleanup_table_ t;
	char _cleanup_free_ *text = NULL;
	char name[300];

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	table_init(&t, headers, 1);
	table_add(&t, name);
	text = printed(print_table, &t);
	CHECK_EQ(strlen(text), strlen("A\n") + TABLE_CELL_MAX + strlen("...\n"));
}

static struct json *session(struct json *sessions, const char *reason, const char *ulp)
{
	struct json *s = json_append_object(sessions), *kernel;

	json_add_str(s, "peer", "192.0.2.1:4711");
	json_add_str(s, "offload_reason", reason);
	if (!ulp)
		return s;
	kernel = json_add_object(s, "kernel");
	json_add_str(kernel, "ulp", ulp);
	json_add_str(kernel, "txconf", "sw");
	json_add_str(kernel, "rxconf", "sw");
	json_add_str(kernel, "cipher", "aes-128-gcm");
	return s;
}

struct proof_case {
	VARIANT;
	const char *reason, *ulp, *sock_diag, *want;
};

CASES(struct proof_case, proofs,
      {.name = "proven",
       .reason = "none",
       .ulp = "tls",
       .sock_diag = "ok",
       .want = "txconf=sw rxconf=sw aes-128-gcm"},
      {.name = "fallback",
       .reason = "no_kernel_tls",
       .ulp = "",
       .sock_diag = "ok",
       .want = "no: no_kernel_tls"},
      {.name = "claimed_but_not_seen",
       .reason = "none",
       .ulp = "",
       .sock_diag = "ok",
       .want = "NOT SEEN"},
      {.name = "nobody_could_look",
       .reason = "none",
       .sock_diag = "No such file",
       .want = "unknown"});

TEST_CASES(status_shows_the_kernels_word, proofs)
{
	struct json _cleanup_json_ *status = json_new_object();
	struct json *worker = json_append_object(json_add_array(status, "workers"));
	char _cleanup_free_ *text = NULL;

	json_add_u64(json_add_object(worker, "counters"), "accepted", 41);
	(void)session(json_add_array(worker, "sessions"), variant->reason, variant->ulp);
	json_add_str(json_add_object(status, "kernel"), "sock_diag", variant->sock_diag);
	text = printed(print_status, status);
	CHECK(strstr(text, variant->want), "%s", text);
	CHECK(strstr(text, "accepted"), "%s", text);
	CHECK(strstr(text, "192.0.2.1:4711"), "%s", text);
}

/* A worker that did not answer has none to tell. */
TEST(status_shows_memory)
{
	struct json _cleanup_json_ *status = json_new_object();
	struct json *workers = json_add_array(status, "workers");
	struct json *memory = json_add_object(json_append_object(workers), "memory");
	char _cleanup_free_ *text = NULL;

	(void)json_append_object(workers);
	json_add_u64(memory, "heap_bytes", 3 << 20);
	json_add_u64(memory, "per_session_bytes", 20 << 10);
	text = printed(print_status, status);
	CHECK(strstr(text, "HEAP"), "%s", text);
	CHECK(strstr(text, "3.0 MiB  20.0 KiB"), "%s", text);
	CHECK(strstr(text, "-        -"), "%s", text);
}

TEST(an_empty_document_is_shown_too)
{
	struct json _cleanup_json_ *status = json_new_object();
	char _cleanup_free_ *text = printed(print_status, status);

	CHECK(strstr(text, "no sessions"), "%s", text);
}
