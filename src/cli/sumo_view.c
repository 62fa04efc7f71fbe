/* SPDX-License-Identifier: Apache-2.0 */
/* sumo_view.c - progress line, table of figures, failures. */
#include "cli/sumo_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/table.h"
#include "cli/talk.h"
#include "sumo/result_keys.h"

/* --- progress --------------------------------------------------------------------------------- */

static void erase(void *arg)
{
    struct sumo_view *view = arg;

    if (view->is_up)
        fputs("\r\033[K", stderr);
    view->is_up = false;
}

void sumo_view_begin(struct sumo_view *view, const char *label)
{
    const char *term = getenv("TERM");

    view->label = label;
    view->is_live = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    if (view->is_live)
        talk_set_before(erase, view);
}

void sumo_view_progress(const struct sumo_progress *p, void *arg)
{
    struct sumo_view *view = arg;

    if (!view->is_live)
        return;
    erase(view);
    fprintf(stderr, "%.30s  %.0f s", view->label, p->time_s);
    if (p->end_s >= 0.0)
        fprintf(stderr, " of %.0f s", p->end_s);
    if (p->running >= 0.0)
        fprintf(stderr, "  %.0f on the road", p->running);
    if (p->waiting > 0.0)
        fprintf(stderr, "  %.0f waiting", p->waiting);
    if (p->wall_s > 0.0)
        fprintf(stderr, "  %.0fx", (p->time_s - p->begin_s) / p->wall_s);
    (void)fflush(stderr); /* a terminal that is gone cannot be told */
    view->is_up = true;
}

void sumo_view_end(struct sumo_view *view)
{
    if (!view->is_live)
        return;
    erase(view);
    talk_set_before(NULL, NULL);
}

/* --- figures ---------------------------------------------------------------------------------- */

static const struct {
    const char *key, *unit;
} figures[] = {
    {"seed", ""},
    {"total_time_spent_h", "veh h"},
    {"total_travel_time_h", "veh h"},
    {"mean_delay_s", "s"},
    {"mean_speed_kmh", "km/h"},
    {"vehicles_inserted", "veh"},
    {"vehicles_arrived", "veh"},
    {"vehicles_running", "veh"},
    {"vehicles_waiting", "veh"},
    {"teleports", ""},
    {"collisions", ""},
    {"measure_from_s", "s"},
    {"measure_to_s", "s"},
    {"end_time_s", "s"},
    {"wall_s", "s"},
    {"sumo_version", ""},
    {"inputs_sha256", ""},
    {"outcome", ""},
};

/* The table is for people: of a hash its beginning tells enough. */
enum { HASH_SHOWN = 12 };

static void show_value(struct table *t, const char *name, const platoon_value *value)
{
    const char *text;
    int64_t whole;
    double number;
    size_t len;

    switch (platoon_value_kind(value)) {
    case PLATOON_INT:
        if (platoon_as_int(value, &whole) == PLATOON_OK)
            table_cell(t, 1, "%" PRId64, whole);
        break;
    case PLATOON_FLOAT:
        if (platoon_as_float(value, &number) == PLATOON_OK)
            table_cell(t, 1, "%.2f", number);
        break;
    case PLATOON_STR:
        text = platoon_as_str(value, &len);
        table_cell(t, 1, "%.*s", strcmp(name, "inputs_sha256") == 0 ? HASH_SHOWN : (int)len, text);
        break;
    default:
        table_cell(t, 1, "-");
    }
}

/* The unit that a name of the user's ends in. */
static const char *unit_of(const char *name)
{
    static const struct {
        const char *end, *unit;
    } units[] = {
        {"_s", "s"},     {"_h", "h"},       {"_m", "m"},     {"_km", "km"},     {"_kmh", "km/h"},
        {"_mps", "m/s"}, {"_vph", "veh/h"}, {"_veh", "veh"}, {"_percent", "%"}, {"_g", "g"},
        {"_mg", "mg"},   {"_kg", "kg"},     {"_l", "l"},     {"_kwh", "kWh"},   {"_wh", "Wh"},
    };
    const char *end = strrchr(name, '_');

    for (size_t i = 0; end && i < sizeof units / sizeof units[0]; i++)
        if (strcmp(units[i].end, end) == 0)
            return units[i].unit;
    return "";
}

static void add_row(struct table *t, const char *name, const platoon_value *value, const char *unit)
{
    table_row(t);
    table_cell(t, 0, "%s", name);
    show_value(t, name, value);
    table_cell(t, 2, "%s", unit);
}

bool sumo_view_table(const platoon_value *result, const platoon_value *task)
{
    static const struct table_column columns[] = {
        {.title = "metric"}, {.title = "value", .is_right = true}, {.title = "unit"}};
    struct table *t = table_new(columns, sizeof columns / sizeof columns[0]);
    const char *stopped_by = platoon_as_str(platoon_dict_get(result, "stopped_by"), NULL);
    platoon_value *key, *metric;
    bool is_printed;

    for (size_t i = 0; t && i < sizeof figures / sizeof figures[0]; i++) {
        const platoon_value *value = platoon_dict_get(result, figures[i].key);

        if (value)
            add_row(t, figures[i].key, value, figures[i].unit);
    }
    for (size_t i = 0; t && platoon_dict_entry(result, i, &key, &metric); i++) {
        const char *name = platoon_as_str(key, NULL);

        if (!result_key_is_ours(name) && !platoon_dict_get(task, name))
            add_row(t, name, metric, unit_of(name));
    }
    is_printed = t && table_print(t, stdout);
    if (!is_printed)
        talk_error("out of memory");
    else if (stopped_by) /* below, for a rule may be longer than all other values */
        printf("\nstopped by %s\n", stopped_by);
    table_free(t);
    return is_printed;
}

/* --- what SUMO said --------------------------------------------------------------------------- */

/* Each line of `text` that `message`, if given, does not hold already. */
static void say_lines(const char *text, const char *message)
{
    while (*text) {
        int len = (int)strcspn(text, "\n");
        char line[SUMO_FAILURE_TEXT_BYTES];

        snprintf(line, sizeof line, "%.*s", len, text);
        if (len > 0 && !(message && strstr(message, line)) &&
            strcmp(line, "Quitting (on error).") != 0)
            talk("sumo: %s", line);
        text += len;
        text += *text == '\n';
    }
}

void sumo_view_warnings(const struct sumo_failure *from_run)
{
    say_lines(from_run->stderr_tail, NULL);
}

void sumo_view_failure(const struct sumo_failure *failure)
{
    say_lines(failure->stderr_tail, failure->message);
    talk_error("%s", failure->message);
}
