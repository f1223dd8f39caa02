// SPDX-License-Identifier: Apache-2.0
#include "sys/tls_unlock.h"

#include "base/lockmem.h"
#include "sys/tls_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs12err.h>
#include <openssl/proverr.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static void find(struct tls_cert_finding *mistake, enum tls_cert_result result, const char *text)
{
	mistake->result = result;
	(void)snprintf(mistake->text, sizeof(mistake->text), "%s", text);
}

/* With OpenSSL's words, which stand in its queue. */
static void find_reason(struct tls_cert_finding *mistake, enum tls_cert_result result,
			const char *text)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	mistake->result = result;
	(void)snprintf(mistake->text, sizeof(mistake->text), "%s: %s", text,
		       reason ? reason : "unknown reason");
}

static bool is_reason(unsigned long code, int lib, int reason)
{
	return ERR_GET_LIB(code) == lib && ERR_GET_REASON(code) == reason;
}

/* Why it did not open, by the errors in OpenSSL's queue: the first says what, others follow from it. */
static void find_locked(struct tls_cert_finding *mistake, const char *password)
{
	unsigned long first = ERR_peek_error();

	/* What needs the legacy provider. */
	if (ERR_GET_REASON(first) == ERR_R_UNSUPPORTED)
		find(mistake, TLS_CERT_LEGACY,
		     "is encrypted with an algorithm that OpenSSL 3 has given up, such as RC2");
	else if (is_reason(first, ERR_LIB_PKCS12, PKCS12_R_MAC_ABSENT)) /* before OpenSSL 3.2 */
		find(mistake, TLS_CERT_LEGACY, "has no MAC");
	else if (!password || !password[0])
		find(mistake, TLS_CERT_WRONG_PASSWORD, "needs a password");
	else if (is_reason(first, ERR_LIB_PKCS12, PKCS12_R_MAC_VERIFY_FAILURE) ||
		 is_reason(first, ERR_LIB_PROV, PROV_R_BAD_DECRYPT) ||
		 is_reason(first, ERR_LIB_EVP, EVP_R_BAD_DECRYPT))
		find(mistake, TLS_CERT_WRONG_PASSWORD, "the password is wrong");
	else
		find_reason(mistake, TLS_CERT_BAD_KEY, "cannot be opened");
}

/* Returns: false when there is no memory. @bio's own copy is wiped when it is freed. */
static bool keep_text(BIO *bio, struct tls_unlocked *ret_text)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);

	ret_text->text = lockmem_text(bytes, (size_t)len);
	ret_text->len = (size_t)len;
	return ret_text->text != NULL;
}

static void drop_text(struct tls_unlocked *text)
{
	lockmem_free(text->text, text->len + 1);
	*text = (struct tls_unlocked){};
}

static bool write_key(EVP_PKEY *key, struct tls_unlocked *ret_key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		  keep_text(bio, ret_key);

	BIO_free(bio);
	return ok;
}

/* --- PKCS#12 --- */

/* Returns: who of @others signed @certificate; NULL: nobody, or it is a root. */
static X509 *issuer_of(X509 *certificate, STACK_OF(X509) * others)
{
	for (int i = 0; i < sk_X509_num(others); i++) {
		X509 *other = sk_X509_value(others, i);

		if (X509_check_issued(other, certificate) == X509_V_OK &&
		    X509_self_signed(other, 0) != 1)
			return other;
	}
	return NULL;
}

/* Files have them in any order, and more than that. Names that form a ring end where all were taken. */
static bool write_chain(X509 *leaf, STACK_OF(X509) * others, struct tls_unlocked *ret_chain)
{
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *next = X509_self_signed(leaf, 0) == 1 ? NULL : issuer_of(leaf, others);
	bool ok = bio && PEM_write_bio_X509(bio, leaf) == 1;

	for (int left = sk_X509_num(others); ok && next && left > 0; left--) {
		ok = PEM_write_bio_X509(bio, next) == 1;
		next = issuer_of(next, others);
	}
	ok = ok && keep_text(bio, ret_chain);
	BIO_free(bio);
	return ok;
}

static void write_all(X509 *leaf, EVP_PKEY *key, STACK_OF(X509) * others,
		      struct tls_unlocked *ret_chain, struct tls_unlocked *ret_key,
		      struct tls_cert_finding *mistake)
{
	if (!key) {
		find(mistake, TLS_CERT_NO_KEY, "has no private key in it");
	} else if (!leaf) {
		find(mistake, TLS_CERT_NO_CERTIFICATE, "has no certificate for its private key");
	} else if (!write_chain(leaf, others, ret_chain) || !write_key(key, ret_key)) {
		find(mistake, TLS_CERT_NO_MEMORY, "no memory");
		drop_text(ret_chain);
	}
}

void tls_unlock_pkcs12(const void *data, size_t len, const char *password,
		       struct tls_unlocked *ret_chain, struct tls_unlocked *ret_key,
		       struct tls_cert_finding *ret_mistake)
{
	const unsigned char *at = data;
	STACK_OF(X509) *others = NULL;
	EVP_PKEY *key = NULL;
	X509 *leaf = NULL;
	PKCS12 *file;

	*ret_chain = *ret_key = (struct tls_unlocked){};
	*ret_mistake = (struct tls_cert_finding){};
	ERR_clear_error();
	file = d2i_PKCS12(NULL, &at, (long)len);
	if (!file)
		find(ret_mistake, TLS_CERT_NO_PKCS12, "is no PKCS#12 file");
	else if (PKCS12_parse(file, password, &key, &leaf, &others) != 1)
		find_locked(ret_mistake, password);
	else
		write_all(leaf, key, others, ret_chain, ret_key, ret_mistake);
	ERR_clear_error();
	PKCS12_free(file);
	X509_free(leaf);
	EVP_PKEY_free(key);
	sk_X509_pop_free(others, X509_free);
}

/* --- PEM --- */

struct question {
	const char *password; /* NULL: none */
	bool asked;
};

static int give_password(char *buf, int size, int rwflag, void *arg)
{
	struct question *question = arg;
	size_t len = question->password ? strlen(question->password) : 0;

	(void)rwflag;
	question->asked = true;
	if (len == 0 || len > (size_t)size)
		return -1;
	memcpy(buf, question->password, len);
	return (int)len;
}

static void find_locked_key(struct tls_cert_finding *mistake, const char *password)
{
	find_locked(mistake, password);
	/* One wrong password in 256 decrypts to something, which is no key then. */
	if (mistake->result == TLS_CERT_BAD_KEY)
		find(mistake, TLS_CERT_WRONG_PASSWORD, "the password is wrong");
}

void tls_unlock_key(const char *pem, size_t len, const char *password, struct tls_unlocked *ret_key,
		    struct tls_cert_finding *ret_mistake)
{
	struct question question = {.password = password};
	BIO *bio = tls_pem_bio(pem, len);
	EVP_PKEY *key = NULL;

	*ret_key = (struct tls_unlocked){};
	*ret_mistake = (struct tls_cert_finding){};
	ERR_clear_error();
	if (bio)
		key = PEM_read_bio_PrivateKey(bio, NULL, give_password, &question);
	if (!key && question.asked)
		find_locked_key(ret_mistake, password);
	else if (!key)
		find_reason(ret_mistake, TLS_CERT_BAD_KEY, "has no private key that can be read");
	else if (!write_key(key, ret_key))
		find(ret_mistake, TLS_CERT_NO_MEMORY, "no memory");
	ERR_clear_error();
	BIO_free(bio);
	EVP_PKEY_free(key);
}
