// SPDX-License-Identifier: Apache-2.0
#include "sys/confile.h"

#define LIST_OF(key)                                                                               \
	{                                                                                          \
#key, offsetof(struct confile_match, key), offsetof(struct confile_match, n_##key) \
	}

bool confile_match_list(const struct confile_match *match, size_t index,
			struct confile_list *ret_list)
{
	static const struct {
		const char *key;
		size_t texts, n;
	} lists[] = {
		LIST_OF(cn),	       LIST_OF(dns),	LIST_OF(uri),	      LIST_OF(ip),
		LIST_OF(email),	       LIST_OF(ou),	LIST_OF(o),	      LIST_OF(dn),
		LIST_OF(issuer),       LIST_OF(serial), LIST_OF(cert_sha256), LIST_OF(spki_sha256),
		LIST_OF(trust_domain), LIST_OF(sni),	LIST_OF(alpn),	      LIST_OF(source),
		LIST_OF(tls_version),
	};
	const char *at = (const char *)match;

	if (index >= sizeof(lists) / sizeof(lists[0]))
		return false;
	*ret_list = (struct confile_list){
		.key = lists[index].key,
		.texts = *(char *const *const *)(const void *)(at + lists[index].texts),
		.n = *(const unsigned int *)(const void *)(at + lists[index].n),
	};
	return true;
}
