// SPDX-License-Identifier: Apache-2.0
#include "model/stats.h"

const char *stats_name(enum stats_id stat)
{
	static const char *const names[STAT_COUNT] = {
#define X(id, name) [STAT_##id] = name,
		STATS_LIST(X)
#undef X
	};

	return names[stat];
}
