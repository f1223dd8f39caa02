// SPDX-License-Identifier: Apache-2.0
/* Which changes of the way to a file are told, and which are not. */
#include "selftests/harness/harness.h"

#include "selftests/unit/material.h"

#include "sys/loop.h"
#include "sys/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

SUITE("watch", .deadline_ms = 20000);

struct change {
	VARIANT;
	const char *setup; /* shell, in an empty directory; makes what is watched */
	const char *watched;
	const char *change;
	bool told;
};

/* clang-format off */
CASES(struct change, changes,
	{.name = "written_in_place", .setup = "echo 1 > a", .watched = "a", .change = "echo 2 > a", .told = true},
	{.name = "replaced", .setup = "echo 1 > a; echo 2 > b", .watched = "a", .change = "mv b a", .told = true},
	{.name = "removed", .setup = "echo 1 > a", .watched = "a", .change = "rm a", .told = true},
	{.name = "not_there_yet", .setup = ":", .watched = "a", .change = "echo 1 > a", .told = true},
	{.name = "mode", .setup = "echo 1 > a; chmod 600 a", .watched = "a", .change = "chmod 644 a", .told = true},
	{.name = "neighbour", .setup = "echo 1 > a", .watched = "a", .change = "echo 1 > b"},
	{.name = "read", .setup = "echo 1 > a", .watched = "a", .change = "cat a"},
	{.name = "link_swapped", .setup = "echo 1 > 1; echo 2 > 2; ln -s 1 a; ln -s 2 b", .watched = "a", .change = "mv -T b a", .told = true},
	{.name = "target_of_link", .setup = "mkdir d; echo 1 > d/1; ln -s d/1 a", .watched = "a", .change = "echo 2 > d/1", .told = true},
	{.name = "directory_swapped_by_link", .setup = "mkdir 1 2; echo 1 > 1/a; echo 2 > 2/a; ln -s 1 data; ln -s data/a a; ln -s 2 next", .watched = "a", .change = "mv -T next data", .told = true},
	{.name = "absolute_link", .setup = "mkdir d; echo 1 > d/1; ln -s \"$PWD/d\" l", .watched = "l/1", .change = "echo 2 > d/1", .told = true},
	{.name = "directory_renamed", .setup = "mkdir d e; echo 1 > d/a; echo 2 > e/a", .watched = "d/a", .change = "mv d f; mv e d", .told = true},
	{.name = "links_in_a_circle", .setup = "ln -s b a; ln -s a b", .watched = "a", .change = "rm a; echo 1 > a", .told = true},
	{.name = "anything_in_a_directory", .setup = "mkdir d; echo 1 > d/a", .watched = "d/", .change = "echo 1 > d/b", .told = true},
	{.name = "removed_from_a_directory", .setup = "mkdir d; echo 1 > d/a", .watched = "d/", .change = "rm d/a", .told = true},
	{.name = "below_a_directory", .setup = "mkdir -p d/e; echo 1 > d/a", .watched = "d/", .change = "echo 1 > d/e/b"});
/* clang-format on */

struct watcher {
	struct loop *loop;
	struct loop_timer end;
	unsigned int told;
};

static void on_changed(void *arg)
{
	struct watcher *watcher = arg;

	watcher->told++;
}

static void stop(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct watcher, end)->loop);
}

static void shell(const char *dir, const char *command)
{
	char line[600];

	snprintf(line, sizeof(line), "cd %s && { %s; } >/dev/null", dir, command);
	MUST_EQ(system(line), 0); /* NOLINT(cert-env33-c): the texts are ours */
}

TEST_CASES(tells, changes)
{
	struct watcher watcher = {.end = {.fire = stop}};
	struct watch *watch = NULL;
	const char *dir = material_path("watched");
	char path[300];
	char *paths[] = {path};

	MUST_OK(mkdir(dir, 0700));
	shell(dir, variant->setup);
	snprintf(path, sizeof(path), "%s/%s", dir, variant->watched);
	MUST_EQ(loop_new(&watcher.loop), 0);
	MUST_EQ(watch_new(watcher.loop, on_changed, &watcher, &watch), 0);
	MUST_EQ(watch_paths(watch, paths, 1), 0);
	shell(dir, variant->change);
	/* What has happened is in inotify's queue already: one turn sees it. */
	MUST_EQ(loop_arm(watcher.loop, &watcher.end, 0), 0);
	MUST_EQ(loop_run(watcher.loop), 0);
	MUST_EQ(watcher.told > 0, variant->told);
	watch_free(watch);
	loop_free(watcher.loop);
}

TEST(other_paths_take_the_place)
{
	struct watcher watcher = {.end = {.fire = stop}};
	struct watch *watch = NULL;
	const char *dir = material_path("watched");
	char a[300], b[300];
	char *first[] = {a}, *second[] = {b};

	MUST_OK(mkdir(dir, 0700));
	snprintf(a, sizeof(a), "%s/a", dir);
	snprintf(b, sizeof(b), "%s/b", dir);
	MUST_EQ(loop_new(&watcher.loop), 0);
	MUST_EQ(watch_new(watcher.loop, on_changed, &watcher, &watch), 0);
	MUST_EQ(watch_paths(watch, first, 1), 0);
	/* What the old set has seen is not lost. */
	shell(dir, "echo 1 > a");
	MUST_EQ(watch_paths(watch, second, 1), 0);
	MUST_EQ(watcher.told, 1);
	shell(dir, "echo 2 > a");
	MUST_EQ(loop_arm(watcher.loop, &watcher.end, 0), 0);
	MUST_EQ(loop_run(watcher.loop), 0);
	MUST_EQ(watcher.told, 1);
	watch_free(watch);
	loop_free(watcher.loop);
}
