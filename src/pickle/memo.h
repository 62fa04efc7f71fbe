/* SPDX-License-Identifier: Apache-2.0 */
/* memo.h - which numbers of a pickle's memo are set, and the short texts behind some of them.
 *
 * A reader keeps every memoized object; the scanner must not. Numbers are kept as ranges (one,
 * for every pickle that a stock pickler writes), which is enough to refuse a GET of a number
 * that was never set. Of the objects only short texts are remembered, and only a few: those
 * somebody asked to `pin` (up to MEMO_MAX_PINNED) and the latest MEMO_RECENT others, so that a
 * method, a keyword or the name of a class that is a memo reference is understood. What is not
 * remembered is "unknown", never wrong: setting a number again forgets its text.
 *
 * The model is CPython's unpickler: MEMOIZE sets the number that equals the count of numbers set
 * so far. */
#ifndef PLATOON_PICKLE_MEMO_H
#define PLATOON_PICKLE_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

enum {
    MEMO_MAX_PINNED = 64,
    MEMO_RECENT = 32,   /* a power of two */
    MEMO_MAX_NAME = 118 /* bytes of a remembered text */
};

struct memo_range {
    uint64_t start, end;
};

struct memo_name {
    uint64_t number;
    uint8_t len;
    char text[MEMO_MAX_NAME + 1]; /* not terminated */
};

struct memo {
    uint64_t count;        /* numbers set */
    uint64_t next;         /* all numbers set are below; 0 at first */
    bool is_wild;          /* a number was set out of rising order: lower no longer means earlier */
    bool was_reset;        /* the last memo_set() set a number again */
    bool is_out_of_memory; /* a name is missing because of that */
    uint32_t max_ranges;
    struct memo_range *ranges; /* disjoint, rising, not touching each other */
    uint32_t n_ranges, cap_ranges;
    struct memo_name *pinned;
    uint32_t n_pinned, cap_pinned;
    struct memo_name *recent; /* by number modulo MEMO_RECENT; NULL until needed; len 0 is empty */
    bool has_recent;          /* some are not empty */
};

void memo_init(struct memo *m, uint32_t max_ranges);
void memo_reset(struct memo *m); /* keeps small buffers */
void memo_release(struct memo *m);

/* memo[number] = something. ELIMIT (too many ranges, or too many while numbers do not rise),
 * ENOMEM. */
enum platoon_status memo_set_slow(struct memo *m, uint64_t number);
bool memo_has_slow(const struct memo *m, uint64_t number);
/* Remember that `number` (just set) is this text of 1 to MEMO_MAX_NAME bytes. `pin`: keep it
 * until reset, if there is room. Without memory for it, is_out_of_memory. */
void memo_name_set(struct memo *m, uint64_t number, const void *text, size_t len, bool pin);
/* Keep the text of `number` until reset, if it is still known and there is room. */
void memo_name_pin(struct memo *m, uint64_t number);
/* The text behind `number`, or NULL: no text, too long, or forgotten. */
const struct memo_name *memo_name_get(const struct memo *m, uint64_t number);

static inline enum platoon_status memo_set(struct memo *m, uint64_t number)
{
    struct memo_range *last = m->n_ranges ? &m->ranges[m->n_ranges - 1] : NULL;

    if (!last || last->end != number)
        return memo_set_slow(m, number);
    last->end++;
    m->next = last->end;
    m->count++;
    m->was_reset = false;
    return PLATOON_OK;
}

static inline bool memo_has(const struct memo *m, uint64_t number)
{
    const struct memo_range *last = m->n_ranges ? &m->ranges[m->n_ranges - 1] : NULL;

    if (last && number >= last->start)
        return number < last->end;
    return memo_has_slow(m, number);
}

#endif
