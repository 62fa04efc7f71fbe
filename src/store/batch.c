/* SPDX-License-Identifier: Apache-2.0 */
/* batch.c - see batch.h. */
#include "store/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct batch *batch_new(void)
{
    struct batch *b = calloc(1, sizeof *b);

    if (b && !batch_reserve(b, 1, 1)) {
        batch_free(b);
        return NULL;
    }
    if (b) {
        b->text[0] = '\0';
        b->text_len = 1;
    }
    return b;
}

void batch_free(struct batch *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->n; i++) {
        payload_unref(b->records[i].value);
        if (b->records[i].kind == RECORD_LOAD)
            rope_release(&b->records[i].loaded);
    }
    free(b->records);
    free(b->text);
    free(b);
}

void batch_free_chain(struct batch *first)
{
    while (first) {
        struct batch *next = first->next;

        batch_free(first);
        first = next;
    }
}

void batch_forget_read(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct record *r = &b->records[i];

        if (r->kind == RECORD_LOAD)
            rope_release(&r->loaded);
        r->was_lost = false;
        if (r->kind == RECORD_LOOK)
            look_reset(r->look);
        if (r->kind == RECORD_REVIVE) {
            payload_unref(r->value); /* made by the write; nobody else has it */
            r->value = NULL;
            r->is_done = false;
        }
    }
}

bool batch_reserve(struct batch *b, size_t n, size_t text_bytes)
{
    size_t cap = b->cap ? b->cap : 16, text_cap = b->text_cap ? b->text_cap : 256;

    while (cap < b->n + n)
        cap *= 2;
    if (cap > b->cap) {
        struct record *grown = realloc(b->records, cap * sizeof *grown);

        if (!grown)
            return false;
        b->records = grown;
        b->cap = cap;
    }
    while (text_cap < b->text_len + n * text_bytes)
        text_cap *= 2;
    if (text_cap > b->text_cap) {
        char *grown = realloc(b->text, text_cap);

        if (!grown)
            return false;
        b->text = grown;
        b->text_cap = text_cap;
    }
    return true;
}

struct record *batch_add(struct batch *b, enum record_kind kind)
{
    struct record *r = &b->records[b->n];

    assert(b->n < b->cap);
    b->n++;
    memset(r, 0, sizeof *r);
    r->kind = kind;
    return r;
}

size_t batch_text(struct batch *b, const char *text)
{
    size_t at = b->text_len, room = b->text_cap - at, len;

    if (!text || !*text || room < 2)
        return 0;
    len = strnlen(text, BATCH_MAX_TEXT);
    len = len < room - 1 ? len : room - 1;
    memcpy(b->text + at, text, len);
    b->text[at + len] = '\0';
    b->text_len += len + 1;
    return at;
}

const char *batch_text_at(const struct batch *b, size_t offset)
{
    return b->text + offset;
}
