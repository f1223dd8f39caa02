// SPDX-License-Identifier: Apache-2.0
#include "sys/ktls.h"

#include "base/secret.h"
#include "base/unconst.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#ifndef SOL_TCP
#define SOL_TCP 6
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif

/* The kernel's numbers, prefixed so that they do not meet macros of a <linux/tls.h>. */
enum {
	KERNEL_SOL_TLS = 282,
	KERNEL_TLS_TX = 1,
	KERNEL_TLS_RX = 2,
	KERNEL_TLS_TX_ZEROCOPY_RO = 3,
	KERNEL_TLS_RX_EXPECT_NO_PAD = 4,
	KERNEL_TLS_SET_RECORD_TYPE = 1,
	KERNEL_TLS_GET_RECORD_TYPE = 2,
};

enum { STATE_CLOSE = 7 }; /* TCP_CLOSE of <netinet/tcp.h> */

/*
 * struct tls12_crypto_info_*: version and cipher type (16 bits each), then iv, key, salt and
 * rec_seq with these lengths and no padding. salt and iv together are the 12 bytes of
 * ktls_keys.iv, salt first.
 */
#define INFO_HEAD_BYTES 4
#define REC_SEQ_BYTES	8
#define INFO_MAX_BYTES	56

struct cipher_layout {
	const char *name;
	uint16_t number; /* TLS_CIPHER_… */
	uint8_t iv_len, key_len, salt_len;
};

static const struct cipher_layout layouts[KTLS_N_CIPHERS] = {
	[KTLS_AES_128_GCM] = {"aes-128-gcm", 51, 8, 16, 4},
	[KTLS_AES_256_GCM] = {"aes-256-gcm", 52, 8, 32, 4},
	[KTLS_CHACHA20_POLY1305] = {"chacha20-poly1305", 54, 12, 32, 0},
};

static size_t info_len(const struct cipher_layout *l)
{
	return INFO_HEAD_BYTES + l->iv_len + l->key_len + l->salt_len + REC_SEQ_BYTES;
}

void ktls_keys_wipe(struct ktls_keys *keys)
{
	secret_wipe_mem(keys, sizeof(*keys));
}

const char *ktls_cipher_name(enum ktls_cipher cipher)
{
	return cipher < KTLS_N_CIPHERS ? layouts[cipher].name : "?";
}

const char *ktls_version_name(uint16_t version)
{
	if (version == KTLS_VERSION_1_3)
		return "1.3";
	return version == KTLS_VERSION_1_2 ? "1.2" : "?";
}

const char *ktls_conf_name(unsigned int conf)
{
	static const char *const names[] = {"none", "none", "sw", "hw", "hw-record"};

	return conf < sizeof(names) / sizeof(names[0]) ? names[conf] : "?";
}

int ktls_cipher_by_kernel_number(unsigned int number, enum ktls_cipher *ret_cipher)
{
	for (unsigned int i = 0; i < KTLS_N_CIPHERS; i++) {
		if (layouts[i].number == number) {
			*ret_cipher = (enum ktls_cipher)i;
			return 0;
		}
	}
	return -ENOENT;
}

int ktls_keys_check(const struct ktls_keys *keys)
{
	if (keys->version != KTLS_VERSION_1_2 && keys->version != KTLS_VERSION_1_3)
		return -EOPNOTSUPP;
	return keys->cipher < KTLS_N_CIPHERS ? 0 : -EOPNOTSUPP;
}

int ktls_ulp_set(int fd)
{
	return setsockopt(fd, SOL_TCP, TCP_ULP, "tls", sizeof("tls")) < 0 ? -errno : 0;
}

static uint8_t *put(uint8_t *out, const void *bytes, size_t len)
{
	memcpy(out, bytes, len);
	return out + len;
}

static int install(int fd, int direction, const struct ktls_keys *keys)
{
	uint8_t info[INFO_MAX_BYTES], *p = info;
	const struct cipher_layout *l;
	int r = ktls_keys_check(keys);

	if (r < 0)
		return r;
	l = &layouts[keys->cipher];
	p = put(p, &keys->version, sizeof(keys->version));
	p = put(p, &l->number, sizeof(l->number));
	p = put(p, keys->iv + l->salt_len, l->iv_len);
	p = put(p, keys->key, l->key_len);
	p = put(p, keys->iv, l->salt_len);
	p = put(p, keys->rec_seq, REC_SEQ_BYTES);
	if (setsockopt(fd, KERNEL_SOL_TLS, direction, info, (socklen_t)(p - info)) < 0)
		r = -errno;
	secret_wipe_mem(info, sizeof(info));
	return r;
}

int ktls_install_tx(int fd, const struct ktls_keys *keys)
{
	return install(fd, KERNEL_TLS_TX, keys);
}

int ktls_install_rx(int fd, const struct ktls_keys *keys)
{
	return install(fd, KERNEL_TLS_RX, keys);
}

ssize_t ktls_read_record(int fd, void *buf, size_t len, uint8_t *ret_type)
{
	union {
		struct cmsghdr header;
		uint8_t space[CMSG_SPACE(sizeof(uint8_t))];
	} control = {};
	struct iovec iov = {.iov_base = buf, .iov_len = len};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	*ret_type = KTLS_RECORD_NONE;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == KERNEL_SOL_TLS && c->cmsg_type == KERNEL_TLS_GET_RECORD_TYPE)
			*ret_type = *CMSG_DATA(c);
	}
	return n;
}

ssize_t ktls_send_record(int fd, uint8_t type, const void *buf, size_t len)
{
	union {
		struct cmsghdr header;
		uint8_t space[CMSG_SPACE(sizeof(uint8_t))];
	} control = {
		.header = {.cmsg_len = CMSG_LEN(sizeof(uint8_t)),
			   .cmsg_level = KERNEL_SOL_TLS,
			   .cmsg_type = KERNEL_TLS_SET_RECORD_TYPE},
	};
	struct iovec iov = {.iov_base = unconst(buf), .iov_len = len};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	*CMSG_DATA(&control.header) = type;
	n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

int ktls_send_alert(int fd, uint8_t level, uint8_t description)
{
	const uint8_t alert[2] = {level, description};
	ssize_t n = ktls_send_record(fd, KTLS_RECORD_ALERT, alert, sizeof(alert));

	if (n < 0)
		return (int)n;
	return n == sizeof(alert) ? 0 : -EIO;
}

/* Header, inner content type of 1.3, explicit nonce of 1.2 GCM, tag. */
static unsigned int record_overhead(uint16_t version, enum ktls_cipher cipher)
{
	if (version == KTLS_VERSION_1_3)
		return 5 + 1 + 16;
	return cipher == KTLS_CHACHA20_POLY1305 ? 5 + 16 : 5 + 8 + 16;
}

static uint64_t read_be64(const uint8_t *p)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | p[i];
	return value;
}

/* The kernel hands out the key with it. */
int ktls_next_record(int fd, enum ktls_cipher cipher, enum ktls_way way, uint64_t *ret_number)
{
	uint8_t info[INFO_MAX_BYTES];
	size_t want = info_len(&layouts[cipher]);
	socklen_t len = (socklen_t)want;
	int r = 0;

	if (getsockopt(fd, KERNEL_SOL_TLS, way == KTLS_TX ? KERNEL_TLS_TX : KERNEL_TLS_RX, info,
		       &len) < 0)
		r = -errno;
	else if (len < want)
		r = -EIO;
	else
		*ret_number = read_be64(info + want - REC_SEQ_BYTES);
	secret_wipe_mem(info, sizeof(info));
	return r;
}

static int tcp_info(int fd, struct tcp_info *ret_info)
{
	socklen_t len = sizeof(*ret_info);

	memset(ret_info, 0, sizeof(*ret_info));
	return getsockopt(fd, SOL_TCP, TCP_INFO, ret_info, &len) < 0 ? -errno : 0;
}

static int bytes_acked(int fd, uint64_t *ret_bytes)
{
	struct tcp_info info;
	int r = tcp_info(fd, &info);

	if (r == 0)
		*ret_bytes = info.tcpi_bytes_acked;
	return r;
}

/* The counters of a connection that was reset stand still, and nothing else tells. */
static bool is_closed(int fd)
{
	struct tcp_info info;

	return tcp_info(fd, &info) < 0 || info.tcpi_state == STATE_CLOSE;
}

/*
 * Write position = acknowledged + still queued. The two come from two calls, so an acknowledgement
 * between them would be counted twice or not at all: read until the first stands still.
 */
static int tcp_written(int fd, uint64_t *ret_bytes)
{
	uint64_t before, after = 0;
	int queued, r = bytes_acked(fd, &after);

	for (int tries = 0; r == 0 && tries < 16; tries++) {
		before = after;
		if (ioctl(fd, SIOCOUTQ, &queued) < 0)
			return -errno;
		r = bytes_acked(fd, &after);
		if (r == 0 && before == after) {
			*ret_bytes = before + (uint64_t)queued;
			return 0;
		}
	}
	return r < 0 ? r : -EAGAIN;
}

int ktls_tx_mark_init(int fd, const struct ktls_keys *keys, struct ktls_tx_mark *ret_mark)
{
	struct ktls_tx_mark mark = {
		.records = read_be64(keys->rec_seq),
		.version = keys->version,
		.cipher = keys->cipher,
	};
	int r = ktls_keys_check(keys);

	if (r == 0)
		r = tcp_written(fd, &mark.written);
	if (r == 0)
		*ret_mark = mark;
	return r;
}

int ktls_tx_rekey(int fd, const struct ktls_keys *keys, struct ktls_tx_mark *mark)
{
	uint64_t seq = 0;
	int r = ktls_next_record(fd, mark->cipher, KTLS_TX, &seq);

	if (r == 0)
		r = ktls_install_tx(fd, keys);
	if (r < 0)
		return r;
	/* May wrap below zero: only differences count. */
	mark->records = read_be64(keys->rec_seq) - (seq - mark->records);
	return 0;
}

int64_t ktls_tx_queued(int fd, const struct ktls_tx_mark *mark, uint64_t bytes_sent)
{
	uint64_t seq = 0, written = 0, must;
	int r = ktls_next_record(fd, mark->cipher, KTLS_TX, &seq);

	if (r == 0)
		r = tcp_written(fd, &written);
	if (r < 0)
		return r;
	must = bytes_sent + (seq - mark->records) * record_overhead(mark->version, mark->cipher);
	/* A FIN takes one position too, so TCP may be ahead of the records. */
	if (written - mark->written >= must)
		return 0;
	return is_closed(fd) ? -ENOTCONN : (int64_t)(must - (written - mark->written));
}

static int set_flag(int fd, int option)
{
	const int on = 1;

	return setsockopt(fd, KERNEL_SOL_TLS, option, &on, sizeof(on)) < 0 ? -errno : 0;
}

int ktls_rx_expect_no_pad(int fd)
{
	return set_flag(fd, KERNEL_TLS_RX_EXPECT_NO_PAD);
}

int ktls_tx_zerocopy(int fd)
{
	return set_flag(fd, KERNEL_TLS_TX_ZEROCOPY_RO);
}
