/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - open addressing over an array of texts. */
#include "sumo/network/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum { FIRST_NAMES = 64, HASH_DOMAIN = 0x6e616d65 };

void names_release(struct names *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        free(s->text[i]);
    free(s->text);
    free(s->slots);
    *s = (struct names){0};
}

/* The slot that holds `text`, or the free one where it belongs. */
static uint32_t *slot_of(uint32_t *slots, size_t n_slots, char *const *all, const char *text)
{
    size_t at = (size_t)hash_bytes(HASH_DOMAIN, text, strlen(text)) & (n_slots - 1);

    while (slots[at] && strcmp(all[slots[at] - 1], text) != 0)
        at = (at + 1) & (n_slots - 1);
    return &slots[at];
}

uint32_t names_find(const struct names *s, const char *text)
{
    if (s->n_slots == 0)
        return NAMES_NONE;
    return *slot_of(s->slots, s->n_slots, s->text, text) - 1; /* 0 - 1 is NAMES_NONE */
}

static bool grow(struct names *s)
{
    size_t cap = s->cap ? 2 * s->cap : FIRST_NAMES;
    char **text = mem_realloc(s->text, cap * sizeof *text);
    uint32_t *slots;

    if (!text)
        return false;
    s->text = text;
    slots = mem_zero(2 * cap * sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < s->n; i++)
        *slot_of(slots, 2 * cap, s->text, s->text[i]) = i + 1;
    free(s->slots);
    s->slots = slots;
    s->n_slots = 2 * cap;
    s->cap = cap;
    return true;
}

enum platoon_status names_add(struct names *s, const char *text, uint32_t max, size_t *text_left,
                              uint32_t *out)
{
    uint32_t found = names_find(s, text);
    size_t bytes = strlen(text) + 1;
    char *copy;

    if (found != NAMES_NONE) {
        *out = found;
        return PLATOON_OK;
    }
    if (s->n >= max || bytes > *text_left)
        return PLATOON_ELIMIT;
    if ((s->n == s->cap && !grow(s)) || !(copy = mem_alloc(bytes)))
        return PLATOON_ENOMEM;
    memcpy(copy, text, bytes);
    *text_left -= bytes;
    s->text[s->n] = copy;
    *out = s->n++;
    *slot_of(s->slots, s->n_slots, s->text, text) = *out + 1;
    return PLATOON_OK;
}
