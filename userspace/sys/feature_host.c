// SPDX-License-Identifier: Apache-2.0
/* The part of the probe that reads what the kernel publishes. */
#include "sys/feature.h"

#include "base/fd.h"
#include "sys/feature_internal.h"
#include "sys/tls_version.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#define FILE_MAX ((size_t)1 << 20) /* /proc/cpuinfo of 200 CPUs is about 300 KB */

/* The first FILE_MAX bytes of a file in /proc as a string; NULL when it cannot be read. */
static char *read_text(const char *path)
{
	int _cleanup_fd_ fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : malloc(FILE_MAX + 1);
	size_t len = 0;
	ssize_t n;

	if (!text)
		return NULL;
	while (len < FILE_MAX && (n = read(fd, text + len, FILE_MAX - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return text;
}

static uint64_t read_number(const char *path)
{
	char _cleanup_free_ *text = read_text(path);

	return text ? strtoull(text, NULL, 10) : 0;
}

/* "key   : value" lines, as /proc/crypto and /proc/cpuinfo have them. */
struct line {
	const char *key, *value;
	size_t key_len, value_len;
};

/* Returns the start of the following line; NULL at the end. An empty line has key_len 0. */
static const char *next_line(const char *text, struct line *ret_line)
{
	const char *end = strchrnul(text, '\n');
	const char *colon = memchr(text, ':', (size_t)(end - text));

	memset(ret_line, 0, sizeof(*ret_line));
	if (*text == '\0')
		return NULL;
	ret_line->key = text;
	if (colon) {
		ret_line->key_len = (size_t)(colon - text);
		while (ret_line->key_len > 0 && strchr(" \t", text[ret_line->key_len - 1]))
			ret_line->key_len--;
		ret_line->value = colon + 1 + strspn(colon + 1, " \t");
		ret_line->value_len = ret_line->value < end ? (size_t)(end - ret_line->value) : 0;
	}
	return *end ? end + 1 : end;
}

static bool is_key(const struct line *line, const char *key)
{
	return line->key_len == strlen(key) && memcmp(line->key, key, line->key_len) == 0;
}

static bool is_value(const struct line *line, const char *value)
{
	return line->value_len == strlen(value) && memcmp(line->value, value, line->value_len) == 0;
}

void feature_parse_crypto(const char *text, char *ret_driver, size_t size)
{
	long priority = 0, best = -1;
	bool is_gcm = false, internal = false;
	char driver[64] = "";
	struct line line;

	ret_driver[0] = '\0';
	do {
		text = next_line(text, &line);
		if (is_key(&line, "name")) {
			is_gcm = is_value(&line, "gcm(aes)");
			internal = false;
			priority = 0;
		} else if (is_key(&line, "driver")) {
			(void)snprintf(driver, sizeof(driver), "%.*s", (int)line.value_len,
				       line.value);
		} else if (is_key(&line, "priority")) {
			priority = strtol(line.value, NULL, 10);
		} else if (is_key(&line, "internal")) {
			internal = is_value(&line, "yes");
		} else if (line.key_len == 0 && is_gcm && !internal && priority > best) {
			best = priority;
			(void)snprintf(ret_driver, size, "%s", driver);
		}
	} while (text);
}

void feature_host_crypto(struct feature_set *set)
{
	char _cleanup_free_ *text = read_text("/proc/crypto");

	if (text)
		feature_parse_crypto(text, set->gcm_driver, sizeof(set->gcm_driver));
}

static bool has_word(const struct line *line, const char *word)
{
	size_t len = strlen(word);
	const char *p = line->value, *end = line->value + line->value_len, *space;

	for (; p < end; p = space + 1) {
		space = memchr(p, ' ', (size_t)(end - p));
		if (!space)
			space = end;
		if ((size_t)(space - p) == len && memcmp(p, word, len) == 0)
			return true;
	}
	return false;
}

static void read_cpu(struct feature_set *set)
{
	char _cleanup_free_ *text = read_text("/proc/cpuinfo");
	const char *next = text;
	struct line line;

	while (next) {
		next = next_line(next, &line);
		if (!is_key(&line, "flags") && !is_key(&line, "Features"))
			continue;
		set->cpu_aes = has_word(&line, "aes");
		set->cpu_vaes = has_word(&line, "vaes");
		set->cpu_avx512 = has_word(&line, "avx512f");
		return;
	}
}

void feature_host_kernel(struct feature_set *set)
{
	struct utsname name;

	for (size_t i = 0; i < KERNEL_N_FAULTS; i++)
		set->faults[i] = KERNEL_UNKNOWN;
	if (uname(&name) < 0)
		return;
	(void)snprintf(set->kernel_release, sizeof(set->kernel_release), "%s", name.release);
	(void)snprintf(set->kernel_build, sizeof(set->kernel_build), "%s", name.version);
	if (kernel_version_parse(name.release, name.version, &set->kernel) < 0)
		return;
	for (size_t i = 0; i < KERNEL_N_FAULTS; i++)
		set->faults[i] = kernel_fault_verdict(i, &set->kernel);
}

void feature_host_limits(struct feature_set *set)
{
	struct rlimit memlock;
	int r = netlink_nics(&set->nics, &set->n_nics);

	set->nics_known.state = r < 0 ? FEATURE_FAILS : FEATURE_WORKS;
	set->nics_known.error = r;
	set->tls_library = tls_library_version();
	set->pipe_max_bytes = read_number("/proc/sys/fs/pipe-max-size");
	set->pipe_user_pages_soft = read_number("/proc/sys/fs/pipe-user-pages-soft");
	if (getrlimit(RLIMIT_MEMLOCK, &memlock) == 0)
		set->memlock_bytes =
			memlock.rlim_cur == RLIM_INFINITY ? UINT64_MAX : memlock.rlim_cur;
	read_cpu(set);
}
