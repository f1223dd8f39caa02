/* SPDX-License-Identifier: Apache-2.0 */
/* What BPF allows here. Wraps libbpf and the skeletons. */
#ifndef SLUICE_SYS_BPF_H
#define SLUICE_SYS_BPF_H

/** How far a trial got; each step needs the one before it. */
enum bpf_step {
	BPF_STEP_LOAD,	 /* programs and maps through the verifier */
	BPF_STEP_ATTACH, /* sk_msg verdict program on the sockmap */
	BPF_STEP_INSERT, /* the given socket into the sockmap */
	BPF_STEP_DONE,
};

/**
 * bpf_try_sockmap() - go through the steps with @established_fd, an established TCP socket.
 * The socket stays in the map, and cannot get the tls ULP, until @while_inserted (may be NULL) has
 * returned; afterwards everything is unloaded.
 * *@ret_step is the step that failed, or BPF_STEP_DONE.
 * Returns: 0; -EPERM (CAP_BPF and CAP_NET_ADMIN are needed); -EOPNOTSUPP (not built in) and others.
 */
int bpf_try_sockmap(int established_fd, void (*while_inserted)(void *arg), void *arg,
		    enum bpf_step *ret_step);

#endif
