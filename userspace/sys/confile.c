// SPDX-License-Identifier: Apache-2.0
/*
 * One schema (libcyaml's tables), two readers. check_node() walks libyaml's tree along it: it finds
 * every mistake with its line, expands variables, and takes out what is wrong. What is left fits
 * the schema; libcyaml, which would stop at the first mistake, loads it into the structs.
 */
#include "sys/confile.h"

#include "sys/confile_expand.h"
#include "sys/confile_tree.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

#define TEXT(type, member)                                                                         \
	CYAML_FIELD_STRING_PTR(#member, OPTIONAL, type, member, 0, CONFILE_VALUE_MAX)
#define TEXTS(type, member) LIST(type, member, &text_entry)
#define LIST(type, member, entry_schema)                                                           \
	CYAML_FIELD_SEQUENCE_COUNT(#member, OPTIONAL, type, member, n_##member, entry_schema, 1,   \
				   CYAML_UNLIMITED)
#define TEXT_AT(type, key, member)                                                                 \
	CYAML_FIELD_STRING_PTR(#key, OPTIONAL, type, member, 0, CONFILE_VALUE_MAX)
#define LIST_AT(type, key, member, count, entry_schema)                                            \
	CYAML_FIELD_SEQUENCE_COUNT(#key, OPTIONAL, type, member, count, entry_schema, 1,           \
				   CYAML_UNLIMITED)
#define PART(type, member, fields) CYAML_FIELD_MAPPING_PTR(#member, OPTIONAL, type, member, fields)

static const cyaml_schema_value_t text_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CONFILE_VALUE_MAX),
};

static const cyaml_schema_field_t certificate_fields[] = {
	TEXT(struct confile_certificate, chain),
	TEXT(struct confile_certificate, key),
	TEXT(struct confile_certificate, pkcs12),
	TEXT(struct confile_certificate, password),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t certificate_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct confile_certificate, certificate_fields),
};

static const cyaml_schema_field_t trust_domain_fields[] = {
	TEXT(struct confile_trust_domain, name),
	TEXT(struct confile_trust_domain, ca),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t trust_domain_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct confile_trust_domain, trust_domain_fields),
};

#define VERIFY(type)                                                                               \
	TEXT_AT(type, crl_mode, verify.crl_mode), TEXT_AT(type, crl_missing, verify.crl_missing),  \
		TEXT_AT(type, crl_expired, verify.crl_expired),                                    \
		TEXT_AT(type, verify_depth, verify.verify_depth),                                  \
		TEXT_AT(type, security_level, verify.security_level),                              \
		LIST_AT(type, trust_domains, verify.trust_domains, verify.n_trust_domains,         \
			&trust_domain_entry)

static const cyaml_schema_field_t tls_fields[] = {
	LIST(struct confile_tls, certificates, &certificate_entry),
	TEXT(struct confile_tls, min_version),
	TEXTS(struct confile_tls, alpn),
	TEXT(struct confile_tls, client_auth),
	TEXT(struct confile_tls, client_ca),
	TEXT(struct confile_tls, client_ca_names),
	LIST_AT(struct confile_tls, client_crl, verify.crls, verify.n_crls, &text_entry),
	VERIFY(struct confile_tls),
	TEXT(struct confile_tls, resumption),
	TEXT(struct confile_tls, ticket_keys),
	TEXT(struct confile_tls, ticket_lifetime),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t time_fields[] = {
	TEXT(struct confile_time, from),
	TEXT(struct confile_time, until),
	TEXTS(struct confile_time, days),
	TEXT(struct confile_time, hours),
	CYAML_FIELD_END,
};

/* clang-format off */
#define MATCH_LISTS \
	TEXTS(struct confile_match, cn), \
	TEXTS(struct confile_match, dns), \
	TEXTS(struct confile_match, uri), \
	TEXTS(struct confile_match, ip), \
	TEXTS(struct confile_match, email), \
	TEXTS(struct confile_match, ou), \
	TEXTS(struct confile_match, o), \
	TEXTS(struct confile_match, dn), \
	TEXTS(struct confile_match, issuer), \
	TEXTS(struct confile_match, serial), \
	TEXTS(struct confile_match, cert_sha256), \
	TEXTS(struct confile_match, spki_sha256), \
	TEXTS(struct confile_match, trust_domain), \
	TEXTS(struct confile_match, sni), \
	TEXTS(struct confile_match, alpn), \
	TEXTS(struct confile_match, source), \
	TEXTS(struct confile_match, tls_version)
/* clang-format on */

static const cyaml_schema_field_t include_fields[] = {
	MATCH_LISTS,
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t not_fields[] = {
	MATCH_LISTS,
	PART(struct confile_match, time, time_fields),
	PART(struct confile_match, include, include_fields),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t match_fields[] = {
	MATCH_LISTS,
	TEXT(struct confile_match, anonymous),
	PART(struct confile_match, time, time_fields),
	PART(struct confile_match, include, include_fields),
	CYAML_FIELD_MAPPING_PTR("not", OPTIONAL, struct confile_match, except, not_fields),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t rule_fields[] = {
	TEXT(struct confile_rule, include),
	TEXT(struct confile_rule, name),
	PART(struct confile_rule, match, match_fields),
	TEXT(struct confile_rule, action),
	TEXT(struct confile_rule, respond),
	TEXT(struct confile_rule, upstream),
	TEXT(struct confile_rule, audit),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t rule_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct confile_rule, rule_fields),
};

static const cyaml_schema_field_t offload_after_fields[] = {
	TEXT(struct confile_offload_after, bytes),
	TEXT(struct confile_offload_after, age),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t proxy_protocol_fields[] = {
	TEXTS(struct confile_proxy_protocol, from),
	TEXT(struct confile_proxy_protocol, version),
	TEXT(struct confile_proxy_protocol, timeout),
	TEXT(struct confile_proxy_protocol, max_size),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t listener_fields[] = {
	TEXT(struct confile_listener, name),
	TEXTS(struct confile_listener, listen),
	PART(struct confile_listener, proxy_protocol, proxy_protocol_fields),
	TEXT(struct confile_listener, mode),
	PART(struct confile_listener, tls, tls_fields),
	LIST(struct confile_listener, rules, &rule_entry),
	TEXT(struct confile_listener, offload),
	PART(struct confile_listener, offload_after, offload_after_fields),
	TEXT(struct confile_listener, engine),
	TEXT(struct confile_listener, on_truncation),
	TEXT(struct confile_listener, refuse_with),
	TEXT(struct confile_listener, no_upstream),
	TEXT(struct confile_listener, upstream),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t listener_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct confile_listener, listener_fields),
};

static const cyaml_schema_field_t upstream_tls_fields[] = {
	PART(struct confile_upstream_tls, certificate, certificate_fields),
	TEXT(struct confile_upstream_tls, server_ca),
	LIST_AT(struct confile_upstream_tls, server_crl, verify.crls, verify.n_crls, &text_entry),
	VERIFY(struct confile_upstream_tls),
	TEXT(struct confile_upstream_tls, server_name),
	TEXT(struct confile_upstream_tls, sni),
	TEXTS(struct confile_upstream_tls, alpn),
	TEXT(struct confile_upstream_tls, min_version),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t upstream_fields[] = {
	TEXT(struct confile_upstream, name),
	TEXTS(struct confile_upstream, endpoints),
	PART(struct confile_upstream, tls, upstream_tls_fields),
	TEXT(struct confile_upstream, proxy_protocol),
	TEXTS(struct confile_upstream, proxy_protocol_tlvs),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t upstream_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct confile_upstream, upstream_fields),
};

static const cyaml_schema_field_t timeouts_fields[] = {
	TEXT(struct confile_timeouts, handshake),
	TEXT(struct confile_timeouts, connect),
	TEXT(struct confile_timeouts, idle),
	TEXT(struct confile_timeouts, half_closed),
	TEXT(struct confile_timeouts, unacked),
	TEXT(struct confile_timeouts, drain),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t session_fields[] = {
	TEXT(struct confile_session, max_age),
	TEXT(struct confile_session, end_with_certificate),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t limits_fields[] = {
	TEXT(struct confile_limits, connections),
	TEXT(struct confile_limits, handshakes),
	TEXT(struct confile_limits, records_per_key),
	TEXT(struct confile_limits, key_updates),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t admin_fields[] = {
	TEXT(struct confile_admin, listen),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t log_fields[] = {
	TEXT(struct confile_log, format),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t reload_fields[] = {
	TEXT(struct confile_reload, watch),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t root_fields[] = {
	LIST(struct confile_root, listeners, &listener_entry),
	LIST(struct confile_root, upstreams, &upstream_entry),
	PART(struct confile_root, timeouts, timeouts_fields),
	PART(struct confile_root, session, session_fields),
	PART(struct confile_root, limits, limits_fields),
	PART(struct confile_root, admin, admin_fields),
	PART(struct confile_root, log, log_fields),
	PART(struct confile_root, reload, reload_fields),
	TEXT(struct confile_root, workers),
	TEXT(struct confile_root, user),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t root_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct confile_root, root_fields),
};

static const cyaml_schema_value_t rules_schema = {
	CYAML_VALUE_SEQUENCE(CYAML_FLAG_POINTER, struct confile_rule, &rule_entry, 0,
			     CYAML_UNLIMITED),
};

static const cyaml_config_t cyaml_config = {
	.log_level = CYAML_LOG_ERROR,
	.log_fn = NULL,
	.mem_fn = cyaml_mem,
	.flags = CYAML_CFG_NO_ALIAS,
};

struct confile {
	struct confile_tree *tree;
	const cyaml_schema_value_t *schema; /* of what? */
	cyaml_data_t *data;
	unsigned int n; /* items, where that is a list */
};

/* --- the walk --- */

struct check {
	struct confile_tree *tree;
	struct report *report;
	confile_variable *variable;
	void *arg;
};

/* Where a key or an item is: what it is called and the line for people. */
struct place {
	char path[CONFILE_FIELD_MAX];
	unsigned int line;
};

/* A key of the file may be longer than any path: it is cut, only people read it. */
static struct place place_of_key(const struct place *in, const struct confile_pair *pair)
{
	struct place place = {.line = pair->line};

	if (snprintf(place.path, sizeof(place.path), "%s%s%.60s", in->path, in->path[0] ? "." : "",
		     pair->key) < 0)
		place.path[0] = '\0';
	return place;
}

static struct place place_of_item(const struct place *in, size_t index,
				  const struct confile_node *item)
{
	struct place place = {.line = confile_tree_line(item)};

	if (snprintf(place.path, sizeof(place.path), "%.230s[%zu]", in->path, index) < 0)
		place.path[0] = '\0';
	return place;
}

static const cyaml_schema_field_t *find_field(const cyaml_schema_field_t *fields, const char *key)
{
	for (; fields->key; fields++) {
		if (strcmp(fields->key, key) == 0)
			return fields;
	}
	return NULL;
}

#define KEY_MAX 24 /* longer than any key of the schema */

/* Edit distance; keys that are too long are far from everything. */
static size_t distance(const char *a, const char *b)
{
	size_t row[KEY_MAX + 1];
	size_t len = strlen(b);

	if (strlen(a) > KEY_MAX || len > KEY_MAX)
		return KEY_MAX;
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);
			size_t insert = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

			diagonal = row[j];
			row[j] = change < insert ? change : insert;
		}
	}
	return row[len];
}

static void unknown_key(struct check *check, const cyaml_schema_field_t *fields,
			const struct place *place, const char *key)
{
	const cyaml_schema_field_t *nearest = NULL;
	char hint[320] = "known here: ";
	size_t len = strlen(hint), best = 3; /* one or two slips of the hand */

	for (const cyaml_schema_field_t *f = fields; f->key; f++) {
		size_t d = distance(key, f->key);

		if (len < sizeof(hint))
			len += (size_t)snprintf(hint + len, sizeof(hint) - len, "%s%s",
						f == fields ? "" : ", ", f->key);
		if (d < best && d < strlen(f->key)) {
			nearest = f;
			best = d;
		}
	}
	if (nearest)
		snprintf(hint, sizeof(hint), "did you mean '%s'?", nearest->key);
	report_add_mistake(check->report, place->line, place->path, hint, "unknown key");
}

/* Returns: 0; -EINVAL after a report; -ENOMEM. */
static int check_value(struct check *check, struct confile_node *node, const struct place *place)
{
	struct confile_expand_problem problem;
	size_t len;
	const char *text = confile_tree_text(node, &len);
	char *expanded = NULL;
	int r;

	if (confile_tree_is_null(node)) {
		report_add_mistake(check->report, place->line, place->path,
				   "give one, or remove the key", "has no value");
		return -EINVAL;
	}
	if (strlen(text) != len) {
		report_add_mistake(check->report, place->line, place->path, "remove the \\0",
				   "has a NUL byte in it");
		return -EINVAL;
	}
	r = confile_expand(text, check->variable, check->arg, &expanded, &problem);
	if (r == -EINVAL)
		report_add_mistake(check->report, place->line, place->path, problem.hint, "%s",
				   problem.text);
	if (r < 0)
		return r;
	confile_tree_set_text(node, expanded);
	if (!confile_is_utf8(expanded)) {
		report_add_mistake(check->report, place->line, place->path,
				   "set the variable to UTF-8 text", "is not UTF-8 text");
		return -EINVAL;
	}
	for (const char *c = expanded; *c; c++) {
		if ((unsigned char)*c >= 0x20 && *c != 0x7f)
			continue;
		report_add_mistake(check->report, place->line, place->path, "one line of text",
				   "has a line break or another control character in it");
		return -EINVAL;
	}
	if (strlen(expanded) <= CONFILE_VALUE_MAX)
		return 0;
	report_add_mistake(check->report, place->line, place->path, "longer texts go into files",
			   "is longer than %d bytes", CONFILE_VALUE_MAX);
	return -EINVAL;
}

static int check_node(struct check *check, const cyaml_schema_value_t *schema,
		      struct confile_node *node, const struct place *place);

static int check_pair(struct check *check, const cyaml_schema_field_t *fields,
		      struct confile_node *mapping, size_t index, const struct place *in)
{
	struct confile_pair pair = confile_tree_pair(check->tree, mapping, index);
	const cyaml_schema_field_t *field = find_field(fields, pair.key);
	struct place place = place_of_key(in, &pair);

	if (!field) {
		unknown_key(check, fields, &place, pair.key);
		return -EINVAL;
	}
	for (size_t i = 0; i < index; i++) {
		struct confile_pair earlier = confile_tree_pair(check->tree, mapping, i);

		if (strcmp(earlier.key, pair.key) != 0)
			continue;
		report_add_mistake(check->report, place.line, place.path, "remove one of the two",
				   "is set a second time; the first is in line %u", earlier.line);
		return -EINVAL;
	}
	return check_node(check, &field->value, pair.value, &place);
}

static int check_mapping(struct check *check, const cyaml_schema_field_t *fields,
			 struct confile_node *mapping, const struct place *place)
{
	for (size_t i = 0; i < confile_tree_count(mapping);) {
		int r = check_pair(check, fields, mapping, i, place);

		if (r == -ENOMEM)
			return r;
		if (r < 0)
			confile_tree_drop(mapping, i);
		else
			i++;
	}
	return 0;
}

static int check_list(struct check *check, const cyaml_schema_value_t *schema,
		      struct confile_node *list, const struct place *place)
{
	const cyaml_schema_value_t *entry = schema->sequence.entry;

	if (confile_tree_count(list) < schema->sequence.min) {
		report_add_mistake(check->report, place->line, place->path,
				   "put something in, or remove the key", "is an empty list");
		return -EINVAL;
	}
	for (size_t i = 0; i < confile_tree_count(list); i++) {
		struct confile_node *item = confile_tree_item(check->tree, list, i);
		struct place at = place_of_item(place, i, item);
		int r = check_node(check, entry, item, &at);

		/* Left in place, so that the ones behind it keep their numbers. */
		if (r == -EINVAL)
			r = confile_tree_blank(item, entry->type == CYAML_MAPPING ? CONFILE_MAPPING
										  : CONFILE_VALUE);
		if (r < 0)
			return r;
	}
	return 0;
}

static int wrong_kind(struct check *check, const struct confile_node *node,
		      const struct place *place, const char *wanted, const char *hint)
{
	static const char *const kinds[] = {"a single value", "a list", "a mapping"};

	if (confile_tree_is_null(node))
		report_add_mistake(check->report, place->line, place->path,
				   "give it one, or remove the key", "has no value");
	else
		report_add_mistake(check->report, place->line, place->path, hint,
				   "is %s, but must be %s", kinds[confile_tree_kind(node)], wanted);
	return -EINVAL;
}

/* Returns: 0; -EINVAL: reported, and the caller takes @node out; -ENOMEM. */
static int check_node(struct check *check, const cyaml_schema_value_t *schema,
		      struct confile_node *node, const struct place *place)
{
	enum confile_kind kind = confile_tree_kind(node);

	switch (schema->type) {
	case CYAML_MAPPING:
		if (kind != CONFILE_MAPPING)
			return wrong_kind(check, node, place, "a mapping", "key: value");
		return check_mapping(check, schema->mapping.fields, node, place);
	case CYAML_SEQUENCE:
		if (kind != CONFILE_LIST)
			return wrong_kind(check, node, place, "a list", "put it in [ ]");
		return check_list(check, schema, node, place);
	default:
		if (kind != CONFILE_VALUE)
			return wrong_kind(check, node, place, "a single value", "name: value");
		return check_value(check, node, place);
	}
}

/* --- */

static int load(struct confile *confile, struct report *report)
{
	char *text = NULL;
	size_t len = 0;
	cyaml_data_t *data = NULL;
	cyaml_err_t error;
	int r = confile_tree_emit(confile->tree, &text, &len);

	if (r < 0)
		return r;
	error = cyaml_load_data((const uint8_t *)text, len, &cyaml_config, confile->schema, &data,
				confile->schema == &rules_schema ? &confile->n : NULL);
	free(text);
	if (error == CYAML_ERR_OOM)
		return -ENOMEM;
	if (error != CYAML_OK) {
		/* check_node() missed something: refuse rather than guess. */
		report_add_mistake(report, 0, "", "please report this file as a bug",
				   "libcyaml refuses it: %s", cyaml_strerror(error));
		return -EINVAL;
	}
	confile->data = data;
	return 0;
}

static int parse(struct confile *confile, struct check *check, const char *text, size_t len)
{
	const struct place top = {.line = 1};
	int r = confile_tree_parse(text, len, check->report, &confile->tree);

	if (r < 0)
		return r;
	check->tree = confile->tree;
	r = check_node(check, confile->schema, confile_tree_root(confile->tree), &top);
	return r < 0 ? r : load(confile, check->report);
}

/* Nothing but blank lines and comments: a program that has no rules to say writes that. */
static bool is_empty(const char *text, size_t len)
{
	bool comment = false;

	for (size_t i = 0; i < len; i++) {
		comment = text[i] != '\n' && (comment || text[i] == '#');
		if (!comment && !strchr(" \t\r\n", text[i]))
			return false;
	}
	return true;
}

static int parse_as(const cyaml_schema_value_t *schema, struct check *check, const char *text,
		    size_t len, struct confile **ret_confile)
{
	struct confile *confile = calloc(1, sizeof(*confile));
	int r;

	if (!confile)
		return -ENOMEM;
	confile->schema = schema;
	r = schema == &rules_schema && is_empty(text, len) ? 0 : parse(confile, check, text, len);
	if (r < 0) {
		confile_free(confile);
		return r;
	}
	*ret_confile = confile;
	return 0;
}

int confile_parse(const char *text, size_t len, confile_variable *variable, void *arg,
		  struct report *report, struct confile **ret_confile)
{
	struct check check = {.report = report, .variable = variable, .arg = arg};

	return parse_as(&root_schema, &check, text, len, ret_confile);
}

int confile_parse_rules(const char *text, size_t len, confile_variable *variable, void *arg,
			struct report *report, struct confile **ret_confile)
{
	struct check check = {.report = report, .variable = variable, .arg = arg};

	return parse_as(&rules_schema, &check, text, len, ret_confile);
}

void confile_free(struct confile *confile)
{
	if (!confile)
		return;
	if (confile->data)
		(void)cyaml_free(&cyaml_config, confile->schema, confile->data, confile->n);
	confile_tree_free(confile->tree);
	free(confile);
}

const struct confile_root *confile_root(const struct confile *confile)
{
	return confile->data;
}

const struct confile_rule *confile_rules(const struct confile *confile, size_t *ret_n)
{
	*ret_n = confile->n;
	return confile->data;
}

unsigned int confile_line(const struct confile *confile, const char *path)
{
	return confile->tree ? confile_tree_line_of(confile->tree, path) : 0;
}
