// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "base/list.h"

#include <string.h>

SUITE("list");

struct item {
	char letter;
	struct list node;
};

static const char *letters(struct list *head)
{
	static char text[16];
	struct list *node;
	size_t n = 0;

	list_for_each (node, head)
		text[n++] = container_of(node, struct item, node)->letter;
	text[n] = '\0';
	/* The same backwards, or a link is wrong. */
	for (node = head->prev; node != head; node = node->prev)
		CHECK_EQ(container_of(node, struct item, node)->letter, text[--n]);
	CHECK_EQ(n, 0);
	return text;
}

static void fill(struct list *head, struct item *items, const char *with)
{
	list_init(head);
	for (size_t i = 0; with[i]; i++) {
		items[i].letter = with[i];
		list_add_tail(head, &items[i].node);
	}
}

TEST(items_stay_in_their_order)
{
	struct item items[3];
	struct list head;

	fill(&head, items, "");
	CHECK(list_is_empty(&head));
	CHECK_STR(letters(&head), "");
	fill(&head, items, "abc");
	CHECK(!list_is_empty(&head));
	CHECK_STR(letters(&head), "abc");
}

TEST(an_item_may_be_removed_twice)
{
	struct item items[3];
	struct list head;

	fill(&head, items, "abc");
	CHECK(list_is_linked(&items[1].node));
	list_del(&items[1].node);
	list_del(&items[1].node);
	CHECK(!list_is_linked(&items[1].node));
	CHECK_STR(letters(&head), "ac");
	list_add_tail(&head, &items[1].node);
	CHECK_STR(letters(&head), "acb");
}

TEST(items_may_be_removed_on_the_way)
{
	struct list head, *node, *following;
	struct item items[4];

	fill(&head, items, "abcd");
	list_for_each_safe (node, following, &head) {
		if (container_of(node, struct item, node)->letter != 'c')
			list_del(node);
	}
	CHECK_STR(letters(&head), "c");
}

TEST(all_items_move)
{
	struct item one[2], two[2];
	struct list from, to;

	fill(&from, one, "ab");
	fill(&to, two, "xy");
	list_move_all(&from, &to);
	CHECK(list_is_empty(&from));
	CHECK_STR(letters(&to), "xyab");
	list_move_all(&from, &to);
	CHECK_STR(letters(&to), "xyab");
	list_move_all(&to, &from);
	CHECK_STR(letters(&from), "xyab");
	CHECK(list_is_empty(&to));
}
