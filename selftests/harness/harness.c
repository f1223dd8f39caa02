// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/internal.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MAX_FILTERS 256

static struct test *first, **last = &first;

struct options {
	const char *filters[MAX_FILTERS];
	size_t n_filters;
	unsigned int part, parts;
	bool list, verbose;
};

static const char usage[] =
	"usage: PROGRAM [--list] [--filter GLOB]... [--part I/N] [-v]\n"
	"\n"
	"Runs its tests and reports them as KTAP. Exit code 0: passed; 1: one failed;\n"
	"4: all were skipped; 2: usage.\n"
	"  --list         names only\n"
	"  --filter GLOB  tests whose suite.test/variant matches; may be given again;\n"
	"                 with ! before it: all but those\n"
	"  --part I/N     every N-th of them, beginning with the I-th\n"
	"  -v             the time each test took\n"
	"Environment: TIME_SCALE (all deadlines times this), SEED.\n";

void test_register(struct test *test)
{
	*last = test;
	last = &test->next;
}

/* Returns: N of "I/N"; 0 when it is not one. */
static unsigned int parse_part(const char *text, unsigned int *ret_part)
{
	unsigned int parts = 0;

	if (sscanf(text, "%u/%u", ret_part, &parts) != 2 || *ret_part < 1 || *ret_part > parts)
		return 0;
	return parts;
}

static bool parse(int argc, char **argv, struct options *ret_options)
{
	ret_options->part = ret_options->parts = 1;
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];

		if (strcmp(arg, "--list") == 0)
			ret_options->list = true;
		else if (strcmp(arg, "-v") == 0)
			ret_options->verbose = true;
		else if (strcmp(arg, "--filter") == 0 && i + 1 < argc &&
			 ret_options->n_filters < MAX_FILTERS)
			ret_options->filters[ret_options->n_filters++] = argv[++i];
		else if (strcmp(arg, "--part") == 0 && i + 1 < argc)
			ret_options->parts = parse_part(argv[++i], &ret_options->part);
		else
			return false;
	}
	return ret_options->parts > 0;
}

static bool wanted(const struct options *options, const char *name)
{
	bool only_some = false, matches = false;

	for (size_t i = 0; i < options->n_filters; i++) {
		const char *filter = options->filters[i];

		if (filter[0] == '!') {
			if (fnmatch(filter + 1, name, 0) == 0)
				return false;
			continue;
		}
		only_some = true;
		matches |= fnmatch(filter, name, 0) == 0;
	}
	return matches || !only_some;
}

/* Every row begins with VARIANT (CASES checks it). */
struct row_head {
	VARIANT;
};

static const struct row_head *row_at(const struct test_table *table, size_t i)
{
	return table->n ? (const void *)((const char *)table->rows + i * table->row_bytes) : NULL;
}

static void make_run(const struct test *test, size_t row, size_t column, struct test_run *ret_run)
{
	const struct row_head *r = row_at(&test->rows, row), *c = row_at(&test->columns, column);

	ret_run->test = test;
	ret_run->row = r;
	ret_run->column = c;
	ret_run->needs = test->needs | test->suite->needs | (r ? r->needs : 0) | (c ? c->needs : 0);
	(void)snprintf(ret_run->name, sizeof(ret_run->name), "%s.%s%s%s%s%s", test->suite->name,
		       test->name, r ? "/" : "", r ? r->name : "", c ? "/" : "", c ? c->name : "");
}

static size_t at_least_one(size_t n)
{
	return n ? n : 1;
}

/* Calls @visit with every run that the options ask for. */
static void for_each_run(const struct options *options,
			 void (*visit)(const struct test_run *, void *), void *context)
{
	struct test_run run;
	size_t n = 0;

	for (const struct test *test = first; test; test = test->next) {
		for (size_t r = 0; r < at_least_one(test->rows.n); r++) {
			for (size_t c = 0; c < at_least_one(test->columns.n); c++) {
				make_run(test, r, c, &run);
				if (wanted(options, run.name) &&
				    n++ % options->parts == options->part - 1)
					visit(&run, context);
			}
		}
	}
}

static void print_name(const struct test_run *run, void *context)
{
	(void)context;
	puts(run->name);
}

static void count_one(const struct test_run *run, void *context)
{
	(void)run;
	(*(size_t *)context)++;
}

struct runner {
	struct test_report *report;
	bool verbose;
	size_t counts[TEST_XFAILED + 1];
};

static bool is_skipped(const struct test_run *run, char *ret_why)
{
	return need_missing(run->needs, ret_why) ||
	       need_program_missing(run->test->suite->programs, ret_why) ||
	       need_program_missing(run->test->programs, ret_why);
}

static enum test_result run_one(const struct test_run *run, struct runner *runner, char *ret_why)
{
	uint64_t start = test_now_ms();
	int log_fd = memfd_create("log", MFD_CLOEXEC);
	bool passed;

	if (log_fd < 0) {
		(void)snprintf(ret_why, TEST_WHY_BYTES, "memfd_create: %s", strerror(errno));
		return TEST_FAILED;
	}
	passed = proc_run(run, runner->report, log_fd, ret_why);
	ktap_log(log_fd);
	(void)close(log_fd);
	if (runner->verbose)
		ktap_comment("%llu ms", (unsigned long long)(test_now_ms() - start));
	if (passed)
		return TEST_PASSED;
	if (!run->test->xfail)
		return TEST_FAILED;
	if (*ret_why)
		ktap_comment("%s", ret_why);
	(void)snprintf(ret_why, TEST_WHY_BYTES, "%s", run->test->xfail);
	return TEST_XFAILED;
}

static void run_and_report(const struct test_run *run, void *context)
{
	struct runner *runner = context;
	char why[TEST_WHY_BYTES] = "";
	enum test_result result = TEST_SKIPPED;

	if (!is_skipped(run, why))
		result = run_one(run, runner, why);
	runner->counts[result]++;
	ktap_result(result, run->name, why);
}

static int run_all(const struct options *options)
{
	struct runner runner = {.verbose = options->verbose};
	size_t n = 0;

	runner.report = mmap(NULL, sizeof(*runner.report), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (runner.report == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
		perror("harness");
		return 1;
	}
	for_each_run(options, count_one, &n);
	ktap_plan(n);
	for_each_run(options, run_and_report, &runner);
	ktap_comment("%zu passed, %zu failed, %zu skipped",
		     runner.counts[TEST_PASSED] + runner.counts[TEST_XFAILED],
		     runner.counts[TEST_FAILED], runner.counts[TEST_SKIPPED]);
	if (runner.counts[TEST_FAILED])
		return 1;
	return n > 0 && runner.counts[TEST_SKIPPED] == n ? 4 : 0;
}

int main(int argc, char **argv)
{
	struct options options = {};

	if (!parse(argc, argv, &options)) {
		(void)fputs(usage, stderr);
		return 2;
	}
	check_init();
	if (!options.list)
		return run_all(&options);
	for_each_run(&options, print_name, NULL);
	return 0;
}
