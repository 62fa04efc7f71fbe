/* SPDX-License-Identifier: Apache-2.0 */
/* sumo_control.c - runs a simulation without control and with, and tells what the control is worth.
 *
 *     sumo_control FILE.sumocfg alinea|fixed|mine.so:NAME [KEY=NUMBER]...
 *
 * mine.so:NAME is a controller of your own: a shared object (examples/controllers) and the name in
 * its table. KEY=NUMBER sets a parameter of the controller, or `seed` or `end` of both runs.
 * Needs the program `platoon` (PATH, or PLATOON_PROGRAM) and SUMO. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <platoon/platoon.h>

static struct platoon_err err;

static void must(enum platoon_status st, const char *what)
{
    if (st == PLATOON_OK)
        return;
    fprintf(stderr, "sumo_control: %s: %s\n", what, err.message);
    exit(1);
}

static void set(platoon_value *dict, const char *key, platoon_value *value)
{
    if (platoon_dict_set(dict, key, value) != PLATOON_OK) {
        fprintf(stderr, "sumo_control: out of memory\n");
        exit(1);
    }
}

/* "KEY=NUMBER" into the dict that it is meant for. */
static void take_number(platoon_value *task, platoon_value *control, const char *text)
{
    const char *equals = strchr(text, '=');
    char key[64], *end;
    double number;

    if (!equals || (size_t)(equals - text) >= sizeof key) {
        fprintf(stderr, "sumo_control: %s: write KEY=NUMBER\n", text);
        exit(2);
    }
    snprintf(key, sizeof key, "%.*s", (int)(equals - text), text);
    number = strtod(equals + 1, &end);
    if (end == equals + 1 || *end) {
        fprintf(stderr, "sumo_control: %s is no number\n", text);
        exit(2);
    }
    if (strcmp(key, "seed") == 0)
        set(task, key, platoon_int((int64_t)number));
    else
        set(strcmp(key, "end") == 0 ? task : control, key, platoon_float(number));
}

static void on_progress(const platoon_value *progress, void *arg)
{
    double time_s;

    if (platoon_as_float(platoon_dict_get(progress, "time_s"), &time_s) == PLATOON_OK)
        fprintf(stderr, "%s: simulated %.0f s\n", (const char *)arg, time_s);
}

/* A run that fails has a result too: it says why. */
static void print_failure(const platoon_value *error)
{
    const char *kind = platoon_as_str(platoon_dict_get(error, "kind"), NULL);
    const char *message = platoon_as_str(platoon_dict_get(error, "message"), NULL);

    fprintf(stderr, "sumo_control: %s: %s\n", kind ? kind : "?", message ? message : "?");
    exit(1);
}

/* Its total time spent, in vehicle hours. */
static double run(platoon_value *task, struct platoon_sumo_options *options, const char *name)
{
    platoon_value *result, *error;
    double total_h;

    options->on_progress = on_progress;
    options->arg = (void *)name;
    must(platoon_sumo_run(task, options, &result, &err), name);
    if ((error = platoon_dict_get(result, "platoon_error")))
        print_failure(error);
    if (platoon_as_float(platoon_dict_get(result, "total_time_spent_h"), &total_h) != PLATOON_OK) {
        fprintf(stderr, "sumo_control: the result has no total_time_spent_h\n");
        exit(1);
    }
    printf("%s: %.2f veh h, %s\n", name, total_h,
           platoon_as_str(platoon_dict_get(result, "outcome"), NULL));
    platoon_value_unref(result);
    return total_h;
}

int main(int argc, char **argv)
{
    struct platoon_sumo_options options = {.allow_any_path = true};
    platoon_value *task = platoon_dict(), *control = platoon_dict();
    char *type, *colon;
    const char *file;
    double without_h, with_h;

    if (argc < 3) {
        fprintf(stderr, "usage: sumo_control FILE.sumocfg alinea|fixed|mine.so:NAME "
                        "[KEY=NUMBER]...\n");
        return 2;
    }
    type = argv[2];
    if ((colon = strrchr(type, ':'))) {
        *colon = '\0';
        file = type;
        options.controllers = &file;
        options.n_controllers = 1;
        type = colon + 1;
    }
    set(task, "filename", platoon_str(argv[1]));
    set(control, "type", platoon_str(type));
    for (int i = 3; i < argc; i++)
        take_number(task, control, argv[i]);

    set(task, "control_bool", platoon_bool(false));
    without_h = run(task, &options, "none");
    set(task, "control_bool", platoon_bool(true));
    set(task, "control", control);
    with_h = run(task, &options, type);
    printf("control saves %.2f veh h\n", without_h - with_h);
    platoon_value_unref(task);
    return 0;
}
