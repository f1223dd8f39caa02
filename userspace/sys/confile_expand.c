// SPDX-License-Identifier: Apache-2.0
#include "sys/confile_expand.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool is_name(const char *text, size_t len)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	static const char digits[] = "0123456789";

	if (len == 0 || len > CONFILE_VARIABLE_MAX || strchr(digits, text[0]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!strchr(first, text[i]) && !strchr(digits, text[i]))
			return false;
	}
	return true;
}

static int problem(struct confile_expand_problem *ret_problem, const char *hint, const char *what,
		   const char *name, size_t len)
{
	ret_problem->hint = hint;
	snprintf(ret_problem->text, sizeof(ret_problem->text), "${%.*s%s", (int)len, name, what);
	return -EINVAL;
}

/* Put what @body (behind "${") stands for into @out. *@ret_end is behind its "}". */
static int expand_one(const char *body, confile_variable *variable, void *arg, FILE *out,
		      const char **ret_end, struct confile_expand_problem *ret_problem)
{
	const char *end = strchr(body, '}');
	size_t len = strcspn(body, ":}");
	char name[CONFILE_VARIABLE_MAX + 1];
	const char *value;

	if (!end)
		return problem(ret_problem,
			       "put a } behind the name, or $${ for the two characters",
			       " does not end", body, len < 40 ? len : 40);
	if (!is_name(body, len) || (body[len] == ':' && body[len + 1] != '-'))
		return problem(ret_problem, "write ${NAME}, ${NAME:-default}, or $${ for ${",
			       "} is not a variable", body,
			       end - body < 40 ? (size_t)(end - body) : 40);
	memcpy(name, body, len);
	name[len] = '\0';
	value = variable(arg, name);
	*ret_end = end + 1;
	/* As in a shell, :- is for a variable that is empty, too. */
	if (body[len] == ':' && (!value || *value == '\0')) {
		fwrite(body + len + 2, 1, (size_t)(end - body) - len - 2, out);
		return 0;
	}
	if (!value)
		return problem(ret_problem, "set it, or give a default: ${NAME:-default}",
			       "} is not set in the environment", name, len);
	fputs(value, out);
	return 0;
}

static int expand_to(const char *text, confile_variable *variable, void *arg, FILE *out,
		     struct confile_expand_problem *ret_problem)
{
	int r = 0;

	while (r == 0 && *text) {
		if (strncmp(text, "$${", 3) == 0) {
			fputs("${", out);
			text += 3;
		} else if (strncmp(text, "${", 2) == 0) {
			r = expand_one(text + 2, variable, arg, out, &text, ret_problem);
		} else {
			fputc(*text++, out);
		}
	}
	return r;
}

int confile_expand(const char *text, confile_variable *variable, void *arg, char **ret_text,
		   struct confile_expand_problem *ret_problem)
{
	char *expanded = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&expanded, &len);
	int r;

	if (!out)
		return -ENOMEM;
	r = expand_to(text, variable, arg, out, ret_problem);
	if (fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0) {
		free(expanded);
		return r;
	}
	*ret_text = expanded;
	return 0;
}

bool confile_is_utf8(const char *text)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000}; /* or it is overlong */
	const unsigned char *c = (const unsigned char *)text;

	for (size_t more; *c; c += more + 1) {
		uint32_t code;

		more = *c < 0x80 ? 0 : *c >> 5 == 6 ? 1 : *c >> 4 == 14 ? 2 : *c >> 3 == 30 ? 3 : 4;
		if (more > 3)
			return false;
		code = more == 0 ? *c : *c & (0x3fU >> more);
		for (size_t i = 1; i <= more; i++) {
			if (c[i] >> 6 != 2)
				return false;
			code = code << 6 | (c[i] & 0x3f);
		}
		if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
			return false;
	}
	return true;
}
