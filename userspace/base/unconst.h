/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_UNCONST_H
#define SLUICE_BASE_UNCONST_H

/** unconst() - for interfaces without const (struct iovec, OSSL_PARAM) that only read what they are given. */
static inline void *unconst(const void *p)
{
	union {
		const void *in;
		void *out;
	} u = {.in = p};

	return u.out;
}

#endif
