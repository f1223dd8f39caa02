// SPDX-License-Identifier: Apache-2.0
#include "base/spiffe.h"

#include <string.h>
#include <strings.h>

static const char scheme[] = "spiffe://";

#define SCHEME_LEN (sizeof(scheme) - 1)

bool spiffe_is_claimed(const char *uri, size_t len)
{
	return len >= 7 && strncasecmp(uri, scheme, 7) == 0;
}

static bool is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool spiffe_is_domain(const char *name, size_t len)
{
	if (len == 0 || len > SPIFFE_DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_lower(name[i]))
			return false;
	}
	return true;
}

static bool is_segment(const char *text, size_t len)
{
	if (len == 0 || (len == 1 && text[0] == '.') || (len == 2 && memcmp(text, "..", 2) == 0))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_lower(text[i]) && !(text[i] >= 'A' && text[i] <= 'Z'))
			return false;
	}
	return true;
}

/* @path is empty or begins with a slash, and never ends with one. */
static bool is_path(const char *path, size_t len)
{
	while (len > 0) {
		const char *slash = memchr(path + 1, '/', len - 1);
		size_t segment = slash ? (size_t)(slash - path) - 1 : len - 1;

		if (!is_segment(path + 1, segment))
			return false;
		path += segment + 1;
		len -= segment + 1;
	}
	return true;
}

bool spiffe_parse(const char *uri, size_t len, const char **ret_domain, size_t *ret_domain_len)
{
	const char *domain = uri + SCHEME_LEN, *slash;
	size_t domain_len;

	if (len <= SCHEME_LEN || len > SPIFFE_ID_MAX || memcmp(uri, scheme, SCHEME_LEN) != 0)
		return false;
	slash = memchr(domain, '/', len - SCHEME_LEN);
	domain_len = slash ? (size_t)(slash - domain) : len - SCHEME_LEN;
	if (!spiffe_is_domain(domain, domain_len) ||
	    !is_path(domain + domain_len, len - SCHEME_LEN - domain_len))
		return false;
	*ret_domain = domain;
	*ret_domain_len = domain_len;
	return true;
}
