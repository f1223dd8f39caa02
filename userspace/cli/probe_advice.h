/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences of `sluice probe` that text and JSON share. */
#ifndef SLUICE_CLI_PROBE_ADVICE_H
#define SLUICE_CLI_PROBE_ADVICE_H

#include "sys/feature.h"

#define PROBE_SENTENCE_MAX 240
#define PROBE_SENTENCES	   16

struct probe_sentences {
	size_t n;
	char text[PROBE_SENTENCES][PROBE_SENTENCE_MAX];
};

/** probe_will_use() - what sluice, as it is built today, does on this machine. */
void probe_will_use(const struct feature_set *set, struct probe_sentences *ret_uses);

/** probe_actions() - what is missing, why it matters and what to do; none when all is well. */
void probe_actions(const struct feature_set *set, struct probe_sentences *ret_actions);

const char *probe_state_name(enum feature_state state);	     /* "works" */
const char *probe_verdict_name(enum kernel_verdict verdict); /* "affected" */
const char *probe_nic_name(enum netlink_feature feature);    /* "absent" */

#endif
