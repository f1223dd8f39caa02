// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/internal.h"
#include "selftests/soak/soak.h"

#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRESS_MS 5000
#define QUIET_MS    15000

struct options {
	uint64_t seconds;
	uint64_t only; /* UINT64_MAX: all */
	unsigned int jobs;
};

static const char usage[] =
	"usage: soak [--seconds N] [--only INDEX] [--jobs N]\n"
	"\n"
	"Holds random conversations through one daemon for N seconds (default 60), and looks now and then\n"
	"that nothing is left of them. Needs root. Exit code 0: all went well; 1: not; 2: usage.\n"
	"  --only INDEX   one conversation of the run with that SEED, its script is printed\n"
	"  --jobs N       conversations side by side (default 32; in an emulated guest 8)\n"
	"Environment: TIME_SCALE (all deadlines times this), SEED.\n";

static bool parse_number(const char *text, uint64_t *ret_number)
{
	char *end;

	*ret_number = strtoull(text, &end, 10);
	return *text && !*end;
}

static bool parse(int argc, char **argv, struct options *ret_options)
{
	uint64_t number;

	*ret_options = (struct options){
		.seconds = 60, .only = UINT64_MAX, .jobs = getenv("SLUICE_VM") ? 8 : 32};
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc || !parse_number(argv[i + 1], &number))
			return false;
		if (strcmp(argv[i], "--seconds") == 0)
			ret_options->seconds = number;
		else if (strcmp(argv[i], "--only") == 0)
			ret_options->only = number;
		else if (strcmp(argv[i], "--jobs") == 0 && number > 0 && number <= SOAK_SLOTS_MAX)
			ret_options->jobs = (unsigned int)number;
		else
			return false;
	}
	return true;
}

static struct soak_shared *share(const struct options *options)
{
	struct soak_shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	MUST(shared != MAP_FAILED);
	shared->end = UINT64_MAX / 2;
	if (options->only != UINT64_MAX) {
		shared->next = options->only;
		shared->end = options->only + 1;
	}
	return shared;
}

static void print_progress(const struct soak *soak, uint64_t start_ms)
{
	printf("%5" PRIu64 " s: %" PRIu64 " conversations, %" PRIu64 " MiB, %" PRIu64 " failed\n",
	       (test_now_ms() - start_ms) / 1000, atomic_load(&soak->shared->passed),
	       atomic_load(&soak->shared->bytes) >> 20, atomic_load(&soak->shared->failed));
	(void)fflush(stdout);
}

static void look(struct soak *soak)
{
	bool idle = slots_pause(soak);

	if (!idle) {
		printf("FAILED: a conversation does not come to its end\n");
		atomic_fetch_add(&soak->shared->failed, 1);
		return;
	}
	atomic_fetch_add(&soak->shared->failed, quiet_check(soak));
}

static void watch(struct soak *soak, uint64_t seconds)
{
	uint64_t start_ms = test_now_ms(), progress_ms = start_ms, quiet_ms = start_ms;

	while (test_now_ms() < start_ms + seconds * 1000 && !slots_is_through(soak)) {
		uint64_t now_ms = test_now_ms();

		test_pause();
		slots_mind(soak);
		if (now_ms >= progress_ms + PROGRESS_MS) {
			print_progress(soak, start_ms);
			progress_ms = now_ms;
		}
		if (now_ms >= quiet_ms + QUIET_MS) {
			look(soak);
			slots_resume(soak);
			quiet_ms = now_ms;
		}
	}
	look(soak);
	print_progress(soak, start_ms);
}

static void soak_for(struct soak *soak, uint64_t seconds)
{
	char why[TEST_WHY_BYTES];

	soak->features.ktls = !need_missing(NEED_KTLS, why);
	soak->features.rekey = !need_missing(NEED_KTLS_REKEY, why);
	printf("%u conversations at a time, kernel TLS %s, KeyUpdate %s\n", soak->slots,
	       soak->features.ktls ? "works" : "is missing",
	       soak->features.rekey ? "is followed" : "is not followed by the kernel");
	(void)test_seed(); /* printed once, here */
	soak_start(soak);
	quiet_begin(soak);
	slots_start(soak);
	watch(soak, seconds);
	slots_stop(soak);
	atomic_fetch_add(&soak->shared->failed, quiet_end(soak));
	atomic_fetch_add(&soak->shared->failed, soak_stop(soak));
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	char tmpdir[] = "/tmp/sluice-soak.XXXXXX";
	struct options options;
	struct soak soak = {};
	int r;

	if (!parse(argc, argv, &options)) {
		(void)fputs(usage, stderr);
		return 2;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	check_init();
	soak.shared = share(&options);
	soak.verbose = options.only != UINT64_MAX;
	soak.slots = soak.verbose ? 1 : options.jobs;
	MUST(mkdtemp(tmpdir) != NULL);
	MUST_OK(chmod(tmpdir, 0755)); /* the workers change their user */
	check_begin(NULL, tmpdir);
	r = proc_isolate();
	MUST_EQ(r, 0, "no namespaces: run it as root");
	(void)signal(SIGPIPE, SIG_IGN);
	soak_for(&soak, options.seconds);
	(void)nftw(tmpdir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	printf("%" PRIu64 " passed, %" PRIu64 " failed, 0 skipped\n", soak.shared->passed,
	       soak.shared->failed);
	return soak.shared->failed > 0 || soak.shared->passed == 0;
}
