// SPDX-License-Identifier: Apache-2.0
/*
 * Lists of entries in files: one a line, blanks around it do not count, nor do empty lines and those that
 * begin with '#'. Programs write them, so lines may end with CR LF and the first with a byte order mark.
 */
#include "daemon/confload_internal.h"

#include "sys/confile.h"

#include <errno.h>
#include <string.h>

struct list {
	struct match_set *set;
	enum match_key key;
	/* The first mistake, and how many there are. */
	struct confload_problem problem;
	char text[64];
	size_t line, mistakes;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_one_line_of_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	}
	return confile_is_utf8(text);
}

static void note(struct list *list, size_t line, const char *text,
		 const struct confload_problem *problem)
{
	if (list->mistakes++ > 0)
		return;
	list->line = line;
	list->problem = *problem;
	(void)snprintf(list->text, sizeof(list->text), "%.60s%s", text,
		       strlen(text) > 60 ? "…" : "");
}

/* Returns: 0, also when it was a mistake; -ENOMEM. */
static int add_line(struct list *list, const char *at, size_t len, size_t line)
{
	struct confload_problem problem = {.what = NULL};
	char text[IDENTITY_NAME_MAX + 2];
	int r;

	while (len > 0 && is_blank(at[0])) {
		at++;
		len--;
	}
	while (len > 0 && is_blank(at[len - 1]))
		len--;
	if (len == 0 || at[0] == '#')
		return 0;
	/* What is too long is cut to something that still is. */
	len = len > sizeof(text) - 1 ? sizeof(text) - 1 : len;
	memcpy(text, at, len);
	text[len] = '\0';
	if (is_one_line_of_text(text, len)) {
		r = confload_entry_add(list->set, list->key, text, &problem);
	} else {
		problem = (struct confload_problem){.what = "is not one line of UTF-8 text",
						    .hint = "one entry a line"};
		r = -EINVAL;
	}
	if (r == -EINVAL)
		note(list, line, text, &problem);
	return r == -EINVAL ? 0 : r;
}

static int add_lines(struct list *list, const char *at, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";
	int r = 0;

	if (len >= 3 && memcmp(at, mark, 3) == 0) {
		at += 3;
		len -= 3;
	}
	for (size_t line = 1; r == 0 && len > 0; line++) {
		const char *end = memchr(at, '\n', len);
		size_t n = end ? (size_t)(end - at) : len;

		r = add_line(list, at, n, line);
		n += end != NULL;
		at += n;
		len -= n;
	}
	return r;
}

int confload_list_add(struct confload *load, const struct confload_field *field, enum match_key key,
		      const char *source, struct match_set *set)
{
	struct list list = {.set = set, .key = key};
	size_t len = 0;
	const char *text;
	int r;

	if (!confload_need(load, field, source, "as in file:allowed.txt"))
		return 0;
	text = bundle_secret(load->bundle, source, &len);
	if (!text) /* was told when it was read */
		return 0;
	r = add_lines(&list, text, len);
	if (r == 0 && list.mistakes == 1)
		confload_mistake(load, field, list.problem.hint, "%s:%zu: '%s' %s", source,
				 list.line, list.text, list.problem.what);
	else if (r == 0 && list.mistakes > 0)
		confload_mistake(load, field, list.problem.hint,
				 "%s:%zu: '%s' %s; and %zu other lines", source, list.line,
				 list.text, list.problem.what, list.mistakes - 1);
	return r;
}
