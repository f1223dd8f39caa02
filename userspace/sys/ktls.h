/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel TLS on one socket: keys in, records in and out, and what is still inside the kernel.
 *
 * Knows nothing of OpenSSL or handshakes. Constants are our own: libc headers may be older than
 * the kernel. No function keeps a copy of a key.
 */
#ifndef SLUICE_SYS_KTLS_H
#define SLUICE_SYS_KTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define KTLS_VERSION_1_2 0x0303
#define KTLS_VERSION_1_3 0x0304

#define KTLS_RECORD_MAX 16384 /* plaintext bytes of one record, RFC 8446 5.1 */

enum ktls_cipher {
	KTLS_AES_128_GCM,
	KTLS_AES_256_GCM,
	KTLS_CHACHA20_POLY1305,
	KTLS_N_CIPHERS
} __attribute__((packed));

/* Content types, RFC 8446 5.1; NONE is ours. */
enum ktls_record {
	KTLS_RECORD_NONE = 0, /* no record: the peer's FIN */
	KTLS_RECORD_ALERT = 21,
	KTLS_RECORD_HANDSHAKE = 22,
	KTLS_RECORD_DATA = 23,
};

/** How a socket moves records in one direction; numbers of the kernel (TLS_CONF_…). */
enum ktls_conf { KTLS_CONF_NONE = 0, KTLS_CONF_BASE = 1, KTLS_CONF_SW = 2, KTLS_CONF_HW = 3 };

/**
 * Keys of one direction; wiped by their owner.
 * iv: TLS 1.3 and ChaCha20-Poly1305: the 12-byte write IV. TLS 1.2 GCM: 4 bytes salt of the key
 * block, then the 8-byte explicit nonce of the next record.
 */
struct ktls_keys {
	uint16_t version; /* KTLS_VERSION_… */
	enum ktls_cipher cipher;
	uint8_t key[32]; /* AES-128: the first 16 */
	uint8_t iv[12];
	uint8_t rec_seq[8]; /* number of the next record, big endian */
};

/** ktls_keys_wipe() - for __attribute__((cleanup)) too: struct ktls_keys _cleanup_ktls_keys_ k; */
void ktls_keys_wipe(struct ktls_keys *keys);
#define _cleanup_ktls_keys_ __attribute__((cleanup(ktls_keys_wipe)))

const char *ktls_cipher_name(enum ktls_cipher cipher); /* "aes-128-gcm" */
const char *ktls_version_name(uint16_t version);       /* "1.3"; "?" when not known */
/** ktls_conf_name() - as `ss -tie` says it: "sw", "hw", "none" (also for BASE: ULP without keys). */
const char *ktls_conf_name(unsigned int conf);

/** ktls_cipher_by_kernel_number() - TLS_CIPHER_… as sock_diag has it; -ENOENT for another one. */
int ktls_cipher_by_kernel_number(unsigned int number, enum ktls_cipher *ret_cipher);

/** ktls_keys_check() - version and cipher have a kernel name. Returns: 0, -EOPNOTSUPP. */
int ktls_keys_check(const struct ktls_keys *keys);

/**
 * ktls_ulp_set() - turn a TCP socket into one that takes keys. Until keys are installed its bytes
 * still pass as they are, so a failure of ktls_install_tx() right after leaves plain TCP.
 * Loads the tls module when the process may (CAP_NET_ADMIN in the host's namespace).
 * Returns: 0; -ENOENT (no tls module); -ENOTCONN (not in TCP_ESTABLISHED); -EEXIST (set before);
 *          -EPERM; -ENOPROTOOPT, -EOPNOTSUPP (not a TCP socket).
 * Source:  docs/KERNEL.md K-01, K-02. A socket in a sockmap takes the ULP, but no keys (K-40).
 */
int ktls_ulp_set(int fd);

/**
 * ktls_install_tx(), ktls_install_rx() - from now on every byte in that direction is a record.
 * Again on TLS 1.3 and kernel >= 6.14: the next generation of keys.
 * Returns: 0; -EOPNOTSUPP (ktls_keys_check() fails); -EBUSY (second time on TLS 1.2 or an old
 *          kernel); -EINVAL (version or cipher unknown to the kernel, other direction has another
 *          one, socket is in a sockmap); -ENOENT (kernel lacks the crypto algorithm).
 */
int ktls_install_tx(int fd, const struct ktls_keys *keys);
int ktls_install_rx(int fd, const struct ktls_keys *keys);

/**
 * ktls_read_record() - take one record, or the part of a data record that fits; never waits.
 * *@ret_type is an enum ktls_record or an unknown type. It tells the two cases of 0 bytes apart:
 * KTLS_RECORD_NONE is FIN (truncation, if no close_notify came before), KTLS_RECORD_DATA an empty
 * record. Several data records may be joined; a control record never is.
 * Returns: bytes; -EAGAIN; -EBADMSG (does not decrypt: dead); -EKEYEXPIRED (peer's KeyUpdate was
 *          read, new keys needed); -EMSGSIZE (record too long: dead); -ECONNRESET and others.
 */
ssize_t ktls_read_record(int fd, void *buf, size_t len, uint8_t *ret_type);

/**
 * ktls_send_record() - one record of @type, @len up to KTLS_RECORD_MAX; never waits.
 * Returns: bytes taken by the kernel (all or, under memory pressure, fewer data bytes), -EAGAIN,
 *          -EPIPE, -ECONNRESET and others. No SIGPIPE.
 */
ssize_t ktls_send_record(int fd, uint8_t type, const void *buf, size_t len);

/** ktls_send_alert() - two bytes, level (1 warning, 2 fatal) and description. Returns: 0, -errno. */
int ktls_send_alert(int fd, uint8_t level, uint8_t description);

/**
 * Where TCP's write position and the record counter stood when the TX keys were installed.
 *
 * A record that TCP had no room for waits inside kTLS, its bytes count as sent, and SIOCOUTQ does
 * not see them. Records and plaintext tell how many bytes TCP must have been given; TCP's own
 * counters tell how many it was given.
 *
 * shutdown(2) and close(2) drop such a record and still send a clean FIN: docs/KERNEL.md K-28 to
 * K-30.
 */
struct ktls_tx_mark {
	uint64_t written; /* TCP's write position, from the start of the connection */
	uint64_t records; /* number of the next record, less those under earlier keys since then */
	uint16_t version;
	enum ktls_cipher cipher;
};

/**
 * ktls_tx_mark_init() - take the mark right after ktls_install_tx(fd, keys), before any send.
 * Returns: 0, or getsockopt(2)'s errno; -EAGAIN if acknowledgements kept moving (try again).
 */
int ktls_tx_mark_init(int fd, const struct ktls_keys *keys, struct ktls_tx_mark *ret_mark);

/**
 * ktls_tx_rekey() - ktls_install_tx() with the next generation's @keys, and the mark goes on: bytes
 * are counted from where they were. Returns: as those two.
 */
int ktls_tx_rekey(int fd, const struct ktls_keys *keys, struct ktls_tx_mark *mark);

/**
 * ktls_tx_queued() - ciphertext bytes that kTLS still holds and TCP was not given yet.
 * @bytes_sent: everything the kernel took since the mark: plaintext and control records' bodies.
 * 0 says: shutdown(2) and close(2) will put a FIN behind the last record, not instead of it.
 * Returns: bytes; -EAGAIN as above; -ENOTCONN (reset: they will never be given); another errno.
 */
int64_t ktls_tx_queued(int fd, const struct ktls_tx_mark *mark, uint64_t bytes_sent);

enum ktls_way { KTLS_TX, KTLS_RX };

/**
 * ktls_next_record() - number of the next record under the present key, as the kernel counts them.
 * Returns: 0, or getsockopt(2)'s errno.
 */
int ktls_next_record(int fd, enum ktls_cipher cipher, enum ktls_way way, uint64_t *ret_number);

/** ktls_rx_expect_no_pad() - TLS 1.3: decrypt into the reader's buffer. Returns: 0, -errno. */
int ktls_rx_expect_no_pad(int fd);

/** ktls_tx_zerocopy() - TLS_TX_ZEROCOPY_RO: only device offload uses it. Returns: 0, -errno. */
int ktls_tx_zerocopy(int fd);

#endif
