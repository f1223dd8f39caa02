// SPDX-License-Identifier: Apache-2.0
/*
 * Linked into the daemon, whose symbols come before every library's. Built without sanitizers: the
 * first calls come from the loader, before AddressSanitizer is there.
 */
#include "selftests/inject/inject.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOL_TCP_LEVEL 6 /* <netinet/tcp.h> does not go with <linux/tcp.h> */
#define SOL_TLS_LEVEL 282
#define TCP_ULP_NAME  31

static struct inject_page *page; /* NULL: a process that is not meant */

static void note_stack(void)
{
	void *frames[24];
	int n = backtrace(frames, 24);
	size_t len = 0;

	/* The first two are this and failing(). */
	for (int i = 2; i < n && len < sizeof(page->where); i++) {
		Dl_info info = {};
		const char *name;

		if (!dladdr(frames[i], &info) || !info.dli_fname)
			continue;
		name = strrchr(info.dli_fname, '/');
		len += (size_t)snprintf(
			page->where + len, sizeof(page->where) - len, " %s+%#lx",
			name ? name + 1 : info.dli_fname,
			(unsigned long)((char *)frames[i] - (char *)info.dli_fbase));
	}
}

/* Is this the n-th call of its kind? */
static bool is_due(enum inject_kind kind)
{
	if (!page || !atomic_load(&page->armed))
		return false;
	return atomic_fetch_add(&page->calls[kind], 1) + 1 == page->nth && kind == page->kind;
}

/* Must it fail? Then errno says how. */
static bool failing(enum inject_kind kind)
{
	if (!is_due(kind) || page->error == 0)
		return false;
	note_stack();
	atomic_store(&page->fired, true);
	errno = page->error;
	return true;
}

/* The same of a call that moves @len bytes, and that may move fewer. */
static bool failing_move(enum inject_kind kind, size_t *len)
{
	if (!is_due(kind))
		return false;
	note_stack();
	atomic_store(&page->fired, true);
	errno = page->error;
	if (page->error == 0 && *len > 1)
		*len = 1;
	return page->error != 0;
}

__attribute__((constructor)) static void attach(int argc, char **argv)
{
	const char *path = getenv(INJECT_VARIABLE);
	enum inject_role role =
		argc > 1 && strcmp(argv[1], "worker") == 0 ? INJECT_WORKER : INJECT_SUPERVISOR;
	struct inject_page *mapped;
	void *frames[1];
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	mapped = mmap(NULL, sizeof(*mapped), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	/* Its first use loads a library. */
	(void)backtrace(frames, 1);
	if (mapped != MAP_FAILED && mapped->role == role)
		page = mapped;
}

/* --- the heap --- */

/* Not by dlsym(3), which may allocate. AddressSanitizer's come first, where it is linked in. */
#define HEAP_CALL(type, name, ...)                                                                 \
	type asan_##name(__VA_ARGS__) __asm__("__interceptor_" #name) __attribute__((weak));       \
	type libc_##name(__VA_ARGS__) __asm__("__libc_" #name)

HEAP_CALL(void *, malloc, size_t);
HEAP_CALL(void *, calloc, size_t, size_t);
HEAP_CALL(void *, realloc, void *, size_t);
HEAP_CALL(void *, memalign, size_t, size_t);
HEAP_CALL(void, free, void *);

#define NEXT_HEAP(name, ...) (asan_##name ? asan_##name(__VA_ARGS__) : libc_##name(__VA_ARGS__))

static void *counted(void *block)
{
	if (page && block)
		atomic_fetch_add(&page->blocks, 1);
	return block;
}

void *malloc(size_t size)
{
	return failing(INJECT_ALLOC) ? NULL : counted(NEXT_HEAP(malloc, size));
}

void *calloc(size_t n, size_t size)
{
	return failing(INJECT_ALLOC) ? NULL : counted(NEXT_HEAP(calloc, n, size));
}

void *realloc(void *block, size_t size)
{
	if (!block)
		return malloc(size);
	if (size == 0) {
		free(block);
		return NULL;
	}
	return failing(INJECT_ALLOC) ? NULL : NEXT_HEAP(realloc, block, size);
}

void *reallocarray(void *block, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(block, bytes);
}

void *memalign(size_t alignment, size_t size)
{
	return failing(INJECT_ALLOC) ? NULL : counted(NEXT_HEAP(memalign, alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **ret_block, size_t alignment, size_t size)
{
	void *block = memalign(alignment, size);

	if (!block)
		return ENOMEM;
	*ret_block = block;
	return 0;
}

void free(void *block)
{
	if (page && block)
		atomic_fetch_sub(&page->blocks, 1);
	NEXT_HEAP(free, block);
}

/* AddressSanitizer's would not come through malloc() above. */
char *strndup(const char *text, size_t size)
{
	size_t len = strnlen(text, size);
	char *copy = malloc(len + 1);

	if (!copy)
		return NULL;
	copy[len] = '\0';
	return memcpy(copy, text, len);
}

char *strdup(const char *text)
{
	return strndup(text, strlen(text));
}

/* --- system calls --- */

/* NEXT(read)(fd, buf, len) - the C library's own. */
#define NEXT(name)                                                                                 \
	({                                                                                         \
		static __typeof__(&(name)) next;                                                   \
		if (!next)                                                                         \
			next = (__typeof__(&(name)))dlsym(RTLD_NEXT, #name);                       \
		next;                                                                              \
	})

int open(const char *path, int flags, ...)
{
	va_list args;
	int mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, int) : 0;
	va_end(args);
	return failing(INJECT_FD) ? -1 : NEXT(open)(path, flags, mode);
}

int socket(int domain, int type, int protocol)
{
	return failing(INJECT_FD) ? -1 : NEXT(socket)(domain, type, protocol);
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
	return failing(INJECT_FD) ? -1 : NEXT(socketpair)(domain, type, protocol, fds);
}

int pipe2(int fds[2], int flags)
{
	return failing(INJECT_FD) ? -1 : NEXT(pipe2)(fds, flags);
}

int memfd_create(const char *name, unsigned int flags)
{
	return failing(INJECT_FD) ? -1 : NEXT(memfd_create)(name, flags);
}

int signalfd(int fd, const sigset_t *mask, int flags)
{
	return failing(INJECT_FD) ? -1 : NEXT(signalfd)(fd, mask, flags);
}

int epoll_create1(int flags)
{
	return failing(INJECT_FD) ? -1 : NEXT(epoll_create1)(flags);
}

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	if (failing(INJECT_ACCEPT) || failing(INJECT_FD))
		return -1;
	return NEXT(accept4)(fd, addr, len, flags);
}

int epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event)
{
	if (op == EPOLL_CTL_ADD && failing(INJECT_EPOLL_ADD))
		return -1;
	return NEXT(epoll_ctl)(epoll_fd, op, fd, event);
}

int epoll_wait(int epoll_fd, struct epoll_event *events, int n, int timeout_ms)
{
	int count;

	if (failing(INJECT_EPOLL_WAIT))
		return -1;
	/* With a time limit of 0 there is something to do. */
	if (page)
		atomic_store(&page->waiting, timeout_ms != 0);
	count = NEXT(epoll_wait)(epoll_fd, events, n, timeout_ms);
	if (page)
		atomic_store(&page->waiting, false);
	return count;
}

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return failing(INJECT_CONNECT) ? -1 : NEXT(connect)(fd, addr, len);
}

ssize_t read(int fd, void *buf, size_t len)
{
	return failing_move(INJECT_READ, &len) ? -1 : NEXT(read)(fd, buf, len);
}

ssize_t write(int fd, const void *buf, size_t len)
{
	return failing_move(INJECT_WRITE, &len) ? -1 : NEXT(write)(fd, buf, len);
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	return failing_move(INJECT_RECV, &len) ? -1 : NEXT(recv)(fd, buf, len, flags);
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	return failing_move(INJECT_SEND, &len) ? -1 : NEXT(send)(fd, buf, len, flags);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	return failing(INJECT_RECVMSG) ? -1 : NEXT(recvmsg)(fd, msg, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return failing(INJECT_SENDMSG) ? -1 : NEXT(sendmsg)(fd, msg, flags);
}

ssize_t splice(int from_fd, off64_t *from, int to_fd, off64_t *to, size_t len, unsigned int flags)
{
	if (failing_move(INJECT_SPLICE, &len))
		return -1;
	return NEXT(splice)(from_fd, from, to_fd, to, len, flags);
}

int shutdown(int fd, int how)
{
	return failing(INJECT_SHUTDOWN) ? -1 : NEXT(shutdown)(fd, how);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	return failing(INJECT_IOCTL) ? -1 : NEXT(ioctl)(fd, request, arg);
}

static enum inject_kind kind_of_option(int level, int name)
{
	if (level == SOL_TCP_LEVEL && name == TCP_ULP_NAME)
		return INJECT_ULP;
	if (level == SOL_TLS_LEVEL && (name == TLS_TX || name == TLS_RX))
		return name == TLS_TX ? INJECT_TLS_TX : INJECT_TLS_RX;
	return INJECT_SETSOCKOPT;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	if (failing(kind_of_option(level, name)))
		return -1;
	return NEXT(setsockopt)(fd, level, name, value, len);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	if (failing(level == SOL_TLS_LEVEL ? INJECT_TLS_SEQ : INJECT_GETSOCKOPT))
		return -1;
	return NEXT(getsockopt)(fd, level, name, value, len);
}
