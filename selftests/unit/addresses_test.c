// SPDX-License-Identifier: Apache-2.0
/* Can the addresses be had? Told with the line of the address, for serving and for testing. */
#include "selftests/harness/harness.h"

#include "selftests/unit/material.h"

#include "base/fd.h"
#include "base/report.h"
#include "daemon/addresses.h"
#include "daemon/bundle.h"
#include "sys/sock.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

SUITE("addresses", .deadline_ms = 20000);

/* A listening socket at 127.0.0.1 or a path. */
static int listen_at(const char *text, unsigned int flags, struct addr *ret_addr)
{
	int fd = -1;

	MUST_EQ(addr_parse(text, ret_addr), 0);
	if (!addr_is_unix(ret_addr))
		ret_addr->in4.sin_port = 0;
	MUST_EQ(sock_listen(ret_addr, flags, 1, &fd), 0);
	MUST_OK(getsockname(fd, &ret_addr->sa, &ret_addr->len));
	return fd;
}

static const char *unix_at(const char *name)
{
	static char text[ADDR_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "unix:%.90s", material_path(name));
	return text;
}

/* What addresses_check() tells of a configuration that listens at @text in line 4. */
static char *check(const char *text, enum addresses_purpose purpose, size_t *ret_mistakes)
{
	char yaml[600], *told;
	struct bundle *bundle;
	struct config *config;
	struct report report;

	material_write_all();
	(void)snprintf(yaml, sizeof(yaml),
		       "listeners:\n"
		       "- name: web\n"
		       "  listen:\n"
		       "  - \"%s\"\n"
		       "  tls: {certificates: [{chain: file:server.pem, key: file:server.key}],\n"
		       "        client_ca: file:ca.pem}\n"
		       "  rules: [{name: all, upstream: app}]\n"
		       "upstreams: [{name: app, endpoints: [\"unix:/nowhere\"]}]\n",
		       text);
	report_init(&report);
	MUST_EQ(material_load(yaml, &report, &bundle, &config), 0);
	addresses_check(config, bundle, purpose, NULL, &report);
	told = material_told(&report);
	*ret_mistakes = report.n_mistakes;
	report_done(&report);
	config_free(config);
	bundle_free(bundle);
	return told;
}

static void check_told(const char *text, enum addresses_purpose purpose, const char *what,
		       bool mistake)
{
	char want[400] = "";
	size_t mistakes;
	char _cleanup_free_ *told = check(text, purpose, &mistakes);

	if (what)
		(void)snprintf(want, sizeof(want), "4 listeners[0].listen[0]: %s%s: %s",
			       mistake ? "" : "warning: ", text, what);
	CHECK_STR(told, want);
	CHECK_EQ(mistakes, mistake);
}

TEST(a_free_port_is_free_and_left_free)
{
	char text[ADDR_TEXT_MAX];
	struct addr addr;
	int fd = listen_at("127.0.0.1:1", 0, &addr);

	MUST_OK(close(fd));
	(void)addr_format(&addr, text);
	check_told(text, ADDRESSES_TO_SERVE, NULL, false);
	check_told(text, ADDRESSES_TO_TEST, NULL, false);
	MUST_EQ(sock_listen(&addr, 0, 1, &fd), 0);
	MUST_OK(close(fd));
}

TEST(a_port_of_another_program_is_a_mistake)
{
	char text[ADDR_TEXT_MAX];
	struct addr addr;
	int fd = listen_at("127.0.0.1:1", 0, &addr);

	(void)addr_format(&addr, text);
	check_told(text, ADDRESSES_TO_SERVE, "Address already in use", true);
	check_told(text, ADDRESSES_TO_TEST, "Address already in use", true);
	MUST_OK(close(fd));
}

/* Two servers that share a port by SO_REUSEPORT would not notice each other. */
TEST(a_port_that_is_shared_is_a_mistake_to_serve_and_a_remark_to_test)
{
	char text[ADDR_TEXT_MAX];
	struct addr addr;
	int fd = listen_at("127.0.0.1:1", SOCK_LISTEN_REUSEPORT, &addr);

	(void)addr_format(&addr, text);
	check_told(text, ADDRESSES_TO_SERVE, "Address already in use", true);
	check_told(text, ADDRESSES_TO_TEST, "Address already in use", false);
	MUST_OK(close(fd));
}

TEST(a_path_is_in_use_or_stale)
{
	struct addr addr;
	int fd = listen_at(unix_at("s"), 0, &addr);
	struct stat st;

	check_told(unix_at("s"), ADDRESSES_TO_SERVE, "Address already in use", true);
	check_told(unix_at("s"), ADDRESSES_TO_TEST, "Address already in use", false);
	MUST_OK(close(fd));
	/* Nobody listens any more; the name is still there, and the test leaves it. */
	check_told(unix_at("s"), ADDRESSES_TO_SERVE, NULL, false);
	CHECK_EQ(stat(material_path("s"), &st), 0);
	check_told(unix_at("free"), ADDRESSES_TO_SERVE, NULL, false);
	CHECK_ERRNO(stat(material_path("free"), &st), ENOENT);
}

struct host_case {
	VARIANT;
	const char *text; /* a name in the test's directory, when it has no ':' */
	const char *told;
};

CASES(struct host_case, hosts,
      {.name = "not_ours", .text = "192.0.2.1:1", .told = "Cannot assign requested address"},
      {.name = "no_directory", .text = "no/no/s", .told = "No such file or directory"},
      {.name = "no_socket", .text = "ca.pem", .told = "Socket operation on non-socket"},
      {.name = "directory_is_a_file", .text = "ca.pem/s", .told = "Not a directory"});

TEST_CASES(what_this_host_cannot_do_is_a_mistake, hosts)
{
	const char *text = strchr(variant->text, ':') ? variant->text : unix_at(variant->text);

	check_told(text, ADDRESSES_TO_SERVE, variant->told, true);
	check_told(text, ADDRESSES_TO_TEST, variant->told, true);
}

/* An ordinary user's test says nothing about what the supervisor may. */
TEST(what_is_not_permitted_to_a_tester_is_a_remark)
{
	bool root = geteuid() == 0;
	struct bundle *bundle;
	struct config *config;
	struct report report;
	char yaml[600];

	material_write_all();
	MUST_OK(mkdir(material_path("dir"), 0555));
	(void)snprintf(
		yaml, sizeof(yaml),
		"listeners:\n- {name: web, listen: [\"%s\"], rules: [{name: all, upstream: app}],\n"
		"   tls: {certificates: [{chain: file:server.pem, key: file:server.key}], "
		"client_auth: off}}\n"
		"upstreams: [{name: app, endpoints: [\"unix:/nowhere\"]}]\n"
		"admin:\n  listen: %s\n",
		"127.0.0.1:1", unix_at("dir/s"));
	report_init(&report);
	MUST_EQ(material_load(yaml, &report, &bundle, &config), 0);
	config->listeners[0].n_addrs = 0; /* the admin socket alone */
	if (root)
		MUST_OK(seteuid(65534));
	addresses_check(config, bundle, ADDRESSES_TO_SERVE, NULL, &report);
	addresses_check(config, bundle, ADDRESSES_TO_TEST, NULL, &report);
	if (root) {
		MUST_OK(seteuid(0));
		MUST_OK(prctl(PR_SET_DUMPABLE, 1));
	}
	MUST_EQ(report.count, 2);
	CHECK_EQ(report.items[0].level, REPORT_MISTAKE);
	CHECK_EQ(report.items[1].level, REPORT_REMARK);
	CHECK_EQ(report.items[0].line, 6);
	CHECK_STR(report.items[0].field, "admin.listen");
	CHECK(strstr(report.items[1].message, "Permission denied"), "%s", report.items[1].message);
	report_done(&report);
	config_free(config);
	bundle_free(bundle);
}
