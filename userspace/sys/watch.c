// SPDX-License-Identifier: Apache-2.0
#include "sys/watch.h"

#include "base/fd.h"
#include "sys/loop.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

/* Not IN_MODIFY: what is written is half there until it is closed. */
#define EVENTS                                                                                     \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB |        \
	 IN_ONLYDIR)
#define LINKS_MAX 40 /* as the kernel's own limit */

/** A name in a directory that matters. */
struct entry {
	int descriptor; /* inotify's, of the directory */
	char *name;	/* "": every one */
};

/** What is watched, with the inotify instance of its own: a new set never misses what an old one saw. */
struct watch_set {
	int fd;
	struct entry *entries;
	size_t n;
};

struct watch {
	struct loop *loop;
	struct loop_source source; /* its fd is the set's */
	struct watch_set set;
	void (*changed)(void *arg);
	void *arg;
};

static void set_done(struct watch_set *set)
{
	fd_close(&set->fd);
	for (size_t i = 0; i < set->n; i++)
		free(set->entries[i].name);
	free(set->entries);
	*set = (struct watch_set){.fd = -1};
}

static bool set_has(const struct watch_set *set, int descriptor, const char *name)
{
	for (size_t i = 0; i < set->n; i++) {
		if (set->entries[i].descriptor == descriptor &&
		    (set->entries[i].name[0] == '\0' || strcmp(set->entries[i].name, name) == 0))
			return true;
	}
	return false;
}

/* Returns: 0, also when there is no such directory; -errno. */
static int add(struct watch_set *set, const char *dir, const char *name)
{
	int descriptor = inotify_add_watch(set->fd, dir, EVENTS);
	struct entry *entries;
	char *copy;

	if (descriptor < 0)
		return errno == ENOSPC || errno == ENOMEM ? -errno : 0;
	if (set_has(set, descriptor, name))
		return 0;
	copy = strdup(name);
	entries = reallocarray(set->entries, set->n + 1, sizeof(*entries));
	if (entries)
		set->entries = entries;
	if (!copy || !entries) {
		free(copy);
		return -ENOMEM;
	}
	entries[set->n++] = (struct entry){.descriptor = descriptor, .name = copy};
	return 0;
}

/*
 * Replace the link that @path[0..end) is by what it points to. @dir_len: of the path without the
 * link's name. Returns: true; false when it is no link (any more), or the path gets too long.
 */
static bool follow(char path[PATH_MAX], size_t dir_len, size_t end)
{
	char target[PATH_MAX], head[PATH_MAX], whole[2 * PATH_MAX];
	ssize_t len;
	int n;

	memcpy(head, path, end);
	head[end] = '\0';
	len = readlink(head, target, sizeof(target) - 1);
	if (len <= 0)
		return false;
	target[len] = '\0';
	if (target[0] == '/')
		n = snprintf(whole, sizeof(whole), "%s%s", target, path + end);
	else
		n = snprintf(whole, sizeof(whole), "%.*s%s%s", (int)dir_len, path, target,
			     path + end);
	if (n < 0 || n >= PATH_MAX)
		return false;
	memcpy(path, whole, (size_t)n + 1);
	return true;
}

/* Returns: where the component behind @at begins and, in *@ret_end, ends; 0 length: no more. */
static size_t component(const char *path, size_t at, size_t *ret_end)
{
	at += strspn(path + at, "/");
	*ret_end = at + strcspn(path + at, "/");
	return at;
}

static int add_path(struct watch_set *set, const char *wanted)
{
	char path[PATH_MAX], dir[PATH_MAX];
	size_t at = 0, begin, end, links = 0;
	int r = 0;

	if (wanted[0] == '/')
		begin = (size_t)snprintf(path, sizeof(path), "%s", wanted);
	else
		begin = (size_t)snprintf(path, sizeof(path), "./%s", wanted);
	if (begin >= sizeof(path))
		return 0; /* nobody can open it either */
	while (r == 0 && (begin = component(path, at, &end)) < end) {
		char name[NAME_MAX + 1];

		snprintf(name, sizeof(name), "%.*s", (int)(end - begin), path + begin);
		snprintf(dir, sizeof(dir), "%.*s", (int)(begin ? begin : 1), begin ? path : ".");
		r = add(set, dir, name);
		if (r == 0 && links < LINKS_MAX && follow(path, begin, end)) {
			links++;
			/* An absolute target leads elsewhere, another one on from here. */
			at = strncmp(path, dir, begin) == 0 ? begin : 0;
		} else {
			at = end;
		}
	}
	if (r == 0 && path[strlen(path) - 1] == '/')
		r = add(set, path, "");
	return r;
}

/* Returns: true when something that matters has happened. */
static bool take_events(const struct watch_set *set)
{
	char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool matters = false;
	ssize_t n;

	while (set->fd >= 0 && (n = read(set->fd, buffer, sizeof(buffer))) > 0) {
		const struct inotify_event *event;

		for (const char *p = buffer; p < buffer + n; p += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)p;
			/* Lost events, or a directory that is gone: anything may have changed. */
			matters |= event->mask & (IN_Q_OVERFLOW | IN_IGNORED) ||
				   set_has(set, event->wd, event->len ? event->name : "");
		}
	}
	return matters;
}

static void on_ready(struct loop_source *source, uint32_t events)
{
	struct watch *watch = container_of(source, struct watch, source);

	(void)events;
	if (take_events(&watch->set))
		watch->changed(watch->arg);
}

int watch_new(struct loop *loop, void (*changed)(void *arg), void *arg, struct watch **ret_watch)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->loop = loop;
	watch->changed = changed;
	watch->arg = arg;
	watch->set.fd = -1;
	watch->source = (struct loop_source){.fd = -1, .ready = on_ready};
	*ret_watch = watch;
	return 0;
}

int watch_paths(struct watch *watch, char *const *paths, size_t n)
{
	struct watch_set set = {.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
	int r = set.fd < 0 ? -errno : 0;
	bool missed;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_path(&set, paths[i]);
	if (r < 0) {
		set_done(&set);
		return r;
	}
	/* The new one sees already what comes from here on. */
	missed = take_events(&watch->set);
	loop_remove(watch->loop, &watch->source);
	set_done(&watch->set);
	watch->set = set;
	watch->source.fd = set.fd;
	if (missed)
		watch->changed(watch->arg);
	return loop_add(watch->loop, &watch->source, EPOLLIN);
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	loop_remove(watch->loop, &watch->source);
	set_done(&watch->set);
	free(watch);
}
