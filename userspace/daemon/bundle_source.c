// SPDX-License-Identifier: Apache-2.0
#include "daemon/bundle_internal.h"

#include "base/fd.h"
#include "base/lockmem.h"
#include "sys/tls_cert.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static ssize_t read_all(int fd, char *buf, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, buf + got, len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static int open_regular(const char *path, size_t max, int *ret_fd, size_t *ret_size)
{
	/* Non-blocking, or a FIFO would hold us up. */
	int _cleanup_fd_ fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	*ret_size = (size_t)st.st_size;
	*ret_fd = fd_take(&fd);
	return 0;
}

int bundle_file_read(const char *path, size_t max, char **ret_data, size_t *ret_len)
{
	int _cleanup_fd_ fd = -1;
	size_t size = 0;
	ssize_t got;
	char *data;
	int r = open_regular(path, max, &fd, &size);

	if (r < 0)
		return r;
	data = lockmem_new(size + 1);
	if (!data)
		return -ENOMEM;
	got = read_all(fd, data, size);
	/* What was truncated meanwhile is half written: not what its owner wants to be served. */
	if (got < 0 || (size_t)got != size || size == 0) {
		lockmem_free(data, size + 1);
		return got < 0 ? (int)got : size == 0 ? -ENODATA : -EAGAIN;
	}
	*ret_data = data;
	*ret_len = size;
	return 0;
}

char *bundle_path_beside(const char *dir, const char *path)
{
	char *full = NULL;

	if (path[0] == '/')
		return strdup(path);
	return asprintf(&full, "%s/%s", dir, path) < 0 ? NULL : full;
}

/* Of a list nothing may be there: a program that has nobody to list writes an empty file. */
static int read_list(const char *path, char **ret_data, size_t *ret_len)
{
	int r = bundle_file_read(path, BUNDLE_LIST_MAX, ret_data, ret_len);

	if (r != -ENODATA)
		return r;
	*ret_data = lockmem_text("", 0);
	*ret_len = 0;
	return *ret_data ? 0 : -ENOMEM;
}

static int read_path(const char *path, unsigned int allowed, char **ret_data, size_t *ret_len,
		     char **ret_culprit)
{
	struct stat st;

	if ((allowed & BUNDLE_DIRECTORY) != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return bundle_directory_read(path, (allowed & BUNDLE_CRL) != 0, ret_data, ret_len,
					     ret_culprit);
	if ((allowed & BUNDLE_LIST) != 0)
		return read_list(path, ret_data, ret_len);
	return bundle_file_read(path, BUNDLE_FILE_MAX, ret_data, ret_len);
}

static int read_beside(const char *dir, const char *path, unsigned int allowed, char **ret_data,
		       size_t *ret_len, char **ret_culprit)
{
	char _cleanup_free_ *full = NULL;

	if (path[0] == '\0')
		return -EINVAL;
	full = bundle_path_beside(dir, path);
	if (!full)
		return -ENOMEM;
	return read_path(full, allowed, ret_data, ret_len, ret_culprit);
}

int bundle_source_read(const char *dir, const char *source, unsigned int allowed, char **ret_data,
		       size_t *ret_len, char **ret_culprit)
{
	const char *value;

	if ((allowed & BUNDLE_SYSTEM) != 0 && strcmp(source, "system") == 0)
		return bundle_file_read(tls_cert_system_ca_path(), BUNDLE_FILE_MAX, ret_data,
					ret_len);
	if (strncmp(source, "file:", 5) == 0)
		return read_beside(dir, source + 5, allowed, ret_data, ret_len, ret_culprit);
	if (strncmp(source, "env:", 4) != 0 || source[4] == '\0')
		return -EINVAL;
	value = getenv(source + 4);
	if (!value || *value == '\0')
		return -ENODATA;
	*ret_data = lockmem_text(value, strlen(value));
	if (!*ret_data)
		return -ENOMEM;
	*ret_len = strlen(value);
	return 0;
}
