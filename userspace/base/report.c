// SPDX-License-Identifier: Apache-2.0
#include "base/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void report_init(struct report *report)
{
	*report = (struct report){};
}

void report_done(struct report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		free(report->items[i].file);
		free(report->items[i].field);
		free(report->items[i].message);
		free(report->items[i].hint);
	}
	free(report->items);
	free(report->file);
	report_init(report);
}

void report_set_file(struct report *report, const char *file)
{
	free(report->file);
	report->file = strdup(file);
}

const char *report_enter(struct report *report, const char *file)
{
	const char *before = report->part;

	report->part = file;
	return before;
}

void report_add(struct report *report, enum report_level level, unsigned int line,
		const char *field, const char *hint, const char *format, ...)
{
	struct report_item *items, *item;
	va_list args;

	if (level == REPORT_MISTAKE)
		report->n_mistakes++;
	items = reallocarray(report->items, report->count + 1, sizeof(*items));
	if (!items)
		return;
	report->items = items;
	item = &items[report->count++];
	*item = (struct report_item){
		.level = level,
		.file = report->part ? strdup(report->part) : NULL,
		.line = line,
		.field = strdup(field),
		.hint = strdup(hint),
	};
	va_start(args, format);
	if (vasprintf(&item->message, format, args) < 0)
		item->message = NULL;
	va_end(args);
}

static bool is_part_of(const char *field, const char *whole)
{
	size_t len = strlen(whole);

	return len > 0 && strncmp(field, whole, len) == 0 &&
	       (field[len] == '\0' || field[len] == '.' || field[len] == '[');
}

static bool is_about(const struct report_item *item, const char *file)
{
	if (!item->file || !file)
		return item->file == file;
	return strcmp(item->file, file) == 0;
}

bool report_covers(const struct report *report, const char *field)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct report_item *item = &report->items[i];

		if (item->level == REPORT_MISTAKE && is_about(item, report->part) && item->field &&
		    is_part_of(field, item->field))
			return true;
	}
	return false;
}

bool report_covers_part(const struct report *report, const char *field)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct report_item *item = &report->items[i];

		if (is_about(item, report->part) && item->field && is_part_of(item->field, field))
			return true;
	}
	return false;
}

static bool is_behind(const struct report_item *a, const struct report_item *b)
{
	int order = strcmp(a->file ? a->file : "", b->file ? b->file : "");

	return order > 0 || (order == 0 && a->line > b->line);
}

/* Insertion: stable, and a report that is long enough to matter does not exist. */
void report_sort(struct report *report)
{
	for (size_t i = 1; i < report->count; i++) {
		struct report_item item = report->items[i];
		size_t at = i;

		for (; at > 0 && is_behind(&report->items[at - 1], &item); at--)
			report->items[at] = report->items[at - 1];
		report->items[at] = item;
	}
}

/* What comes out of a file is shown, but must not move the cursor. */
static void print_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
}

static void print_item(const struct report_item *item, const char *file, FILE *out)
{
	print_text(file, out);
	if (item->line > 0)
		fprintf(out, ":%u", item->line);
	fputs(": ", out);
	if (item->field && item->field[0]) {
		print_text(item->field, out);
		fputs(": ", out);
	}
	if (item->level == REPORT_REMARK)
		fputs("warning: ", out);
	print_text(item->message ? item->message : "a mistake, and no memory to tell it", out);
	if (item->hint && item->hint[0]) {
		fputs(" (", out);
		print_text(item->hint, out);
		fputs(")", out);
	}
	fputc('\n', out);
}

void report_print(struct report *report, FILE *out)
{
	const char *file = report->file ? report->file : "configuration";

	report_sort(report);
	for (size_t i = 0; i < report->count; i++)
		print_item(&report->items[i], report->items[i].file ? report->items[i].file : file,
			   out);
	if (report->n_mistakes > 0 && report->count == 0)
		fprintf(out, "%s: mistakes, and no memory to tell them\n", file);
}
