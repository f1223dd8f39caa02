// SPDX-License-Identifier: Apache-2.0
/*
 * A directory of certificates or CRLs as one text. DER has no mark of its end that a reader of PEM
 * could skip, so it comes first, where sys/tls_crl.c looks for it.
 */
#include "daemon/bundle_internal.h"

#include "base/fd.h"
#include "base/lockmem.h"
#include "sys/tls_cert.h"

#include <dirent.h>
#include <string.h>

#define FILES_MAX 1000 /* nobody has as many CAs */

struct part {
	char *data;
	size_t len;
	bool der;
};

struct parts {
	struct part *list;
	size_t count;
};

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && strcmp(name + len - end_len, end) == 0;
}

static int is_material(const struct dirent *entry)
{
	static const char *const ends[] = {".pem", ".crt", ".cer", ".crl", ".der"};

	/* Kubernetes keeps the real files in ..data and such. */
	if (entry->d_name[0] == '.')
		return 0;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (ends_with(entry->d_name, ends[i]))
			return 1;
	}
	return 0;
}

/* Only a CRL may be DER: a CA would silently not be believed. */
static bool is_readable(const struct part *part, const char *name, bool der)
{
	bool pem = memmem(part->data, part->len, "-----BEGIN ", strlen("-----BEGIN ")) != NULL;

	if (!part->der)
		return pem;
	/* In the joined text PEM between two DER would hide the second one. */
	return !pem && der && (ends_with(name, ".crl") || ends_with(name, ".der"));
}

static int read_part(const char *path, const char *name, bool der, struct part *part)
{
	char _cleanup_free_ *full = NULL;
	int r;

	if (asprintf(&full, "%s/%s", path, name) < 0) {
		full = NULL;
		return -ENOMEM;
	}
	r = bundle_file_read(full, BUNDLE_FILE_MAX, &part->data, &part->len);
	if (r < 0)
		return r;
	part->der = tls_cert_is_der(part->data, part->len);
	return is_readable(part, name, der) ? 0 : -EBADMSG;
}

static int join(const struct parts *parts, char **ret_data, size_t *ret_len)
{
	size_t len = 0;
	char *data, *at;

	for (size_t i = 0; i < parts->count; i++)
		len += parts->list[i].len + 1;
	if (len > BUNDLE_FILE_MAX)
		return -EFBIG;
	at = data = lockmem_new(len + 1);
	if (!data)
		return -ENOMEM;
	for (int pem = 0; pem < 2; pem++) {
		for (size_t i = 0; i < parts->count; i++) {
			const struct part *part = &parts->list[i];

			if (part->der == (pem == 1))
				continue;
			memcpy(at, part->data, part->len);
			at += part->len;
			*at++ = '\n';
		}
	}
	*ret_data = data;
	*ret_len = len;
	return 0;
}

static int read_parts(const char *path, struct dirent **names, size_t n, bool der,
		      struct parts *parts, char **ret_culprit)
{
	int r = 0;

	parts->list = calloc(n, sizeof(*parts->list));
	if (!parts->list)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++) {
		parts->count = i + 1;
		r = read_part(path, names[i]->d_name, der, &parts->list[i]);
		if (r < 0 && r != -ENOMEM)
			*ret_culprit = strdup(names[i]->d_name);
	}
	return r;
}

int bundle_directory_read(const char *path, bool der, char **ret_data, size_t *ret_len,
			  char **ret_culprit)
{
	struct dirent **names = NULL;
	struct parts parts = {};
	int n = scandir(path, &names, is_material, alphasort);
	int r = n < 0 ? -errno : n == 0 ? -ENOMSG : n > FILES_MAX ? -EFBIG : 0;

	if (r == 0)
		r = read_parts(path, names, (size_t)n, der, &parts, ret_culprit);
	if (r == 0)
		r = join(&parts, ret_data, ret_len);
	for (size_t i = 0; i < parts.count; i++)
		lockmem_free(parts.list[i].data, parts.list[i].len + 1);
	free(parts.list);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return r;
}
