// SPDX-License-Identifier: Apache-2.0
/* Secrets: locked, not dumped, wiped. */
#include "selftests/harness/harness.h"

#include "base/lockmem.h"
#include "base/secret.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

SUITE("lockmem");

TEST(memory_is_zero_and_text_ends)
{
	char *text = lockmem_text("abc\0d", 5);
	char *mem = lockmem_new(10000), zero[10000] = "";
	char *empty = lockmem_text("", 0);

	MUST(text && mem && empty);
	CHECK_MEM(mem, zero, sizeof(zero));
	CHECK_MEM(text, "abc\0d", 6);
	CHECK_STR(empty, "");
	lockmem_free(mem, 10000);
	lockmem_free(text, 6);
	lockmem_free(empty, 1);
	lockmem_free(NULL, 100);
}

/* Flags of the mapping that @mem is in, from /proc/self/smaps: "rd wr mr mw me lo ac dd sd". */
static const char *flags_of(const void *mem)
{
	static char line[512];
	unsigned long from = 0, until = 0, at = (unsigned long)mem;
	FILE *smaps = fopen("/proc/self/smaps", "re");

	MUST(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &from, &until) < 2 &&
		    strncmp(line, "VmFlags:", 8) == 0 && from <= at && at < until)
			break;
	}
	MUST_EQ(fclose(smaps), 0);
	return line;
}

TEST(pages_are_locked_and_not_dumped)
{
	struct rlimit none = {0, RLIM_INFINITY};
	void *mem = lockmem_new(100), *more;

	MUST(mem);
#ifndef __SANITIZE_ADDRESS__ /* it makes mlock(2) do nothing */
	CHECK(strstr(flags_of(mem), " lo"), "%s", flags_of(mem));
#endif
	CHECK(strstr(flags_of(mem), " dd"), "%s", flags_of(mem));
	lockmem_free(mem, 100);
	/* A user who may lock nothing gets memory all the same. */
	if (getrlimit(RLIMIT_MEMLOCK, &none) == 0) {
		none.rlim_cur = 0;
		MUST_OK(setrlimit(RLIMIT_MEMLOCK, &none));
	}
	more = lockmem_new(100);
	MUST(more);
	CHECK(strstr(flags_of(more), " dd"), "%s", flags_of(more));
	lockmem_free(more, 100);
}

TEST(pages_are_given_back)
{
	void *mem = lockmem_new(100000);
	unsigned char resident[25];

	MUST(mem);
	MUST_OK(mincore(mem, 100000, resident));
	lockmem_free(mem, 100000);
	CHECK_ERRNO(mincore(mem, 100000, resident), ENOMEM);
}

static void fill(struct secret *s)
{
	memset(s, 0x5a, sizeof(*s));
	s->len = SECRET_MAX_BYTES;
}

/* The cleanup's order: what is declared first is wiped last, so the copy is taken in between. */
static void copy_to(struct secret **s)
{
	static struct secret wiped;

	wiped = **s;
	*s = &wiped;
	for (size_t i = 0; i < sizeof(wiped.bytes); i++)
		CHECK_EQ(wiped.bytes[i], 0);
	CHECK_EQ(wiped.len, 0);
}

TEST(a_secret_is_wiped_on_request_and_by_its_scope)
{
	struct secret s, zero;

	memset(&zero, 0, sizeof(zero));
	fill(&s);
	secret_wipe(&s);
	CHECK_MEM(&s, &zero, sizeof(zero));
	for (int i = 0; i < 1; i++) {
		struct secret *seen __attribute__((cleanup(copy_to)));
		struct secret _cleanup_secret_ scoped;

		fill(&scoped);
		seen = &scoped;
		(void)seen;
	}
}
