// SPDX-License-Identifier: Apache-2.0
#include "daemon/control.h"

#include "base/fd.h"

#include <string.h>
#include <sys/socket.h>

int control_pair(int ret_fds[2])
{
	int r = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds);

	return r < 0 ? -errno : 0;
}

union fd_space {
	struct cmsghdr header; /* for its alignment */
	char bytes[CMSG_SPACE(sizeof(int))];
};

int control_send(int fd, enum control_type type, uint64_t argument, int payload_fd)
{
	struct control_message message;
	struct iovec part = {.iov_base = &message, .iov_len = sizeof(message)};
	union fd_space space;
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

	/* The padding goes over the socket too: no stack bytes in it. */
	memset(&message, 0, sizeof(message));
	message.type = type;
	message.argument = argument;
	if (payload_fd >= 0) {
		struct cmsghdr *rights;

		memset(&space, 0, sizeof(space));
		header.msg_control = space.bytes;
		header.msg_controllen = sizeof(space.bytes);
		rights = CMSG_FIRSTHDR(&header);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), &payload_fd, sizeof(int));
	}
	return sendmsg(fd, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int control_receive(int fd, struct control_message *ret_message, int *ret_payload_fd)
{
	struct iovec part = {.iov_base = ret_message, .iov_len = sizeof(*ret_message)};
	union fd_space space;
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = space.bytes,
		.msg_controllen = sizeof(space.bytes),
	};
	const struct cmsghdr *rights;
	int _cleanup_fd_ payload_fd = -1;
	ssize_t got;

	*ret_payload_fd = -1;
	got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
	if (got < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	rights = CMSG_FIRSTHDR(&header);
	if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS)
		memcpy(&payload_fd, CMSG_DATA(rights), sizeof(int));
	if (got == 0)
		return -EPIPE;
	if (got != sizeof(*ret_message))
		return -EPROTO;
	*ret_payload_fd = fd_take(&payload_fd);
	return 0;
}
