// SPDX-License-Identifier: Apache-2.0
#include "sys/kernel_version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* First fixed release of each stable branch; ends with the first mainline release that has it. */
struct fault_history {
	struct kernel_fault fault;
	unsigned int since_major, since_minor;
	struct {
		unsigned int major, minor, patch;
	} fixed[6];
	size_t n_fixed;
};

static const struct fault_history history[KERNEL_N_FAULTS] = {
	/* 84c61fe1a75b (6.0) brought the parser; 6.17 was released with the fix. */
	[KERNEL_FAULT_RX_PARSER] =
		{
			.fault =
				{"CVE-2025-39946",
				 "a peer's malformed record header corrupts the kernel's receive state",
				 "6.1.154, 6.6.108, 6.12.49, 6.16.9, 6.17"},
			.since_major = 6,
			.fixed = {{6, 1, 154}, {6, 6, 108}, {6, 12, 49}, {6, 16, 9}, {6, 17, 0}},
			.n_fixed = 5,
		},
	/* 460e6486617c rejects the combination; 4.20 was the first to allow it. */
	[KERNEL_FAULT_SOCKMAP] =
		{
			.fault =
				{"CVE-2026-64025",
				 "a socket in both a sockmap and kernel TLS: use after free (sluice never "
				 "combines the two, other programs may)",
				 "6.12.92, 6.18.34, 7.0.11, 7.1"},
			.since_major = 4,
			.since_minor = 20,
			.fixed = {{6, 12, 92}, {6, 18, 34}, {7, 0, 11}, {7, 1, 0}},
			.n_fixed = 4,
		},
};

static bool parse_number(const char *text, struct kernel_version *v)
{
	v->patch = 0;
	return sscanf(text, "%u.%u.%u", &v->major, &v->minor, &v->patch) >= 2;
}

/* "Debian 6.1.192-1", with or without the epoch of a derivative: "Debian 1:6.6.51-1+rpt3". */
static const char *debian_version(const char *version)
{
	const char *text = strstr(version, "Debian ");
	size_t digits;

	if (!text)
		return NULL;
	text += strlen("Debian ");
	digits = strspn(text, "0123456789");
	return text[digits] == ':' ? text + digits + 1 : text;
}

static bool takes_backports(const char *release, const char *version)
{
	const char *el = strstr(release, ".el");
	size_t len = strlen(release), suse = strlen("-default");

	if (el && el[3] >= '0' && el[3] <= '9')
		return true;
	if (len > suse && strcmp(release + len - suse, "-default") == 0)
		return true;
	return strstr(version, "-Ubuntu") != NULL;
}

int kernel_version_parse(const char *release, const char *version,
			 struct kernel_version *ret_version)
{
	const char *debian = debian_version(version);
	struct kernel_version v = {};

	if ((!debian || !parse_number(debian, &v)) && !parse_number(release, &v))
		return -EINVAL;
	v.backports = takes_backports(release, version);
	*ret_version = v;
	return 0;
}

const struct kernel_fault *kernel_fault(size_t index)
{
	return &history[index].fault;
}

static int compare_branch(const struct kernel_version *v, unsigned int major, unsigned int minor)
{
	if (v->major != major)
		return v->major < major ? -1 : 1;
	return v->minor < minor ? -1 : v->minor > minor;
}

enum kernel_verdict kernel_fault_verdict(size_t index, const struct kernel_version *version)
{
	const struct fault_history *h = &history[index];
	int order, mainline = compare_branch(version, h->fixed[h->n_fixed - 1].major,
					     h->fixed[h->n_fixed - 1].minor);

	if (mainline >= 0)
		return KERNEL_FIXED;
	if (version->backports)
		return KERNEL_UNKNOWN;
	if (compare_branch(version, h->since_major, h->since_minor) < 0)
		return KERNEL_NOT_AFFECTED;
	for (size_t i = 0; i < h->n_fixed; i++) {
		order = compare_branch(version, h->fixed[i].major, h->fixed[i].minor);
		if (order == 0)
			return version->patch >= h->fixed[i].patch ? KERNEL_FIXED : KERNEL_AFFECTED;
		/* Below the first branch that took the fix: nobody says whether it needs one. */
		if (order < 0)
			return i == 0 ? KERNEL_UNKNOWN : KERNEL_AFFECTED;
	}
	return KERNEL_FIXED;
}
