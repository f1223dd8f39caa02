// SPDX-License-Identifier: Apache-2.0
/* Listeners that epoll does not take are not forgotten. */
#include "selftests/harness/harness.h"

#include "proxy/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

SUITE("accepting");

struct setup {
	struct proxy proxy;
	struct listener listeners[2];
	struct generation generation;
	struct config config;
	struct stats stats;
	struct loop_timer look;
};

static int open_listener(void)
{
	int fd = MUST_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));

	/* Under a name that the kernel chooses. */
	MUST_OK(bind(fd, &(struct sockaddr){.sa_family = AF_UNIX}, sizeof(sa_family_t)));
	MUST_OK(listen(fd, 1));
	return fd;
}

/* @second_fd: of the second of two listeners. */
static void set_up(struct setup *setup, int second_fd)
{
	setup->config.limits = (struct config_limits){.connections = 1, .handshakes = 1};
	setup->generation.config = &setup->config;
	setup->proxy.generation = &setup->generation;
	setup->proxy.stats = &setup->stats;
	setup->proxy.listeners = (struct listeners){.list = setup->listeners, .n = 2};
	MUST_EQ(loop_new(&setup->proxy.loop), 0);
	for (int i = 0; i < 2; i++)
		setup->listeners[i].proxy = &setup->proxy;
	setup->listeners[0].source.fd = open_listener();
	setup->listeners[1].source.fd = second_fd;
}

static void tear_down(struct setup *setup)
{
	loop_free(setup->proxy.loop);
	for (int i = 0; i < 2; i++)
		MUST_OK(close(setup->listeners[i].source.fd));
}

static bool is_watched(struct setup *setup, int i)
{
	struct loop_source again = {.fd = setup->listeners[i].source.fd};

	if (loop_add(setup->proxy.loop, &again, EPOLLIN) == -EEXIST)
		return true;
	loop_remove(setup->proxy.loop, &again);
	return false;
}

static void look(struct loop_timer *timer)
{
	struct setup *setup = container_of(timer, struct setup, look);

	if (setup->proxy.accepting)
		loop_stop(setup->proxy.loop);
	else
		MUST_EQ(loop_arm(setup->proxy.loop, timer, 5), 0);
}

/* A file is what epoll refuses. */
TEST(one_that_is_refused_is_tried_again)
{
	struct setup setup = {.look.fire = look};
	int file_fd = MUST_OK(memfd_create("no socket", MFD_CLOEXEC)), socket_fd;

	set_up(&setup, file_fd);
	proxy_resume_accepting(&setup.proxy);
	CHECK(!setup.proxy.accepting);
	CHECK(!is_watched(&setup, 0));
	CHECK_EQ(stats_get(&setup.stats, STAT_ACCEPT_FAILED), 1);
	/* And becomes one that it takes. */
	socket_fd = open_listener();
	MUST_OK(dup3(socket_fd, file_fd, O_CLOEXEC));
	MUST_OK(close(socket_fd));
	look(&setup.look);
	MUST_EQ(loop_run(setup.proxy.loop), 0);
	CHECK(is_watched(&setup, 0) && is_watched(&setup, 1));
	CHECK_EQ(stats_get(&setup.stats, STAT_ACCEPT_FAILED), 1);
	tear_down(&setup);
}

TEST(one_that_is_watched_already_is_no_failure)
{
	struct setup setup = {};

	set_up(&setup, open_listener());
	MUST_EQ(loop_add(setup.proxy.loop, &setup.listeners[1].source, EPOLLIN), 0);
	proxy_resume_accepting(&setup.proxy);
	CHECK(setup.proxy.accepting);
	CHECK(is_watched(&setup, 0) && is_watched(&setup, 1));
	CHECK_EQ(stats_get(&setup.stats, STAT_ACCEPT_FAILED), 0);
	tear_down(&setup);
}
