/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernel is this really, and which known faults of kernel TLS does it have. No I/O. */
#ifndef SLUICE_SYS_KERNEL_VERSION_H
#define SLUICE_SYS_KERNEL_VERSION_H

#include <stdbool.h>
#include <stddef.h>

struct kernel_version {
	unsigned int major, minor, patch;
	/*
	 * The distribution takes fixes without taking the stable release, or does not tell which
	 * one it took (Ubuntu, Red Hat): a version says nothing about a fault.
	 */
	bool backports;
};

/**
 * kernel_version_parse() - from utsname.release and utsname.version.
 * Debian's release "6.1.0-37-cloud-amd64" hides the stable release that its version has:
 * "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-1 (2026-07-01)".
 * Returns: 0, -EINVAL (no number at the start of @release).
 */
int kernel_version_parse(const char *release, const char *version,
			 struct kernel_version *ret_version);

enum kernel_verdict {
	KERNEL_NOT_AFFECTED, /* older than the fault */
	KERNEL_FIXED,
	KERNEL_AFFECTED,
	KERNEL_UNKNOWN, /* a branch without a listed fix below all that have one, or backports */
};

struct kernel_fault {
	const char *name;  /* "CVE-2025-39946" */
	const char *what;  /* one sentence */
	const char *fixed; /* "6.1.154, 6.6.108, …" */
};

enum { KERNEL_FAULT_RX_PARSER, KERNEL_FAULT_SOCKMAP, KERNEL_N_FAULTS };

const struct kernel_fault *kernel_fault(size_t index);

/** kernel_fault_verdict() - by stable branch: each has its own first fixed release. */
enum kernel_verdict kernel_fault_verdict(size_t index, const struct kernel_version *version);

#endif
