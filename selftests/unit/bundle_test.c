// SPDX-License-Identifier: Apache-2.0
/* One generation as bytes: from disk and environment, through a memfd, and what is no bundle. */
#include "selftests/harness/harness.h"

#include "selftests/unit/material.h"

#include "base/fd.h"
#include "base/report.h"
#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "model/config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

SUITE("bundle", .deadline_ms = 20000);

#define TEXT                                                                                       \
	"listeners:\n"                                                                             \
	"- name: web\n"                                                                            \
	"  listen: [\"127.0.0.1:${SLUICE_TEST_PORT}\"]\n"                                          \
	"  tls: {certificates: [{chain: file:server.pem, key: env:SLUICE_TEST_KEY}],\n"            \
	"        client_ca: file:ca.pem}\n"                                                        \
	"  rules: [{name: all, upstream: app}]\n"                                                  \
	"upstreams: [{name: app, endpoints: [\"127.0.0.1:${SLUICE_TEST_NONE:-8080}\"]}]\n"

static void read_file(const char *name, char *text, size_t size)
{
	int fd = MUST_OK(open(material_path(name), O_RDONLY | O_CLOEXEC));
	ssize_t n = MUST_OK(read(fd, text, size - 1));

	text[n] = '\0';
	MUST_OK(close(fd));
}

static struct bundle *read_good(void)
{
	struct bundle *bundle = NULL;
	struct report report;
	char key[4096];

	material_write_all();
	read_file("server.key", key, sizeof(key));
	MUST_OK(setenv("SLUICE_TEST_KEY", key, 1));
	MUST_OK(setenv("SLUICE_TEST_PORT", "8443", 1));
	MUST_OK(unsetenv("SLUICE_TEST_NONE"));
	material_write_text("sluice.yaml", TEXT);
	report_init(&report);
	MUST_EQ(bundle_read(material_path("sluice.yaml"), &report, &bundle), 0);
	CHECK_EQ(report.count, 0);
	report_done(&report);
	return bundle;
}

static struct config *build(const struct bundle *bundle)
{
	struct config *config = NULL;
	struct report report;

	report_init(&report);
	MUST_EQ(confload_build(bundle, &report, &config), 0);
	CHECK_EQ(report.count, 0);
	report_done(&report);
	return config;
}

/* A worker has no files and another environment, and comes to the same. */
TEST(a_bundle_comes_out_of_a_memfd_as_it_went_in)
{
	struct bundle *bundle = read_good(), *again = NULL;
	struct config *one = build(bundle), *two;
	int _cleanup_fd_ fd = -1;

	MUST_EQ(bundle_to_fd(bundle, &fd), 0);
	bundle_free(bundle);
	MUST_OK(unlink(material_path("server.pem")));
	MUST_OK(unlink(material_path("ca.pem")));
	MUST_OK(unlink(material_path("sluice.yaml")));
	MUST_OK(setenv("SLUICE_TEST_PORT", "1", 1));
	MUST_OK(setenv("SLUICE_TEST_NONE", "2", 1));
	MUST_OK(setenv("SLUICE_TEST_KEY", "3", 1));
	MUST_OK(lseek(fd, 7, SEEK_SET)); /* the offset does not matter */
	MUST_EQ(bundle_from_fd(fd, &again), 0);
	two = build(again);
	CHECK_EQ(confload_line(again, "upstreams"), 7);
	bundle_free(again);
	CHECK_EQ(addr_port(&two->listeners[0].addrs[0]), 8443);
	CHECK_EQ(addr_port(&two->upstreams[0].endpoints[0]), 8080);
	CHECK_STR(two->listeners[0].certificates[0].chain.data,
		  one->listeners[0].certificates[0].chain.data);
	CHECK_STR(two->listeners[0].certificates[0].key.data,
		  one->listeners[0].certificates[0].key.data);
	CHECK_STR(two->listeners[0].client_ca.data, one->listeners[0].client_ca.data);
	config_free(one);
	config_free(two);
}

TEST(the_memfd_is_sealed_and_not_inherited)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	struct bundle *bundle = read_good();
	int _cleanup_fd_ fd = -1;

	MUST_EQ(bundle_to_fd(bundle, &fd), 0);
	CHECK_EQ(fcntl(fd, F_GET_SEALS) & seals, seals);
	CHECK_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	CHECK_ERRNO(pwrite(fd, "x", 1, 0), EPERM);
	CHECK_ERRNO(ftruncate(fd, 0), EPERM);
	bundle_free(bundle);
}

/* --- what is no bundle --- */

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int memfd_with(const void *bytes, size_t len, int seals)
{
	int fd = MUST_OK(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));

	MUST_EQ(write(fd, bytes, len), len);
	MUST_OK(fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

static int from_bytes(const void *bytes, size_t len)
{
	struct bundle *bundle = NULL;
	int fd = memfd_with(bytes, len, SEALS);
	int r = bundle_from_fd(fd, &bundle);

	MUST_OK(close(fd));
	CHECK_EQ(bundle == NULL, r < 0);
	bundle_free(bundle);
	return r;
}

/* The bytes of a good bundle; the caller frees them. */
static uint8_t *good_bytes(size_t *ret_len)
{
	struct bundle *bundle = read_good();
	int _cleanup_fd_ fd = -1;
	uint8_t *bytes;
	struct stat st;

	MUST_EQ(bundle_to_fd(bundle, &fd), 0);
	bundle_free(bundle);
	MUST_OK(fstat(fd, &st));
	*ret_len = (size_t)st.st_size;
	bytes = malloc(*ret_len + 1);
	MUST(bytes);
	MUST_EQ(pread(fd, bytes, *ret_len, 0), *ret_len);
	return bytes;
}

TEST(a_part_of_a_bundle_is_none)
{
	size_t len;
	uint8_t _cleanup_free_ *bytes = good_bytes(&len);

	MUST_EQ(from_bytes(bytes, len), 0);
	for (size_t part = 0; part < len; part += part < 64 || part + 64 > len ? 1 : 13)
		CHECK_EQ(from_bytes(bytes, part), -EPROTO, "%zu of %zu bytes", part, len);
	bytes[len] = 0;
	CHECK_EQ(from_bytes(bytes, len + 1), -EPROTO);
}

/* Positions in a bundle: magic, the text's length, the text, the number of variables, … */
TEST(a_bundle_with_other_numbers_is_none)
{
	static const uint64_t numbers[] = {0, 1, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
	const size_t at_text = 8, at_variables = at_text + 8 + strlen(TEXT);
	size_t len, at[] = {at_text, at_variables, at_variables + 8};
	uint8_t _cleanup_free_ *bytes = good_bytes(&len);
	uint64_t was;

	for (size_t p = 0; p < 3; p++) {
		memcpy(&was, bytes + at[p], 8);
		for (size_t i = 0; i < 5; i++) {
			memcpy(bytes + at[p], &numbers[i], 8);
			CHECK_EQ(from_bytes(bytes, len), -EPROTO, "%#llx at %zu",
				 (unsigned long long)numbers[i], at[p]);
		}
		memcpy(bytes + at[p], &was, 8);
	}
	bytes[0] ^= 1;
	CHECK_EQ(from_bytes(bytes, len), -EPROTO);
}

/* A bundle whose text has a mistake was not made by bundle_read(). */
TEST(a_text_with_a_mistake_is_no_bundle)
{
	size_t len;
	uint8_t _cleanup_free_ *bytes = good_bytes(&len);

	bytes[16 + 8] = 'z'; /* listenerz */
	CHECK_EQ(from_bytes(bytes, len), -EPROTO);
	bytes[16 + 8] = 1; /* no text at all */
	CHECK_EQ(from_bytes(bytes, len), -EPROTO);
}

struct seal_case {
	VARIANT;
	int seals;
};

CASES(struct seal_case, missing_seals, {.name = "all"},
      {.name = "write", .seals = SEALS & ~F_SEAL_WRITE},
      {.name = "shrink", .seals = SEALS & ~F_SEAL_SHRINK},
      {.name = "grow", .seals = SEALS & ~F_SEAL_GROW},
      {.name = "seal", .seals = SEALS & ~F_SEAL_SEAL});

TEST_CASES(what_could_change_under_our_hands_is_refused, missing_seals)
{
	struct bundle *bundle = NULL;
	size_t len;
	uint8_t _cleanup_free_ *bytes = good_bytes(&len);
	int fd = memfd_with(bytes, len, variant->seals);

	CHECK_EQ(bundle_from_fd(fd, &bundle), -EPROTO);
	MUST_OK(close(fd));
}

TEST(what_is_no_memfd_is_refused)
{
	struct bundle *bundle = NULL;
	int fd;

	material_write_text("file", "sluiceB1");
	fd = MUST_OK(open(material_path("file"), O_RDONLY | O_CLOEXEC));
	CHECK_EQ(bundle_from_fd(fd, &bundle), -EPROTO);
	MUST_OK(close(fd));
	CHECK_EQ(bundle_from_fd(fd, &bundle), -EPROTO); /* closed */
}

/* --- what cannot be read --- */

static void make_missing(const char *path)
{
	(void)path;
}

static void make_empty(const char *path)
{
	MUST_OK(close(MUST_OK(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644))));
}

static void make_too_large(const char *path)
{
	make_empty(path);
	MUST_OK(truncate(path, (off_t)BUNDLE_FILE_MAX + 1));
}

static void make_directory(const char *path)
{
	MUST_OK(mkdir(path, 0755));
}

static void make_fifo(const char *path)
{
	MUST_OK(mkfifo(path, 0644));
}

static void make_unreadable(const char *path)
{
	make_empty(path);
	MUST_OK(chmod(path, 0));
}

static void make_loop(const char *path)
{
	MUST_OK(symlink(path, path));
}

struct file_case {
	VARIANT;
	void (*make)(const char *path);
	const char *secret, *config; /* what is told when it is this or that */
};

CASES(struct file_case, files,
      {.name = "missing",
       .make = make_missing,
       .secret = "No such file or directory",
       .config = "No such file or directory"},
      {.name = "empty",
       .make = make_empty,
       .secret = "is an empty file",
       .config = "the file is empty"},
      {.name = "too_large",
       .make = make_too_large,
       .secret = "is larger than 4 MiB",
       .config = "File too large"},
      {.name = "directory",
       .make = make_directory,
       .secret = "is a directory without a file that ends with .pem, .crt, .cer, .crl or .der",
       .config = "not a regular file"},
      {.name = "fifo",
       .make = make_fifo,
       .secret = "is not a regular file",
       .config = "not a regular file"},
      {.name = "unreadable",
       .make = make_unreadable,
       .secret = "Permission denied",
       .config = "Permission denied"},
      {.name = "loop",
       .make = make_loop,
       .secret = "Too many levels of symbolic links",
       .config = "Too many levels of symbolic links"});

/* Root can read everything; then it is somebody else who reads. */
static int read_as_ordinary_user(const char *path, struct report *report, struct bundle **bundle)
{
	bool root = geteuid() == 0;
	int r;

	if (root) {
		MUST_OK(chmod(material_path("sluice.yaml"), 0644));
		MUST_OK(seteuid(65534));
	}
	r = bundle_read(path, report, bundle);
	if (root) {
		MUST_OK(seteuid(0));
		MUST_OK(prctl(PR_SET_DUMPABLE, 1)); /* or no sanitizer looks for leaks */
	}
	return r;
}

TEST_CASES(a_file_that_cannot_be_used_is_told_with_its_line, files)
{
	char _cleanup_free_ *told = NULL;
	struct bundle *bundle = NULL;
	struct report report;
	char want[200];

	material_write_text("sluice.yaml", "listeners:\n- tls:\n    client_ca: file:it\n");
	(void)umask(022);
	variant->make(material_path("it"));
	report_init(&report);
	MUST_EQ(read_as_ordinary_user(material_path("sluice.yaml"), &report, &bundle), 0);
	MUST(bundle);
	(void)snprintf(want, sizeof(want), "3 listeners[0].tls.client_ca: file:it: %s",
		       variant->secret);
	told = material_told(&report);
	CHECK_STR(told, want);
	report_done(&report);
	bundle_free(bundle);
}

TEST_CASES(a_configuration_that_cannot_be_used_is_told, files)
{
	char _cleanup_free_ *told = NULL;
	struct bundle *bundle = NULL;
	struct report report;
	char want[200], path[512];

	material_write_text("sluice.yaml", "");
	(void)snprintf(path, sizeof(path), "%s", material_path("it"));
	(void)umask(022);
	variant->make(path);
	report_init(&report);
	CHECK_EQ(read_as_ordinary_user(path, &report, &bundle), -EINVAL);
	CHECK(!bundle);
	(void)snprintf(want, sizeof(want), "0 cannot be read: %s", variant->config);
	told = material_told(&report);
	CHECK_STR(told, want);
	CHECK_STR(report.file, path);
	report_done(&report);
}

/* --- where it is read from --- */

struct source_case {
	VARIANT;
	const char *source; /* %s: the directory */
	const char *told;   /* NULL: found */
};

CASES(struct source_case, sources, {.name = "beside", .source = "file:x.pem"},
      {.name = "below", .source = "file:sub/x.pem"}, {.name = "up", .source = "file:sub/../x.pem"},
      {.name = "absolute", .source = "file:%s/x.pem"},
      {.name = "environment", .source = "env:SLUICE_TEST_SECRET"},
      {.name = "environment_unset",
       .source = "env:SLUICE_TEST_NONE",
       .told = "is not set in the environment, or empty"},
      {.name = "environment_empty",
       .source = "env:SLUICE_TEST_EMPTY",
       .told = "is not set in the environment, or empty"},
      {.name = "no_path", .source = "file:", .told = "is neither file:PATH nor env:NAME"},
      {.name = "no_name", .source = "env:", .told = "is neither file:PATH nor env:NAME"},
      {.name = "no_scheme", .source = "x.pem", .told = "is neither file:PATH nor env:NAME"},
      {.name = "other_scheme", .source = "http://x", .told = "is neither file:PATH nor env:NAME"},
      {.name = "upper_case", .source = "FILE:x.pem", .told = "is neither file:PATH nor env:NAME"});

TEST_CASES(a_source_is_a_file_or_a_variable, sources)
{
	char source[300], text[400], want[400];
	char _cleanup_free_ *told = NULL;
	struct bundle *bundle = NULL;
	struct report report;
	const char *data;
	size_t len = 0;

	MUST_OK(mkdir(material_path("sub"), 0700));
	material_write_text("x.pem", "content");
	material_write_text("sub/x.pem", "content");
	MUST_OK(setenv("SLUICE_TEST_SECRET", "content", 1));
	MUST_OK(setenv("SLUICE_TEST_EMPTY", "", 1));
	(void)snprintf(source, sizeof(source),
		       strstr(variant->source, "%s") ? "file:%s/x.pem" : "%s",
		       strstr(variant->source, "%s") ? test_tmpdir() : variant->source);
	(void)snprintf(text, sizeof(text), "listeners:\n- tls:\n    client_ca: '%s'\n", source);
	material_write_text("sluice.yaml", text);
	report_init(&report);
	MUST_EQ(bundle_read(material_path("sluice.yaml"), &report, &bundle), 0);
	told = material_told(&report);
	(void)snprintf(want, sizeof(want), "3 listeners[0].tls.client_ca: %s: %s", source,
		       variant->told ? variant->told : "");
	CHECK_STR(told, variant->told ? want : "");
	data = bundle_secret(bundle, source, &len);
	CHECK_EQ(data != NULL, variant->told == NULL);
	CHECK_STR(data, variant->told ? NULL : "content");
	CHECK_EQ(len, variant->told ? 0 : 7);
	CHECK(!bundle_secret(bundle, "file:another", &len));
	report_done(&report);
	bundle_free(bundle);
}

/* Read once, however often it is named; every place is told when it cannot be. */
TEST(a_source_that_is_named_twice)
{
	char _cleanup_free_ *told = NULL;
	struct bundle *bundle = NULL;
	struct report report;

	material_write_text(
		"sluice.yaml",
		"listeners:\n- tls:\n    client_ca: file:no\n- tls:\n    certificates:\n"
		"    - chain: file:no\n      key: env:SLUICE_TEST_NONE\n");
	report_init(&report);
	MUST_EQ(bundle_read(material_path("sluice.yaml"), &report, &bundle), 0);
	told = material_told(&report);
	CHECK_STR(told, "3 listeners[0].tls.client_ca: file:no: No such file or directory\n"
			"6 listeners[1].tls.certificates[0].chain: file:no: No such file or "
			"directory\n"
			"7 listeners[1].tls.certificates[0].key: env:SLUICE_TEST_NONE: is not set "
			"in the environment, or empty");
	report_done(&report);
	bundle_free(bundle);
}
