// SPDX-License-Identifier: Apache-2.0
/* Input: fields, each a 16-bit length and that many bytes (or what is left). */
#include "selftests/fuzz/fuzz.h"

#include "base/log.h"
#include "sys/json.h"

#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	return 0;
}

static void put_fields(struct log_line *line, const uint8_t *data, size_t size)
{
	char key[8];

	for (unsigned int i = 0; size >= 2; i++) {
		size_t len = (size_t)data[0] << 8 | data[1];

		data += 2, size -= 2;
		if (len > size)
			len = size;
		(void)snprintf(key, sizeof(key), "k%u", i);
		log_bytes(line, key, data, len);
		key[0] = 'n';
		if (len % 3 == 0)
			log_u64(line, key, len);
		data += len, size -= len;
	}
}

/* One line of printable ASCII, whatever was put into it. */
static void check_line(const struct log_line *line)
{
	/* What log_end() adds has room. */
	MUST_HOLD(line->len + strlen("}\n") <= sizeof(line->text));
	for (size_t i = 0; i < line->len; i++)
		MUST_HOLD(line->text[i] >= ' ' && line->text[i] < 0x7f);
}

/* Every blank outside of quotes begins a key of ours: nobody forged one. */
static void check_keys(const struct log_line *line)
{
	static const char *const keys[] = {"level=", "event=", "k", "n"};
	bool quoted = false;

	for (size_t i = 0; i < line->len; i++) {
		bool ours = false;

		if (quoted && line->text[i] == '\\')
			i++;
		else if (line->text[i] == '"')
			quoted = !quoted;
		if (quoted || line->text[i] != ' ')
			continue;
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			ours |= strncmp(line->text + i + 1, keys[k], strlen(keys[k])) == 0;
		MUST_HOLD(ours);
	}
	MUST_HOLD(!quoted);
}

static void check_json(struct log_line *line)
{
	struct json *parsed = NULL;

	line->text[line->len++] = '}';
	MUST_HOLD(json_parse(line->text, line->len, &parsed) == 0);
	json_free(parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct log_line line;

	log_setup(LOG_KEY_VALUE, LOG_INFO);
	log_begin(&line, LOG_ERROR, "e"); /* errors are not limited in number */
	put_fields(&line, data, size);
	check_line(&line);
	line.text[line.len] = '\0';
	check_keys(&line);

	log_setup(LOG_JSON, LOG_INFO);
	log_begin(&line, LOG_ERROR, "e"); /* errors are not limited in number */
	put_fields(&line, data, size);
	check_line(&line);
	check_json(&line);
	return 0;
}
