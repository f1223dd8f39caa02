/* SPDX-License-Identifier: Apache-2.0 */
/* The YAML document as libyaml's tree, with positions. For confile.c only. */
#ifndef SLUICE_SYS_CONFILE_TREE_H
#define SLUICE_SYS_CONFILE_TREE_H

#include "base/report.h"

enum confile_kind { CONFILE_VALUE, CONFILE_LIST, CONFILE_MAPPING };

struct confile_tree;
struct confile_node;

struct confile_pair {
	const char *key;
	unsigned int line; /* of the key */
	struct confile_node *value;
};

/**
 * confile_tree_parse() - one document, without anchors, aliases and tags, of limited depth; every
 * key is a text without NUL.
 * Returns: 0; -EINVAL with @report; -ENOMEM.
 */
int confile_tree_parse(const char *text, size_t len, struct report *report,
		       struct confile_tree **ret_tree);
void confile_tree_free(struct confile_tree *tree);

struct confile_node *confile_tree_root(struct confile_tree *tree);
enum confile_kind confile_tree_kind(const struct confile_node *node);
unsigned int confile_tree_line(const struct confile_node *node);

/** confile_tree_count() - pairs of a mapping, items of a list. */
size_t confile_tree_count(const struct confile_node *node);
struct confile_pair confile_tree_pair(struct confile_tree *tree, struct confile_node *mapping,
				      size_t index);
struct confile_node *confile_tree_item(struct confile_tree *tree, struct confile_node *list,
				       size_t index);

/** confile_tree_text() - a value's bytes with a NUL behind them; *@ret_len may find more NULs. */
const char *confile_tree_text(const struct confile_node *value, size_t *ret_len);

/** confile_tree_is_null() - a value that is not written, or null, without quotes. */
bool confile_tree_is_null(const struct confile_node *node);

/** confile_tree_set_text() - replace a value; takes @text, which malloc() gave. */
void confile_tree_set_text(struct confile_node *value, char *text);

/** confile_tree_drop() - take one pair out of a mapping. */
void confile_tree_drop(struct confile_node *mapping, size_t index);

/** confile_tree_blank() - make a node an empty text, list or mapping. Returns: 0 or -ENOMEM. */
int confile_tree_blank(struct confile_node *node, enum confile_kind kind);

/** confile_tree_line_of() - see confile_line(). */
unsigned int confile_tree_line_of(struct confile_tree *tree, const char *path);

/** confile_tree_emit() - the document as YAML text again; the caller frees it. */
int confile_tree_emit(struct confile_tree *tree, char **ret_text, size_t *ret_len);

#endif
