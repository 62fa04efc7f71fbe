/* SPDX-License-Identifier: Apache-2.0 */
/* task.c - key by key. */
#include "sumo/task.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "config/yaml.h"
#include "sumo/command_line.h"

enum { SUMO_DEFAULT_SEED = 23423, MAX_FILES_IN_OPTION = 1000 };

#define MAX_SEED 2147483647 /* SUMO reads an int */
#define MAX_TIME 1e9        /* 30 years; SUMO counts milliseconds in 64 bits */

static enum platoon_status no_memory(struct platoon_err *err)
{
    return platoon_fail(err, PLATOON_ENOMEM, "no memory to plan a run");
}

static const char *kind_of(const platoon_value *v)
{
    return platoon_kind_name(platoon_value_kind(v));
}

/* The value of a key that is there and not None, else NULL. */
static const platoon_value *given(const platoon_value *dict, const char *key)
{
    const platoon_value *v = platoon_dict_get(dict, key);

    return v && !platoon_is_none(v) ? v : NULL;
}

static bool is_number(const platoon_value *v, double *out)
{
    enum platoon_kind kind = platoon_value_kind(v);

    return (kind == PLATOON_INT || kind == PLATOON_FLOAT) &&
           platoon_as_float(v, out) == PLATOON_OK && isfinite(*out);
}

/* --- options ---------------------------------------------------------------------------------- */

static bool push_option(struct sumo_plan *plan, const char *name, char *value)
{
    char *flag;

    if (asprintf(&flag, "--%s", name) < 0)
        flag = NULL;
    if (!argv_push(&plan->options, &plan->n_options, flag)) {
        free(value);
        return false;
    }
    return argv_push(&plan->options, &plan->n_options, value);
}

struct number_option {
    const char *name;
    double min, max;
};

static const struct number_option number_options[] = {
    {"scale", 0.0, 1000.0},
    {"step-length", 0.001, 3600.0},
    {"time-to-teleport", -1.0, MAX_TIME},
    {"max-depart-delay", -1.0, MAX_TIME},
};

static enum platoon_status take_number_option(struct sumo_plan *plan,
                                              const struct number_option *option,
                                              const platoon_value *value, struct platoon_err *err)
{
    double number;

    if (!is_number(value, &number))
        return platoon_fail(err, PLATOON_EINVAL, "options.%s must be a number, not a %s",
                            option->name, kind_of(value));
    if (number < option->min || number > option->max)
        return platoon_fail(err, PLATOON_EINVAL, "options.%s is %g; it must be %g to %g",
                            option->name, number, option->min, option->max);
    return push_option(plan, option->name, argv_number(number)) ? PLATOON_OK : no_memory(err);
}

/* "A,B,C" grows by ",D". Takes `path`. */
static bool append_path(char **list, char *path)
{
    char *longer;
    int n = *list ? asprintf(&longer, "%s,%s", *list, path) : asprintf(&longer, "%s", path);

    free(path);
    if (n < 0)
        return false;
    free(*list);
    *list = longer;
    return true;
}

static enum platoon_status take_files_option(struct sumo_plan *plan, const struct path_rules *rules,
                                             const char *name, const platoon_value *value,
                                             struct platoon_err *err)
{
    enum platoon_kind kind = platoon_value_kind(value);
    bool is_list = kind == PLATOON_LIST || kind == PLATOON_TUPLE;
    size_t n = is_list ? platoon_len(value) : 1;
    enum platoon_status st = PLATOON_OK;
    char *files = NULL, what[64];

    if (n == 0 || n > MAX_FILES_IN_OPTION)
        return platoon_fail(err, PLATOON_EINVAL, "options.%s holds %zu files; 1 to %d are allowed",
                            name, n, MAX_FILES_IN_OPTION);
    snprintf(what, sizeof what, "options.%s", name);
    for (size_t i = 0; i < n && st == PLATOON_OK; i++) {
        char *path;

        st = path_resolve(rules, is_list ? platoon_item(value, i) : value, what, &path, err);
        if (st == PLATOON_OK && !append_path(&files, path))
            st = no_memory(err);
    }
    if (st != PLATOON_OK) {
        free(files);
        return st;
    }
    return push_option(plan, name, files) ? PLATOON_OK : no_memory(err);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len > end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_output_option(const char *name)
{
    return ends_with(name, "-output") &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0' && *name != '-';
}

static enum platoon_status take_output_option(struct sumo_plan *plan, const char *name,
                                              const platoon_value *value, struct platoon_err *err)
{
    size_t len;
    const char *file = platoon_as_str(value, &len);

    if (!file || strlen(file) != len || !path_is_plain_name(file) || !ends_with(file, ".xml"))
        return platoon_fail(err, PLATOON_EINVAL,
                            "options.%s must be a plain file name that ends in .xml (it is written "
                            "into the task's own folder), not %s%.120s%s",
                            name, file ? "\"" : "a ", file ? file : kind_of(value),
                            file ? "\"" : "");
    for (size_t i = 1; i < plan->n_options; i += 2) {
        if (strcmp(plan->options[i], file) == 0)
            return platoon_fail(err, PLATOON_EINVAL,
                                "options: %s and --%s would write the same file, %s",
                                plan->options[i - 1], name, file);
    }
    if (!push_option(plan, name, strdup(file)))
        return no_memory(err);
    if (strcmp(name, "statistic-output") == 0)
        strcpy(plan->statistic_file, file); /* a plain name fits */
    else if (strcmp(name, "summary-output") == 0)
        strcpy(plan->summary_file, file);
    else if (strcmp(name, "tripinfo-output") == 0)
        strcpy(plan->tripinfo_file, file);
    return PLATOON_OK;
}

static enum platoon_status take_option(struct sumo_plan *plan, const struct path_rules *rules,
                                       const char *name, const platoon_value *value,
                                       struct platoon_err *err)
{
    for (size_t i = 0; i < sizeof number_options / sizeof number_options[0]; i++) {
        if (strcmp(number_options[i].name, name) == 0)
            return take_number_option(plan, &number_options[i], value, err);
    }
    if (strcmp(name, "route-files") == 0 || strcmp(name, "additional-files") == 0)
        return take_files_option(plan, rules, name, value, err);
    if (is_output_option(name))
        return take_output_option(plan, name, value, err);
    return platoon_fail(err, PLATOON_EINVAL,
                        "options.%.64s is not among the options that a task may set: scale, "
                        "step-length, time-to-teleport, max-depart-delay, route-files, "
                        "additional-files, and NAME-output; put others into the .sumocfg",
                        name);
}

static enum platoon_status take_options(struct sumo_plan *plan, const struct path_rules *rules,
                                        struct platoon_err *err)
{
    const platoon_value *options = given(plan->task, "options");
    enum platoon_status st = PLATOON_OK;
    platoon_value *key, *value;

    if (options && platoon_value_kind(options) != PLATOON_DICT)
        return platoon_fail(err, PLATOON_EINVAL, "options must be a dict, not a %s",
                            kind_of(options));
    for (size_t i = 0; st == PLATOON_OK && platoon_dict_entry(options, i, &key, &value); i++) {
        const char *name = platoon_as_str(key, NULL);

        if (!name)
            return platoon_fail(err, PLATOON_EINVAL, "a key of options is a %s, not a text",
                                kind_of(key));
        st = take_option(plan, rules, name, value, err);
    }
    return st;
}

/* --- seed and times --------------------------------------------------------------------------- */

static enum platoon_status take_seed(struct sumo_plan *plan, struct platoon_err *err)
{
    const platoon_value *seed = given(plan->task, "seed");
    uint32_t bits;

    plan->knows_seed = seed || plan->configured.was_read || plan->configured.is_random;
    if (seed) {
        if (platoon_value_kind(seed) != PLATOON_INT ||
            platoon_as_int(seed, &plan->seed) != PLATOON_OK || plan->seed < 0 ||
            plan->seed > MAX_SEED)
            return platoon_fail(err, PLATOON_EINVAL, "seed must be a whole number, 0 to %d",
                                MAX_SEED);
        plan->sets_seed = true;
    } else if (plan->configured.is_random) {
        /* SUMO would take one from the clock and tell nobody. This one is reported, so the run can
         * be repeated. */
        if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits)
            return platoon_fail(err, PLATOON_EIO, "no random seed: %m");
        plan->seed = bits & MAX_SEED;
        plan->sets_seed = true;
    } else {
        plan->seed = plan->configured.has_seed ? plan->configured.seed : SUMO_DEFAULT_SEED;
    }
    return PLATOON_OK;
}

static enum platoon_status take_time(const platoon_value *task, const char *key, bool *out_given,
                                     double *out_s, struct platoon_err *err)
{
    const platoon_value *value = given(task, key);

    if (!value)
        return PLATOON_OK;
    if (!is_number(value, out_s) || *out_s < 0.0 || *out_s > MAX_TIME)
        return platoon_fail(err, PLATOON_EINVAL, "%s must be a simulated time in seconds, 0 to %g",
                            key, MAX_TIME);
    *out_given = true;
    return PLATOON_OK;
}

static enum platoon_status take_times(struct sumo_plan *plan, struct platoon_err *err)
{
    const struct config_file *c = &plan->configured;
    enum platoon_status st;

    plan->begin_s = c->has_begin ? c->begin_s : 0.0;
    plan->has_begin = c->has_begin;
    plan->end_s = c->end_s;
    plan->has_end = c->has_end;
    st = take_time(plan->task, "begin", &plan->sets_begin, &plan->begin_s, err);
    if (st == PLATOON_OK)
        st = take_time(plan->task, "end", &plan->sets_end, &plan->end_s, err);
    if (st != PLATOON_OK)
        return st;
    plan->has_begin |= plan->sets_begin;
    plan->has_end |= plan->sets_end;
    if (plan->has_end && plan->end_s <= plan->begin_s)
        return platoon_fail(err, PLATOON_EINVAL, "the end (%g s) is not after the begin (%g s)",
                            plan->end_s, plan->begin_s);
    return PLATOON_OK;
}

/* --- control ---------------------------------------------------------------------------------- */

static enum platoon_status wants_control(const platoon_value *task, bool *out,
                                         struct platoon_err *err)
{
    const platoon_value *flag = given(task, "control_bool");
    int64_t number;

    if (!flag) {
        *out = given(task, "control") != NULL;
        return PLATOON_OK;
    }
    if (platoon_value_kind(flag) == PLATOON_BOOL)
        return platoon_as_bool(flag, out);
    if (platoon_value_kind(flag) == PLATOON_INT && platoon_as_int(flag, &number) == PLATOON_OK &&
        (number == 0 || number == 1)) {
        *out = number == 1;
        return PLATOON_OK;
    }
    return platoon_fail(err, PLATOON_EINVAL, "control_bool must be True or False, not a %s",
                        kind_of(flag));
}

char *task_settings_path(const char *config)
{
    size_t len = strlen(config);
    char *path;

    if (ends_with(config, ".sumocfg"))
        len -= strlen(".sumocfg");
    return asprintf(&path, "%.*s.platoon.yaml", (int)len, config) < 0 ? NULL : path;
}

/* What `<name>.platoon.yaml` says. */
struct settings_file {
    struct yaml_doc *doc;         /* NULL: there is no such file */
    const struct yaml_node *node; /* of `control` in it; NULL: absent */
    platoon_value *control;       /* the same as a value */
    platoon_value *metrics, *measure, *stop_when;
};

static void settings_file_release(struct settings_file *f)
{
    platoon_value_unref(f->control);
    platoon_value_unref(f->metrics);
    platoon_value_unref(f->measure);
    platoon_value_unref(f->stop_when);
    yaml_free(f->doc);
}

/* The value of a key; NULL if it is absent. False when out of memory. */
static bool settings_file_take(const struct settings_file *f, const char *key, platoon_value **out)
{
    const struct yaml_node *node = yaml_get(f->doc->root, key, NULL);

    return !node || (*out = yaml_value(node));
}

static enum platoon_status settings_file_read(struct settings_file *f, const char *path,
                                              struct platoon_err *err)
{
    static const char *const known[] = {"control", "measure", "metrics", "stop_when"};
    enum platoon_status st;

    if (access(path, F_OK) < 0 && errno == ENOENT)
        return PLATOON_OK;
    if ((st = yaml_read_file(path, &f->doc, err)) != PLATOON_OK ||
        (st = yaml_only_keys(f->doc, f->doc->root, known, sizeof known / sizeof known[0], err)) !=
            PLATOON_OK)
        return st;
    f->node = yaml_get(f->doc->root, "control", NULL);
    if (!settings_file_take(f, "control", &f->control) ||
        !settings_file_take(f, "metrics", &f->metrics) ||
        !settings_file_take(f, "measure", &f->measure) ||
        !settings_file_take(f, "stop_when", &f->stop_when))
        return no_memory(err);
    if (f->control && platoon_value_kind(f->control) != PLATOON_DICT)
        return yaml_fail(f->doc, f->node, err, "control must be a map, not %s",
                         yaml_describe(f->node));
    return PLATOON_OK;
}

/* The file's values, with its own line and column for a key that its controller does not have. A
 * task may choose another one: that takes what both have, above all where things stand. */
static enum platoon_status apply_settings_file(struct control_settings *s,
                                               const struct settings_file *f,
                                               struct platoon_err *err)
{
    const char *known[CONTROL_SETTINGS_MAX_KEYS];
    const struct platoon_controller *own;
    enum platoon_status st = control_settings_type(f->control, f->doc->path, &own, err);

    if (st == PLATOON_OK)
        st = yaml_only_keys(f->doc, f->node, known, control_settings_keys(own, known), err);
    return st == PLATOON_OK ? control_settings_take_shared(s, f->control, f->doc->path, err) : st;
}

static enum platoon_status apply_control(struct sumo_plan *plan, const struct settings_file *f,
                                         struct platoon_err *err)
{
    const platoon_value *from_task = given(plan->task, "control");
    bool task_chooses = !f->control || platoon_dict_get(from_task, "type");
    enum platoon_status st;

    st = control_settings_init(&plan->control, task_chooses ? from_task : f->control,
                               task_chooses ? "the task" : f->doc->path, err);
    if (st == PLATOON_OK && f->control)
        st = apply_settings_file(&plan->control, f, err);
    if (st == PLATOON_OK && from_task)
        st = control_settings_take(&plan->control, from_task, "the task", err);
    return st == PLATOON_OK ? control_settings_finish(&plan->control, err) : st;
}

static enum platoon_status take_measure(struct sumo_plan *plan, const struct settings_file *f,
                                        struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;

    if (f->doc)
        st = measure_settings_take(&plan->measure, f->metrics, f->measure, f->doc->path, err);
    if (st == PLATOON_OK)
        st = measure_settings_take(&plan->measure, given(plan->task, "metrics"),
                                   given(plan->task, "measure"), "the task", err);
    if (st == PLATOON_OK)
        st = measure_settings_finish(&plan->measure, plan->task, plan->has_end ? plan->end_s : -1.0,
                                     err);
    return st;
}

/* The task's rule, else the file's. */
static enum platoon_status take_stop_rule(struct sumo_plan *plan, const struct settings_file *f,
                                          struct platoon_err *err)
{
    const platoon_value *from_task = given(plan->task, "stop_when");
    const platoon_value *value = from_task ? from_task : f->stop_when;
    const char *text;
    char where[400];
    size_t len;

    if (!value || platoon_is_none(value))
        return PLATOON_OK;
    (void)snprintf(where, sizeof where, "%.300s: stop_when", from_task ? "the task" : f->doc->path);
    text = platoon_as_str(value, &len);
    if (!text || strlen(text) != len)
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s must be a text such as \"waiting > 2000\", not %s%s", where,
                            text ? "one with a NUL" : "a ", text ? "" : kind_of(value));
    return stop_rule_parse(text, where, &plan->stop, err);
}

/* What the task and the file beside the configuration say together. */
static enum platoon_status take_settings(struct sumo_plan *plan, struct platoon_err *err)
{
    enum platoon_status st = wants_control(plan->task, &plan->is_controlled, err);
    struct settings_file file = {NULL, NULL, NULL, NULL, NULL, NULL};
    char *path;

    if (st != PLATOON_OK)
        return st;
    if (!(path = task_settings_path(plan->config)))
        return no_memory(err);
    st = settings_file_read(&file, path, err);
    if (st == PLATOON_OK && plan->is_controlled)
        st = apply_control(plan, &file, err);
    if (st == PLATOON_OK)
        st = take_measure(plan, &file, err);
    if (st == PLATOON_OK)
        st = take_stop_rule(plan, &file, err);
    settings_file_release(&file);
    free(path);
    return st;
}

/* The files that the result is made of: named by us, unless the configuration has them written
 * already. */
static void choose_measured_files(struct sumo_plan *plan)
{
    const struct config_file *c = &plan->configured;

    strcpy(plan->statistic_file, *c->statistic_file ? c->statistic_file : "platoon-statistic.xml");
    strcpy(plan->summary_file, *c->summary_file ? c->summary_file : "platoon-summary.xml");
    strcpy(plan->tripinfo_file, *c->tripinfo_file ? c->tripinfo_file : "platoon-tripinfo.xml");
}

/* --- the whole -------------------------------------------------------------------------------- */

enum platoon_status sumo_plan_make(platoon_value *task, const struct path_rules *rules,
                                   struct sumo_plan *out, struct platoon_err *err)
{
    struct sumo_plan plan = {0};
    enum platoon_status st;

    if (platoon_value_kind(task) != PLATOON_DICT)
        return platoon_fail(err, PLATOON_EINVAL,
                            "a SUMO task is a dict such as {'filename': 'data/x.sumocfg', "
                            "'control_bool': False}, not a %s",
                            kind_of(task));
    if (!given(task, "filename"))
        return platoon_fail(
            err, PLATOON_EINVAL,
            "the task has no 'filename': the .sumocfg to run, relative to the worker's "
            "--root");
    plan.task = platoon_value_ref(task);
    st = path_resolve(rules, platoon_dict_get(task, "filename"), "filename", &plan.config, err);
    if (st != PLATOON_OK)
        goto fail;
    config_file_read(plan.config, &plan.configured);
    choose_measured_files(&plan);
    if ((st = take_seed(&plan, err)) != PLATOON_OK || (st = take_times(&plan, err)) != PLATOON_OK ||
        (st = take_options(&plan, rules, err)) != PLATOON_OK ||
        (st = take_settings(&plan, err)) != PLATOON_OK)
        goto fail;
    *out = plan;
    return PLATOON_OK;

fail:
    sumo_plan_release(&plan);
    return st;
}

void sumo_plan_release(struct sumo_plan *plan)
{
    platoon_value_unref(plan->task);
    free(plan->config);
    argv_free(plan->options);
    control_settings_release(&plan->control);
    measure_settings_release(&plan->measure);
    *plan = (struct sumo_plan){0};
}
