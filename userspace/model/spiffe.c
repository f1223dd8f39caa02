// SPDX-License-Identifier: Apache-2.0
#include "model/spiffe.h"

#include <string.h>
#include <strings.h>

#define SCHEME_LEN (sizeof(SPIFFE_SCHEME) - 1)

static bool is_low(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool spiffe_is_uri(const char *uri, size_t len)
{
	return len >= sizeof("spiffe:") - 1 &&
	       strncasecmp(uri, "spiffe:", sizeof("spiffe:") - 1) == 0;
}

bool spiffe_is_domain(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_low(name[i]))
			return false;
	}
	return len > 0 && len <= SPIFFE_DOMAIN_MAX;
}

static bool is_segment(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_low(text[i]) && !(text[i] >= 'A' && text[i] <= 'Z'))
			return false;
	}
	return len > 0 && !(len == 1 && text[0] == '.') &&
	       !(len == 2 && text[0] == '.' && text[1] == '.');
}

/* @path begins with its slash. A trust domain without a path is no workload. */
static bool is_path(const char *path, size_t len)
{
	while (len > 0) {
		const char *slash = memchr(path + 1, '/', len - 1);
		size_t segment = slash ? (size_t)(slash - path) - 1 : len - 1;

		if (!is_segment(path + 1, segment))
			return false;
		path += segment + 1;
		len -= segment + 1;
		if (len == 0)
			return true;
	}
	return false;
}

bool spiffe_parse(const char *uri, size_t len, size_t *ret_domain_len)
{
	const char *domain = uri + SCHEME_LEN, *slash;

	if (len > SPIFFE_ID_MAX || len <= SCHEME_LEN || memcmp(uri, SPIFFE_SCHEME, SCHEME_LEN) != 0)
		return false;
	slash = memchr(domain, '/', len - SCHEME_LEN);
	if (!slash || !spiffe_is_domain(domain, (size_t)(slash - domain)))
		return false;
	*ret_domain_len = (size_t)(slash - domain);
	return is_path(slash, len - SCHEME_LEN - *ret_domain_len);
}
