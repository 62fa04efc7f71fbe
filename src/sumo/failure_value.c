/* SPDX-License-Identifier: Apache-2.0 */
/* failure_value.c - a failed run as the dict that masters and programs read. */
#include "sumo/dict_of.h"
#include "sumo/sumo_run.h"

platoon_value *sumo_failure_value(const struct sumo_failure *f)
{
    const struct dict_entry entries[] = {
        {"kind", platoon_str(f->kind)},
        {"message", platoon_str(f->message)},
        {"exit", f->has_exit ? platoon_int(f->exit) : platoon_none()},
        {"stderr_tail", platoon_str(f->stderr_tail)},
        {"outcome", platoon_str(outcome_text(f->outcome))},
    };

    return dict_of(entries, sizeof entries / sizeof entries[0]);
}
