/* SPDX-License-Identifier: Apache-2.0 */
/* ${NAME} and ${NAME:-default} in one text. For confile.c only. */
#ifndef SLUICE_SYS_CONFILE_EXPAND_H
#define SLUICE_SYS_CONFILE_EXPAND_H

#include "sys/confile.h"

#define CONFILE_VARIABLE_MAX 64 /* bytes of a variable's name */

/** Why a text could not be expanded. */
struct confile_expand_problem {
	const char *hint;
	char text[160];
};

/**
 * confile_expand() - a default is plain text: it is not expanded again and ends at the first }.
 * Returns: 0 and a text of malloc(); -EINVAL with @ret_problem; -ENOMEM.
 */
int confile_expand(const char *text, confile_variable *variable, void *arg, char **ret_text,
		   struct confile_expand_problem *ret_problem);

#endif
