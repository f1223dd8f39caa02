/* SPDX-License-Identifier: Apache-2.0 */
/* Between feature.c and feature_host.c only. */
#ifndef SLUICE_SYS_FEATURE_INTERNAL_H
#define SLUICE_SYS_FEATURE_INTERNAL_H

struct feature_set;

/** feature_host_kernel() - release, build, version, verdicts. */
void feature_host_kernel(struct feature_set *set);

/** feature_host_limits() - CPU, pipes, memlock, network cards, libraries. */
void feature_host_limits(struct feature_set *set);

/** feature_host_crypto() - the gcm(aes) driver; it is listed only once somebody has used it. */
void feature_host_crypto(struct feature_set *set);

#endif
