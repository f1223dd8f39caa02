// SPDX-License-Identifier: Apache-2.0
#include "daemon/candidate.h"

#include "base/clock.h"
#include "base/fd.h"
#include "daemon/addresses.h"
#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "daemon/user.h"

#include <string.h>

static void must_stay(const struct bundle *bundle, struct report *report, const char *field)
{
	report_add_mistake(report, confload_line(bundle, field), field,
			   "restart sluice, or leave it as it was",
			   "cannot be changed while sluice runs");
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What processes and the admin socket were started with. */
static void check_unchanged(const struct config *config, const struct config *served,
			    const struct bundle *bundle, struct report *report)
{
	if (config->workers != served->workers)
		must_stay(bundle, report, "workers");
	if (!same_text(config->user, served->user))
		must_stay(bundle, report, "user");
	if (config->admin.len != served->admin.len ||
	    (config->admin.len > 0 && !addr_equal(&config->admin, &served->admin)))
		must_stay(bundle, report, "admin.listen");
}

static int check(const struct bundle *bundle, const struct config *served, struct report *report,
		 struct candidate *candidate)
{
	int r = confload_build(bundle, report, &candidate->config);

	if (r < 0)
		return r;
	addresses_check(candidate->config, bundle, ADDRESSES_TO_SERVE, served, report);
	user_check(candidate->config, bundle, report);
	if (served)
		check_unchanged(candidate->config, served, bundle, report);
	if (report->n_mistakes > 0)
		return -EINVAL;
	return bundle_to_fd(bundle, &candidate->bundle_fd);
}

int candidate_read(const char *path, const struct candidate *served, struct report *report,
		   struct candidate *ret_candidate)
{
	uint64_t start_ms = clock_now_ms();
	struct candidate *candidate = ret_candidate;
	struct bundle *bundle = NULL;
	int r;

	*candidate = (struct candidate){.bundle_fd = -1};
	r = bundle_read(path, report, &bundle);
	if (bundle && bundle_paths(bundle, path, &candidate->paths, &candidate->n_paths) < 0)
		r = -ENOMEM;
	if (r == 0 && served)
		r = bundle_keep_random_keys(bundle, served->bundle_fd);
	if (r == 0)
		r = check(bundle, served ? served->config : NULL, report, candidate);
	candidate->load_ms = clock_now_ms() - start_ms;
	/* The workers have them from the memfd. */
	if (candidate->config)
		config_wipe_keys(candidate->config);
	if (r < 0) {
		config_free(candidate->config);
		candidate->config = NULL;
	}
	bundle_free(bundle);
	return r;
}

bool candidate_is_same(const struct candidate *a, const struct candidate *b)
{
	return a->bundle_fd >= 0 && b->bundle_fd >= 0 &&
	       bundle_fd_equal(a->bundle_fd, b->bundle_fd);
}

void candidate_done(struct candidate *candidate)
{
	config_free(candidate->config);
	fd_close(&candidate->bundle_fd);
	for (size_t i = 0; i < candidate->n_paths; i++)
		free(candidate->paths[i]);
	free(candidate->paths);
	*candidate = (struct candidate){.bundle_fd = -1};
}
