// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "base/fd.h"
#include "base/report.h"

#include <stdio.h>
#include <string.h>

SUITE("report");

static char *printed(struct report *report)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	MUST(out);
	report_print(report, out);
	MUST_EQ(fclose(out), 0);
	return text;
}

TEST(items_are_told_in_the_order_of_their_lines)
{
	char _cleanup_free_ *text = NULL;
	struct report report;

	report_init(&report);
	report_set_file(&report, "first.yaml");
	report_set_file(&report, "a.yaml");
	report_add_mistake(&report, 9, "b.c", "do this", "is %s", "wrong");
	report_add(&report, REPORT_REMARK, 3, "", "", "odd");
	report_add_mistake(&report, 0, "", "", "whole file");
	report_add_mistake(&report, 3, "a", "", "second of line 3");
	CHECK_EQ(report.count, 4);
	CHECK_EQ(report.n_mistakes, 3);
	text = printed(&report);
	CHECK_STR(text, "a.yaml: whole file\n"
			"a.yaml:3: warning: odd\n"
			"a.yaml:3: a: second of line 3\n"
			"a.yaml:9: b.c: is wrong (do this)\n");
	report_done(&report);
	CHECK_EQ(report.count, 0);
}

TEST(a_report_without_a_file_name_is_told_too)
{
	char _cleanup_free_ *text = NULL;
	struct report report;

	report_init(&report);
	report_add_mistake(&report, 1, "a", "", "x");
	text = printed(&report);
	CHECK_STR(text, "configuration:1: a: x\n");
	report_done(&report);
}

TEST(what_a_file_holds_does_not_move_the_cursor)
{
	char _cleanup_free_ *text = NULL;
	struct report report;

	report_init(&report);
	report_set_file(&report, "a\nb");
	report_add_mistake(&report, 1, "k\x1b[2J", "h\r", "%s", "m\x7f\xc3\xa4");
	text = printed(&report);
	CHECK_STR(text, "a\\x0ab:1: k\\x1b[2J: m\\x7f\xc3\xa4 (h\\x0d)\n");
	report_done(&report);
}

struct cover_case {
	VARIANT;
	const char *field;
	bool covered;
};

CASES(struct cover_case, covers, {.name = "itself", .field = "listeners[1].tls", .covered = true},
      {.name = "part", .field = "listeners[1].tls.client_ca", .covered = true},
      {.name = "entry", .field = "listeners[1].tls[0]", .covered = true},
      {.name = "parent", .field = "listeners[1]"},
      {.name = "other_name", .field = "listeners[1].tls_version"},
      {.name = "other_entry", .field = "listeners[10].tls"},
      {.name = "of_a_remark", .field = "upstreams[0].name"}, {.name = "none", .field = ""});

TEST_CASES(a_mistake_covers_what_is_in_it, covers)
{
	struct report report;

	report_init(&report);
	report_add_mistake(&report, 0, "", "", "the file as a whole covers nothing");
	report_add_mistake(&report, 2, "listeners[1].tls", "", "x");
	report_add(&report, REPORT_REMARK, 3, "upstreams[0]", "", "y");
	CHECK_EQ(report_covers(&report, variant->field), variant->covered);
	report_done(&report);
}
