/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The only header that BPF programs and userspace share: map sizes and keys. */
#ifndef SLUICE_BPF_ABI_H
#define SLUICE_BPF_ABI_H

#define PROBE_MAP_SOCKETS 1
#define PROBE_MAP_KEY	  0

#endif
