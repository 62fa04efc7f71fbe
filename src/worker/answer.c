/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - frames to dicts and dicts to frames. */
#include "worker/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <platoon/pickle.h>

#include "worker/runner.h"

size_t answer_frame_len(const uint8_t *data, size_t len, bool *out_too_long)
{
    uint32_t body;

    *out_too_long = false;
    if (len < 4)
        return 0;
    body = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
    if (body > RUNNER_MAX_FRAME) {
        *out_too_long = true;
        return 0;
    }
    return len - 4 >= body ? (size_t)body + 4 : 0;
}

static void PLATOON_PRINTF(2, 3) bad(struct answer *a, const char *format, ...)
{
    va_list args;

    a->kind = ANSWER_BAD;
    va_start(args, format);
    (void)vsnprintf(a->message, sizeof a->message, format, args); /* cut to fit */
    va_end(args);
}

static void read_result_pickle(platoon_value *bytes, struct answer *a)
{
    size_t len = 0;
    const void *data =
        platoon_value_kind(bytes) == PLATOON_BYTES ? platoon_as_bytes(bytes, &len) : NULL;
    platoon_value *checked;
    void *copy;

    if (!data) {
        bad(a, "'result_pickle' is of type %s, not bytes",
            platoon_kind_name(platoon_value_kind(bytes)));
        return;
    }
    checked = platoon_opaque(data, len);
    if (!checked) {
        bad(a, "'result_pickle' is no well-formed pickle");
        return;
    }
    platoon_value_unref(checked);
    copy = malloc(len);
    if (!copy) {
        outcome_fail(&a->outcome, FAILURE_INTERNAL, "out of memory for a result of %zu bytes", len);
        return;
    }
    memcpy(copy, data, len);
    outcome_take_pickle(&a->outcome, copy, len);
}

static void read_error(platoon_value *error, struct answer *a)
{
    const char *kind_name = platoon_as_str(platoon_dict_get(error, "kind"), NULL);
    const char *message = platoon_as_str(platoon_dict_get(error, "message"), NULL);
    platoon_value *code = platoon_dict_get(error, "exit");
    size_t tail_len = 0;
    const char *tail = platoon_as_str(platoon_dict_get(error, "stderr_tail"), &tail_len);
    const char *outcome = platoon_as_str(platoon_dict_get(error, "outcome"), NULL);
    enum failure_kind kind;
    int64_t exit_code;

    if (!kind_name || !failure_kind_parse(kind_name, &kind) || kind >= FAILURE_LOST) {
        bad(a, "'error' has no 'kind' that a runner may give");
        return;
    }
    outcome_fail(&a->outcome, kind, "%s", message ? message : "no message was given");
    if (code && !platoon_is_none(code) && platoon_as_int(code, &exit_code) == PLATOON_OK &&
        exit_code >= INT32_MIN && exit_code <= INT32_MAX) {
        a->outcome.failure.has_exit = true;
        a->outcome.failure.exit = (int)exit_code;
    }
    if (tail)
        failure_set_tail(&a->outcome.failure, tail, tail_len);
    if (outcome)
        failure_set_outcome(&a->outcome.failure, outcome);
}

void answer_read(const uint8_t *pickle, size_t len, struct answer *out)
{
    struct answer a = {.kind = ANSWER_OUTCOME};
    platoon_value *dict = NULL, *v;
    struct platoon_err err;

    if (platoon_pickle_decode(pickle, len, NULL, &dict, &err) != PLATOON_OK) {
        bad(&a, "it is no pickle: %s", err.message);
    } else if (platoon_value_kind(dict) == PLATOON_OPAQUE) {
        bad(&a, "it holds more than plain data");
    } else if (platoon_value_kind(dict) != PLATOON_DICT) {
        bad(&a, "it is of type %s, not a dict", platoon_kind_name(platoon_value_kind(dict)));
    } else if ((v = platoon_dict_get(dict, "result"))) {
        outcome_take_value(&a.outcome, platoon_value_ref(v), len);
    } else if ((v = platoon_dict_get(dict, "result_pickle"))) {
        read_result_pickle(v, &a);
    } else if ((v = platoon_dict_get(dict, "error"))) {
        read_error(v, &a);
    } else if ((v = platoon_dict_get(dict, "progress"))) {
        a.kind = ANSWER_PROGRESS;
        a.value = platoon_value_ref(v);
    } else if (platoon_as_str(v = platoon_dict_get(dict, "warning"), NULL)) {
        a.kind = ANSWER_WARNING;
        a.value = platoon_value_ref(v);
    } else if ((v = platoon_dict_get(dict, "ready"))) {
        a.kind = ANSWER_READY;
        a.value = platoon_value_ref(v);
    } else if (platoon_as_str(v = platoon_dict_get(dict, "failed"), NULL)) {
        a.kind = ANSWER_FAILED;
        a.value = platoon_value_ref(v);
    } else {
        bad(&a, "it has none of the keys that an answer has");
    }
    platoon_value_unref(dict);
    *out = a;
}

void answer_release(struct answer *a)
{
    platoon_value_unref(a->value);
    outcome_release(&a->outcome);
    a->value = NULL;
}

enum platoon_status answer_write_task(const struct task *task, unsigned slot, const char *task_dir,
                                      int protocol, struct buf *out, struct platoon_err *err)
{
    platoon_value *dict = platoon_dict(), *value;
    const bool is_opaque = platoon_value_kind(task->value) == PLATOON_OPAQUE;
    enum platoon_status st = PLATOON_ENOMEM;
    void *pickle = NULL;
    size_t len = 0;
    uint8_t head[4];

    if (is_opaque) {
        const void *bytes = platoon_as_bytes(task->value, &len);

        value = platoon_bytes(bytes, len);
    } else {
        value = platoon_value_ref(task->value);
    }
    if (!dict) {
        platoon_value_unref(value);
    } else if (platoon_dict_set(dict, is_opaque ? "task_pickle" : "task", value) == PLATOON_OK &&
               platoon_dict_set(dict, "task_id", platoon_int((int64_t)task_number(task))) ==
                   PLATOON_OK &&
               platoon_dict_set(dict, "attempt", platoon_int(task->attempt)) == PLATOON_OK &&
               platoon_dict_set(dict, "slot", platoon_int(slot)) == PLATOON_OK &&
               platoon_dict_set(dict, "task_dir", platoon_str(task_dir)) == PLATOON_OK) {
        st = platoon_pickle_encode(dict, protocol, &pickle, &len, err);
        if (st == PLATOON_OK && len > RUNNER_MAX_FRAME)
            st = platoon_fail(err, PLATOON_ELIMIT,
                              "the task is %zu bytes long, more than a runner is given", len);
    }
    if (st == PLATOON_ENOMEM)
        (void)platoon_fail(err, st, "out of memory");
    if (st == PLATOON_OK) {
        for (int i = 0; i < 4; i++)
            head[i] = (uint8_t)(len >> (24 - 8 * i));
        if (!buf_append(out, head, 4) || !buf_append(out, pickle, len))
            st = platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    }
    free(pickle);
    platoon_value_unref(dict);
    return st;
}
