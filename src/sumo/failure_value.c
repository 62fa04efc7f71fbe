/* SPDX-License-Identifier: Apache-2.0 */
/* failure_value.c - a failed run as the dict that masters and programs read. */
#include "sumo/sumo_run.h"

platoon_value *sumo_failure_value(const struct sumo_failure *f)
{
    struct {
        const char *key;
        platoon_value *value;
    } entries[] = {
        {"kind", platoon_str(f->kind)},
        {"message", platoon_str(f->message)},
        {"exit", f->has_exit ? platoon_int(f->exit) : platoon_none()},
        {"stderr_tail", platoon_str(f->stderr_tail)},
        {"outcome", platoon_str(outcome_text(f->outcome))},
    };
    platoon_value *dict = platoon_dict();
    bool failed = !dict;

    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        if (failed)
            platoon_value_unref(entries[i].value);
        else
            failed = platoon_dict_set(dict, entries[i].key, entries[i].value) != PLATOON_OK;
    }
    if (!failed)
        return dict;
    platoon_value_unref(dict);
    return NULL;
}
