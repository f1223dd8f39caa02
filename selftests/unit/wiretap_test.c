// SPDX-License-Identifier: Apache-2.0
/* The tap of the fault tests sees what it is there for. */
#include "selftests/harness/harness.h"

#include "selftests/lib/wiretap.h"

#include <string.h>

SUITE("wiretap");

#define BODY 100

struct wire_case {
	VARIANT;
	uint8_t type;
	size_t plain_at; /* where the body has 16 bytes of the payload; BODY: nowhere */
	bool good;
};

/* clang-format off */
CASES(struct wire_case, wires,
      {.name = "record", .type = 23, .plain_at = BODY, .good = true},
      {.name = "alert", .type = 21, .plain_at = BODY, .good = true},
      {.name = "no_type", .type = 'G', .plain_at = BODY},
      {.name = "plaintext", .type = 23, .plain_at = 0},
      {.name = "plaintext_at_odd_place", .type = 23, .plain_at = 77});
/* clang-format on */

/* Two records of which the second is as the case says, given in parts of three bytes. */
TEST_CASES(sees, wires)
{
	uint8_t wire[2 * (5 + BODY)] = {23, 3, 3, 0, BODY};
	uint8_t *second = wire + 5 + BODY;
	struct payload streams[WIRETAP_STREAMS];
	struct wiretap tap;

	for (uint32_t i = 0; i < WIRETAP_STREAMS; i++)
		payload_init(&streams[i], test_seed(), i);
	wiretap_init(&tap, streams);
	memcpy(second, (uint8_t[]){variant->type, 3, 3, 0, BODY}, 5);
	streams[1].position = 4096;
	if (variant->plain_at < BODY)
		payload_fill(&streams[1], second + 5 + variant->plain_at, 16);
	for (size_t i = 0; i < sizeof(wire); i += 3)
		wiretap_take(&tap, wire + i, 3);
	CHECK_EQ(tap.fault[0] == '\0', variant->good, "%s", tap.fault);
}
