// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "base/fd.h"
#include "sys/netlink.h"

#include <string.h>
#include <sys/socket.h>

SUITE("netlink");

#define STATE_ESTABLISHED 1

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	MUST_OK(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len));
	return cookie;
}

struct family_case {
	VARIANT;
	const char *address;
};

CASES(struct family_case, families, {.name = "ipv4", .address = "127.0.0.1:1"},
      {.name = "ipv6", .address = "[::1]:1", .needs = NEED_IPV6});

TEST_CASES(a_socket_is_found_by_its_cookie, families, NEEDS(NEED_SOCK_DIAG))
{
	struct netlink_diag _cleanup_netlink_diag_ *diag = NULL;
	const struct netlink_tcp *tcp;
	struct addr here = {}, near, far;
	int _cleanup_fd_ listener = -1, a = -1, b = -1;

	MUST_EQ(addr_parse(variant->address, &here), 0);
	*(here.sa.sa_family == AF_INET6 ? &here.in6.sin6_port : &here.in4.sin_port) = 0;
	listener = MUST_OK(socket(here.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	a = MUST_OK(socket(here.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST_OK(bind(listener, &here.sa, here.len));
	MUST_OK(listen(listener, 1));
	MUST_OK(getsockname(listener, &here.sa, &here.len));
	MUST_OK(connect(a, &here.sa, here.len));
	b = MUST_OK(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	MUST_EQ(send(a, "five!", 5, 0), 5);
	near.len = far.len = sizeof(near.in6);
	MUST_OK(getsockname(a, &near.sa, &near.len));
	MUST_OK(getpeername(a, &far.sa, &far.len));

	MUST_EQ(netlink_diag_dump(&diag), 0);
	tcp = netlink_diag_by_cookie(diag, cookie_of(a));
	MUST(tcp);
	CHECK_EQ(tcp->state, STATE_ESTABLISHED);
	CHECK_MEM(&tcp->src.sa, &near.sa, near.len);
	CHECK_MEM(&tcp->dst.sa, &far.sa, far.len);
	CHECK(tcp->has_info);
	CHECK_STR(tcp->ulp, "");
	CHECK(!tcp->has_tls && tcp->txconf == 0);
	tcp = netlink_diag_by_cookie(diag, cookie_of(b));
	MUST(tcp);
	CHECK_EQ(tcp->bytes_received, 5);
	CHECK(!netlink_diag_by_cookie(diag, cookie_of(listener)), "listeners are left out");
	CHECK(!netlink_diag_by_cookie(diag, UINT64_MAX));
	CHECK(!netlink_diag_by_cookie(NULL, 1));
}

#define PAIRS 300 /* more than one message of the dump, and more than the first allocation */

TEST(many_sockets_are_sorted, NEEDS(NEED_SOCK_DIAG))
{
	struct netlink_diag _cleanup_netlink_diag_ *diag = NULL;
	struct addr here = {};
	int fds[PAIRS + 1], n = 0;

	MUST_EQ(addr_parse("127.0.0.1:1", &here), 0);
	here.in4.sin_port = 0;
	fds[n++] = MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST_OK(bind(fds[0], &here.sa, here.len));
	MUST_OK(listen(fds[0], PAIRS)); /* the other ends stay in its queue */
	MUST_OK(getsockname(fds[0], &here.sa, &here.len));
	for (; n <= PAIRS; n++) {
		fds[n] = MUST_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
		MUST_OK(connect(fds[n], &here.sa, here.len));
	}
	MUST_EQ(netlink_diag_dump(&diag), 0);
	MUST_GE(netlink_diag_count(diag), PAIRS);
	for (size_t i = 1; i < netlink_diag_count(diag); i++)
		CHECK(netlink_diag_at(diag, i - 1)->cookie <= netlink_diag_at(diag, i)->cookie);
	for (int i = 1; i < n; i++)
		CHECK(netlink_diag_by_cookie(diag, cookie_of(fds[i])));
	CHECK(!netlink_diag_at(diag, netlink_diag_count(diag)));
	while (n > 0)
		MUST_OK(close(fds[--n]));
}

TEST(network_cards_are_listed_without_loopback)
{
	struct netlink_nic _cleanup_free_ *nics = NULL;
	size_t n = 0;

	MUST_EQ(netlink_nics(&nics, &n), 0);
	for (size_t i = 0; i < n; i++) {
		CHECK_NE(nics[i].name[0], '\0');
		CHECK_NE(strcmp(nics[i].name, "lo"), 0);
	}
}
