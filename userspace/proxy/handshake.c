// SPDX-License-Identifier: Apache-2.0
#include "proxy/handshake.h"

#include "sys/tls_identity.h"

#include <errno.h>

static int add_name(void *arg, enum tls_name_kind kind, const void *bytes, size_t len)
{
	static const enum identity_kind kinds[TLS_NAME_KINDS] = {
		[TLS_NAME_CN] = IDENTITY_CN,
		[TLS_NAME_O] = IDENTITY_O,
		[TLS_NAME_OU] = IDENTITY_OU,
		[TLS_NAME_DNS] = IDENTITY_DNS,
		[TLS_NAME_URI] = IDENTITY_URI,
		[TLS_NAME_EMAIL] = IDENTITY_EMAIL,
		[TLS_NAME_IP] = IDENTITY_IP,
		[TLS_NAME_SUBJECT] = IDENTITY_SUBJECT,
		[TLS_NAME_ISSUER] = IDENTITY_ISSUER,
		[TLS_NAME_SERIAL] = IDENTITY_SERIAL,
		[TLS_NAME_CERT_SHA256] = IDENTITY_CERT_SHA256,
		[TLS_NAME_SPKI_SHA256] = IDENTITY_SPKI_SHA256,
	};

	return identity_add(arg, kinds[kind], bytes, len);
}

/* What TLS has told is complete. */
static int finish(struct identity **identity, const struct tls_leaf *leaf)
{
	(*identity)->not_before = leaf->not_before;
	(*identity)->not_after = leaf->not_after;
	return identity_finish(identity, leaf->svid_usage);
}

static int settle(int r, struct identity *identity, const struct tls_leaf *leaf,
		  struct identity **ret_identity)
{
	if (r == 1) {
		r = finish(&identity, leaf);
		if (r == 0) {
			*ret_identity = identity;
			return 0;
		}
	}
	identity_free(identity);
	return r;
}

int handshake_identify(const struct tls_conn *tls, struct identity **ret_identity)
{
	struct identity *identity = identity_new();
	struct tls_leaf leaf;
	int r;

	*ret_identity = NULL;
	if (!identity)
		return -ENOMEM;
	r = tls_peer_names(tls, add_name, &identity, &leaf);
	return settle(r, identity, &leaf, ret_identity);
}

int handshake_identify_pem(const char *pem, size_t len, struct identity **ret_identity)
{
	struct identity *identity = identity_new();
	struct tls_leaf leaf;
	int r;

	*ret_identity = NULL;
	if (!identity)
		return -ENOMEM;
	r = tls_pem_names(pem, len, add_name, &identity, &leaf);
	return settle(r, identity, &leaf, ret_identity);
}
