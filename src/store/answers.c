/* SPDX-License-Identifier: Apache-2.0 */
/* answers.c - see answers.h. */
#include "store/answers.h"

#include <stdlib.h>
#include <string.h>

#include "store/look.h"

enum { N_RESERVE = 64, MAX_SPARE = 256 };

static size_t item_size(enum answer_kind kind)
{
    switch (kind) {
    case ANSWER_ATTACH:
        return sizeof(uint64_t);
    case ANSWER_QUEUE:
        return sizeof(const struct store_queue *);
    case ANSWER_QUEUES:
        return sizeof(struct store_queue);
    case ANSWER_PUT:
        return sizeof(struct store_put_answer);
    case ANSWER_CLAIM:
        return sizeof(struct store_claimed);
    case ANSWER_RENEW:
        return sizeof(enum store_lease_status);
    case ANSWER_DONE:
        return sizeof(struct store_done_answer);
    case ANSWER_FAIL:
        return sizeof(enum store_fail_status);
    case ANSWER_RELEASE:
        return sizeof(enum store_release_status);
    case ANSWER_SWEEP:
        return sizeof(struct store_swept);
    case ANSWER_GET:
        return sizeof(struct store_task);
    case ANSWER_RETRY:
        return sizeof(enum store_retry_status);
    case ANSWER_CANCEL:
        return sizeof(struct store_done_answer);
    case ANSWER_PURGE:
        return sizeof(uint64_t);
    case ANSWER_LOOK:
        return sizeof(struct look *);
    case ANSWER_STATS:
        return sizeof(struct store_counts);
    case ANSWER_TASK_DONE:
        return sizeof(int64_t);
    }
    abort();
}

static void free_chain(struct answer *answer)
{
    while (answer) {
        struct answer *next = answer->next;

        free(answer);
        answer = next;
    }
}

bool answers_init(struct answers *a)
{
    memset(a, 0, sizeof *a);
    a->end = &a->first;
    for (int i = 0; i < N_RESERVE; i++) {
        struct answer *answer = calloc(1, sizeof *answer);

        if (!answer) {
            free_chain(a->reserve);
            return false;
        }
        answer->next = a->reserve;
        a->reserve = answer;
    }
    return true;
}

/* --- filling ---------------------------------------------------------------------------------- */

static struct answer *blank_answer(struct answers *a)
{
    struct answer *answer = a->spare;

    if (answer) {
        a->spare = answer->next;
        a->n_spare--;
        memset(answer, 0, sizeof *answer);
        return answer;
    }
    return calloc(1, sizeof *answer);
}

static bool make_room(struct answer *answer, size_t n)
{
    answer->n = n;
    if (n <= 1 && answer->kind != ANSWER_QUEUES) {
        answer->items = &answer->one;
        return true;
    }
    answer->items = calloc(n ? n : 1, item_size(answer->kind));
    if (answer->kind == ANSWER_QUEUES)
        answer->counts = calloc(n ? n : 1, sizeof *answer->counts);
    return answer->items && (answer->counts || answer->kind != ANSWER_QUEUES);
}

struct answer *answers_add(struct answers *a, enum answer_kind kind, union answer_callback cb,
                           void *arg, size_t n)
{
    struct answer *answer = blank_answer(a);

    if (!answer) {
        answer = a->reserve;
        if (!answer)
            abort();
        a->reserve = answer->next;
        answer->kind = kind;
        answer->status = STORE_NOMEM;
    } else {
        answer->kind = kind;
        if (!make_room(answer, n))
            answer_fails(answer, STORE_NOMEM);
    }
    answer->cb = cb;
    answer->arg = arg;
    answer->after = 0;
    answer->next = NULL;
    *a->end = answer;
    a->end = &answer->next;
    return answer;
}

/* NULL where there is none. */
static struct payload *payload_at(const struct answer *answer, size_t i)
{
    switch (answer->kind) {
    case ANSWER_CLAIM:
        return ((const struct store_claimed *)answer->items)[i].value;
    case ANSWER_SWEEP:
        return ((const struct store_swept *)answer->items)[i].value;
    case ANSWER_GET:
        return ((const struct store_task *)answer->items)[i].value;
    default:
        return NULL;
    }
}

static void free_items(struct answer *answer)
{
    for (size_t i = 0; answer->holds_payloads && i < answer->n; i++)
        payload_unref(payload_at(answer, i));
    answer->holds_payloads = false;
    if (answer->kind == ANSWER_LOOK && answer->items)
        look_free(*(struct look **)answer->items);
    if (answer->items != &answer->one)
        free(answer->items);
    free(answer->counts);
    answer->items = NULL;
    answer->counts = NULL;
    answer->n = 0;
}

void answer_fails(struct answer *answer, enum store_status status)
{
    free_items(answer);
    answer->status = status;
}

void answer_holds_payloads(struct answer *answer)
{
    for (size_t i = 0; i < answer->n; i++)
        if (payload_at(answer, i))
            (void)payload_ref(payload_at(answer, i));
    answer->holds_payloads = true;
}

/* --- telling ---------------------------------------------------------------------------------- */

static void make_callback(const struct answer *answer)
{
    enum store_status st = answer->status;
    const void *items = answer->items;
    size_t n = answer->n;
    void *arg = answer->arg;

    switch (answer->kind) {
    case ANSWER_ATTACH:
        answer->cb.attach(st, items ? *(const uint64_t *)items : 0, arg);
        break;
    case ANSWER_QUEUE:
        answer->cb.queue(st, items ? *(const struct store_queue *const *)items : NULL, arg);
        break;
    case ANSWER_QUEUES:
        answer->cb.queues(st, items, answer->counts, n, arg);
        break;
    case ANSWER_PUT:
        answer->cb.put(st, items, n, arg);
        break;
    case ANSWER_CLAIM:
        answer->cb.claim(st, items, n, arg);
        break;
    case ANSWER_RENEW:
        answer->cb.renew(st, items, n, arg);
        break;
    case ANSWER_DONE:
        answer->cb.done(st, items, n, arg);
        break;
    case ANSWER_FAIL:
        answer->cb.fail(st, items, n, arg);
        break;
    case ANSWER_RELEASE:
        answer->cb.release(st, items, n, arg);
        break;
    case ANSWER_SWEEP:
        answer->cb.sweep(st, items, n, arg);
        break;
    case ANSWER_GET:
        answer->cb.get(st, items, n, arg);
        break;
    case ANSWER_RETRY:
        answer->cb.retry(st, items, n, arg);
        break;
    case ANSWER_CANCEL:
        answer->cb.done(st, items, n, arg);
        break;
    case ANSWER_PURGE:
        answer->cb.purge(st, items ? *(const uint64_t *)items : 0, arg);
        break;
    case ANSWER_LOOK:
        answer->cb.look(st, items ? *(struct look *const *)items : NULL, arg);
        break;
    case ANSWER_STATS:
        answer->cb.stats(st, items, arg);
        break;
    case ANSWER_TASK_DONE:
        answer->cb.task_done(st, items ? *(const int64_t *)items : 0, arg);
        break;
    }
}

static size_t chain_length(const struct answer *answer)
{
    size_t n = 0;

    for (; answer; answer = answer->next)
        n++;
    return n;
}

/* Back to where it is needed next. */
static void recycle(struct answers *a, struct answer *answer)
{
    if (answer->status == STORE_NOMEM && chain_length(a->reserve) < N_RESERVE) {
        answer->next = a->reserve;
        a->reserve = answer;
    } else if (a->n_spare < MAX_SPARE) {
        answer->next = a->spare;
        a->spare = answer;
        a->n_spare++;
    } else {
        free(answer);
    }
}

bool answers_deliver(struct answers *a, uint64_t kept)
{
    struct answer *answer = a->first;

    if (!answer || answer->after > kept)
        return false;
    a->first = answer->next;
    if (!a->first)
        a->end = &a->first;
    make_callback(answer);
    free_items(answer);
    recycle(a, answer);
    return true;
}

void answers_release(struct answers *a)
{
    for (struct answer *answer = a->first; answer; answer = answer->next)
        free_items(answer);
    free_chain(a->first);
    free_chain(a->spare);
    free_chain(a->reserve);
    memset(a, 0, sizeof *a);
    a->end = &a->first;
}
