// SPDX-License-Identifier: Apache-2.0
/* How the entries of a match are written, and what they become. What they match is model/match's. */
#include "daemon/confload_internal.h"

#include "base/fd.h"
#include "base/hex.h"
#include "base/spiffe.h"
#include "model/match_net.h"
#include "sys/tls_name.h"

#include <errno.h>
#include <string.h>

#define DNS_NAME_MAX  253 /* RFC 1035 */
#define DNS_LABEL_MAX 63
#define ALPN_MAX      255 /* RFC 7301 */
#define SHA256_BYTES  32
#define SERIAL_MAX    20 /* bytes, RFC 5280 */

static const char alnum[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

static int refuse(struct confload_problem *problem, const char *what, const char *hint)
{
	*problem = (struct confload_problem){.what = what, .hint = hint};
	return -EINVAL;
}

/* --- names --- */

static bool is_label(const char *text, size_t len)
{
	if (len == 0 || len > DNS_LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!strchr(alnum, text[i]) && text[i] != '-' && text[i] != '_')
			return false;
	}
	return true;
}

bool confload_is_dns(const char *text)
{
	if (strlen(text) > DNS_NAME_MAX)
		return false;
	for (;;) {
		size_t len = strcspn(text, ".");

		if (!is_label(text, len))
			return false;
		if (text[len] == '\0')
			return true;
		text += len + 1;
	}
}

bool confload_is_uri(const char *text)
{
	size_t scheme = strcspn(text, ":/?#");
	bool ok = scheme > 0 && text[scheme] == ':' && text[scheme + 1] != '\0';

	for (size_t i = 0; i < scheme; i++)
		ok = ok && (strchr(alnum, text[i]) || (i > 0 && strchr("+-.", text[i])));
	for (const char *c = text; *c; c++)
		ok = ok && *c > ' ' && *c < 0x7f;
	return ok;
}

static void to_lower(char *text)
{
	for (; *text; text++)
		*text = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
}

static int add_text(struct match_set *set, const char *text, struct confload_problem *problem)
{
	(void)problem;
	return match_set_add(set, text, strlen(text));
}

static int add_dns(struct match_set *set, const char *text, struct confload_problem *problem)
{
	const char *name = strncmp(text, "*.", 2) == 0 ? text + 2 : text;
	char lower[DNS_NAME_MAX + 1];

	if (strlen(text) > DNS_NAME_MAX || !confload_is_dns(name))
		return refuse(problem, "is not a DNS name",
			      "a name as app.example, or *.example for any one label before it");
	memcpy(lower, text, strlen(text) + 1);
	to_lower(lower);
	return match_set_add(set, lower, strlen(lower));
}

/* In scheme://host/path a wildcard may stand in the path only: it must not choose the authority. */
static bool wildcards_are_segments(const char *text)
{
	bool has_authority = strstr(text, "://") != NULL;
	size_t index = 0, first = has_authority ? 3 : 1;

	for (;; index++) {
		size_t len = strcspn(text, "/");
		bool whole = len == 1 || (len == 2 && text[1] == '*');

		if (memchr(text, '*', len) && (text[0] != '*' || !whole || index < first))
			return false;
		if (text[len] == '\0')
			return true;
		text += len + 1;
	}
}

static int add_uri(struct match_set *set, const char *text, struct confload_problem *problem)
{
	if (!confload_is_uri(text))
		return refuse(problem, "is not a URI",
			      "as in spiffe://prod.example/ns/*/sa/billing; other characters "
			      "than ASCII as %XX");
	if (!wildcards_are_segments(text))
		return refuse(
			problem, "has a * where none may be",
			"* stands for one whole segment between two / behind the host, ** for "
			"one or more");
	if (strchr(text, '*'))
		return match_set_add_pattern(set, text);
	return match_set_add(set, text, strlen(text));
}

static int add_email(struct match_set *set, const char *text, struct confload_problem *problem)
{
	const char *at = strrchr(text, '@');
	bool anybody = at == text + 1 && text[0] == '*';
	char _cleanup_free_ *copy = NULL;

	if (!at || at == text || !confload_is_dns(at + 1) ||
	    (!anybody && memchr(text, '*', (size_t)(at - text))) || strpbrk(text, " <>,;"))
		return refuse(problem, "is not an email address",
			      "as in alice@example.com, or *@example.com for anybody there");
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	to_lower(copy + (at - text));
	return match_set_add(set, copy, strlen(copy));
}

static int add_dn(struct match_set *set, const char *text, struct confload_problem *problem)
{
	unsigned char _cleanup_free_ *der = NULL;
	const char *what = NULL;
	size_t len = 0;
	int r = tls_name_parse(text, &der, &len, &what);

	if (r == -EINVAL)
		return refuse(problem, what,
			      "as `openssl x509 -noout -subject -nameopt RFC2253` prints it: "
			      "CN=alice,OU=ops,O=Example");
	return r < 0 ? r : match_set_add(set, der, len);
}

static int add_domain(struct match_set *set, const char *text, struct confload_problem *problem)
{
	if (!spiffe_is_domain(text, strlen(text)))
		return refuse(problem, "is not a trust domain",
			      "small letters, digits, '.', '-' and '_', without spiffe://");
	return match_set_add(set, text, strlen(text));
}

/* --- numbers --- */

/*
 * Hex, in either case, with a colon between all bytes or none. An odd number of digits has a 0 before it.
 * Returns: bytes, at most @max; -1.
 */
static int parse_hex(const char *text, unsigned char *bytes, size_t max)
{
	bool colons = strchr(text, ':') != NULL, half = strlen(text) % 2 == 1 && !colons;
	size_t n = 0;

	while (*text) {
		int high = half ? 0 : hex_value(*text++), low = high < 0 ? -1 : hex_value(*text++);

		half = false;
		if (low < 0 || n == max)
			return -1;
		bytes[n++] = (unsigned char)(high << 4 | low);
		if (colons && *text && (*text++ != ':' || !*text))
			return -1;
	}
	return (int)n;
}

static int add_sha256(struct match_set *set, const char *text, struct confload_problem *problem)
{
	unsigned char digest[SHA256_BYTES];

	if (parse_hex(text, digest, sizeof(digest)) != SHA256_BYTES)
		return refuse(problem, "is not a SHA-256 digest",
			      "64 hex digits, with a colon behind every second one, or none");
	return match_set_add(set, digest, sizeof(digest));
}

static int add_serial(struct match_set *set, const char *text, struct confload_problem *problem)
{
	unsigned char serial[SERIAL_MAX + 1];
	int len = parse_hex(text, serial, sizeof(serial)), from = 0;

	if (len <= 0)
		return refuse(problem, "is not a serial number",
			      "hex digits, as `openssl x509 -noout -serial` prints it");
	while (from < len - 1 && serial[from] == 0)
		from++;
	return match_set_add(set, serial + from, (size_t)(len - from));
}

static int add_net(struct match_set *set, const char *text, struct confload_problem *problem)
{
	struct match_net net;
	int r = match_net_parse(text, &net);

	if (r == -ERANGE)
		return refuse(problem, "has bits behind its prefix",
			      "192.0.2.0/24 is a network, 192.0.2.1 a host");
	if (r < 0)
		return refuse(problem, "is not an address or network",
			      "as in 192.0.2.0/24, 2001:db8::/32 or 192.0.2.1");
	return match_net_add(set, &net);
}

/* --- TLS --- */

static int add_alpn(struct match_set *set, const char *text, struct confload_problem *problem)
{
	if (strlen(text) > ALPN_MAX)
		return refuse(problem, "is longer than 255 bytes", "as in alpn: [h2, http/1.1]");
	return match_set_add(set, text, strlen(text));
}

static int add_version(struct match_set *set, const char *text, struct confload_problem *problem)
{
	char name[16];

	if (strcmp(text, "1.2") != 0 && strcmp(text, "1.3") != 0)
		return refuse(problem, "is not a version of TLS", "1.2 or 1.3");
	(void)snprintf(name, sizeof(name), "TLSv%s", text);
	return match_set_add(set, name, strlen(name));
}

/* --- */

typedef int add_function(struct match_set *set, const char *text, struct confload_problem *problem);

int confload_entry_add(struct match_set *set, enum match_key key, const char *text,
		       struct confload_problem *problem)
{
	static add_function *const functions[MATCH_KEYS] = {
		[MATCH_CN] = add_text,
		[MATCH_DNS] = add_dns,
		[MATCH_URI] = add_uri,
		[MATCH_IP] = add_net,
		[MATCH_EMAIL] = add_email,
		[MATCH_OU] = add_text,
		[MATCH_O] = add_text,
		[MATCH_DN] = add_dn,
		[MATCH_ISSUER] = add_dn,
		[MATCH_SERIAL] = add_serial,
		[MATCH_CERT_SHA256] = add_sha256,
		[MATCH_SPKI_SHA256] = add_sha256,
		[MATCH_TRUST_DOMAIN] = add_domain,
		[MATCH_ALPN] = add_alpn,
		[MATCH_TLS_VERSION] = add_version,
		[MATCH_SNI] = add_dns,
		[MATCH_SOURCE] = add_net,
	};

	if (strlen(text) > IDENTITY_NAME_MAX)
		return refuse(problem, NULL, "no name is taken that long");
	return functions[key](set, text, problem);
}
