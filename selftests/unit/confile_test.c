// SPDX-License-Identifier: Apache-2.0
/* The file as written: schema, mistakes and their lines, variables. */
#include "selftests/harness/harness.h"

#include "base/fd.h"
#include "sys/confile.h"

#include <stdio.h>
#include <string.h>

SUITE("confile");

static const char *variable(void *arg, const char *name)
{
	static const char *const set[][2] = {
		{"HOST", "127.0.0.1"},
		{"EMPTY", ""},
		{"YAML", "x, y: [1, {a: b}] # \"'"},
		{"NESTED", "${HOST}"},
		{"LINES", "a\nb"},
		{"LATIN1", "M\xfcller"},
		{"SURROGATE", "\xed\xa0\x80"},
		{"BEYOND", "\xf4\x90\x80\x80"},
		{"OVERLONG", "\xc0\xaf"},
		{"CUT", "\xe2\x82"},
		{"UTF8",
		 "M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80 \xef\xbb\xbf\xc2\x85\xe2\x80\xa8"},
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
		if (strcmp(set[i][0], name) == 0)
			return set[i][1];
	}
	return NULL;
}

static struct report report;

static int parse(const char *text, size_t len, struct confile **ret_confile)
{
	*ret_confile = NULL;
	report_init(&report);
	return confile_parse(text, len, variable, NULL, &report, ret_confile);
}

static void done(struct confile *confile)
{
	report_done(&report);
	confile_free(confile);
}

/* "LINE FIELD: MESSAGE" of every item, in the order of the lines; the caller frees it. */
static char *told(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	MUST(out);
	report_sort(&report);
	for (size_t i = 0; i < report.count; i++)
		fprintf(out, "%s%u %s: %s", i ? "\n" : "", report.items[i].line,
			report.items[i].field, report.items[i].message);
	MUST_EQ(fclose(out), 0);
	return text;
}

TEST(everything_is_read)
{
	static const char text[] =
		"listeners:\n"
		"  - name: one\n"
		"    listen: [\"0.0.0.0:1\", '[::]:1']\n"
		"    mode: terminate\n"
		"    tls:\n"
		"      certificates:\n"
		"        - {chain: file:a, key: file:b}\n"
		"        - chain: env:C\n"
		"      min_version: \"1.3\"\n"
		"      client_auth: off\n"
		"      client_ca: file:ca\n"
		"    rules:\n"
		"      - name: r\n"
		"        match: {cn: [a, b], dns: [c], uri: [d]}\n"
		"        action: allow\n"
		"        upstream: u\n"
		"    offload: require\n"
		"    on_truncation: accept\n"
		"upstreams: [{name: u, endpoints: [e1, e2, e3]}]\n"
		"timeouts: {handshake: 1s, connect: 2s, idle: 3s, half_closed: 7s, unacked: 8s, "
		"drain: 4s}\n"
		"session: {max_age: 9s}\n"
		"limits: {connections: 5, handshakes: 6}\n"
		"admin: {listen: unix:/x}\n"
		"log: {format: json}\n"
		"workers: auto\n"
		"user: nobody\n";
	const struct confile_listener *listener;
	const struct confile_root *root;
	struct confile *confile;

	MUST_EQ(parse(text, strlen(text), &confile), 0);
	CHECK_EQ(report.count, 0);
	root = confile_root(confile);
	MUST_EQ(root->n_listeners, 1);
	listener = &root->listeners[0];
	CHECK_STR(listener->name, "one");
	MUST_EQ(listener->n_listen, 2);
	CHECK_STR(listener->listen[1], "[::]:1");
	CHECK_STR(listener->mode, "terminate");
	MUST_EQ(listener->tls->n_certificates, 2);
	CHECK_STR(listener->tls->certificates[0].key, "file:b");
	CHECK_STR(listener->tls->certificates[1].chain, "env:C");
	CHECK_STR(listener->tls->certificates[1].key, NULL);
	CHECK_STR(listener->tls->min_version, "1.3");
	CHECK_STR(listener->tls->client_auth, "off"); /* no YAML 1.1 boolean */
	CHECK_STR(listener->tls->client_ca, "file:ca");
	MUST_EQ(listener->n_rules, 1);
	MUST_EQ(listener->rules[0].match->n_cn, 2);
	CHECK_STR(listener->rules[0].match->cn[1], "b");
	CHECK_STR(listener->rules[0].match->dns[0], "c");
	CHECK_STR(listener->rules[0].match->uri[0], "d");
	CHECK_STR(listener->rules[0].upstream, "u");
	CHECK_STR(listener->offload, "require");
	CHECK_STR(listener->on_truncation, "accept");
	MUST_EQ(root->n_upstreams, 1);
	CHECK_EQ(root->upstreams[0].n_endpoints, 3);
	CHECK_STR(root->timeouts->half_closed, "7s");
	CHECK_STR(root->timeouts->unacked, "8s");
	CHECK_STR(root->timeouts->drain, "4s");
	CHECK_STR(root->session->max_age, "9s");
	CHECK_STR(root->limits->handshakes, "6");
	CHECK_STR(root->admin->listen, "unix:/x");
	CHECK_STR(root->log->format, "json");
	CHECK_STR(root->workers, "auto");
	CHECK_STR(root->user, "nobody");
	done(confile);
}

struct mistake_case {
	VARIANT;
	const char *text;
	int result;
	const char *told;
};

#define NEST(x) "[[[[" x "]]]]"

/* clang-format off */
CASES(struct mistake_case, mistakes,
      {.name = "unknown_key", .text = "workers: 1\nworkerz: 2\n", .told = "2 workerz: unknown key"},
      {.name = "unknown_key_deep", .text = "listeners:\n- name: a\n  tls:\n    cert: x\n", .told = "4 listeners[0].tls.cert: unknown key"},
      {.name = "twice", .text = "user: a\nworkers: 1\nuser: b\n", .told = "3 user: is set a second time; the first is in line 1"},
      {.name = "unknown_twice", .text = "x: a\nx: b\n", .told = "1 x: unknown key\n2 x: unknown key"},
      {.name = "list_for_value", .text = "user: [a]\n", .told = "1 user: is a list, but must be a single value"},
      {.name = "mapping_for_value", .text = "user: {a: b}\n", .told = "1 user: is a mapping, but must be a single value"},
      {.name = "value_for_list", .text = "listeners: a\n", .told = "1 listeners: is a single value, but must be a list"},
      {.name = "mapping_for_list", .text = "listeners: {name: a}\n", .told = "1 listeners: is a mapping, but must be a list"},
      {.name = "value_for_mapping", .text = "log: json\n", .told = "1 log: is a single value, but must be a mapping"},
      {.name = "list_for_mapping", .text = "log: [json]\n", .told = "1 log: is a list, but must be a mapping"},
      {.name = "item_of_wrong_kind", .text = "listeners:\n- name: a\n- b\n- name: [c]\n", .told = "3 listeners[1]: is a single value, but must be a mapping\n4 listeners[2].name: is a list, but must be a single value"},
      {.name = "no_value", .text = "user:\nworkers: ~\nlog: null\nlisteners:\n", .told = "1 user: has no value\n2 workers: has no value\n3 log: has no value\n4 listeners: has no value"},
      {.name = "quoted_null_is_a_text", .text = "user: \"null\"\nworkers: ''\n", .told = ""},
      {.name = "empty_list", .text = "listeners: []\nupstreams:\n- endpoints: []\n", .told = "1 listeners: is an empty list\n3 upstreams[0].endpoints: is an empty list"},
      {.name = "empty_mapping", .text = "{}\n", .told = ""},
      {.name = "all_at_once", .text = "user: [a]\nlisteners:\n- nam: a\n  listen: [a, [b], \"${NOTHING}\"]\nlog: {format: {}}\n", .told = "1 user: is a list, but must be a single value\n3 listeners[0].nam: unknown key\n4 listeners[0].listen[1]: is a list, but must be a single value\n4 listeners[0].listen[2]: ${NOTHING} is not set in the environment\n5 log.format: is a mapping, but must be a single value"},
      {.name = "variable_not_set", .text = "user: ${NOTHING}\n", .told = "1 user: ${NOTHING} is not set in the environment"},
      {.name = "variable_without_end", .text = "user: a${HOST\n", .told = "1 user: ${HOST does not end"},
      {.name = "variable_without_name", .text = "user: ${}\n", .told = "1 user: ${} is not a variable"},
      {.name = "variable_with_digit", .text = "user: ${1A}\n", .told = "1 user: ${1A} is not a variable"},
      {.name = "variable_with_dash", .text = "user: ${A-b}\n", .told = "1 user: ${A-b} is not a variable"},
      {.name = "variable_with_colon_only", .text = "user: ${A:b}\n", .told = "1 user: ${A:b} is not a variable"},
      {.name = "variable_with_line_break", .text = "user: ${LINES}\n", .told = "1 user: has a line break or another control character in it"},
      {.name = "variable_not_utf8", .text = "user: ${LATIN1}\n", .told = "1 user: is not UTF-8 text"},
      {.name = "variable_surrogate", .text = "user: ${SURROGATE}\n", .told = "1 user: is not UTF-8 text"},
      {.name = "variable_beyond_unicode", .text = "user: ${BEYOND}\n", .told = "1 user: is not UTF-8 text"},
      {.name = "variable_overlong", .text = "user: ${OVERLONG}\n", .told = "1 user: is not UTF-8 text"},
      {.name = "variable_cut", .text = "user: ${CUT}\n", .told = "1 user: is not UTF-8 text"},
      {.name = "nul_in_value", .text = "user: \"a\\0b\"\n", .told = "1 user: has a NUL byte in it"},
      {.name = "tab_in_value", .text = "user: \"a\\tb\"\n", .told = "1 user: has a line break or another control character in it"},
      {.name = "folded_lines", .text = "user: |\n  a\n  b\n", .told = "1 user: has a line break or another control character in it"},
      {.name = "nul_in_key", .text = "\"us\\0er\": a\n", .result = -EINVAL, .told = "1 : this key is not a word"},
      {.name = "key_is_a_list", .text = "? [a]\n: b\n", .result = -EINVAL, .told = "1 : this key is not a word"},
      {.name = "root_is_a_list", .text = "- a\n", .result = -EINVAL, .told = "1 : is a list, but must be a mapping"},
      {.name = "root_is_a_value", .text = "a\n", .result = -EINVAL, .told = "1 : is a single value, but must be a mapping"},
      {.name = "empty", .text = "", .result = -EINVAL, .told = "0 : the file is empty"},
      {.name = "comment_only", .text = "# nothing\n", .result = -EINVAL, .told = "0 : the file is empty"},
      {.name = "anchor_and_alias", .text = "user: &a x\nworkers: *a\n", .result = -EINVAL, .told = "1 : anchors are not supported\n2 : aliases are not supported"},
      {.name = "anchor_on_list", .text = "listeners: &a []\n", .result = -EINVAL, .told = "1 : anchors are not supported"},
      {.name = "anchor_on_mapping", .text = "log: &a {}\n", .result = -EINVAL, .told = "1 : anchors are not supported"},
      {.name = "merge_key", .text = "<<: {user: a}\n", .told = "1 <<: unknown key"},
      {.name = "tag", .text = "user: !!int 5\nlog: !x {}\nlisteners: !y []\n", .result = -EINVAL, .told = "1 : tags are not supported\n2 : tags are not supported\n3 : tags are not supported"},
      {.name = "second_document", .text = "user: a\n---\nuser: b\n", .result = -EINVAL, .told = "2 : a second document starts here"},
      {.name = "document_marks", .text = "---\nuser: a\n...\n", .told = ""},
      {.name = "tab_indent", .text = "log:\n\tformat: json\n", .result = -EINVAL, .told = "2 : is not YAML: found character that cannot start any token while scanning for the next token"},
      {.name = "open_bracket", .text = "user: [a\n", .result = -EINVAL, .told = "2 : is not YAML: did not find expected ',' or ']' while parsing a flow sequence"},
      {.name = "sixteen_deep", .text = "{user: " NEST(NEST(NEST("[[[]]]")))  "}\n", .told = "1 user: is a list, but must be a single value"},
      {.name = "seventeen_deep", .text = "{user: " NEST(NEST(NEST(NEST(""))))  "}\n", .result = -EINVAL, .told = "1 : is nested too deep"});
/* clang-format on */

TEST_CASES(a_mistake_has_its_line, mistakes)
{
	char _cleanup_free_ *text = NULL;
	struct confile *confile;

	MUST_EQ(parse(variant->text, strlen(variant->text), &confile), variant->result);
	CHECK_EQ(report.n_mistakes, report.count);
	text = told();
	CHECK_STR(text, variant->told);
	done(confile);
}

struct raw_case {
	VARIANT;
	const char *text;
	size_t len;
};

CASES(struct raw_case, raws, {.name = "latin1", .text = "user: M\xfcller\n", .len = 13},
      {.name = "nul", .text = "user: a\0b\n", .len = 10},
      {.name = "utf16", .text = "\xff\xfeu\0s\0e\0r\0:\0 \0a\0\n\0", .len = 18},
      {.name = "control", .text = "user: a\x01\n", .len = 9},
      {.name = "cut_utf8", .text = "user: \xe2\x82", .len = 8});

TEST_CASES(what_is_not_text_is_refused, raws)
{
	struct confile *confile;

	CHECK_EQ(parse(variant->text, variant->len, &confile), -EINVAL);
	MUST_EQ(report.count, 1);
	CHECK(strncmp(report.items[0].message, "is not YAML", 11) == 0, "%s",
	      report.items[0].message);
	done(confile);
}

struct expand_case {
	VARIANT;
	const char *text, *want;
};

/* clang-format off */
CASES(struct expand_case, expansions,
      {.name = "none", .text = "a $ b {c} $d", .want = "a $ b {c} $d"},
      {.name = "one", .text = "${HOST}", .want = "127.0.0.1"},
      {.name = "in_the_middle", .text = "a${HOST}:80${EMPTY}b", .want = "a127.0.0.1:80b"},
      {.name = "empty", .text = "${EMPTY}", .want = ""},
      {.name = "structure_stays_text", .text = "${YAML}", .want = "x, y: [1, {a: b}] # \"'"},
      {.name = "not_again", .text = "${NESTED}", .want = "${HOST}"},
      {.name = "default_not_used", .text = "${HOST:-other}", .want = "127.0.0.1"},
      {.name = "default_unset", .text = "${NOTHING:-other}", .want = "other"},
      {.name = "default_for_empty", .text = "${EMPTY:-other}", .want = "other"},
      {.name = "default_empty", .text = "a${NOTHING:-}b", .want = "ab"},
      {.name = "default_with_colons", .text = "${NOTHING:-unix:/x:-y}", .want = "unix:/x:-y"},
      {.name = "default_ends_at_brace", .text = "${NOTHING:-a${HOST}b}", .want = "a${HOSTb}"},
      {.name = "escaped", .text = "$${HOST} $$ $", .want = "${HOST} $$ $"},
      {.name = "escaped_open", .text = "$${", .want = "${"},
      {.name = "any_unicode", .text = "${UTF8}", .want = "M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80 \xef\xbb\xbf\xc2\x85\xe2\x80\xa8"});
/* clang-format on */

TEST_CASES(a_variable_is_text_and_never_structure, expansions)
{
	struct confile *confile;
	char text[256];

	(void)snprintf(text, sizeof(text), "user: '%s'\n", variant->text);
	MUST_EQ(parse(text, strlen(text), &confile), 0);
	CHECK_EQ(report.count, 0);
	CHECK_STR(confile_root(confile)->user, variant->want);
	done(confile);
}

TEST(a_variable_in_a_key_is_no_variable)
{
	char _cleanup_free_ *text = NULL;
	struct confile *confile;

	MUST_EQ(parse("${HOST}: a\n", 11, &confile), 0);
	text = told();
	CHECK_STR(text, "1 ${HOST}: unknown key");
	done(confile);
}

struct hint_case {
	VARIANT;
	const char *key, *hint;
};

CASES(struct hint_case, hints,
      {.name = "one_slip", .key = "worker", .hint = "did you mean 'workers'?"},
      {.name = "two_slips", .key = "wrokers", .hint = "did you mean 'workers'?"},
      {.name = "far",
       .key = "cats",
       .hint = "known here: listeners, upstreams, timeouts, session, "
	       "limits, admin, log, reload, workers, user"},
      {.name = "short_far",
       .key = "xyz",
       .hint = "known here: listeners, upstreams, timeouts, session, "
	       "limits, admin, log, reload, workers, user"});

TEST_CASES(an_unknown_key_has_a_hint, hints)
{
	struct confile *confile;
	char text[64];

	(void)snprintf(text, sizeof(text), "%s: 1\n", variant->key);
	MUST_EQ(parse(text, strlen(text), &confile), 0);
	MUST_EQ(report.count, 1);
	CHECK_STR(report.items[0].hint, variant->hint);
	done(confile);
}

TEST(a_value_has_a_longest_length)
{
	char text[CONFILE_VALUE_MAX + 32] = "user: ";
	size_t at = strlen(text);
	struct confile *confile;

	memset(text + at, 'x', CONFILE_VALUE_MAX);
	MUST_EQ(parse(text, at + CONFILE_VALUE_MAX, &confile), 0);
	CHECK_EQ(report.count, 0);
	CHECK_EQ(strlen(confile_root(confile)->user), CONFILE_VALUE_MAX);
	done(confile);
	text[at + CONFILE_VALUE_MAX] = 'x';
	MUST_EQ(parse(text, at + CONFILE_VALUE_MAX + 1, &confile), 0);
	MUST_EQ(report.count, 1);
	CHECK_STR(report.items[0].message, "is longer than 4096 bytes");
	CHECK_STR(confile_root(confile)->user, NULL);
	done(confile);
}

/* A key of any length and any bytes neither overflows a path nor confuses the hint. */
TEST(a_key_may_be_long)
{
	static const char tail[] = {':', ' ', 'a', '\n'};
	char text[1000];
	struct confile *confile;

	memset(text, 'k', sizeof(text));
	memcpy(text + sizeof(text) - sizeof(tail), tail, sizeof(tail));
	/* YAML itself takes keys of up to 1024 bytes. */
	MUST_EQ(parse(text, sizeof(text), &confile), 0);
	MUST_EQ(report.count, 1);
	CHECK_EQ(strlen(report.items[0].field), 60);
	done(confile);
}

struct line_case {
	VARIANT;
	const char *path;
	unsigned int line;
};

static const char with_lines[] = "\n"
				 "listeners:\n"
				 "  - name: a\n"
				 "    listen:\n"
				 "      - x\n"
				 "      - y\n"
				 "\n"
				 "  - name: b\n"
				 "    tls:\n"
				 "      certificates:\n"
				 "        - chain: c\n"
				 "          key: d\n"
				 "user:\n"
				 "  e\n";

CASES(struct line_case, line_paths, {.name = "root", .path = "", .line = 2},
      {.name = "key", .path = "listeners", .line = 2},
      {.name = "item", .path = "listeners[0]", .line = 3},
      {.name = "field", .path = "listeners[0].listen", .line = 4},
      {.name = "item_in_item", .path = "listeners[0].listen[1]", .line = 6},
      {.name = "second", .path = "listeners[1].name", .line = 8},
      {.name = "deep", .path = "listeners[1].tls.certificates[0].key", .line = 12},
      {.name = "key_not_value", .path = "user", .line = 13},
      {.name = "missing_is_its_parent", .path = "listeners[1].tls.client_ca", .line = 9},
      {.name = "missing_deep", .path = "listeners[1].rules[3].match.cn[0]", .line = 8},
      {.name = "no_such_item", .path = "listeners[7]", .line = 2},
      {.name = "below_a_value", .path = "user.name", .line = 13},
      {.name = "not_a_list", .path = "user[0]", .line = 13},
      {.name = "nowhere", .path = "nowhere", .line = 2});

TEST_CASES(a_path_has_a_line, line_paths)
{
	struct confile *confile;

	MUST_EQ(parse(with_lines, strlen(with_lines), &confile), 0);
	CHECK_EQ(confile_line(confile, variant->path), variant->line);
	done(confile);
}

/* What is wrong is taken out, and what is behind it keeps its number. */
TEST(what_is_right_stays)
{
	static const char text[] = "listeners: [{name: a}, b, {name: c, x: y}]\n"
				   "upstreams: [{endpoints: [a, [b], c]}]\n";
	const struct confile_root *root;
	struct confile *confile;

	MUST_EQ(parse(text, strlen(text), &confile), 0);
	CHECK_EQ(report.count, 3);
	root = confile_root(confile);
	MUST_EQ(root->n_listeners, 3);
	CHECK_STR(root->listeners[0].name, "a");
	CHECK_STR(root->listeners[1].name, NULL);
	CHECK_STR(root->listeners[2].name, "c");
	MUST_EQ(root->upstreams[0].n_endpoints, 3);
	CHECK_STR(root->upstreams[0].endpoints[1], "");
	CHECK_STR(root->upstreams[0].endpoints[2], "c");
	done(confile);
}
