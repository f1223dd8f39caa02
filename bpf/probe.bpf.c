// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The smallest sk_msg verdict on a sockmap: `sluice probe` asks whether it loads and attaches. */
#include "abi.h"

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, PROBE_MAP_SOCKETS);
	__type(key, __u32);
	__type(value, __u64);
} probe_sockets SEC(".maps");

SEC("sk_msg")
int probe_verdict(struct sk_msg_md *msg)
{
	(void)msg;
	return SK_PASS;
}
