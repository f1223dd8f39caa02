// SPDX-License-Identifier: Apache-2.0
#include "sys/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From newer headers; a kernel that does not know them leaves them out. */
enum { ULP_INFO_TLS_VERSION = 1, ULP_INFO_TLS_CIPHER, ULP_INFO_TLS_TXCONF, ULP_INFO_TLS_RXCONF };

enum tcp_states {
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT = 2,
	STATE_FIN_WAIT1 = 4,
	STATE_FIN_WAIT2 = 5,
	STATE_CLOSE_WAIT = 8,
	STATE_LAST_ACK = 9,
	STATE_CLOSING = 11,
};

#define RECEIVE_BYTES 32768 /* what the kernel fills at most per read of a dump */
#define REQUEST_BYTES 256

struct netlink_diag {
	struct netlink_tcp *sockets;
	size_t n, allocated;
};

/* Send one request and hand every message of the answer to @each. */
static int transact(int bus, struct nlmsghdr *request, mnl_cb_t each, void *arg)
{
	_Alignas(struct nlmsghdr) char buf[RECEIVE_BYTES];
	struct mnl_socket *socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	ssize_t n;
	int r = 1;

	if (!socket)
		return -errno;
	request->nlmsg_seq = 1; /* one request per socket */
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		r = -errno;
	while (r > 0) {
		n = mnl_socket_recvfrom(socket, buf, sizeof(buf));
		if (n >= 0)
			n = mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(socket), each, arg);
		r = n < 0 ? -errno : (int)n;
	}
	(void)mnl_socket_close(socket);
	return r;
}

/* Attributes by type; NULL for the absent. A callback for mnl_attr_parse(). */
#define TABLE_SIZE 32

struct attr_table {
	const struct nlattr *by_type[TABLE_SIZE];
};

static int collect_attr(const struct nlattr *attr, void *arg)
{
	struct attr_table *table = arg;
	uint16_t type = mnl_attr_get_type(attr);

	if (type < TABLE_SIZE)
		table->by_type[type] = attr;
	return MNL_CB_OK;
}

static uint16_t attr_u16(const struct nlattr *attr)
{
	return attr && mnl_attr_get_payload_len(attr) >= 2 ? mnl_attr_get_u16(attr) : 0;
}

static void parse_ulp(const struct nlattr *ulp, struct netlink_tcp *tcp)
{
	struct attr_table info = {}, tls = {};
	const struct nlattr *name, *nested;

	(void)mnl_attr_parse_nested(ulp, collect_attr, &info);
	name = info.by_type[INET_ULP_INFO_NAME];
	nested = info.by_type[INET_ULP_INFO_TLS];
	if (name)
		(void)snprintf(tcp->ulp, sizeof(tcp->ulp), "%.*s",
			       (int)mnl_attr_get_payload_len(name), mnl_attr_get_str(name));
	if (!nested)
		return;
	(void)mnl_attr_parse_nested(nested, collect_attr, &tls);
	tcp->has_tls = true;
	tcp->tls_version = attr_u16(tls.by_type[ULP_INFO_TLS_VERSION]);
	tcp->tls_cipher = attr_u16(tls.by_type[ULP_INFO_TLS_CIPHER]);
	tcp->txconf = (uint8_t)attr_u16(tls.by_type[ULP_INFO_TLS_TXCONF]);
	tcp->rxconf = (uint8_t)attr_u16(tls.by_type[ULP_INFO_TLS_RXCONF]);
}

static void parse_info(const struct nlattr *attr, struct netlink_tcp *tcp)
{
	struct tcp_info info = {};
	size_t len = mnl_attr_get_payload_len(attr);

	memcpy(&info, mnl_attr_get_payload(attr), len < sizeof(info) ? len : sizeof(info));
	tcp->has_info = true;
	tcp->rtt_us = info.tcpi_rtt;
	tcp->total_retrans = info.tcpi_total_retrans;
	tcp->bytes_acked = info.tcpi_bytes_acked;
	tcp->bytes_received = info.tcpi_bytes_received;
}

static void parse_addr(int family, const __be32 *bytes, __be16 port, struct addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (family == AF_INET6) {
		addr->len = sizeof(addr->in6);
		addr->in6.sin6_family = AF_INET6;
		addr->in6.sin6_port = port;
		memcpy(&addr->in6.sin6_addr, bytes, sizeof(addr->in6.sin6_addr));
	} else {
		addr->len = sizeof(addr->in4);
		addr->in4.sin_family = AF_INET;
		addr->in4.sin_port = port;
		memcpy(&addr->in4.sin_addr, bytes, sizeof(addr->in4.sin_addr));
	}
}

static struct netlink_tcp *diag_grow(struct netlink_diag *diag)
{
	size_t more = diag->allocated ? diag->allocated * 2 : 256;
	struct netlink_tcp *sockets;

	if (diag->n == diag->allocated) {
		sockets = reallocarray(diag->sockets, more, sizeof(*sockets));
		if (!sockets)
			return NULL;
		diag->sockets = sockets;
		diag->allocated = more;
	}
	return memset(&diag->sockets[diag->n++], 0, sizeof(*sockets));
}

static int diag_message(const struct nlmsghdr *header, void *arg)
{
	const struct inet_diag_msg *msg = mnl_nlmsg_get_payload(header);
	struct attr_table table = {};
	struct netlink_tcp *tcp;

	if (mnl_nlmsg_get_payload_len(header) < sizeof(*msg))
		return MNL_CB_OK;
	tcp = diag_grow(arg);
	if (!tcp) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	tcp->cookie = (uint64_t)msg->id.idiag_cookie[1] << 32 | msg->id.idiag_cookie[0];
	tcp->state = msg->idiag_state;
	parse_addr(msg->idiag_family, msg->id.idiag_src, msg->id.idiag_sport, &tcp->src);
	parse_addr(msg->idiag_family, msg->id.idiag_dst, msg->id.idiag_dport, &tcp->dst);
	(void)mnl_attr_parse(header, sizeof(*msg), collect_attr, &table);
	if (table.by_type[INET_DIAG_INFO])
		parse_info(table.by_type[INET_DIAG_INFO], tcp);
	if (table.by_type[INET_DIAG_ULP_INFO])
		parse_ulp(table.by_type[INET_DIAG_ULP_INFO], tcp);
	return MNL_CB_OK;
}

static int dump_family(uint8_t family, struct netlink_diag *diag)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_BYTES] = {};
	struct nlmsghdr *header = mnl_nlmsg_put_header(buf);
	struct inet_diag_req_v2 *request;

	header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request = mnl_nlmsg_put_extra_header(header, sizeof(*request));
	request->sdiag_family = family;
	request->sdiag_protocol = IPPROTO_TCP;
	request->idiag_ext = 1 << (INET_DIAG_INFO - 1);
	request->idiag_states = 1 << STATE_ESTABLISHED | 1 << STATE_SYN_SENT |
				1 << STATE_FIN_WAIT1 | 1 << STATE_FIN_WAIT2 |
				1 << STATE_CLOSE_WAIT | 1 << STATE_LAST_ACK | 1 << STATE_CLOSING;
	return transact(NETLINK_SOCK_DIAG, header, diag_message, diag);
}

static int compare_cookies(const void *a, const void *b)
{
	uint64_t x = ((const struct netlink_tcp *)a)->cookie;
	uint64_t y = ((const struct netlink_tcp *)b)->cookie;

	return x < y ? -1 : x > y;
}

int netlink_diag_dump(struct netlink_diag **ret_diag)
{
	struct netlink_diag _cleanup_netlink_diag_ *diag = calloc(1, sizeof(*diag));
	int r;

	if (!diag)
		return -ENOMEM;
	r = dump_family(AF_INET, diag);
	if (r == 0)
		r = dump_family(AF_INET6, diag);
	if (r < 0)
		return r;
	if (diag->n > 0)
		qsort(diag->sockets, diag->n, sizeof(*diag->sockets), compare_cookies);
	*ret_diag = diag;
	diag = NULL;
	return 0;
}

void netlink_diag_free(struct netlink_diag *diag)
{
	if (diag)
		free(diag->sockets);
	free(diag);
}

const struct netlink_tcp *netlink_diag_by_cookie(const struct netlink_diag *diag, uint64_t cookie)
{
	const struct netlink_tcp key = {.cookie = cookie};

	if (!diag || diag->n == 0)
		return NULL;
	return bsearch(&key, diag->sockets, diag->n, sizeof(key), compare_cookies);
}

size_t netlink_diag_count(const struct netlink_diag *diag)
{
	return diag->n;
}

const struct netlink_tcp *netlink_diag_at(const struct netlink_diag *diag, size_t index)
{
	return index < diag->n ? &diag->sockets[index] : NULL;
}

static struct nlmsghdr *genl_request(char *buf, uint16_t family, uint8_t command, uint16_t flags)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	header->nlmsg_type = family;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(header, sizeof(*genl));
	genl->cmd = command;
	genl->version = 1;
	return header;
}

static int family_message(const struct nlmsghdr *header, void *arg)
{
	struct attr_table table = {};
	uint16_t *ret_id = arg;

	(void)mnl_attr_parse(header, sizeof(struct genlmsghdr), collect_attr, &table);
	*ret_id = attr_u16(table.by_type[CTRL_ATTR_FAMILY_ID]);
	return MNL_CB_OK;
}

static int ethtool_family(uint16_t *ret_id)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_BYTES] = {};
	struct nlmsghdr *header = genl_request(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	int r;

	*ret_id = 0;
	mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, ETHTOOL_GENL_NAME);
	r = transact(NETLINK_GENERIC, header, family_message, ret_id);
	if (r == -ENOENT || (r == 0 && *ret_id == 0))
		return -EOPNOTSUPP;
	return r;
}

struct nic_list {
	struct netlink_nic *nics;
	size_t n;
};

static enum netlink_feature *feature_by_name(struct netlink_nic *nic, const char *name)
{
	if (strcmp(name, "tls-hw-tx-offload") == 0)
		return &nic->tls_tx;
	if (strcmp(name, "tls-hw-rx-offload") == 0)
		return &nic->tls_rx;
	return strcmp(name, "tls-hw-record") == 0 ? &nic->tls_record : NULL;
}

/*
 * A bitset with names. With a mask a bit counts when it has the VALUE flag, without one (NOMASK)
 * when it is listed.
 */
struct bit_marker {
	struct netlink_nic *nic;
	enum netlink_feature mark;
	bool all_listed;
};

static int mark_bit(const struct nlattr *bit, void *arg)
{
	const struct bit_marker *marker = arg;
	struct attr_table table = {};
	enum netlink_feature *feature = NULL;

	(void)mnl_attr_parse_nested(bit, collect_attr, &table);
	if (table.by_type[ETHTOOL_A_BITSET_BIT_NAME])
		feature = feature_by_name(
			marker->nic, mnl_attr_get_str(table.by_type[ETHTOOL_A_BITSET_BIT_NAME]));
	if (feature && (marker->all_listed || table.by_type[ETHTOOL_A_BITSET_BIT_VALUE]))
		*feature = marker->mark;
	return MNL_CB_OK;
}

static void mark_bits(const struct nlattr *bitset, struct netlink_nic *nic,
		      enum netlink_feature mark)
{
	struct bit_marker marker = {.nic = nic, .mark = mark};
	struct attr_table table = {};

	if (!bitset)
		return;
	(void)mnl_attr_parse_nested(bitset, collect_attr, &table);
	marker.all_listed = table.by_type[ETHTOOL_A_BITSET_NOMASK] != NULL;
	if (table.by_type[ETHTOOL_A_BITSET_BITS])
		(void)mnl_attr_parse_nested(table.by_type[ETHTOOL_A_BITSET_BITS], mark_bit,
					    &marker);
}

static int features_message(const struct nlmsghdr *header, void *arg)
{
	struct attr_table table = {}, head = {};
	struct nic_list *list = arg;
	struct netlink_nic nic = {.tls_tx = NETLINK_FEATURE_ABSENT,
				  .tls_rx = NETLINK_FEATURE_ABSENT,
				  .tls_record = NETLINK_FEATURE_ABSENT};
	struct netlink_nic *grown;

	(void)mnl_attr_parse(header, sizeof(struct genlmsghdr), collect_attr, &table);
	if (!table.by_type[ETHTOOL_A_FEATURES_HEADER])
		return MNL_CB_OK;
	(void)mnl_attr_parse_nested(table.by_type[ETHTOOL_A_FEATURES_HEADER], collect_attr, &head);
	if (!head.by_type[ETHTOOL_A_HEADER_DEV_NAME])
		return MNL_CB_OK;
	(void)snprintf(nic.name, sizeof(nic.name), "%s",
		       mnl_attr_get_str(head.by_type[ETHTOOL_A_HEADER_DEV_NAME]));
	if (strcmp(nic.name, "lo") == 0)
		return MNL_CB_OK;
	mark_bits(table.by_type[ETHTOOL_A_FEATURES_HW], &nic, NETLINK_FEATURE_OFF);
	mark_bits(table.by_type[ETHTOOL_A_FEATURES_ACTIVE], &nic, NETLINK_FEATURE_ON);
	grown = reallocarray(list->nics, list->n + 1, sizeof(*grown));
	if (!grown) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	list->nics = grown;
	list->nics[list->n++] = nic;
	return MNL_CB_OK;
}

int netlink_nics(struct netlink_nic **ret_nics, size_t *ret_count)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_BYTES] = {};
	struct nic_list list = {};
	struct nlmsghdr *header;
	struct nlattr *nest;
	uint16_t family;
	int r = ethtool_family(&family);

	if (r < 0)
		return r;
	header = genl_request(buf, family, ETHTOOL_MSG_FEATURES_GET, NLM_F_DUMP);
	nest = mnl_attr_nest_start(header, ETHTOOL_A_FEATURES_HEADER);
	mnl_attr_nest_end(header, nest);
	r = transact(NETLINK_GENERIC, header, features_message, &list);
	if (r < 0) {
		free(list.nics);
		return r;
	}
	*ret_nics = list.nics;
	*ret_count = list.n;
	return 0;
}
