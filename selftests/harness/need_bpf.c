// SPDX-License-Identifier: Apache-2.0
/*
 * BPF by the bare system call: the harness needs no library for two instructions.
 */
#include "selftests/harness/internal.h"

#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

const char *need_try_bpf(void)
{
	static const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SK_MSG,
		.insns = (uintptr_t)program,
		.insn_cnt = 2,
		.license = (uintptr_t) "GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr) < 0 ? "load a program" : NULL;
}

const char *need_try_sockmap(void)
{
	union bpf_attr create = {
		.map_type = BPF_MAP_TYPE_SOCKMAP, .key_size = 4, .value_size = 4, .max_entries = 1};
	union bpf_attr update = {};
	uint32_t key = 0, value;
	int pair[2], map = bpf(BPF_MAP_CREATE, &create);

	if (map < 0)
		return "create a sockmap";
	if (need_tcp_pair(pair) < 0)
		return "loopback pair";
	value = (uint32_t)pair[0];
	update.map_fd = (uint32_t)map;
	update.key = (uintptr_t)&key;
	update.value = (uintptr_t)&value;
	return bpf(BPF_MAP_UPDATE_ELEM, &update) < 0 ? "put a socket into it" : NULL;
}

/* Ids only grow. */
uint32_t need_last_program(void)
{
	union bpf_attr attr = {};
	uint32_t last_id = 0;

	while (bpf(BPF_PROG_GET_NEXT_ID, &attr) == 0) {
		last_id = attr.next_id;
		attr.start_id = attr.next_id;
	}
	return last_id;
}
