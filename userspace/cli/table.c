// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What memory does not suffice for is shown as missing cells: a table is only for looking at. */
static void push(struct table *t, char *cell)
{
	size_t more = t->allocated ? t->allocated * 2 : 64;
	char **cells;

	if (t->n_cells == t->allocated) {
		cells = reallocarray(t->cells, more, sizeof(*cells));
		if (!cells) {
			free(cell);
			return;
		}
		t->cells = cells;
		t->allocated = more;
	}
	t->cells[t->n_cells++] = cell;
}

static char *escaped(const char *text)
{
	char out[TABLE_CELL_MAX + sizeof("...")];
	size_t len = 0;

	if (!text || *text == '\0')
		text = "-";
	for (; *text; text++) {
		uint8_t c = (uint8_t)*text;
		bool plain = c >= 0x20 && c < 0x7f && c != '\\';

		if (len + (plain ? 1 : 4) > TABLE_CELL_MAX) {
			memcpy(out + len, "...", 3);
			len += 3;
			break;
		}
		if (plain)
			out[len++] = (char)c;
		else
			len += (size_t)snprintf(out + len, 5, "\\x%02x", c);
	}
	out[len] = '\0';
	return strdup(out);
}

void table_init(struct table *t, const char *const *headers, size_t n_columns)
{
	memset(t, 0, sizeof(*t));
	t->n_columns = n_columns;
	for (size_t i = 0; i < n_columns; i++)
		table_add(t, headers[i]);
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	memset(t, 0, sizeof(*t));
}

void table_add(struct table *t, const char *text)
{
	push(t, escaped(text));
}

void table_addf(struct table *t, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	table_add(t, text);
}

static const char *cell(const struct table *t, size_t index)
{
	return index < t->n_cells && t->cells[index] ? t->cells[index] : "";
}

void table_print(const struct table *t, FILE *out)
{
	int width[TABLE_MAX_COLUMNS] = {};

	for (size_t i = 0; i < t->n_cells; i++) {
		int len = (int)strlen(cell(t, i));

		if (len > width[i % t->n_columns])
			width[i % t->n_columns] = len;
	}
	for (size_t row = 0; row < t->n_cells; row += t->n_columns) {
		for (size_t i = 0; i + 1 < t->n_columns; i++)
			fprintf(out, "%-*s  ", width[i], cell(t, row + i));
		fprintf(out, "%s\n", cell(t, row + t->n_columns - 1));
	}
}
