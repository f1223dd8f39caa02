/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates of every kind as live clients: a family is a table, served by one daemon that trusts
 * the roots of all its rows. Each row is a client in TLS 1.2 and in 1.3.
 *
 *	static const struct certificate_case cases[] = {
 *		{.name = "expired", .leaf = {.until_s = -60}, .verdict = CERTIFICATE_EXPIRED},
 *	};
 *	TEST_CASES(every_case, certificate_versions)
 *	{
 *		certificate_run(&(struct certificate_family){CERTIFICATES(cases)}, variant);
 *	}
 */
#ifndef SELFTESTS_E2E_CERTIFICATE_H
#define SELFTESTS_E2E_CERTIFICATE_H

#include "selftests/e2e/e2e.h"
#include "selftests/lib/certgen.h"

/** What becomes of a client; certificate.c has what each of them is in log, counter and alert. */
enum certificate_verdict {
	CERTIFICATE_ADMITTED,
	CERTIFICATE_EXPIRED,
	CERTIFICATE_NOT_YET_VALID,
	CERTIFICATE_UNKNOWN_CA,
	CERTIFICATE_EKU,
	CERTIFICATE_PURPOSE,
	CERTIFICATE_DEPTH,
	CERTIFICATE_NAME_CONSTRAINT,
	CERTIFICATE_EXTENSION, /* critical, and nobody knows it */
	CERTIFICATE_MALFORMED, /* it cannot be read */
	CERTIFICATE_SIGNATURE,
	CERTIFICATE_WEAK,
	CERTIFICATE_OTHER,
	CERTIFICATE_TRUST_DOMAIN,
	CERTIFICATE_SVID,
	CERTIFICATE_NO_CERTIFICATE,
	CERTIFICATE_PROTOCOL, /* not a matter of its content */
	CERTIFICATE_POLICY,   /* verified, and no rule takes it */
	CERTIFICATE_VERDICTS,
};

/** What of the chain is shown, and in which order. */
enum certificate_show {
	SHOW_ALL,	  /* leaf, its issuer, …, without the root */
	SHOW_LEAF,	  /* alone */
	SHOW_WITH_ROOT,	  /* all, and the root */
	SHOW_REVERSED,	  /* leaf, then from the root down */
	SHOW_UPSIDE_DOWN, /* and the leaf last: the first one is the issuer, with the leaf's key */
	SHOW_TWICE,	  /* everything behind the leaf */
	SHOW_STRANGER,	  /* somebody else's certificate behind the leaf */
	SHOW_STRANGERS,	  /* a hundred of them */
	SHOW_STOLEN,	  /* all, and the key is another one */
	SHOW_ISSUER,	  /* as if the leaf's issuer were the client, with its own key */
	SHOW_NOTHING,
};

struct certificate_case {
	const char *name;
	struct certgen leaf;
	const struct certgen *subs; /* between it and the root, the leaf's issuer first */
	size_t n_subs;
	const struct certgen *root; /* NULL: the family's */
	bool self_signed;	    /* the leaf, and it is the root */
	bool untrusted;		    /* the root is not in client_ca */
	enum certificate_show show;
	enum certificate_verdict verdict;
	int alert;	   /* 0: the verdict's */
	int alert_1_3;	   /* 0: the same */
	const char *words; /* in the log's detail or reason; NULL: any */
	const char *rule;  /* that decides; NULL: any */
};

/* clang-format off */
#define CERTIFICATE_SUBS(...)                                                                      \
	.subs = (const struct certgen[]){__VA_ARGS__},                                             \
	.n_subs = sizeof((const struct certgen[]){__VA_ARGS__}) / sizeof(struct certgen)
#define CERTIFICATES(table) .cases = (table), .n_cases = sizeof(table) / sizeof((table)[0])
/* clang-format on */

/** A SPIFFE trust domain, and the root that signs for it. */
struct certificate_domain {
	const char *name;
	const struct certgen *root;
};

struct certificate_family {
	const struct certificate_case *cases;
	size_t n_cases;
	const char *rules; /* NULL: client-a, by CN */
	const struct certificate_domain *domains;
	size_t n_domains;
};

struct certificate_version {
	VARIANT;
	int version;
};

CASES(struct certificate_version, certificate_versions, {.name = "1.2", .version = TLS1_2_VERSION},
      {.name = "1.3", .version = TLS1_3_VERSION});

/** certificate_run() - every case of @family; one that fails is named and the others go on. */
void certificate_run(const struct certificate_family *family,
		     const struct certificate_version *version);

#endif
