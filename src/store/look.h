/* SPDX-License-Identifier: Apache-2.0 */
/* look.h - what a store shows of its tasks to people: rows by a filter, and the history of one. */
#ifndef PLATOON_STORE_LOOK_H
#define PLATOON_STORE_LOOK_H

#include "store/store.h"

/* One bit a state, for sets of them. */
#define LOOK_STATE(state) (1u << (state))

enum { LOOK_MAX_ROWS = 1000, LOOK_MAX_HISTORY = 1000 };
/* A look with values ends after the row that goes over this, short of its limit. */
#define LOOK_MAX_BYTES (UINT64_C(4) << 20)

struct store_filter {
    store_queue_id queue; /* 0: any */
    uint32_t states;      /* set of LOOK_STATE(); 0: any */
    store_task_id task;   /* only this one; 0: any */
    store_task_id after;  /* only ids above */
    bool only_tasks;      /* nothing of result queues, unless they feed a next stage */
    bool only_results;    /* entries of result queues, taken or not */
    bool with_values;
    bool with_history; /* attempts and events; together with `task` */
    uint32_t limit;    /* 1 .. LOOK_MAX_ROWS */
};

struct store_row {
    store_task_id task;
    store_task_id result_of, result; /* the task whose result this entry is; this task's entry; 0 */
    store_queue_id queue;
    enum store_task_state state;
    uint32_t losses;
    bool may_be_repeat;
    uint64_t bytes;
    int64_t created_ms, changed_ms; /* wall clock; 0: not known */
    char outcome[32];
    struct payload *value; /* counted by the look; NULL unless asked for and there */
};

struct store_attempt {
    uint32_t number;
    int64_t taken_ms, ended_ms; /* 0: not ended */
    char client[128], worker[128], ending[128];
};

struct store_event {
    int64_t at_ms;
    char what[32], detail[256];
};

struct store_metric {
    char name[64];
    double value;
};

/* An answer under construction, and then what the callback sees; ids rise. */
struct look {
    struct store_filter filter;
    struct store_row *rows;
    size_t n_rows, cap_rows;
    struct store_attempt *attempts;
    size_t n_attempts, cap_attempts;
    struct store_event *events;
    size_t n_events, cap_events;
    struct store_metric *metrics;
    size_t n_metrics, cap_metrics;
    uint64_t value_bytes; /* of all rows */
    enum store_status status;
};

/* NULL when out of memory. */
struct look *look_new(const struct store_filter *filter);
void look_free(struct look *l);  /* NULL is fine */
void look_reset(struct look *l); /* as it was made */
/* A zeroed place at the end; NULL when out of memory. */
struct store_row *look_add_row(struct look *l);
struct store_attempt *look_add_attempt(struct look *l);
struct store_event *look_add_event(struct look *l);
struct store_metric *look_add_metric(struct look *l);
/* Does a task in this state, of this queue, belong in? */
bool look_wants(const struct store_filter *f, store_task_id task, store_queue_id queue,
                enum store_task_state state);

#endif
