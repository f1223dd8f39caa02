// SPDX-License-Identifier: Apache-2.0
#include "daemon/bundle_internal.h"

#include "base/fd.h"
#include "base/lockmem.h"

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

static int read_beside(const char *dir, const char *path, size_t max, char **ret_data,
		       size_t *ret_len)
{
	char _cleanup_free_ *full = NULL;

	if (path[0] == '\0')
		return -EINVAL;
	full = bundle_path_beside(dir, path);
	if (!full)
		return -ENOMEM;
	return bundle_file_read(full, max, ret_data, ret_len);
}

static int source_read(const char *dir, const char *source, size_t max, char **ret_data,
		       size_t *ret_len)
{
	const char *value;

	if (strncmp(source, "file:", 5) == 0)
		return read_beside(dir, source + 5, max, ret_data, ret_len);
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

int bundle_source_read(const char *dir, const char *source, char **ret_data, size_t *ret_len)
{
	return source_read(dir, source, BUNDLE_FILE_MAX, ret_data, ret_len);
}

int bundle_list_read(const char *dir, const char *source, char **ret_data, size_t *ret_len)
{
	int r = source_read(dir, source, BUNDLE_LIST_MAX, ret_data, ret_len);

	/* A program that has nobody to list writes an empty file. An unset variable is a mistake. */
	if (r != -ENODATA || strncmp(source, "file:", 5) != 0)
		return r;
	*ret_data = lockmem_text("", 0);
	*ret_len = 0;
	return *ret_data ? 0 : -ENOMEM;
}
