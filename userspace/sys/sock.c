// SPDX-License-Identifier: Apache-2.0
#include "sys/sock.h"

#include "base/fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#ifndef TCP_ULP
#define TCP_ULP 31 /* linux/tcp.h; libc's header is older on some systems */
#endif

#define UNIX_MODE 0660 /* who may connect is decided by the file's group */

static int set_flag(int fd, int level, int option)
{
	const int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on)) < 0 ? -errno : 0;
}

static int new_socket(const struct addr *addr, int *ret_fd)
{
	int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* Returns: 0 a stale socket file, -EADDRINUSE somebody listens, -ENOTSOCK, or another -errno. */
static int probe_unix_path(const struct addr *addr)
{
	int _cleanup_fd_ fd = -1;
	struct stat st;
	int r;

	if (lstat(addr->un.sun_path, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	r = new_socket(addr, &fd);
	if (r < 0)
		return r;
	/* Only a refusal proves that nobody is there; a full queue (EAGAIN) is somebody. */
	if (connect(fd, &addr->sa, addr->len) < 0 && errno == ECONNREFUSED)
		return 0;
	return -EADDRINUSE;
}

struct path {
	char text[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
};

/* The directory that @text is in. Returns: 0, -EINVAL when it has none. */
static int parent_of(const char *text, struct path *ret_parent)
{
	const char *slash = strrchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : 0;

	if (!slash || len >= sizeof(ret_parent->text))
		return -EINVAL;
	memcpy(ret_parent->text, text, len);
	ret_parent->text[len] = '\0';
	if (len == 0)
		memcpy(ret_parent->text, "/", sizeof("/"));
	return 0;
}

/* /run is empty after a boot, so the last directory is made when it is missing. */
static int make_directory(const struct addr *addr)
{
	struct path dir;
	int r = parent_of(addr->un.sun_path, &dir);

	if (r == 0 && mkdir(dir.text, 0755) < 0 && errno != EEXIST)
		r = -errno;
	return r;
}

static int bind_unix(int fd, const struct addr *addr)
{
	mode_t mask;
	int r = probe_unix_path(addr);

	if (r == 0 && unlink(addr->un.sun_path) < 0)
		r = -errno;
	if (r == -ENOENT)
		r = make_directory(addr);
	if (r < 0)
		return r;
	/* By the mask, not by a chmod(2) that would come too late. One thread: nobody else sees it. */
	mask = umask(0777 & ~UNIX_MODE);
	r = bind(fd, &addr->sa, addr->len) < 0 ? -errno : 0;
	umask(mask);
	return r;
}

static int bind_inet(int fd, const struct addr *addr, unsigned int flags)
{
	int r = set_flag(fd, SOL_SOCKET, SO_REUSEADDR);

	if (r == 0 && (flags & SOCK_LISTEN_REUSEPORT))
		r = set_flag(fd, SOL_SOCKET, SO_REUSEPORT);
	if (r == 0 && addr->sa.sa_family == AF_INET6)
		r = set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (r == 0 && bind(fd, &addr->sa, addr->len) < 0)
		r = -errno;
	return r;
}

int sock_listen(const struct addr *addr, unsigned int flags, int backlog, int *ret_fd)
{
	int _cleanup_fd_ fd = -1;
	int r = new_socket(addr, &fd);

	if (r == 0)
		r = addr_is_unix(addr) ? bind_unix(fd, addr) : bind_inet(fd, addr, flags);
	if (r == 0 && listen(fd, backlog) < 0)
		r = -errno;
	if (r < 0)
		return r;
	*ret_fd = fd_take(&fd);
	return 0;
}

void sock_file_note(const struct addr *addr, struct sock_file *ret_file)
{
	struct stat st;

	*ret_file = (struct sock_file){};
	if (addr_is_unix(addr) && lstat(addr->un.sun_path, &st) == 0)
		*ret_file = (struct sock_file){.ours = true, .dev = st.st_dev, .ino = st.st_ino};
}

void sock_file_remove(const struct addr *addr, struct sock_file *file)
{
	struct stat st;

	if (file->ours && lstat(addr->un.sun_path, &st) == 0 && st.st_dev == file->dev &&
	    st.st_ino == file->ino)
		(void)unlink(addr->un.sun_path);
	file->ours = false;
}

static int probe_writable(const char *dir)
{
	return faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/* May a file be made in the socket's directory, or the directory itself? */
static int probe_unix_directory(const struct addr *addr)
{
	struct path dir, above;
	int r = parent_of(addr->un.sun_path, &dir);

	if (r == 0)
		r = probe_writable(dir.text);
	if (r == -ENOENT && parent_of(dir.text, &above) == 0)
		r = probe_writable(above.text);
	return r;
}

int sock_probe_free(const struct addr *addr)
{
	int _cleanup_fd_ fd = -1;
	int r;

	if (!addr_is_unix(addr))
		return sock_listen(addr, 0, 1, &fd);
	r = probe_unix_path(addr);
	return r == 0 || r == -ENOENT ? probe_unix_directory(addr) : r;
}

int sock_probe_shared(const struct addr *addr)
{
	int _cleanup_fd_ fd = -1;
	int r;

	if (addr_is_unix(addr))
		return -EADDRINUSE;
	/* Bound only: a socket that listens would be given connections of the running server. */
	r = new_socket(addr, &fd);
	return r < 0 ? r : bind_inet(fd, addr, SOCK_LISTEN_REUSEPORT);
}

int sock_load_ulp(void)
{
	int _cleanup_fd_ fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* The kernel looks for the module first, then at the socket, which is not connected. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) < 0 && errno != ENOTCONN)
		return -errno;
	return 0;
}
