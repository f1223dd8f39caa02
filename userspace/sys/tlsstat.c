// SPDX-License-Identifier: Apache-2.0
#include "sys/tlsstat.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

void tlsstat_parse(const char *text, struct tlsstat *ret_stat)
{
	struct tlsstat_entry *e;
	const char *line = text, *end;
	unsigned long long value;

	memset(ret_stat, 0, sizeof(*ret_stat));
	for (; *line != '\0' && ret_stat->n < TLSSTAT_MAX; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		e = &ret_stat->entries[ret_stat->n];
		if (sscanf(line, "%31s %llu", e->name, &value) == 2) {
			e->value = value;
			ret_stat->n++;
		}
	}
}

int tlsstat_read(struct tlsstat *ret_stat)
{
	char text[4096];
	int _cleanup_fd_ fd = open("/proc/net/tls_stat", O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		return -errno;
	text[len] = '\0';
	tlsstat_parse(text, ret_stat);
	return ret_stat->n ? 0 : -EIO;
}

bool tlsstat_find(const struct tlsstat *stat, const char *name, uint64_t *ret_value)
{
	for (size_t i = 0; i < stat->n; i++) {
		if (strcmp(stat->entries[i].name, name) == 0) {
			*ret_value = stat->entries[i].value;
			return true;
		}
	}
	return false;
}

uint64_t tlsstat_get(const struct tlsstat *stat, const char *name)
{
	uint64_t value;

	return tlsstat_find(stat, name, &value) ? value : 0;
}
