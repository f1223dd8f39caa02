// SPDX-License-Identifier: Apache-2.0
#include "cli/pki_store.h"

#include "base/fd.h"
#include "base/secret.h"
#include "sys/tls_pki.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX_BYTES 65536 /* a PEM file of this directory has some 2 KiB */

__attribute__((format(printf, 3, 4))) static int fail(struct pki_store *store, int error,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(store->problem, sizeof(store->problem), format, args);
	va_end(args);
	return error;
}

static int path_of(struct pki_store *store, const char *name, const char *suffix, char *path)
{
	int len = snprintf(path, PATH_MAX, "%s/%s%s", store->dir, name, suffix);

	return len < PATH_MAX ? 0 : fail(store, -ENAMETOOLONG, "the path is too long");
}

int pki_store_prepare(struct pki_store *store)
{
	struct stat st;

	if (mkdir(store->dir, 0755) == 0)
		return 0;
	if (errno != EEXIST)
		return fail(store, -errno, "cannot make %s: %s", store->dir, strerror(errno));
	if (stat(store->dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return fail(store, -ENOTDIR, "%s is not a directory", store->dir);
	return 0;
}

bool pki_store_name_ok(const char *name)
{
	if (name[0] == '\0' || name[0] == '.' || name[0] == '-' || strlen(name) > 64)
		return false;
	for (const char *c = name; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
			return false;
	}
	return true;
}

int pki_store_check_free(struct pki_store *store, const char *name)
{
	static const char *const suffixes[] = {".pem", ".key"};
	char path[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		int r = path_of(store, name, suffixes[i], path);

		if (r < 0)
			return r;
		if (!store->overwrite && lstat(path, &st) == 0)
			return fail(store, -EEXIST, "%s exists; --force replaces it", path);
	}
	return 0;
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			left -= (size_t)n;
		}
	}
	return 0;
}

/* A new file, never an old one written over: its mode and its owner are ours. */
static int write_file(struct pki_store *store, const char *path, mode_t mode, const char *text,
		      const char *more)
{
	int _cleanup_fd_ fd = -1;
	int r;

	if (store->overwrite)
		(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return fail(store, -errno, "cannot make %s: %s", path, strerror(errno));
	r = write_all(fd, text);
	if (r == 0 && more)
		r = write_all(fd, more);
	return r < 0 ? fail(store, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

static int put_certificate(struct pki_store *store, const char *name,
			   const struct tls_pki_entity *entity, const struct tls_pki_entity *issuer)
{
	char _cleanup_free_ *text = tls_pki_cert_pem(entity);
	char _cleanup_free_ *more = issuer ? tls_pki_cert_pem(issuer) : NULL;
	char path[PATH_MAX];
	int r = path_of(store, name, ".pem", path);

	if (r < 0)
		return r;
	if (!text || (issuer && !more))
		return fail(store, -ENOMEM, "out of memory");
	return write_file(store, path, 0644, text, more);
}

static int put_key(struct pki_store *store, const char *name, const struct tls_pki_entity *entity)
{
	char _cleanup_free_ *text = tls_pki_key_pem(entity);
	char path[PATH_MAX];
	int r = path_of(store, name, ".key", path);

	if (r < 0)
		return r;
	if (!text)
		return fail(store, -ENOMEM, "out of memory");
	r = write_file(store, path, 0600, text, NULL);
	secret_wipe_mem(text, strlen(text));
	return r;
}

int pki_store_put(struct pki_store *store, const char *name, const struct tls_pki_entity *entity,
		  const struct tls_pki_entity *issuer)
{
	int r = put_certificate(store, name, entity, issuer);

	return r < 0 ? r : put_key(store, name, entity);
}

static int read_file(struct pki_store *store, const char *path, char **ret_text)
{
	int _cleanup_fd_ fd = open(path, O_RDONLY | O_CLOEXEC);
	char _cleanup_free_ *text = calloc(1, FILE_MAX_BYTES);
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0)
		return fail(store, -errno, "cannot open %s: %s", path, strerror(errno));
	if (!text)
		return fail(store, -ENOMEM, "out of memory");
	while (n > 0 && len < FILE_MAX_BYTES - 1) {
		n = read(fd, text + len, FILE_MAX_BYTES - 1 - len);
		if (n > 0)
			len += (size_t)n;
	}
	if (n < 0)
		return fail(store, -errno, "cannot read %s: %s", path, strerror(errno));
	*ret_text = text;
	text = NULL;
	return 0;
}

int pki_store_get(struct pki_store *store, const char *name, struct tls_pki_entity **ret_entity)
{
	char _cleanup_free_ *cert = NULL;
	char _cleanup_free_ *key = NULL;
	char path[PATH_MAX];
	int r = path_of(store, name, ".pem", path);

	if (r == 0)
		r = read_file(store, path, &cert);
	if (r == 0)
		r = path_of(store, name, ".key", path);
	if (r == 0)
		r = read_file(store, path, &key);
	if (r < 0 || !cert || !key)
		return r;
	r = tls_pki_load(cert, key, ret_entity);
	secret_wipe_mem(key, strlen(key));
	return r < 0 ? fail(store, r, "%s/%s.pem and .key are not a certificate and its key",
			    store->dir, name)
		     : 0;
}

static int replace_file(struct pki_store *store, const char *path, const char *text)
{
	char fresh[PATH_MAX + 8];
	int r;

	(void)snprintf(fresh, sizeof(fresh), "%s.new", path);
	(void)unlink(fresh);
	r = write_file(store, fresh, 0644, text, NULL);
	if (r == 0 && rename(fresh, path) < 0)
		r = fail(store, -errno, "cannot replace %s: %s", path, strerror(errno));
	if (r < 0)
		(void)unlink(fresh);
	return r;
}

static int write_crl(struct pki_store *store, const char *ca, const struct tls_pki_entity *issuer,
		     struct tls_pki_entity *const *revoked, size_t n, time_t from, time_t until)
{
	char _cleanup_free_ *text = tls_pki_crl_pem(issuer, revoked, n, from, until);
	char path[PATH_MAX];
	int r = path_of(store, ca, ".crl", path);

	if (r < 0)
		return r;
	return text ? replace_file(store, path, text)
		    : fail(store, -EIO, "cannot make the CRL of %s", ca);
}

int pki_store_put_crl(struct pki_store *store, const char *ca, const char *const *revoked, size_t n,
		      time_t from, time_t until)
{
	struct tls_pki_entity _cleanup_pki_entity_ *issuer = NULL;
	struct tls_pki_entity **entities = calloc(n + 1, sizeof(struct tls_pki_entity *));
	int r = entities ? pki_store_get(store, ca, &issuer) : fail(store, -ENOMEM, "no memory");

	for (size_t i = 0; r == 0 && i < n; i++)
		r = pki_store_get(store, revoked[i], &entities[i]);
	if (r == 0)
		r = write_crl(store, ca, issuer, entities, n, from, until);
	for (size_t i = 0; entities && i < n; i++)
		tls_pki_free(entities[i]);
	free(entities);
	return r;
}
