/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule looks at: lists of entries, one list for each key, and a window of time. Of each list one
 * entry must be there, and every key must agree; `not` must disagree as a whole.
 *
 * There are three answers. What cannot be decided is unclear: several CNs (which of them did the issuer
 * vouch for?), a kind of name of which the certificate has one that cannot be used, and a DNS wildcard in
 * a certificate where a match would refuse. A "no" of another key is stronger; `not` turns it not
 * around. Who decides makes a refusal of it (model/policy), because the rule might have been the one
 * that says no.
 *
 * The entries of a list, as daemon/confload_entry makes them:
 *
 *	cn, ou, o	UTF-8, byte for byte
 *	dns, sni	lower case; "*.example" for one label and ".example"
 *	uri		byte for byte; with "*" or "**" segments a pattern
 *	email		the domain in lower case; "*@example" for anybody there
 *	ip, source	model/match_net
 *	dn, issuer	canonical DER
 *	serial		magnitude without leading zeros
 *	others		bytes
 */
#ifndef SLUICE_MODEL_MATCH_H
#define SLUICE_MODEL_MATCH_H

#include "base/addr.h"
#include "model/identity.h"
#include "model/match_set.h"

enum match_key {
	/* Of the certificate. */
	MATCH_CN,
	MATCH_DNS,
	MATCH_URI,
	MATCH_IP,
	MATCH_EMAIL,
	MATCH_OU,
	MATCH_O,
	MATCH_DN,
	MATCH_ISSUER,
	MATCH_SERIAL,
	MATCH_CERT_SHA256,
	MATCH_SPKI_SHA256,
	MATCH_TRUST_DOMAIN,
	/* Of TLS. */
	MATCH_ALPN,
	MATCH_TLS_VERSION,
	/* Of the connection; the name is also asked for where TLS does not end here. */
	MATCH_SNI,
	MATCH_SOURCE,
	MATCH_KEYS
};

/** match_key_name() - as in the configuration. */
const char *match_key_name(enum match_key key);

/** match_key_is_of_certificate() - only a peer with a verified certificate has it. */
static inline bool match_key_is_of_certificate(enum match_key key)
{
	return key <= MATCH_TRUST_DOMAIN;
}

/** A window of time, in UTC: [from, until), and of each week some days, and of each day some minutes. */
struct match_time {
	int64_t from, until; /* seconds since 1970; INT64_MIN, INT64_MAX: no limit */
	uint8_t days;	     /* bit 0: Sunday */
	/* Minutes of a day, [from, until); from > until: over midnight, from == until: all day. */
	uint16_t minute_from, minute_until;
};

struct match {
	struct match_set *sets[MATCH_KEYS]; /* NULL: not asked; without entries: nobody */
	struct match_time *time;	    /* NULL: always */
	struct match *except;		    /* `not`; NULL: nothing */
};

/** Everything that a decision is made of. Borrowed. */
struct policy_facts {
	const struct identity *identity; /* NULL: no certificate */
	const char *sni;		 /* the client's; NULL or "": none */
	const void *alpn;		 /* agreed on; NULL: none */
	size_t alpn_len;
	const struct addr *source; /* the client; NULL or a unix socket: no address */
	const char *tls_version;   /* "TLSv1.3"; NULL: no TLS that ends here */
	int64_t now;		   /* seconds since 1970 */
};

enum match_answer { MATCH_NO, MATCH_YES, MATCH_UNCLEAR };

/** Why the answer is not yes. Static texts. */
struct match_why {
	const char *key;    /* the first that said no, else the first that is unclear; "not" too */
	const char *reason; /* of MATCH_UNCLEAR; else NULL */
	uint64_t work;	    /* entries and patterns that were compared */
};

/** match_new() - one that asks nothing. Returns: NULL without memory. */
struct match *match_new(void);
void match_free(struct match *match);

/**
 * match_ask() - @refuses: a match would refuse, so what might hide from it is unclear.
 * @why: filled in every case.
 */
enum match_answer match_ask(const struct match *match, const struct policy_facts *facts,
			    bool refuses, struct match_why *why);

/** match_asks() - @key is asked, in `not` too. NULL is fine. */
bool match_asks(const struct match *match, enum match_key key);

/** match_dns() - is @name one of @set? ASCII case does not count; what has a '*' is no host's name. */
bool match_dns(const struct match_set *set, const char *name, size_t len, uint64_t *work);

/**
 * match_uri() - byte for byte; in @pattern a "*" segment stands for one segment that is not empty, "**"
 * for one or more of them.
 */
bool match_uri(const char *pattern, const char *name, size_t len);

/** match_email() - is @address, or "*@" and its domain, one of @set? */
bool match_email(const struct match_set *set, const char *address, size_t len, uint64_t *work);

bool match_time_is_in(const struct match_time *time, int64_t now);

#endif
