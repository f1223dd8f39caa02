// SPDX-License-Identifier: Apache-2.0
/* Input: what is in the memfd. A bundle that is taken comes out again as it went in. */
#include "selftests/fuzz/fuzz.h"

#include "base/fd.h"
#include "base/report.h"
#include "daemon/bundle.h"
#include "daemon/confload.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	return 0;
}

static void build(const struct bundle *bundle)
{
	struct config *config = NULL;
	struct report report;
	int r;

	report_init(&report);
	r = confload_build(bundle, &report, &config);
	MUST_HOLD(r == 0 || (r == -EINVAL && report.n_mistakes > 0));
	config_free(config);
	report_done(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int _cleanup_fd_ fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int _cleanup_fd_ again_fd = -1;
	struct bundle *bundle = NULL, *again = NULL;
	int r;

	MUST_HOLD(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	MUST_HOLD(fcntl(fd, F_ADD_SEALS, SEALS) == 0);
	r = bundle_from_fd(fd, &bundle);
	MUST_HOLD(r == 0 || (r == -EPROTO && !bundle));
	if (r < 0)
		return 0;
	build(bundle);
	MUST_HOLD(bundle_to_fd(bundle, &again_fd) == 0);
	MUST_HOLD(bundle_from_fd(again_fd, &again) == 0);
	bundle_free(again);
	bundle_free(bundle);
	return 0;
}
