/* SPDX-License-Identifier: Apache-2.0 */
#include "sumo/dict_of.h"

platoon_value *dict_of(const struct dict_entry *entries, size_t n)
{
    platoon_value *dict = platoon_dict();
    bool failed = !dict;

    for (size_t i = 0; i < n; i++) {
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
