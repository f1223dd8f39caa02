// SPDX-License-Identifier: Apache-2.0
#include "cli/policy.h"

#include "cli/table.h"
#include "sys/json.h"
#include "sys/tls_name.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TIME_TEXT 32
#define VALUE_MAX (2 * IDENTITY_NAME_MAX + 1)

static const char *const kind_names[IDENTITY_KINDS] = {
	[IDENTITY_CN] = "cn",
	[IDENTITY_O] = "o",
	[IDENTITY_OU] = "ou",
	[IDENTITY_DNS] = "dns",
	[IDENTITY_URI] = "uri",
	[IDENTITY_EMAIL] = "email",
	[IDENTITY_TRUST_DOMAIN] = "trust_domain",
	[IDENTITY_IP] = "ip",
	[IDENTITY_SUBJECT] = "dn",
	[IDENTITY_ISSUER] = "issuer",
	[IDENTITY_SERIAL] = "serial",
	[IDENTITY_CERT_SHA256] = "cert_sha256",
	[IDENTITY_SPKI_SHA256] = "spki_sha256",
};

static const char *answer_name(enum match_answer answer)
{
	static const char *const names[] = {"no", "yes", "unclear"};

	return names[answer];
}

static const char *time_text(int64_t seconds, char text[TIME_TEXT])
{
	time_t time = seconds;
	struct tm tm;

	if (!gmtime_r(&time, &tm) || strftime(text, TIME_TEXT, "%FT%TZ", &tm) == 0)
		snprintf(text, TIME_TEXT, "-");
	return text;
}

/* Each as it would be written in a rule. */
static void value_text(const struct identity_name *name, char text[VALUE_MAX])
{
	size_t at = 0;

	if (name->kind == IDENTITY_IP) {
		(void)inet_ntop(name->len == 4 ? AF_INET : AF_INET6, name->bytes, text, VALUE_MAX);
	} else if (name->kind <= IDENTITY_TRUST_DOMAIN) {
		memcpy(text, name->bytes, name->len);
		text[name->len] = '\0';
	} else if (name->kind == IDENTITY_SUBJECT || name->kind == IDENTITY_ISSUER) {
		tls_name_text(name->bytes, name->len, text, VALUE_MAX);
	} else {
		for (size_t i = 0; i < name->len; i++, at += 2)
			snprintf(text + at, 3, "%02x", (unsigned char)name->bytes[i]);
	}
}

static bool is_valid_then(const struct policy_answers *answers)
{
	return !answers->identity || (answers->facts.now >= answers->identity->not_before &&
				      answers->facts.now <= answers->identity->not_after);
}

/* Returns: NULL when it is refused. */
static const char *upstream_of(const struct policy_answers *answers)
{
	const struct config_rule *rule = answers->verdict.rule;

	return rule && answers->verdict.allowed ? answers->config->upstreams[rule->upstream].name
						: NULL;
}

/* --- for people --- */

static void print_identity(const struct identity *identity)
{
	static const char *const headers[] = {"OF THE CERTIFICATE", "VALUE"};
	struct table _cleanup_table_ table;
	struct identity_name name;
	char text[VALUE_MAX];

	table_init(&table, headers, 2);
	for (size_t at = 0; identity_next(identity, &at, &name);) {
		value_text(&name, text);
		table_add(&table, kind_names[name.kind]);
		table_add(&table, text);
	}
	for (int kind = 0; kind < IDENTITY_KINDS; kind++) {
		if (!identity_is_unusable(identity, kind))
			continue;
		table_add(&table, kind_names[kind]);
		table_add(&table, "(one that cannot be used)");
	}
	table_print(&table, stdout);
	printf("\n");
}

static void add_why(struct table *table, const struct policy_answer *answer)
{
	const struct config_rule *rule = answer->rule;
	const char *action = rule->action == ACTION_ALLOW ? "allow" : "deny";

	if (answer->answer == MATCH_UNCLEAR)
		table_addf(table, "%s%s: %s", rule->audit ? "audit only: " : "",
			   answer->why.key ? answer->why.key : "-", answer->why.reason);
	else if (answer->answer == MATCH_YES)
		table_addf(table, "%s%s", rule->audit ? "audit only: would " : "", action);
	else if (strcmp(answer->why.key, "anonymous") == 0)
		table_add(table, rule->anonymous ? "is for peers without certificate"
						 : "is for peers with a certificate");
	else
		table_addf(table, "%s does not match", answer->why.key);
}

static void print_rules(const struct policy_answers *answers)
{
	static const char *const headers[] = {"RULE", "MATCHES", "WHY"};
	struct table _cleanup_table_ table;

	table_init(&table, headers, 3);
	for (size_t i = 0; i < answers->n; i++) {
		table_add(&table, answers->list[i].rule->name);
		table_add(&table, answer_name(answers->list[i].answer));
		add_why(&table, &answers->list[i]);
	}
	table_print(&table, stdout);
	printf("\n");
}

static void print_notes(const struct policy_answers *answers)
{
	char from[TIME_TEXT], until[TIME_TEXT];
	const struct config_listener *listener = answers->listener;

	if (answers->certificate && !answers->identity)
		printf("Note: this listener asks no client for a certificate.\n");
	if (!is_valid_then(answers))
		printf("Note: the certificate is valid from %s until %s only.\n",
		       time_text(answers->identity->not_before, from),
		       time_text(answers->identity->not_after, until));
	if (answers->identity)
		printf("Note: whether a CA of this listener has signed it was not looked at.\n");
	if (listener->tls_version == TLS_1_3_ONLY && answers->facts.tls_version &&
	    strcmp(answers->facts.tls_version, "TLSv1.3") != 0)
		printf("Note: this listener takes TLS 1.3 only.\n");
}

void policy_print_text(const struct policy_answers *answers)
{
	const struct policy_verdict *verdict = &answers->verdict;
	const char *rule = verdict->rule ? verdict->rule->name : NULL;
	const char *upstream = upstream_of(answers);

	if (answers->identity)
		print_identity(answers->identity);
	if (answers->n > 0)
		print_rules(answers);
	if (upstream)
		printf("Listener %s: allowed by rule %s, to upstream %s\n", answers->listener->name,
		       rule ? rule : "-", upstream);
	else
		printf("Listener %s: refused%s%s: %s\n", answers->listener->name,
		       rule ? " by rule " : "", rule ? rule : "", verdict->reason);
	print_notes(answers);
}

/* --- for programs --- */

static void add_identity(struct json *root, const struct identity *identity)
{
	struct json *object = json_add_object(root, "identity"), *values, *unusable;
	struct identity_name name;
	char text[VALUE_MAX];

	json_add_str(object, "not_before", time_text(identity->not_before, text));
	json_add_str(object, "not_after", time_text(identity->not_after, text));
	values = json_add_array(object, "values");
	for (size_t at = 0; identity_next(identity, &at, &name);) {
		struct json *value = json_append_object(values);

		value_text(&name, text);
		json_add_str(value, "key", kind_names[name.kind]);
		json_add_bytes(value, "value", text, strlen(text));
	}
	unusable = json_add_array(object, "unusable");
	for (int kind = 0; kind < IDENTITY_KINDS; kind++) {
		if (identity_is_unusable(identity, kind))
			json_append_str(unusable, kind_names[kind]);
	}
}

static void add_rules(struct json *root, const struct policy_answers *answers)
{
	struct json *array = json_add_array(root, "rules");

	for (size_t i = 0; i < answers->n; i++) {
		const struct policy_answer *answer = &answers->list[i];
		struct json *object = json_append_object(array);

		json_add_str(object, "name", answer->rule->name);
		json_add_str(object, "action",
			     answer->rule->action == ACTION_ALLOW ? "allow" : "deny");
		json_add_bool(object, "audit", answer->rule->audit);
		json_add_str(object, "matches", answer_name(answer->answer));
		json_add_str(object, "key", answer->why.key);
		json_add_str(object, "reason", answer->why.reason);
	}
}

void policy_print_json(const struct policy_answers *answers)
{
	const struct policy_verdict *verdict = &answers->verdict;
	struct json _cleanup_json_ *root = json_new_object();

	json_add_str(root, "listener", answers->listener->name);
	json_add_bool(root, "allowed", verdict->allowed);
	json_add_str(root, "rule", verdict->rule ? verdict->rule->name : NULL);
	json_add_str(root, "reason", verdict->reason);
	json_add_str(root, "upstream", upstream_of(answers));
	json_add_bool(root, "chain_verified", false);
	json_add_bool(root, "in_validity", is_valid_then(answers));
	if (answers->identity)
		add_identity(root, answers->identity);
	else
		json_add_null(root, "identity");
	add_rules(root, answers);
	(void)json_write_fd(root, STDOUT_FILENO, JSON_INDENTED);
}
