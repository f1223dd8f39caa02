// SPDX-License-Identifier: Apache-2.0
#include "proxy/offload.h"

#include "sys/feature.h"
#include "sys/stream.h"
#include "sys/tls.h"

#include <errno.h>

const char *offload_reason_name(enum offload_reason reason)
{
	static const char *const names[OFFLOAD_REASONS] = {
		[OFFLOAD_OK] = "none",
		[OFFLOAD_NOT_YET] = "not_yet",
		[OFFLOAD_BY_CONFIG] = "configured_off",
		[OFFLOAD_NOT_TCP] = "not_tcp",
		[OFFLOAD_NO_KERNEL_TLS] = "no_kernel_tls",
		[OFFLOAD_CIPHER] = "cipher",
		[OFFLOAD_RECORD_LIMIT] = "max_fragment_length",
		[OFFLOAD_PENDING_BYTES] = "pending_bytes",
		[OFFLOAD_ENDING] = "ending",
		[OFFLOAD_FIN_RECEIVED] = "fin_received",
		[OFFLOAD_KEYS] = "key_derivation",
		[OFFLOAD_INSTALL] = "kernel_refused_keys",
		[OFFLOAD_PASSTHROUGH] = "passthrough",
	};

	return names[reason];
}

enum offload_reason offload_check(const struct feature_set *kernel, const struct tls_conn *tls,
				  int fd)
{
	struct ktls_keys _cleanup_ktls_keys_ tx = {}, _cleanup_ktls_keys_ rx = {};
	int r;

	if (!stream_is_tcp(fd))
		return OFFLOAD_NOT_TCP;
	if (kernel->ulp.state == FEATURE_FAILS)
		return OFFLOAD_NO_KERNEL_TLS;
	if (tls_record_limit_negotiated(tls))
		return OFFLOAD_RECORD_LIMIT;
	if (!tls_at_record_boundary(tls))
		return OFFLOAD_PENDING_BYTES;
	r = tls_export_keys(tls, &tx, &rx);
	if (r < 0)
		return r == -EOPNOTSUPP ? OFFLOAD_CIPHER : OFFLOAD_KEYS;
	if (feature_refuses_ktls(kernel, tx.version, tx.cipher))
		return OFFLOAD_CIPHER;
	return OFFLOAD_OK;
}

int offload_commit(const struct tls_conn *tls, int fd, struct ktls_tx_mark *ret_mark,
		   enum offload_reason *ret_reason)
{
	struct ktls_keys _cleanup_ktls_keys_ tx = {}, _cleanup_ktls_keys_ rx = {};
	int r;

	*ret_reason = OFFLOAD_KEYS;
	if (tls_export_keys(tls, &tx, &rx) < 0)
		return -EOPNOTSUPP;
	/* A ULP without keys passes bytes through, so the copy engine can still go on (K-02). */
	r = ktls_ulp_set(fd);
	if (r < 0) {
		*ret_reason = r == -ENOTCONN ? OFFLOAD_FIN_RECEIVED : OFFLOAD_NO_KERNEL_TLS;
		return -EOPNOTSUPP;
	}
	*ret_reason = OFFLOAD_INSTALL;
	r = ktls_install_tx(fd, &tx);
	if (r < 0)
		return -EOPNOTSUPP;
	if (ktls_install_rx(fd, &rx) < 0 || ktls_tx_mark_init(fd, &tx, ret_mark) < 0)
		return -EIO;
	*ret_reason = OFFLOAD_OK;
	return 0;
}

void offload_settle(struct tls_conn **tls)
{
	tls_conn_free(*tls);
	*tls = NULL;
}
