/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of text for people; a column is as wide as its widest cell. */
#ifndef SLUICE_CLI_TABLE_H
#define SLUICE_CLI_TABLE_H

#include <stdio.h>

#define TABLE_MAX_COLUMNS 12
#define TABLE_CELL_MAX	  80 /* a longer cell is cut and ends with "..." */

struct table {
	size_t n_columns, n_cells, allocated;
	char **cells; /* row by row, the header first */
};

/** table_init() - @headers are copied; the table ends with table_done(). */
void table_init(struct table *t, const char *const *headers, size_t n_columns);
void table_done(struct table *t);
#define _cleanup_table_ __attribute__((cleanup(table_done)))

/**
 * table_add() - the next cell, from the left and row after row. Text of strangers is welcome:
 * all but printable ASCII is escaped, so nobody can move the cursor. NULL and "" become "-".
 */
void table_add(struct table *t, const char *text);
void table_addf(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

void table_print(const struct table *t, FILE *out);

#endif
