/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c - dicts of the typeid `platoon` to tasks, and outcomes to dicts. */
#include "worker/rows.h"

#include <string.h>

#include <platoon/pickle.h>

enum platoon_status rows_check_version(const platoon_value *version, const char *address,
                                       struct platoon_err *err)
{
    const char *server = platoon_as_str(platoon_dict_get(version, "server"), NULL);
    int64_t protocol = 0;

    if (platoon_as_int(platoon_dict_get(version, "protocol"), &protocol) == PLATOON_OK &&
        protocol == ROWS_PROTOCOL)
        return PLATOON_OK;
    return platoon_fail(
        err, PLATOON_EVERSION,
        "the server at %s is platoon %s and speaks version %lld of the protocol for "
        "workers; this is platoon %s, which speaks version %d: install the same "
        "version on both",
        address, server ? server : "(unknown)", (long long)protocol, platoon_version(),
        ROWS_PROTOCOL);
}

void rows_read_settings(const platoon_value *settings, struct rows_settings *io)
{
    double lease_s;
    int64_t bytes;

    if (platoon_as_float(platoon_dict_get(settings, "worker_lease_s"), &lease_s) == PLATOON_OK &&
        lease_s > 0)
        io->lease_s = lease_s;
    if (platoon_as_int(platoon_dict_get(settings, "max_frame_bytes"), &bytes) == PLATOON_OK &&
        bytes > 0)
        io->max_frame_bytes = (uint64_t)bytes;
}

platoon_value *rows_worker(const char *name, const char *host, unsigned n_slots)
{
    platoon_value *dict = platoon_dict();

    if (platoon_dict_set(dict, "name", platoon_str(name)) != PLATOON_OK ||
        platoon_dict_set(dict, "host", platoon_str(host)) != PLATOON_OK ||
        platoon_dict_set(dict, "slots", platoon_int(n_slots)) != PLATOON_OK) {
        platoon_value_unref(dict);
        return NULL;
    }
    return dict;
}

static enum platoon_status read_task(const platoon_value *row, struct task *t,
                                     struct platoon_err *err)
{
    const char *lease = platoon_as_str(platoon_dict_get(row, "lease"), NULL);
    platoon_value *value = platoon_dict_get(row, "value");
    platoon_value *pickle = platoon_dict_get(row, "pickle");
    int64_t id;

    if (platoon_as_int(platoon_dict_get(row, "task"), &id) != PLATOON_OK || id < 1 || !lease ||
        (!value && platoon_value_kind(pickle) != PLATOON_BYTES))
        return platoon_fail(err, PLATOON_EPROTO,
                            "lease() answered a row without 'task', 'lease' or a value");
    t->id = (uint64_t)id;
    if (platoon_as_int(platoon_dict_get(row, "attempt"), &t->attempt) != PLATOON_OK)
        t->attempt = 1;
    (void)platoon_as_bool(platoon_dict_get(row, "repeat"), &t->may_be_repeat); /* absent: false */
    (void)platoon_as_bool(platoon_dict_get(row, "last"), &t->is_last);         /* the same */
    if (value) {
        t->value = platoon_value_ref(value);
    } else {
        size_t len;
        const void *data = platoon_as_bytes(pickle, &len);
        struct platoon_err why;
        enum platoon_status st = platoon_pickle_decode(data, len, NULL, &t->value, &why);

        if (st == PLATOON_ENOMEM)
            return platoon_fail(err, st, "%s", why.message);
        if (st != PLATOON_OK) /* it would come again and again */
            outcome_fail(&t->outcome, FAILURE_BAD_TASK, "the task cannot be read here: %s",
                         why.message);
    }
    t->lease = strdup(lease);
    return t->lease ? PLATOON_OK : platoon_fail(err, PLATOON_ENOMEM, "out of memory");
}

enum platoon_status rows_read_tasks(const platoon_value *rows, struct list *out,
                                    struct platoon_err *err)
{
    for (size_t i = 0; i < platoon_len(rows); i++) {
        struct task *t = task_new();
        enum platoon_status st;

        if (!t)
            return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
        st = read_task(platoon_item(rows, i), t, err);
        if (st != PLATOON_OK) {
            task_free(t);
            return st;
        }
        list_append(out, &t->link);
    }
    return PLATOON_OK;
}

platoon_value *rows_lease(uint64_t task, const char *lease)
{
    return platoon_tuple(2, platoon_int((int64_t)task), platoon_str(lease));
}

platoon_value *rows_renewal(uint64_t task, const char *lease, const struct task_progress *progress)
{
    platoon_value *dict = platoon_dict();

    if (platoon_dict_set(dict, "task", platoon_int((int64_t)task)) == PLATOON_OK &&
        platoon_dict_set(dict, "lease", platoon_str(lease)) == PLATOON_OK &&
        (!progress ||
         platoon_dict_set(dict, "progress", task_progress_value(progress)) == PLATOON_OK))
        return dict;
    platoon_value_unref(dict);
    return NULL;
}

/* Add 'task' and 'lease' to a dict (taken). */
static platoon_value *name_lease(platoon_value *dict, const struct task *t)
{
    if (platoon_dict_set(dict, "task", platoon_int((int64_t)t->id)) != PLATOON_OK ||
        platoon_dict_set(dict, "lease", platoon_str(t->lease)) != PLATOON_OK) {
        platoon_value_unref(dict);
        return NULL;
    }
    return dict;
}

platoon_value *rows_complete(const struct task *t)
{
    const struct outcome *o = &t->outcome;
    platoon_value *dict = platoon_dict();
    enum platoon_status st =
        o->pickle ? platoon_dict_set(dict, "pickle", platoon_bytes(o->pickle, o->pickle_len))
                  : platoon_dict_set(dict, "value", platoon_value_ref(o->value));

    if (st != PLATOON_OK) {
        platoon_value_unref(dict);
        return NULL;
    }
    return name_lease(dict, t);
}

platoon_value *rows_fail(const struct task *t)
{
    return name_lease(failure_error(&t->outcome.failure), t);
}
