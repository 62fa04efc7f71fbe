/* SPDX-License-Identifier: Apache-2.0 */
/* task_progress.c - see task_progress.h. */
#include "value/task_progress.h"

#include <math.h>
#include <string.h>

static const char name_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

/* NULL, or what is wrong with the value. */
static const char *take_done(struct task_progress *p, const platoon_value *v)
{
    double done;

    if (platoon_value_kind(v) == PLATOON_BOOL || platoon_as_float(v, &done) != PLATOON_OK ||
        !(done >= 0.0 && done <= 1.0))
        return "'done' must be a fraction, a number from 0 to 1";
    p->done = done;
    return NULL;
}

static const char *take_text(struct task_progress *p, const platoon_value *v)
{
    size_t len;
    const char *text = platoon_as_str(v, &len);

    if (!text || len > TASK_PROGRESS_TEXT_BYTES)
        return "'text' must be a text of at most 120 bytes";
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return "'text' must not hold control characters";
    memcpy(p->text, text, len);
    p->text[len] = '\0';
    return NULL;
}

static const char *take_number(struct task_progress *p, const platoon_value *key,
                               const platoon_value *v)
{
    size_t len;
    const char *name = platoon_as_str(key, &len);
    double value;

    if (!name || len == 0 || len > TASK_PROGRESS_NAME_BYTES || strspn(name, name_letters) != len)
        return "names of numbers must be texts of 1 to 32 letters, digits and _";
    if (platoon_value_kind(v) == PLATOON_BOOL || platoon_as_float(v, &value) != PLATOON_OK ||
        !isfinite(value))
        return "all but 'text' must be finite numbers";
    if (p->n_numbers == TASK_PROGRESS_NUMBERS)
        return "there may be 16 numbers beside 'done'";
    memcpy(p->numbers[p->n_numbers].name, name, len + 1);
    p->numbers[p->n_numbers++].value = value;
    return NULL;
}

bool task_progress_read(const platoon_value *v, struct task_progress *out, const char **out_fault)
{
    platoon_value *key, *value;
    const char *first = NULL;

    *out = (struct task_progress){.done = -1.0};
    if (platoon_value_kind(v) != PLATOON_DICT)
        first = "it must be a dict";
    for (size_t i = 0; platoon_dict_entry(v, i, &key, &value); i++) {
        const char *name = platoon_as_str(key, NULL), *fault = NULL;

        if (platoon_is_none(value))
            continue;
        if (name && strcmp(name, "done") == 0)
            fault = take_done(out, value);
        else if (name && strcmp(name, "text") == 0)
            fault = take_text(out, value);
        else
            fault = take_number(out, key, value);
        if (!first)
            first = fault;
    }
    if (out_fault)
        *out_fault = first;
    return !first;
}

double task_progress_number(const struct task_progress *p, const char *name, double missing)
{
    for (size_t i = 0; i < p->n_numbers; i++)
        if (strcmp(p->numbers[i].name, name) == 0)
            return p->numbers[i].value;
    return missing;
}

void task_progress_set(struct task_progress *p, const char *name, double value)
{
    size_t i = 0, len = strlen(name);

    while (i < p->n_numbers && strcmp(p->numbers[i].name, name) != 0)
        i++;
    if (i == TASK_PROGRESS_NUMBERS || len > TASK_PROGRESS_NAME_BYTES || !isfinite(value))
        return;
    memcpy(p->numbers[i].name, name, len + 1);
    p->numbers[i].value = value;
    if (i == p->n_numbers)
        p->n_numbers++;
}

platoon_value *task_progress_value(const struct task_progress *p)
{
    platoon_value *dict = platoon_dict();
    bool ok = dict != NULL;

    ok = ok &&
         platoon_dict_set(dict, "done", p->done < 0.0 ? platoon_none() : platoon_float(p->done)) ==
             PLATOON_OK;
    if (*p->text)
        ok = ok && platoon_dict_set(dict, "text", platoon_str(p->text)) == PLATOON_OK;
    for (size_t i = 0; ok && i < p->n_numbers; i++)
        ok = platoon_dict_set(dict, p->numbers[i].name, platoon_float(p->numbers[i].value)) ==
             PLATOON_OK;
    if (ok)
        return dict;
    platoon_value_unref(dict);
    return NULL;
}
