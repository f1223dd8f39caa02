// SPDX-License-Identifier: Apache-2.0
/*
 * Input: what a refused client asks. Wherever it is cut, the head ends at the same byte and has the same
 * method; and that end is the first empty line behind a line that is not.
 */
#include "selftests/fuzz/fuzz.h"

#include "model/answer.h"

#include <string.h>

/** What was found in the whole. */
struct found {
	size_t end; /* bytes of the head; SIZE_MAX: it does not end */
	bool body;
};

/* Byte by byte. */
static struct found scan(const char *bytes, size_t len)
{
	struct answer_head head = {};
	struct found found = {.end = SIZE_MAX};

	for (size_t i = 0; i < len && found.end == SIZE_MAX; i++) {
		if (answer_head_ends(&head, bytes + i, 1))
			found.end = i + 1;
	}
	found.body = answer_head_wants_body(&head);
	return found;
}

/* The same by looking at all of it. */
static struct found look(const char *bytes, size_t len)
{
	struct found found = {.end = SIZE_MAX};
	size_t at = 0;

	while (at < len && (bytes[at] == '\r' || bytes[at] == '\n'))
		at++;
	found.body = len - at < 5 || memcmp(bytes + at, "HEAD ", 5) != 0;
	while (found.end == SIZE_MAX) {
		const char *line = memchr(bytes + at, '\n', len - at);

		if (!line)
			break;
		at = (size_t)(line - bytes) + 1;
		if (at < len && bytes[at] == '\n')
			found.end = at + 1;
		else if (at + 1 < len && bytes[at] == '\r' && bytes[at + 1] == '\n')
			found.end = at + 2;
	}
	return found;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	struct found slow = scan(bytes, size), want = look(bytes, size);
	size_t cut = size > 0 ? data[0] % size : 0;
	struct answer_head head = {};

	MUST_HOLD(slow.end == want.end && slow.body == want.body);
	if (!answer_head_ends(&head, bytes, cut))
		MUST_HOLD(answer_head_ends(&head, bytes + cut, size - cut) ==
			  (want.end != SIZE_MAX));
	else
		MUST_HOLD(want.end <= cut);
	MUST_HOLD(answer_head_wants_body(&head) == want.body);
	return 0;
}
