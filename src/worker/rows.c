/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c - dicts of the typeid `platoon` to tasks, and outcomes to dicts. */
#include "worker/rows.h"

#include <stdlib.h>

#include <platoon/pickle.h>

enum platoon_status rows_read_version(const platoon_value *version, const char *address,
                                      struct rows_version *out, struct platoon_err *err)
{
    const char *server = platoon_as_str(platoon_dict_get(version, "server"), NULL);
    struct rows_version v = {.lease_s = 0};
    int64_t protocol = 0;

    if (platoon_as_int(platoon_dict_get(version, "protocol"), &protocol) != PLATOON_OK ||
        protocol != ROWS_PROTOCOL)
        return platoon_fail(
            err, PLATOON_EVERSION,
            "the server at %s is platoon %s and speaks version %lld of the protocol "
            "for workers; this is platoon %s, which speaks version %d: install the "
            "same version on both",
            address, server ? server : "(unknown)", (long long)protocol, platoon_version(),
            ROWS_PROTOCOL);
    if (platoon_as_float(platoon_dict_get(version, "lease_s"), &v.lease_s) != PLATOON_OK ||
        !(v.lease_s > 0))
        v.lease_s = 0;
    *out = v;
    return PLATOON_OK;
}

static enum platoon_status read_task(const platoon_value *row, struct task *t,
                                     struct platoon_err *err)
{
    platoon_value *lease = platoon_dict_get(row, "lease");
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
    if (value) {
        t->value = platoon_value_ref(value);
    } else {
        size_t len;
        const void *data = platoon_as_bytes(pickle, &len);
        enum platoon_status st = platoon_pickle_decode(data, len, NULL, &t->value, err);

        if (st != PLATOON_OK)
            return st;
    }
    return platoon_pickle_encode(lease, 4, &t->lease, &t->lease_len, err);
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

platoon_value *rows_lease(const void *lease, size_t lease_len)
{
    platoon_value *v = NULL;

    return platoon_pickle_decode(lease, lease_len, NULL, &v, NULL) == PLATOON_OK ? v : NULL;
}

/* {'task': N, 'lease': L}, then `key`: `value` (taken). */
static platoon_value *row(const struct task *t, const char *key, platoon_value *value)
{
    platoon_value *dict = platoon_dict();

    if (platoon_dict_set(dict, key, value) != PLATOON_OK ||
        platoon_dict_set(dict, "task", platoon_int((int64_t)t->id)) != PLATOON_OK ||
        platoon_dict_set(dict, "lease", rows_lease(t->lease, t->lease_len)) != PLATOON_OK) {
        platoon_value_unref(dict);
        return NULL;
    }
    return dict;
}

platoon_value *rows_complete(const struct task *t)
{
    if (t->outcome.pickle)
        return row(t, "pickle", platoon_bytes(t->outcome.pickle, t->outcome.pickle_len));
    return row(t, "value", platoon_value_ref(t->outcome.value));
}

platoon_value *rows_fail(const struct task *t)
{
    return row(t, "error", failure_error(&t->outcome.failure));
}
