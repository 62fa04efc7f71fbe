/* SPDX-License-Identifier: Apache-2.0 */
/* runner_fuzz.c - what comes from outside around a task: a runner's frames, arguments with places for
 * its keys, rows from a server. First byte: which; the rest: the bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <platoon/pickle.h>

#include "worker/answer.h"
#include "worker/rows.h"
#include "worker/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_frames(const uint8_t *data, size_t size)
{
    bool is_too_long = false;
    size_t len;

    while ((len = answer_frame_len(data, size, &is_too_long)) > 0) {
        struct answer a;

        answer_read(data + 4, len - 4, &a);
        if (a.kind == ANSWER_OUTCOME && a.outcome.kind == OUTCOME_NONE)
            abort();
        answer_release(&a);
        data += len;
        size -= len;
    }
}

/* A template up to the first NUL, then the pickle of a task. */
static void expand(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\0', size);
    platoon_value *task = NULL;
    struct template t;
    char *arg;

    if (!end || template_parse((const char *)data, &t, NULL) != PLATOON_OK)
        return;
    if (platoon_pickle_decode(end + 1, size - (size_t)(end + 1 - data), NULL, &task, NULL) ==
            PLATOON_OK &&
        template_expand(&t, task, false, &arg, NULL) == PLATOON_OK) {
        /* Only the operator's own text may begin an argument with a dash. */
        if (arg[0] == '-' && t.pieces[0].is_key && t.n_pieces == 1)
            abort();
        free(arg);
    }
    platoon_value_unref(task);
    template_release(&t);
}

static void read_rows(const uint8_t *data, size_t size)
{
    platoon_value *rows = NULL;
    struct list tasks;

    list_init(&tasks);
    if (platoon_pickle_decode(data, size, NULL, &rows, NULL) != PLATOON_OK)
        return;
    (void)rows_read_tasks(rows, &tasks, NULL);
    platoon_value_unref(rows);
    while (!list_is_empty(&tasks)) {
        struct task *t = LIST_ENTRY(tasks.next, struct task, link);

        list_remove(&t->link);
        if (!t->lease || (!t->value && t->outcome.kind != OUTCOME_FAILURE))
            abort();
        task_free(t);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 3 == 0)
        read_frames(data + 1, size - 1);
    else if (data[0] % 3 == 1)
        expand(data + 1, size - 1);
    else
        read_rows(data + 1, size - 1);
    return 0;
}
