// SPDX-License-Identifier: Apache-2.0
#include "sys/bpf.h"

#include "bpf/abi.h"
#include "probe.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdint.h>

/* libbpf explains failures on stderr; the caller gets an errno and says it in its own words. */
static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int try_steps(struct probe_bpf *bpf, int fd, enum bpf_step *step)
{
	int map = bpf_map__fd(bpf->maps.probe_sockets);
	int program = bpf_program__fd(bpf->progs.probe_verdict);
	const uint32_t key = PROBE_MAP_KEY;
	const uint64_t value = (uint64_t)fd;
	int r;

	*step = BPF_STEP_ATTACH;
	r = bpf_prog_attach(program, map, BPF_SK_MSG_VERDICT, 0);
	if (r < 0)
		return r;
	*step = BPF_STEP_INSERT;
	r = bpf_map_update_elem(map, &key, &value, BPF_ANY);
	if (r < 0)
		return r;
	*step = BPF_STEP_DONE;
	return 0;
}

int bpf_try_sockmap(int established_fd, void (*while_inserted)(void *arg), void *arg,
		    enum bpf_step *ret_step)
{
	libbpf_print_fn_t previous = libbpf_set_print(say_nothing);
	struct probe_bpf *bpf;
	int r;

	*ret_step = BPF_STEP_LOAD;
	errno = 0;
	bpf = probe_bpf__open_and_load();
	if (bpf)
		r = try_steps(bpf, established_fd, ret_step);
	else
		r = errno ? -errno : -EOPNOTSUPP;
	if (r == 0 && while_inserted)
		while_inserted(arg);
	probe_bpf__destroy(bpf);
	(void)libbpf_set_print(previous);
	return r;
}
