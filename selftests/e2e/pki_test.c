// SPDX-License-Identifier: Apache-2.0
/* `sluice pki`: what it makes is what its help says, seen with another reader's eyes. */
#include "selftests/e2e/e2e.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

SUITE("pki");

struct key_case {
	VARIANT;
	const char *openssl_name;
};

CASES(struct key_case, keys, {.name = "ecdsa-p256", .openssl_name = "EC"},
      {.name = "ecdsa-p384", .openssl_name = "EC"}, {.name = "ed25519", .openssl_name = "ED25519"},
      {.name = "rsa", .openssl_name = "RSA"});

static STACK_OF(X509) * read_chain(const struct e2e *e, const char *name)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	char file[64];
	FILE *f;
	X509 *cert;

	snprintf(file, sizeof(file), "pki/%s.pem", name);
	f = fopen(e2e_path(e, file), "re");
	MUST(f != NULL && chain != NULL, "%s", file);
	while ((cert = PEM_read_X509(f, NULL, NULL, NULL)))
		MUST(sk_X509_push(chain, cert) > 0);
	(void)fclose(f);
	MUST_GE(sk_X509_num(chain), 1);
	return chain;
}

/* Returns: X509_V_OK or why the leaf of @name must not be trusted for @purpose. */
static int verify(const struct e2e *e, const char *name, int purpose)
{
	STACK_OF(X509) *chain = read_chain(e, name);
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int error;

	MUST_EQ(X509_STORE_load_file(store, e2e_path(e, "pki/ca.pem")), 1);
	MUST_EQ(X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain), 1);
	MUST_EQ(X509_STORE_CTX_set_purpose(ctx, purpose), 1);
	(void)X509_verify_cert(ctx);
	error = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_pop_free(chain, X509_free);
	return error;
}

TEST_CASES(set_verifies, keys, .deadline_ms = 60000)
{
	static struct e2e e;
	STACK_OF(X509) * chain;

	daemon_init(&e.daemon);
	e2e_pki(&e, "--key", variant->name, NULL);
	CHECK_EQ(verify(&e, "server", X509_PURPOSE_SSL_SERVER), X509_V_OK);
	CHECK_EQ(verify(&e, "client-a", X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	CHECK_EQ(verify(&e, "client-b", X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	CHECK_EQ(verify(&e, "client-expired", X509_PURPOSE_SSL_CLIENT),
		 X509_V_ERR_CERT_HAS_EXPIRED);
	CHECK_EQ(verify(&e, "client-wrong-purpose", X509_PURPOSE_SSL_CLIENT),
		 X509_V_ERR_INVALID_PURPOSE);
	CHECK_EQ(verify(&e, "other-client-a", X509_PURPOSE_SSL_CLIENT),
		 X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
	chain = read_chain(&e, "server");
	CHECK_EQ(EVP_PKEY_is_a(X509_get0_pubkey(sk_X509_value(chain, 0)), variant->openssl_name),
		 1);
	CHECK_EQ(X509_check_host(sk_X509_value(chain, 0), "localhost", 0, 0, NULL), 1);
	CHECK_EQ(X509_check_ip_asc(sk_X509_value(chain, 0), "127.0.0.1", 0), 1);
	CHECK_EQ(X509_check_ip_asc(sk_X509_value(chain, 0), "::1", 0), 1);
	sk_X509_pop_free(chain, X509_free);
}

TEST(keys_are_private)
{
	static const char *const names[] = {"ca", "sub-ca", "server", "client-a", "other-ca"};
	static struct e2e e;

	daemon_init(&e.daemon);
	e2e_pki(&e, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char file[64];
		struct stat st;

		snprintf(file, sizeof(file), "pki/%s.key", names[i]);
		MUST_OK(stat(e2e_path(&e, file), &st));
		CHECK_EQ(st.st_mode & 0777, 0600, "%s", file);
	}
}

static int pki_exit(struct e2e *e, const char *a, const char *b, const char *c, const char *d)
{
	const char *const argv[] = {"sluice", "pki", "-o", e2e_path(e, "pki"), a, b, c, d, NULL};

	return daemon_command(&e->daemon, argv);
}

TEST(does_not_overwrite)
{
	static struct e2e e;
	struct stat before, after;

	daemon_init(&e.daemon);
	e2e_pki(&e, NULL);
	MUST_OK(stat(e2e_path(&e, "pki/ca.key"), &before));
	CHECK_EQ(pki_exit(&e, NULL, NULL, NULL, NULL), 1);
	CHECK_EQ(pki_exit(&e, "--client", "client-a", NULL, NULL), 1);
	MUST_OK(stat(e2e_path(&e, "pki/ca.key"), &after));
	CHECK_EQ(before.st_ino, after.st_ino);
	CHECK_EQ(pki_exit(&e, "--force", NULL, NULL, NULL), 0);
	CHECK_EQ(pki_exit(&e, "--client", "client-a", "--force", NULL), 0);
	CHECK_EQ(verify(&e, "client-a", X509_PURPOSE_SSL_CLIENT), X509_V_OK);
}

TEST(one_more_client)
{
	static struct e2e e;
	GENERAL_NAMES *names;
	STACK_OF(X509) * chain;

	daemon_init(&e.daemon);
	e2e_pki(&e, NULL);
	e2e_pki(&e, "--client", "carol", "--cn", "Carol, Ltd", "--dns", "carol.example", "--uri",
		"spiffe://x/carol", NULL);
	CHECK_EQ(verify(&e, "carol", X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	CHECK_NE(verify(&e, "carol", X509_PURPOSE_SSL_SERVER), X509_V_OK);
	chain = read_chain(&e, "carol");
	names = X509_get_ext_d2i(sk_X509_value(chain, 0), NID_subject_alt_name, NULL, NULL);
	CHECK_EQ(sk_GENERAL_NAME_num(names), 2);
	GENERAL_NAMES_free(names);
	sk_X509_pop_free(chain, X509_free);
	/* Expired ones for tests of one's own. */
	e2e_pki(&e, "--client", "old", "--days", "-1", NULL);
	CHECK_EQ(verify(&e, "old", X509_PURPOSE_SSL_CLIENT), X509_V_ERR_CERT_HAS_EXPIRED);
}

/* Returns: how many are on the CRL of @ca, which its key has signed. */
static int revoked(const struct e2e *e, const char *ca)
{
	STACK_OF(X509) *chain = read_chain(e, ca);
	STACK_OF(X509_REVOKED) * list;
	char file[64];
	X509_CRL *crl;
	FILE *f;
	int n;

	snprintf(file, sizeof(file), "pki/%s.crl", ca);
	f = fopen(e2e_path(e, file), "re");
	MUST(f != NULL, "%s", file);
	crl = PEM_read_X509_CRL(f, NULL, NULL, NULL);
	(void)fclose(f);
	MUST(crl);
	CHECK_EQ(X509_CRL_verify(crl, X509_get0_pubkey(sk_X509_value(chain, 0))), 1);
	CHECK_EQ(X509_cmp_current_time(X509_CRL_get0_lastUpdate(crl)), -1);
	list = X509_CRL_get_REVOKED(crl);
	n = list ? sk_X509_REVOKED_num(list) : 0;
	X509_CRL_free(crl);
	sk_X509_pop_free(chain, X509_free);
	return n;
}

TEST_CASES(crls, keys, .deadline_ms = 60000)
{
	static struct e2e e;

	daemon_init(&e.daemon);
	e2e_pki(&e, "--key", variant->name, NULL);
	CHECK_EQ(revoked(&e, "ca"), 0);
	CHECK_EQ(revoked(&e, "sub-ca"), 0);
	e2e_pki(&e, "--crl", "sub-ca", "--revoke", "client-a", "--revoke", "client-b", NULL);
	CHECK_EQ(revoked(&e, "sub-ca"), 2);
	e2e_pki(&e, "--crl", "sub-ca", NULL);
	CHECK_EQ(revoked(&e, "sub-ca"), 0);
	CHECK_EQ(revoked(&e, "ca"), 0);
}

TEST(says_no)
{
	static struct e2e e;

	daemon_init(&e.daemon);
	CHECK_EQ(pki_exit(&e, "--client", "early", NULL, NULL), 1, "there is no sub-CA yet");
	CHECK_EQ(pki_exit(&e, "--crl", "ca", NULL, NULL), 1, "there is no CA yet");
	CHECK_EQ(pki_exit(&e, "--key", "dsa", NULL, NULL), 2);
	CHECK_EQ(pki_exit(&e, "--client", "../up", NULL, NULL), 2);
	CHECK_EQ(pki_exit(&e, "--days", "soon", NULL, NULL), 2);
	CHECK_EQ(pki_exit(&e, "--nonsense", NULL, NULL, NULL), 2);
	CHECK_EQ(pki_exit(&e, "stray", NULL, NULL, NULL), 2);
	CHECK_EQ(pki_exit(&e, "--ip", "no-address", NULL, NULL), 1);
	CHECK_EQ(pki_exit(&e, "--revoke", "client-a", NULL, NULL), 2);
	CHECK_EQ(pki_exit(&e, "--crl", "ca", "--client", "x"), 2);
	CHECK_EQ(pki_exit(&e, "--crl", "../ca", NULL, NULL), 2);
	CHECK_EQ(pki_exit(&e, "--help", NULL, NULL, NULL), 0);
}
