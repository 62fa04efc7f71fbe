/* SPDX-License-Identifier: Apache-2.0 */
/* result.c - see docs/sumo.md for what each key means. */
#include "sumo/result.h"

#include <math.h>

static enum platoon_status copy_entries(platoon_value *to, const platoon_value *from)
{
    platoon_value *key, *value;

    for (size_t i = 0; platoon_dict_entry(from, i, &key, &value); i++) {
        enum platoon_status st =
            platoon_dict_put(to, platoon_value_ref(key), platoon_value_ref(value));

        if (st != PLATOON_OK)
            return st;
    }
    return PLATOON_OK;
}

static platoon_value *whole(double count)
{
    return platoon_int((int64_t)count);
}

static enum platoon_status put_figures(const struct sumo_plan *plan, const struct figures *figures,
                                       const struct result_facts *facts, platoon_value *result)
{
    const struct sumo_statistics *s = &figures->measured;
    struct {
        const char *key;
        platoon_value *value;
    } entries[] = {
        {"seed", plan->knows_seed ? platoon_int(plan->seed) : platoon_none()},
        {"total_time_spent_h", platoon_float(outputs_total_time_spent_s(s) / 3600.0)},
        {"total_travel_time_h", platoon_float(s->total_travel_time / 3600.0)},
        {"mean_delay_s", platoon_float(outputs_mean_delay_s(s))},
        {"mean_speed_kmh", platoon_float(s->mean_speed * 3.6)},
        {"vehicles_inserted", whole(s->inserted)},
        {"vehicles_arrived", whole(s->inserted - s->running)},
        {"vehicles_running", whole(s->running)},
        {"vehicles_waiting", whole(s->waiting)},
        {"teleports", whole(s->teleports)},
        {"collisions", whole(s->collisions)},
        {"end_time_s", platoon_float(facts->ended_s)},
        {"wall_s", platoon_float(facts->wall_s)},
        {"sumo_version", platoon_str(facts->sumo_version)},
        {"inputs_sha256",
         facts->inputs_sha256 ? platoon_str(facts->inputs_sha256) : platoon_none()},
        {"outcome", platoon_str(outcome_text(facts->outcome))},
    };
    enum platoon_status st = PLATOON_OK;

    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        if (st == PLATOON_OK)
            st = platoon_dict_set(result, entries[i].key, entries[i].value);
        else
            platoon_value_unref(entries[i].value);
    }
    return st;
}

static enum platoon_status put_measured(const struct measure_settings *m, const double *metrics,
                                        platoon_value *result)
{
    enum platoon_status st = PLATOON_OK;

    if (m->has_window) {
        st = platoon_dict_set(result, "measure_from_s", platoon_float(m->from_s));
        if (st == PLATOON_OK)
            st = platoon_dict_set(result, "measure_to_s",
                                  isfinite(m->to_s) ? platoon_float(m->to_s) : platoon_none());
    }
    for (size_t i = 0; st == PLATOON_OK && i < m->n_metrics; i++)
        st = platoon_dict_set(result, m->metrics[i].name,
                              isnan(metrics[i]) ? platoon_none() : platoon_float(metrics[i]));
    return st;
}

enum platoon_status result_make(const struct sumo_plan *plan, const struct figures *figures,
                                const struct result_facts *facts, platoon_value **out)
{
    platoon_value *result = platoon_dict();
    enum platoon_status st = result ? copy_entries(result, plan->task) : PLATOON_ENOMEM;

    if (st == PLATOON_OK)
        st = put_figures(plan, figures, facts, result);
    if (st == PLATOON_OK && facts->stopped_by)
        st = platoon_dict_set(result, "stopped_by", platoon_str(facts->stopped_by));
    if (st == PLATOON_OK)
        st = put_measured(&plan->measure, figures->metrics, result);
    if (st == PLATOON_OK)
        *out = result;
    else
        platoon_value_unref(result);
    return st;
}
