// SPDX-License-Identifier: Apache-2.0
/*
 * The part of the probe that tries. Every trial has its own pair of loopback sockets, so that one
 * failure cannot spoil the next trial.
 */
#include "sys/feature.h"

#include "base/fd.h"
#include "sys/feature_internal.h"
#include "sys/tlsstat.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define WAIT_MS 2000 /* for one record over loopback; an emulated CPU needs some 10 ms */

static const uint16_t versions[FEATURE_N_VERSIONS] = {KTLS_VERSION_1_2, KTLS_VERSION_1_3};

/** Both ends of a connection to ourselves; a sends to b. */
struct pair {
	int a, b;
};

static void pair_done(struct pair *p)
{
	fd_close(&p->a);
	fd_close(&p->b);
}
#define _cleanup_pair_ __attribute__((cleanup(pair_done)))

static struct feature result(int r)
{
	return (struct feature){
		.state = r < 0 ? FEATURE_FAILS : FEATURE_WORKS,
		.error = r < 0 ? r : 0,
	};
}

static int pair_open(int family, struct pair *p)
{
	struct addr addr = {};
	int _cleanup_fd_ listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (family == AF_INET6) {
		addr.len = sizeof(addr.in6);
		addr.in6.sin6_addr = in6addr_loopback;
	} else {
		addr.len = sizeof(addr.in4);
		addr.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	}
	addr.sa.sa_family = (sa_family_t)family;
	if (listener < 0 || bind(listener, &addr.sa, addr.len) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, &addr.sa, &addr.len) < 0)
		return -errno;
	p->a = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->a < 0 || connect(p->a, &addr.sa, addr.len) < 0)
		return -errno;
	p->b = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return p->b < 0 ? -errno : 0;
}

/* A host may have only one of the two families on its loopback. */
static int loopback_pair(struct pair *p)
{
	int r = pair_open(AF_INET, p);

	if (r < 0) {
		pair_done(p);
		r = pair_open(AF_INET6, p) < 0 ? r : 0;
	}
	return r;
}

static int tls_pair(struct pair *p)
{
	int r = loopback_pair(p);

	if (r == 0)
		r = ktls_ulp_set(p->a);
	return r < 0 ? r : ktls_ulp_set(p->b);
}

/* No secret: the bytes never leave loopback and protect nothing. */
static struct ktls_keys trial_keys(uint16_t version, enum ktls_cipher cipher, uint8_t fill)
{
	struct ktls_keys keys = {.version = version, .cipher = cipher};

	memset(keys.key, fill, sizeof(keys.key));
	memset(keys.iv, fill + 1, sizeof(keys.iv));
	return keys;
}

/* Returns: 0 when b reads what a sent, with its type; -EBADMSG for anything else. */
static int pass_record(const struct pair *p, uint8_t type, const void *bytes, size_t len)
{
	struct pollfd readable = {.fd = p->b, .events = POLLIN};
	uint8_t got[64], got_type;
	ssize_t n = ktls_send_record(p->a, type, bytes, len);

	if (n < 0)
		return (int)n;
	if (poll(&readable, 1, WAIT_MS) <= 0)
		return -ETIMEDOUT;
	n = ktls_read_record(p->b, got, sizeof(got), &got_type);
	if (n < 0)
		return (int)n;
	return (size_t)n == len && got_type == type && memcmp(got, bytes, len) == 0 ? 0 : -EBADMSG;
}

static int pass_data(const struct pair *p)
{
	static const char text[] = "a record over loopback";

	return pass_record(p, KTLS_RECORD_DATA, text, sizeof(text));
}

static void try_cipher(struct feature_set *set, enum feature_version v, enum ktls_cipher cipher)
{
	struct feature *tx = &set->tls[v][cipher][FEATURE_TX];
	struct feature *rx = &set->tls[v][cipher][FEATURE_RX];
	struct pair _cleanup_pair_ p = {-1, -1};
	struct ktls_keys keys = trial_keys(versions[v], cipher, 1);
	int r = tls_pair(&p);

	if (r < 0) {
		*tx = *rx = result(r);
		return;
	}
	*tx = result(ktls_install_tx(p.a, &keys));
	*rx = result(ktls_install_rx(p.b, &keys));
	if (tx->state != FEATURE_WORKS || rx->state != FEATURE_WORKS)
		return;
	r = pass_data(&p);
	if (r < 0)
		*tx = *rx = result(r);
}

/* The peer's KeyUpdate (RFC 8446 4.6.3, update_not_requested) is the last record of the old key. */
static int rekey(void)
{
	static const uint8_t key_update[] = {24, 0, 0, 1, 0};
	struct ktls_keys first = trial_keys(KTLS_VERSION_1_3, KTLS_AES_128_GCM, 1);
	struct ktls_keys second = trial_keys(KTLS_VERSION_1_3, KTLS_AES_128_GCM, 9);
	struct pair _cleanup_pair_ p = {-1, -1};
	int r = tls_pair(&p);

	if (r == 0)
		r = ktls_install_tx(p.a, &first);
	if (r == 0)
		r = ktls_install_rx(p.b, &first);
	if (r == 0)
		r = pass_record(&p, KTLS_RECORD_HANDSHAKE, key_update, sizeof(key_update));
	if (r == 0)
		r = ktls_install_tx(p.a, &second);
	if (r == 0)
		r = ktls_install_rx(p.b, &second);
	return r < 0 ? r : pass_data(&p);
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0 ? 0 : cookie;
}

static void try_diag(struct feature_set *set, int fd, bool has_keys)
{
	struct netlink_diag _cleanup_netlink_diag_ *diag = NULL;
	const struct netlink_tcp *tcp;
	bool seen;
	int r = netlink_diag_dump(&diag);

	set->sock_diag = result(r);
	if (r < 0)
		return;
	tcp = netlink_diag_by_cookie(diag, cookie_of(fd));
	if (!tcp) {
		set->sock_diag = result(-ENOENT);
		return;
	}
	if (!has_keys)
		return;
	seen = tcp->has_tls && tcp->tls_version == KTLS_VERSION_1_3 && tcp->txconf >= KTLS_CONF_SW;
	/* The kernel leaves the ULP out for whoever lacks CAP_NET_ADMIN. */
	set->diag_ulp = result(seen ? 0 : -EPERM);
}

/* What needs one socket with TLS 1.3 keys in both directions, and the sock_diag dump without. */
static void try_options(struct feature_set *set)
{
	struct ktls_keys keys = trial_keys(KTLS_VERSION_1_3, KTLS_AES_128_GCM, 1);
	struct pair _cleanup_pair_ p = {-1, -1};
	int r = loopback_pair(&p);

	if (r < 0)
		return;
	r = ktls_ulp_set(p.a);
	if (r == 0)
		r = ktls_install_tx(p.a, &keys);
	if (r == 0)
		r = ktls_install_rx(p.a, &keys);
	if (r == 0) {
		set->expect_no_pad = result(ktls_rx_expect_no_pad(p.a));
		set->zerocopy = result(ktls_tx_zerocopy(p.a));
	}
	try_diag(set, p.a, r == 0);
}

static void try_ulp(struct feature_set *set)
{
	struct pair _cleanup_pair_ p = {-1, -1};
	struct tlsstat stat;
	bool was_loaded = tlsstat_read(&stat) == 0;
	int r = loopback_pair(&p);

	set->loopback = result(r);
	if (r < 0)
		return;
	r = ktls_ulp_set(p.a);
	set->ulp = result(r);
	set->ulp_loaded_by_probe = r == 0 && !was_loaded;
	set->tls_stat = result(tlsstat_read(&stat));
}

/* The combination that newer kernels refuse, on the socket that is in the sockmap right now. */
struct combination {
	int fd, result;
};

static void install_in_sockmap(void *arg)
{
	struct ktls_keys keys = trial_keys(KTLS_VERSION_1_3, KTLS_AES_128_GCM, 1);
	struct combination *c = arg;

	c->result = ktls_ulp_set(c->fd);
	if (c->result == 0)
		c->result = ktls_install_tx(c->fd, &keys);
}

static void try_bpf(struct feature_set *set)
{
	struct pair _cleanup_pair_ p = {-1, -1};
	struct combination c = {.result = -ENOENT};
	int r = loopback_pair(&p);

	if (r < 0)
		return;
	c.fd = p.a;
	r = bpf_try_sockmap(p.a, set->ulp.state == FEATURE_WORKS ? install_in_sockmap : NULL, &c,
			    &set->sockmap_step);
	set->bpf = result(set->sockmap_step == BPF_STEP_LOAD ? r : 0);
	if (set->bpf.state == FEATURE_WORKS)
		set->sockmap = result(r);
	if (r < 0 || set->ulp.state != FEATURE_WORKS)
		return;
	set->sockmap_with_tls = result(c.result);
	/* What the kernel does is better evidence than its version. */
	if (set->sockmap_with_tls.state == FEATURE_FAILS)
		set->faults[KERNEL_FAULT_SOCKMAP] = KERNEL_FIXED;
}

void feature_probe_ktls(struct feature_set *ret_set)
{
	memset(ret_set, 0, sizeof(*ret_set));
	try_ulp(ret_set);
	if (ret_set->ulp.state != FEATURE_WORKS)
		return;
	for (unsigned int v = 0; v < FEATURE_N_VERSIONS; v++) {
		for (unsigned int c = 0; c < KTLS_N_CIPHERS; c++)
			try_cipher(ret_set, (enum feature_version)v, (enum ktls_cipher)c);
	}
	ret_set->rekey = result(rekey());
}

void feature_probe(struct feature_set *ret_set)
{
	struct feature_set *set = ret_set;

	feature_probe_ktls(set);
	feature_host_kernel(set);
	try_options(set);
	try_bpf(set);
	feature_host_limits(set);
	feature_host_crypto(set);
}

void feature_done(struct feature_set *set)
{
	free(set->nics);
	set->nics = NULL;
	set->n_nics = 0;
}

bool feature_refuses_ktls(const struct feature_set *set, uint16_t version, enum ktls_cipher cipher)
{
	if (set->ulp.state == FEATURE_FAILS)
		return true;
	for (unsigned int v = 0; v < FEATURE_N_VERSIONS; v++) {
		const struct feature *tried = set->tls[v][cipher];

		if (versions[v] == version)
			return tried[FEATURE_TX].state == FEATURE_FAILS ||
			       tried[FEATURE_RX].state == FEATURE_FAILS;
	}
	return false;
}

bool feature_has_ktls(const struct feature_set *set, enum feature_version version)
{
	for (unsigned int c = 0; c < KTLS_N_CIPHERS; c++) {
		if (set->tls[version][c][FEATURE_TX].state == FEATURE_WORKS &&
		    set->tls[version][c][FEATURE_RX].state == FEATURE_WORKS)
			return true;
	}
	return false;
}
