// SPDX-License-Identifier: Apache-2.0
/*
 * OpenSSL keeps the canonical form to itself, so it is made again here, from its parts, with its own
 * rules; the unit tests and the fuzzer hold it against X509_NAME_cmp().
 */
#include "sys/tls_name.h"

#include "base/hex.h"
#include "sys/tls_internal.h"

#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What OpenSSL takes as a string in a name. */
#define STRINGS                                                                                    \
	(B_ASN1_UTF8STRING | B_ASN1_BMPSTRING | B_ASN1_UNIVERSALSTRING | B_ASN1_PRINTABLESTRING |  \
	 B_ASN1_T61STRING | B_ASN1_IA5STRING)

/* --- the canonical form --- */

static bool is_blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_clean(const unsigned char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] == 0x7f)
			return false;
	}
	return true;
}

/* In place. Returns: the new length. */
static size_t fold(unsigned char *text, size_t len)
{
	size_t from = 0, to = 0;

	while (len > 0 && is_blank(text[len - 1]))
		len--;
	while (from < len && is_blank(text[from]))
		from++;
	while (from < len) {
		unsigned char c = text[from++];

		if (is_blank(c)) {
			c = ' ';
			while (is_blank(text[from]))
				from++;
		}
		text[to++] = c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
	}
	return to;
}

/* Returns: 1 when it was added; 0 when it cannot be read or has a control byte; -ENOMEM. */
static int add_entry(X509_NAME *to, const X509_NAME_ENTRY *from, bool same_rdn)
{
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(from);
	X509_NAME_ENTRY *entry = NULL;
	unsigned char *text = NULL;
	int type = ASN1_STRING_type(value), len = 0, r = -ENOMEM;

	if (ASN1_tag2bit(type) & STRINGS) {
		len = ASN1_STRING_to_UTF8(&text, value);
		if (len < 0 || !is_clean(text, (size_t)len)) {
			OPENSSL_free(text);
			return 0;
		}
		len = (int)fold(text, (size_t)len);
		entry = X509_NAME_ENTRY_create_by_OBJ(NULL, X509_NAME_ENTRY_get_object(from),
						      V_ASN1_UTF8STRING, text, len);
	} else {
		entry = X509_NAME_ENTRY_dup(from);
	}
	if (entry && X509_NAME_add_entry(to, entry, -1, same_rdn ? -1 : 0) == 1)
		r = 1;
	X509_NAME_ENTRY_free(entry);
	OPENSSL_free(text);
	return r;
}

int tls_name_canonical(const X509_NAME *name, unsigned char **ret_der, size_t *ret_len)
{
	X509_NAME *canonical = X509_NAME_new();
	int n = X509_NAME_entry_count(name), rdn = -1, len = 0, r = canonical ? 1 : -ENOMEM;

	if (n > TLS_NAME_PARTS_MAX)
		r = 0;
	for (int i = 0; r == 1 && i < n; i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);

		r = add_entry(canonical, entry, X509_NAME_ENTRY_set(entry) == rdn);
		rdn = X509_NAME_ENTRY_set(entry);
	}
	if (r == 1) {
		*ret_der = NULL;
		len = i2d_X509_NAME(canonical, ret_der);
		r = len < 0 ? -ENOMEM : 1;
		*ret_len = len < 0 ? 0 : (size_t)len;
	}
	X509_NAME_free(canonical);
	ERR_clear_error();
	return r == 0 ? -EINVAL : r < 0 ? r : 0;
}

/* --- RFC 4514 --- */

/** One attribute of the text: its type, its value, and whether it belongs to the RDN before it. */
struct part {
	ASN1_OBJECT *object;
	ASN1_TYPE *der; /* "#…": a value of any type; NULL: text */
	unsigned char *text;
	size_t len;
	bool joined;
};

struct parser {
	const char *at;
	const char *problem;
	struct part parts[TLS_NAME_PARTS_MAX];
	size_t n;
};

static int refuse(struct parser *parser, const char *problem)
{
	parser->problem = problem;
	return -EINVAL;
}

static void skip_blanks(struct parser *parser)
{
	parser->at += strspn(parser->at, " ");
}

static ASN1_OBJECT *object_in_case(const char *name, int (*change)(int c))
{
	char changed[64];
	size_t len = strlen(name);

	if (len >= sizeof(changed))
		return NULL;
	for (size_t i = 0; i <= len; i++)
		changed[i] = (char)(name[i] >= 'A' && name[i] <= 'z' ? change(name[i]) : name[i]);
	return OBJ_txt2obj(changed, 0);
}

static int to_small(int c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static int to_capital(int c)
{
	return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

static int parse_type(struct parser *parser, struct part *part)
{
	size_t len = strcspn(parser->at, "=,+;\"\\ ");
	char name[64];

	if (len == 0 || len >= sizeof(name))
		return refuse(parser, "has a part without a type, such as CN=");
	memcpy(name, parser->at, len);
	name[len] = '\0';
	part->object = OBJ_txt2obj(name, 0);
	if (!part->object)
		part->object = object_in_case(name, to_capital);
	if (!part->object)
		part->object = object_in_case(name, to_small);
	/* It knows names of algorithms, too, that have no number to be a type by. */
	if (!part->object || OBJ_length(part->object) == 0)
		return refuse(parser, "has a type that OpenSSL does not know");
	parser->at += len;
	skip_blanks(parser);
	if (*parser->at != '=')
		return refuse(parser, "has a part without '='");
	parser->at++;
	skip_blanks(parser);
	return 0;
}

/* Two hex digits at @text. Returns: -1 when they are not there. */
static int hex_byte(const char *text)
{
	if (hex_value(text[0]) < 0 || hex_value(text[1]) < 0)
		return -1;
	return hex_value(text[0]) << 4 | hex_value(text[1]);
}

/* "#" and the DER of the value. */
static int parse_der(struct parser *parser, struct part *part)
{
	const unsigned char *at = part->text;

	for (parser->at++; hex_byte(parser->at) >= 0; parser->at += 2)
		part->text[part->len++] = (unsigned char)hex_byte(parser->at);
	part->der = part->len > 0 ? d2i_ASN1_TYPE(NULL, &at, (long)part->len) : NULL;
	if (!part->der || at != part->text + part->len ||
	    !(ASN1_tag2bit(part->der->type) & (STRINGS | B_ASN1_NUMERICSTRING)))
		return refuse(parser, "has a # that no DER of a string follows");
	return 0;
}

/* A character behind '\\', or two hex digits. Returns: the byte; -1. */
static int parse_escaped(struct parser *parser)
{
	int byte = hex_byte(parser->at);

	if (byte >= 0) {
		parser->at += 2;
		return byte;
	}
	return strchr(" \"#+,;<=>\\", *parser->at) && *parser->at ? *parser->at++ : -1;
}

static int parse_text(struct parser *parser, struct part *part)
{
	while (*parser->at && *parser->at != ',' && *parser->at != '+') {
		int byte = (unsigned char)*parser->at++;

		if (byte == ';' || byte == '"')
			return refuse(parser, "has a ';' or '\"' without '\\' before it");
		if (byte == '\\')
			byte = parse_escaped(parser);
		if (byte < 0)
			return refuse(parser, "has a '\\' before something that needs none");
		part->text[part->len++] = (unsigned char)byte;
	}
	return 0;
}

static int parse_part(struct parser *parser, bool joined)
{
	struct part *part = &parser->parts[parser->n];
	int r;

	if (parser->n == TLS_NAME_PARTS_MAX)
		return refuse(parser, "has too many parts");
	*part = (struct part){.joined = joined};
	parser->n++;
	skip_blanks(parser);
	r = parse_type(parser, part);
	if (r < 0)
		return r;
	part->text = malloc(strlen(parser->at) + 1);
	if (!part->text)
		return -ENOMEM;
	r = *parser->at == '#' ? parse_der(parser, part) : parse_text(parser, part);
	if (r == 0)
		skip_blanks(parser);
	return r;
}

static int parse_all(struct parser *parser)
{
	bool joined = false;

	for (;;) {
		int r = parse_part(parser, joined);

		if (r < 0)
			return r;
		if (*parser->at == '\0')
			return 0;
		if (*parser->at != ',' && *parser->at != '+')
			return refuse(parser, "has something behind the DER of a value");
		joined = *parser->at++ == '+';
	}
}

static int add_part(X509_NAME *name, const struct part *part, bool joined)
{
	const ASN1_STRING *string = part->der ? part->der->value.asn1_string : NULL;
	X509_NAME_ENTRY *entry = X509_NAME_ENTRY_create_by_OBJ(
		NULL, part->object, part->der ? part->der->type : V_ASN1_UTF8STRING,
		string ? ASN1_STRING_get0_data(string) : part->text,
		string ? ASN1_STRING_length(string) : (int)part->len);
	bool ok = entry && X509_NAME_add_entry(name, entry, -1, joined ? -1 : 0) == 1;

	X509_NAME_ENTRY_free(entry);
	return ok ? 0 : -ENOMEM;
}

/* The text begins with the last RDN; those of one RDN stay together. */
static int build(const struct parser *parser, X509_NAME *name)
{
	size_t end = parser->n;

	while (end > 0) {
		size_t first = end - 1;

		while (parser->parts[first].joined)
			first--;
		for (size_t i = first; i < end; i++) {
			int r = add_part(name, &parser->parts[i], i > first);

			if (r < 0)
				return r;
		}
		end = first;
	}
	return 0;
}

int tls_name_parse(const char *text, unsigned char **ret_der, size_t *ret_len,
		   const char **ret_problem)
{
	struct parser parser = {.at = text};
	X509_NAME *name = X509_NAME_new();
	unsigned char *der = NULL;
	int r = name ? parse_all(&parser) : -ENOMEM;

	if (r == 0)
		r = build(&parser, name);
	if (r == 0)
		r = tls_name_canonical(name, &der, ret_len);
	if (r == 0) {
		*ret_der = malloc(*ret_len);
		if (*ret_der)
			memcpy(*ret_der, der, *ret_len);
		r = *ret_der ? 0 : -ENOMEM;
	}
	*ret_problem = parser.problem ? parser.problem
				      : "has a value that is not UTF-8, or a control byte";
	for (size_t i = 0; i < parser.n; i++) {
		ASN1_OBJECT_free(parser.parts[i].object);
		ASN1_TYPE_free(parser.parts[i].der);
		free(parser.parts[i].text);
	}
	OPENSSL_free(der);
	X509_NAME_free(name);
	ERR_clear_error();
	return r;
}

void tls_name_text(const void *der, size_t len, char *text, size_t size)
{
	const unsigned char *at = der;
	X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)len);
	BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (name && bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_read(bio, text, (int)size - 1);
	text[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
	X509_NAME_free(name);
	ERR_clear_error();
}
