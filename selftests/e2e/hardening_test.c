// SPDX-License-Identifier: Apache-2.0
/* What a worker that was taken over cannot have or do. */
#include "selftests/e2e/e2e.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

SUITE("hardening", NEEDS(NEED_NETNS));

static pid_t only_worker(struct e2e *e)
{
	pid_t pids[2];

	E2E_MUST(e, daemon_workers(&e->daemon, pids, 2) == 1);
	return pids[0];
}

/* Number of the first descriptor of @pid whose link has @text; -1: none. */
static int find_fd(pid_t pid, const char *text)
{
	char path[64], link[256];
	struct dirent *entry;
	int found = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	MUST(dir != NULL);
	while (found < 0 && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		if (n > 0) {
			link[n] = '\0';
			if (strstr(link, text))
				found = (int)strtol(entry->d_name, NULL, 10);
		}
	}
	closedir(dir);
	return found;
}

static size_t read_file(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t n;

	MUST(file != NULL, "%s", path);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	(void)fclose(file);
	return n;
}

static bool environment_has(pid_t pid, const char *name)
{
	static char text[65536];
	char path[64];
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	n = read_file(path, text, sizeof(text));
	return memmem(text, n, name, strlen(name)) != NULL;
}

/* How often @text stands in the memory of @pid, anywhere that can be read. */
static size_t count_in_memory(pid_t pid, const char *text)
{
	static char bytes[1 << 20];
	unsigned long start, end;
	char path[64], line[512];
	size_t found = 0;
	FILE *maps;
	int mem;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = MUST_OK(open(path, O_RDONLY | O_CLOEXEC));
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	MUST(maps != NULL);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx rw", &start, &end) != 2)
			continue;
		for (unsigned long at = start; at < end; at += sizeof(bytes) / 2) {
			size_t left = end - at < sizeof(bytes) ? end - at : sizeof(bytes);
			ssize_t n = pread(mem, bytes, left, (off_t)at);

			if (n > 0 && memmem(bytes, (size_t)n, text, strlen(text)))
				found++;
		}
	}
	(void)fclose(maps);
	MUST_OK(close(mem));
	return found;
}

/* The key comes by a variable; once loaded, its text is nowhere in the worker. */
TEST(worker_has_no_key_text)
{
	static const char variable[] = "SLUICE_TEST_KEY";
	static struct e2e e;
	char pem[4096], body[41], from[160], to[64], *at;
	struct tlsclient_options options;
	struct tlsclient client;
	pid_t worker;

	e.script = STEPS(RECV_ALL);
	e2e_prepare(&e);
	(void)read_file(e2e_path(&e, "pki/server.key"), pem, sizeof(pem));
	MUST_OK(setenv(variable, pem, 1));
	at = strchr(pem, '\n');
	MUST(at != NULL);
	snprintf(body, sizeof(body), "%.40s", at + 1);
	snprintf(from, sizeof(from), "file:%s", e2e_path(&e, "pki/server.key"));
	snprintf(to, sizeof(to), "env:%s", variable);
	at = strstr(e.yaml, from);
	MUST(at != NULL);
	memset(at, ' ', strlen(from));
	memcpy(at, to, strlen(to));
	e2e_start(&e);
	worker = only_worker(&e);
	CHECK(environment_has(e.daemon.pid, variable));
	CHECK(!environment_has(worker, variable));
	CHECK(environment_has(worker, "PATH="));
	CHECK(find_fd(e.daemon.pid, "sluice-bundle") >= 0);
	CHECK_EQ(find_fd(worker, "sluice-bundle"), -1);
	options = e2e_client_options(&e, NULL);
	e2e_connect(&e, &client, &options);
	CHECK_EQ(count_in_memory(worker, body), 0);
	tlsclient_close(&client);
	e2e_stop(&e);
}

TEST(counters_cannot_be_truncated)
{
	static struct e2e e;
	char path[64];
	int fd;

	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", e.daemon.pid,
		 find_fd(e.daemon.pid, "sluice-stats"));
	fd = MUST_OK(open(path, O_RDWR | O_CLOEXEC));
	CHECK_ERRNO(ftruncate(fd, 0), EPERM);
	CHECK_ERRNO(ftruncate(fd, 1 << 20), EPERM);
	MUST_OK(close(fd));
	E2E_MUST(&e, daemon_counter(&e.daemon, "accepted") == 0);
	e2e_stop(&e);
}

TEST(supervisor_leaves_no_core)
{
	static struct e2e e;
	char text[8192];
	char path[64];

	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	snprintf(path, sizeof(path), "/proc/%d/limits", e.daemon.pid);
	(void)read_file(path, text, sizeof(text));
	CHECK(strstr(text, "Max core file size        0                    0") != NULL, "%s", text);
	e2e_stop(&e);
}

/* Where the limit is infinite, all that a worker touches is locked; elsewhere its keys alone. */
TEST(worker_memory_is_locked)
{
	static struct e2e e;
	char limits[8192], value[64], path[64];
	bool unlimited;
	pid_t worker;

	e.script = STEPS(RECV_ALL);
	e2e_start(&e);
	worker = only_worker(&e);
	snprintf(path, sizeof(path), "/proc/%d/limits", worker);
	(void)read_file(path, limits, sizeof(limits));
	unlimited = strstr(limits, "Max locked memory         unlimited") != NULL;
	E2E_MUST(&e, daemon_proc_value(worker, "status", "VmLck", value));
	NOTE("limit is %s, %s KiB are locked", unlimited ? "infinite" : "finite", value);
	if (unlimited)
		CHECK_GE(strtoull(value, NULL, 10), 1024);
	e2e_stop(&e);
}
