/* SPDX-License-Identifier: Apache-2.0 */
/* list.h - intrusive doubly linked lists: membership costs no allocation, removal needs no search.
 *
 * A list head is a node that points to itself when empty. A node that is in no list points to
 * itself as well, so that list_remove() may be called twice. */
#ifndef PLATOON_BASE_LIST_H
#define PLATOON_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
    l->prev = l->next = l;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_append(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* Append all nodes of `from` to `head`; `from` is empty after. */
static inline void list_move_all(struct list *head, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->next->prev = head->prev;
    head->prev->next = from->next;
    from->prev->next = head;
    head->prev = from->prev;
    list_init(from);
}

#define LIST_ENTRY(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))
/* Not safe against removal of `var` from the list in the body. */
#define LIST_EACH(var, head, type, member)                                                         \
    for (type *var = LIST_ENTRY((head)->next, type, member); &var->member != (head);               \
         var = LIST_ENTRY(var->member.next, type, member))

#endif
