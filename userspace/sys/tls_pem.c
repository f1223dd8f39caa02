// SPDX-License-Identifier: Apache-2.0
#include "sys/tls_internal.h"

BIO *tls_pem_bio(const char *text, size_t len)
{
	return len > INT32_MAX ? NULL : BIO_new_mem_buf(text, (int)len);
}

int tls_no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	if (arg)
		*(int *)arg = 1;
	return -1;
}
