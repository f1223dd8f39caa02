/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mistakes of an operator in one file, collected so that all are told at once, each with its place
 * and what to do about it. Remarks are told too, but are no reason to refuse the file.
 */
#ifndef SLUICE_BASE_REPORT_H
#define SLUICE_BASE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum report_level { REPORT_REMARK, REPORT_MISTAKE };

struct report_item {
	enum report_level level;
	char *file;	   /* that the line is in; NULL: the report's */
	unsigned int line; /* 1-based; 0: the file as a whole */
	char *field;	   /* "listeners[0].tls.client_ca"; "": none */
	char *message;	   /* what is wrong */
	char *hint;	   /* what to do; "": obvious */
};

struct report {
	char *file;
	const char *part; /* report_enter(); borrowed */
	struct report_item *items;
	size_t count;	   /* of items, remarks included */
	size_t n_mistakes; /* also those that memory did not suffice for */
};

void report_init(struct report *report);
void report_done(struct report *report);

/** report_set_file() - the name that report_print() puts in front; copied. */
void report_set_file(struct report *report, const char *file);

/**
 * report_enter() - what is added, and asked of report_covers(), from now on is about @file, which the
 * report's file includes; NULL: about that file itself. Borrowed until the next call.
 * Returns: what it was about before.
 */
const char *report_enter(struct report *report, const char *file);

/** report_add() - one item; @field and @hint ("" for none) are copied. */
void report_add(struct report *report, enum report_level level, unsigned int line,
		const char *field, const char *hint, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/** report_add_mistake() - most items. Never fails: without memory the mistake still counts. */
#define report_add_mistake(report, line, field, hint, ...)                                         \
	report_add(report, REPORT_MISTAKE, line, field, hint, __VA_ARGS__)

/** report_covers() - @field, or one that it is part of, has a mistake: more would be noise. */
bool report_covers(const struct report *report, const char *field);

/** report_covers_part() - something about @field, or a part of it, was told. */
bool report_covers_part(const struct report *report, const char *field);

/** report_sort() - put the items in the order of their lines, those of other files behind them. */
void report_sort(struct report *report);

/** report_print() - "FILE:LINE: FIELD: MESSAGE (HINT)", one per line, in the order of the lines. */
void report_print(struct report *report, FILE *out);

#endif
