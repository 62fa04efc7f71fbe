/* SPDX-License-Identifier: Apache-2.0 */
/* memo.c - see memo.h. */
#include "pickle/memo.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A buffer of up to this many ranges survives a reset: a session at rest holds little. More than
 * that many are not moved about: numbers that do not rise come from no pickler, and would cost
 * time as well as room. */
enum { KEEP_RANGES = 64, MAX_UNORDERED_RANGES = 256 };

void memo_init(struct memo *m, uint32_t max_ranges)
{
    memset(m, 0, sizeof *m);
    m->max_ranges = max_ranges;
}

void memo_reset(struct memo *m)
{
    m->count = 0;
    m->next = 0;
    m->is_wild = false;
    m->was_reset = false;
    m->is_out_of_memory = false;
    m->n_ranges = 0;
    m->n_pinned = 0;
    if (m->has_recent)
        for (size_t i = 0; i < MEMO_RECENT; i++)
            m->recent[i].len = 0;
    m->has_recent = false;
    if (m->cap_ranges > KEEP_RANGES) {
        free(m->ranges);
        m->ranges = NULL;
        m->cap_ranges = 0;
    }
}

void memo_release(struct memo *m)
{
    free(m->ranges);
    free(m->pinned);
    free(m->recent);
    memo_init(m, m->max_ranges);
}

/* The first range that ends above `number`: the one that holds it, if any does. n_ranges if
 * there is none. */
static uint32_t find_range(const struct memo *m, uint64_t number)
{
    uint32_t low = 0, high = m->n_ranges;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (m->ranges[middle].end <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool memo_has_slow(const struct memo *m, uint64_t number)
{
    uint32_t i = find_range(m, number);

    return i < m->n_ranges && number >= m->ranges[i].start;
}

static enum platoon_status insert_range(struct memo *m, uint32_t at, uint64_t number)
{
    if (m->n_ranges == m->max_ranges)
        return PLATOON_ELIMIT;
    if (m->n_ranges == m->cap_ranges) {
        uint32_t cap = m->cap_ranges ? m->cap_ranges * 2 : 4;
        struct memo_range *grown = mem_realloc(m->ranges, cap * sizeof *grown);

        if (!grown)
            return PLATOON_ENOMEM;
        m->ranges = grown;
        m->cap_ranges = cap;
    }
    memmove(&m->ranges[at + 1], &m->ranges[at], (m->n_ranges - at) * sizeof *m->ranges);
    m->ranges[at] = (struct memo_range){number, number + 1};
    m->n_ranges++;
    return PLATOON_OK;
}

static void forget_name(struct memo *m, uint64_t number)
{
    if (m->recent && m->recent[number % MEMO_RECENT].number == number)
        m->recent[number % MEMO_RECENT].len = 0;
    for (uint32_t i = 0; i < m->n_pinned; i++)
        if (m->pinned[i].number == number)
            m->pinned[i--] = m->pinned[--m->n_pinned];
}

enum platoon_status memo_set_slow(struct memo *m, uint64_t number)
{
    uint32_t at = find_range(m, number);
    bool joins_left = at > 0 && m->ranges[at - 1].end == number;
    bool joins_right = at < m->n_ranges && m->ranges[at].start == number + 1;
    bool moves = at < m->n_ranges && joins_left == joins_right;

    m->was_reset = at < m->n_ranges && number >= m->ranges[at].start;
    if (number < m->next)
        m->is_wild = true;
    if (m->was_reset) {
        forget_name(m, number);
        return PLATOON_OK;
    }
    if (moves && m->n_ranges > MAX_UNORDERED_RANGES)
        return PLATOON_ELIMIT;
    if (joins_left && joins_right) {
        m->ranges[at - 1].end = m->ranges[at].end;
        m->n_ranges--;
        memmove(&m->ranges[at], &m->ranges[at + 1], (m->n_ranges - at) * sizeof *m->ranges);
    } else if (joins_left) {
        m->ranges[at - 1].end++;
    } else if (joins_right) {
        m->ranges[at].start--;
    } else {
        enum platoon_status st = insert_range(m, at, number);

        if (st != PLATOON_OK)
            return st;
    }
    m->count++;
    if (number >= m->next)
        m->next = number + 1;
    return PLATOON_OK;
}

/* A free pinned slot, or NULL. */
static struct memo_name *pin_slot(struct memo *m)
{
    if (m->n_pinned == MEMO_MAX_PINNED)
        return NULL;
    if (m->n_pinned == m->cap_pinned) {
        uint32_t cap = m->cap_pinned ? m->cap_pinned * 2 : 8;
        struct memo_name *grown = mem_realloc(m->pinned, cap * sizeof *grown);

        if (!grown) {
            m->is_out_of_memory = true;
            return NULL;
        }
        m->pinned = grown;
        m->cap_pinned = cap;
    }
    return &m->pinned[m->n_pinned++];
}

static bool is_pinned(const struct memo *m, uint64_t number)
{
    for (uint32_t i = 0; i < m->n_pinned; i++)
        if (m->pinned[i].number == number)
            return true;
    return false;
}

void memo_name_pin(struct memo *m, uint64_t number)
{
    struct memo_name *from = m->recent ? &m->recent[number % MEMO_RECENT] : NULL;
    struct memo_name *to;

    if (!from || !from->len || from->number != number || is_pinned(m, number))
        return;
    if ((to = pin_slot(m)))
        *to = *from;
}

static bool make_recent(struct memo *m)
{
    m->recent = mem_alloc(MEMO_RECENT * sizeof *m->recent);
    if (!m->recent) {
        m->is_out_of_memory = true;
        return false;
    }
    memset(m->recent, 0, MEMO_RECENT * sizeof *m->recent);
    return true;
}

void memo_name_set(struct memo *m, uint64_t number, const void *text, size_t len, bool pin)
{
    struct memo_name *slot = pin ? pin_slot(m) : NULL;

    if (!slot) {
        if (!m->recent && !make_recent(m))
            return;
        slot = &m->recent[number % MEMO_RECENT];
        m->has_recent = true;
    }
    slot->number = number;
    slot->len = (uint8_t)len;
    memcpy(slot->text, text, len);
}

const struct memo_name *memo_name_get(const struct memo *m, uint64_t number)
{
    if (m->recent) {
        const struct memo_name *slot = &m->recent[number % MEMO_RECENT];

        if (slot->len && slot->number == number)
            return slot;
    }
    for (uint32_t i = 0; i < m->n_pinned; i++)
        if (m->pinned[i].number == number)
            return &m->pinned[i];
    return NULL;
}
