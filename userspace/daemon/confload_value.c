// SPDX-License-Identifier: Apache-2.0
/* Single values: names, choices, addresses. */
#include "daemon/confload_internal.h"

#include "base/units.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 64 /* it is in every line of the log */
#define ALPN_MAX       8
#define ALPN_BYTES_MAX 255 /* RFC 7301 */

struct confload_field confload_field(const char *format, ...)
{
	struct confload_field field;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(field.path, sizeof(field.path), format, args);
	va_end(args);
	return field;
}

__attribute__((format(printf, 5, 0))) static void
tell(struct confload *load, enum report_level level, const struct confload_field *field,
     const char *hint, const char *format, va_list args)
{
	char text[512];

	if (report_covers(load->report, field->path))
		return;
	(void)vsnprintf(text, sizeof(text), format, args);
	report_add(load->report, level, confile_line(load->confile, field->path), field->path, hint,
		   "%s", text);
}

void confload_mistake(struct confload *load, const struct confload_field *field, const char *hint,
		      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(load, REPORT_MISTAKE, field, hint, format, args);
	va_end(args);
}

void confload_remark(struct confload *load, const struct confload_field *field, const char *hint,
		     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(load, REPORT_REMARK, field, hint, format, args);
	va_end(args);
}

bool confload_need(struct confload *load, const struct confload_field *field, const char *text,
		   const char *hint)
{
	if (text && *text)
		return true;
	confload_mistake(load, field, hint, text ? "is empty" : "is missing");
	return false;
}

static bool is_name(const char *text)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	return strlen(text) <= NAME_MAX_BYTES && text[strspn(text, allowed)] == '\0';
}

int confload_name(struct confload *load, const struct confload_field *field, const char *text,
		  char **ret_name)
{
	if (!confload_need(load, field, text, "give it a name: it is shown in the log"))
		return 0;
	if (!is_name(text))
		confload_mistake(load, field,
				 "use letters, digits, '-', '_' and '.', at most 64 of them",
				 "'%s' cannot be a name", text);
	*ret_name = strdup(text);
	return *ret_name ? 0 : -ENOMEM;
}

unsigned int confload_choice(struct confload *load, const struct confload_field *field,
			     const char *text, const char *const *choices)
{
	char hint[200] = "one of: ";
	size_t len = strlen(hint);

	if (!text)
		return 0;
	for (unsigned int i = 0; choices[i]; i++) {
		if (strcmp(text, choices[i]) == 0)
			return i;
		if (len < sizeof(hint))
			len += (size_t)snprintf(hint + len, sizeof(hint) - len, "%s%s",
						i ? ", " : "", choices[i]);
	}
	confload_mistake(load, field, hint, "'%s' is not a possible value", text);
	return 0;
}

bool confload_bool(struct confload *load, const struct confload_field *field, const char *text)
{
	static const char *const choices[] = {"false", "true", NULL};

	return confload_choice(load, field, text, choices) == 1;
}

void confload_addr(struct confload *load, const struct confload_field *field, const char *text,
		   struct addr *ret_addr)
{
	*ret_addr = (struct addr){};
	switch (addr_parse(text, ret_addr)) {
	case 0:
		return;
	case -ERANGE:
		confload_mistake(load, field, "ports are 1 to 65535",
				 "'%s' has a port out of range", text);
		return;
	case -ENAMETOOLONG:
		confload_mistake(load, field, "the kernel takes 107 bytes",
				 "the path of the socket is too long");
		return;
	default:
		confload_mistake(
			load, field,
			"write \"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/run/x.sock\"; "
			"names are not looked up",
			"'%s' is not an address", text);
	}
}

typedef int parse_unit(const char *text, uint64_t *ret_value);

static uint64_t measure(struct confload *load, const struct confload_field *field, const char *text,
			const struct confload_range *range, parse_unit *parse)
{
	bool time = parse == units_parse_ms;
	uint64_t value = 0;
	int r;

	if (!text)
		return range->otherwise;
	r = parse(text, &value);
	if (r == -EINVAL)
		confload_mistake(load, field,
				 time ? "a whole number and ms, s, m or h, as in 30s"
				      : "a whole number and B, KiB, MiB or GiB, as in 64KiB",
				 "'%s' is not a %s", text, time ? "duration" : "size");
	else if (r < 0 || value < range->least || value > range->most)
		confload_mistake(load, field, range->words, "%s is out of range", text);
	return value;
}

uint64_t confload_duration(struct confload *load, const struct confload_field *field,
			   const char *text, const struct confload_range *range)
{
	return measure(load, field, text, range, units_parse_ms);
}

uint64_t confload_bytes(struct confload *load, const struct confload_field *field, const char *text,
			const struct confload_range *range)
{
	return measure(load, field, text, range, units_parse_bytes);
}

uint64_t confload_number(struct confload *load, const struct confload_field *field,
			 const char *text, const struct confload_range *range)
{
	unsigned long long value;

	if (!text)
		return range->otherwise;
	if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0') {
		confload_mistake(load, field, range->words, "'%s' is not a whole number", text);
		return range->otherwise;
	}
	errno = 0;
	value = strtoull(text, NULL, 10);
	if (errno != 0 || value < range->least || value > range->most)
		confload_mistake(load, field, range->words, "%s is out of range", text);
	return value;
}

int confload_texts(char *const *from, unsigned int n, char ***ret_texts, size_t *ret_n)
{
	if (n == 0)
		return 0;
	*ret_texts = calloc(n, sizeof(char *));
	if (!*ret_texts)
		return -ENOMEM;
	for (; *ret_n < n; (*ret_n)++) {
		(*ret_texts)[*ret_n] = strdup(from[*ret_n]);
		if (!(*ret_texts)[*ret_n])
			return -ENOMEM;
	}
	return 0;
}

static void check_protocol(struct confload *load, const struct confload_field *field,
			   char *const *names, unsigned int index)
{
	const char *hint = "as in alpn: [h2, http/1.1]";

	if (!confload_need(load, field, names[index], hint))
		return;
	if (strlen(names[index]) > ALPN_BYTES_MAX)
		confload_mistake(load, field, hint, "is longer than %d bytes", ALPN_BYTES_MAX);
	for (unsigned int i = 0; i < index; i++) {
		if (strcmp(names[i], names[index]) == 0)
			confload_mistake(load, field, "each once, the preferred one first",
					 "'%s' is there twice", names[i]);
	}
}

int confload_alpn(struct confload *load, const struct confload_field *field, char *const *from,
		  unsigned int n, char ***ret_names, size_t *ret_n)
{
	if (n > ALPN_MAX)
		confload_mistake(load, field, "at most 8", "has too many protocols");
	for (unsigned int i = 0; i < n; i++) {
		struct confload_field item = confload_field("%.200s[%u]", field->path, i);

		check_protocol(load, &item, from, i);
	}
	return confload_texts(from, n, ret_names, ret_n);
}
