// SPDX-License-Identifier: Apache-2.0
/*
 * Input: a key, flags, then records (kind, length, bytes), each an entry of a list as the configuration
 * writes it, or a value of a peer. What the sets answer is held against a scan that knows no hash, no
 * tables and no folding in advance.
 */
#include "selftests/fuzz/fuzz.h"

#include "daemon/confload_internal.h"
#include "model/match.h"
#include "model/match_net.h"
#include "sys/tls_name.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define RECORDS_MAX 32

struct bytes {
	const char *at;
	size_t len;
};

struct input {
	enum match_key key;
	bool negated, refuses;
	char texts[RECORDS_MAX][256]; /* entries, NUL-terminated */
	size_t n_entries;
	struct bytes values[RECORDS_MAX];
	size_t n_values;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	return 0;
}

static void read_input(const uint8_t *data, size_t size, struct input *input)
{
	input->key = data[0] % MATCH_KEYS;
	input->negated = data[1] & 1;
	input->refuses = data[1] & 2;
	for (data += 2, size -= 2; size >= 2;) {
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		if (data[0] & 1 && input->n_values < RECORDS_MAX) {
			input->values[input->n_values++] =
				(struct bytes){.at = (const char *)data + 2, .len = len};
		} else if (!(data[0] & 1) && input->n_entries < RECORDS_MAX) {
			memcpy(input->texts[input->n_entries], data + 2, len);
			input->texts[input->n_entries++][len] = '\0';
		}
		data += 2 + len, size -= 2 + len;
	}
}

/* As sys/tls_identity gives them: a magnitude has no zeros in front. */
static void trim_serials(struct input *input)
{
	for (size_t i = 0; input->key == MATCH_SERIAL && i < input->n_values; i++) {
		struct bytes *value = &input->values[i];

		for (; value->len > 1 && value->at[0] == '\0'; value->len--)
			value->at++;
	}
}

/* --- the scan --- */

static bool same(const char *text, const struct bytes *value)
{
	return strlen(text) == value->len && memcmp(text, value->at, value->len) == 0;
}

static bool scan_dns(const char *pattern, const struct bytes *value)
{
	const char *dot = memchr(value->at, '.', value->len);

	if (memchr(value->at, '*', value->len))
		return false;
	if (pattern[0] != '*')
		return strlen(pattern) == value->len &&
		       strncasecmp(pattern, value->at, value->len) == 0;
	if (!dot || dot == value->at)
		return false;
	return strlen(pattern + 1) == value->len - (size_t)(dot - value->at) &&
	       strncasecmp(pattern + 1, dot, strlen(pattern + 1)) == 0;
}

/* Recursive: a "**" tries every number of segments. */
static bool scan_uri(const char *pattern, const char *at, size_t len)
{
	size_t want = strcspn(pattern, "/");
	const char *slash = memchr(at, '/', len);
	size_t have = slash ? (size_t)(slash - at) : len;
	bool one = want == 1 && pattern[0] == '*';
	bool many = want == 2 && memcmp(pattern, "**", 2) == 0;

	if (one || many ? have == 0 : want != have || memcmp(pattern, at, want) != 0)
		return false;
	if (!slash)
		return pattern[want] == '\0';
	if (many && scan_uri(pattern, slash + 1, len - have - 1))
		return true;
	return pattern[want] == '/' && scan_uri(pattern + want + 1, slash + 1, len - have - 1);
}

static bool scan_email(const char *entry, const struct bytes *value)
{
	const char *entry_at = strrchr(entry, '@'), *at = memrchr(value->at, '@', value->len);
	size_t local = at ? (size_t)(at - value->at) : 0, entry_local = (size_t)(entry_at - entry);
	bool anybody = entry_local == 1 && entry[0] == '*';

	if (!at || local == 0 || strlen(entry_at) != value->len - local ||
	    strncasecmp(entry_at, at, value->len - local) != 0)
		return false;
	return anybody || (local == entry_local && memcmp(entry, value->at, local) == 0);
}

static bool scan_net(const char *entry, const struct bytes *value)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *at = (const uint8_t *)value->at;
	size_t len = value->len;
	struct match_net net;

	MUST_HOLD(match_net_parse(entry, &net) == 0);
	if (len == 16 && memcmp(at, mapped, 12) == 0)
		at += 12, len = 4;
	if (len != net.bytes)
		return false;
	for (unsigned int bit = 0; bit < net.length; bit++) {
		if ((at[bit / 8] ^ net.address[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	}
	return true;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* From the end, over colons, leading zeros of the text left out of what must be there. */
static bool scan_hex(const char *entry, const struct bytes *value)
{
	const char *at = entry + strlen(entry);
	size_t left = value->len;
	int half = 0, byte = 0;

	while (at > entry) {
		char c = *--at;

		if (c == ':')
			continue;
		byte |= nibble(c) << 4 * half;
		half = !half;
		if (half && (at > entry && !(at == entry + 1 && at[-1] == ':')))
			continue;
		if (left > 0 ? (uint8_t)value->at[--left] != byte : byte != 0)
			return false;
		byte = half = 0;
	}
	return left == 0 && value->len > 0;
}

static bool scan_dn(const char *entry, const struct bytes *value)
{
	unsigned char *der = NULL;
	const char *problem;
	size_t len = 0;
	bool equal;

	MUST_HOLD(tls_name_parse(entry, &der, &len, &problem) == 0);
	equal = len == value->len && memcmp(der, value->at, len) == 0;
	free(der);
	return equal;
}

static bool scan(enum match_key key, const char *entry, const struct bytes *value)
{
	switch (key) {
	case MATCH_DNS:
	case MATCH_SNI:
		return scan_dns(entry, value);
	case MATCH_URI:
		return scan_uri(entry, value->at, value->len);
	case MATCH_EMAIL:
		return scan_email(entry, value);
	case MATCH_IP:
	case MATCH_SOURCE:
		return scan_net(entry, value);
	case MATCH_SERIAL:
	case MATCH_CERT_SHA256:
	case MATCH_SPKI_SHA256:
		return scan_hex(entry, value);
	case MATCH_DN:
	case MATCH_ISSUER:
		return scan_dn(entry, value);
	case MATCH_TLS_VERSION:
		return value->len == 7 && memcmp(value->at, "TLSv", 4) == 0 &&
		       memcmp(value->at + 4, entry, 3) == 0;
	default:
		return same(entry, value);
	}
}

/* --- both --- */

static const enum identity_kind kinds[] = {
	[MATCH_CN] = IDENTITY_CN,
	[MATCH_DNS] = IDENTITY_DNS,
	[MATCH_URI] = IDENTITY_URI,
	[MATCH_IP] = IDENTITY_IP,
	[MATCH_EMAIL] = IDENTITY_EMAIL,
	[MATCH_OU] = IDENTITY_OU,
	[MATCH_O] = IDENTITY_O,
	[MATCH_DN] = IDENTITY_SUBJECT,
	[MATCH_ISSUER] = IDENTITY_ISSUER,
	[MATCH_SERIAL] = IDENTITY_SERIAL,
	[MATCH_CERT_SHA256] = IDENTITY_CERT_SHA256,
	[MATCH_SPKI_SHA256] = IDENTITY_SPKI_SHA256,
	[MATCH_TRUST_DOMAIN] = IDENTITY_TRUST_DOMAIN,
};

static struct match *make_match(struct input *input)
{
	static const uint8_t hash_key[SIPHASH_KEY_BYTES] = "fuzz";
	struct match *match = match_new(), *outer = input->negated ? match_new() : match;
	struct match_set *set = match_set_new(hash_key);
	size_t n = 0;

	MUST_HOLD(match && outer && set);
	match->sets[input->key] = set;
	if (input->negated)
		outer->except = match;
	for (size_t i = 0; i < input->n_entries; i++) {
		struct confload_problem problem = {.what = NULL};
		int r = input->texts[i][0]
				? confload_entry_add(set, input->key, input->texts[i], &problem)
				: -EINVAL;

		MUST_HOLD(r == 0 || r == -EINVAL);
		MUST_HOLD(r == 0 || !input->texts[i][0] || problem.what);
		if (r == 0)
			memmove(input->texts[n++], input->texts[i], sizeof(input->texts[i]));
	}
	input->n_entries = n;
	return outer;
}

/* The connection has one value of a kind, a certificate any number. */
static void set_fact(const struct input *input, struct policy_facts *facts, struct addr *source,
		     char text[256])
{
	const struct bytes *value = &input->values[0];

	if (input->n_values == 0)
		return;
	memcpy(text, value->at, value->len);
	text[value->len] = '\0';
	if (input->key == MATCH_ALPN)
		facts->alpn = value->at, facts->alpn_len = value->len;
	else if (input->key == MATCH_SNI)
		facts->sni = text;
	else if (input->key == MATCH_TLS_VERSION)
		facts->tls_version = text;
	else if (value->len == 4 || value->len == 16)
		facts->source = source;
	source->len = value->len == 4 ? sizeof(source->in4) : sizeof(source->in6);
	source->sa.sa_family = value->len == 4 ? AF_INET : AF_INET6;
	memcpy(value->len == 4 ? (void *)&source->in4.sin_addr : (void *)&source->in6.sin6_addr,
	       value->at, value->len == 4 || value->len == 16 ? value->len : 0);
}

static bool scan_all(const struct input *input, const struct bytes *value)
{
	for (size_t i = 0; i < input->n_entries; i++) {
		if (scan(input->key, input->texts[i], value))
			return true;
	}
	return false;
}

/* What the scan says of the values that an identity has kept, or of the connection's. */
static enum match_answer scan_input(const struct input *input, const struct policy_facts *facts)
{
	const struct identity *identity = facts->identity;
	struct identity_name name;
	bool star = false, yes = false;

	if (!match_key_is_of_certificate(input->key)) {
		struct bytes value = {.at = facts->sni ? facts->sni : facts->tls_version};

		if (!facts->sni && !facts->tls_version && !facts->alpn && !facts->source)
			return MATCH_NO;
		if (value.at)
			value.len = strlen(value.at);
		else
			value = input->values[0];
		return scan_all(input, &value) ? MATCH_YES : MATCH_NO;
	}
	if (identity_is_unusable(identity, kinds[input->key]) ||
	    (input->key == MATCH_CN && identity_count(identity, IDENTITY_CN) > 1))
		return MATCH_UNCLEAR;
	for (size_t at = 0; identity_next(identity, &at, &name);) {
		struct bytes value = {.at = name.bytes, .len = name.len};

		star |= memchr(name.bytes, '*', name.len) != NULL;
		yes |= scan_all(input, &value);
	}
	if (input->key == MATCH_DNS && star && input->refuses != input->negated)
		return MATCH_UNCLEAR;
	return yes ? MATCH_YES : MATCH_NO;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct input input;
	struct identity *identity = identity_new();
	struct policy_facts facts = {};
	struct addr source = {};
	enum match_answer answer, scanned;
	struct match_why why;
	struct match *match;
	char text[256];

	if (size < 2) {
		identity_free(identity);
		return 0;
	}
	memset(&input, 0, sizeof(input));
	read_input(data, size, &input);
	trim_serials(&input);
	match = make_match(&input);
	for (size_t i = 0; match_key_is_of_certificate(input.key) && i < input.n_values; i++)
		MUST_HOLD(identity_add(&identity, kinds[input.key], input.values[i].at,
				       input.values[i].len) == 0);
	facts.identity = identity;
	if (!match_key_is_of_certificate(input.key))
		set_fact(&input, &facts, &source, text);
	answer = match_ask(match, &facts, input.refuses, &why);
	scanned = scan_input(&input, &facts);
	if (input.negated && scanned != MATCH_UNCLEAR)
		scanned = scanned == MATCH_YES ? MATCH_NO : MATCH_YES;
	MUST_HOLD(answer == scanned);
	MUST_HOLD((answer == MATCH_UNCLEAR) == (why.reason != NULL));
	MUST_HOLD((answer == MATCH_YES) == (why.key == NULL));
	match_free(match);
	identity_free(identity);
	return 0;
}
