// SPDX-License-Identifier: Apache-2.0
#include "base/lockmem.h"

#include "base/secret.h"

#include <string.h>
#include <sys/mman.h>

void *lockmem_new(size_t len)
{
	void *mem;

	if (len == 0)
		len = 1;
	mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return NULL;
	/* Where not all memory is locked anyway. An ordinary user may lock little: the rest can be swapped, which is no reason to fail. */
	(void)mlock(mem, len);
	(void)madvise(mem, len, MADV_DONTDUMP);
	return mem;
}

void lockmem_free(void *mem, size_t len)
{
	if (!mem)
		return;
	if (len == 0)
		len = 1;
	secret_wipe_mem(mem, len);
	(void)munmap(mem, len);
}

char *lockmem_text(const void *bytes, size_t len)
{
	char *text = lockmem_new(len + 1);

	if (text)
		memcpy(text, bytes, len);
	return text;
}
