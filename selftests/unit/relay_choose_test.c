// SPDX-License-Identifier: Apache-2.0
#include "proxy/relay.h"
#include "selftests/harness/harness.h"

SUITE("relay_choose");

enum { BULK = 16384, MESSAGE = 100, BETWEEN = 5000 };

static struct relay in_kernel(enum config_engine engine)
{
	return (struct relay){
		.crypto = RELAY_KERNEL,
		.engine = engine,
		.flow = {{.engine = &relay_engine_ktls_copy}, {.engine = &relay_engine_ktls_copy}},
	};
}

/* @n fills of so many bytes each, as the pump has them. Returns: what moves the next one. */
static const char *after(struct relay *relay, size_t bytes, int n)
{
	struct relay_flow *flow = &relay->flow[RELAY_IN];

	for (int i = 0; i < n; i++) {
		flow->engine = relay_choose(relay, RELAY_IN);
		relay_note_fill(flow, bytes);
	}
	return relay_choose(relay, RELAY_IN)->name;
}

TEST(bulk_is_spliced_and_messages_are_copied)
{
	struct relay relay = in_kernel(ENGINE_AUTO);

	CHECK_STR(after(&relay, MESSAGE, 1), "ktls-copy");
	CHECK_STR(after(&relay, BULK, 3), "ktls-copy");
	CHECK_STR(after(&relay, BULK, 1), "splice");
	CHECK_STR(after(&relay, BULK, 1000), "splice");
	CHECK_STR(after(&relay, MESSAGE, 3), "splice");
	CHECK_STR(after(&relay, MESSAGE, 1), "ktls-copy");
	CHECK_STR(after(&relay, MESSAGE, 1000), "ktls-copy");
	/* The other direction has seen nothing of it. */
	CHECK_STR(relay_choose(&relay, RELAY_OUT)->name, "ktls-copy");
}

TEST(what_varies_changes_nothing)
{
	struct relay relay = in_kernel(ENGINE_AUTO);

	for (int i = 0; i < 100; i++) {
		CHECK_STR(after(&relay, BULK, 3), "ktls-copy");
		CHECK_STR(after(&relay, MESSAGE, 1), "ktls-copy");
	}
	CHECK_STR(after(&relay, BULK, 4), "splice");
	for (int i = 0; i < 100; i++) {
		CHECK_STR(after(&relay, MESSAGE, 3), "splice");
		CHECK_STR(after(&relay, BULK, 1), "splice");
	}
	CHECK_STR(after(&relay, BETWEEN, 100), "splice");
}

TEST(the_configuration_has_the_last_word)
{
	struct relay splice = in_kernel(ENGINE_SPLICE), copy = in_kernel(ENGINE_KTLS_COPY);

	CHECK_STR(after(&splice, MESSAGE, 10), "splice");
	CHECK_STR(after(&copy, BULK, 10), "ktls-copy");
}

TEST(without_the_kernel_there_is_no_choice)
{
	struct relay openssl = in_kernel(ENGINE_AUTO);

	openssl.crypto = RELAY_OPENSSL;
	CHECK_STR(after(&openssl, BULK, 10), "copy");
}
