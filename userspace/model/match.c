// SPDX-License-Identifier: Apache-2.0
#include "model/match.h"

#include "model/match_net.h"

#include <stdlib.h>
#include <string.h>

#define UNUSABLE(what)                                                                             \
	what " that cannot be used (a NUL or control byte, empty, unreadable or too much), and a " \
	     "rule on it"

/* Where a key of the certificate looks, and what is said when that cannot be used. */
static const struct key_of_identity {
	enum identity_kind kind;
	const char *unusable;
} of_identity[] = {
	[MATCH_CN] = {IDENTITY_CN, UNUSABLE("a common name")},
	[MATCH_DNS] = {IDENTITY_DNS, UNUSABLE("a DNS name")},
	[MATCH_URI] = {IDENTITY_URI, UNUSABLE("a URI")},
	[MATCH_IP] = {IDENTITY_IP, UNUSABLE("an IP address")},
	[MATCH_EMAIL] = {IDENTITY_EMAIL, UNUSABLE("an email address")},
	[MATCH_OU] = {IDENTITY_OU, UNUSABLE("an organizational unit")},
	[MATCH_O] = {IDENTITY_O, UNUSABLE("an organization")},
	[MATCH_DN] = {IDENTITY_SUBJECT, UNUSABLE("a subject")},
	[MATCH_ISSUER] = {IDENTITY_ISSUER, UNUSABLE("an issuer")},
	[MATCH_SERIAL] = {IDENTITY_SERIAL, UNUSABLE("a serial number")},
	[MATCH_CERT_SHA256] = {IDENTITY_CERT_SHA256, UNUSABLE("a digest")},
	[MATCH_SPKI_SHA256] = {IDENTITY_SPKI_SHA256, UNUSABLE("a digest of the key")},
	[MATCH_TRUST_DOMAIN] = {IDENTITY_TRUST_DOMAIN,
				"a SPIFFE ID in a certificate that is no valid X.509-SVID, and a "
				"rule on trust_domain"},
};

static const char *const key_names[MATCH_KEYS] = {
	[MATCH_CN] = "cn",
	[MATCH_DNS] = "dns",
	[MATCH_URI] = "uri",
	[MATCH_IP] = "ip",
	[MATCH_EMAIL] = "email",
	[MATCH_OU] = "ou",
	[MATCH_O] = "o",
	[MATCH_DN] = "dn",
	[MATCH_ISSUER] = "issuer",
	[MATCH_SERIAL] = "serial",
	[MATCH_CERT_SHA256] = "cert_sha256",
	[MATCH_SPKI_SHA256] = "spki_sha256",
	[MATCH_TRUST_DOMAIN] = "trust_domain",
	[MATCH_ALPN] = "alpn",
	[MATCH_TLS_VERSION] = "tls_version",
	[MATCH_SNI] = "sni",
	[MATCH_SOURCE] = "source",
};

const char *match_key_name(enum match_key key)
{
	return key_names[key];
}

struct match *match_new(void)
{
	return calloc(1, sizeof(struct match));
}

void match_free(struct match *match)
{
	if (!match)
		return;
	for (int key = 0; key < MATCH_KEYS; key++)
		match_set_free(match->sets[key]);
	free(match->time);
	match_free(match->except);
	free(match);
}

bool match_asks(const struct match *match, enum match_key key)
{
	return match && (match->sets[key] || match_asks(match->except, key));
}

/* --- one value --- */

static void to_lower(char *to, const char *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (char)(from[i] >= 'A' && from[i] <= 'Z' ? from[i] - 'A' + 'a' : from[i]);
}

bool match_dns(const struct match_set *set, const char *name, size_t len, uint64_t *work)
{
	char lower[IDENTITY_NAME_MAX + 1];
	const char *dot;

	if (len == 0 || len > IDENTITY_NAME_MAX || memchr(name, '*', len))
		return false;
	to_lower(lower + 1, name, len);
	if (match_set_has(set, lower + 1, len, work))
		return true;
	dot = memchr(lower + 1, '.', len);
	if (!dot || dot == lower + 1)
		return false;
	/* The first label, of one byte at least, makes room for the star. */
	len -= (size_t)(dot - lower) - 1;
	lower[dot - lower - 1] = '*';
	return match_set_has(set, dot - 1, len + 1, work);
}

bool match_email(const struct match_set *set, const char *address, size_t len, uint64_t *work)
{
	char lower[IDENTITY_NAME_MAX];
	const char *at = memrchr(address, '@', len);
	size_t local = at ? (size_t)(at - address) : len;

	if (len > IDENTITY_NAME_MAX)
		return false;
	memcpy(lower, address, local);
	to_lower(lower + local, address + local, len - local);
	if (address[0] != '*' && match_set_has(set, lower, len, work))
		return true;
	if (local == 0 || local == len)
		return false;
	lower[local - 1] = '*';
	return match_set_has(set, lower + local - 1, len - local + 1, work);
}

/* --- URIs --- */

struct segments {
	const char *at;
	size_t len;
	bool over;
};

/* The segment at the front: up to the next '/' or the end. */
static struct segments front(const struct segments *text)
{
	const char *slash = memchr(text->at, '/', text->len);

	return (struct segments){.at = text->at,
				 .len = slash ? (size_t)(slash - text->at) : text->len};
}

static void step(struct segments *text)
{
	size_t len = front(text).len;

	text->over = len == text->len;
	text->at += len + !text->over;
	text->len -= len + !text->over;
}

static bool is_segment(const struct segments *segment, const char *text)
{
	return segment->len == strlen(text) && memcmp(segment->at, text, segment->len) == 0;
}

static bool segment_matches(const struct segments *pattern, const struct segments *name)
{
	if (is_segment(pattern, "*") || is_segment(pattern, "**"))
		return name->len > 0;
	return pattern->len == name->len && memcmp(pattern->at, name->at, name->len) == 0;
}

bool match_uri(const char *pattern, const char *name, size_t len)
{
	struct segments want = {.at = pattern, .len = strlen(pattern)};
	struct segments have = {.at = name, .len = len};
	/* Where to go on when what follows the last "**" does not fit: it takes one segment more. */
	struct segments want_again = {.over = true}, have_again = {.over = true};

	while (!have.over) {
		struct segments wanted = front(&want), had = front(&have);

		if (!want.over && segment_matches(&wanted, &had)) {
			step(&want);
			step(&have);
			if (is_segment(&wanted, "**")) {
				want_again = want;
				have_again = have;
			}
			continue;
		}
		if (have_again.over || front(&have_again).len == 0)
			return false;
		step(&have_again);
		have = have_again;
		want = want_again;
	}
	return want.over;
}

static bool matches_pattern(const struct match_set *set, const struct identity_name *name,
			    uint64_t *work)
{
	for (size_t i = 0; i < match_set_patterns(set); i++) {
		++*work;
		if (match_uri(match_set_pattern(set, i), name->bytes, name->len))
			return true;
	}
	return false;
}

/* --- one key --- */

static bool value_matches(enum match_key key, const struct match_set *set,
			  const struct identity_name *name, uint64_t *work)
{
	switch (key) {
	case MATCH_DNS:
		return match_dns(set, name->bytes, name->len, work);
	case MATCH_EMAIL:
		return match_email(set, name->bytes, name->len, work);
	case MATCH_IP:
		return match_net_has(set, name->bytes, name->len, work);
	case MATCH_URI:
		return match_set_has(set, name->bytes, name->len, work) ||
		       matches_pattern(set, name, work);
	default:
		return match_set_has(set, name->bytes, name->len, work);
	}
}

static bool has_wildcard(const struct identity *identity, enum identity_kind kind)
{
	struct identity_name name;

	for (size_t at = 0; identity_next(identity, &at, &name);) {
		if (name.kind == kind && memchr(name.bytes, '*', name.len))
			return true;
	}
	return false;
}

/* Returns: why nobody can tell; NULL: one can. */
static const char *unclear_of(enum match_key key, const struct identity *identity, bool refuses)
{
	enum identity_kind kind = of_identity[key].kind;

	if (identity_is_unusable(identity, kind))
		return of_identity[key].unusable;
	if (key == MATCH_CN && identity_count(identity, kind) > 1)
		return "several common names, and a rule on CN";
	if (key == MATCH_DNS && refuses && has_wildcard(identity, kind))
		return "a wildcard DNS name, and a rule that denies DNS names";
	return NULL;
}

static enum match_answer ask_certificate(enum match_key key, const struct match_set *set,
					 const struct policy_facts *facts, bool refuses,
					 struct match_why *why)
{
	const struct identity *identity = facts->identity;
	struct identity_name name;
	const char *unclear;

	if (!identity)
		return MATCH_NO;
	unclear = unclear_of(key, identity, refuses);
	if (unclear) {
		why->reason = why->reason ? why->reason : unclear;
		return MATCH_UNCLEAR;
	}
	for (size_t at = 0; identity_next(identity, &at, &name);) {
		if (name.kind == of_identity[key].kind &&
		    value_matches(key, set, &name, &why->work))
			return MATCH_YES;
	}
	return MATCH_NO;
}

static bool is_from(const struct match_set *set, const struct addr *source, uint64_t *work)
{
	if (!source || source->len == 0)
		return false;
	if (source->sa.sa_family == AF_INET)
		return match_net_has(set, &source->in4.sin_addr, 4, work);
	return source->sa.sa_family == AF_INET6 &&
	       match_net_has(set, &source->in6.sin6_addr, 16, work);
}

static enum match_answer ask_key(enum match_key key, const struct match_set *set,
				 const struct policy_facts *facts, bool refuses,
				 struct match_why *why)
{
	bool yes;

	switch (key) {
	case MATCH_ALPN:
		yes = facts->alpn && match_set_has(set, facts->alpn, facts->alpn_len, &why->work);
		break;
	case MATCH_TLS_VERSION:
		yes = facts->tls_version && match_set_has(set, facts->tls_version,
							  strlen(facts->tls_version), &why->work);
		break;
	case MATCH_SNI:
		yes = facts->sni && match_dns(set, facts->sni, strlen(facts->sni), &why->work);
		break;
	case MATCH_SOURCE:
		yes = is_from(set, facts->source, &why->work);
		break;
	default:
		return ask_certificate(key, set, facts, refuses, why);
	}
	return yes ? MATCH_YES : MATCH_NO;
}

#define DAY_SECONDS INT64_C(86400)

bool match_time_is_in(const struct match_time *time, int64_t now)
{
	/* Rounded down, also before 1970, which was a Thursday. */
	int64_t day = now / DAY_SECONDS - (now % DAY_SECONDS < 0);
	int64_t minute = (now - day * DAY_SECONDS) / 60;
	unsigned int weekday = (unsigned int)(((day + 4) % 7 + 7) % 7);
	int64_t from = time->minute_from, until = time->minute_until;

	if (now < time->from || now >= time->until || !(time->days >> weekday & 1))
		return false;
	if (from == until)
		return true;
	return from < until ? minute >= from && minute < until : minute >= from || minute < until;
}

/* --- all of them --- */

static enum match_answer both(enum match_answer a, enum match_answer b)
{
	if (a == MATCH_NO || b == MATCH_NO)
		return MATCH_NO;
	return a == MATCH_UNCLEAR || b == MATCH_UNCLEAR ? MATCH_UNCLEAR : MATCH_YES;
}

static enum match_answer opposite(enum match_answer answer)
{
	return answer == MATCH_UNCLEAR ? answer : answer == MATCH_YES ? MATCH_NO : MATCH_YES;
}

/* Take one more answer in. The first "no" is told, else the first that is unclear. */
static void join(enum match_answer *all, enum match_answer one, const char *key,
		 struct match_why *why)
{
	if (one == MATCH_NO || (one == MATCH_UNCLEAR && !why->key))
		why->key = key;
	*all = both(*all, one);
}

static enum match_answer ask_except(const struct match *match, const struct policy_facts *facts,
				    bool refuses, struct match_why *why)
{
	struct match_why inner;
	enum match_answer answer = opposite(match_ask(match->except, facts, !refuses, &inner));

	why->work += inner.work;
	if (answer == MATCH_UNCLEAR && !why->reason)
		why->reason = inner.reason;
	return answer;
}

enum match_answer match_ask(const struct match *match, const struct policy_facts *facts,
			    bool refuses, struct match_why *why)
{
	enum match_answer all = MATCH_YES;

	*why = (struct match_why){};
	for (int key = 0; key < MATCH_KEYS && all != MATCH_NO; key++) {
		if (match->sets[key])
			join(&all, ask_key(key, match->sets[key], facts, refuses, why),
			     key_names[key], why);
	}
	if (match->time && all != MATCH_NO)
		join(&all, match_time_is_in(match->time, facts->now) ? MATCH_YES : MATCH_NO, "time",
		     why);
	if (match->except && all != MATCH_NO)
		join(&all, ask_except(match, facts, refuses, why), "not", why);
	if (all == MATCH_NO)
		why->reason = NULL;
	return all;
}
