/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates that no honest CA would sign, from tables.
 *
 *	static const struct certgen root = {.cn = "root", .ca = true};
 *	static const struct certgen leaf = {.cn = "client-a", .exts = {{"extendedKeyUsage", NULL}}};
 *
 *	issuer = certgen_issue(&root, NULL, 1);
 *	cert = certgen_issue(&leaf, issuer, 0);
 *
 * A field that is zero is what a good certificate has, so a row names only what is wrong with it.
 * The result is DER: it may be nothing that a library would read again. Every function stops the
 * test when OpenSSL does not do what it is asked for.
 */
#ifndef SELFTESTS_LIB_CERTGEN_H
#define SELFTESTS_LIB_CERTGEN_H

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CERTGEN_LIST_MAX  6
#define CERTGEN_CHAIN_MAX 128
#define CERTGEN_KEYS_MAX  16 /* different ones of a type */

/** TEXT("a\0b") - bytes and their number, for rows. */
#define CERTGEN_TEXT(text) text, sizeof(text) - 1

enum certgen_key {
	CERTGEN_P256,
	CERTGEN_P384,
	CERTGEN_P521,
	CERTGEN_P224,
	CERTGEN_SECP256K1,
	CERTGEN_RSA_1024,
	CERTGEN_RSA_2048,
	CERTGEN_RSA_PSS,
	CERTGEN_ED25519,
	CERTGEN_ED448,
	CERTGEN_KEY_TYPES,
};

enum certgen_damage {
	CERTGEN_INTACT,
	CERTGEN_FLIP_SIGNATURE,	 /* its last byte */
	CERTGEN_FLIP_TBS,	 /* the last byte of the subject, after it was signed */
	CERTGEN_TRAILING,	 /* a byte behind the certificate */
	CERTGEN_CUT,		 /* its last byte is missing */
	CERTGEN_GARBAGE,	 /* the same length, not DER */
	CERTGEN_OTHER_ALGORITHM, /* the one outside says SHA-384 */
};

/** Part of a distinguished name: type and bytes go in as they are. */
struct certgen_rdn {
	int nid;  /* NID_commonName…; 0: end */
	int type; /* V_ASN1_UTF8STRING…; 0: that */
	const char *bytes;
	int len;
	bool joined; /* in one set with the one before */
};

struct certgen_san {
	int type; /* GEN_… + 1; 0: end */
	const char *bytes;
	int len;
};
#define CERTGEN_SAN(gen, text)                                                                     \
	{                                                                                          \
		(gen) + 1, CERTGEN_TEXT(text)                                                      \
	}

/** An extension in the words of openssl.cnf; value NULL: without one that would be there. */
struct certgen_extension {
	const char *name; /* or an OID */
	const char *value;
};

/** CERTGEN_PATCH("a", "\0") - two texts of the same length. */
#define CERTGEN_PATCH(a, b) (a), (b), sizeof(a) - 1

/** Bytes of the certificate before it is signed; as many in their place. Everywhere they stand. */
struct certgen_patch {
	const char *from, *to;
	int len;
};

struct certgen {
	const char *cn;				   /* NULL: "client-a" or, of a CA, "some CA" */
	struct certgen_rdn rdns[CERTGEN_LIST_MAX]; /* instead of it */
	bool nameless;				   /* an empty subject */
	struct certgen_san sans[CERTGEN_LIST_MAX];
	bool san_critical;
	struct certgen_extension exts[CERTGEN_LIST_MAX];
	long from_s, until_s;	  /* seconds from now; 0: an hour ago, tomorrow */
	const char *from, *until; /* instead: the time as it is written, "20260102030405Z" */
	const char *serial;	  /* hex, with sign; NULL: one of its own */
	int version;		  /* 1…; 0: 3 */
	bool ca;		  /* defaults of a CA, else of a client */
	bool bare;		  /* no default extensions */
	enum certgen_key key;
	unsigned int key_number; /* which of them; 0: as certgen_issue() is told */
	const char *digest;	 /* its issuer signs with; NULL: SHA-256 */
	unsigned int
		signed_by; /* not by its issuer's key, but that one of the same type; 0: right */
	struct certgen_patch patch;
	enum certgen_damage damage;
};

struct certgen_cert {
	const struct certgen *from;
	X509_NAME *subject;
	EVP_PKEY *key;
	uint8_t *der;
	size_t len;
};

/** certgen_key() - key @number of @type, the same for as long as the process lives. Borrowed. */
EVP_PKEY *certgen_key(enum certgen_key type, unsigned int number);

/** certgen_issue() - @issuer NULL: self-signed. @key_number: where @from has none. */
struct certgen_cert *certgen_issue(const struct certgen *from, const struct certgen_cert *issuer,
				   unsigned int key_number);
void certgen_free(struct certgen_cert *cert);

/** certgen_write_pem() - append it to the file at @path. */
void certgen_write_pem(const struct certgen_cert *cert, const char *path);

/** What a peer shows, in this order; the first one's key is what it proves to have. Borrowed. */
struct certgen_chain {
	const struct certgen_cert *certs[CERTGEN_CHAIN_MAX];
	size_t n_certs;
	EVP_PKEY *key; /* instead of the first one's */
};

/** certgen_use() - show @chain whatever OpenSSL thinks of it. */
void certgen_use(SSL_CTX *ctx, const struct certgen_chain *chain);

struct certgen_crl {
	long from_s, until_s;		       /* seconds from now; 0: an hour ago, tomorrow */
	const char *serials[CERTGEN_LIST_MAX]; /* of what is revoked, hex */
	long number;
	bool delta; /* a critical delta CRL indicator */
	const char *digest;
	unsigned int signed_by; /* as of struct certgen */
};

/** certgen_write_crl() - append the CRL of @issuer, as PEM, to the file at @path. */
void certgen_write_crl(const struct certgen_crl *from, const struct certgen_cert *issuer,
		       const char *path);

#endif
