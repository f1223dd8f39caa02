// SPDX-License-Identifier: Apache-2.0
#include "proxy/handshake.h"

#include "sys/tls.h"

static int add_name(void *arg, enum tls_name_kind kind, const void *bytes, size_t len)
{
	static const enum identity_kind kinds[] = {
		[TLS_NAME_CN] = IDENTITY_CN,
		[TLS_NAME_DNS] = IDENTITY_DNS,
		[TLS_NAME_URI] = IDENTITY_URI,
	};

	return identity_add(arg, kinds[kind], bytes, len);
}

int handshake_identify(const struct tls_conn *tls, struct identity *ret_identity)
{
	int r;

	*ret_identity = (struct identity){};
	r = tls_peer_names(tls, add_name, ret_identity);
	ret_identity->has_certificate = r == 1;
	return r < 0 ? r : 0;
}
