// SPDX-License-Identifier: Apache-2.0
/*
 * A bundle in a memfd, between processes of the same program:
 *
 *	MAGIC  block(text)  number  { block(name) block(data) }…  number  { block(name) block(data) }…
 *
 * first the variables, then the secrets. A block is a number and that many bytes, a number is 64 bits
 * as the machine has them; NONE instead of a length stands for "not there".
 */
#include "daemon/bundle_internal.h"

#include "base/fd.h"
#include "base/lockmem.h"
#include "sys/confile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MAGIC "sluiceB1"
#define NONE  UINT64_MAX
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* --- writing --- */

static int put(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int put_block(int fd, const char *bytes, size_t len)
{
	uint64_t head = bytes ? len : NONE;
	int r = put(fd, &head, sizeof(head));

	return r < 0 || !bytes ? r : put(fd, bytes, len);
}

static int put_items(int fd, const struct bundle_items *items)
{
	uint64_t count = items->count;
	int r = put(fd, &count, sizeof(count));

	for (size_t i = 0; r == 0 && i < items->count; i++) {
		const struct bundle_item *item = &items->list[i];

		r = put_block(fd, item->name, strlen(item->name));
		if (r == 0)
			r = put_block(fd, item->data, item->len);
	}
	return r;
}

int bundle_to_fd(const struct bundle *bundle, int *ret_fd)
{
	int _cleanup_fd_ fd = memfd_create("sluice-bundle", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = put(fd, MAGIC, strlen(MAGIC));
	if (r == 0)
		r = put_block(fd, bundle->text, bundle->text_len);
	if (r == 0)
		r = put_items(fd, &bundle->variables);
	if (r == 0)
		r = put_items(fd, &bundle->secrets);
	if (r == 0 && fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		r = -errno;
	if (r < 0)
		return r;
	*ret_fd = fd_take(&fd);
	return 0;
}

/* --- reading --- */

struct cursor {
	const char *at;
	size_t left;
};

static int take(struct cursor *cursor, size_t len, const char **ret_bytes)
{
	if (len > cursor->left)
		return -EPROTO;
	*ret_bytes = cursor->at;
	cursor->at += len;
	cursor->left -= len;
	return 0;
}

static int take_number(struct cursor *cursor, uint64_t *ret_number)
{
	const char *bytes;
	int r = take(cursor, sizeof(*ret_number), &bytes);

	if (r == 0)
		memcpy(ret_number, bytes, sizeof(*ret_number));
	return r;
}

/* A copy in locked memory with a NUL behind it; NULL for NONE. */
static int take_block(struct cursor *cursor, char **ret_data, size_t *ret_len)
{
	uint64_t len;
	const char *bytes;
	int r = take_number(cursor, &len);

	*ret_data = NULL;
	*ret_len = 0;
	if (r < 0 || len == NONE)
		return r;
	r = take(cursor, len, &bytes);
	if (r < 0)
		return r;
	*ret_data = lockmem_text(bytes, len);
	*ret_len = len;
	return *ret_data ? 0 : -ENOMEM;
}

static int take_item(struct cursor *cursor, struct bundle_items *items)
{
	char *name = NULL, *data = NULL;
	size_t name_len = 0, len = 0;
	int r = take_block(cursor, &name, &name_len);

	if (r == 0)
		r = name ? take_block(cursor, &data, &len) : -EPROTO;
	if (r == 0)
		r = bundle_items_add(items, name, data, len, 0);
	lockmem_free(name, name_len + 1);
	return r;
}

static int take_items(struct cursor *cursor, struct bundle_items *items)
{
	uint64_t count;
	int r = take_number(cursor, &count);

	/* A count that is too high ends at the end of the bytes. */
	for (uint64_t i = 0; r == 0 && i < count; i++)
		r = take_item(cursor, items);
	return r;
}

static const char *recorded(void *arg, const char *name)
{
	const struct bundle *bundle = arg;
	const struct bundle_item *variable = bundle_items_find(&bundle->variables, name);

	return variable ? variable->data : NULL;
}

static int parse_text(struct bundle *bundle)
{
	struct report report;
	int r;

	report_init(&report);
	r = confile_parse(bundle->text, bundle->text_len, recorded, bundle, &report,
			  &bundle->confile);
	if (r == 0)
		r = bundle_rules_parse(bundle, recorded, &report);
	if (r == -EINVAL || (r == 0 && report.n_mistakes > 0))
		r = -EPROTO;
	report_done(&report);
	return r;
}

static int take_all(struct cursor *cursor, struct bundle *bundle)
{
	const char *magic;
	int r = take(cursor, strlen(MAGIC), &magic);

	if (r == 0 && memcmp(magic, MAGIC, strlen(MAGIC)) != 0)
		r = -EPROTO;
	if (r == 0)
		r = take_block(cursor, &bundle->text, &bundle->text_len);
	if (r == 0 && !bundle->text)
		r = -EPROTO;
	if (r == 0)
		r = take_items(cursor, &bundle->variables);
	if (r == 0)
		r = take_items(cursor, &bundle->secrets);
	if (r == 0 && cursor->left > 0)
		r = -EPROTO;
	return r == 0 ? parse_text(bundle) : r;
}

static int map(int fd, const char **ret_bytes, size_t *ret_len)
{
	int seals = fcntl(fd, F_GET_SEALS);
	void *mapped;
	struct stat st;

	/* Sealed, or it could shrink under our hands. */
	if (seals < 0 || (seals & SEALS) != SEALS)
		return -EPROTO;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size == 0)
		return -EPROTO;
	mapped = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	*ret_bytes = mapped;
	*ret_len = (size_t)st.st_size;
	return 0;
}

int bundle_from_fd(int fd, struct bundle **ret_bundle)
{
	struct bundle *bundle = calloc(1, sizeof(*bundle));
	const char *bytes = NULL;
	struct cursor cursor;
	size_t len = 0;
	int r;

	if (!bundle)
		return -ENOMEM;
	r = map(fd, &bytes, &len);
	if (r == 0) {
		cursor = (struct cursor){.at = bytes, .left = len};
		r = take_all(&cursor, bundle);
		(void)munmap((void *)(uintptr_t)bytes, len);
	}
	if (r < 0) {
		bundle_free(bundle);
		return r;
	}
	*ret_bundle = bundle;
	return 0;
}

bool bundle_fd_equal(int a, int b)
{
	struct stat stat_a, stat_b;
	void *map_a, *map_b;
	bool equal = false;

	if (fstat(a, &stat_a) < 0 || fstat(b, &stat_b) < 0 || stat_a.st_size != stat_b.st_size ||
	    stat_a.st_size == 0)
		return false;
	map_a = mmap(NULL, (size_t)stat_a.st_size, PROT_READ, MAP_SHARED, a, 0);
	map_b = mmap(NULL, (size_t)stat_b.st_size, PROT_READ, MAP_SHARED, b, 0);
	if (map_a != MAP_FAILED && map_b != MAP_FAILED)
		equal = memcmp(map_a, map_b, (size_t)stat_a.st_size) == 0;
	if (map_a != MAP_FAILED)
		munmap(map_a, (size_t)stat_a.st_size);
	if (map_b != MAP_FAILED)
		munmap(map_b, (size_t)stat_b.st_size);
	return equal;
}
