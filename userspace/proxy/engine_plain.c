// SPDX-License-Identifier: Apache-2.0
/*
 * Plain engines: no TLS on either side, bytes go on as they come. Through a pipe (splice), and where
 * none is to be had through a buffer (copy).
 */
#include "proxy/relay.h"

const struct relay_engine relay_engine_plain = {
	.name = "splice",
	.acquire = relay_pipe_acquire,
	.fill = relay_pipe_fill,
	.flush = relay_pipe_flush,
	.finish = relay_send_fin,
	.release = relay_pipe_release,
	.spare = &relay_engine_plain_copy,
};

const struct relay_engine relay_engine_plain_copy = {
	.name = "copy",
	.acquire = relay_buffer_acquire,
	.fill = relay_buffer_fill,
	.flush = relay_buffer_flush,
	.finish = relay_send_fin,
	.release = relay_buffer_release,
};
