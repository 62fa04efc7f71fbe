/* SPDX-License-Identifier: Apache-2.0 */
/* look.c - see look.h. */
#include "store/look.h"

#include <stdlib.h>
#include <string.h>

struct look *look_new(const struct store_filter *filter)
{
    struct look *l = calloc(1, sizeof *l);

    if (l)
        l->filter = *filter;
    return l;
}

void look_reset(struct look *l)
{
    for (size_t i = 0; i < l->n_rows; i++)
        payload_unref(l->rows[i].value);
    l->n_rows = l->n_attempts = l->n_events = l->n_metrics = 0;
    l->value_bytes = 0;
    l->status = STORE_OK;
}

void look_free(struct look *l)
{
    if (!l)
        return;
    look_reset(l);
    free(l->rows);
    free(l->attempts);
    free(l->events);
    free(l->metrics);
    free(l);
}

static void *add(void **array, size_t *n, size_t *cap, size_t size)
{
    char *place;

    if (*n == *cap) {
        size_t grown_cap = *cap ? *cap * 2 : 8;
        void *grown = realloc(*array, grown_cap * size);

        if (!grown)
            return NULL;
        *array = grown;
        *cap = grown_cap;
    }
    place = (char *)*array + (*n)++ * size;
    memset(place, 0, size);
    return place;
}

struct store_row *look_add_row(struct look *l)
{
    return add((void **)&l->rows, &l->n_rows, &l->cap_rows, sizeof *l->rows);
}

struct store_attempt *look_add_attempt(struct look *l)
{
    return add((void **)&l->attempts, &l->n_attempts, &l->cap_attempts, sizeof *l->attempts);
}

struct store_event *look_add_event(struct look *l)
{
    return add((void **)&l->events, &l->n_events, &l->cap_events, sizeof *l->events);
}

struct store_metric *look_add_metric(struct look *l)
{
    return add((void **)&l->metrics, &l->n_metrics, &l->cap_metrics, sizeof *l->metrics);
}

bool look_wants(const struct store_filter *f, store_task_id task, store_queue_id queue,
                enum store_task_state state)
{
    return (!f->queue || f->queue == queue) && (!f->states || (f->states & LOOK_STATE(state))) &&
           (!f->task || f->task == task) && task > f->after;
}
