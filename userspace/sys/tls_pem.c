// SPDX-License-Identifier: Apache-2.0
#include "sys/tls_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>

BIO *tls_pem_bio(const char *text, size_t len)
{
	return len > INT32_MAX ? NULL : BIO_new_mem_buf(text, (int)len);
}

int tls_pem_next(BIO *bio, X509 **ret_certificate)
{
	X509 *certificate;

	ERR_clear_error();
	certificate = PEM_read_bio_X509(bio, NULL, tls_no_password, NULL);
	if (!certificate)
		return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE ? 0 : -EINVAL;
	*ret_certificate = certificate;
	return 1;
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
