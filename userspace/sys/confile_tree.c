// SPDX-License-Identifier: Apache-2.0
#include "sys/confile_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 16 /* the schema has 7 levels */

struct confile_tree {
	yaml_document_t document;
	bool loaded;
};

/* A node of libyaml under our name. Ids of nodes are 1-based indexes of the document's array. */
static struct confile_node *ours(yaml_node_t *node)
{
	return (struct confile_node *)node;
}

static yaml_node_t *theirs(struct confile_node *node)
{
	return (yaml_node_t *)node;
}

static const yaml_node_t *theirs_const(const struct confile_node *node)
{
	return (const yaml_node_t *)node;
}

static yaml_node_t *node_at(const struct confile_tree *tree, int id)
{
	return tree->document.nodes.start + id - 1;
}

static unsigned int line_of(yaml_mark_t mark)
{
	return (unsigned int)mark.line + 1;
}

/* --- parsing: first the events, for what a tree does not show, then the tree --- */

struct scan {
	struct report *report;
	unsigned int depth, documents;
	size_t before; /* mistakes */
};

static void refuse(struct scan *scan, yaml_mark_t mark, const char *what, const char *hint)
{
	report_add_mistake(scan->report, line_of(mark), "", hint, "%s", what);
}

static void refuse_extras(struct scan *scan, const yaml_event_t *event, const yaml_char_t *anchor,
			  const yaml_char_t *tag)
{
	if (anchor)
		refuse(scan, event->start_mark, "anchors are not supported",
		       "write the value out in every place");
	if (tag)
		refuse(scan, event->start_mark, "tags are not supported", "remove the '!' word");
}

/* Returns: false when it makes no sense to go on. */
static bool scan_event(struct scan *scan, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++scan->documents > 1)
			refuse(scan, event->start_mark, "a second document starts here",
			       "one file is one configuration; remove the line '---'");
		return scan->documents == 1;
	case YAML_ALIAS_EVENT:
		refuse(scan, event->start_mark, "aliases are not supported",
		       "write the value out in every place");
		return true;
	case YAML_SCALAR_EVENT:
		refuse_extras(scan, event, event->data.scalar.anchor, event->data.scalar.tag);
		return true;
	case YAML_SEQUENCE_START_EVENT:
		refuse_extras(scan, event, event->data.sequence_start.anchor,
			      event->data.sequence_start.tag);
		break;
	case YAML_MAPPING_START_EVENT:
		refuse_extras(scan, event, event->data.mapping_start.anchor,
			      event->data.mapping_start.tag);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		scan->depth--;
		return true;
	default:
		return true;
	}
	if (++scan->depth <= DEPTH_MAX)
		return true;
	refuse(scan, event->start_mark, "is nested too deep", "see docs/examples for the shape");
	return false;
}

static int parser_new(yaml_parser_t *parser, const char *text, size_t len)
{
	if (!yaml_parser_initialize(parser))
		return -ENOMEM;
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, (const unsigned char *)text, len);
	return 0;
}

static int parser_failed(const yaml_parser_t *parser, struct report *report)
{
	unsigned int line = line_of(parser->problem_mark);

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		line = 0; /* libyaml has only an offset then */
	report_add_mistake(report, line, "", "check indentation, colons and quotes; no tabs",
			   "is not YAML: %s%s%s", parser->problem ? parser->problem : "unreadable",
			   parser->context ? " " : "", parser->context ? parser->context : "");
	return -EINVAL;
}

static int scan_text(const char *text, size_t len, struct report *report)
{
	struct scan scan = {.report = report, .before = report->n_mistakes};
	yaml_parser_t parser;
	bool more = true;
	int r = parser_new(&parser, text, len);

	while (r == 0 && more) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event)) {
			r = parser_failed(&parser, report);
			break;
		}
		more = event.type != YAML_STREAM_END_EVENT && scan_event(&scan, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return r == 0 && report->n_mistakes > scan.before ? -EINVAL : r;
}

static int load_document(struct confile_tree *tree, const char *text, size_t len,
			 struct report *report)
{
	yaml_parser_t parser;
	int r = parser_new(&parser, text, len);

	if (r < 0)
		return r;
	if (yaml_parser_load(&parser, &tree->document))
		tree->loaded = true;
	else
		r = parser_failed(&parser, report);
	yaml_parser_delete(&parser);
	return r;
}

static int check_keys(const struct confile_tree *tree, struct report *report)
{
	int r = 0;

	for (yaml_node_t *n = tree->document.nodes.start; n < tree->document.nodes.top; n++) {
		if (n->type != YAML_MAPPING_NODE)
			continue;
		for (const yaml_node_pair_t *pair = n->data.mapping.pairs.start;
		     pair < n->data.mapping.pairs.top; pair++) {
			const yaml_node_t *key = node_at(tree, pair->key);

			if (key->type == YAML_SCALAR_NODE &&
			    !memchr(key->data.scalar.value, '\0', key->data.scalar.length))
				continue;
			report_add_mistake(report, line_of(key->start_mark), "",
					   "a key is a plain word followed by ':'",
					   "this key is not a word");
			r = -EINVAL;
		}
	}
	return r;
}

int confile_tree_parse(const char *text, size_t len, struct report *report,
		       struct confile_tree **ret_tree)
{
	struct confile_tree *tree = calloc(1, sizeof(*tree));
	int r;

	if (!tree)
		return -ENOMEM;
	r = scan_text(text, len, report);
	if (r == 0)
		r = load_document(tree, text, len, report);
	if (r == 0 && !yaml_document_get_root_node(&tree->document)) {
		report_add_mistake(report, 0, "", "see docs/examples", "the file is empty");
		r = -EINVAL;
	}
	if (r == 0)
		r = check_keys(tree, report);
	if (r < 0) {
		confile_tree_free(tree);
		return r;
	}
	*ret_tree = tree;
	return 0;
}

void confile_tree_free(struct confile_tree *tree)
{
	if (!tree)
		return;
	if (tree->loaded)
		yaml_document_delete(&tree->document);
	free(tree);
}

/* --- reading --- */

struct confile_node *confile_tree_root(struct confile_tree *tree)
{
	return ours(node_at(tree, 1));
}

enum confile_kind confile_tree_kind(const struct confile_node *node)
{
	switch (theirs_const(node)->type) {
	case YAML_SEQUENCE_NODE:
		return CONFILE_LIST;
	case YAML_MAPPING_NODE:
		return CONFILE_MAPPING;
	default:
		return CONFILE_VALUE;
	}
}

unsigned int confile_tree_line(const struct confile_node *node)
{
	return line_of(theirs_const(node)->start_mark);
}

size_t confile_tree_count(const struct confile_node *node)
{
	const yaml_node_t *n = theirs_const(node);

	if (n->type == YAML_MAPPING_NODE)
		return (size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start);
	if (n->type == YAML_SEQUENCE_NODE)
		return (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
	return 0;
}

struct confile_pair confile_tree_pair(struct confile_tree *tree, struct confile_node *mapping,
				      size_t index)
{
	const yaml_node_pair_t *pair = theirs(mapping)->data.mapping.pairs.start + index;
	const yaml_node_t *key = node_at(tree, pair->key);

	return (struct confile_pair){
		.key = (const char *)key->data.scalar.value,
		.line = line_of(key->start_mark),
		.value = ours(node_at(tree, pair->value)),
	};
}

struct confile_node *confile_tree_item(struct confile_tree *tree, struct confile_node *list,
				       size_t index)
{
	return ours(node_at(tree, theirs(list)->data.sequence.items.start[index]));
}

const char *confile_tree_text(const struct confile_node *value, size_t *ret_len)
{
	const yaml_node_t *n = theirs_const(value);

	*ret_len = n->data.scalar.length;
	return (const char *)n->data.scalar.value;
}

bool confile_tree_is_null(const struct confile_node *node)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
	const yaml_node_t *n = theirs_const(node);

	if (n->type != YAML_SCALAR_NODE || n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++) {
		if (strcmp((const char *)n->data.scalar.value, nulls[i]) == 0)
			return true;
	}
	return false;
}

/* One step of @path: "name" or "[3]". Returns: NULL when it is not there. */
static struct confile_node *path_step(struct confile_tree *tree, struct confile_node *node,
				      const char **path, unsigned int *line)
{
	const char *key = *path + (**path == '.');
	size_t len = strcspn(key, ".[");

	if (**path == '[') {
		size_t index = strtoul(*path + 1, NULL, 10);

		*path += strcspn(*path, "]");
		*path += **path == ']';
		if (confile_tree_kind(node) != CONFILE_LIST || index >= confile_tree_count(node))
			return NULL;
		node = confile_tree_item(tree, node, index);
		*line = confile_tree_line(node);
		return node;
	}
	*path = key + len;
	if (confile_tree_kind(node) != CONFILE_MAPPING)
		return NULL;
	for (size_t i = 0; i < confile_tree_count(node); i++) {
		struct confile_pair pair = confile_tree_pair(tree, node, i);

		if (strlen(pair.key) == len && memcmp(pair.key, key, len) == 0) {
			*line = pair.line;
			return pair.value;
		}
	}
	return NULL;
}

unsigned int confile_tree_line_of(struct confile_tree *tree, const char *path)
{
	struct confile_node *node = confile_tree_root(tree);
	unsigned int line = confile_tree_line(node);

	while (node && *path)
		node = path_step(tree, node, &path, &line);
	return line;
}

/* --- changing; libyaml allocates with malloc() and frees what it finds in its nodes --- */

void confile_tree_set_text(struct confile_node *value, char *text)
{
	yaml_node_t *n = theirs(value);

	free(n->data.scalar.value);
	n->data.scalar.value = (yaml_char_t *)text;
	n->data.scalar.length = strlen(text);
	n->data.scalar.style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
}

void confile_tree_drop(struct confile_node *mapping, size_t index)
{
	yaml_node_t *n = theirs(mapping);
	yaml_node_pair_t *at = n->data.mapping.pairs.start + index;

	n->data.mapping.pairs.top--;
	memmove(at, at + 1, (size_t)(n->data.mapping.pairs.top - at) * sizeof(*at));
}

int confile_tree_blank(struct confile_node *node, enum confile_kind kind)
{
	yaml_node_t *n = theirs(node);
	char *empty = kind == CONFILE_VALUE ? strdup("") : NULL;

	if (kind == CONFILE_VALUE && !empty)
		return -ENOMEM;
	if (n->type == YAML_SCALAR_NODE)
		free(n->data.scalar.value);
	else if (n->type == YAML_SEQUENCE_NODE)
		free(n->data.sequence.items.start);
	else
		free(n->data.mapping.pairs.start);
	memset(&n->data, 0, sizeof(n->data));
	if (kind == CONFILE_VALUE) {
		n->type = YAML_SCALAR_NODE;
		n->data.scalar.value = (yaml_char_t *)empty;
		n->data.scalar.style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	} else {
		n->type = kind == CONFILE_LIST ? YAML_SEQUENCE_NODE : YAML_MAPPING_NODE;
	}
	return 0;
}

/* --- writing --- */

/* Takes over @event, which @made tells to be there. */
static bool emit(yaml_emitter_t *emitter, yaml_event_t *event, int made)
{
	return made && yaml_emitter_emit(emitter, event);
}

static bool emit_node(const struct confile_tree *tree, yaml_emitter_t *emitter,
		      const yaml_node_t *n)
{
	yaml_event_t e;
	bool ok;

	switch (n->type) {
	case YAML_SEQUENCE_NODE:
		ok = emit(emitter, &e,
			  yaml_sequence_start_event_initialize(&e, NULL, NULL, 1,
							       YAML_FLOW_SEQUENCE_STYLE));
		for (const yaml_node_item_t *item = n->data.sequence.items.start;
		     ok && item < n->data.sequence.items.top; item++)
			ok = emit_node(tree, emitter, node_at(tree, *item));
		return ok && emit(emitter, &e, yaml_sequence_end_event_initialize(&e));
	case YAML_MAPPING_NODE:
		ok = emit(emitter, &e,
			  yaml_mapping_start_event_initialize(&e, NULL, NULL, 1,
							      YAML_FLOW_MAPPING_STYLE));
		for (const yaml_node_pair_t *pair = n->data.mapping.pairs.start;
		     ok && pair < n->data.mapping.pairs.top; pair++)
			ok = emit_node(tree, emitter, node_at(tree, pair->key)) &&
			     emit_node(tree, emitter, node_at(tree, pair->value));
		return ok && emit(emitter, &e, yaml_mapping_end_event_initialize(&e));
	default:
		/* Quoted: an expanded text stays the one value that it is. */
		return emit(emitter, &e,
			    yaml_scalar_event_initialize(&e, NULL, NULL, n->data.scalar.value,
							 (int)n->data.scalar.length, 1, 1,
							 YAML_DOUBLE_QUOTED_SCALAR_STYLE));
	}
}

static int append(void *arg, unsigned char *bytes, size_t len)
{
	return fwrite(bytes, 1, len, arg) == len;
}

static bool emit_document(struct confile_tree *tree, yaml_emitter_t *emitter)
{
	yaml_event_t e;

	return emit(emitter, &e, yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING)) &&
	       emit(emitter, &e, yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1)) &&
	       emit_node(tree, emitter, node_at(tree, 1)) &&
	       emit(emitter, &e, yaml_document_end_event_initialize(&e, 1)) &&
	       emit(emitter, &e, yaml_stream_end_event_initialize(&e));
}

int confile_tree_emit(struct confile_tree *tree, char **ret_text, size_t *ret_len)
{
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);
	yaml_emitter_t emitter;
	bool ok = false;

	if (!stream)
		return -ENOMEM;
	if (yaml_emitter_initialize(&emitter)) {
		yaml_emitter_set_output(&emitter, append, stream);
		yaml_emitter_set_width(&emitter, -1);
		yaml_emitter_set_unicode(&emitter, 1);
		ok = emit_document(tree, &emitter) && yaml_emitter_flush(&emitter);
		yaml_emitter_delete(&emitter);
	}
	if (fclose(stream) != 0)
		ok = false;
	if (!ok) {
		free(text);
		return -ENOMEM;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}
