// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "sys/kernel_version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

SUITE("kernel_version");

struct release_case {
	VARIANT;
	const char *release, *version;
	int result;
	struct kernel_version want;
};

CASES(struct release_case, releases,
      {.name = "debian_12",
       .release = "6.1.0-56-cloud-amd64",
       .version = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)",
       .want = {6, 1, 192, false}},
      {.name = "debian_13",
       .release = "6.12.118+deb13-cloud-amd64",
       .version = "#1 SMP PREEMPT_DYNAMIC Debian 6.12.118-1 (2026-11-10)",
       .want = {6, 12, 118, false}},
      {.name = "debian_backport",
       .release = "7.3.4+deb13-cloud-amd64",
       .version = "#1 SMP PREEMPT_DYNAMIC Debian 7.3.4-1~bpo13+1 (2026-11-15)",
       .want = {7, 3, 4, false}},
      {.name = "raspberry_epoch",
       .release = "6.6.51+rpt-rpi-v8",
       .version = "#1 SMP PREEMPT Debian 1:6.6.51-1+rpt3 (2024-10-08)",
       .want = {6, 6, 51, false}},
      {.name = "amazon",
       .release = "6.1.158-180.294.amzn2023.x86_64",
       .version = "#1 SMP PREEMPT_DYNAMIC Mon Dec  1 00:00:00 UTC 2025",
       .want = {6, 1, 158, false}},
      {.name = "vanilla", .release = "6.18.44", .version = "#1 SMP", .want = {6, 18, 44, false}},
      {.name = "candidate",
       .release = "6.17.0-rc3",
       .version = "#1 SMP",
       .want = {6, 17, 0, false}},
      {.name = "two_numbers",
       .release = "6.17-rc3",
       .version = "#1 SMP",
       .want = {6, 17, 0, false}},
      {.name = "ubuntu",
       .release = "6.8.0-31-generic",
       .version = "#31-Ubuntu SMP PREEMPT_DYNAMIC Sat Apr 20 00:40:06 UTC 2024",
       .want = {6, 8, 0, true}},
      {.name = "red_hat",
       .release = "5.14.0-427.13.1.el9_4.x86_64",
       .version = "#1 SMP",
       .want = {5, 14, 0, true}},
      {.name = "suse",
       .release = "6.4.0-150600.21-default",
       .version = "#1 SMP",
       .want = {6, 4, 0, true}},
      {.name = "debian_word_without_number",
       .release = "6.1.7",
       .version = "#1 Debian sid",
       .want = {6, 1, 7, false}},
      {.name = "nonsense", .release = "linux", .version = "", .result = -EINVAL});

TEST_CASES(the_stable_release_is_found, releases)
{
	struct kernel_version v = {};

	MUST_EQ(kernel_version_parse(variant->release, variant->version, &v), variant->result);
	CHECK_EQ(v.major, variant->want.major);
	CHECK_EQ(v.minor, variant->want.minor);
	CHECK_EQ(v.patch, variant->want.patch);
	CHECK_EQ(v.backports, variant->want.backports);
}

struct verdict_case {
	VARIANT;
	struct kernel_version version;
	enum kernel_verdict rx_parser, sockmap;
};

CASES(struct verdict_case, verdicts,
      {.name = "4.19",
       .version = {4, 19, 300, false},
       .rx_parser = KERNEL_NOT_AFFECTED,
       .sockmap = KERNEL_NOT_AFFECTED},
      {.name = "5.15",
       .version = {5, 15, 190, false},
       .rx_parser = KERNEL_NOT_AFFECTED,
       .sockmap = KERNEL_UNKNOWN},
      {.name = "6.0_ended",
       .version = {6, 0, 19, false},
       .rx_parser = KERNEL_UNKNOWN,
       .sockmap = KERNEL_UNKNOWN},
      {.name = "6.1.153",
       .version = {6, 1, 153, false},
       .rx_parser = KERNEL_AFFECTED,
       .sockmap = KERNEL_UNKNOWN},
      {.name = "6.1.154",
       .version = {6, 1, 154, false},
       .rx_parser = KERNEL_FIXED,
       .sockmap = KERNEL_UNKNOWN},
      {.name = "6.2_ended",
       .version = {6, 2, 16, false},
       .rx_parser = KERNEL_AFFECTED,
       .sockmap = KERNEL_UNKNOWN},
      {.name = "6.6.107",
       .version = {6, 6, 107, false},
       .rx_parser = KERNEL_AFFECTED,
       .sockmap = KERNEL_UNKNOWN},
      {.name = "6.6.108",
       .version = {6, 6, 108, false},
       .rx_parser = KERNEL_FIXED,
       .sockmap = KERNEL_UNKNOWN},
      {.name = "6.12.48",
       .version = {6, 12, 48, false},
       .rx_parser = KERNEL_AFFECTED,
       .sockmap = KERNEL_AFFECTED},
      {.name = "6.12.49",
       .version = {6, 12, 49, false},
       .rx_parser = KERNEL_FIXED,
       .sockmap = KERNEL_AFFECTED},
      {.name = "6.12.91",
       .version = {6, 12, 91, false},
       .rx_parser = KERNEL_FIXED,
       .sockmap = KERNEL_AFFECTED},
      {.name = "6.12.92",
       .version = {6, 12, 92, false},
       .rx_parser = KERNEL_FIXED,
       .sockmap = KERNEL_FIXED},
      {.name = "6.15_ended",
       .version = {6, 15, 11, false},
       .rx_parser = KERNEL_AFFECTED,
       .sockmap = KERNEL_AFFECTED},
      {.name = "6.16.8",
       .version = {6, 16, 8, false},
       .rx_parser = KERNEL_AFFECTED,
       .sockmap = KERNEL_AFFECTED},
      {.name = "6.16.9",
       .version = {6, 16, 9, false},
       .rx_parser = KERNEL_FIXED,
       .sockmap = KERNEL_AFFECTED},
      {.name = "6.17.0",
       .version = {6, 17, 0, false},
       .rx_parser = KERNEL_FIXED,
       .sockmap = KERNEL_AFFECTED},
      {.name = "6.18.33",
       .version = {6, 18, 33, false},
       .rx_parser = KERNEL_FIXED,
       .sockmap = KERNEL_AFFECTED},
      {.name = "6.18.34",
       .version = {6, 18, 34, false},
       .rx_parser = KERNEL_FIXED,
       .sockmap = KERNEL_FIXED},
      {.name = "6.19_ended",
       .version = {6, 19, 12, false},
       .rx_parser = KERNEL_FIXED,
       .sockmap = KERNEL_AFFECTED},
      {.name = "7.0.10",
       .version = {7, 0, 10, false},
       .rx_parser = KERNEL_FIXED,
       .sockmap = KERNEL_AFFECTED},
      {.name = "7.0.11",
       .version = {7, 0, 11, false},
       .rx_parser = KERNEL_FIXED,
       .sockmap = KERNEL_FIXED},
      {.name = "7.1.0",
       .version = {7, 1, 0, false},
       .rx_parser = KERNEL_FIXED,
       .sockmap = KERNEL_FIXED},
      {.name = "8.0.0",
       .version = {8, 0, 0, false},
       .rx_parser = KERNEL_FIXED,
       .sockmap = KERNEL_FIXED},
      {.name = "ubuntu_6.8",
       .version = {6, 8, 0, true},
       .rx_parser = KERNEL_UNKNOWN,
       .sockmap = KERNEL_UNKNOWN},
      {.name = "ubuntu_7.2",
       .version = {7, 2, 0, true},
       .rx_parser = KERNEL_FIXED,
       .sockmap = KERNEL_FIXED});

TEST_CASES(a_fault_is_judged_by_its_branch, verdicts)
{
	CHECK_EQ(kernel_fault_verdict(KERNEL_FAULT_RX_PARSER, &variant->version),
		 variant->rx_parser);
	CHECK_EQ(kernel_fault_verdict(KERNEL_FAULT_SOCKMAP, &variant->version), variant->sockmap);
}

/* What people are shown is what is judged by: the first fixed release of each branch. */
TEST(the_words_agree_with_the_judgement)
{
	for (size_t i = 0; i < KERNEL_N_FAULTS; i++) {
		const struct kernel_fault *fault = kernel_fault(i);
		unsigned int major, minor, patch;
		const char *at = fault->fixed;

		CHECK(strncmp(fault->name, "CVE-", 4) == 0 && fault->what[0]);
		for (; at; at = strchr(at, ','), at = at ? at + 2 : NULL) {
			patch = 0;
			MUST_GE(sscanf(at, "%u.%u.%u", &major, &minor, &patch), 2);
			CHECK_EQ(kernel_fault_verdict(
					 i, &(struct kernel_version){major, minor, patch, false}),
				 KERNEL_FIXED, "%s: %s", fault->name, at);
			if (patch)
				CHECK_EQ(kernel_fault_verdict(
						 i, &(struct kernel_version){major, minor,
									     patch - 1, false}),
					 KERNEL_AFFECTED, "%s: before %s", fault->name, at);
		}
	}
}
