// SPDX-License-Identifier: Apache-2.0
/* Without libFuzzer: the files of a directory, one after the other; reports as KTAP. */
#include "selftests/fuzz/fuzz.h"

#include "base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#define INPUT_MAX (1 << 20)

/* A copy of exactly its size, so that a sanitizer sees a read behind it. */
static void run_input(const char *directory, const char *name)
{
	static uint8_t buf[INPUT_MAX];
	uint8_t *data;
	char path[4096];
	ssize_t size;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, buf, sizeof(buf));
	data = size < 0 ? NULL : malloc((size_t)size + !size);
	if (!data) {
		perror(path);
		exit(1);
	}
	(void)close(fd);
	memcpy(data, buf, (size_t)size);
	printf("# %s\n", name);
	(void)fflush(stdout);
	(void)LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
}

int main(int argc, char **argv)
{
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
	struct dirent *entry;
	size_t n = 0;

	if (!dir) {
		(void)fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
		return 2;
	}
	(void)LLVMFuzzerInitialize(&argc, &argv);
	printf("KTAP version 1\n1..1\n");
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		run_input(argv[1], entry->d_name);
		n++;
	}
	(void)closedir(dir);
	printf("%s 1 corpus\n", n > 0 ? "ok" : "not ok");
	return n > 0 ? 0 : 1;
}
