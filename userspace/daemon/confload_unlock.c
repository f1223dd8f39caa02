// SPDX-License-Identifier: Apache-2.0
/* Certificates and keys that a password locks: here they become the PEM texts that others are already. */
#include "daemon/confload_internal.h"

#include "base/lockmem.h"
#include "base/secret.h"
#include "sys/tls_unlock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PASSWORD_MAX_BYTES 1024 /* OpenSSL takes no longer one for PEM */

/** A password as a text; wiped by password_done(). */
struct password {
	char text[PASSWORD_MAX_BYTES + 1];
};

static void password_done(struct password *password)
{
	secret_wipe_mem(password, sizeof(*password));
}

#define _cleanup_password_ __attribute__((cleanup(password_done)))

static const char *hint_for(enum tls_cert_result result)
{
	switch (result) {
	case TLS_CERT_NO_PKCS12:
		return "PEM texts go into chain and key";
	case TLS_CERT_WRONG_PASSWORD:
		return "password: file:PATH, or env:NAME";
	case TLS_CERT_LEGACY:
		return "write it again: openssl pkcs12 -legacy -in OLD -nodes | openssl pkcs12 "
		       "-export -out NEW";
	case TLS_CERT_NO_KEY:
	case TLS_CERT_NO_CERTIFICATE:
		return "export the certificate together with its key";
	default:
		return "";
	}
}

/* Returns: false, and a mistake, when it cannot be used. Without `password:` it is "". */
static bool load_password(struct confload *load, const struct confload_field *field,
			  const char *source, struct password *ret_password)
{
	struct confload_field at = confload_field("%.200s.password", field->path);
	const char *data;
	size_t len = 0;

	if (!source)
		return true;
	if (!confload_need(load, &at, source, "as in file:/etc/sluice/password, or env:NAME"))
		return false;
	data = bundle_secret(load->bundle, source, &len);
	/* Told by whoever read the disk; again only in case that nobody did. */
	if (!data) {
		confload_mistake(load, &at, "", "%s: cannot be read", source);
		return false;
	}
	/* Editors end a file with one. */
	if (len > 0 && data[len - 1] == '\n')
		len -= len > 1 && data[len - 2] == '\r' ? 2 : 1;
	if (len == 0 || len > PASSWORD_MAX_BYTES || memchr(data, '\0', len) ||
	    memchr(data, '\n', len)) {
		confload_mistake(load, &at, "one line of up to 1024 bytes", "%s: is no password",
				 source);
		return false;
	}
	memcpy(ret_password->text, data, len);
	return true;
}

static int give(const char *source, struct tls_unlocked *text, struct config_blob *to)
{
	lockmem_free(to->data, to->len + 1);
	free(to->source);
	to->data = text->text;
	to->len = text->len;
	to->source = strdup(source);
	return to->source ? 0 : -ENOMEM;
}

/* Returns: 0; -ENOMEM, which is no mistake of anybody. */
static int told(struct confload *load, const struct confload_field *field, const char *source,
		const struct tls_cert_finding *mistake)
{
	if (mistake->result == TLS_CERT_NO_MEMORY)
		return -ENOMEM;
	if (mistake->result != TLS_CERT_OK)
		confload_mistake(load, field, hint_for(mistake->result), "%s: %s", source,
				 mistake->text);
	return 0;
}

int confload_unlock_pkcs12(struct confload *load, const struct confload_field *field,
			   const struct confile_certificate *from, struct config_certificate *to)
{
	struct confload_field at = confload_field("%.200s.pkcs12", field->path);
	struct password _cleanup_password_ password = {};
	struct tls_cert_finding mistake;
	struct tls_unlocked chain, key;
	const char *data;
	size_t len = 0;
	int r;

	if (from->chain || from->key)
		confload_mistake(load, &at, "remove chain and key, or pkcs12",
				 "has certificate and key already");
	if (!confload_need(load, &at, from->pkcs12, "as in file:/etc/sluice/it.p12"))
		return 0;
	data = bundle_secret(load->bundle, from->pkcs12, &len);
	if (!data) {
		confload_mistake(load, &at, "", "%s: cannot be read", from->pkcs12);
		return 0;
	}
	if (!load_password(load, field, from->password, &password))
		return 0;
	tls_unlock_pkcs12(data, len, password.text, &chain, &key, &mistake);
	if (mistake.result != TLS_CERT_OK)
		return told(load, &at, from->pkcs12, &mistake);
	r = give(from->pkcs12, &chain, &to->chain);
	return give(from->pkcs12, &key, &to->key) < 0 ? -ENOMEM : r;
}

int confload_unlock_key(struct confload *load, const struct confload_field *field,
			const struct confile_certificate *from, struct config_blob *key)
{
	struct confload_field at = confload_field("%.200s.key", field->path);
	struct password _cleanup_password_ password = {};
	struct tls_cert_finding mistake;
	struct tls_unlocked text;

	if (!load_password(load, field, from->password, &password) || !key->data)
		return 0;
	tls_unlock_key(key->data, key->len, password.text, &text, &mistake);
	/* A key that is none is told by who looks at it next. */
	if (mistake.result == TLS_CERT_BAD_KEY)
		return 0;
	if (mistake.result != TLS_CERT_OK)
		return told(load, &at, from->key, &mistake);
	return give(from->key, &text, key);
}
