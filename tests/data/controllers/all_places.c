/* SPDX-License-Identifier: Apache-2.0 */
/* all_places.c - reads every kind of place there is, and writes what it is given and told to
 * `readings.txt` in the task's folder; sets each of its signals by another letter for each link. */
#include <stdio.h>
#include <stdlib.h>

#include <platoon/controller.h>

enum { N_PLACES = PLATOON_PLACE_N_KINDS };

/* Those of scenarios/ramp_metering. */
static const char *const loops[] = {"merge_1", "merge_2", "upstream_1", NULL};
static const char *const area[] = {"ramp_queue", NULL};

static const struct platoon_controller_place places[N_PLACES] = {
    {"tls", PLATOON_PLACE_SIGNAL, true, NULL, ""},
    {"occupancy", PLATOON_PLACE_E1_OCCUPANCY, true, loops, ""},
    {"passed", PLATOON_PLACE_E1_PASSED, true, loops, ""},
    {"speed", PLATOON_PLACE_E1_SPEED, true, loops, ""},
    {"queue", PLATOON_PLACE_E2_VEHICLES, false, area, ""},
    {"halting", PLATOON_PLACE_E2_HALTING, false, area, ""},
    {"edges", PLATOON_PLACE_EDGE_VEHICLES, true, NULL, ""},
    {"edge_speed", PLATOON_PLACE_EDGE_SPEED, true, NULL, ""},
};

static bool needs(const double *parameters, size_t place)
{
    (void)parameters;
    return place != N_PLACES - 1;
}

static void *create(const struct platoon_controller_run *run, char *why, size_t why_bytes)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/readings.txt", run->folder);
    f = fopen(path, "w");
    (void)why, (void)why_bytes;
    if (!f)
        return NULL;
    fprintf(f, "begin %g end %g step %g ids", run->begin_s, run->end_s, run->step_s);
    for (size_t i = 0; i < N_PLACES; i++)
        fprintf(f, " %zu", run->n_ids[i]);
    fprintf(f, "\n");
    return f;
}

static void actuate(void *self, double time_s, const struct platoon_controller_signal *signal)
{
    fprintf(self, "signal %zu %zu %.*s", signal->place, signal->index, (int)signal->n_links,
            signal->state);
    for (size_t i = 0; i < signal->n_links; i++)
        signal->state[i] = "rGy"[((size_t)time_s / 20 + i) % 3];
    fprintf(self, " %.*s\n", (int)signal->n_links, signal->state);
}

static bool observe(void *self, double time_s, const struct platoon_controller_reading *readings,
                    char *why, size_t why_bytes)
{
    (void)why, (void)why_bytes;
    fprintf(self, "%.2f", time_s);
    for (size_t i = 0; i < N_PLACES; i++) {
        fprintf(self, " |");
        for (size_t j = 0; j < readings[i].n; j++)
            fprintf(self, " %.17g", readings[i].values[j]);
    }
    fprintf(self, "\n");
    return true;
}

static void destroy(void *self)
{
    (void)fclose(self);
}

const struct platoon_controller platoon_controller_plugin = {
    .abi = PLATOON_CONTROLLER_ABI,
    .name = "all_places",
    .help = "",
    .places = places,
    .n_places = N_PLACES,
    .needs = needs,
    .create = create,
    .actuate = actuate,
    .observe = observe,
    .destroy = destroy,
};
